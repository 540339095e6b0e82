//! Coarse to fine: the parts of the samples that a restart climbs on before it climbs on all of them.

use std::sync::Arc;

use crate::data::drawn::Level;
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::backend::Backend;
use crate::device::open::Device;
use crate::error::{Error, Result};
use crate::fit::floor;
use crate::fit::options::{FitOptions, Start, WarmStart};
use crate::fit::posterior::Posterior;
use crate::fit::setting::Setting;
use crate::fit::state::{FitState, Restart};
use crate::fit::update::Update;

/// Most levels: the coarsest has one of 64 samples.
const MOST_LEVELS: u32 = 3;

/// A level has at least this many samples for each component, and each of D + 1.
const SAMPLES: usize = 20;

/// An epoch on n samples that gains less than this part of p / 2n, for p parameters, ends a level: maximum likelihood
/// on n samples is p / 2n above that of all on average, so that what is left to gain is of these samples alone.
const OF_NOISE: f64 = 0.01;

/// Samples for which levels pay, at least.
const MANY_SAMPLES: usize = 100_000;

impl FitOptions {
    /// The start on samples with a summary: direct, or coarse to fine where [`Start::Auto`] chooses that. It does so for
    /// EM and its squared extrapolation, from an initialisation, where there are 100,000 samples or more, and enough for
    /// two levels: 320 (D + 1) K of positive weight.
    pub fn start_on(&self, summary: &Summary) -> Start {
        let is_plain = matches!(self.update, Update::Em | Update::Squarem)
            && self.posterior == Posterior::Exact
            && self.max_iter > 0;
        let n = summary.n_effective();
        let pays = n >= MANY_SAMPLES && n / 16 >= self.least_samples(summary);
        match self.start {
            Start::Auto if is_plain && self.warm_start.is_none() && pays => Start::CoarseToFine,
            Start::Auto => Start::Direct,
            start => start,
        }
    }

    /// Checks the start of a fit whose samples are elsewhere, where none can be drawn of them.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub(crate) fn check_elsewhere(&self) -> Result<()> {
        let (name, value) = ("the start", self.start.name().to_owned());
        let expected = "direct, where the samples are with several workers; one alone can draw a part of them";
        if self.start == Start::CoarseToFine { Err(Error::InvalidOption { name, value, expected }) } else { Ok(()) }
    }

    /// Samples of a level, at least.
    pub(crate) fn least_samples(&self, summary: &Summary) -> usize {
        self.n_components.saturating_mul(SAMPLES * (summary.n_features() + 1))
    }

    /// How many levels there may be enough samples for.
    fn levels(&self, summary: &Summary) -> u32 {
        let (n, least) = (summary.n_effective(), self.least_samples(summary));
        (1..=MOST_LEVELS).take_while(|level| n >> (2 * level) >= least).last().unwrap_or(0)
    }
}

impl Setting {
    /// The setting on a level of these samples; `None` where that has too few. Floors, and what features are measured
    /// in, are those of all.
    fn of_level(&self, level: &Level) -> Option<Setting> {
        let (summary, options) = (level.summary(), &self.options);
        let n = summary.n_effective();
        let has_values = summary.total_weight() > 0.0 && summary.without_values().is_none();
        if n < options.least_samples(&self.summary) || !has_values {
            return None;
        }
        let (k, d) = (options.n_components, summary.n_features());
        let parameters = options.covariance_type.n_parameters(k, d) + k * d + k - 1;
        let tol = options.tol.max(OF_NOISE * parameters as f64 / (2 * n) as f64);
        // Models of few samples are found exactly, whatever follows.
        let (update, posterior) = (Update::Squarem, Posterior::Exact);
        let options = FitOptions { tol, update, posterior, ..after_levels(options) };
        let (m_step, units) = (self.m_step.clone(), floor::units(&self.summary));
        Some(Setting { options, summary: summary.clone(), m_step, units, thinning: level.draw() })
    }
}

/// The options where a model given as a start was climbed from before: its lower bound is that of other samples.
fn after_levels(options: &FitOptions) -> FitOptions {
    let warm_start = options.warm_start.as_ref();
    let warm_start = warm_start.map(|start| WarmStart { mixture: start.mixture.clone(), lower_bound: None });
    FitOptions { warm_start, ..options.clone() }
}

/// The levels of a fit, and the one on the device.
pub(crate) struct Levels<'d> {
    levels: Vec<Arc<Level<'d>>>,
    loaded: Option<(usize, Box<dyn Backend + 'd>)>,
}

impl<'d> Levels<'d> {
    /// None.
    pub(crate) fn none() -> Self {
        Levels { levels: Vec::new(), loaded: None }
    }

    /// The levels that a fit with a setting on all samples needs to go on from a state, made in one pass over the data;
    /// and all settings, from that of the coarsest level to that of all samples.
    ///
    /// # Errors
    /// Those of the data.
    pub(crate) fn of(data: &'d dyn Data, setting: Setting, state: &FitState) -> Result<(Self, Vec<Setting>)> {
        let n = match setting.options.start_on(data.summary()) {
            Start::CoarseToFine => setting.options.levels(data.summary()),
            _ => 0,
        };
        if n == 0 {
            return Ok((Self::none(), vec![setting]));
        }
        let all = Setting { options: after_levels(&setting.options), ..setting };
        let is_above = |restart: &Option<Restart>| restart.as_ref().is_some_and(|restart| restart.share == 1);
        let begun = state.first + state.restarts.len();
        if begun >= all.n_restarts() && state.restarts.iter().all(is_above) {
            return Ok((Self::none(), vec![all]));
        }
        let levels = Level::all(&(Arc::new(data) as Arc<dyn Data>), all.options.seed, n, data.room())?;
        let (levels, mut settings): (Vec<_>, Vec<_>) =
            levels.into_iter().rev().filter_map(|level| all.of_level(&level).map(|setting| (level, setting))).unzip();
        settings.push(all);
        Ok((Levels { levels, loaded: None }, settings))
    }

    /// The samples of which there is one in so many, on the device.
    ///
    /// # Errors
    /// As [`Device::load`].
    pub(crate) fn backend(&mut self, share: usize, device: &Device) -> Result<&mut (dyn Backend + 'd)> {
        if self.loaded.as_ref().is_none_or(|(loaded, _)| *loaded != share) {
            // There may be no room for two.
            self.loaded = None;
            let level = self.levels.iter().find(|level| level.draw().share() == share);
            let level = level.ok_or_else(|| no_level(share))?;
            self.loaded = Some((share, device.load_shared(level.clone())?));
        }
        match &mut self.loaded {
            Some((_, backend)) => Ok(&mut **backend),
            None => Err(no_level(share)),
        }
    }

    /// Gives back what the device holds of them.
    pub(crate) fn rest(&mut self) {
        self.loaded = None;
    }
}

/// A restart is on samples that the fit has not.
pub(crate) fn no_level(share: usize) -> Error {
    Error::Parts { problem: format!("a restart is on 1/{share} of the samples, and this fit has no such part of them") }
}
