//! Comparisons: the fits of candidates that are over, written down so that a choice of a model can go on.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::data_record::DataRecord;
use super::document;
use super::malformed;
use super::output::Destination;
use super::restart_record::{Frame, ReadRestart, WrittenRestart};
use crate::advice::Advice;
use crate::data::summary::Summary;
use crate::device::choice::DeviceInfo;
use crate::device::prune::Prune;
use crate::error::{Error, Result};
use crate::fit::Fit;
use crate::fit::collapse::OnCollapse;
use crate::fit::floor::Floor;
use crate::fit::options::{FitOptions, Init};
use crate::fit::posterior::Posterior;
use crate::fit::state::{Peak, Restart};
use crate::fit::update::Update;
use crate::model::family::CovarianceType;
use crate::select::{Scored, Trial, TrialKey};

const FORMAT: &str = "mixtura-comparison";
const VERSION: u64 = 1;

/// A choice of a model that can go on.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The device that it ran on.
    pub device: DeviceInfo,
    /// A record of its data.
    pub data: DataRecord,
    /// How candidates were fitted.
    pub fits: FitsRecord,
    /// The fits that are over.
    pub trials: Vec<Trial>,
}

/// What all fits of a comparison have in common, and what their results follow from beside their candidate and their start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitsRecord {
    /// The initialisation.
    pub init: Init,
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
    /// How models move in an epoch.
    pub update: Update,
    /// Whether passes leave out components.
    pub prune: Prune,
    /// How posteriors are found.
    pub posterior: Posterior,
}

impl From<&FitOptions> for FitsRecord {
    fn from(options: &FitOptions) -> Self {
        let FitOptions { init, seed, tol, floor, on_collapse, max_iter, n_init, update, prune, posterior, .. } =
            *options;
        FitsRecord { init, seed, tol, floor, on_collapse, max_iter, n_init, update, prune, posterior }
    }
}

/// A comparison as it is written.
#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u64,
    device: &'a DeviceInfo,
    data: &'a DataRecord,
    fits: &'a FitsRecord,
    trials: Vec<WrittenTrial<'a>>,
}

#[derive(Serialize)]
struct WrittenTrial<'a> {
    #[serde(flatten)]
    trial: Facts,
    warnings: &'a [Advice],
    fit: WrittenRestart<'a>,
}

/// A comparison as it is read.
#[derive(Deserialize)]
struct Read {
    device: DeviceInfo,
    data: DataRecord,
    fits: FitsRecord,
    trials: Vec<ReadTrial>,
}

#[derive(Deserialize)]
struct ReadTrial {
    #[serde(flatten)]
    trial: Facts,
    warnings: Vec<Advice>,
    fit: ReadRestart,
}

/// What is written of a trial beside its fit.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Facts {
    fold: Option<(usize, usize)>,
    share: usize,
    n_components: usize,
    covariance_type: CovarianceType,
    start: u64,
    seconds: f64,
    log_likelihood: f64,
    total_weight: f64,
    entropy: f64,
    label_entropy: f64,
    smallest_component: f64,
    floor_share: f64,
}

impl From<&Trial> for Facts {
    fn from(trial: &Trial) -> Self {
        let TrialKey { fold, share, n_components, covariance_type, start } = trial.key;
        let Scored { fit, entropy, label_entropy, smallest_component, floor_share } = &trial.scored;
        Facts {
            fold,
            share,
            n_components,
            covariance_type,
            start,
            seconds: trial.seconds,
            log_likelihood: fit.log_likelihood,
            total_weight: fit.total_weight,
            entropy: *entropy,
            label_entropy: *label_entropy,
            smallest_component: *smallest_component,
            floor_share: *floor_share,
        }
    }
}

impl Facts {
    /// Whether JSON has all of its numbers.
    fn can_be_written(&self) -> bool {
        let Facts { log_likelihood, entropy, label_entropy, smallest_component, floor_share, .. } = *self;
        [log_likelihood, entropy, label_entropy, smallest_component, floor_share].iter().all(|value| value.is_finite())
    }
}

impl ReadTrial {
    fn trial(self, data: &DataRecord) -> Result<Trial, String> {
        let ReadTrial { trial: facts, warnings, fit } = self;
        let Facts { fold, share, n_components, covariance_type, start, .. } = facts;
        let frame = Frame {
            n_components,
            covariance_type,
            n_samples: data.n_samples,
            n_features: data.n_features,
            has_levels: false,
        };
        let fit = Fit::of(fit.restart(&frame)?, facts.log_likelihood, facts.total_weight);
        let scored = Scored {
            fit: Fit { warnings, ..fit },
            entropy: facts.entropy,
            label_entropy: facts.label_entropy,
            smallest_component: facts.smallest_component,
            floor_share: facts.floor_share,
        };
        let key = TrialKey { fold, share, n_components, covariance_type, start };
        Ok(Trial { key, scored, seconds: facts.seconds })
    }
}

/// The restart that a fit is the result of, as far as that can be told.
fn restart_of(fit: &Fit) -> Restart {
    let (lower_bound, mixture) = (fit.lower_bound, fit.mixture.clone());
    let peak = fit.at_precision_limit.then(|| Peak { lower_bound, mixture: mixture.clone() });
    Restart {
        lower_bounds: fit.lower_bounds.clone(),
        converged: fit.converged,
        at_precision_limit: fit.at_precision_limit,
        peak,
        ..Restart::new(1, mixture, fit.initialisation.clone(), fit.repairs.clone())
    }
}

impl Comparison {
    /// Writes the comparison in the place of an older one, which stays until this one is complete. A trial whose worth is
    /// no number is not written.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, to: &Destination) -> Result<()> {
        let trials = self.trials.iter().map(|trial| (trial, Facts::from(trial)));
        let trials: Vec<_> = trials
            .filter(|(_, facts)| facts.can_be_written())
            .map(|(trial, facts)| (facts, &trial.scored.fit.warnings, restart_of(&trial.scored.fit)))
            .collect();
        let trials = trials.iter().map(|(facts, warnings, restart)| WrittenTrial {
            trial: *facts,
            warnings,
            fit: restart.into(),
        });
        let trials = trials.collect();
        let Comparison { device, data, fits, .. } = self;
        document::write(to, &Written { format: FORMAT, version: VERSION, device, data, fits, trials })
    }

    /// Reads a comparison.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Malformed`] for what is none.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|problem| {
            malformed(path.display().to_string(), problem, "give a checkpoint of a choice of a model, unchanged")
        })
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        document::check_format(text, FORMAT, "comparison", VERSION..=VERSION)?;
        let Read { device, data, fits, trials } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        data.check_lengths()?;
        let trials = trials.into_iter().map(|trial| trial.trial(&data)).collect::<Result<_, _>>()?;
        Ok(Comparison { device, data, fits, trials })
    }

    /// Checks that the comparison belongs to these data.
    ///
    /// # Errors
    /// [`Error::Malformed`] says what differs.
    pub fn check_data(&self, path: &Path, summary: &Summary) -> Result<()> {
        self.data.check(path, "comparison", summary)
    }
}
