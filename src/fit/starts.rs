//! Which run of k-means a fit starts from: the one whose likelihood is greatest after some epochs of EM (Biernacki,
//! Celeux and Govaert 2003, Computational Statistics and Data Analysis 41).
//!
//! Inertia is a poor judge of that, and so is the likelihood before EM. All runs have a few epochs, and the better ones
//! some more. What wins are its clusters: the fit itself begins with them, and not after those epochs.

use std::sync::atomic::AtomicBool;

use crate::data::points::Points;
use crate::data::watched::Watched;
use crate::device::backend::Backend;
use crate::device::cpu::CpuBackend;
use crate::device::task::Assignment;
use crate::error::{Error, Result};
use crate::fit::kmeans::{Clusters, Runs, pruned_moments};
use crate::model::family::CovarianceType;
use crate::model::m_step::MStep;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

/// Numbers of epochs in all, with the numbers of starts that are kept after them.
type Schedule = &'static [(usize, usize)];
const THOROUGH: Schedule = &[(2, 8), (5, 3), (10, 1)];
const MODERATE: Schedule = &[(2, 3), (5, 1)];
const BRIEF: Schedule = &[(2, 1)];
/// That on a part of the samples, where an epoch costs little beside one on all of them.
const COARSE: Schedule = &[(2, 8), (5, 4), (10, 2), (20, 1)];

/// Operations of an epoch up to which all runs are tried, after their first round and in the end: a fit of them takes
/// milliseconds.
const CHEAP_EPOCH: f64 = 1e7;

/// Lower bounds that differ by no more are equal, in nats per sample: the earlier start wins, however a processor
/// rounds.
const EQUAL_BOUNDS: f64 = 1e-6;

/// Starts whose clusters have the same weights and scatter to this share of them are the same.
const SAME: f64 = 1e-9;

/// Epochs of EM from a start.
pub(crate) struct Judge<'a> {
    pub(crate) family: CovarianceType,
    pub(crate) m_step: &'a MStep,
    pub(crate) stop: &'a AtomicBool,
    /// Samples of the fit.
    pub(crate) n_samples: usize,
    /// Whether it begins on a part of all samples.
    pub(crate) is_coarse: bool,
}

/// A start that is tried.
struct Entry {
    clusters: Clusters,
    mixture: Mixture,
    /// Sorted weights, and the scatter within the clusters.
    signature: Vec<f64>,
    epochs: usize,
    lower_bound: f64,
}

impl Judge<'_> {
    /// The best start.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) fn choose(&self, runs: Runs) -> Result<Clusters> {
        let Runs { points, first, last, best } = runs;
        let k = best[0].centres.nrows();
        let (candidates, schedule) = match self.family.epoch_flops(points.n_samples(), k, points.n_features()) {
            _ if self.is_coarse => ([last, first].concat(), COARSE),
            flops if flops <= CHEAP_EPOCH => ([last, first].concat(), THOROUGH),
            _ if epochs(MODERATE, last.len()) * points.n_samples() <= self.n_samples => (last, MODERATE),
            _ => (best, BRIEF),
        };
        let favourite = candidates[0].clone();
        if candidates.len() == 1 {
            return Ok(favourite);
        }
        let watched = Watched::new(&points, self.stop, &|_| {});
        let mut backend = CpuBackend::new(&watched);
        let mut entries: Vec<Entry> = Vec::new();
        for clusters in candidates {
            if let Some(entry) = survivor(self.enter(&mut backend, &points, clusters))?
                && !entries.iter().any(|other| other.is_like(&entry))
            {
                entries.push(entry);
            }
        }
        for (epochs, kept) in schedule {
            if entries.len() > 1 {
                let climbed =
                    entries.into_iter().map(|entry| survivor(self.climb(&mut backend, &points, entry, *epochs)));
                entries = climbed.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
                entries = best_of(entries, *kept);
            }
        }
        Ok(entries.into_iter().next().map_or(favourite, |entry| entry.clusters))
    }

    /// The first model of a start.
    fn enter(&self, backend: &mut dyn Backend, points: &Points, clusters: Clusters) -> Result<Entry> {
        let moments = pruned_moments(backend, &clusters.distances(self.family), Assignment::Hard, self.family)?;
        let mixture = self.maximize(points, moments)?;
        let mut signature = mixture.weights().to_vec();
        signature.sort_by(f64::total_cmp);
        let variance = |k: usize| (0..mixture.n_features()).map(|i| mixture.covariances().entry(k, i, i)).sum::<f64>();
        signature.push(mixture.weights().iter().enumerate().map(|(k, weight)| weight * variance(k)).sum());
        Ok(Entry { clusters, mixture, signature, epochs: 0, lower_bound: f64::NEG_INFINITY })
    }

    /// A start after a number of epochs.
    fn climb(&self, backend: &mut dyn Backend, points: &Points, mut entry: Entry, epochs: usize) -> Result<Entry> {
        while entry.epochs < epochs {
            let moments = pruned_moments(backend, entry.mixture.quadratics(), Assignment::Soft, self.family)?;
            entry.lower_bound = moments.lower_bound();
            entry.mixture = self.maximize(points, moments)?;
            entry.epochs += 1;
        }
        Ok(entry)
    }

    /// The M step, in which components of too few samples have the average covariance: the likelihood of few samples
    /// under one of their own has no bound, and tells nothing.
    fn maximize(&self, points: &Points, moments: Moments) -> Result<Mixture> {
        self.m_step.solve(&feed(moments, points.n_effective()))
    }
}

/// The model that begins at given means, from the moments of the samples that are nearest to each, on features over
/// their robust scales: these samples' weights and covariances.
///
/// Deviations are those from the given means, not from the means of these samples. Where the given means are poor,
/// components begin wider, and find more of the samples that are theirs.
///
/// # Errors
/// Those of the M step.
pub(crate) fn around(mut moments: Moments, n_effective: usize, m_step: &MStep) -> Result<Mixture> {
    moments.first.fill(0.0);
    // A mean that is nearest to no sample has the weight of one: without any its component would be gone for good.
    let one = moments.total_weight / n_effective as f64;
    moments.counts.mapv_inplace(|count| count.max(one));
    m_step.solve(&feed(moments, n_effective))
}

/// The moments of a number of samples, in which components of too few of them have the average covariance.
fn feed(moments: Moments, n_samples: usize) -> Moments {
    let samples = &moments.counts * (n_samples as f64 / moments.total_weight);
    let needed = moments.origins.ncols() as f64 + 1.0;
    let starved = (0..samples.len()).filter(|&k| samples[k].round() < needed);
    starved.fold(moments, Moments::with_average_covariance)
}

impl Entry {
    fn is_like(&self, other: &Entry) -> bool {
        self.signature.iter().zip(&other.signature).all(|(a, b)| (a - b).abs() <= SAME * b.abs())
    }
}

/// Epochs of all starts in a schedule.
fn epochs(schedule: Schedule, starts: usize) -> usize {
    let climb = |(left, before, sum): (usize, usize, usize), (epochs, kept): &(usize, usize)| {
        (left.min(*kept), *epochs, sum + left * (epochs - before))
    };
    schedule.iter().fold((starts, 0, 0), climb).2
}

/// Model of a start; none if a component of it has no covariance.
fn survivor(entry: Result<Entry>) -> Result<Option<Entry>> {
    match entry {
        Err(Error::NotPositiveDefinite { .. }) => Ok(None),
        entry => entry.map(Some),
    }
}

/// The `count` best, the better before the worse.
fn best_of(mut entries: Vec<Entry>, count: usize) -> Vec<Entry> {
    let mut best = Vec::new();
    while best.len() < count && !entries.is_empty() {
        let greatest = entries.iter().map(|entry| entry.lower_bound).fold(f64::NEG_INFINITY, f64::max);
        let first = entries.iter().position(|entry| entry.lower_bound >= greatest - EQUAL_BOUNDS);
        best.push(entries.remove(first.unwrap_or(0)));
    }
    best
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{Array2, array};
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;
    use crate::fit::kmeans;
    use crate::model::covariance::CovarianceArray;
    use crate::model::quadratics::Quadratics;

    fn runs(points: Points<'static>, k: usize, seed: u64) -> Runs {
        kmeans::run(points, k, &AtomicBool::new(false), &mut Pcg64::seed_from_u64(seed)).unwrap()
    }

    fn judge<'a>(m_step: &'a MStep, stop: &'a AtomicBool) -> Judge<'a> {
        Judge { family: CovarianceType::Full, m_step, stop, n_samples: 0, is_coarse: false }
    }

    fn entry(lower_bound: f64) -> Entry {
        let data = Points::new(array![[0.0], [1.0], [5.0], [6.0]]).unwrap();
        let runs = runs(data, 2, 0);
        let mixture = Mixture::new(array![1.0], array![[0.0]], CovarianceArray::Spherical(array![1.0])).unwrap();
        Entry { clusters: runs.best[0].clone(), mixture, signature: Vec::new(), epochs: 0, lower_bound }
    }

    fn bounds(entries: Vec<Entry>, count: usize) -> Vec<f64> {
        best_of(entries, count).iter().map(|entry| entry.lower_bound).collect()
    }

    #[test]
    fn a_later_start_wins_only_if_it_is_better_by_more_than_rounding() {
        assert_eq!(bounds(vec![entry(1.0), entry(1.0 + 1e-9)], 1), [1.0]);
        assert_eq!(bounds(vec![entry(1.0), entry(1.1), entry(0.9)], 2), [1.1, 1.0]);
    }

    #[test]
    fn a_schedule_counts_the_epochs_of_all_that_are_left() {
        // Two epochs of each, and three more of the three best.
        assert_eq!(epochs(MODERATE, 5), 5 * 2 + 3 * 3);
        assert_eq!(epochs(MODERATE, 2), 2 * 5);
        assert_eq!(epochs(THOROUGH, 10), 10 * 2 + 8 * 3 + 3 * 5);
    }

    #[test]
    fn a_sample_far_from_all_others_has_a_cluster_of_its_own() {
        let samples = Array2::from_shape_fn((301, 1), |(n, _)| match n {
            300 => 1e4,
            n => (n as f64 * 0.618).fract() + 8.0 * (n % 2) as f64,
        });
        let points = Points::new(samples).unwrap();
        let m_step = MStep::new(array![1e-6]);
        let stop = AtomicBool::new(false);
        let judge = judge(&m_step, &stop);
        for seed in 0..10 {
            let mut centres = judge.choose(runs(points.clone(), 3, seed)).unwrap().centres.into_raw_vec_and_offset().0;
            centres.sort_by(f64::total_cmp);
            assert!(centres[0] < 1.0 && (8.0..9.0).contains(&centres[1]) && centres[2] > 100.0, "{centres:?}");
        }
    }

    #[test]
    fn given_means_have_the_weights_and_the_scatter_of_the_samples_that_are_nearest() {
        let points = Points::new(array![[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0], [11.0, 9.0]]).unwrap();
        let means = array![[0.0, 0.0], [10.0, 10.0], [10.0, 10.0]];
        for family in CovarianceType::ALL {
            let mut backend = CpuBackend::new(&points);
            let units = kmeans::squares(points.summary().scale().clone());
            let distances = Arc::new(Quadratics::distances(means.clone(), &units, family));
            let moments = backend.moments_under(&distances, Assignment::Hard, family).unwrap();
            let mixture = around(moments, 5, &MStep::new(array![0.0, 0.0])).unwrap();
            assert_eq!(*mixture.means(), means);
            // The third is nearest to no sample.
            let expected = array![4.0, 1.0, 1.0] / 6.0;
            assert!((mixture.weights() - expected).iter().all(|error| error.abs() < 1e-12), "{}", mixture.weights());
            let variance = |k| mixture.covariances().entry(k, 0, 0);
            match family {
                CovarianceType::Tied => assert!((variance(0) - 9.0 / 6.0).abs() < 1e-12, "{}", variance(0)),
                _ => assert!((variance(0) - 2.0).abs() < 1e-12, "{family}: {}", variance(0)),
            }
            assert!(variance(1) > 0.0 && variance(2) > 0.0, "{family}");
        }
    }

    #[test]
    fn two_long_clusters_side_by_side_are_told_apart_by_full_covariances_whatever_their_inertia() {
        // 200 samples on each of two parallel lines: k-means cuts both in the middle.
        let samples = Array2::from_shape_fn((400, 2), |(n, i)| match i {
            0 => (n as f64 * 0.618).fract() * 20.0,
            _ => (n % 2) as f64 + (n as f64 * 0.755).fract() * 0.2,
        });
        let points = Points::new(samples).unwrap();
        let m_step = MStep::new(array![1e-6, 1e-6]);
        let stop = AtomicBool::new(false);
        let judge = judge(&m_step, &stop);
        let centres = judge.choose(runs(points, 2, 0)).unwrap().centres;
        assert!((centres[[0, 1]] - centres[[1, 1]]).abs() > 0.9, "{centres}");
    }
}
