//! k-means on features over their robust scales: short runs on a subsample, each from greedy k-means++ seeds, among
//! which `starts` chooses.
//!
//! It runs on the CPU in f64 whatever the device of the fit, so that all devices start alike. Centres of many thousand
//! samples are where those of all samples are, within a small part of what the first epochs move them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ndarray::{Array1, Array2, Axis};
use rand_pcg::Pcg64;

use crate::data::points::Points;
use crate::data::spread::Spread;
use crate::data::spread::or_deviations;
use crate::data::subsample::choose;
use crate::data::summary::Summary;
use crate::data::watched::Watched;
use crate::device::backend::Backend;
use crate::device::cpu::CpuBackend;
use crate::device::prune::Prune;
use crate::device::task::{Assignment, SumsTask};
use crate::error::Result;
use crate::fit::seeds::Seeder;
use crate::model::family::CovarianceType;
use crate::model::moments::Moments;
use crate::model::quadratics::Quadratics;

/// The subsample has this many samples for each cluster, within the bounds that follow.
const SUBSAMPLE_PER_CLUSTER: usize = 100;
const SMALLEST_SUBSAMPLE: usize = 20_000;
const LARGEST_SUBSAMPLE: usize = 200_000;

/// Of so many samples, or more, a start is to cost no more than a few epochs: the subsample is one of so many of them, with
/// fewer for each cluster where that is too few, and at most one of so many.
const MANY_SAMPLES: usize = 200_000;
const MANY_STEP: usize = 64;
const MANY_PER_CLUSTER: usize = 40;
const MANY_LEAST_STEP: usize = 4;

/// Lloyd stops when the squared shifts of all centres, in squared scales, sum to this or less.
const SHIFT_TOLERANCE: f64 = 1e-4;

/// Runs. One run of k-means++ often leaves a component without a centre; of five the best seldom does. Few samples have
/// more bad local optima, and cost little: up to ten runs, while a round of all of them takes no more than so many
/// multiplications.
const FEWEST_RUNS: usize = 5;
const MOST_RUNS: usize = 10;
const CHEAP_ROUND: usize = 1_000_000;

/// Clusters of all runs. Of very many clusters fewer runs will do: each has as many good and bad ones as any other.
const MOST_CLUSTERS_OF_ALL_RUNS: usize = 768;

/// Rounds of a run. More move the centres of the best run a little, and the likelihood that a fit ends with not at all.
const MOST_ROUNDS: usize = 10;

/// A run is better than another if it has less than this share of the other's inertia: runs that find the same clusters
/// differ in their rounding alone, which is another on every processor.
const EQUAL: f64 = 1.0 - 1e-6;

/// Result of a run of k-means.
#[derive(Debug, Clone)]
pub(crate) struct Clusters {
    /// `[K, D]`
    pub(crate) centres: Array2<f64>,
    /// Squared scales of the features, in which distances are measured: `[D]`.
    variances: Array1<f64>,
    /// Rounds of Lloyd's algorithm.
    pub(crate) rounds: usize,
    /// Mean squared distance of a sample from its centre, in squared scales.
    pub(crate) inertia: f64,
}

impl Clusters {
    /// Distances from the centres, for the kernels of a family: a hard pass assigns every sample to the nearest.
    pub(crate) fn distances(&self, family: CovarianceType) -> Arc<Quadratics> {
        Arc::new(Quadratics::distances(self.centres.clone(), &self.variances, family))
    }
}

/// The runs of k-means on a subsample.
#[derive(Debug)]
pub(crate) struct Runs {
    /// The subsample: all samples, where they are few.
    pub(crate) points: Points<'static>,
    /// Result of each run after its first round.
    pub(crate) first: Vec<Clusters>,
    /// Result of each run in the end.
    pub(crate) last: Vec<Clusters>,
    /// The last of least inertia, one for each way to look at the features.
    pub(crate) best: Vec<Clusters>,
}

/// Runs k-means on a subsample. Where some values are far from the others, every
/// second run sees them brought nearer: else these would take all centres, or could not have any of their own.
pub(crate) fn run(points: Points<'static>, k: usize, stop: &AtomicBool, random: &mut Pcg64) -> Result<Runs> {
    let spreads = points.summary().spreads();
    let has_far_values = points.any(|feature, x| spreads[feature].is_far(x));
    let compressed = has_far_values.then(|| points.mapped(|feature, x| spreads[feature].compress(x)));
    let mut views = vec![View::new(k, &points, stop, points.summary().scale().clone(), None)];
    if let Some(compressed) = &compressed {
        let scales = spreads.iter().map(|spread| spread.clipped_scale).collect();
        let scales = or_deviations(scales, || compressed.summary().variance().clone());
        views.insert(0, View::new(k, compressed, stop, scales, Some(spreads)));
    }
    let multiplications = points.n_samples() * points.n_features() * k;
    let fewest = (MOST_CLUSTERS_OF_ALL_RUNS / k).clamp(views.len(), FEWEST_RUNS);
    // One cluster is the same in every run.
    let n_runs = if k == 1 { 1 } else { (CHEAP_ROUND / multiplications).clamp(fewest, MOST_RUNS) };
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let mut best: Vec<Option<Clusters>> = vec![None; views.len()];
    for run in 0..n_runs {
        let view = run % views.len();
        let [begun, ended] = views[view].run(k, random)?;
        if best[view].as_ref().is_none_or(|best| ended.inertia < EQUAL * best.inertia) {
            best[view] = Some(ended.clone());
        }
        first.push(begun);
        last.push(ended);
    }
    let best = best.into_iter().flatten().collect();
    drop(views);
    Ok(Runs { points, first, last, best })
}

/// Seeds alone `[K, D]`, from a subsample.
pub(crate) fn seed(points: &Points, k: usize, stop: &AtomicBool, random: &mut Pcg64) -> Result<Array2<f64>> {
    let mut seeder = Seeder::new(points, &squares(points.summary().scale().clone()), k);
    Ok(filled(points, points.rows(&seeder.seed(k, stop, random)?)))
}

/// Some of the samples as centres: what is missing of them is the mean of all.
pub(crate) fn filled(points: &Points, mut centres: Array2<f64>) -> Array2<f64> {
    if centres.iter().any(|x| x.is_nan()) {
        let mean = points.summary().mean();
        centres.indexed_iter_mut().filter(|(_, x)| x.is_nan()).for_each(|((_, i), x)| *x = mean[i]);
    }
    centres
}

pub(crate) fn squares(scales: Array1<f64>) -> Array1<f64> {
    scales.mapv(|scale| scale * scale)
}

/// The places of a subsample among the samples of positive weight: of all of them, where they are few.
pub(crate) fn subsample(summary: &Summary, k: usize, random: &mut Pcg64) -> Vec<usize> {
    choose(summary, subsample_size(summary.n_effective(), k), random)
}

fn subsample_size(n: usize, k: usize) -> usize {
    let enough = (k * SUBSAMPLE_PER_CLUSTER).clamp(SMALLEST_SUBSAMPLE, LARGEST_SUBSAMPLE).max(k);
    if n < MANY_SAMPLES {
        return enough;
    }
    let quick = (n / MANY_STEP).max(k * MANY_PER_CLUSTER).min(n / MANY_LEAST_STEP);
    quick.max(k).min(enough)
}

/// A way to look at the features: as they are, or with far values brought nearer.
struct View<'v> {
    points: &'v Points<'static>,
    stop: &'v AtomicBool,
    seeder: Seeder,
    variances: Array1<f64>,
    /// Transform that brought far values nearer.
    spreads: Option<&'v [Spread]>,
}

impl<'v> View<'v> {
    fn new(
        k: usize,
        points: &'v Points<'static>,
        stop: &'v AtomicBool,
        scales: Array1<f64>,
        spreads: Option<&'v [Spread]>,
    ) -> Self {
        let variances = squares(scales);
        View { points, stop, seeder: Seeder::new(points, &variances, k), variances, spreads }
    }

    /// Results of a run after its first round, and in the end.
    fn run(&mut self, k: usize, random: &mut Pcg64) -> Result<[Clusters; 2]> {
        let seeds = filled(self.points, self.points.rows(&self.seeder.seed(k, self.stop, random)?));
        let watched = Watched::new(self.points, self.stop, &|_| {});
        let mut backend = CpuBackend::new(&watched);
        let first = lloyd(&mut backend, seeds, &self.variances, 1)?;
        let last = lloyd(&mut backend, first.centres.clone(), &self.variances, MOST_ROUNDS - 1)?;
        let last = Clusters { rounds: first.rounds + last.rounds, ..last };
        Ok([first, last].map(|clusters| self.as_they_are(clusters)))
    }

    /// The centres among the values as they are.
    fn as_they_are(&self, mut clusters: Clusters) -> Clusters {
        if let Some(spreads) = self.spreads {
            clusters.centres.indexed_iter_mut().for_each(|((_, feature), x)| *x = spreads[feature].expand(*x));
        }
        clusters
    }
}

/// The moments of a subsample under a model, without components where they cannot matter.
pub(crate) fn pruned_moments(
    backend: &mut dyn Backend,
    model: &Arc<Quadratics>,
    assignment: Assignment,
    family: CovarianceType,
) -> Result<Moments> {
    let task = SumsTask::new(model, assignment, family, backend.summary());
    backend.moments_of(task.pruned(Prune::Auto), family)
}

/// Lloyd's algorithm from the given centres, for at most `most_rounds` rounds. A cluster that loses all samples keeps
/// its centre.
fn lloyd(
    backend: &mut dyn Backend,
    mut centres: Array2<f64>,
    variances: &Array1<f64>,
    most_rounds: usize,
) -> Result<Clusters> {
    let scale = variances.mapv(|v| if v > 0.0 { v.recip() } else { 1.0 });
    let mut rounds = 0;
    loop {
        // One factor for all centres: samples take it once, whatever the number of centres.
        let model = Arc::new(Quadratics::distances(centres.clone(), variances, CovarianceType::Tied));
        let moments = pruned_moments(backend, &model, Assignment::Hard, CovarianceType::Diag)?;
        rounds += 1;
        let second = moments.first.indexed_iter().map(|((k, i), _)| moments.second.entry(k, i, i));
        let second: Array1<f64> = second.collect();
        let second = second.into_shape_with_order(centres.raw_dim()).expect("[K, D]");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsamples_of_many_samples_are_small_parts_of_them() {
        // All of few samples, and 100 for each cluster of more.
        assert_eq!(subsample_size(150_000, 8), 20_000);
        assert_eq!(subsample_size(150_000, 1_000), 100_000);
        // One of 64, but 40 for each cluster, and one of 4 at most.
        assert_eq!(subsample_size(200_000, 8), 3_125);
        assert_eq!(subsample_size(200_000, 256), 10_240);
        assert_eq!(subsample_size(200_000, 4_096), 50_000);
        assert_eq!(subsample_size(200_000, 100_000), 100_000);
        // Of very many samples as many as of 150,000.
        assert_eq!(subsample_size(10_000_000, 8), 20_000);
        assert_eq!(subsample_size(100_000_000, 1_000), 100_000);
    }
}
