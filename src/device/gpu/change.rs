//! Changes of the shape of passes, which tuning tries.

use std::fmt::{self, Display};
use std::mem::discriminant;

use super::e_step::{Factors, Layout};
use super::m_step::Sums;
use super::tuning::{LARGE_TILE, SMALL_TILE};
use crate::device::tune::Tune;
use crate::model::statistics::Statistics;

/// A change of the shape of passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Parameters that fit into a uniform binding are read from storage, or not.
    Storage(bool),
    /// Components whose sums an invocation of the M step holds.
    AtOnce(usize),
    /// Most features of which the M step takes all second moments at once.
    WholeMoments(usize),
    /// The M step takes samples into the memory of workgroups, or not.
    Staged(bool),
    /// Most components that the E step handles at a time where factors are diagonal.
    Densities(usize),
    /// Most features that the E step takes at once with their whole factor.
    WholeFactor(usize),
    /// Bytes of a tile.
    Tile(usize),
}

/// Components at once, in the steps of the loops that the kernels write out.
const COUNTS: [usize; 5] = [1, 2, 4, 8, 16];

/// Most numbers that an invocation of the M step may hold, as a multiple of those that registers have room for: far more
/// are slow, and take a driver minutes to compile.
const MOST_HELD: usize = 2;

/// Most features whose whole factor, or all of whose second moments, are worth a try.
const MOST_WHOLE_FACTOR: usize = 32;
const MOST_WHOLE_MOMENTS: usize = 20;

impl Change {
    /// The changes that make another layout of this one; those of [`Tune::Auto`] leave every sum in its order.
    pub(crate) fn all(layout: &Layout, tune: Tune) -> Vec<Change> {
        let tuning = layout.tuning;
        let fits = |at_once: &usize| layout.sums.registers_of(*at_once) <= MOST_HELD * tuning.registers;
        let at_once: Vec<Change> = COUNTS.into_iter().filter(fits).map(Change::AtOnce).collect();
        // Components that are summed together share the second moments of a pooled covariance.
        let is_pooled = layout.sums.statistics == Statistics::Pooled;
        let in_order =
            at_once.clone().into_iter().filter(|_| !is_pooled).chain([Change::Storage(!tuning.prefers_storage)]);
        let is_dense = layout.sums.statistics != Statistics::Diagonals;
        let whole = |held: usize| if layout.d <= held { 0 } else { layout.d };
        let reordering = [
            (is_dense && layout.d <= MOST_WHOLE_MOMENTS).then(|| Change::WholeMoments(whole(tuning.whole_moments))),
            is_dense.then_some(Change::Staged(!tuning.stages_samples)),
            (layout.factors == Factors::Triangular && layout.d <= MOST_WHOLE_FACTOR)
                .then(|| Change::WholeFactor(whole(tuning.whole_factor))),
            Some(Change::Tile(if tuning.tile_bytes == LARGE_TILE { SMALL_TILE } else { LARGE_TILE })),
        ];
        let densities = COUNTS.into_iter().filter(|_| layout.factors == Factors::Diagonal).map(Change::Densities);
        let mut changes: Vec<Change> = match tune {
            Tune::Off => Vec::new(),
            Tune::Auto => in_order.collect(),
            Tune::Full => {
                let pooled = at_once.into_iter().filter(|_| is_pooled);
                reordering.into_iter().flatten().chain(densities).chain(pooled).chain(in_order).collect()
            }
        };
        let mut layouts = vec![*layout];
        changes.retain(|change| {
            let changed = change.of(layout);
            let is_new = layouts.iter().all(|layout| !layout.makes_the_same_passes(&changed));
            layouts.push(changed);
            is_new
        });
        changes
    }

    /// The layout, changed.
    pub(crate) fn of(&self, layout: &Layout) -> Layout {
        let mut tuning = layout.tuning;
        match *self {
            Change::Storage(prefers_storage) => tuning.prefers_storage = prefers_storage,
            Change::AtOnce(at_once) => {
                tuning.registers = layout.sums.registers_of(at_once);
                // As many ranges as before, so that sums keep their order.
                let changed = Sums::new(layout.sums.statistics, layout.d, layout.k, tuning);
                tuning.m_workgroups = tuning.m_workgroups / layout.sums.workgroups() * changed.workgroups();
            }
            Change::WholeMoments(most) => tuning.whole_moments = most,
            Change::Staged(stages_samples) => tuning.stages_samples = stages_samples,
            Change::Densities(at_once) => tuning.densities = at_once,
            Change::WholeFactor(most) => tuning.whole_factor = most,
            Change::Tile(bytes) => tuning.tile_bytes = bytes,
        }
        Layout::new(layout.factors, layout.sums.statistics, layout.d, layout.k, tuning)
    }

    /// The layout after some changes, one after another.
    pub(crate) fn all_of(changes: &[Change], layout: &Layout) -> Layout {
        changes.iter().fold(*layout, |layout, change| change.of(&layout))
    }

    /// Adds a change to others, in the place of one of its kind.
    pub(crate) fn join(self, changes: &mut Vec<Change>) {
        changes.retain(|change| discriminant(change) != discriminant(&self));
        changes.push(self);
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Change::Storage(true) => write!(f, "parameters in storage"),
            Change::Storage(false) => write!(f, "parameters in uniform memory"),
            Change::AtOnce(at_once) => write!(f, "sums of up to {at_once} components at once"),
            Change::WholeMoments(0) => write!(f, "second moments in blocks"),
            Change::WholeMoments(_) => write!(f, "all second moments at once"),
            Change::Staged(true) => write!(f, "samples of the M step in workgroup memory"),
            Change::Staged(false) => write!(f, "samples of the M step in registers"),
            Change::Densities(at_once) => write!(f, "densities of up to {at_once} components at once"),
            Change::WholeFactor(0) => write!(f, "factors in blocks"),
            Change::WholeFactor(_) => write!(f, "whole factors"),
            Change::Tile(bytes) => write!(f, "tiles of {} MiB", bytes >> 20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tuning::Tuning;
    use super::*;

    fn layouts() -> Vec<Layout> {
        let mut layouts = Vec::new();
        for (factors, statistics) in [
            (Factors::Triangular, Statistics::Triangles),
            (Factors::Triangular, Statistics::Pooled),
            (Factors::Diagonal, Statistics::Diagonals),
        ] {
            for tuning in Tuning::ALL {
                for (d, k) in [(1, 3), (5, 16), (16, 16), (16, 256), (33, 64), (64, 1024)] {
                    layouts.push(Layout::new(factors, statistics, d, k, tuning));
                }
            }
        }
        layouts
    }

    #[test]
    fn every_change_makes_other_passes_and_has_a_name_of_its_own() {
        for layout in layouts() {
            for tune in Tune::ALL {
                let changes = Change::all(&layout, tune);
                let mut names: Vec<String> = changes.iter().map(Change::to_string).collect();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), changes.len(), "{names:?}");
                assert!(changes.iter().all(|change| !change.of(&layout).makes_the_same_passes(&layout)), "{layout:?}");
                assert!(changes.len() <= 12, "{changes:?}");
            }
            assert_eq!(Change::all(&layout, Tune::Off), []);
            assert!(Change::all(&layout, Tune::Full).len() > Change::all(&layout, Tune::Auto).len());
        }
        // Parameters that no uniform binding holds are in storage already.
        let large = Layout::new(Factors::Triangular, Statistics::Triangles, 64, 1024, Tuning::NVIDIA);
        assert!(!Change::all(&large, Tune::Full).contains(&Change::Storage(true)));
    }

    #[test]
    fn changes_in_order_leave_the_number_of_ranges() {
        for layout in layouts() {
            for change in Change::all(&layout, Tune::Auto) {
                let ranges = |layout: &Layout| layout.tuning.m_workgroups / layout.sums.workgroups();
                assert_eq!(ranges(&change.of(&layout)), ranges(&layout), "{change}");
            }
        }
    }

    #[test]
    fn a_change_takes_the_place_of_one_of_its_kind() {
        let mut changes = vec![Change::AtOnce(2), Change::Storage(true)];
        Change::AtOnce(4).join(&mut changes);
        assert_eq!(changes, [Change::Storage(true), Change::AtOnce(4)]);
        let layout = layouts()[1];
        let twice = Change::all_of(&[Change::AtOnce(1), Change::AtOnce(2)], &layout);
        assert_eq!(twice, Change::AtOnce(2).of(&layout));
    }
}
