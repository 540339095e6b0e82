//! The native backend: f64 arithmetic in tiles that stay in cache, on all processor cores.
//!
//! The samples are cut into slabs whose bounds depend on their number only; each slab has sums of its own, and these
//! are added in order, so that the result does not depend on the number of threads. The instruction set (AVX-512,
//! AVX2, NEON or scalar) is chosen at run time.

pub(crate) mod ceiling;
mod e_step;
mod exp;
mod m_step;
mod parameters;
mod tile;

use std::ops::Range;

use ndarray::{Array1, Array2};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::backend::{Assessment, Assignment, Backend, DeviceInfo, check_features};
use crate::covariance::{CovarianceArray, CovarianceType};
use crate::error::Result;
use crate::mixture::Mixture;
use crate::moments::Moments;
use crate::points::Points;
use e_step::Posterior;
use m_step::{Second, Sums, Work};
use parameters::Parameters;
use tile::Tile;

/// Slabs have at least this many samples...
const LEAST_SLAB: usize = 4096;
/// ... there are at most this many of them...
const MOST_SLABS: usize = 128;
/// ... and fewer where their sums would together hold more numbers than this (512 MiB).
const MOST_SUMS: usize = 64 << 20;

/// What is left of the scatter within components may be this small a share of all scatter before it is summed directly:
/// ten of sixteen digits remain.
const LEAST_SHARE: f64 = 1e-6;

/// Samples in memory, and the passes over them on the processor.
#[derive(Debug)]
pub struct CpuBackend<'p, 'a> {
    points: &'p Points<'a>,
    /// Median of every feature. Samples are taken relative to it, so that data far from zero lose nothing.
    centre: Vec<f64>,
    /// Sum of w (x - centre)(x - centre)^T: what the tied family needs, the same in every epoch.
    scatter: Option<Array2<f64>>,
    arch: Arch,
    info: DeviceInfo,
}

impl<'p, 'a> CpuBackend<'p, 'a> {
    /// Borrows the samples; nothing is copied.
    pub fn new(points: &'p Points<'a>) -> Self {
        let centre = points.medians().0;
        CpuBackend { points, centre, scatter: None, arch: Arch::new(), info: info() }
    }

    /// Calls `work` for each slab, in parallel; the results come in the order of the slabs.
    fn for_each_slab<T: Send>(&self, most: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
        let n = self.points.n_samples();
        let capacity = Tile::capacity(self.centre.len());
        let slabs = n.div_ceil(LEAST_SLAB).clamp(1, most);
        let rows = n.div_ceil(slabs).next_multiple_of(capacity);
        (0..n.div_ceil(rows)).into_par_iter().map(|i| work(i * rows..((i + 1) * rows).min(n))).collect()
    }

    /// Sums over all samples about the given means `[K, D]`, which are relative to the centre.
    fn sums<R: Respond>(&self, responder: &R, means: &[f64], shape: Second) -> Sums {
        let d = self.centre.len();
        let most = (MOST_SUMS / Sums::size(shape, means.len() / d, d).max(1)).clamp(1, MOST_SLABS);
        let slabs = self
            .for_each_slab(most, |rows| self.arch.dispatch(SlabPass { backend: self, responder, means, shape, rows }));
        add_in_order(slabs)
    }

    /// Moments of a family about the given origins `[K, D]`.
    fn moments_by<R: Respond>(&mut self, responder: &R, origins: &Array2<f64>, family: CovarianceType) -> Moments {
        let means: Vec<f64> =
            origins.rows().into_iter().flat_map(|row| row.into_iter().zip(&self.centre).map(|(m, c)| m - c)).collect();
        let mut sums = self.sums(responder, &means, Second::of(family));
        let second = match family {
            CovarianceType::Tied => match self.tied_second(&sums, &means) {
                Some(second) => CovarianceArray::Tied(second),
                None => {
                    sums = self.sums(responder, &means, Second::Triangle);
                    sums.second(family)
                }
            },
            _ => sums.second(family),
        };
        Moments {
            total_weight: self.points.total_weight(),
            log_likelihood: sums.log_likelihood,
            counts: sums.counts.into(),
            origins: origins.clone(),
            first: Array2::from_shape_vec(origins.dim(), sums.first).expect("[K, D]"),
            second,
            single_precision: false,
        }
    }

    /// Moments under responsibilities that `fill(rows, r)` makes up: r is [K, n] for the n given rows, and each
    /// sample's must sum to 1. The log-likelihood of the result is 0.
    pub(crate) fn moments_of_responsibilities(
        &mut self,
        family: CovarianceType,
        k: usize,
        fill: impl Fn(Range<usize>, &mut ndarray::ArrayViewMut2<f64>) + Sync,
    ) -> Moments {
        let centre = Array1::from(self.centre.clone());
        let origins = centre.broadcast((k, centre.len())).expect("[D] to [K, D]").to_owned();
        self.moments_by(&Given { k, fill }, &origins, family)
    }

    /// The scatter of all samples about the centre.
    fn scatter(&mut self) -> Array2<f64> {
        let d = self.centre.len();
        if self.scatter.is_none() {
            let one = Given { k: 1, fill: |_, r: &mut ndarray::ArrayViewMut2<f64>| r.fill(1.0) };
            let sums = self.sums(&one, &vec![0.0; d], Second::Triangle);
            let CovarianceArray::Tied(scatter) = sums.second(CovarianceType::Tied) else {
                unreachable!("the family asked for is the family given")
            };
            self.scatter = Some(scatter);
        }
        self.scatter.clone().expect("just made")
    }

    /// Second moments of the tied family about the means v_k (relative to the centre), from the scatter T of all
    /// samples about the centre: the sum over k of r (z - v)(z - v)^T with z = x - centre is
    /// T - sum_k (v first^T + first v^T + N_k v v^T), first = sum of r (z - v). `None` where the difference is so much
    /// smaller than T that it has lost digits.
    fn tied_second(&mut self, sums: &Sums, means: &[f64]) -> Option<Array2<f64>> {
        let scatter = self.scatter();
        let d = scatter.nrows();
        let mut second = scatter.clone();
        for ((v, first), count) in means.chunks_exact(d).zip(sums.first.chunks_exact(d)).zip(&sums.counts) {
            for ((i, j), x) in second.indexed_iter_mut() {
                *x -= v[i] * first[j] + first[i] * v[j] + count * (v[i] * v[j]);
            }
        }
        let keeps_digits = second.diag().iter().zip(scatter.diag()).all(|(left, all)| *left >= LEAST_SHARE * all);
        keeps_digits.then_some(second)
    }
}

fn add_in_order(slabs: Vec<Sums>) -> Sums {
    let mut slabs = slabs.into_iter();
    let mut total = slabs.next().expect("there is at least one sample");
    slabs.for_each(|slab| total.add(&slab));
    total
}

/// The processor as a device.
pub(crate) fn info() -> DeviceInfo {
    let threads = rayon::current_num_threads();
    let name = format!("{} on {threads} thread{}", instruction_set(), if threads == 1 { "" } else { "s" });
    DeviceInfo { backend: "cpu".to_owned(), name, device_type: "cpu".to_owned() }
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

impl Backend for CpuBackend<'_, '_> {
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
        check_features(mixture, self.n_features())?;
        let parameters = &Parameters::new(mixture, &self.centre);
        Ok(self.moments_by(&ByModel { parameters, assignment }, mixture.means(), mixture.covariance_type()))
    }

    fn log_likelihood(&mut self, mixture: &Mixture) -> Result<f64> {
        check_features(mixture, self.n_features())?;
        let parameters = &Parameters::new(mixture, &self.centre);
        let responder = ByModel { parameters, assignment: Assignment::Soft };
        Ok(self.sums(&responder, &[], Second::Nothing).log_likelihood)
    }

    fn assess(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Assessment> {
        check_features(mixture, self.n_features())?;
        let parameters = Parameters::new(mixture, &self.centre);
        let mut log_densities = vec![0.0; rows.len()];
        let mut labels = vec![0; rows.len()];
        let tiles = Tile::capacity(parameters.d);
        log_densities.par_chunks_mut(tiles).zip(labels.par_chunks_mut(tiles)).enumerate().for_each_init(
            || (Tile::new(parameters.d), Posterior::new(parameters.k, parameters.d)),
            |(tile, posterior), (i, (log_densities, labels))| {
                let start = rows.start + i * tiles;
                tile.load(self.points, start..start + labels.len(), &self.centre);
                self.arch.dispatch(AssessTile { parameters: &parameters, tile, posterior });
                log_densities.copy_from_slice(&posterior.log_densities[..labels.len()]);
                labels.copy_from_slice(&posterior.labels[..labels.len()]);
            },
        );
        Ok(Assessment { log_densities: log_densities.into(), labels: Array1::from(labels) })
    }

    fn responsibilities(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Array2<f64>> {
        check_features(mixture, self.n_features())?;
        let parameters = Parameters::new(mixture, &self.centre);
        let (k, d) = (parameters.k, parameters.d);
        let mut responsibilities = Array2::zeros((rows.len(), k));
        let tiles = Tile::capacity(d);
        responsibilities.axis_chunks_iter_mut(ndarray::Axis(0), tiles).into_par_iter().enumerate().for_each_init(
            || (Tile::new(d), Posterior::new(k, d)),
            |(tile, posterior), (i, mut block)| {
                let start = rows.start + i * tiles;
                tile.load(self.points, start..start + block.nrows(), &self.centre);
                tile.weights.fill(1.0);
                self.arch.dispatch(RespondTile { parameters: &parameters, tile, posterior });
                for ((n, k), r) in block.indexed_iter_mut() {
                    *r = posterior.r[k * tile.width + n];
                }
            },
        );
        Ok(responsibilities)
    }
}

/// Where the responsibilities of a pass come from.
trait Respond: Sync {
    /// K.
    fn n_components(&self) -> usize;

    /// Responsibilities times sample weight of a tile, which holds the given rows, into `posterior.r`; returns the
    /// tile's log-likelihood.
    fn respond<S: Simd>(&self, simd: S, rows: Range<usize>, tile: &Tile, posterior: &mut Posterior) -> f64;
}

/// By the posterior of a model: the E step.
struct ByModel<'a> {
    parameters: &'a Parameters,
    assignment: Assignment,
}

impl Respond for ByModel<'_> {
    fn n_components(&self) -> usize {
        self.parameters.k
    }

    #[inline(always)]
    fn respond<S: Simd>(&self, simd: S, _: Range<usize>, tile: &Tile, posterior: &mut Posterior) -> f64 {
        posterior.log_densities(simd, self.parameters, tile);
        posterior.respond::<S>(tile, self.assignment)
    }
}

/// By a function of the rows.
struct Given<F> {
    k: usize,
    fill: F,
}

impl<F: Fn(Range<usize>, &mut ndarray::ArrayViewMut2<f64>) + Sync> Respond for Given<F> {
    fn n_components(&self) -> usize {
        self.k
    }

    #[inline(always)]
    fn respond<S: Simd>(&self, _: S, rows: Range<usize>, tile: &Tile, posterior: &mut Posterior) -> f64 {
        let (n, width) = (rows.len(), tile.width);
        let mut r = ndarray::ArrayViewMut2::from_shape((self.k, width), &mut posterior.r[..self.k * width])
            .expect("[K, width]");
        r.slice_mut(ndarray::s![.., n..]).fill(0.0);
        let mut r = r.slice_mut(ndarray::s![.., ..n]);
        (self.fill)(rows, &mut r);
        for mut row in r.rows_mut() {
            row.iter_mut().zip(&tile.weights).for_each(|(r, weight)| *r *= weight);
        }
        0.0
    }
}

/// Responsibilities and sums over a slab of samples.
struct SlabPass<'b, 'p, 'a, R> {
    backend: &'b CpuBackend<'p, 'a>,
    responder: &'b R,
    /// Origins of the sums relative to the centre: `[K, D]`; none where only the log-likelihood is wanted.
    means: &'b [f64],
    shape: Second,
    rows: Range<usize>,
}

impl<R: Respond> WithSimd for SlabPass<'_, '_, '_, R> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let d = self.backend.centre.len();
        let mut tile = Tile::new(d);
        let mut posterior = Posterior::new(self.responder.n_components(), d);
        let mut work = Work::new(d);
        let mut sums = Sums::zero(self.shape, self.means.len() / d, d);
        let capacity = Tile::capacity(d);
        for start in self.rows.clone().step_by(capacity) {
            let rows = start..(start + capacity).min(self.rows.end);
            tile.load(self.backend.points, rows.clone(), &self.backend.centre);
            sums.log_likelihood += self.responder.respond(simd, rows, &tile, &mut posterior);
            sums.add_tile(simd, &posterior.r, self.means, &tile, &mut work);
        }
        sums
    }
}

struct AssessTile<'a> {
    parameters: &'a Parameters,
    tile: &'a Tile,
    posterior: &'a mut Posterior,
}

impl WithSimd for AssessTile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.posterior.log_densities(simd, self.parameters, self.tile);
        self.posterior.assess::<S>(self.tile.width);
    }
}

struct RespondTile<'a> {
    parameters: &'a Parameters,
    tile: &'a Tile,
    posterior: &'a mut Posterior,
}

impl WithSimd for RespondTile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.posterior.log_densities(simd, self.parameters, self.tile);
        self.posterior.respond::<S>(self.tile, Assignment::Soft);
    }
}
