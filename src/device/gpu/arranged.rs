//! Samples in groups of which the same features are there: what passes go over whose parameters do without the others.

use std::collections::BTreeMap;
use std::ops::Range;

use super::context::Gpu;
use super::kernel::GROUP;
use super::samples::{Arrangement, DeviceSamples};
use crate::data::pass::pass;
use crate::data::points::Points;
use crate::data::source::{Data, block_rows, check_stop};
use crate::device::cpu::Groups;
use crate::error::Result;
use crate::model::marginal::Pattern;

/// The samples in groups, or the window through which they pass.
pub(super) struct Arranged {
    pub(super) samples: DeviceSamples,
    /// What is on the device, where all samples stay there.
    staying: Option<Vec<Alike>>,
}

/// Samples that lack the same values, and their groups on the device.
#[derive(Debug, Clone)]
pub(super) struct Alike {
    pub(super) pattern: Pattern,
    pub(super) weight: f64,
    pub(super) groups: Vec<Range<usize>>,
}

/// Visitor of samples that are on the device: takes the number of the first one, how many they are, and their patterns.
type Visit<'v> = dyn FnMut(usize, usize, &[Alike]) -> Result<()> + 'v;

/// Samples of some patterns, by the features that they lack: in an order that does not depend on how they came.
#[derive(Default)]
struct ByPattern(BTreeMap<Vec<usize>, Alike>);

impl ByPattern {
    /// Takes the groups of some samples, the first of which has a place on the device.
    fn add(&mut self, groups: &Groups, points: &Points, first_group: usize) {
        let mut at = first_group;
        for (pattern, rows) in groups.patterns() {
            let none = || Alike { pattern: pattern.clone(), weight: 0.0, groups: Vec::new() };
            let alike = self.0.entry(pattern.missing.clone()).or_insert_with(none);
            alike.weight += rows.iter().map(|row| points.weight(*row as usize)).sum::<f64>();
            let end = at + rows.len().div_ceil(GROUP);
            alike.groups.push(at..end);
            at = end;
        }
    }

    fn into_patterns(self) -> Vec<Alike> {
        self.0.into_values().collect()
    }
}

/// The samples of each group of a device.
fn places(groups: &Groups) -> Vec<&[u32]> {
    groups.patterns().flat_map(|(_, rows)| rows.chunks(GROUP)).collect()
}

impl Arranged {
    /// Samples that are on the device, or pass through it, put there in groups; all of them where there is room.
    pub(super) fn new(gpu: &Gpu, data: &dyn Data, all: &DeviceSamples, budget: Option<u64>) -> Result<Self> {
        let streamed = || Ok(Arranged { samples: all.window(gpu, budget)?, staying: None });
        if !all.stay() {
            return streamed();
        }
        // How much room they need is known when they were seen.
        let mut needed = 0;
        each_block(data, |_, _, groups| {
            needed += places(groups).len();
            Ok(())
        })?;
        let Some(samples) = all.more_room(gpu, needed, budget)? else { return streamed() };
        let (mut by_pattern, mut at) = (ByPattern::default(), 0);
        each_block(data, |first, points, groups| {
            let places = places(groups);
            samples.put(gpu, data, (points, Arrangement::InGroups(&places)), first, at)?;
            by_pattern.add(groups, points, at);
            at += places.len();
            Ok(())
        })?;
        Ok(Arranged { samples, staying: Some(by_pattern.into_patterns()) })
    }

    /// Calls `visit(first, n, patterns)` with the samples that are on the device, the first of which has a number: once with
    /// all of them, or with one part after another.
    pub(super) fn for_each_window(&self, gpu: &Gpu, data: &dyn Data, visit: &mut Visit) -> Result<()> {
        if let Some(patterns) = &self.staying {
            return visit(data.summary().first(), data.n_samples(), patterns);
        }
        let room = self.samples.groups();
        pass(data, &mut |first, chunk| {
            let (n, mut at) = (chunk.n_samples(), 0);
            let mut most = room * GROUP;
            while at < n {
                check_stop(data.stop())?;
                let points = chunk.slice(at..(at + most).min(n));
                let groups = Groups::of(&points, 0..points.n_samples());
                let places = places(&groups);
                if places.len() > room {
                    // One sample takes one group at most.
                    most = (points.n_samples() / 2).max(1);
                    continue;
                }
                self.samples.put(gpu, data, (&points, Arrangement::InGroups(&places)), first + at, 0)?;
                let mut by_pattern = ByPattern::default();
                by_pattern.add(&groups, &points, 0);
                visit(first + at, points.n_samples(), &by_pattern.into_patterns())?;
                at += points.n_samples();
            }
            Ok(())
        })
    }
}

/// Calls `visit(first, samples, groups)` with the samples of every block, the first of which has a number, and the groups
/// of those that lack the same values.
fn each_block(data: &dyn Data, mut visit: impl FnMut(usize, &Points, &Groups) -> Result<()>) -> Result<()> {
    let block = block_rows(data.n_features());
    pass(data, &mut |first, chunk| {
        let n = chunk.n_samples();
        (0..n).step_by(block).try_for_each(|at| {
            check_stop(data.stop())?;
            let points = chunk.slice(at..(at + block).min(n));
            visit(first + at, &points, &Groups::of(&points, 0..points.n_samples()))
        })
    })
}
