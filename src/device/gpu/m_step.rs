//! The sums of the M step: which of them an invocation holds, and how they lie in buffers.
//!
//! A set of sums is a vector, of which totals have the log-likelihood in the first place (the reduction puts it there), and
//! then the parts of each component, each padded to whole vectors. A part
//! belongs to a block of features, or, for dense covariances of many features, to a block of rows and one of columns:
//! its numbers are the count, the first moments of its rows, and its second moments. Pooled second moments are in the
//! first part of those that share them, with their own count after them. Where values may be missing of samples, second
//! moments are squares, and each feature's own count is after them.

use super::kernel::{ADD_UP_LANES, Binding, KernelSource, LANES};
use super::marks::{counting, meeting};
use super::straight_line::{self, Held};
use super::tuning::Tuning;
use crate::data::coordinates::Coordinates;
use crate::model::quadratics::Quadratics;
use crate::model::statistics::Statistics;

/// Numbers of a vector.
const VECTOR: usize = 4;

/// Most components whose parts an invocation holds.
const MOST_AT_ONCE: usize = 16;

/// Groups over which an invocation sums, at most: about a thousand terms are added in a register.
pub(crate) const MOST_RANGE_GROUPS: usize = 250;

/// Groups of a range that are worth the cost of adding up the lanes of a workgroup.
const LEAST_RANGE_GROUPS: usize = 16;

/// Lanes of a workgroup of which each owns a part of the sums, and the bytes that they share: several such workgroups run
/// side by side.
const OUTPUTS: usize = 128;
const STAGED_BYTES: usize = 12 << 10;

/// Groups of a range, where a lane sums over all of its samples: two thousand terms are added in a register.
const MOST_STAGED_GROUPS: usize = 8;

/// Where each lane hands over a set of its own, a set has at most so many numbers.
const MOST_OF_A_LANE: usize = 1 << 14;

/// Covariances beyond this, in units of the features' spreads, are not taken off second moments.
const MOST_EXPECTED: f64 = 1e12;

/// The sums for models of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sums {
    pub(super) statistics: Statistics,
    d: usize,
    k: usize,
    /// Features of a block, and blocks of all features.
    block: usize,
    blocks: usize,
    /// Components whose parts an invocation holds.
    at_once: usize,
    /// Sets of a range: one, or one of each lane.
    pub(crate) sets: usize,
    /// Whether a lane owns one part of the sums, and workgroups take the samples into their memory.
    pub(crate) is_staged: bool,
    /// Whether components meet only the groups of samples to which they can matter.
    prunes: bool,
    /// Whether samples count for the features that they have alone.
    is_masked: bool,
}

impl Sums {
    pub(crate) fn new(statistics: Statistics, d: usize, k: usize, tuning: Tuning) -> Self {
        Self::of_gaps(statistics, d, k, tuning, false)
    }

    /// The sums of squares over samples of which values may be missing.
    pub(crate) fn masked(d: usize, k: usize, tuning: Tuning) -> Self {
        Self::of_gaps(Statistics::Diagonals, d, k, tuning, true)
    }

    fn of_gaps(statistics: Statistics, d: usize, k: usize, tuning: Tuning, is_masked: bool) -> Self {
        let most = match statistics {
            Statistics::Diagonals => tuning.squares,
            _ if d <= tuning.whole_moments => tuning.whole_moments,
            _ => tuning.block_moments,
        };
        let blocks = d.div_ceil(most);
        let (block, is_staged, prunes) = (d.div_ceil(blocks), false, false);
        let mut sums = Sums { statistics, d, k, block, blocks, at_once: 1, sets: 1, is_staged, prunes, is_masked };
        if tuning.stages_samples && sums.has_columns() && sums.staged_vectors() > 0 {
            sums.is_staged = true;
            return sums;
        }
        let fits = |at_once: &usize| Sums { at_once: *at_once, ..sums }.registers() <= tuning.registers;
        let most = (1..=MOST_AT_ONCE).rev().find(fits).unwrap_or(1);
        // As many in each batch.
        sums.at_once = k.div_ceil(k.div_ceil(most));
        if !tuning.adds_lanes && sums.numbers() <= MOST_OF_A_LANE {
            sums.sets = LANES;
        }
        sums
    }

    /// The sums of pruned passes.
    pub(crate) fn pruned(self) -> Self {
        Sums { prunes: true, ..self }
    }

    /// First row and first column of each part of a component.
    fn parts(&self) -> Vec<(usize, usize)> {
        let columns = |row| if self.statistics == Statistics::Diagonals { row..row + 1 } else { 0..row + 1 };
        let blocks = (0..self.blocks).flat_map(|row| columns(row).map(move |column| (row, column)));
        blocks.map(|(row, column)| (row * self.block, column * self.block)).collect()
    }

    fn n_parts(&self) -> usize {
        match self.statistics {
            Statistics::Triangles | Statistics::Pooled => self.blocks * (self.blocks + 1) / 2,
            Statistics::Diagonals => self.blocks,
        }
    }

    /// Whether a part's columns are others than its rows.
    fn has_columns(&self) -> bool {
        self.statistics != Statistics::Diagonals && self.blocks > 1
    }

    /// Columns of a part that are not its rows.
    fn columns(&self) -> usize {
        if self.has_columns() { self.block } else { 0 }
    }

    /// Rows and columns of a part.
    fn features(&self) -> usize {
        self.block + self.columns()
    }

    /// Row and column of each second moment of a part.
    fn products(&self) -> Vec<(usize, usize)> {
        let columns = |i| match self.statistics {
            Statistics::Triangles | Statistics::Pooled if self.has_columns() => 0..self.block,
            Statistics::Triangles | Statistics::Pooled => 0..i + 1,
            Statistics::Diagonals => i..i + 1,
        };
        (0..self.block).flat_map(|i| columns(i).map(move |j| (i, j))).collect()
    }

    /// Second moments of a part.
    fn n_products(&self) -> usize {
        match self.statistics {
            Statistics::Triangles | Statistics::Pooled if self.has_columns() => self.block * self.block,
            Statistics::Triangles | Statistics::Pooled => self.block * (self.block + 1) / 2,
            Statistics::Diagonals => self.block,
        }
    }

    /// Numbers of a part.
    fn part_numbers(&self) -> usize {
        let pooled_count = usize::from(self.statistics == Statistics::Pooled);
        let of_features = if self.is_masked { self.block } else { 0 };
        (1 + self.block + self.n_products() + pooled_count + of_features).next_multiple_of(VECTOR)
    }

    /// Sums of a lane: the second moments of all components in the place of the first one's, if they are pooled.
    fn held(&self) -> Held {
        let first = self.part_numbers();
        let other =
            if self.statistics == Statistics::Pooled { (1 + self.block).next_multiple_of(VECTOR) } else { first };
        Held { at_once: self.at_once, first, other }
    }

    /// Numbers alive while an invocation sums: what it holds, means, log-densities, four samples, and, where products are
    /// between features, the samples' distances from a mean, which take the place of the samples if there is but one; and
    /// which values are there.
    fn registers(&self) -> usize {
        let samples = match self.statistics {
            Statistics::Diagonals if self.is_masked => 8,
            Statistics::Diagonals => 4,
            _ if self.at_once == 1 => 4,
            _ => 8,
        };
        self.held().len() + (self.at_once + samples) * self.features() + 4 * self.at_once
    }

    /// Registers with which an invocation holds so many components, and no more.
    pub(crate) fn registers_of(&self, at_once: usize) -> usize {
        Sums { at_once, ..*self }.registers()
    }

    /// Numbers of a component.
    fn component_numbers(&self) -> usize {
        self.n_parts() * self.part_numbers()
    }

    /// Numbers of a set.
    pub(crate) fn numbers(&self) -> usize {
        VECTOR + self.k * self.component_numbers()
    }

    /// Workgroups that add up the sums of a tile.
    pub(crate) fn reductions(&self) -> usize {
        1 + (self.numbers() - VECTOR).div_ceil(LANES)
    }

    /// Workgroups that sum one range.
    pub(crate) fn workgroups(&self) -> usize {
        match self.is_staged {
            true => (self.k * self.n_parts()).div_ceil(OUTPUTS),
            false => self.k.div_ceil(self.at_once) * self.n_parts(),
        }
    }

    /// Groups of a range, at most.
    pub(crate) fn most_range_groups(&self) -> usize {
        if self.is_staged { MOST_STAGED_GROUPS } else { MOST_RANGE_GROUPS }
    }

    /// Groups of a range that are worth what each range costs.
    pub(crate) fn least_range_groups(&self) -> usize {
        if self.is_staged { MOST_STAGED_GROUPS } else { LEAST_RANGE_GROUPS }
    }

    /// Components of which a workgroup has parts, where a lane owns one, at most.
    fn staged_components(&self) -> usize {
        ((OUTPUTS - 2) / self.n_parts() + 2).min(self.k)
    }

    /// Vectors of samples that a workgroup takes into its memory at a time; none where not even two fit.
    fn staged_vectors(&self) -> usize {
        let bytes = |vectors: &usize| {
            let rows = self.blocks * self.block + self.staged_components();
            (rows * (vectors + 1) + self.blocks) * VECTOR * size_of::<f32>()
        };
        [16, 8, 4, 2].into_iter().find(|vectors| bytes(vectors) <= STAGED_BYTES).unwrap_or(0)
    }

    /// The M step's kernel.
    pub(crate) fn moments(&self) -> KernelSource {
        let part = straight_line::Part {
            rows: self.block,
            columns: self.columns(),
            padded: self.block * self.blocks > self.d,
            products: self.products(),
            pooled: self.statistics == Statistics::Pooled,
            is_masked: self.is_masked,
            held: self.held(),
        };
        let constants = format!(
            "const DIM: u32 = {}u;\nconst BLOCK: u32 = {}u;\nconst PARTS: u32 = {}u;\nconst MEANS: u32 = {}u;\n\
             const SQUARES: bool = {};\n",
            self.d,
            self.block,
            self.n_parts(),
            self.at_once * self.features(),
            self.statistics == Statistics::Diagonals,
        ) + include_str!("../../../shaders/start_of.wgsl");
        let mut bindings = vec![Binding::Uniform];
        bindings.extend([Binding::Read; 5]);
        bindings.push(Binding::Write);
        if self.is_staged {
            let staged = format!(
                "const BLOCKS: u32 = {}u;\nconst VECTORS: u32 = {}u;\nconst COMPONENTS: u32 = {}u;\n{}",
                self.blocks,
                self.staged_vectors(),
                self.staged_components(),
                self.places("vec4<f32>", part.held),
            );
            return KernelSource {
                stage: "moments_staged",
                body: include_str!("../../../shaders/moments_staged.wgsl"),
                header: constants + &staged + &straight_line::staged_moments(&part),
                bindings,
            };
        }
        let meeting = meeting(self.prunes, self.k, &mut bindings);
        KernelSource {
            stage: "moments",
            body: include_str!("../../../shaders/moments.wgsl"),
            header: constants + &straight_line::moments(&part) + &self.hand_over(self.held()) + &meeting,
            bindings,
        }
    }

    /// The reduction's kernel.
    pub(crate) fn reduce(&self) -> KernelSource {
        let constants = format!(
            "const SETS: u32 = {}u;\nconst VECTOR: u32 = {VECTOR}u;\nconst NUMBERS: u32 = {}u;\nconst SECOND: u32 = {}u;\n\
             const PRODUCTS: u32 = {}u;\nconst COUNT: u32 = {}u;\nconst COMPONENT: u32 = {}u;\nconst POOLED: u32 = {}u;\n\
             const BY_FEATURE: bool = {};\n",
            self.sets,
            self.part_numbers(),
            1 + self.block,
            self.n_products(),
            if self.statistics == Statistics::Pooled { 1 + self.block + self.n_products() } else { 0 },
            self.component_numbers(),
            if self.statistics == Statistics::Pooled { self.at_once } else { 1 },
            self.is_masked,
        );
        let mut bindings = vec![Binding::Uniform, Binding::Read, Binding::Read, Binding::Write, Binding::Read];
        let counting = counting(self.prunes, &mut bindings);
        KernelSource {
            stage: "reduce",
            body: include_str!("../../../shaders/reduce.wgsl"),
            header: constants + ADD_UP_LANES + &counting,
            bindings,
        }
    }

    /// The sums, and the function `hand_over`.
    fn hand_over(&self, held: Held) -> String {
        let (element, functions) = match self.sets {
            1 => ("f32", straight_line::share_round(held) + include_str!("../../../shaders/add_lanes.wgsl")),
            _ => ("vec4<f32>", straight_line::hand_over(held)),
        };
        self.places(element, held) + &functions
    }

    /// The sums, and where what a lane holds has its places among them.
    fn places(&self, element: &str, held: Held) -> String {
        format!(
            "const AT_ONCE: u32 = {}u;\nconst HELD: u32 = {}u;\nconst NUMBERS: u32 = {}u;\nconst OTHER: u32 = {}u;\n\
             const COMPONENT: u32 = {}u;\n\
             @group(0) @binding(6) var<storage, read_write> sums: array<{element}>;\n",
            held.at_once,
            held.len(),
            held.first,
            held.other,
            self.component_numbers(),
        )
    }

    /// Bytes of [`Sums::means`].
    pub(crate) fn mean_bytes(&self) -> u64 {
        (self.k * self.n_parts() * self.features().next_multiple_of(VECTOR) * size_of::<f32>()) as u64
    }

    /// Means of the rows and columns of all parts of all components, out of means `[K, D]`.
    pub(crate) fn means(&self, means: &[f32]) -> Vec<f32> {
        let mut arranged = Vec::with_capacity(self.mean_bytes() as usize / size_of::<f32>());
        for means in means.chunks_exact(self.d) {
            for (row, column) in self.parts() {
                let features = (row..row + self.block).chain((column..column + self.block).take(self.columns()));
                // Past the last feature the kernel reads the last one again.
                arranged.extend(features.map(|i| means[i.min(self.d - 1)]));
                arranged.resize(arranged.len().next_multiple_of(VECTOR), 0.0);
            }
        }
        arranged
    }

    /// Bytes of [`Sums::covariances`].
    pub(crate) fn covariance_bytes(&self) -> u64 {
        (self.k * self.n_parts() * self.n_products() * size_of::<f32>()) as u64
    }

    /// Covariances in device coordinates, as the device rounds them, in the order of the second moments of all parts of
    /// all components.
    pub(crate) fn covariances(&self, model: &Quadratics, coordinates: &Coordinates) -> Vec<f32> {
        let (parts, products) = (self.parts(), self.products());
        let scaled = |k: usize, i: usize, j: usize| {
            if i.max(j) >= self.d {
                return 0.0;
            }
            let entry = model.covariances().entry(k, i, j) * coordinates.scale[i] * coordinates.scale[j];
            // A floor may be far larger than the spread of the samples: then it says nothing of what to expect.
            if entry.abs() <= MOST_EXPECTED { entry as f32 } else { 0.0 }
        };
        let mut covariances = Vec::with_capacity(self.k * parts.len() * products.len());
        for k in 0..self.k {
            for (row, column) in &parts {
                covariances.extend(products.iter().map(|(i, j)| scaled(k, row + i, column + j)));
            }
        }
        covariances
    }

    /// One component's sums out of a set of them. `covariances` are those that the device took off.
    pub(crate) fn component<'s>(&self, set: &'s [f64], covariances: &'s [f32], k: usize) -> ComponentSums<'s> {
        let (numbers, seconds) = (self.component_numbers(), self.n_parts() * self.n_products());
        ComponentSums {
            sums: *self,
            numbers: &set[VECTOR + k * numbers..VECTOR + (k + 1) * numbers],
            covariances: &covariances[k * seconds..(k + 1) * seconds],
        }
    }
}

/// One component's sums, in device coordinates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComponentSums<'s> {
    sums: Sums,
    numbers: &'s [f64],
    covariances: &'s [f32],
}

impl ComponentSums<'_> {
    pub(crate) fn count(&self) -> f64 {
        self.numbers[0]
    }

    pub(crate) fn first(&self, i: usize) -> f64 {
        let block = self.sums.block;
        self.numbers[self.part(i / block, 0) * self.sums.part_numbers() + 1 + i % block]
    }

    /// Entry (i, j) of the second moments, j <= i; zero off the diagonal of the diagonal shape. Of the pooled shape,
    /// only their sums over all components mean something.
    pub(crate) fn second(&self, i: usize, j: usize) -> f64 {
        let (block, numbers) = (self.sums.block, self.sums.part_numbers());
        let (row, column) = (i % block, j % block);
        let at = match self.sums.statistics {
            Statistics::Triangles | Statistics::Pooled if self.sums.has_columns() => row * block + column,
            Statistics::Triangles | Statistics::Pooled => row * (row + 1) / 2 + column,
            Statistics::Diagonals if i == j => row,
            Statistics::Diagonals => return 0.0,
        };
        let part = self.part(i / block, j / block);
        let expected = self.covariances[part * self.sums.n_products() + at];
        let count = if self.sums.is_masked { self.of_feature(i) } else { self.count() };
        self.numbers[part * numbers + 1 + block + at] + count * f64::from(expected)
    }

    /// Weight of the samples that have a feature, where that was summed.
    pub(crate) fn of_feature(&self, i: usize) -> f64 {
        let block = self.sums.block;
        let behind_seconds = 1 + block + self.sums.n_products();
        self.numbers[self.part(i / block, 0) * self.sums.part_numbers() + behind_seconds + i % block]
    }

    /// The part of a block of rows and one of columns.
    fn part(&self, row: usize, column: usize) -> usize {
        match self.sums.statistics {
            Statistics::Triangles | Statistics::Pooled => row * (row + 1) / 2 + column,
            Statistics::Diagonals => row,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_moments_are_as_many_as_are_listed() {
        for statistics in [Statistics::Triangles, Statistics::Pooled, Statistics::Diagonals] {
            for (d, tuning) in (1..40).flat_map(|d| Tuning::ALL.map(|tuning| (d, tuning))) {
                let sums = Sums::new(statistics, d, 3, tuning);
                assert_eq!(sums.n_products(), sums.products().len(), "{sums:?}");
            }
        }
    }
}
