//! Results of a fit: after each epoch, and in the end.

use crate::advice::Advice;
use crate::data::home::Home;
use crate::fit::collapse::Repair;
use crate::fit::init::Initialisation;
use crate::fit::posterior::Truncation;
use crate::fit::update::step::StepKind;
use crate::model::mixture::Mixture;

/// Where a fit stands, after each epoch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Which restart, from 0.
    pub restart: usize,
    /// Epochs done in this restart, from 1.
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
    /// Seconds this epoch took: its share of passes that served several restarts.
    pub seconds: f64,
}

impl Progress {
    /// An epoch of a loop of one's own, which has one restart and knows no end.
    pub fn of_epoch(epoch: usize, lower_bound: f64, change: f64, seconds: f64) -> Self {
        let (restart, kind, repairs) = (0, StepKind::Em, Vec::new());
        Progress { restart, epoch, kind, lower_bound, change, repairs, converged: false, is_last: false, seconds }
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
    /// Epochs.
    pub epochs: f64,
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
    /// Epochs of the best restart.
    pub n_iter: usize,
    /// Last lower bound: the mean log-likelihood of the model before the last M step; at the limit of single precision
    /// that of the model. Minus infinity if there was no epoch.
    pub lower_bound: f64,
    /// Lower bound of every epoch of the best restart.
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
    /// Seconds of every epoch, of all restarts in turn.
    pub epoch_seconds: Vec<f64>,
    /// Warnings for the user, a sentence each.
    pub warnings: Vec<Advice>,
}

impl Fit {
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
