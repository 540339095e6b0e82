//! k-means on features over their robust scales: the best of some short runs on a subsample, each from greedy k-means++ seeds, goes on
//! until it has converged.
//!
//! It runs on the CPU in f64 whatever the device of the fit, so that all devices start alike. Centres of many thousand
//! samples are where those of all samples are, within a small part of what the first epochs move them.

use std::sync::atomic::AtomicBool;

use ndarray::{Array1, Array2, Array3, Axis};
use rand_pcg::Pcg64;

use crate::backend::{Assignment, Backend};
use crate::covariance::{CovarianceArray, CovarianceType};
use crate::cpu::CpuBackend;
use crate::data::{Data, Watched, choose, select};
use crate::error::Result;
use crate::mixture::Mixture;
use crate::points::Points;
use crate::seeds::Seeder;

/// The subsample has this many samples for each cluster, within the bounds that follow.
const SUBSAMPLE_PER_CLUSTER: usize = 100;
const SMALLEST_SUBSAMPLE: usize = 20_000;
const LARGEST_SUBSAMPLE: usize = 200_000;

/// Lloyd stops when the squared shifts of all centres, in feature variances, sum to this or less.
const SHIFT_TOLERANCE: f64 = 1e-4;

/// Most rounds of the run that goes on.
const MOST_ROUNDS: usize = 300;

/// Runs, and rounds after which the best of them is chosen. One run of k-means++ often leaves a component without a centre;
/// of five the best seldom does. Few samples have more bad local optima, and cost little: up to thirty runs, while a
/// round of all of them takes no more than so many multiplications.
const FEWEST_RUNS: usize = 5;
const MOST_RUNS: usize = 30;
const CHEAP_ROUND: usize = 1_000_000;
const SHORT_RUN: usize = 10;

/// A run is better than another if it has less than this share of the other's inertia: runs that find the same clusters
/// differ in their rounding alone, which is another on every processor.
const EQUAL: f64 = 1.0 - 1e-6;

/// What k-means found.
#[derive(Debug)]
pub(crate) struct Clusters {
    /// `[K, D]`
    pub(crate) centres: Array2<f64>,
    /// Squares of the features' robust scales, in which the distance is measured: `[D]`.
    pub(crate) variances: Array1<f64>,
    /// Rounds of Lloyd's algorithm in the run that won.
    pub(crate) rounds: usize,
    /// Mean squared distance of a sample from its centre, in those squares.
    pub(crate) inertia: f64,
}

/// Clusters a subsample, or all samples where they are few.
pub(crate) fn cluster(data: &dyn Data, k: usize, random: &mut Pcg64) -> Result<Clusters> {
    cluster_all(&subsample(data, k, random)?, squared_scales(data), data.stop(), k, random)
}

fn squared_scales(data: &dyn Data) -> Array1<f64> {
    data.scales().mapv(|scale| scale * scale)
}

fn cluster_all(
    points: &Points,
    variances: Array1<f64>,
    stop: &AtomicBool,
    k: usize,
    random: &mut Pcg64,
) -> Result<Clusters> {
    let mut seeder = Seeder::new(points, &variances);
    let watched = Watched::new(points, stop, &|_| {});
    let mut backend = CpuBackend::new(&watched);
    let mut short_run = || lloyd(&mut backend, points.rows(&seeder.seed(k, stop, random)?), &variances, SHORT_RUN);
    let mut best = short_run()?;
    let multiplications = points.n_samples() * points.n_features() * k;
    for _ in 1..(CHEAP_ROUND / multiplications).clamp(FEWEST_RUNS, MOST_RUNS) {
        let run = short_run()?;
        if run.inertia < EQUAL * best.inertia {
            best = run;
        }
    }
    if best.rounds < SHORT_RUN {
        return Ok(best);
    }
    let clusters = lloyd(&mut backend, best.centres, &variances, MOST_ROUNDS - SHORT_RUN)?;
    Ok(Clusters { rounds: best.rounds + clusters.rounds, ..clusters })
}

/// Seeds alone `[K, D]`, from a subsample or from all samples where they are few.
pub(crate) fn seed(data: &dyn Data, k: usize, random: &mut Pcg64) -> Result<Array2<f64>> {
    let points = subsample(data, k, random)?;
    let mut seeder = Seeder::new(&points, &squared_scales(data));
    Ok(points.rows(&seeder.seed(k, data.stop(), random)?))
}

fn subsample(data: &dyn Data, k: usize, random: &mut Pcg64) -> Result<Points<'static>> {
    let size = (k * SUBSAMPLE_PER_CLUSTER).clamp(SMALLEST_SUBSAMPLE, LARGEST_SUBSAMPLE).max(k);
    select(data, &choose(data, size, random))
}

/// Lloyd's algorithm from the given centres, for at most so many rounds. A cluster that loses all samples keeps its
/// centre.
fn lloyd(
    backend: &mut dyn Backend,
    mut centres: Array2<f64>,
    variances: &Array1<f64>,
    most_rounds: usize,
) -> Result<Clusters> {
    let scale = variances.mapv(|v| if v > 0.0 { v.recip() } else { 1.0 });
    let mut rounds = 0;
    loop {
        let model = as_mixture(&centres, variances, CovarianceType::Diag)?;
        let moments = backend.moments(&model, Assignment::Hard)?;
        rounds += 1;
        let CovarianceArray::Diag(second) = &moments.second else {
            unreachable!("moments are of the family of their model")
        };
        let inertia = (second * &scale).sum() / moments.total_weight;
        let counts = moments.counts.mapv(|count| if count > 0.0 { count } else { 1.0 });
        let shifts = &moments.first / &counts.insert_axis(Axis(1));
        centres += &shifts;
        let shift = (&shifts * &shifts * &scale).sum();
        if shift <= SHIFT_TOLERANCE || rounds == most_rounds {
            return Ok(Clusters { centres, variances: variances.clone(), rounds, inertia });
        }
    }
}

/// The mixture whose hard assignment is to the nearest centre in standardised features: equal weights, and the
/// feature variances as every component's covariance (1 for a constant feature, which tells nothing anyway).
pub(crate) fn as_mixture(centres: &Array2<f64>, variances: &Array1<f64>, family: CovarianceType) -> Result<Mixture> {
    let (k, d) = centres.dim();
    let variance = variances.mapv(|v| if v > 0.0 { v } else { 1.0 });
    let matrix = Array2::from_diag(&variance);
    let covariances = match family {
        CovarianceType::Full => CovarianceArray::Full(Array3::from_shape_fn((k, d, d), |(_, i, j)| matrix[[i, j]])),
        CovarianceType::Tied => CovarianceArray::Tied(matrix),
        CovarianceType::Diag => CovarianceArray::Diag(variance.broadcast((k, d)).expect("[D] to [K, D]").to_owned()),
        CovarianceType::Spherical => CovarianceArray::Spherical(Array1::from_elem(k, variance.sum() / d as f64)),
    };
    Mixture::new(Array1::from_elem(k, 1.0 / k as f64), centres.clone(), covariances)
}
