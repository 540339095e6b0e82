//! Cells: the samples of a block in an order in which every few are near each other, and the boxes around them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::bounds::Cell;
use super::real::Real;
use crate::data::coordinates::Coordinates;
use crate::data::order::{Places, compact};
use crate::data::points::Points;

/// Samples of a cell: few enough to lie close together, enough to be worth a list of components. Tiles of every number
/// type hold as many.
pub(super) const CELL: usize = 64;

/// Cells of a group, whose common box is looked at before theirs.
pub(super) const GROUP: usize = 16;

/// A probe orders one of so many samples; a cell of it has that share of a cell's samples.
const PROBE_STEP: usize = 16;

/// Cells of a probe that are kept.
const PROBE_CELLS: usize = 256;

/// Widening of a box around few samples to that around a cell's: n samples that are spread evenly extend over (n - 1) /
/// (n + 1) of their place.
const PROBE_WIDENING: f64 = extent(CELL) / extent(CELL / PROBE_STEP);

const fn extent(n: usize) -> f64 {
    (n - 1) as f64 / (n + 1) as f64
}

/// Boxes, one after another: the centre of each, and its half-widths.
#[derive(Debug)]
pub(crate) struct Boxes {
    d: usize,
    numbers: Vec<f64>,
}

impl Boxes {
    /// The boxes around every `length` samples of an order.
    fn around<T: Real>(points: &Points, rows: Places, order: &[u32], length: usize, coordinates: &Coordinates) -> Self {
        let d = coordinates.shift.len();
        let mut numbers = vec![0.0; order.len().div_ceil(length) * 2 * d];
        numbers.par_chunks_mut(2 * d).zip(order.par_chunks(length)).for_each(|(numbers, places)| {
            let (centre, half) = numbers.split_at_mut(d);
            for feature in 0..d {
                let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
                for place in places {
                    let row = rows.first + *place as usize * rows.step;
                    // As rounded: what kernels see is what lies in the box.
                    let x = T::from_f64(coordinates.map(feature, points.samples().value(row, feature))).to_f64();
                    (least, most) = (least.min(x), most.max(x));
                }
                set(&mut centre[feature], &mut half[feature], least, most);
            }
        });
        Boxes { d, numbers }
    }

    /// Those around every `length` samples of an order, as single precision rounds them.
    #[cfg(feature = "gpu")]
    pub(crate) fn around_single(
        points: &Points,
        rows: Places,
        order: &[u32],
        length: usize,
        coordinates: &Coordinates,
    ) -> Self {
        Self::around::<f32>(points, rows, order, length, coordinates)
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len() / (2 * self.d)
    }

    pub(crate) fn get(&self, i: usize) -> Cell<'_> {
        self.numbers[i * 2 * self.d..][..2 * self.d].split_at(self.d)
    }

    /// The box around some of them: its centre and its half-widths.
    pub(super) fn join(&self, cells: Range<usize>, to: &mut Vec<f64>) {
        let d = self.d;
        to.clear();
        to.resize(2 * d, 0.0);
        let (centres, halves) = to.split_at_mut(d);
        for feature in 0..d {
            let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
            for (centre, half) in cells.clone().map(|i| self.get(i)) {
                least = least.min(centre[feature] - half[feature]);
                most = most.max(centre[feature] + half[feature]);
            }
            set(&mut centres[feature], &mut halves[feature], least, most);
        }
    }
}

fn set(centre: &mut f64, half: &mut f64, least: f64, most: f64) {
    *centre = least + 0.5 * (most - least);
    *half = (most - *centre).max(*centre - least);
}

/// The samples of a block, in order.
#[derive(Debug)]
pub(super) struct Cells {
    /// Their places in the block, [`CELL`] by [`CELL`].
    pub(super) order: Vec<u32>,
    pub(super) boxes: Boxes,
}

impl Cells {
    /// The samples of a cell; none of one beyond the last.
    pub(super) fn samples(&self, i: usize) -> &[u32] {
        let n = self.order.len();
        &self.order[(i * CELL).min(n)..((i + 1) * CELL).min(n)]
    }

    pub(super) fn new<T: Real>(block: &Block) -> Self {
        let Block { points, rows, coordinates, scale } = block;
        let rows = Places { first: rows.start, step: 1, count: rows.len() };
        let order = compact(points, rows, scale, CELL);
        let boxes = Boxes::around::<T>(points, rows, &order, CELL, coordinates);
        Cells { order, boxes }
    }

    /// Boxes like those of some of the cells of a block, for a sixteenth of the work.
    pub(super) fn probe<T: Real>(block: &Block) -> Boxes {
        let Block { points, rows, coordinates, scale } = block;
        let rows = Places { first: rows.start, step: PROBE_STEP, count: rows.len().div_ceil(PROBE_STEP) };
        let order = compact(points, rows, scale, CELL / PROBE_STEP);
        let cells: Vec<&[u32]> = order.chunks(CELL / PROBE_STEP).collect();
        let every = cells.len().div_ceil(PROBE_CELLS);
        let some: Vec<u32> = cells.into_iter().step_by(every).flatten().copied().collect();
        let mut boxes = Boxes::around::<T>(points, rows, &some, CELL / PROBE_STEP, coordinates);
        for numbers in boxes.numbers.chunks_exact_mut(2 * boxes.d) {
            numbers[boxes.d..].iter_mut().for_each(|half| *half *= PROBE_WIDENING);
        }
        boxes
    }
}

/// The samples of a block.
pub(super) struct Block<'a, 'p> {
    pub(super) points: &'a Points<'p>,
    /// Its rows among the points.
    pub(super) rows: Range<usize>,
    pub(super) coordinates: &'a Coordinates,
    /// Scales of the features: `[D]`.
    pub(super) scale: &'a [f64],
}

/// What is known of blocks from earlier passes, by the number of their first sample.
#[derive(Debug)]
pub(super) struct Kept<V>(Mutex<HashMap<usize, Arc<V>>>);

impl<V> Default for Kept<V> {
    fn default() -> Self {
        Kept(Mutex::default())
    }
}

impl<V> Kept<V> {
    /// What is known of a block, or is found out now.
    pub(super) fn get_or(&self, first: usize, find: impl FnOnce() -> V) -> Arc<V> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known().get(&first) {
            return value.clone();
        }
        // Not under the lock: threads that help here may come to other blocks.
        let value = Arc::new(find());
        known().entry(first).or_insert(value).clone()
    }
}

/// Orders and probes of blocks.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) cells: Kept<Cells>,
    pub(super) probes: Kept<Boxes>,
}
