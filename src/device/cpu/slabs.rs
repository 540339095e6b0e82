//! A pass over all samples, in blocks of slabs of tiles, on all threads.
//!
//! The bounds of blocks and slabs depend on the number of samples and features only, and sums are added up along a
//! fixed tree, so that the result depends neither on the number of threads nor on the chunks that the samples come in.
//! The memory of a pass serves the next of its shape.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::assign::{AddAssigned, Assign};
use super::cells::{CELL, GROUP};
use super::e_step::LogDensities;
use super::instructions::Instructions;
use super::m_step::AddTile;
use super::parameters::Parameters;
use super::posterior::Respond;
use super::pruning::Pruning;
use super::real::Real;
use super::scratch::Scratch;
use super::tile::Tile;
use crate::data::coordinates::Coordinates;
use crate::data::points::Points;
use crate::data::runs::{Add, Runs, first_run};
use crate::data::source::{Data, block_rows, check_stop};
use crate::device::numbers::{Numbers, Shape};
use crate::device::task::Assignment;
use crate::error::Result;
use ndarray::ArrayViewMut2;

/// Samples of a slab; fewer where a block would not have [`LEAST_SLABS`] slabs.
const SLAB: usize = 8192;
const LEAST_SLABS: usize = 32;

/// Where the responsibilities of a pass come from.
pub(super) enum Source<'a, T> {
    /// The posterior of a model: the E step.
    Model(&'a Parameters<T>, Assignment),
    /// Every sample belongs to the only component.
    All,
    /// `fill(rows, r)` makes them up: r is [K, n] for the n given rows, and each sample's must sum to 1.
    Given(&'a Fill<'a>),
}

pub(super) type Fill<'a> = dyn Fn(Range<usize>, &mut ArrayViewMut2<f64>) + Sync + 'a;

/// Samples of a pass.
#[derive(Clone, Copy)]
pub(super) struct Run<'a, T> {
    pub(super) data: &'a dyn Data,
    pub(super) coordinates: &'a Coordinates,
    pub(super) source: &'a Source<'a, T>,
    /// Origins of the sums: `[K, D]`; empty where only the log-likelihood is wanted.
    pub(super) means: &'a [T],
    /// Whether, and how, components are left out.
    pub(super) pruning: Option<&'a Pruning<'a, T>>,
}

/// Memory for passes of one shape, kept from one pass to the next.
#[derive(Debug)]
pub(super) struct Pass<T> {
    pub(super) shape: Shape,
    pub(super) arch: Instructions,
    scratch: Mutex<Vec<Scratch<T>>>,
    sums: Mutex<Vec<Numbers>>,
}

impl<T: Real> Pass<T> {
    pub(super) fn new(shape: Shape, arch: Instructions) -> Self {
        Pass { shape, arch, scratch: Mutex::default(), sums: Mutex::default() }
    }

    /// Adds the sums over a chunk that begins with the given sample.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted): sums of a part are nobody's.
    pub(super) fn add(&self, run: &Run<T>, first: usize, chunk: &Points, runs: &mut Runs<Numbers>) -> Result<()> {
        let sums = self.runs(run, first, chunk, 0..chunk.n_samples().div_ceil(block_rows(self.shape.d)));
        check_stop(run.data.stop())?;
        for (start, blocks, sums) in sums {
            runs.push(start, blocks, sums, |sums| self.recycle(sums));
        }
        Ok(())
    }

    /// Sums over the runs of some blocks of a chunk, each with its first sample and its number of blocks.
    fn runs(&self, run: &Run<T>, first: usize, chunk: &Points, blocks: Range<usize>) -> Vec<(usize, usize, Numbers)> {
        let rows = block_rows(self.shape.d);
        let start = first + blocks.start * rows;
        let length = first_run(start, rows, blocks.len());
        let sums = |blocks| self.add_up(blocks, &|i| self.block(run, first, chunk, i));
        if length == blocks.len() {
            return vec![(start, length, sums(blocks))];
        }
        let middle = blocks.start + length;
        let (sums, mut more) =
            rayon::join(|| sums(blocks.start..middle), || self.runs(run, first, chunk, middle..blocks.end));
        more.insert(0, (start, length, sums));
        more
    }

    /// Sums over a block of a chunk that begins with the given sample.
    fn block(&self, run: &Run<T>, first: usize, chunk: &Points, index: usize) -> Numbers {
        let rows = block_rows(self.shape.d);
        let block = index * rows..((index + 1) * rows).min(chunk.n_samples());
        let cells = run.pruning.and_then(|pruning| Some((pruning, pruning.cells(first, chunk, block.clone())?)));
        let capacity = if cells.is_some() { GROUP * CELL } else { Tile::<T>::capacity(self.shape.d) };
        let slab_rows = block.len().div_ceil(LEAST_SLABS).clamp(capacity, SLAB.max(capacity)) / capacity * capacity;
        let slab = |i: usize| {
            let mut scratch = lock(&self.scratch).pop().unwrap_or_else(|| self.scratch());
            let mut sums = lock(&self.sums).pop().unwrap_or_else(|| Numbers::zero(self.shape));
            sums.clear();
            let end = (block.start + (i + 1) * slab_rows).min(block.end);
            if let Some((pruning, cells)) = &cells {
                let range = i * slab_rows / CELL..(end - block.start).div_ceil(CELL);
                let (shape, block, stop) = (self.shape, (chunk, block.start), run.data.stop());
                let shape = if run.means.is_empty() { None } else { Some(shape) };
                pruning.add((cells, range), block, stop, shape, &mut sums, &mut scratch);
            } else {
                for start in (block.start + i * slab_rows..end).step_by(capacity) {
                    if run.data.stop().load(Ordering::Relaxed) {
                        break;
                    }
                    let rows = start..(start + capacity).min(end);
                    self.add_tile(run, first, chunk, rows, &mut sums, &mut scratch);
                }
            }
            lock(&self.scratch).push(scratch);
            sums
        };
        self.add_up(0..block.len().div_ceil(slab_rows), &slab)
    }

    /// Gives sums back for the next pass.
    pub(super) fn recycle(&self, sums: Numbers) {
        lock(&self.sums).push(sums);
    }

    /// The sums of some parts, split in two until they are single.
    fn add_up(&self, parts: Range<usize>, part: &(impl Fn(usize) -> Numbers + Sync)) -> Numbers {
        if parts.len() == 1 {
            return part(parts.start);
        }
        let middle = parts.start + parts.len() / 2;
        let (mut total, right) =
            rayon::join(|| self.add_up(parts.start..middle, part), || self.add_up(middle..parts.end, part));
        total.add(&right);
        self.recycle(right);
        total
    }

    fn scratch(&self) -> Scratch<T> {
        Scratch::new(self.arch, self.shape.k, self.shape.d)
    }

    fn add_tile(
        &self,
        run: &Run<T>,
        first: usize,
        chunk: &Points,
        rows: Range<usize>,
        sums: &mut Numbers,
        scratch: &mut Scratch<T>,
    ) {
        let Run { coordinates, source, means, .. } = *run;
        let shape = self.shape;
        let Scratch { tile, posterior, weighted, sample, .. } = scratch;
        sums.pairs += (rows.len() * shape.k) as f64;
        tile.load(self.arch, chunk, rows.clone().into(), coordinates);
        match source {
            Source::Model(parameters, assignment) => {
                self.arch.dispatch(LogDensities { parameters, tile, posterior });
                if *assignment == Assignment::Hard {
                    sums.log_likelihood += self.arch.dispatch(Assign { posterior, tile });
                    if !means.is_empty() {
                        let (labels, sums) = (&posterior.labels, sums.numbers_mut());
                        self.arch.dispatch(AddAssigned { shape, components: None, labels, tile, means, sample, sums });
                    }
                    return;
                }
                sums.log_likelihood += self.arch.dispatch(Respond { posterior, tile, cut: T::LEAST_EXPONENT });
            }
            Source::All => posterior.r.row_mut(0).copy_from_slice(tile.weights.row(0)),
            Source::Given(fill) => {
                let mut r = ndarray::Array2::zeros((shape.k, rows.len()));
                fill(first + rows.start..first + rows.end, &mut r.view_mut());
                for (to, from) in posterior.r.iter_mut().zip(r.rows()) {
                    to[from.len()..].fill(T::default());
                    for ((to, from), weight) in to.iter_mut().zip(from).zip(tile.weights.row(0)) {
                        *to = T::from_f64(*from) * *weight;
                    }
                }
            }
        }
        if !means.is_empty() {
            let (r, x, width) = (&posterior.r, &tile.x, tile.width);
            let sums = sums.numbers_mut();
            self.arch.dispatch(AddTile { shape, components: None, r, x, means, width, weighted, sums });
        }
    }
}

/// A panic elsewhere leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
