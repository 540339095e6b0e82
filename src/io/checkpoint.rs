//! Checkpoints: how far a fit has come, written down so that it can go on with the same bits.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::data_record::DataRecord;
use super::document;
use super::fit_record::FitRecord;
use super::malformed;
use super::model::Model;
use super::output::Destination;
use super::restart_record::{Frame, ReadRestart, WrittenRestart};
use crate::advice::{Advice, Term};
use crate::data::summary::Summary;
use crate::device::choice::DeviceInfo;
use crate::device::prune::Prune;
use crate::error::{Error, Result};
use crate::fit::collapse::OnCollapse;
use crate::fit::floor::Floor;
use crate::fit::options::{Init, Start};
use crate::fit::posterior::Posterior;
use crate::fit::state::FitState;
use crate::fit::update::Update;
use crate::model::family::CovarianceType;

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

/// A checkpoint as it is written.
#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u64,
    device: &'a DeviceInfo,
    data: &'a DataRecord,
    options: &'a OptionsRecord,
    restart: usize,
    climb: Option<WrittenRestart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restarts: Option<Vec<Option<WrittenRestart<'a>>>>,
    best: Option<WrittenRestart<'a>>,
}

/// A checkpoint as it is read.
#[derive(Deserialize)]
struct Read {
    device: DeviceInfo,
    data: DataRecord,
    options: OptionsRecord,
    restart: usize,
    climb: Option<ReadRestart>,
    restarts: Option<Vec<Option<ReadRestart>>>,
    best: Option<ReadRestart>,
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
        let written = |restart| Option::as_ref(restart).map(WrittenRestart::from);
        let document = Written {
            format: FORMAT,
            version,
            device: &self.device,
            data: &self.data,
            options: &self.options,
            restart: *first,
            climb: restarts.first().filter(|_| !in_step).and_then(written),
            restarts: in_step.then(|| restarts.iter().map(written).collect()),
            best: best.as_ref().map(WrittenRestart::from),
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

    /// The best model so far, and how it was fitted; `None` before the first initialisation.
    pub fn best_model(&self) -> Option<Model> {
        let best = self.state.best_so_far()?;
        // Lower bounds of a part of the samples are none of all.
        let (converged, lower_bounds) =
            if best.share == 1 { (best.converged, best.lower_bounds) } else { Default::default() };
        let OptionsRecord { ref init, seed, tol, floor, max_iter, n_init, .. } = self.options;
        let fit = FitRecord {
            device: Some(self.device.clone()),
            n_samples: Some(self.data.n_samples),
            total_weight: Some(self.data.total_weight),
            init: init.clone(),
            seed: Some(seed),
            tol,
            floor,
            max_iter,
            n_init,
            converged,
            n_iter: lower_bounds.len(),
            lower_bound: lower_bounds.last().copied(),
            lower_bounds,
            log_likelihood: None,
        };
        Some(Model { mixture: best.mixture, feature_names: self.data.feature_names.clone(), fit: Some(fit) })
    }

    /// Whether a text is that of a checkpoint, whole or not.
    pub(super) fn is_in(text: &[u8]) -> bool {
        document::has_format(text, FORMAT)
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        document::check_format(text, FORMAT, "checkpoint", IN_SEQUENCE..=TRUNCATED)?;
        let Read { device, data, options, restart, climb, restarts, best } =
            serde_json::from_slice(text).map_err(|error| error.to_string())?;
        data.check_lengths()?;
        let frame = Frame {
            n_components: options.n_components,
            covariance_type: options.covariance_type,
            n_samples: data.n_samples,
            n_features: data.n_features,
            has_levels: options.start == Start::CoarseToFine,
        };
        let read = |restart: Option<ReadRestart>| restart.map(|restart| restart.restart(&frame)).transpose();
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
        self.data.check(path, "checkpoint", summary)
    }
}
