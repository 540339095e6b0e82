//! How far a fit has come: its restarts, all that it needs to go on as if it had never stopped.

use crate::fit::collapse::Repair;
use crate::fit::init::{Initialisation, Start};
use crate::fit::noise;
use crate::fit::update::step::Memory;
use crate::model::mixture::Mixture;

/// Lower bounds that differ by no more are equal: nats per sample. Restarts that find the same optimum differ in their
/// rounding alone, which is another on every processor.
const EQUAL_BOUNDS: f64 = 1e-6;

/// One restart, from its initialisation to its last epoch so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Climb {
    /// The model after the last epoch.
    pub mixture: Mixture,
    /// What the rule of update knows of the epochs before.
    pub memory: Memory,
    /// What the initialisation did.
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
}

/// A model and its lower bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Peak {
    /// Mean log-likelihood per sample.
    pub lower_bound: f64,
    /// The model.
    pub mixture: Mixture,
}

impl Climb {
    /// A restart that begins.
    pub(super) fn new(start: Start) -> Self {
        let Start { mixture, initialisation, repairs } = start;
        Climb {
            mixture,
            memory: Memory::default(),
            initialisation,
            repairs,
            lower_bounds: Vec::new(),
            converged: false,
            at_precision_limit: false,
            peak: None,
            score: None,
        }
    }

    /// The last lower bound, or that of the model that was kept at the limit of single precision; minus infinity if there
    /// was no epoch.
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

    /// Lower bounds since components were last begun anew or dropped, which changes them at will.
    pub(super) fn bounds_since_repair(&self) -> &[f64] {
        let repaired = self.repairs.iter().filter(|repair| repair.changes_model()).map(|repair| repair.epoch).max();
        let repaired = repaired.unwrap_or(0);
        self.lower_bounds.get(repaired..).unwrap_or_default()
    }

    /// Keeps the best model, and ends the restart where its lower bounds are no more than noise. `before` is the model that
    /// had the last of them.
    pub(super) fn heed_noise(&mut self, before: Mixture, tol: f64) {
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
    pub(super) fn or_better(self, other: Climb) -> Climb {
        let climbed_higher = other.lower_bound() > self.lower_bound() + EQUAL_BOUNDS;
        let scores_less = other.score.zip(self.score).is_some_and(|(other, own)| other < own);
        if climbed_higher && !scores_less { other } else { self }
    }
}

/// How far a fit has come: all that it needs to go on as if it had never stopped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FitState {
    /// The restart at work, from 0; the number of restarts when all are done.
    pub restart: usize,
    /// How far it has come; `None` before its initialisation.
    pub climb: Option<Climb>,
    /// The best restart of those that are done.
    pub best: Option<Climb>,
}

impl FitState {
    /// The best model so far; `None` before the first initialisation.
    pub fn best_so_far(&self) -> Option<Climb> {
        match (self.best.clone(), self.climb.clone()) {
            (Some(best), Some(climb)) => Some(best.or_better(climb)),
            (best, climb) => best.or(climb),
        }
    }
}
