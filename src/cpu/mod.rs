//! The native backend: tiles of samples that stay in cache, on all processor cores, in f64 or in f32.
//!
//! The instruction set (AVX-512, AVX2, NEON or scalar) is chosen at run time.

pub(crate) mod ceiling;
mod e_step;
mod elementary;
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
use pulp::Arch;
use rayon::prelude::*;

use crate::backend::{Assessment, Assignment, Backend, DeviceInfo, Precision, check_features};
use crate::coordinates::Coordinates;
use crate::covariance::{CovarianceArray, CovarianceType};
use crate::data::{Data, Home};
use crate::error::Result;
use crate::mixture::Mixture;
use crate::moments::Moments;
use crate::points::Points;
use e_step::LogDensities;
use parameters::Parameters;
use posterior::{Assess, Posterior, Respond};
use real::Real;
use slabs::{Pass, Run, Source};
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
            let coordinates = Coordinates::scaled(data, &data.feature_moments().1);
            coordinates.check(data)?;
            Ok(Box::new(CpuBackend::<f32>::with_coordinates(data, coordinates)))
        }
    }
}

/// Samples, and the passes over them on the processor, in the arithmetic of `T`.
pub(crate) struct CpuBackend<'d, T> {
    data: &'d dyn Data,
    coordinates: Coordinates,
    arch: Arch,
    info: DeviceInfo,
    /// Memory of the last pass, for the next of its shape.
    pass: Option<Pass<T>>,
    /// Sum of w (x - shift)(x - shift)^T: what the tied family needs, the same in every epoch.
    scatter: Option<Array2<f64>>,
}

impl<'d> CpuBackend<'d, f64> {
    /// Borrows the samples; nothing is copied.
    pub(crate) fn new(data: &'d dyn Data) -> Self {
        Self::with_coordinates(data, Coordinates::shifted(data))
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
        self.moments_by(&Source::Given(&fill), &vec![0.0; origins.len()], origins, family)
    }
}

impl<'d, T: Real> CpuBackend<'d, T> {
    fn with_coordinates(data: &'d dyn Data, coordinates: Coordinates) -> Self {
        let info = info(T::PRECISION);
        CpuBackend { data, coordinates, arch: Arch::new(), info, pass: None, scatter: None }
    }

    /// Sums over all samples about the given means `[K, D]`, in this backend's coordinates.
    fn sums(&mut self, source: &Source<T>, means: &[T], shape: Shape) -> Result<Sums> {
        let pass = self.pass.take().filter(|pass| pass.shape == shape).unwrap_or_else(|| Pass::new(shape, self.arch));
        let sums = pass.sums(&Run { data: self.data, coordinates: &self.coordinates, source, means });
        self.pass = Some(pass);
        sums
    }

    /// Moments of a family about origins `[K, D]`, which are `means` in this backend's coordinates.
    fn moments_by(
        &mut self,
        source: &Source<T>,
        means: &[T],
        origins: Array2<f64>,
        family: CovarianceType,
    ) -> Result<Moments> {
        let (k, d) = origins.dim();
        let mut shape = Shape { k, d, second: Second::of(family) };
        let mut sums = self.sums(source, means, shape)?;
        let tied = match family {
            CovarianceType::Tied => {
                let tied = self.tied_second(&sums, &origins)?;
                if tied.is_none() {
                    shape.second = Second::Triangle;
                    sums = self.sums(source, means, shape)?;
                }
                tied
            }
            _ => None,
        };
        let scale = &self.coordinates.scale;
        let second = tied.map_or_else(|| sums.second(family, means, scale), CovarianceArray::Tied);
        let reference = if let Source::Model(parameters, _) = source { parameters.reference } else { 0.0 };
        let moments = Moments {
            total_weight: self.data.total_weight(),
            log_likelihood: sums.log_likelihood + reference * self.data.total_weight(),
            counts: sums.counts(),
            first: sums.first(scale),
            origins,
            second,
            single_precision: T::PRECISION == Precision::Single,
        };
        self.pass.as_ref().expect("the pass just made").recycle(sums);
        Ok(moments)
    }

    /// The scatter of all samples about the origin of the coordinates, in f64 whatever the passes compute in.
    fn scatter(&mut self) -> Result<&Array2<f64>> {
        if self.scatter.is_none() {
            let d = self.coordinates.shift.len();
            let coordinates = Coordinates { shift: self.coordinates.shift.clone(), scale: vec![1.0; d] };
            let pass = Pass::<f64>::new(Shape { k: 1, d, second: Second::Triangle }, self.arch);
            let zero = vec![0.0; d];
            let run = Run { data: self.data, coordinates: &coordinates, source: &Source::All, means: &zero };
            match pass.sums(&run)?.second(CovarianceType::Tied, &zero, &coordinates.scale) {
                CovarianceArray::Tied(scatter) => self.scatter = Some(scatter),
                _ => unreachable!("the family asked for is the family given"),
            }
        }
        Ok(self.scatter.as_ref().expect("just made"))
    }

    /// Second moments of the tied family about the origins o_k, from the scatter T of all samples about the origin c of
    /// the coordinates: with v = o - c, the sum over k of r (x - o)(x - o)^T is
    /// T - sum_k (v first^T + first v^T + N_k v v^T), first = sum of r (x - o). `None` where the difference is so much
    /// smaller than T that it has lost digits.
    fn tied_second(&mut self, sums: &Sums, origins: &Array2<f64>) -> Result<Option<Array2<f64>>> {
        let offsets = origins - &Array1::from(self.coordinates.shift.clone());
        let (first, counts) = (sums.first(&self.coordinates.scale), sums.counts());
        let scatter = self.scatter()?;
        let mut second = scatter.clone();
        for ((v, first), count) in offsets.outer_iter().zip(first.outer_iter()).zip(&counts) {
            for ((i, j), x) in second.indexed_iter_mut() {
                *x -= v[i] * first[j] + first[i] * v[j] + count * (v[i] * v[j]);
            }
        }
        let keeps_digits = second.diag().iter().zip(scatter.diag()).all(|(left, all)| *left >= T::LEAST_SHARE * all);
        Ok(keeps_digits.then_some(second))
    }

    fn parameters(&self, mixture: &Mixture) -> Result<Parameters<T>> {
        check_features(mixture, self.n_features())?;
        Ok(Parameters::new(mixture, &self.coordinates))
    }
}

/// The processor as a device.
pub(crate) fn info(precision: Precision) -> DeviceInfo {
    let threads = rayon::current_num_threads();
    let name = format!("{} on {threads} thread{}", instruction_set(), if threads == 1 { "" } else { "s" });
    DeviceInfo { backend: "cpu".to_owned(), name, device_type: "cpu".to_owned(), precision }
}

fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    return match Arch::new() {
        Arch::V4(_) => "AVX-512",
        Arch::V3(_) => "AVX2",
        _ => "x86-64",
    };
    #[cfg(not(target_arch = "x86_64"))]
    std::env::consts::ARCH
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
        match T::PRECISION {
            Precision::Double => self.moments_by(&source, &parameters.means, mixture.means().clone(), family),
            // The passes know the means as rounded to their precision only.
            Precision::Single => {
                let rounded = parameters.origins(&self.coordinates);
                Ok(self.moments_by(&source, &parameters.means, rounded, family)?.about(mixture.means()))
            }
        }
    }

    fn log_likelihood(&mut self, mixture: &Mixture) -> Result<f64> {
        let parameters = self.parameters(mixture)?;
        let shape = Shape { k: parameters.k, d: parameters.d, second: Second::of(mixture.covariance_type()) };
        let sums = self.sums(&Source::Model(&parameters, Assignment::Soft), &[], shape)?;
        Ok(sums.log_likelihood + parameters.reference * self.data.total_weight())
    }

    fn assess(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Assessment> {
        let parameters = &self.parameters(mixture)?;
        let mut log_densities = Array1::zeros(rows.len());
        let mut labels = Array1::zeros(rows.len());
        let tiles = Tile::<T>::capacity(parameters.d);
        self.data.for_each_chunk(&mut |first, chunk| {
            let (here, there) = overlap(&rows, first, chunk);
            let mut log_densities = log_densities.slice_mut(s![there.clone()]);
            let mut labels = labels.slice_mut(s![there]);
            let blocks = log_densities.axis_chunks_iter_mut(Axis(0), tiles).into_par_iter();
            blocks.zip(labels.axis_chunks_iter_mut(Axis(0), tiles)).enumerate().for_each_init(
                || (Tile::new(self.arch, parameters.d), Posterior::new(self.arch, parameters.k, parameters.d)),
                |(tile, posterior), (i, (mut log_densities, mut labels))| {
                    if self.data.stop().load(Ordering::Relaxed) {
                        return;
                    }
                    let start = here.start + i * tiles;
                    tile.load(self.arch, chunk, start..start + labels.len(), &self.coordinates);
                    self.arch.dispatch(LogDensities { parameters, tile, posterior });
                    self.arch.dispatch(Assess { posterior, width: tile.width });
                    labels.iter_mut().zip(&posterior.labels).for_each(|(to, from)| *to = *from);
                    for (to, from) in log_densities.iter_mut().zip(posterior.maxima.row(0)) {
                        *to = from.to_f64() + parameters.reference;
                    }
                },
            );
            Ok(())
        })?;
        Ok(Assessment { log_densities, labels })
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
                    if self.data.stop().load(Ordering::Relaxed) {
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
            Ok(())
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
