//! Results of a fit: after each epoch, and in the end.

use serde::{Deserialize, Serialize};

use crate::advice::Advice;
use crate::data::home::Home;
use crate::fit::collapse::Repair;
use crate::fit::init::Initialisation;
use crate::fit::posterior::Truncation;
use crate::fit::state::{LevelEpochs, Restart};
use crate::fit::update::step::StepKind;
use crate::model::mixture::Mixture;

/// Where a fit stands, after each epoch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Which restart, from 0.
    pub restart: usize,
    /// Samples that the epoch was on: one of so many; 1 where it was all of them.
    pub share: usize,
    /// How many they are.
    pub n_samples: usize,
    /// Epochs done in this restart on these samples, from 1.
    pub epoch: usize,
    /// Kind of step that the epoch took.
    pub kind: StepKind,
    /// Mean log-likelihood per sample of the model before this epoch's M step.
    pub lower_bound: f64,
    /// Its change since the last epoch; infinite after the first.
    pub change: f64,
    /// Components that collapsed, and what was done about them; after the first epoch, those of the initialisation too.
    pub repairs: Vec<Repair>,
    /// Whether the restart has converged.
    pub converged: bool,
    /// Whether this was the last epoch of the restart.
    pub is_last: bool,
    /// Share of the log-densities of all samples and components that the epoch evaluated: what pruning, or
    /// truncation, left; 1 where none were left out.
    pub evaluated: f64,
    /// Seconds this epoch took: its share of passes that served several restarts.
    pub seconds: f64,
}

impl Progress {
    /// An epoch of a loop of one's own over N samples, which has one restart and knows no end.
    pub fn of_epoch(n_samples: usize, epoch: usize, lower_bound: f64, change: f64, seconds: f64) -> Self {
        Progress {
            restart: 0,
            share: 1,
            n_samples,
            epoch,
            kind: StepKind::Em,
            lower_bound,
            change,
            repairs: Vec::new(),
            converged: false,
            is_last: false,
            evaluated: 1.0,
            seconds,
        }
    }
}

/// Seconds of each phase of a fit; initialisation and epochs are summed over the restarts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Seconds {
    /// Copying the samples to the device.
    pub upload: f64,
    /// Initialisation.
    pub init: f64,
    /// Drawing parts of the samples, and the epochs on them.
    pub levels: f64,
    /// Epochs on all samples.
    pub epochs: f64,
}

/// Components that the passes of a fit left out where they could not matter.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Pruning {
    /// Mean share of the log-densities of all samples and components that an epoch evaluated.
    pub share: f64,
    /// Bound: the log-likelihood of a pass differs from that of a pass with all components by no more, but for rounding.
    pub bound: f64,
    /// Memory for the order of the samples (on a GPU for a copy of them in order) and the boxes around them: bytes a
    /// sample.
    pub bytes_per_sample: f64,
}

/// The result of a fit. Not converging is an outcome, not an error: the model is here in any case.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fit {
    /// The fitted model: the best restart's. It has fewer components than asked for where some were dropped.
    pub mixture: Mixture,
    /// Whether the last change of the lower bound was below the tolerance.
    pub converged: bool,
    /// Whether the fit ended because its lower bounds only wandered within the noise of single precision. The model is
    /// that of the greatest of them.
    pub at_precision_limit: bool,
    /// Epochs of the best restart on all samples.
    pub n_iter: usize,
    /// Epochs of the best restart on fewer samples, before those.
    pub levels: Vec<LevelEpochs>,
    /// Last lower bound: the mean log-likelihood of the model before the last M step; at the limit of single precision
    /// that of the model. Minus infinity if there was no epoch.
    pub lower_bound: f64,
    /// Lower bound of every epoch of the best restart on all samples.
    pub lower_bounds: Vec<f64>,
    /// Total log-likelihood of the fitted model.
    pub log_likelihood: f64,
    /// Sum of the sample weights: N, where there are none.
    pub total_weight: f64,
    /// Record of the initialisation of the best restart.
    pub initialisation: Initialisation,
    /// Components of the best restart that collapsed, and what was done about them.
    pub repairs: Vec<Repair>,
    /// What posteriors were kept to, where they were truncated: lower bounds are free energies then.
    pub truncation: Option<Truncation>,
    /// Where the samples were.
    pub home: Home,
    /// Seconds of each phase.
    pub seconds: Seconds,
    /// Seconds of every epoch on all samples, of all restarts in turn.
    pub epoch_seconds: Vec<f64>,
    /// What pruning left out, where it did.
    pub pruning: Option<Pruning>,
    /// Warnings for the user, a sentence each.
    pub warnings: Vec<Advice>,
}

/// What a fit with a smaller tolerance would gain, about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gain {
    /// That tolerance.
    pub tol: f64,
    /// Further epochs, and the seconds that they take.
    pub epochs: usize,
    /// Seconds of them.
    pub seconds: f64,
    /// By how much the total log-likelihood rises.
    pub log_likelihood: f64,
}

/// Tolerance, epochs, and the rise of the lower bound, from the lower bounds so far, where noise hides less.
fn left_to_gain(lower_bounds: &[f64], of_noise: f64) -> Option<(f64, usize, f64)> {
    const MANY_TIMES: f64 = 10.0;
    let [.., a, b, c] = lower_bounds else { return None };
    let (before, last) = (b - a, c - b);
    if !(before > 0.0 && last > MANY_TIMES * of_noise) {
        return None;
    }
    // Changes that grow do not go on growing.
    let rate = (last / before).clamp(0.1, 0.98);
    let tol = 10_f64.powf(of_noise.log10().round());
    let epochs = ((tol / last).ln() / rate.ln()).ceil().max(1.0);
    Some((tol, epochs as usize, last * rate * (1.0 - rate.powf(epochs)) / (1.0 - rate)))
}

impl Fit {
    /// The result of the best restart, whose model has a log-likelihood on samples of a total weight; of how they were
    /// passed over nothing is known.
    pub(crate) fn of(best: Restart, log_likelihood: f64, total_weight: f64) -> Self {
        Fit {
            converged: best.converged,
            at_precision_limit: best.at_precision_limit,
            n_iter: best.lower_bounds.len(),
            lower_bound: best.lower_bound(),
            repairs: best.all_repairs(),
            levels: best.levels,
            mixture: best.mixture,
            lower_bounds: best.lower_bounds,
            log_likelihood,
            total_weight,
            initialisation: best.initialisation,
            truncation: None,
            home: Home::elsewhere(),
            seconds: Seconds::default(),
            epoch_seconds: Vec::new(),
            pruning: None,
            warnings: Vec::new(),
        }
    }

    /// Mean log-likelihood of the fitted model per unit of sample weight.
    pub fn mean_log_likelihood(&self) -> f64 {
        self.log_likelihood / self.total_weight
    }

    /// What a smaller tolerance would gain, where a fit that converged still climbed, in its last epoch, by ten times what
    /// the noise of its samples can hide, or more.
    ///
    /// Maximum likelihood on N samples is p / 2N above that of all on average, for p parameters: less than that is left of
    /// what is of these samples alone. The gain is that of changes which go on shrinking as the last ones did.
    pub fn left_to_gain(&self) -> Option<Gain> {
        let seconds = self.epoch_seconds.iter().sum::<f64>() / self.epoch_seconds.len().max(1) as f64;
        let of_noise = self.mixture.n_parameters() as f64 / (2.0 * self.total_weight);
        let is_exact = self.truncation.is_none() && self.converged && !self.at_precision_limit;
        let gain = is_exact.then(|| left_to_gain(&self.lower_bounds, of_noise)).flatten();
        gain.map(|(tol, epochs, gain)| Gain {
            tol,
            epochs,
            seconds: epochs as f64 * seconds,
            log_likelihood: gain * self.total_weight,
        })
    }

    /// Akaike's information criterion; lower is better.
    pub fn aic(&self) -> f64 {
        self.mixture.aic(self.log_likelihood)
    }

    /// The Bayesian information criterion; lower is better.
    pub fn bic(&self) -> f64 {
        self.mixture.bic(self.log_likelihood, self.total_weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_to_gain_is_that_of_changes_that_go_on_shrinking() {
        // Changes of 0.9^t, from the first one on.
        let bounds: Vec<f64> = (1..=66).map(|t| -10.0 * 0.9_f64.powi(t)).collect();
        let (tol, epochs, gain) = left_to_gain(&bounds, 1.2e-5).unwrap();
        assert!((tol - 1e-5).abs() < 1e-12);
        let last = bounds[65] - bounds[64];
        // 0.9^epochs brings the last change below the tolerance.
        assert!(last * 0.9_f64.powi(epochs as i32) <= tol && last * 0.9_f64.powi(epochs as i32 - 1) > tol);
        let expected = -10.0 * 0.9_f64.powi(66 + epochs as i32) - bounds[65];
        assert!((gain - expected).abs() < 1e-9, "{gain} for {expected}");
        // Noise hides the rest, or nobody knows how it goes on.
        assert_eq!(left_to_gain(&bounds, last), None);
        assert_eq!(left_to_gain(&bounds[..2], 1e-9), None);
        assert_eq!(left_to_gain(&[0.0, -1.0, 1.0], 1e-9), None);
    }
}
