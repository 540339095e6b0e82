//! How far a fit has come: its restarts, all that it needs to go on as if it had never stopped.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

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
    /// Samples that it is at work on: one of so many; 1 where it is all of them.
    pub share: usize,
    /// Epochs on fewer samples before.
    pub levels: Vec<LevelEpochs>,
    /// The model after the last epoch.
    pub mixture: Mixture,
    /// The rule of update's history.
    pub history: History,
    /// Record of the initialisation.
    pub initialisation: Initialisation,
    /// Components that collapsed, and what was done about them.
    pub repairs: Vec<Repair>,
    /// Lower bound of every epoch on the samples that it is at work on.
    pub lower_bounds: Vec<f64>,
    /// Whether the last change was below the tolerance.
    pub converged: bool,
    /// Whether the lower bounds only wander within the noise of single precision.
    pub at_precision_limit: bool,
    /// The model of the greatest lower bound, where lower bounds are noisy.
    pub peak: Option<Peak>,
    /// Mean log-likelihood of the model, where the restart is over and one of several.
    pub score: Option<f64>,
    /// Whether the model has collapsed onto the floor of its covariances, where the restart is over and one of several: its
    /// likelihood is what the floor lets it be.
    pub is_held_by_floor: bool,
    /// Candidates of truncated posteriors, if there are any yet.
    pub candidates: Option<Arc<Candidates>>,
}

/// Epochs of a restart on a part of the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LevelEpochs {
    /// One of so many samples was drawn.
    pub share: usize,
    /// How many that were.
    pub n_samples: usize,
    /// Components that collapsed there, and what was done about them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<Repair>,
    /// Lower bound of every epoch.
    pub lower_bounds: Vec<f64>,
}

impl LevelEpochs {
    /// Full passes over all samples that read as many samples.
    pub fn passes(&self) -> f64 {
        self.lower_bounds.len() as f64 / self.share as f64
    }
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
    /// A restart that begins, on one of `share` samples.
    pub(crate) fn new(share: usize, mixture: Mixture, initialisation: Initialisation, repairs: Vec<Repair>) -> Self {
        Restart {
            share,
            levels: Vec::new(),
            mixture,
            history: History::default(),
            initialisation,
            repairs,
            lower_bounds: Vec::new(),
            converged: false,
            at_precision_limit: false,
            peak: None,
            score: None,
            is_held_by_floor: false,
            candidates: None,
        }
    }

    /// The restart with the epochs of a level behind it: it goes on from its model, and from nothing else. `level` has
    /// these epochs, and the next has one of `share` samples.
    pub(crate) fn risen(self, level: LevelEpochs, share: usize) -> Self {
        // An extrapolation that no pass has tried is left behind.
        let mixture = match self.history.earlier.as_slice() {
            [_, target] if !self.at_precision_limit => target.clone(),
            _ => self.mixture,
        };
        let mut levels = self.levels;
        levels.push(level);
        Restart { levels, ..Restart::new(share, mixture, self.initialisation, Vec::new()) }
    }

    /// Repairs on all samples, and on parts of them before.
    pub fn all_repairs(&self) -> Vec<Repair> {
        self.levels.iter().flat_map(|level| &level.repairs).chain(&self.repairs).copied().collect()
    }

    /// Epochs on all samples, and on parts of them before.
    pub fn n_epochs(&self) -> usize {
        self.levels.iter().map(|level| level.lower_bounds.len()).sum::<usize>() + self.lower_bounds.len()
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

    /// The restart, to go on under other options than those of a tolerance before: where these leave it something to do,
    /// what it is worth has to be told again.
    fn under(mut self, options: &FitOptions, tol_before: f64) -> Self {
        // On a part of the samples the tolerance is another.
        if self.share == 1 {
            self.converged &= options.tol >= tol_before;
            if !self.is_over(options.max_iter) {
                (self.score, self.is_held_by_floor) = (None, false);
            }
        }
        self
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

    /// Whether the last epochs gained less than this each, on average: extrapolations gain by fits and starts.
    pub(crate) fn has_levelled_off(&self, tol: f64) -> bool {
        match self.bounds_since_repair() {
            [.., before, _, _, _, last] => last - before < 4.0 * tol,
            _ => false,
        }
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

    /// The better of two: one that is not held by the floor; else the first, unless the lower bound of the other is greater
    /// by more than rounding, and the log-likelihood of its model no less.
    pub(crate) fn or_better(self, other: Restart) -> Restart {
        // Lower bounds of other samples say nothing about each other.
        if self.share != other.share {
            return if other.share < self.share { other } else { self };
        }
        if self.is_held_by_floor != other.is_held_by_floor {
            return if self.is_held_by_floor { other } else { self };
        }
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
    /// The state, to go on from with another tolerance than before, another number of most epochs or more restarts: those
    /// at work go on, and so does the best of those that are over, where it is not over any more. The same options leave it
    /// as it is.
    #[must_use]
    pub fn under(self, options: &FitOptions, tol_before: f64) -> Self {
        let FitState { mut first, restarts, best } = self;
        let under = |restart: Restart| restart.under(options, tol_before);
        let mut restarts: Vec<_> = restarts.into_iter().map(|restart| restart.map(under)).collect();
        // The best of several is found by what they are worth, which nobody asks of a single one.
        let is_over = |best: &Restart| best.is_over(options.max_iter) && (options.n_init == 1 || best.score.is_some());
        let best = match best.map(under) {
            Some(best) if !is_over(&best) => {
                first = first.saturating_sub(1);
                restarts.insert(0, Some(best));
                None
            }
            best => best,
        };
        FitState { first, restarts, best }
    }

    /// The best restart so far; `None` before the first initialisation.
    pub fn best_so_far(&self) -> Option<Restart> {
        let all = self.best.iter().chain(self.restarts.iter().flatten()).cloned();
        all.reduce(Restart::or_better)
    }
}
