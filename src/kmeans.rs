//! k-means on standardised features: the best of some short runs on a subsample, each from greedy k-means++ seeds, goes on
//! until it has converged.
//!
//! It runs on the CPU in f64 whatever the device of the fit, so that all devices start alike. Centres of many thousand
//! samples are where those of all samples are, within a small part of what the first epochs move them.

use ndarray::{Array1, Array2, Array3, Axis};
use rand::seq::index;
use rand::{Rng, RngExt};
use rand_pcg::Pcg64;
use rayon::prelude::*;

use crate::backend::{Assignment, Backend};
use crate::covariance::{CovarianceArray, CovarianceType};
use crate::cpu::CpuBackend;
use crate::error::Result;
use crate::mixture::Mixture;
use crate::points::{Points, Samples};

/// The subsample has this many samples for each cluster, within the bounds that follow.
const SUBSAMPLE_PER_CLUSTER: usize = 100;
const SMALLEST_SUBSAMPLE: usize = 20_000;
const LARGEST_SUBSAMPLE: usize = 200_000;

/// Lloyd stops when the squared shifts of all centres, in feature variances, sum to this or less.
const SHIFT_TOLERANCE: f64 = 1e-4;

/// Most rounds of the run that goes on.
const MOST_ROUNDS: usize = 300;

/// Runs, and rounds after which the best of them is chosen. One run of k-means++ often leaves a component without a centre;
/// of three the best seldom does.
const RUNS: usize = 3;
const SHORT_RUN: usize = 10;

/// Samples that one task of the seeding handles.
const SAMPLES_PER_TASK: usize = 4096;

/// What k-means found.
#[derive(Debug)]
pub(crate) struct Clusters {
    /// `[K, D]`
    pub(crate) centres: Array2<f64>,
    /// Variances of the features among the samples used, which standardise the distance: `[D]`.
    pub(crate) variances: Array1<f64>,
    /// Rounds of Lloyd's algorithm in the run that won.
    pub(crate) rounds: usize,
    /// Mean squared distance of a sample from its centre, in feature variances.
    pub(crate) inertia: f64,
}

/// Clusters a subsample, or all samples where they are few.
pub(crate) fn cluster(points: &Points, k: usize, random: &mut Pcg64) -> Result<Clusters> {
    let size = subsample_size(k);
    if points.n_samples() <= size {
        return cluster_all(points, k, random);
    }
    cluster_all(&points.select(&choose_rows(points, size, random)), k, random)
}

fn cluster_all(points: &Points, k: usize, random: &mut Pcg64) -> Result<Clusters> {
    let (_, variances) = points.feature_moments();
    let mut backend = CpuBackend::new(points);
    let mut best = short_run(points, &mut backend, &variances, k, random)?;
    for _ in 1..RUNS {
        let run = short_run(points, &mut backend, &variances, k, random)?;
        if run.inertia < best.inertia {
            best = run;
        }
    }
    if best.rounds < SHORT_RUN {
        return Ok(best);
    }
    let clusters = lloyd(&mut backend, best.centres, &variances, MOST_ROUNDS - SHORT_RUN)?;
    Ok(Clusters { rounds: best.rounds + clusters.rounds, ..clusters })
}

fn short_run(
    points: &Points,
    backend: &mut dyn Backend,
    variances: &Array1<f64>,
    k: usize,
    random: &mut Pcg64,
) -> Result<Clusters> {
    lloyd(backend, seed(points, variances, k, random), variances, SHORT_RUN)
}

fn subsample_size(k: usize) -> usize {
    (k * SUBSAMPLE_PER_CLUSTER).clamp(SMALLEST_SUBSAMPLE, LARGEST_SUBSAMPLE).max(k)
}

/// Distinct rows of positive weight, in order: all of them if there are no more than `count`.
pub(crate) fn choose_rows(points: &Points, count: usize, random: &mut impl Rng) -> Vec<usize> {
    let mut rows = match points.weights() {
        None if points.n_samples() <= count => (0..points.n_samples()).collect(),
        None => index::sample(random, points.n_samples(), count).into_vec(),
        Some(weights) => {
            let candidates: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0.0).collect();
            let count = count.min(candidates.len());
            index::sample(random, candidates.len(), count).into_iter().map(|i| candidates[i]).collect()
        }
    };
    rows.sort_unstable();
    rows
}

/// Samples as means: [rows, D].
pub(crate) fn rows(points: &Points, rows: &[usize]) -> Array2<f64> {
    match points.samples() {
        Samples::F32(values) => values.select(Axis(0), rows).mapv(f64::from),
        Samples::F64(values) => values.select(Axis(0), rows),
    }
}

/// K seeds `[K, D]` by greedy k-means++ (Arthur and Vassilvitskii 2007; 2 + floor(ln K) trials for each) on a
/// subsample: each seed is drawn with probability proportional to its squared distance from the nearest seed so far, and the best
/// of some trials is kept.
pub(crate) fn seed(points: &Points, variances: &Array1<f64>, k: usize, random: &mut Pcg64) -> Array2<f64> {
    let candidates = choose_rows(points, subsample_size(k), random);
    let scale = variances.mapv(|v| if v > 0.0 { v.sqrt().recip() } else { 1.0 });
    let standardised = rows(points, &candidates) * &scale;
    let weights: Vec<f64> = candidates.iter().map(|&i| points.weight(i)).collect();
    let trials = 2 + (k as f64).ln() as usize;

    let mut chosen = vec![draw(&weights, random)];
    let mut nearest = vec![f64::INFINITY; candidates.len()];
    nearest = nearer(&standardised, &weights, &nearest, chosen[0]).0;
    while chosen.len() < k {
        let (distances, _, best) = (0..trials)
            .map(|_| {
                let trial = draw(&nearest, random);
                let (distances, potential) = nearer(&standardised, &weights, &nearest, trial);
                (distances, potential, trial)
            })
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .expect("there is at least one trial");
        nearest = distances;
        chosen.push(best);
    }
    let chosen: Vec<usize> = chosen.into_iter().map(|i| candidates[i]).collect();
    rows(points, &chosen)
}

/// An index with probability proportional to its mass; any index where there is no mass left.
fn draw(masses: &[f64], random: &mut Pcg64) -> usize {
    let total: f64 = masses.iter().sum();
    if total <= 0.0 {
        return random.random_range(0..masses.len());
    }
    let mut left = total * random.random::<f64>();
    let mut last = 0;
    for (i, &mass) in masses.iter().enumerate() {
        if mass > 0.0 {
            last = i;
            left -= mass;
            if left <= 0.0 {
                break;
            }
        }
    }
    last
}

/// Weighted squared distance of every sample from the nearest of the seeds so far and a new one, and their sum.
fn nearer(samples: &Array2<f64>, weights: &[f64], nearest: &[f64], seed: usize) -> (Vec<f64>, f64) {
    let seed = samples.row(seed);
    let seed = seed.as_slice().expect("row-major");
    let mut distances = vec![0.0; nearest.len()];
    let sums: Vec<f64> = distances
        .par_chunks_mut(SAMPLES_PER_TASK)
        .enumerate()
        .map(|(task, distances)| {
            let start = task * SAMPLES_PER_TASK;
            let rows = samples.axis_iter(Axis(0)).skip(start);
            for (i, (distance, row)) in distances.iter_mut().zip(rows).enumerate() {
                let row = row.to_slice().expect("row-major");
                let square: f64 = row.iter().zip(seed).map(|(x, s)| (x - s) * (x - s)).sum();
                *distance = nearest[start + i].min(weights[start + i] * square);
            }
            distances.iter().sum()
        })
        .collect();
    (distances, sums.iter().sum())
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
