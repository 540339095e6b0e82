//! Results of a fit: after each epoch, and in the end.

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

    /// Akaike's information criterion; lower is better.
    pub fn aic(&self) -> f64 {
        self.mixture.aic(self.log_likelihood)
    }

    /// The Bayesian information criterion; lower is better.
    pub fn bic(&self) -> f64 {
        self.mixture.bic(self.log_likelihood, self.total_weight)
    }
}
