//! What became of the candidates, and the best of them.

use std::cmp::Ordering;

use crate::error::Error;
use crate::fit::Fit;
use crate::fit::floor::MOST_OF_FLOOR;
use crate::model::family::CovarianceType;
use crate::select::criterion::Criterion;

/// A candidate and what became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// Number of components that it was to have.
    pub n_components: usize,
    /// Its family.
    pub covariance_type: CovarianceType,
    /// Whether its fit began at the model of more components, two of which were merged; and not at an initialisation of its
    /// own.
    pub is_merged: bool,
    /// Samples that it was fitted to: one of so many. Where that is not 1 what it is worth is an estimate for all of them.
    pub share: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// Log-likelihood of all samples, each under the model of the folds that it is in none of; as [`Candidate::share`]
    /// says, an estimate. None where there are no folds, or where it failed on one.
    pub held_out: Option<f64>,
    /// How much labels agree with those of the next fewer and the next more components of the same family, from models of
    /// different folds: the mean index of Fowlkes and Mallows, at most 1.
    pub stability: Option<f64>,
    /// Seconds it took: its share of the passes that served several.
    pub seconds: f64,
}

/// What became of a candidate.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It has a model.
    Fitted(Box<Scored>),
    /// It has none, for this reason.
    Failed(Error),
}

/// A fitted candidate and what it is worth.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Scored {
    /// The fit.
    pub fit: Fit,
    /// The entropy of the posterior: - sum of r ln r over samples and components.
    pub entropy: f64,
    /// The same of the labels: - sum of ln r of the most probable component of each sample.
    pub label_entropy: f64,
    /// Samples, by their weights, of the component that has fewest.
    pub smallest_component: f64,
    /// The largest share that the floor of covariances has of a variance that the other features leave, in any component.
    pub floor_share: f64,
}

/// All samples, where a candidate was fitted to a part of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole {
    /// Weight of all samples, and their number without those of no weight.
    pub(crate) weight: f64,
    pub(crate) n: usize,
    /// Number of the samples of the part.
    pub(crate) n_part: usize,
}

impl Scored {
    /// Takes what it is worth on a part of the samples for all of them. Maximum likelihood of p parameters is above what
    /// they are worth by p / 2n for each of the n samples that they were fitted to (Akaike 1974), and so it is above that of
    /// more samples.
    pub(crate) fn estimate(&mut self, whole: &Whole) {
        let p = self.fit.mixture.n_parameters() as f64;
        let excess = 0.5 * p * ((whole.n_part as f64).recip() - (whole.n as f64).recip());
        let (before, weight) = (self.fit.total_weight, whole.weight);
        self.fit.log_likelihood = weight * (self.fit.log_likelihood / before - excess);
        self.fit.total_weight = weight;
        self.entropy *= weight / before;
        self.label_entropy *= weight / before;
        self.smallest_component *= whole.n as f64 / whole.n_part as f64;
    }

    /// Whether a component has collapsed onto the floor of its covariance: its likelihood is that of the floor. R's mclust
    /// gives such a model no BIC.
    pub fn is_held_by_floor(&self) -> bool {
        self.floor_share > MOST_OF_FLOOR
    }
}

impl Candidate {
    /// Its fit and what that is worth, where it has one.
    pub fn scored(&self) -> Option<&Scored> {
        match &self.outcome {
            Outcome::Fitted(scored) => Some(scored),
            Outcome::Failed(_) => None,
        }
    }

    /// What it is worth; lower is better. A candidate without a model has no score, and one whose score is no number is
    /// worth nothing.
    pub fn score(&self, criterion: Criterion) -> Option<f64> {
        let Scored { fit, entropy, label_entropy, .. } = self.scored()?;
        let score = match criterion {
            Criterion::Bic => fit.bic(),
            Criterion::Aic => fit.aic(),
            Criterion::Icl => fit.bic() + 2.0 * entropy,
            Criterion::IclLabels => fit.bic() + 2.0 * label_entropy,
            Criterion::HeldOut => -2.0 * self.held_out?,
            Criterion::Stability => 1.0 - self.stability?,
        };
        Some(score).filter(|score| score.is_finite())
    }
}

/// The candidates, family by family and by their numbers of components, and the best of them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Selection {
    /// All candidates.
    pub candidates: Vec<Candidate>,
    /// What decides.
    pub criterion: Criterion,
}

impl Candidate {
    /// Which is better, in the sense of [`Selection::best_index`]: that is less.
    pub(crate) fn compare(&self, other: &Candidate, criterion: Criterion) -> Ordering {
        let is_held = |candidate: &Candidate| candidate.scored().is_some_and(Scored::is_held_by_floor);
        let parameters = |candidate: &Candidate| candidate.scored().map(|scored| scored.fit.mixture.n_parameters());
        match (self.score(criterion), other.score(criterion)) {
            (Some(own), Some(its)) => is_held(self)
                .cmp(&is_held(other))
                .then(own.total_cmp(&its))
                .then_with(|| parameters(self).cmp(&parameters(other))),
            (own, its) => its.is_some().cmp(&own.is_some()),
        }
    }
}

impl Selection {
    /// The place of the best candidate; of equals the one of fewer parameters. One that is held by the floor of its
    /// covariances is the best only where all are. None where no candidate has a model.
    pub fn best_index(&self) -> Option<usize> {
        self.best_index_by(self.criterion)
    }

    /// The same by another criterion.
    pub fn best_index_by(&self, criterion: Criterion) -> Option<usize> {
        self.ranking(criterion).first().copied()
    }

    /// The places of all candidates that have a model, the best first.
    pub fn ranking(&self, criterion: Criterion) -> Vec<usize> {
        let mut places: Vec<usize> =
            (0..self.candidates.len()).filter(|i| self.candidates[*i].score(criterion).is_some()).collect();
        places.sort_by(|i, j| self.candidates[*i].compare(&self.candidates[*j], criterion));
        places
    }

    /// The best candidate's fit and what it is worth.
    pub fn best(&self) -> Option<&Scored> {
        self.best_index().and_then(|i| self.candidates[i].scored())
    }
}
