//! The native backend: tiles of samples that stay in cache, on all processor cores, in f64 or in f32.
//!
//! The instruction set (AVX-512, AVX2, NEON or scalar) is chosen at run time.

pub(crate) mod ceiling;
mod e_step;
mod elementary;
pub(crate) mod instructions;
mod m_step;
mod parameters;
mod posterior;
mod real;
mod rows;
mod slabs;
mod strips;
mod sums;
mod tile;

use std::ops::Range;
use std::sync::atomic::Ordering;

use ndarray::{Array1, Array2, Axis, s};
use rayon::prelude::*;

use crate::data::coordinates::Coordinates;
use crate::data::points::Points;
use crate::data::{Data, Home, check_stop};
use crate::device::backend::{Assessment, Assignment, Backend, VisitAssessed, check_features};
use crate::device::choice::{DeviceInfo, Precision};
use crate::error::Result;
use crate::model::covariance::{CovarianceArray, CovarianceType};
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;
use e_step::LogDensities;
use instructions::Instructions;
use parameters::Parameters;
use posterior::{Assess, Posterior, Respond};
use real::Real;
use slabs::{Parts, Pass, Run, Source};
use sums::{Second, Shape, Sums};
use tile::Tile;

/// Puts samples before the processor: they are borrowed, not copied.
///
/// # Errors
/// [`TooWideForSinglePrecision`](crate::Error::TooWideForSinglePrecision), in single precision; those of the data.
pub(crate) fn load(data: &dyn Data, precision: Precision) -> Result<Box<dyn Backend + '_>> {
    match precision {
        Precision::Double => Ok(Box::new(CpuBackend::new(data))),
        Precision::Single => {
            let coordinates = Coordinates::scaled(data.summary());
            coordinates.check(data)?;
            Ok(Box::new(CpuBackend::<f32>::with_coordinates(data, coordinates)))
        }
    }
}

/// Samples, and the passes over them on the processor, in the arithmetic of `T`.
pub(crate) struct CpuBackend<'d, T> {
    data: &'d dyn Data,
    coordinates: Coordinates,
    arch: Instructions,
    info: DeviceInfo,
    /// Memory of the last pass, for the next of its shape.
    pass: Option<Pass<T>>,
    /// Sum of w (x - shift)(x - shift)^T: what the tied family needs, the same in every epoch.
    scatter: Option<Array2<f64>>,
}

impl<'d> CpuBackend<'d, f64> {
    /// Borrows the samples; nothing is copied.
    pub(crate) fn new(data: &'d dyn Data) -> Self {
        Self::with_coordinates(data, Coordinates::shifted(data.summary()))
    }

    /// Moments under responsibilities that `fill(rows, r)` makes up: r is [K, n] for the n given rows, and each
    /// sample's must sum to 1. The log-likelihood of the result is 0.
    pub(crate) fn moments_of_responsibilities(
        &mut self,
        family: CovarianceType,
        k: usize,
        fill: impl Fn(Range<usize>, &mut ndarray::ArrayViewMut2<f64>) + Sync,
    ) -> Result<Moments> {
        let origins = Array2::from_shape_fn((k, self.coordinates.shift.len()), |(_, i)| self.coordinates.shift[i]);
        self.moments_by(&Source::Given(&fill), &vec![0.0; origins.len()], origins, family, None)
    }
}

impl<'d, T: Real> CpuBackend<'d, T> {
    fn with_coordinates(data: &'d dyn Data, coordinates: Coordinates) -> Self {
        let info = info(T::PRECISION);
        CpuBackend { data, coordinates, arch: instructions::instructions(), info, pass: None, scatter: None }
    }

    /// Sums over all samples about the given means `[K, D]`, in this backend's coordinates.
    fn sums(&mut self, source: &Source<T>, means: &[T], shape: Shape) -> Result<Sums> {
        let pass = self.pass.take().filter(|pass| pass.shape == shape).unwrap_or_else(|| Pass::new(shape, self.arch));
        let run = Run { data: self.data, coordinates: &self.coordinates, source, means };
        let sums = match shape.second {
            Second::Nothing if self.scatter.is_none() => self.sums_and_scatter(&pass, &run).map(|(sums, scatter)| {
                self.scatter = Some(scatter);
                sums
            }),
            _ => pass.sums(&run),
        };
        self.pass = Some(pass);
        sums
    }

    /// The same with the scatter of all samples, in one pass: that is in f64 whatever the sums are formed in.
    fn sums_and_scatter(&self, pass: &Pass<T>, run: &Run<T>) -> Result<(Sums, Array2<f64>)> {
        let d = self.coordinates.shift.len();
        let coordinates = Coordinates { shift: self.coordinates.shift.clone(), scale: vec![1.0; d] };
        let (zero, of_all) = (vec![0.0; d], Pass::<f64>::new(Shape { k: 1, d, second: Second::Triangle }, self.arch));
        let run_all = Run { data: self.data, coordinates: &coordinates, source: &Source::All, means: &zero };
        let (mut parts, mut parts_all) = (Parts::default(), Parts::default());
        self.data.for_each_chunk(&mut |first, chunk| {
            pass.add(run, first, chunk, &mut parts)?;
            of_all.add(&run_all, first, chunk, &mut parts_all)
        })?;
        match of_all.total(parts_all).second(CovarianceType::Tied, &zero, &coordinates.scale) {
            CovarianceArray::Tied(scatter) => Ok((pass.total(parts), scatter)),
            _ => unreachable!("the family asked for is the family given"),
        }
    }

    /// Moments of a family about origins `[K, D]`, which are `means` in this backend's coordinates; `within` is the
    /// covariance that the tied family may expect, if there is one.
    fn moments_by(
        &mut self,
        source: &Source<T>,
        means: &[T],
        origins: Array2<f64>,
        family: CovarianceType,
        within: Option<&Array2<f64>>,
    ) -> Result<Moments> {
        let (k, d) = origins.dim();
        let directly = Shape { k, d, second: Second::Triangle };
        let (sums, tied) = match family {
            CovarianceType::Tied if self.scatter.is_some() && self.loses_digits(within) => {
                (self.sums(source, means, directly)?, None)
            }
            CovarianceType::Tied => {
                let sums = self.sums(source, means, Shape { second: Second::Nothing, ..directly })?;
                match self.tied_second(&sums, &origins) {
                    // Judged the same whether the scatter was known before this pass or not.
                    Some(tied) if !self.loses_digits(within) => (sums, Some(tied)),
                    _ => (self.sums(source, means, directly)?, None),
                }
            }
            _ => (self.sums(source, means, Shape { k, d, second: Second::of(family) })?, None),
        };
        let scale = &self.coordinates.scale;
        let second = tied.map_or_else(|| sums.second(family, means, scale), CovarianceArray::Tied);
        let reference = if let Source::Model(parameters, _) = source { parameters.reference } else { 0.0 };
        let moments = Moments {
            total_weight: self.data.summary().total_weight(),
            log_likelihood: sums.log_likelihood + reference * self.data.summary().total_weight(),
            counts: sums.counts(),
            first: sums.first(scale),
            origins,
            second,
            single_precision: T::PRECISION == Precision::Single,
        };
        self.pass.as_ref().expect("the pass just made").recycle(sums);
        Ok(moments)
    }

    /// Second moments of the tied family about the origins o_k, from the scatter T of all samples about the origin c of
    /// the coordinates: with v = o - c, the sum over k of r (x - o)(x - o)^T is
    /// T - sum_k (v first^T + first v^T + N_k v v^T), first = sum of r (x - o). `None` where the difference is so much
    /// smaller than T that it has lost digits.
    fn tied_second(&self, sums: &Sums, origins: &Array2<f64>) -> Option<Array2<f64>> {
        let offsets = origins - &Array1::from(self.coordinates.shift.clone());
        let (first, counts) = (sums.first(&self.coordinates.scale), sums.counts());
        let scatter = self.scatter.as_ref()?;
        let mut second = scatter.clone();
        for ((v, first), count) in offsets.outer_iter().zip(first.outer_iter()).zip(&counts) {
            for ((i, j), x) in second.indexed_iter_mut() {
                *x -= v[i] * first[j] + first[i] * v[j] + count * (v[i] * v[j]);
            }
        }
        Self::keeps_digits(scatter, &second).then_some(second)
    }

    /// Whether what is left of the scatter of all samples has digits enough.
    fn keeps_digits(scatter: &Array2<f64>, second: &Array2<f64>) -> bool {
        second.diag().iter().zip(scatter.diag()).all(|(left, all)| *left >= T::LEAST_SHARE * all)
    }

    /// Whether too few will be left, by the covariance within components that is to be expected: then nobody need try.
    fn loses_digits(&self, within: Option<&Array2<f64>>) -> bool {
        let known = within.zip(self.scatter.as_ref());
        known.is_some_and(|(within, scatter)| {
            !Self::keeps_digits(scatter, &(within * self.data.summary().total_weight()))
        })
    }

    fn parameters(&self, mixture: &Mixture) -> Result<Parameters<T>> {
        check_features(mixture, self.n_features())?;
        Ok(Parameters::new(mixture, &self.coordinates))
    }

    /// Log-densities and labels of some rows of a chunk.
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
                tile.load(self.arch, chunk, start..start + labels.len(), &self.coordinates);
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

    fn is_stopped(&self) -> bool {
        self.data.stop().load(Ordering::Relaxed)
    }
}

/// The processor as a device.
pub(crate) fn info(precision: Precision) -> DeviceInfo {
    let threads = rayon::current_num_threads();
    let instructions = instructions::name(instructions::instructions());
    let name = format!("{instructions} on {threads} thread{}", if threads == 1 { "" } else { "s" });
    DeviceInfo { backend: "cpu".to_owned(), name, device_type: "cpu".to_owned(), precision }
}

impl<T: Real> Backend for CpuBackend<'_, T> {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn n_samples(&self) -> usize {
        self.data.n_samples()
    }

    fn n_features(&self) -> usize {
        self.data.n_features()
    }

    fn home(&self) -> Home {
        self.data.home()
    }

    fn moments(&mut self, mixture: &Mixture, assignment: Assignment) -> Result<Moments> {
        let parameters = self.parameters(mixture)?;
        let source = Source::Model(&parameters, assignment);
        let family = mixture.covariance_type();
        let within = match (mixture.covariances(), assignment) {
            (CovarianceArray::Tied(covariance), Assignment::Soft) => Some(covariance),
            // The model of a hard pass is as wide as all samples together.
            _ => None,
        };
        match T::PRECISION {
            Precision::Double => self.moments_by(&source, &parameters.means, mixture.means().clone(), family, within),
            // The passes know the means as rounded to their precision only.
            Precision::Single => {
                let rounded = parameters.origins(&self.coordinates);
                Ok(self.moments_by(&source, &parameters.means, rounded, family, within)?.about(mixture.means()))
            }
        }
    }

    fn log_likelihood(&mut self, mixture: &Mixture) -> Result<f64> {
        let parameters = self.parameters(mixture)?;
        // Of the shape of the last pass, whose memory serves this one.
        let second = self.pass.as_ref().map_or(Second::Diagonal, |pass| pass.shape.second);
        let shape = Shape { k: parameters.k, d: parameters.d, second };
        let sums = self.sums(&Source::Model(&parameters, Assignment::Soft), &[], shape)?;
        Ok(sums.log_likelihood + parameters.reference * self.data.summary().total_weight())
    }

    fn assess(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Assessment> {
        let parameters = self.parameters(mixture)?;
        let mut log_densities = Array1::zeros(rows.len());
        let mut labels = Array1::zeros(rows.len());
        self.data.for_each_chunk(&mut |first, chunk| {
            let (here, there) = overlap(&rows, first, chunk);
            let assessed = self.assess_rows(&parameters, chunk, here)?;
            log_densities.slice_mut(s![there.clone()]).assign(&assessed.log_densities);
            labels.slice_mut(s![there]).assign(&assessed.labels);
            Ok(())
        })?;
        Ok(Assessment { log_densities, labels })
    }

    fn assess_each(&mut self, mixture: &Mixture, visit: &mut VisitAssessed) -> Result<()> {
        let parameters = self.parameters(mixture)?;
        self.data.for_each_chunk(&mut |first, chunk| {
            visit(first, chunk, &self.assess_rows(&parameters, chunk, 0..chunk.n_samples())?)
        })
    }

    fn responsibilities(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Array2<f64>> {
        let parameters = &self.parameters(mixture)?;
        let (k, d) = (parameters.k, parameters.d);
        let mut responsibilities = Array2::zeros((rows.len(), k));
        let tiles = Tile::<T>::capacity(d);
        self.data.for_each_chunk(&mut |first, chunk| {
            let (here, there) = overlap(&rows, first, chunk);
            let mut responsibilities = responsibilities.slice_mut(s![there, ..]);
            responsibilities.axis_chunks_iter_mut(Axis(0), tiles).into_par_iter().enumerate().for_each_init(
                || (Tile::new(self.arch, d), Posterior::new(self.arch, k, d)),
                |(tile, posterior), (i, mut block)| {
                    if self.is_stopped() {
                        return;
                    }
                    let start = here.start + i * tiles;
                    tile.load(self.arch, chunk, start..start + block.nrows(), &self.coordinates);
                    tile.weights.row_mut(0).fill(T::from_f64(1.0));
                    self.arch.dispatch(LogDensities { parameters, tile, posterior });
                    self.arch.dispatch(Respond { posterior, tile, assignment: Assignment::Soft });
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

/// The rows of a chunk that are among the given ones, and their places among these.
fn overlap(rows: &Range<usize>, first: usize, chunk: &Points) -> (Range<usize>, Range<usize>) {
    let start = rows.start.clamp(first, first + chunk.n_samples());
    let end = rows.end.clamp(start, first + chunk.n_samples());
    let place = start.saturating_sub(rows.start).min(rows.len());
    (start - first..end - first, place..place + (end - start))
}
