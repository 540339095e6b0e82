//! The epoch loop: restarts, and the result of a fit.

pub(crate) mod collapse;
pub(crate) mod floor;
pub(crate) mod init;
pub(crate) mod kmeans;
pub(crate) mod noise;
pub(crate) mod options;
pub(crate) mod seeds;
pub(crate) mod starts;
pub(crate) mod update;

use std::time::Instant;

use ndarray::Array1;

use crate::data::{Data, Home};
use crate::device::Device;
use crate::device::backend::{Assignment, Backend};
use crate::device::choice::Precision;
use crate::error::{Error, Result};
use crate::fit::collapse::{OnCollapse, Repair, Repairer};
use crate::fit::init::{Initialisation, Start};
use crate::fit::options::FitOptions;
use crate::fit::update::Update;
use crate::fit::update::step::{Here, Memory, Next, StepKind};
use crate::fit::update::stepwise::{Extents, Stepwise};
use crate::model::mixture::Mixture;

/// Lower bounds that differ by no more are equal: nats per sample. Restarts that find the same optimum differ in their
/// rounding alone, which is another on every processor.
const EQUAL_BOUNDS: f64 = 1e-6;

/// Stepwise EM gives way to EM when a pass gains less than this: nats per sample.
const POLISH_BELOW: f64 = 1e-3;

/// Where a fit stands, after each epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Which restart, from 0.
    pub restart: usize,
    /// Epochs done in this restart, from 1.
    pub epoch: usize,
    /// What the epoch did.
    pub kind: StepKind,
    /// Mean log-likelihood per sample of the model before this epoch's M step.
    pub lower_bound: f64,
    /// Its change since the last epoch; infinite after the first.
    pub change: f64,
    /// Components that collapsed, and what was done about them; after the first epoch, those of the initialisation too.
    pub repairs: Vec<Repair>,
    /// Seconds this epoch took.
    pub seconds: f64,
}

/// Seconds of each phase of a fit; initialisation and epochs are summed over the restarts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
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
    /// What the initialisation of the best restart did.
    pub initialisation: Initialisation,
    /// Components of the best restart that collapsed, and what was done about them.
    pub repairs: Vec<Repair>,
    /// Where the samples were.
    pub home: Home,
    /// Seconds of each phase.
    pub seconds: Seconds,
    /// Seconds of every epoch, of all restarts in turn.
    pub epoch_seconds: Vec<f64>,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
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

/// Fits a mixture to the samples by expectation-maximisation, on the given device.
///
/// ```
/// use mixtura::{Device, FitOptions, Points, fit};
/// use ndarray::array;
///
/// let points = Points::new(array![[0.0], [0.2], [0.1], [5.0], [5.2], [5.1]])?;
/// let result = fit(&points, &Device::cpu(), &FitOptions::new(2), &mut |_| {})?;
/// assert!(result.converged);
/// # Ok::<(), mixtura::Error>(())
/// ```
///
/// # Errors
/// An option or start that does not fit the data, a component that collapsed, what the device reports, or that the
/// samples cannot be read again.
pub fn fit(data: &dyn Data, device: &Device, options: &FitOptions, observe: &mut dyn FnMut(&Progress)) -> Result<Fit> {
    let mut fitting = Fitting::new(data, device, options)?;
    while let Some(progress) = fitting.epoch()? {
        observe(&progress);
    }
    fitting.finish()
}

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
    fn new(start: Start) -> Self {
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
    fn bounds_since_repair(&self) -> &[f64] {
        let repaired = self.repairs.iter().filter(|repair| repair.changes_model()).map(|repair| repair.epoch).max();
        let repaired = repaired.unwrap_or(0);
        self.lower_bounds.get(repaired..).unwrap_or_default()
    }

    /// Keeps the best model, and ends the restart where its lower bounds are no more than noise. `before` is the model that
    /// had the last of them.
    fn heed_noise(&mut self, before: Mixture, tol: f64) {
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
    fn or_better(self, other: Climb) -> Climb {
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

/// A fit at work, epoch by epoch: it may be looked at, kept, and gone on with between any two.
///
/// ```
/// use mixtura::{Device, FitOptions, Fitting, Points};
/// use ndarray::array;
///
/// let points = Points::new(array![[0.0], [0.2], [0.1], [5.0], [5.2], [5.1]])?;
/// let (device, options) = (Device::cpu(), FitOptions::new(2));
/// let mut fitting = Fitting::new(&points, &device, &options)?;
/// fitting.epoch()?;
/// let state = fitting.state().clone();
///
/// let mut resumed = Fitting::resume(&points, &device, &options, state)?;
/// while resumed.epoch()?.is_some() {}
/// while fitting.epoch()?.is_some() {}
/// assert_eq!(resumed.finish()?.mixture, fitting.finish()?.mixture);
/// # Ok::<(), mixtura::Error>(())
/// ```
pub struct Fitting<'d> {
    data: &'d dyn Data,
    options: FitOptions,
    device: Device,
    backend: Box<dyn Backend + 'd>,
    /// Squared robust scales of the features, in which steps are measured: `[D]`.
    units: Array1<f64>,
    /// Floors of the variances: `[D]`.
    floors: Array1<f64>,
    /// What stepwise EM places and scales its batches by.
    extents: Option<Extents>,
    state: FitState,
    seconds: Seconds,
    epoch_seconds: Vec<f64>,
}

impl<'d> Fitting<'d> {
    /// Puts the samples on the device.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn new(data: &'d dyn Data, device: &Device, options: &FitOptions) -> Result<Self> {
        Self::resume(data, device, options, FitState::default())
    }

    /// Goes on from a state, which ends with the same bits as if the fit had never stopped, if data, device and options
    /// are the same.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn resume(data: &'d dyn Data, device: &Device, options: &FitOptions, state: FitState) -> Result<Self> {
        options.check()?;
        if data.n_effective() < options.n_components {
            return Err(Error::TooFewSamples { n_samples: data.n_effective(), n_components: options.n_components });
        }
        options.covariance_type.check_room(options.n_components, data.n_features())?;
        for climb in [&state.climb, &state.best].into_iter().flatten() {
            let n_components = climb.mixture.n_components();
            let dropped = n_components < options.n_components && options.on_collapse != OnCollapse::Error;
            let n_components = if dropped { n_components } else { options.n_components };
            init::check_given(climb.mixture.clone(), data, &FitOptions { n_components, ..options.clone() })?;
        }
        let started = Instant::now();
        let backend = device.load(data)?;
        let seconds = Seconds { upload: started.elapsed().as_secs_f64(), ..Seconds::default() };
        let units = match options.update {
            Update::Gradient { .. } | Update::Squarem => floor::units(data),
            Update::Em | Update::Damped { .. } | Update::Stepwise { .. } => Array1::zeros(0),
        };
        let extents = matches!(options.update, Update::Stepwise { .. }).then(|| Extents::of(data));
        let (options, device, floors) = (options.clone(), device.clone(), options.floor.of_features(data));
        let epoch_seconds = Vec::new();
        Ok(Fitting { data, options, device, backend, units, floors, extents, state, seconds, epoch_seconds })
    }

    /// How far the fit has come. An epoch that failed changed nothing.
    pub fn state(&self) -> &FitState {
        &self.state
    }

    /// Where the samples are.
    pub fn home(&self) -> Home {
        self.backend.home()
    }

    /// The samples on the device, for passes beside those of the fit.
    pub fn backend(&mut self) -> &mut dyn Backend {
        &mut *self.backend
    }

    /// Does one epoch, after the initialisation where it is a restart's first; `None` when all restarts are done.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn epoch(&mut self) -> Result<Option<Progress>> {
        while self.state.restart < self.n_restarts() {
            if self.state.climb.is_none() {
                let started = Instant::now();
                self.state.climb = Some(self.initialise()?);
                self.seconds.init += started.elapsed().as_secs_f64();
            }
            let climb = self.state.climb.as_ref().expect("just initialised");
            if !climb.is_over(self.options.max_iter) {
                return self.climb().map(Some);
            }
            if self.n_restarts() > 1 {
                // Its lower bound is of the model before: the model of the greatest bound may not be the best.
                let score = self.backend.log_likelihood(&climb.mixture)? / self.data.total_weight();
                self.state.climb.as_mut().expect("just initialised").score = Some(score);
            }
            // The first restart counts even where no epoch gave it a lower bound.
            self.state = FitState { restart: self.state.restart + 1, climb: None, best: self.state.best_so_far() };
        }
        Ok(None)
    }

    fn n_restarts(&self) -> usize {
        if self.options.warm_start.is_some() { 1 } else { self.options.n_init }
    }

    fn initialise(&mut self) -> Result<Climb> {
        let start = init::initialise(self.data, &mut *self.backend, &self.options, &self.floors, self.state.restart)?;
        Ok(Climb::new(start))
    }

    /// One epoch of the restart at work.
    fn climb(&mut self) -> Result<Progress> {
        let started = Instant::now();
        let climb = self.state.climb.take().expect("an initialised restart");
        let next = self.next(&climb);
        let climb = self.state.climb.insert(climb);
        let (next, repairs) = next?;
        let before = std::mem::replace(&mut climb.mixture, next.mixture);
        climb.memory = next.memory;
        climb.lower_bounds.push(next.lower_bound);
        let change = last_change(climb, &self.options);
        climb.converged = next.is_judged && change.abs() < self.options.tol * self.options.update.rate();
        let known = if climb.lower_bounds.len() == 1 { 0 } else { climb.repairs.len() };
        climb.repairs.extend(repairs);
        if self.options.tol > 0.0 && self.options.update.climbs() && self.backend.info().precision == Precision::Single
        {
            climb.heed_noise(before, self.options.tol);
        }
        let seconds = started.elapsed().as_secs_f64();
        self.seconds.epochs += seconds;
        self.epoch_seconds.push(seconds);
        Ok(Progress {
            restart: self.state.restart,
            epoch: climb.lower_bounds.len(),
            kind: next.kind,
            lower_bound: next.lower_bound,
            change,
            repairs: climb.repairs[known..].to_vec(),
            seconds,
        })
    }

    /// Where an epoch takes a restart, and what was repaired on the way.
    fn next(&mut self, climb: &Climb) -> Result<(Next, Vec<Repair>)> {
        let Climb { mixture, memory, lower_bounds, .. } = climb;
        let FitOptions { update, tol, .. } = self.options;
        if let (Update::Stepwise { batch_size, decay, polish }, Some(extents)) = (update, &self.extents)
            && !memory.polishing
        {
            let (floors, seed, passes) = (&self.floors, self.options.seed, lower_bounds.len());
            let stepwise = Stepwise { batch_size, decay, floors, extents, seed, passes };
            match self.step_through(climb, &stepwise, polish) {
                Err(Error::NotPositiveDefinite { .. }) if self.options.on_collapse != OnCollapse::Error => {}
                next => return next.map(|next| (next, Vec::new())),
            }
        }
        let moments = self.backend.moments(mixture, Assignment::Soft)?;
        let repairer = Repairer {
            data: self.data,
            backend: &mut *self.backend,
            on_collapse: self.options.on_collapse,
            floors: &self.floors,
            earlier: &climb.repairs,
            epoch: lower_bounds.len() + 1,
        };
        // Models that were only tried are not repaired.
        let starved = if update.is_trial(memory) { Vec::new() } else { repairer.starved(&moments) };
        if starved.is_empty() {
            let (floors, units) = (&self.floors, &self.units);
            match update.next(&Here { mixture, memory, moments: &moments, lower_bounds, tol, floors, units }) {
                Err(Error::NotPositiveDefinite { .. }) if self.options.on_collapse != OnCollapse::Error => {}
                next => return next.map(|next| (next, Vec::new())),
            }
        }
        let lower_bound = moments.lower_bound();
        let (mixture, repairs) = repairer.maximize(mixture, moments, &starved)?;
        let is_judged = !repairs.iter().any(Repair::changes_model);
        let kind = if is_judged { StepKind::Em } else { StepKind::Repaired };
        let memory = Memory { polishing: memory.polishing, ..Memory::default() };
        // Where nothing could be done, this was a step like any other.
        Ok((Next { mixture, memory, kind, lower_bound, is_judged }, repairs))
    }

    /// A pass of stepwise EM.
    fn step_through(&self, climb: &Climb, stepwise: &Stepwise, polish: bool) -> Result<Next> {
        let (mixture, lower_bound) = stepwise.pass(self.data, &self.device, &climb.mixture)?;
        let gain = climb.lower_bounds.last().map_or(f64::INFINITY, |before| lower_bound - before);
        let memory = Memory { polishing: polish && gain < POLISH_BELOW, ..Memory::default() };
        Ok(Next { mixture, memory, kind: StepKind::Stepwise, lower_bound, is_judged: !polish })
    }

    /// The result, after the last epoch; or, before that, what the best model so far is worth.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn finish(mut self) -> Result<Fit> {
        let best = match self.state.best_so_far() {
            Some(best) => best,
            None => self.initialise()?,
        };
        let log_likelihood = self.backend.log_likelihood(&best.mixture)?;
        let mut warnings: Vec<String> = self.device.distrust().map(str::to_owned).into_iter().collect();
        if best.at_precision_limit {
            warnings.push(format!(
                "the fit ended after {} epochs at the limit of single precision: its lower bound falls and rises by more than \
                 the tolerance of {:e}, and its best model is kept; --device cpu computes in double precision",
                best.lower_bounds.len(),
                self.options.tol,
            ));
        } else if !best.converged && self.options.max_iter > 0 {
            warnings.push(format!(
                "the fit did not converge in {} epochs: the last change of the lower bound was {:.1e}, not below {:e}; \
                 raise --max-iter or --tol",
                best.lower_bounds.len(),
                last_change(&best, &self.options),
                self.options.tol,
            ));
        }
        warnings.extend(floor::warning(&best.mixture, &self.floors, self.data));
        let dropped = self.options.n_components.saturating_sub(best.mixture.n_components());
        if dropped > 0 && self.options.warm_start.is_none() {
            let asked = self.options.n_components;
            warnings.push(format!(
                "{dropped} of {asked} components were dropped; use fewer, or raise the covariance floor"
            ));
        }
        Ok(Fit {
            converged: best.converged,
            at_precision_limit: best.at_precision_limit,
            n_iter: best.lower_bounds.len(),
            lower_bound: best.lower_bound(),
            mixture: best.mixture,
            lower_bounds: best.lower_bounds,
            log_likelihood,
            total_weight: self.data.total_weight(),
            initialisation: best.initialisation,
            repairs: best.repairs,
            home: self.backend.home(),
            seconds: self.seconds,
            epoch_seconds: self.epoch_seconds,
            warnings,
        })
    }
}

/// The last change of a restart's lower bound; infinite where there is nothing to compare it with.
fn last_change(climb: &Climb, options: &FitOptions) -> f64 {
    let start = options.warm_start.as_ref().and_then(|start| start.lower_bound).unwrap_or(f64::NEG_INFINITY);
    match climb.lower_bounds.as_slice() {
        [] => f64::INFINITY,
        [only] => only - start,
        [.., before, last] => last - before,
    }
}
