//! A pass of EM with truncated posteriors.
//!
//! Samples are taken by their best components so far. Those of one see the same components: all that are candidates of
//! any of them, the neighbours of these, and a few others; so a sample is read once, and the kernels of a dense pass
//! serve. Of what a sample saw the best are its candidates from then on, and it belongs to no others. The M step goes
//! through the samples of each component.
//!
//! All follows from the samples, the model and the candidates: the same bits on any number of threads.

mod assess;
mod explore;
mod greatest;
mod lists;
mod members;
mod seek;
mod similar;
mod sum_up;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::ArrayView2;

use super::CpuBackend;
use super::parameters::{Factors, Parameters};
use super::real::Real;
use crate::data::coordinates::Coordinates;
use crate::data::points::Points;
use crate::data::runs::Runs;
use crate::data::samples::Samples;
use crate::data::source::{block_rows, check_stop};
use crate::device::backend::Backend;
use crate::device::blocks::Blocks;
use crate::device::candidates::Candidates;
use crate::device::choice::Precision;
use crate::device::numbers::{Numbers, Shape};
use crate::device::sums::Sums;
use crate::device::truncated::{Truncated, TruncatedSums, refused};
use crate::error::{Error, Result};
use crate::model::statistics::Statistics;
pub(super) use assess::assess;
use explore::Explorer;
use similar::Similar;

/// Samples that are sorted by their components together: at least so many, and so many for each component.
const LEAST_STRETCH: usize = 1 << 18;
const STRETCH_PER_COMPONENT: usize = 128;

/// The answer to a task.
///
/// # Errors
/// [`Error::Refused`] where memory does not hold the samples; [`Error::Parts`] for candidates of others.
pub(super) fn sums<T: Real>(backend: &CpuBackend<T>, task: &Truncated) -> Result<TruncatedSums> {
    let n = backend.n_samples();
    let points = backend.data.slice(0..n).ok_or_else(|| refused(&backend.info.name, backend.home().place))?;
    let parameters = backend.parameters(&task.quadratics)?;
    let (k, d) = (parameters.k, parameters.d);
    let before = match &task.candidates {
        Some(candidates) => candidates.clone(),
        None => Arc::new(seek::candidates(backend, &points, task, &parameters)?),
    };
    if (before.n_samples(), before.n_components()) != (n, k) {
        return Err(Error::Parts { problem: "candidates are those of other samples, or of another model".to_owned() });
    }
    let second = match task.statistics {
        Statistics::Triangles | Statistics::Pooled => Statistics::Triangles,
        Statistics::Diagonals => Statistics::Diagonals,
    };
    let (shape, of_one) = (
        Shape { k, d, second: Some(second), by_feature: false },
        Shape { k: 1, d, second: Some(second), by_feature: false },
    );
    let mut numbers = Numbers::zero(shape);
    let mut similar = Similar::new(k);
    let after: Vec<AtomicU32> = before.of_samples().iter().copied().map(AtomicU32::new).collect();
    let explorer = Explorer::new(backend, task, &parameters, &before, of_one);
    let stretch = LEAST_STRETCH.max(STRETCH_PER_COMPONENT * k);
    for first in (0..n).step_by(stretch) {
        let part = Part { points: &points, rows: first..(first + stretch).min(n) };
        let explored = explorer.explore(&part, &after, &mut similar);
        check_stop(backend.data.stop())?;
        numbers.log_likelihood += explored.free_energy;
        numbers.pairs += explored.evaluated;
        sum_up::add(backend, &parameters, &part, &explored, of_one, &mut numbers);
        check_stop(backend.data.stop())?;
    }
    let neighbours = similar.neighbours(&before);
    let after = after.into_iter().map(AtomicU32::into_inner).collect();
    let candidates = Candidates::new((before.per_sample(), after), (before.per_component(), neighbours))?;
    Ok(TruncatedSums { sums: finish(backend, task, parameters, numbers), candidates })
}

/// The samples at work: some rows of all.
struct Part<'p> {
    points: &'p Points<'p>,
    rows: Range<usize>,
}

/// Sums as those of any pass on the CPU.
fn finish<T: Real>(backend: &CpuBackend<T>, task: &Truncated, parameters: Parameters<T>, numbers: Numbers) -> Sums {
    let Coordinates { shift, scale } = backend.coordinates.clone();
    let single_precision = T::PRECISION == Precision::Single;
    let origins = match single_precision {
        true => parameters.origins(&backend.coordinates),
        false => task.quadratics.means().clone(),
    };
    let summary = backend.summary();
    let rows = block_rows(parameters.d);
    let mut runs = Runs::new(rows);
    runs.push(summary.first(), summary.n_samples().div_ceil(rows), numbers, drop);
    let blocks = Blocks {
        runs,
        means: parameters.means.iter().map(|mean| mean.to_f64()).collect(),
        origins,
        shift,
        scale,
        reference: parameters.reference,
        single_precision,
        statistics: Some(task.statistics),
        scatter: None,
        variances: None,
    };
    Sums::of_blocks(summary, blocks)
}

/// Reads a little of each of some samples, told by their places from the first on, so that they are on their way from memory side by side: what turns them
/// into a tile has too much to do for each to be ahead of it.
fn touch(points: &Points, first: usize, rows: &[u32]) {
    /// Numbers of a cache line or less.
    const STEP: usize = 8;
    fn sum<E: Copy + Into<f64>>(values: ArrayView2<E>, first: usize, rows: &[u32]) -> f64 {
        let (d, Some(all)) = (values.ncols(), values.to_slice()) else { return 0.0 };
        let sample = |row: &u32| &all[(first + *row as usize) * d..][..d];
        rows.iter().flat_map(|row| sample(row).iter().step_by(STEP)).map(|x| (*x).into()).sum()
    }
    let sum = match points.samples() {
        Samples::F32(values) => sum(values.view(), first, rows),
        Samples::F64(values) => sum(values.view(), first, rows),
    };
    std::hint::black_box(sum);
}

/// The parameters of no components, for [`Parameters::choose`].
fn none_of<T: Real>(model: &Parameters<T>) -> Parameters<T> {
    let factors = match &model.factors {
        Factors::Dense { stride, .. } => Factors::Dense { packed: Vec::new(), stride: *stride },
        Factors::Shared { packed, origin, .. } => {
            Factors::Shared { packed: packed.clone(), origin: origin.clone(), means: Vec::new() }
        }
        Factors::Diagonal { .. } => Factors::Diagonal { means: Vec::new(), p: Vec::new() },
        Factors::Isotropic { .. } => Factors::Isotropic { means: Vec::new(), precisions: Vec::new() },
    };
    let (constants, means) = Default::default();
    Parameters { k: 0, d: model.d, constants, reference: model.reference, means, factors }
}

/// Working memory that threads hand to each other.
struct Pool<S>(Mutex<Vec<S>>);

impl<S> Pool<S> {
    fn new() -> Self {
        Pool(Mutex::default())
    }

    /// Does some work with memory that is there, or made.
    fn with<R>(&self, make: impl FnOnce() -> S, work: impl FnOnce(&mut S) -> R) -> R {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = kept.unwrap_or_else(make);
        let result = work(&mut scratch);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        result
    }
}
