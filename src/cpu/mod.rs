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

use ndarray::{Array1, Array2, Axis};
use pulp::Arch;
use rayon::prelude::*;

use crate::backend::{Assessment, Assignment, Backend, DeviceInfo, Precision, check_features};
use crate::coordinates::Coordinates;
use crate::covariance::{CovarianceArray, CovarianceType};
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
/// [`TooWideForSinglePrecision`](crate::Error::TooWideForSinglePrecision), in single precision.
pub(crate) fn load<'p>(points: &'p Points<'_>, precision: Precision) -> Result<Box<dyn Backend + 'p>> {
    match precision {
        Precision::Double => Ok(Box::new(CpuBackend::new(points))),
        Precision::Single => {
            let coordinates = Coordinates::scaled(points, &points.feature_moments().1);
            coordinates.check(points)?;
            Ok(Box::new(CpuBackend::<f32>::with_coordinates(points, coordinates)))
        }
    }
}

/// Samples in memory, and the passes over them on the processor, in the arithmetic of `T`.
#[derive(Debug)]
pub(crate) struct CpuBackend<'p, 'a, T> {
    points: &'p Points<'a>,
    coordinates: Coordinates,
    arch: Arch,
    info: DeviceInfo,
    /// Memory of the last pass, for the next of its shape.
    pass: Option<Pass<T>>,
    /// Sum of w (x - shift)(x - shift)^T: what the tied family needs, the same in every epoch.
    scatter: Option<Array2<f64>>,
}

impl<'p, 'a> CpuBackend<'p, 'a, f64> {
    /// Borrows the samples; nothing is copied.
    pub(crate) fn new(points: &'p Points<'a>) -> Self {
        Self::with_coordinates(points, Coordinates::shifted(points))
    }

    /// Moments under responsibilities that `fill(rows, r)` makes up: r is [K, n] for the n given rows, and each
    /// sample's must sum to 1. The log-likelihood of the result is 0.
    pub(crate) fn moments_of_responsibilities(
        &mut self,
        family: CovarianceType,
        k: usize,
        fill: impl Fn(Range<usize>, &mut ndarray::ArrayViewMut2<f64>) + Sync,
    ) -> Moments {
        let origins = Array2::from_shape_fn((k, self.coordinates.shift.len()), |(_, i)| self.coordinates.shift[i]);
        self.moments_by(&Source::Given(&fill), &vec![0.0; origins.len()], origins, family)
    }
}

impl<'p, 'a, T: Real> CpuBackend<'p, 'a, T> {
    fn with_coordinates(points: &'p Points<'a>, coordinates: Coordinates) -> Self {
        let info = info(T::PRECISION);
        CpuBackend { points, coordinates, arch: Arch::new(), info, pass: None, scatter: None }
    }

    /// Sums over all samples about the given means `[K, D]`, in this backend's coordinates.
    fn sums(&mut self, source: &Source<T>, means: &[T], shape: Shape) -> Sums {
        let pass = self.pass.take().filter(|pass| pass.shape == shape).unwrap_or_else(|| Pass::new(shape, self.arch));
        let sums = pass.sums(&Run { points: self.points, coordinates: &self.coordinates, source, means });
        self.pass = Some(pass);
        sums
    }

    /// Moments of a family about origins `[K, D]`, which are `means` in this backend's coordinates.
    fn moments_by(&mut self, source: &Source<T>, means: &[T], origins: Array2<f64>, family: CovarianceType) -> Moments {
        let (k, d) = origins.dim();
        let mut shape = Shape { k, d, second: Second::of(family) };
        let mut sums = self.sums(source, means, shape);
        let tied = match family {
            CovarianceType::Tied => {
                let tied = self.tied_second(&sums, &origins);
                if tied.is_none() {
                    shape.second = Second::Triangle;
                    sums = self.sums(source, means, shape);
                }
                tied
            }
            _ => None,
        };
        let scale = &self.coordinates.scale;
        let second = tied.map_or_else(|| sums.second(family, means, scale), CovarianceArray::Tied);
        let reference = if let Source::Model(parameters, _) = source { parameters.reference } else { 0.0 };
        let moments = Moments {
            total_weight: self.points.total_weight(),
            log_likelihood: sums.log_likelihood + reference * self.points.total_weight(),
            counts: sums.counts(),
            first: sums.first(scale),
            origins,
            second,
            single_precision: T::PRECISION == Precision::Single,
        };
        self.pass.as_ref().expect("the pass just made").recycle(sums);
        moments
    }

    /// The scatter of all samples about the origin of the coordinates, in f64 whatever the passes compute in.
    fn scatter(&mut self) -> &Array2<f64> {
        let d = self.coordinates.shift.len();
        let (points, arch) = (self.points, self.arch);
        let shift = &self.coordinates.shift;
        self.scatter.get_or_insert_with(|| {
            let coordinates = Coordinates { shift: shift.clone(), scale: vec![1.0; d] };
            let pass = Pass::<f64>::new(Shape { k: 1, d, second: Second::Triangle }, arch);
            let zero = vec![0.0; d];
            let sums = pass.sums(&Run { points, coordinates: &coordinates, source: &Source::All, means: &zero });
            match sums.second(CovarianceType::Tied, &zero, &coordinates.scale) {
                CovarianceArray::Tied(scatter) => scatter,
                _ => unreachable!("the family asked for is the family given"),
            }
        })
    }

    /// Second moments of the tied family about the origins o_k, from the scatter T of all samples about the origin c of
    /// the coordinates: with v = o - c, the sum over k of r (x - o)(x - o)^T is
    /// T - sum_k (v first^T + first v^T + N_k v v^T), first = sum of r (x - o). `None` where the difference is so much
    /// smaller than T that it has lost digits.
    fn tied_second(&mut self, sums: &Sums, origins: &Array2<f64>) -> Option<Array2<f64>> {
        let offsets = origins - &Array1::from(self.coordinates.shift.clone());
        let (first, counts) = (sums.first(&self.coordinates.scale), sums.counts());
        let scatter = self.scatter();
        let mut second = scatter.clone();
        for ((v, first), count) in offsets.outer_iter().zip(first.outer_iter()).zip(&counts) {
            for ((i, j), x) in second.indexed_iter_mut() {
                *x -= v[i] * first[j] + first[i] * v[j] + count * (v[i] * v[j]);
            }
        }
        let keeps_digits = second.diag().iter().zip(scatter.diag()).all(|(left, all)| *left >= T::LEAST_SHARE * all);
        keeps_digits.then_some(second)
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

impl<T: Real> Backend for CpuBackend<'_, '_, T> {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn n_samples(&self) -> usize {
        self.points.n_samples()
    }

    fn n_features(&self) -> usize {
        self.points.n_features()
    }

    fn moments(&mut self, mixture: &Mixture, assignment: Assignment) -> Result<Moments> {
        let parameters = self.parameters(mixture)?;
        let source = Source::Model(&parameters, assignment);
        let family = mixture.covariance_type();
        Ok(match T::PRECISION {
            Precision::Double => self.moments_by(&source, &parameters.means, mixture.means().clone(), family),
            // The passes know the means as rounded to their precision only.
            Precision::Single => {
                let rounded = parameters.origins(&self.coordinates);
                self.moments_by(&source, &parameters.means, rounded, family).about(mixture.means())
            }
        })
    }

    fn log_likelihood(&mut self, mixture: &Mixture) -> Result<f64> {
        let parameters = self.parameters(mixture)?;
        let shape = Shape { k: parameters.k, d: parameters.d, second: Second::of(mixture.covariance_type()) };
        let sums = self.sums(&Source::Model(&parameters, Assignment::Soft), &[], shape);
        Ok(sums.log_likelihood + parameters.reference * self.points.total_weight())
    }

    fn assess(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Assessment> {
        let parameters = &self.parameters(mixture)?;
        let mut log_densities = vec![0.0; rows.len()];
        let mut labels = vec![0; rows.len()];
        let tiles = Tile::<T>::capacity(parameters.d);
        log_densities.par_chunks_mut(tiles).zip(labels.par_chunks_mut(tiles)).enumerate().for_each_init(
            || (Tile::new(self.arch, parameters.d), Posterior::new(self.arch, parameters.k, parameters.d)),
            |(tile, posterior), (i, (log_densities, labels))| {
                let start = rows.start + i * tiles;
                tile.load(self.arch, self.points, start..start + labels.len(), &self.coordinates);
                self.arch.dispatch(LogDensities { parameters, tile, posterior });
                self.arch.dispatch(Assess { posterior, width: tile.width });
                labels.copy_from_slice(&posterior.labels[..labels.len()]);
                for (to, from) in log_densities.iter_mut().zip(posterior.maxima.row(0)) {
                    *to = from.to_f64() + parameters.reference;
                }
            },
        );
        Ok(Assessment { log_densities: log_densities.into(), labels: Array1::from(labels) })
    }

    fn responsibilities(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Array2<f64>> {
        let parameters = &self.parameters(mixture)?;
        let (k, d) = (parameters.k, parameters.d);
        let mut responsibilities = Array2::zeros((rows.len(), k));
        let tiles = Tile::<T>::capacity(d);
        responsibilities.axis_chunks_iter_mut(Axis(0), tiles).into_par_iter().enumerate().for_each_init(
            || (Tile::new(self.arch, d), Posterior::new(self.arch, k, d)),
            |(tile, posterior), (i, mut block)| {
                let start = rows.start + i * tiles;
                tile.load(self.arch, self.points, start..start + block.nrows(), &self.coordinates);
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
        Ok(responsibilities)
    }
}
