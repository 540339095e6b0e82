//! How far a fit has come: its restarts, all that it needs to go on as if it had never stopped.

use std::sync::Arc;

use crate::device::candidates::Candidates;
use crate::fit::collapse::Repair;
use crate::fit::init::Initialisation;
use crate::fit::noise;
use crate::fit::options::FitOptions;
use crate::fit::update::step::History;
use crate::model::mixture::Mixture;

/// Lower bounds that differ by no more are equal: nats per sample. Restarts that find the same optimum differ in their
/// rounding alone, which is another on every processor.
const EQUAL_BOUNDS: f64 = 1e-6;

/// One restart, from its initialisation to its last epoch so far.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Restart {
    /// The model after the last epoch.
    pub mixture: Mixture,
    /// The rule of update's history.
    pub history: History,
    /// Record of the initialisation.
    pub initialisation: Initialisation,
    /// Components that collapsed, and what was done about them.
    pub repairs: Vec<Repair>,
    /// Lower bound of every epoch.
    pub lower_bounds: Vec<f64>,
    /// Whether the last change was below the tolerance.
    pub converged: bool,
    /// Whether the lower bounds only wander within the noise of single precision.
    pub at_precision_limit: bool,
    /// The model of the greatest lower bound, where lower bounds are noisy.
    pub peak: Option<Peak>,
    /// Mean log-likelihood of the model, where the restart is over and one of several.
    pub score: Option<f64>,
    /// Candidates of truncated posteriors, if there are any yet.
    pub candidates: Option<Arc<Candidates>>,
}

/// A model and its lower bound.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Peak {
    /// Mean log-likelihood per sample.
    pub lower_bound: f64,
    /// The model.
    pub mixture: Mixture,
}

impl Restart {
    /// A restart that begins.
    pub(crate) fn new(mixture: Mixture, initialisation: Initialisation, repairs: Vec<Repair>) -> Self {
        Restart {
            mixture,
            history: History::default(),
            initialisation,
            repairs,
            lower_bounds: Vec::new(),
            converged: false,
            at_precision_limit: false,
            peak: None,
            score: None,
            candidates: None,
        }
    }

    /// The last lower bound, or that of the model that was kept at the limit of single precision; minus infinity if
    /// there was no epoch.
    pub fn lower_bound(&self) -> f64 {
        match &self.peak {
            Some(peak) if self.at_precision_limit => peak.lower_bound,
            _ => self.lower_bounds.last().copied().unwrap_or(f64::NEG_INFINITY),
        }
    }

    /// Whether no epoch is to follow.
    pub fn is_over(&self, max_iter: usize) -> bool {
        self.converged || self.at_precision_limit || self.lower_bounds.len() >= max_iter
    }

    /// The last change of the lower bound; infinite where there is nothing to compare it with.
    pub(crate) fn last_change(&self, options: &FitOptions) -> f64 {
        let start = options.warm_start.as_ref().and_then(|start| start.lower_bound).unwrap_or(f64::NEG_INFINITY);
        match self.lower_bounds.as_slice() {
            [] => f64::INFINITY,
            [only] => only - start,
            [.., before, last] => last - before,
        }
    }

    /// Lower bounds since components were last begun anew or dropped, which changes them at will.
    pub(crate) fn bounds_since_repair(&self) -> &[f64] {
        let repaired = self.repairs.iter().filter(|repair| repair.changes_model()).map(|repair| repair.epoch).max();
        let repaired = repaired.unwrap_or(0);
        self.lower_bounds.get(repaired..).unwrap_or_default()
    }

    /// Keeps the best model, and ends the restart where its lower bounds are no more than noise. `before` is the model
    /// that had the last of them.
    pub(crate) fn heed_noise(&mut self, before: Mixture, tol: f64) {
        let bounds = self.bounds_since_repair();
        let Some(&lower_bound) = bounds.last() else {
            self.peak = None;
            return;
        };
        let limited = noise::wanders(bounds, tol) || self.converged && noise::exceeds(bounds, tol);
        if self.peak.as_ref().is_none_or(|peak| lower_bound > peak.lower_bound) {
            self.peak = Some(Peak { lower_bound, mixture: before });
        }
        if let (true, Some(peak)) = (limited, &self.peak) {
            self.mixture = peak.mixture.clone();
            (self.converged, self.at_precision_limit) = (false, true);
        }
    }

    /// The better of two: the first, unless the lower bound of the other is greater by more than rounding, and the
    /// log-likelihood of its model no less.
    pub(crate) fn or_better(self, other: Restart) -> Restart {
        let climbed_higher = other.lower_bound() > self.lower_bound() + EQUAL_BOUNDS;
        let scores_less = other.score.zip(self.score).is_some_and(|(other, own)| other < own);
        if climbed_higher && !scores_less { other } else { self }
    }
}

/// How far a fit has come: all that it needs to go on as if it had never stopped.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct FitState {
    /// Number of the first restart at work, from 0; the number of restarts when all are done.
    pub first: usize,
    /// The restarts at work: one, or several that share their passes. `None` before the initialisation of one.
    pub restarts: Vec<Option<Restart>>,
    /// The best restart of those that are done.
    pub best: Option<Restart>,
}

impl FitState {
    /// The best restart so far; `None` before the first initialisation.
    pub fn best_so_far(&self) -> Option<Restart> {
        let all = self.best.iter().chain(self.restarts.iter().flatten()).cloned();
        all.reduce(Restart::or_better)
    }
}
