//! Checkpoints: how far a fit has come, written down so that it can go on with the same bits.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::document;
use super::malformed;
use super::model;
use super::nested::{Nested, NestedValues};
use super::output::Destination;
use super::packed::{Packed, Unpacked};
use crate::advice::{Advice, Term};
use crate::data::summary::Summary;
use crate::device::candidates::Candidates;
use crate::device::choice::DeviceInfo;
use crate::device::prune::Prune;
use crate::error::{Error, Result};
use crate::fit::collapse::{OnCollapse, Repair, all, is_all};
use crate::fit::floor::Floor;
use crate::fit::init::Initialisation;
use crate::fit::options::{Init, Start};
use crate::fit::posterior::Posterior;
use crate::fit::state::{FitState, LevelEpochs, Peak, Restart};
use crate::fit::update::Update;
use crate::fit::update::step::History;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;

const FORMAT: &str = "mixtura-checkpoint";
/// The version of a fit whose restarts follow each other, and of one with several of them at work.
const IN_SEQUENCE: u64 = 2;
const IN_STEP: u64 = 3;
/// That of one with restarts that climbed, or are to climb, on parts of the samples first.
const COARSE_TO_FINE: u64 = 4;
/// The version of a fit whose posteriors are truncated.
const TRUNCATED: u64 = 5;

/// How the initialisation of a fit is called that began with a model.
pub const FROM_MODEL: &str = "model";

/// Sums of weights in another order differ by this much, relative to the sum.
const ROUNDING: f64 = 1e-9;

/// A fit that can go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The device that it ran on.
    pub device: DeviceInfo,
    /// A record of its data.
    pub data: DataRecord,
    /// How it was to be done.
    pub options: OptionsRecord,
    /// How far it has come.
    pub state: FitState,
}

/// Record of data, by which they are recognised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataRecord {
    n_samples: usize,
    n_features: usize,
    total_weight: f64,
    feature_names: Option<Vec<String>>,
    medians: Vec<f64>,
    deviations: Vec<f64>,
}

/// The options of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionsRecord {
    /// K.
    pub n_components: usize,
    /// Family of the covariances.
    pub covariance_type: CovarianceType,
    /// The initialisation: its name, or `model` for one continued from a model.
    pub init: String,
    /// Seed of all random choices.
    pub seed: u64,
    /// Tolerance of the lower bound.
    pub tol: f64,
    /// Floor of variances, added to the diagonal of every covariance.
    #[serde(flatten)]
    pub floor: Floor,
    /// Remedy for a component that collapses.
    pub on_collapse: OnCollapse,
    /// Most epochs.
    pub max_iter: usize,
    /// Restarts.
    pub n_init: usize,
    /// How the model moves in an epoch.
    pub update: Update,
    /// Samples that restarts begin on.
    #[serde(default, skip_serializing_if = "is_direct")]
    pub start: Start,
    /// Whether passes leave out components: not those of a checkpoint that does not say.
    #[serde(default = "off")]
    pub prune: Prune,
    /// How posteriors are found.
    #[serde(default, skip_serializing_if = "is_exact")]
    pub posterior: Posterior,
}

fn off() -> Prune {
    Prune::Off
}

fn is_direct(start: &Start) -> bool {
    *start == Start::Direct
}

/// Exact posteriors are not written: earlier versions know no others.
fn is_exact(posterior: &Posterior) -> bool {
    *posterior == Posterior::Exact
}

impl DataRecord {
    /// The record of the data with a summary: their extents, and medians of some of their rows.
    pub fn of(summary: &Summary) -> Self {
        DataRecord {
            n_samples: summary.n_samples(),
            n_features: summary.n_features(),
            total_weight: summary.total_weight(),
            feature_names: summary.feature_names().map(<[String]>::to_vec),
            medians: summary.median().to_vec(),
            deviations: summary.deviation().to_vec(),
        }
    }

    /// The names of the features, if they have any.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.feature_names.as_deref()
    }

    /// The first difference of other data, in words; `None` if they are the same.
    fn difference(&self, other: &DataRecord) -> Option<String> {
        let feature = |i: usize| match &other.feature_names {
            Some(names) => format!("feature {i} ({})", names[i]),
            None => format!("feature {i}"),
        };
        if self.n_features != other.n_features {
            return Some(format!("{} features, and here there are {}", self.n_features, other.n_features));
        }
        if self.n_samples != other.n_samples {
            return Some(format!("{} samples, and here there are {}", self.n_samples, other.n_samples));
        }
        if self.feature_names != other.feature_names {
            return Some("features of other names".to_owned());
        }
        if (self.total_weight - other.total_weight).abs() > ROUNDING * self.total_weight {
            return Some(format!("a total weight of {}, and here it is {}", self.total_weight, other.total_weight));
        }
        let values = |data: &DataRecord| -> Vec<[f64; 2]> {
            data.medians.iter().zip(&data.deviations).map(|(median, deviation)| [*median, *deviation]).collect()
        };
        let differs = values(self).iter().zip(&values(other)).position(|(a, b)| a != b)?;
        Some(format!("other values of {}", feature(differs)))
    }
}

/// A checkpoint as it is written.
#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u64,
    device: &'a DeviceInfo,
    data: &'a DataRecord,
    options: &'a OptionsRecord,
    restart: usize,
    climb: Option<WrittenClimb<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restarts: Option<Vec<Option<WrittenClimb<'a>>>>,
    best: Option<WrittenClimb<'a>>,
}

#[derive(Serialize)]
struct WrittenClimb<'a> {
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

impl<'a> From<&'a Restart> for WrittenClimb<'a> {
    fn from(climb: &'a Restart) -> Self {
        WrittenClimb {
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

/// A checkpoint as it is read.
#[derive(Deserialize)]
struct Read {
    device: DeviceInfo,
    data: DataRecord,
    options: OptionsRecord,
    restart: usize,
    climb: Option<ReadClimb>,
    restarts: Option<Vec<Option<ReadClimb>>>,
    best: Option<ReadClimb>,
}

#[derive(Deserialize)]
struct ReadClimb {
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

impl ReadClimb {
    fn restart(self, data: &DataRecord, options: &OptionsRecord) -> Result<Restart, String> {
        let family = options.covariance_type;
        let mixture = |weights: NestedValues, means, covariances| {
            // Components may have been dropped.
            let k = weights.shape.first().map_or(0, |k| *k.min(&options.n_components));
            model::mixture(family, k, data.n_features, weights, means, covariances)
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
        if self.share != 1 && options.start != Start::CoarseToFine {
            return Err(format!("share: a fit that begins on all samples has no 1/{} of them", self.share));
        }
        let mixture = mixture(self.weights, self.means, self.covariances)?;
        let candidates =
            self.candidates.map(|read| read.candidates(data.n_samples, mixture.n_components())).transpose()?;
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

impl Checkpoint {
    /// Writes the checkpoint in the place of an older one, which stays until this one is complete.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, to: &Destination) -> Result<()> {
        let FitState { first, restarts, best } = &self.state;
        let in_step = restarts.len() > 1;
        let version = match (is_exact(&self.options.posterior), is_direct(&self.options.start), in_step) {
            (false, ..) => TRUNCATED,
            (true, false, _) => COARSE_TO_FINE,
            (true, true, true) => IN_STEP,
            (true, true, false) => IN_SEQUENCE,
        };
        let written = |restart| Option::as_ref(restart).map(WrittenClimb::from);
        let document = Written {
            format: FORMAT,
            version,
            device: &self.device,
            data: &self.data,
            options: &self.options,
            restart: *first,
            climb: restarts.first().filter(|_| !in_step).and_then(written),
            restarts: in_step.then(|| restarts.iter().map(written).collect()),
            best: best.as_ref().map(WrittenClimb::from),
        };
        document::write(to, &document)
    }

    /// Reads a checkpoint and checks everything in it.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Malformed`] which names the file and the field.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|problem| {
            let remedy = Advice::from("give a checkpoint that ") + Term::SaveCheckpoint + " wrote, unchanged";
            malformed(path.display().to_string(), problem, remedy)
        })
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        document::check_format(text, FORMAT, "checkpoint", IN_SEQUENCE..=TRUNCATED)?;
        let Read { device, data, options, restart, climb, restarts, best } =
            serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let features = [data.medians.len(), data.deviations.len()];
        let names = data.feature_names.as_ref().map_or(data.n_features, Vec::len);
        if features != [data.n_features; 2] || names != data.n_features {
            return Err("data: there is not one median, deviation and name for each feature".to_owned());
        }
        let read = |climb: Option<ReadClimb>| climb.map(|climb| climb.restart(&data, &options)).transpose();
        let restarts = match (restarts, climb) {
            (Some(restarts), _) => restarts.into_iter().map(read).collect::<Result<Vec<_>, _>>()?,
            (None, Some(climb)) => vec![read(Some(climb))?],
            (None, None) => Vec::new(),
        };
        let state = FitState { first: restart, restarts, best: read(best)? };
        let is_whole = match state.first < options.n_init {
            true => state.restarts.iter().any(Option::is_some) && state.first + state.restarts.len() <= options.n_init,
            false => state.first == options.n_init && state.restarts.is_empty() && state.best.is_some(),
        };
        if !is_whole {
            return Err(format!("restart {restart} of {} is not there", options.n_init));
        }
        if options.init != FROM_MODEL {
            options.init.parse::<Init>().map_err(|error| error.to_string().replace('\n', "; "))?;
        }
        Ok(Checkpoint { device, data, options, state })
    }

    /// Checks that the checkpoint belongs to these data.
    ///
    /// # Errors
    /// [`Error::Malformed`] says what differs.
    pub fn check_data(&self, path: &Path, summary: &Summary) -> Result<()> {
        match self.data.difference(&DataRecord::of(summary)) {
            None => Ok(()),
            Some(difference) => {
                let problem = format!("this checkpoint belongs to other data: {difference}");
                let remedy = "give the data, columns and weights that the fit began with, or begin anew without ";
                Err(malformed(path.display().to_string(), problem, Advice::from(remedy) + Term::Resume))
            }
        }
    }
}
