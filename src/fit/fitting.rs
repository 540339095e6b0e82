//! The loop that pairs what restarts ask for with the passes of a device.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::advice::Advice;
use crate::data::home::Home;
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::backend::Backend;
use crate::device::choice::DeviceInfo;
use crate::device::cpu;
use crate::device::open::Device;
use crate::device::prune::bytes_of_a_copy;
use crate::device::task::unexpected;
use crate::error::Result;
use crate::fit::climb::Phase;
use crate::fit::coarse::Levels;
use crate::fit::options::FitOptions;
use crate::fit::result::{Fit, Progress, Pruning, Seconds};
use crate::fit::search::Search;
use crate::fit::setting::Setting;
use crate::fit::state::{FitState, Restart};

/// Fits a mixture to the samples by expectation-maximisation, on the given device.
///
/// ```
/// use mixtura::{Device, FitOptions, Points, fit};
/// use ndarray::array;
///
/// let points = Points::new(array![[0.0], [0.2], [0.1], [5.0], [5.2], [5.1]])?;
/// let result = fit(&points, &Device::cpu(), &FitOptions::new(2))?;
/// assert!(result.converged);
/// # Ok::<(), mixtura::Error>(())
/// ```
///
/// # Errors
/// An option or start that does not fit the data, a component that collapsed, what the device reports, or that the
/// samples cannot be read again.
pub fn fit(data: &dyn Data, device: &Device, options: &FitOptions) -> Result<Fit> {
    fit_observed(data, device, options, &mut |_| ControlFlow::Continue(()))
}

/// The same fit, whose epochs an observer hears of as they end. Where the observer breaks, the fit ends with the best model up
/// to then, as one that has done all of its epochs.
///
/// ```
/// use std::ops::ControlFlow;
/// use std::time::{Duration, Instant};
///
/// use mixtura::fit::fit_observed;
/// use mixtura::ndarray::array;
/// use mixtura::{Device, FitOptions, Points};
///
/// let points = Points::new(array![[0.0], [0.2], [0.1], [5.0], [5.2], [5.1]])?;
/// let until = Instant::now() + Duration::from_secs(3);
/// let result = fit_observed(&points, &Device::cpu(), &FitOptions::new(2), &mut |progress| {
///     eprintln!("epoch {}: lower bound {:.6}", progress.epoch, progress.lower_bound);
///     if Instant::now() < until { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// })?;
/// # assert!(result.converged);
/// # Ok::<(), mixtura::Error>(())
/// ```
///
/// # Errors
/// As [`fit`].
pub fn fit_observed(
    data: &dyn Data,
    device: &Device,
    options: &FitOptions,
    observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Fit> {
    let mut fitting = Fitting::new(data, device, options)?;
    while let Some(progress) = fitting.epoch()? {
        if observe(&progress).is_break() {
            break;
        }
    }
    fitting.finish()
}

/// A fit at work, epoch by epoch: it may be looked at, kept, and gone on with between any two.
///
/// ```
/// use mixtura::fit::Fitting;
/// use mixtura::{Device, FitOptions, Points};
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
    stop: &'d AtomicBool,
    device: Device,
    backend: Box<dyn Backend + 'd>,
    levels: Levels<'d>,
    search: Search,
    /// Epochs that nobody heard of yet.
    waiting: VecDeque<Progress>,
    /// Seconds that the epoch at work of each restart took so far.
    spent: HashMap<usize, f64>,
    seconds: Seconds,
    epoch_seconds: Vec<f64>,
    /// Share of all log-densities that every epoch evaluated.
    evaluated: Vec<f64>,
}

impl<'d> Fitting<'d> {
    /// Puts the samples on the device. Restarts share their passes where samples move in every pass: on disk, or
    /// through a device that does not hold them all.
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
        Self::resume_on(data.summary(), data.stop(), device, || device.load(data), Some(data), options, state)
    }

    /// Goes on from a state, on samples with a summary that `load` puts wherever passes over them are made; `device` is
    /// what records name. The fit ends soon after `stop` has become true. A start that is coarse to fine needs the samples
    /// here.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn resume_on(
        summary: &Summary,
        stop: &'d AtomicBool,
        device: &Device,
        load: impl FnOnce() -> Result<Box<dyn Backend + 'd>>,
        here: Option<&'d dyn Data>,
        options: &FitOptions,
        state: FitState,
    ) -> Result<Self> {
        // What can be refused without the device is refused first.
        let setting = Setting::new(summary, options)?;
        setting.check_state(&state)?;
        if here.is_none() {
            options.check_elsewhere()?;
        }
        let mut seconds = Seconds::default();
        let started = Instant::now();
        let backend = load()?;
        options.posterior.check_backend(options.n_components, &*backend)?;
        seconds.upload = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let (levels, settings) = match here {
            Some(data) => Levels::of(data, setting, &state)?,
            None => (Levels::none(), vec![setting]),
        };
        seconds.levels = started.elapsed().as_secs_f64();
        let search = Search::on(settings, state)?;
        let search = if backend.moves_samples() { search.in_step() } else { search };
        Ok(Fitting {
            stop,
            device: device.clone(),
            backend,
            levels,
            search,
            waiting: VecDeque::new(),
            spent: HashMap::new(),
            seconds,
            epoch_seconds: Vec::new(),
            evaluated: Vec::new(),
        })
    }

    /// How far the fit has come. An epoch that failed changed nothing.
    pub fn state(&self) -> FitState {
        self.search.state()
    }

    /// The best restart so far.
    ///
    /// # Errors
    /// [`Parts`](crate::Error::Parts) before any restart has a model.
    pub fn best_so_far(&self) -> Result<Restart> {
        self.search.best_so_far()
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
    /// Restarts that share their passes take turns.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn epoch(&mut self) -> Result<Option<Progress>> {
        loop {
            if let Some(progress) = self.waiting.pop_front() {
                return Ok(Some(progress));
            }
            if !self.pass()? {
                return Ok(None);
            }
        }
    }

    /// Does one pass over the samples; `false` when no more is needed.
    fn pass(&mut self) -> Result<bool> {
        let started = Instant::now();
        let tasks = self.search.wants()?;
        if tasks.is_empty() {
            return Ok(false);
        }
        let (at_work, level) = (self.search.at_work(), self.search.share());
        let answers = match level {
            1 => {
                self.levels.rest();
                self.backend.run(&tasks)?
            }
            level => self.levels.backend(level, &self.device)?.run(&tasks)?,
        };
        let ended = self.search.takes_watched(answers, self.stop)?;
        let share = started.elapsed().as_secs_f64() / at_work.len() as f64;
        for (restart, phase) in at_work {
            match phase {
                Phase::Initialisation => self.seconds.init += share,
                Phase::Epochs => *self.spent.entry(restart).or_default() += share,
                Phase::Score => {}
            }
        }
        for mut progress in ended {
            progress.seconds = self.spent.remove(&progress.restart).unwrap_or_default();
            match level {
                1 => {
                    self.seconds.epochs += progress.seconds;
                    self.epoch_seconds.push(progress.seconds);
                    self.evaluated.push(progress.evaluated);
                }
                _ => self.seconds.levels += progress.seconds,
            }
            self.waiting.push_back(progress);
        }
        Ok(true)
    }

    /// The result, after the last epoch; or, before that, what the best model so far is worth.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn finish(&mut self) -> Result<Fit> {
        while self.search.best_so_far().is_err() && self.pass()? {}
        let task = self.search.score_task()?;
        let answer = self.backend.run(&[task])?.pop().ok_or_else(unexpected)?;
        let mut fit = self.search.clone().finish(answer)?;
        fit.warnings.splice(0..0, self.device.distrust().map(Advice::from));
        // What truncated posteriors leave out has no such bound.
        let pruning = if fit.truncation.is_none() { self.pruning() } else { None };
        let epoch_seconds = self.epoch_seconds.clone();
        Ok(Fit { home: self.backend.home(), seconds: self.seconds, epoch_seconds, pruning, ..fit })
    }

    /// What pruning left out so far.
    fn pruning(&self) -> Option<Pruning> {
        let summary = self.backend.summary();
        let share = self.evaluated.iter().sum::<f64>() / self.evaluated.len() as f64;
        let (info, d) = (self.backend.info(), summary.n_features());
        let (left_out, of_order) = cpu::pruned(info.precision, d);
        let is_cpu = |info: &DeviceInfo| info.backend == "cpu";
        let is_ordered =
            if info.teams.is_empty() { is_cpu(info) } else { info.teams.iter().all(|team| is_cpu(&team.info)) };
        let bytes_per_sample = if is_ordered { of_order } else { bytes_of_a_copy(d) };
        (share < 1.0).then(|| Pruning { share, bound: left_out * summary.total_weight(), bytes_per_sample })
    }
}
