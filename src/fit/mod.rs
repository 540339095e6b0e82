//! The epoch loop, which can stop and go on between any two epochs, over all restarts.

pub(crate) mod collapse;
pub(crate) mod floor;
pub(crate) mod init;
pub(crate) mod kmeans;
pub(crate) mod noise;
pub(crate) mod options;
mod result;
pub(crate) mod seeds;
pub(crate) mod starts;
mod state;
pub(crate) mod update;

pub use self::result::{Fit, Progress, Seconds};
pub use self::state::{Climb, FitState, Peak};

use std::time::Instant;

use ndarray::Array1;

use crate::data::{Data, Home};
use crate::device::Device;
use crate::device::backend::{Assignment, Backend};
use crate::device::choice::Precision;
use crate::error::{Error, Result};
use crate::fit::collapse::{OnCollapse, Repair, Repairer};
use crate::fit::options::FitOptions;
use crate::fit::update::Update;
use crate::fit::update::step::{Here, Memory, Next, StepKind};
use crate::fit::update::stepwise::Stepwise;

/// Stepwise EM gives way to EM when a pass gains less than this: nats per sample.
const POLISH_BELOW: f64 = 1e-3;

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
        if data.summary().n_effective() < options.n_components {
            return Err(Error::TooFewSamples {
                n_samples: data.summary().n_effective(),
                n_components: options.n_components,
            });
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
        let (options, device, floors) = (options.clone(), device.clone(), options.floor.of_features(data));
        let epoch_seconds = Vec::new();
        Ok(Fitting { data, options, device, backend, units, floors, state, seconds, epoch_seconds })
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
                let score = self.backend.log_likelihood(&climb.mixture)? / self.data.summary().total_weight();
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
        if let Update::Stepwise { batch_size, decay, polish } = update
            && !memory.polishing
        {
            let (floors, seed, passes) = (&self.floors, self.options.seed, lower_bounds.len());
            let stepwise = Stepwise { batch_size, decay, floors, seed, passes };
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
            total_weight: self.data.summary().total_weight(),
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
