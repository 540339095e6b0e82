//! The order of the samples of a block in which those of a group are near each other, and the boxes around groups.

use super::kernel::GROUP;
use crate::data::coordinates::Coordinates;
use crate::data::order::{Places, compact};
use crate::data::points::Points;
use crate::data::source::Data;
use crate::device::cpu::Boxes;

/// Groups of a probe.
const PROBE_GROUPS: usize = 32;

/// The order of a block. It depends on nothing but the block, so that it does not matter where samples are.
pub(super) struct Order {
    places: Vec<u32>,
    pub(super) boxes: Boxes,
}

impl Order {
    pub(super) fn new(data: &dyn Data, block: &Points, coordinates: &Coordinates) -> Self {
        let places = places(data, block);
        let boxes = Boxes::around_single(block, all(block), &places, GROUP, coordinates);
        Order { places, boxes }
    }

    /// The places of the samples of a group.
    pub(super) fn group(&self, group: usize) -> &[u32] {
        let n = self.places.len();
        &self.places[(group * GROUP).min(n)..((group + 1) * GROUP).min(n)]
    }
}

/// The boxes around some of the groups of a block.
pub(super) fn probe(data: &dyn Data, block: &Points, coordinates: &Coordinates) -> Boxes {
    let places = places(data, block);
    let every = places.len().div_ceil(GROUP).div_ceil(PROBE_GROUPS);
    let some: Vec<u32> = places.chunks(GROUP).step_by(every).flatten().copied().collect();
    Boxes::around_single(block, all(block), &some, GROUP, coordinates)
}

fn all(block: &Points) -> Places {
    Places { first: 0, step: 1, count: block.n_samples() }
}

fn places(data: &dyn Data, block: &Points) -> Vec<u32> {
    compact(block, all(block), data.summary().scale().as_slice().unwrap_or_default(), GROUP)
}
