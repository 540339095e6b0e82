//! The native backend: tiles of samples that stay in cache, on all processor cores, in f64 or in f32.
//!
//! The instruction set (AVX-512, AVX2, NEON or scalar) is chosen at run time.

mod assign;
mod bounds;
pub(crate) mod ceiling;
mod cells;
mod e_step;
mod elementary;
mod incomplete;
pub(crate) mod instructions;
mod jobs;
mod m_step;
mod parameters;
mod posterior;
mod pruning;
mod real;
mod rows;
mod scratch;
mod slabs;
mod strips;
mod tile;
mod truncated;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ndarray::{Array1, Array2, Axis, s};
use rayon::prelude::*;

use crate::data::coordinates::Coordinates;
use crate::data::home::Home;
use crate::data::pass::pass;
use crate::data::points::Points;
use crate::data::runs::Runs;
use crate::data::source::{Data, block_rows, check_stop};
use crate::data::summary::Summary;
use crate::device::assessment::{Assessment, VisitAssessed};
use crate::device::backend::sealed::Sealed;
use crate::device::backend::{Backend, check_features};
use crate::device::choice::{DeviceInfo, Precision};
use crate::device::numbers::{Numbers, Shape};
use crate::device::task::{Answer, Task};
use crate::error::Result;
use crate::model::quadratics::Quadratics;
#[cfg(feature = "gpu")]
pub(crate) use cells::Boxes;
use cells::Orders;
use e_step::LogDensities;
#[cfg(feature = "gpu")]
pub(crate) use incomplete::Groups;
pub use incomplete::{Imputation, impute};
use instructions::Instructions;
use jobs::{Job, ScatterJob};
use parameters::Parameters;
use posterior::{Assess, Posterior, Respond};
use pruning::Pruning;
#[cfg(feature = "gpu")]
pub(crate) use pruning::{HARD_SHARE, keeps_at_most, least_below_single};
use real::Real;
use slabs::Pass;
use tile::Tile;

/// Puts samples before the processor: they are borrowed, not copied.
///
/// # Errors
/// [`TooWideForSinglePrecision`](crate::Error::TooWideForSinglePrecision), in single precision; those of the data.
pub(crate) fn load<'d>(data: Arc<dyn Data + 'd>, precision: Precision) -> Result<Box<dyn Backend + 'd>> {
    match precision {
        Precision::Double => {
            let coordinates = Coordinates::shifted(data.summary());
            Ok(Box::new(CpuBackend::<f64>::with_coordinates(data, coordinates)))
        }
        Precision::Single => {
            let coordinates = Coordinates::scaled(data.summary());
            coordinates.check(&*data)?;
            Ok(Box::new(CpuBackend::<f32>::with_coordinates(data, coordinates)))
        }
    }
}

/// Samples, and the passes over them on the processor, in the arithmetic of `T`.
pub(crate) struct CpuBackend<'d, T> {
    data: Arc<dyn Data + 'd>,
    coordinates: Coordinates,
    arch: Instructions,
    info: DeviceInfo,
    /// Memory of the last pass, for the next of its shapes.
    passes: Vec<Pass<T>>,
    /// Sums of w (x - shift)(x - shift)^T: what pooled second moments are found from, the same in every epoch.
    scatter: Option<Runs<Numbers>>,
    /// Orders of samples for passes that leave components out.
    orders: Orders,
    /// Groups of samples of which the same features are there.
    groups: incomplete::KeptGroups,
}

impl<'d> CpuBackend<'d, f64> {
    /// Borrows the samples; nothing is copied.
    pub(crate) fn new(data: &'d dyn Data) -> Self {
        Self::with_coordinates(Arc::new(data), Coordinates::shifted(data.summary()))
    }
}

/// Log-densities of some samples `[n, D]` in f64: `[n]`.
///
/// # Errors
/// As [`Backend::assess`].
pub(crate) fn log_densities(samples: Array2<f64>, model: &Quadratics, coordinates: Coordinates) -> Result<Array1<f64>> {
    let n = samples.nrows();
    let points = Points::trusted(samples, None::<Array1<f64>>, None);
    Ok(CpuBackend::<f64>::with_coordinates(Arc::new(points), coordinates).assess(model, 0..n)?.log_densities)
}

impl<'d, T: Real> CpuBackend<'d, T> {
    fn with_coordinates(data: Arc<dyn Data + 'd>, coordinates: Coordinates) -> Self {
        let info = info(T::PRECISION);
        let (arch, passes, orders) = (instructions::instructions(), Vec::new(), Orders::default());
        let groups = incomplete::KeptGroups::default();
        CpuBackend { data, coordinates, arch, info, passes, scatter: None, orders, groups }
    }

    /// Keeps, or makes, the memory that jobs need, and drops that of others.
    fn make_room(&mut self, jobs: &[Job<T>]) {
        let shapes: Vec<_> = jobs.iter().filter_map(Job::shape).collect();
        if !shapes.is_empty() {
            self.passes.retain(|pass| shapes.contains(&pass.shape));
        }
        for shape in shapes {
            if !self.passes.iter().any(|pass| pass.shape == shape) {
                self.passes.push(Pass::new(shape, self.arch));
            }
        }
    }

    /// The memory for passes of a shape.
    fn pass(&self, shape: Shape) -> &Pass<T> {
        self.passes.iter().find(|pass| pass.shape == shape).expect("room was made for every job")
    }

    /// Whether values are missing: of these samples, or of others of the same data.
    fn is_incomplete(&self) -> bool {
        !self.data.summary().holes().is_none()
    }

    /// Robust scales of the features: `[D]`.
    fn scale(&self) -> &[f64] {
        self.data.summary().scale().as_slice().unwrap_or_default()
    }

    fn parameters(&self, model: &Quadratics) -> Result<Parameters<T>> {
        check_features(model, self.coordinates.shift.len())?;
        Ok(Parameters::new(model, &self.coordinates))
    }

    /// Log-densities and labels of some rows of a chunk.
    fn assess_rows_of(
        &self,
        (model, parameters): (&Quadratics, &Parameters<T>),
        chunk: &Points,
        rows: Range<usize>,
    ) -> Result<Assessment> {
        match self.is_incomplete() {
            true => incomplete::assess(self, model, chunk, rows),
            false => self.assess_rows(parameters, chunk, rows),
        }
    }

    fn assess_rows(&self, parameters: &Parameters<T>, chunk: &Points, rows: Range<usize>) -> Result<Assessment> {
        let mut log_densities = Array1::zeros(rows.len());
        let mut labels = Array1::zeros(rows.len());
        let tiles = Tile::<T>::capacity(parameters.d);
        let blocks = log_densities.axis_chunks_iter_mut(Axis(0), tiles).into_par_iter();
        blocks.zip(labels.axis_chunks_iter_mut(Axis(0), tiles)).enumerate().for_each_init(
            || (Tile::new(self.arch, parameters.d), Posterior::new(self.arch, parameters.k, parameters.d)),
            |(tile, posterior), (i, (mut log_densities, mut labels))| {
                if self.is_stopped() {
                    return;
                }
                let start = rows.start + i * tiles;
                tile.load(self.arch, chunk, (start..start + labels.len()).into(), &self.coordinates);
                self.arch.dispatch(LogDensities { parameters, tile, posterior });
                self.arch.dispatch(Assess { posterior, width: tile.width });
                labels.iter_mut().zip(&posterior.labels).for_each(|(to, from)| *to = *from);
                for (to, from) in log_densities.iter_mut().zip(posterior.maxima.row(0)) {
                    *to = from.to_f64() + parameters.reference;
                }
            },
        );
        check_stop(self.data.stop())?;
        Ok(Assessment { log_densities, labels })
    }

    /// Log-densities and labels of a chunk that begins with the given sample, block by block.
    fn assess_chunk(
        &self,
        (parameters, pruning): (&Parameters<T>, Option<&Pruning<T>>),
        first: usize,
        chunk: &Points,
    ) -> Result<Assessment> {
        let n = chunk.n_samples();
        let mut all = Assessment { log_densities: Array1::zeros(n), labels: Array1::zeros(n) };
        for start in (0..n).step_by(block_rows(parameters.d)) {
            let rows = start..(start + block_rows(parameters.d)).min(n);
            let assessed = match pruning.and_then(|pruning| Some((pruning, pruning.cells(first, chunk, rows.clone())?)))
            {
                Some((pruning, cells)) => pruning.assess(&cells, (chunk, start), self.data.stop()),
                None => self.assess_rows(parameters, chunk, rows.clone())?,
            };
            check_stop(self.data.stop())?;
            all.log_densities.slice_mut(s![rows.clone()]).assign(&assessed.log_densities);
            all.labels.slice_mut(s![rows]).assign(&assessed.labels);
        }
        Ok(all)
    }

    fn is_stopped(&self) -> bool {
        self.data.stop().load(Ordering::Relaxed)
    }
}

/// Share of every sample that components left out of its cell may have in all, and bytes of memory for each sample's place in
/// the order and the boxes of cells, of D features.
pub(crate) fn pruned(precision: Precision, d: usize) -> (f64, f64) {
    let left_out = match precision {
        Precision::Double => f64::LEFT_OUT,
        Precision::Single => f32::LEFT_OUT,
    };
    (left_out, size_of::<u32>() as f64 + (2 * d * size_of::<f64>()) as f64 / cells::CELL as f64)
}

/// The processor as a device.
pub(crate) fn info(precision: Precision) -> DeviceInfo {
    let threads = rayon::current_num_threads();
    let instructions = instructions::name(instructions::instructions());
    let name = format!("{instructions} on {threads} thread{}", if threads == 1 { "" } else { "s" });
    DeviceInfo {
        backend: "cpu".to_owned(),
        name,
        device_type: "cpu".to_owned(),
        precision,
        tuning: None,
        teams: Vec::new(),
    }
}

impl<T> Sealed for CpuBackend<'_, T> {}

impl<T: Real> Backend for CpuBackend<'_, T> {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn summary(&self) -> &Summary {
        self.data.summary()
    }

    fn home(&self) -> Home {
        self.data.home()
    }

    fn truncates(&self) -> bool {
        !self.is_incomplete() && self.data.slice(0..self.n_samples()).is_some()
    }

    fn run(&mut self, tasks: &[Task]) -> Result<Vec<Answer>> {
        let mut jobs = tasks.iter().map(|task| Job::new(self, task)).collect::<Result<Vec<Job<T>>>>()?;
        self.make_room(&jobs);
        let wants_scatter = self.scatter.is_none() && jobs.iter().any(Job::wants_scatter);
        let mut scatter = wants_scatter.then(|| ScatterJob::new(self));
        pass(&*self.data, &mut |first, chunk| {
            jobs.iter_mut().try_for_each(|job| job.visit(self, first, chunk))?;
            scatter.iter_mut().try_for_each(|scatter| scatter.visit(&*self.data, first, chunk))
        })?;
        if let Some(scatter) = scatter {
            self.scatter = Some(scatter.runs);
        }
        jobs.into_iter().map(|job| job.answer(self)).collect()
    }

    fn rest(&mut self) {
        self.passes.clear();
    }

    fn assess(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Assessment> {
        let parameters = self.parameters(model)?;
        let mut log_densities = Array1::zeros(rows.len());
        let mut labels = Array1::zeros(rows.len());
        let start = self.data.summary().first();
        pass(&*self.data, &mut |first, chunk| {
            let (here, there) = overlap(&rows, first - start, chunk);
            let assessed = self.assess_rows_of((model, &parameters), chunk, here)?;
            log_densities.slice_mut(s![there.clone()]).assign(&assessed.log_densities);
            labels.slice_mut(s![there]).assign(&assessed.labels);
            Ok(())
        })?;
        Ok(Assessment { log_densities, labels })
    }

    fn assess_each(&mut self, model: &Quadratics, visit: &mut VisitAssessed) -> Result<()> {
        let parameters = self.parameters(model)?;
        pass(&*self.data, &mut |first, chunk| {
            visit(first, chunk, &self.assess_rows_of((model, &parameters), chunk, 0..chunk.n_samples())?)
        })
    }

    fn responsibilities(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Array2<f64>> {
        let parameters = &self.parameters(model)?;
        let (k, d) = (parameters.k, parameters.d);
        let mut responsibilities = Array2::zeros((rows.len(), k));
        let (tiles, start) = (Tile::<T>::capacity(d), self.data.summary().first());
        pass(&*self.data, &mut |first, chunk| {
            let (here, there) = overlap(&rows, first - start, chunk);
            let mut responsibilities = responsibilities.slice_mut(s![there, ..]);
            if self.is_incomplete() {
                responsibilities.assign(&incomplete::responsibilities(self, model, chunk, here)?);
                return Ok(());
            }
            responsibilities.axis_chunks_iter_mut(Axis(0), tiles).into_par_iter().enumerate().for_each_init(
                || (Tile::new(self.arch, d), Posterior::new(self.arch, k, d)),
                |(tile, posterior), (i, mut block)| {
                    if self.is_stopped() {
                        return;
                    }
                    let start = here.start + i * tiles;
                    tile.load(self.arch, chunk, (start..start + block.nrows()).into(), &self.coordinates);
                    tile.weights.row_mut(0).fill(T::from_f64(1.0));
                    self.arch.dispatch(LogDensities { parameters, tile, posterior });
                    self.arch.dispatch(Respond { posterior, tile, cut: T::LEAST_EXPONENT });
                    for (n, mut sample) in block.rows_mut().into_iter().enumerate() {
                        sample.iter_mut().enumerate().for_each(|(k, r)| *r = posterior.r.row(k)[n].to_f64());
                        if T::PRECISION == Precision::Single {
                            let sum = sample.sum();
                            sample /= sum;
                        }
                    }
                },
            );
            check_stop(self.data.stop())
        })?;
        Ok(responsibilities)
    }
}

/// The rows of a chunk that are among the given ones, and their places among these; `first` is the place of its first
/// sample among those of the data.
fn overlap(rows: &Range<usize>, first: usize, chunk: &Points) -> (Range<usize>, Range<usize>) {
    let start = rows.start.clamp(first, first + chunk.n_samples());
    let end = rows.end.clamp(start, first + chunk.n_samples());
    let place = start.saturating_sub(rows.start).min(rows.len());
    (start - first..end - first, place..place + (end - start))
}
