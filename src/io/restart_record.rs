//! Records of restarts, as checkpoints keep them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::model;
use super::nested::{Nested, NestedValues};
use super::packed::{Packed, Unpacked};
use crate::device::candidates::Candidates;
use crate::fit::collapse::{Repair, all, is_all};
use crate::fit::init::Initialisation;
use crate::fit::state::{LevelEpochs, Peak, Restart};
use crate::fit::update::step::History;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;

/// What a restart has to agree with.
pub(super) struct Frame {
    pub(super) n_components: usize,
    pub(super) covariance_type: CovarianceType,
    pub(super) n_samples: usize,
    pub(super) n_features: usize,
    /// Whether it may be on a part of the samples.
    pub(super) has_levels: bool,
}

/// A restart as it is written.
#[derive(Serialize)]
pub(super) struct WrittenRestart<'a> {
    #[serde(skip_serializing_if = "is_all")]
    share: usize,
    #[serde(skip_serializing_if = "<[LevelEpochs]>::is_empty")]
    levels: &'a [LevelEpochs],
    rounds: usize,
    inertia: Option<f64>,
    converged: bool,
    at_precision_limit: bool,
    peak: Option<WrittenPeak<'a>>,
    score: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_held_by_floor: bool,
    repairs: &'a [Repair],
    lower_bounds: &'a [f64],
    #[serde(flatten)]
    mixture: WrittenMixture<'a>,
    memory: WrittenMemory<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<WrittenCandidates<'a>>,
}

#[derive(Serialize)]
struct WrittenCandidates<'a> {
    per_sample: usize,
    of_samples: Packed<'a>,
    per_component: usize,
    of_components: Packed<'a>,
}

#[derive(Serialize)]
struct WrittenPeak<'a> {
    lower_bound: f64,
    #[serde(flatten)]
    mixture: WrittenMixture<'a>,
}

#[derive(Serialize)]
struct WrittenMixture<'a> {
    weights: Nested<'a>,
    means: Nested<'a>,
    covariances: Nested<'a>,
}

#[derive(Serialize)]
struct WrittenMemory<'a> {
    earlier: Vec<WrittenMixture<'a>>,
    reach: f64,
    polishing: bool,
}

impl<'a> From<&'a Mixture> for WrittenMixture<'a> {
    fn from(mixture: &'a Mixture) -> Self {
        WrittenMixture {
            weights: mixture.weights().into(),
            means: mixture.means().into(),
            covariances: mixture.covariances().into(),
        }
    }
}

impl<'a> From<&'a Restart> for WrittenRestart<'a> {
    fn from(climb: &'a Restart) -> Self {
        WrittenRestart {
            share: climb.share,
            levels: &climb.levels,
            rounds: climb.initialisation.rounds,
            inertia: climb.initialisation.inertia,
            converged: climb.converged,
            at_precision_limit: climb.at_precision_limit,
            peak: climb
                .peak
                .as_ref()
                .map(|peak| WrittenPeak { lower_bound: peak.lower_bound, mixture: (&peak.mixture).into() }),
            score: climb.score,
            is_held_by_floor: climb.is_held_by_floor,
            repairs: &climb.repairs,
            lower_bounds: &climb.lower_bounds,
            mixture: (&climb.mixture).into(),
            memory: WrittenMemory {
                earlier: climb.history.earlier.iter().map(WrittenMixture::from).collect(),
                reach: climb.history.reach,
                polishing: climb.history.polishing,
            },
            candidates: climb.candidates.as_ref().map(|candidates| WrittenCandidates {
                per_sample: candidates.per_sample(),
                of_samples: Packed(candidates.of_samples()),
                per_component: candidates.per_component(),
                of_components: Packed(candidates.of_components()),
            }),
        }
    }
}

/// A restart as it is read.
#[derive(Deserialize)]
pub(super) struct ReadRestart {
    // Other checkpoints have neither.
    #[serde(default = "all")]
    share: usize,
    #[serde(default)]
    levels: Vec<LevelEpochs>,
    rounds: usize,
    inertia: Option<f64>,
    converged: bool,
    // Checkpoints of the first versions had none of these.
    #[serde(default)]
    at_precision_limit: bool,
    peak: Option<ReadPeak>,
    score: Option<f64>,
    #[serde(default)]
    is_held_by_floor: bool,
    repairs: Vec<Repair>,
    lower_bounds: Vec<f64>,
    weights: NestedValues,
    means: NestedValues,
    covariances: NestedValues,
    memory: ReadMemory,
    candidates: Option<ReadCandidates>,
}

#[derive(Deserialize)]
struct ReadCandidates {
    per_sample: usize,
    of_samples: Unpacked,
    per_component: usize,
    of_components: Unpacked,
}

#[derive(Deserialize)]
struct ReadPeak {
    lower_bound: f64,
    #[serde(flatten)]
    mixture: ReadMixture,
}

#[derive(Deserialize)]
struct ReadMixture {
    weights: NestedValues,
    means: NestedValues,
    covariances: NestedValues,
}

#[derive(Deserialize)]
struct ReadMemory {
    earlier: Vec<ReadMixture>,
    reach: f64,
    polishing: bool,
}

impl ReadRestart {
    /// The restart, of a fit like this.
    ///
    /// # Errors
    /// What it cannot be, in words.
    pub(super) fn restart(self, of: &Frame) -> Result<Restart, String> {
        let mixture = |weights: NestedValues, means, covariances| {
            // Components may have been dropped.
            let k = weights.shape.first().map_or(0, |k| *k.min(&of.n_components));
            model::mixture(of.covariance_type, k, of.n_features, weights, means, covariances)
        };
        let ReadMemory { earlier, reach, polishing } = self.memory;
        let whole = |m: ReadMixture| mixture(m.weights, m.means, m.covariances);
        let earlier = earlier.into_iter().map(whole);
        let peak = |peak: ReadPeak| whole(peak.mixture).map(|mixture| Peak { lower_bound: peak.lower_bound, mixture });
        let peak = self.peak.map(peak).transpose()?;
        let is_known = |peak: &Peak| self.lower_bounds.contains(&peak.lower_bound);
        if !peak.as_ref().map_or(!self.at_precision_limit, is_known) {
            return Err("peak: its lower bound is that of no epoch".to_owned());
        }
        if self.share != 1 && !of.has_levels {
            return Err(format!("share: a fit that begins on all samples has no 1/{} of them", self.share));
        }
        let mixture = mixture(self.weights, self.means, self.covariances)?;
        let candidates =
            self.candidates.map(|read| read.candidates(of.n_samples, mixture.n_components())).transpose()?;
        Ok(Restart {
            share: self.share,
            levels: self.levels,
            mixture,
            history: History { earlier: earlier.collect::<Result<_, _>>()?, reach, polishing },
            initialisation: Initialisation { rounds: self.rounds, inertia: self.inertia },
            repairs: self.repairs,
            lower_bounds: self.lower_bounds,
            converged: self.converged,
            at_precision_limit: self.at_precision_limit,
            peak,
            score: self.score,
            is_held_by_floor: self.is_held_by_floor,
            candidates: candidates.map(Arc::new),
        })
    }
}

impl ReadCandidates {
    /// The candidates of N samples, and the neighbours of K components.
    fn candidates(self, n: usize, k: usize) -> Result<Candidates, String> {
        let (samples, components) = ((self.per_sample, self.of_samples.0), (self.per_component, self.of_components.0));
        let wrong = || "candidates: they are those of other samples, or of other components".to_owned();
        let candidates = Candidates::new(samples, components).map_err(|_| wrong())?;
        if (candidates.n_samples(), candidates.n_components()) == (n, k) { Ok(candidates) } else { Err(wrong()) }
    }
}
