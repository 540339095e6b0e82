//! All restarts of a fit: they ask for passes over samples, and take the answers, whoever gives them.

use std::sync::atomic::AtomicBool;

use crate::advice::{Advice, Term};
use crate::data::source::NEVER;
use crate::data::summary::Summary;
use crate::device::task::{Answer, SumsTask, Task};
use crate::error::{Error, Result};
use crate::fit::climb::{Climb, Phase, risen};
use crate::fit::coarse::no_level;
use crate::fit::floor;
use crate::fit::init::check_given;
use crate::fit::options::{FitOptions, Start};
use crate::fit::posterior::Truncation;
use crate::fit::result::{Fit, Progress};
use crate::fit::setting::Setting;
use crate::fit::state::{FitState, Restart};

/// Most restarts that share their passes: each needs memory for a model and its sums.
const MOST_IN_STEP: usize = 16;

/// A fit without samples and devices, on all samples from the start: what it asks of the samples is answered elsewhere, by one device or by several
/// workers that hold a part of the samples each.
///
/// ```
/// use mixtura::device::{Answer, Backend, Task};
/// use mixtura::fit::Search;
/// use mixtura::{Device, FitOptions, Points, Summary};
/// use ndarray::array;
///
/// let points = Points::new(array![[0.0], [0.2], [0.1], [5.0], [5.2], [5.1]])?;
/// let mut worker = Device::cpu().load(&points)?; // it could be anywhere
/// let mut search = Search::new(&Summary::of(&points), &FitOptions::new(2))?;
/// loop {
///     let tasks = search.wants()?;
///     if tasks.is_empty() {
///         break;
///     }
///     search.takes(worker.run(&tasks)?)?;
/// }
/// let answer = worker.run(&[search.score_task()?])?.remove(0);
/// let fit = search.finish(answer)?;
/// assert!(fit.converged);
/// # Ok::<(), mixtura::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Search {
    /// Of every level, from the coarsest to all samples.
    settings: Vec<Setting>,
    /// Restarts that share their passes.
    at_once: usize,
    /// Number of the first restart at work.
    first: usize,
    climbs: Vec<Climb>,
    best: Option<Restart>,
}

impl Search {
    /// A fit of samples with a summary, one restart after another.
    ///
    /// # Errors
    /// An option or start that does not fit the data.
    pub fn new(summary: &Summary, options: &FitOptions) -> Result<Self> {
        Self::resume(summary, options, FitState::default())
    }

    /// A fit that goes on from a state.
    ///
    /// # Errors
    /// As [`Search::new`].
    pub fn resume(summary: &Summary, options: &FitOptions, state: FitState) -> Result<Self> {
        options.check_elsewhere()?;
        let setting = Setting::new(summary, options)?;
        setting.check_state(&state)?;
        Self::on(vec![setting], state)
    }

    /// A fit on levels of the samples with these settings, from the coarsest to all samples, that goes on from a state
    /// that was checked.
    ///
    /// # Errors
    /// As [`Search::new`].
    pub(crate) fn on(settings: Vec<Setting>, state: FitState) -> Result<Self> {
        let at_once = state.restarts.len().max(1);
        let begin = |(i, restart): (usize, Option<Restart>)| match restart {
            Some(restart) => {
                let setting = settings.iter().find(|setting| setting.share() == restart.share);
                let setting = setting.ok_or_else(|| no_level(restart.share))?;
                Ok(Climb::resume(setting, state.first + i, restart))
            }
            None => Climb::new(&settings[0], state.first + i),
        };
        let climbs = state.restarts.into_iter().enumerate().map(begin).collect::<Result<Vec<_>>>()?;
        Ok(Search { at_once, first: state.first, climbs, best: state.best, settings })
    }

    /// The setting on all samples.
    fn setting(&self) -> &Setting {
        &self.settings[self.settings.len() - 1]
    }

    /// The setting of a climb.
    fn setting_of(&self, climb: &Climb) -> &Setting {
        setting_of(&self.settings, climb)
    }

    /// The coarsest level at which there is something to do: one of so many samples; 1 where that is all of them.
    pub(crate) fn share(&self) -> usize {
        let wanting = self.climbs.iter().filter(|climb| climb.wants(self.setting_of(climb)).is_some());
        wanting.map(|climb| climb.share).max().unwrap_or(1)
    }

    /// Restarts whose level is over go on at the next.
    fn rise(&mut self) {
        for climb in &mut self.climbs {
            while climb.has_risen() {
                let at = self.settings.iter().position(|setting| setting.share() == climb.share);
                let Some([from, to]) =
                    at.and_then(|at| self.settings.get(at..at + 2)).and_then(|pair| pair.first_chunk())
                else {
                    break;
                };
                climb.rise(from, to);
            }
        }
    }

    /// Lets restarts share their passes, several at a time. They give the same results; their epochs are heard of in
    /// turn.
    ///
    /// One that goes on from a state keeps to what it did.
    #[must_use]
    pub fn in_step(mut self) -> Self {
        if self.climbs.is_empty() && self.first == 0 {
            self.at_once = self.setting().n_restarts().min(MOST_IN_STEP);
        }
        self
    }

    /// How far the fit has come. A pass that failed changed nothing.
    pub fn state(&self) -> FitState {
        let restarts = self.climbs.iter().map(|climb| climb.restart.clone()).collect();
        FitState { first: self.first, restarts, best: self.best.clone() }
    }

    /// The tasks whose answers it needs, all from one pass over the samples; none when all restarts are done.
    ///
    /// # Errors
    /// A start that was given and does not fit.
    pub fn wants(&mut self) -> Result<Vec<Task>> {
        loop {
            self.rise();
            let share = self.share();
            let at_work = self.climbs.iter().filter(|climb| climb.share == share);
            let tasks: Vec<Task> = at_work.filter_map(|climb| climb.wants(self.setting_of(climb))).collect();
            if !tasks.is_empty() {
                return Ok(tasks);
            }
            // The first restart counts even where no epoch gave it a lower bound.
            self.best = self.state().best_so_far();
            self.first += self.climbs.len();
            self.climbs.clear();
            let numbers = self.first..self.setting().n_restarts().min(self.first + self.at_once);
            if numbers.is_empty() {
                return Ok(Vec::new());
            }
            self.climbs = numbers.map(|number| Climb::new(&self.settings[0], number)).collect::<Result<Vec<_>>>()?;
        }
    }

    /// The restarts that asked, with what they are at work on.
    pub(crate) fn at_work(&self) -> Vec<(usize, Phase)> {
        let share = self.share();
        let at_work = self.climbs.iter().filter(|climb| climb.share == share);
        let at_work = at_work.filter(|climb| climb.wants(self.setting_of(climb)).is_some());
        at_work.map(|climb| (climb.number, climb.phase())).collect()
    }

    /// Takes the answers to the tasks, in their order, and tells of the epochs that these end.
    ///
    /// # Errors
    /// [`Error::Parts`] for answers that are not those of all samples; a component that collapsed.
    pub fn takes(&mut self, answers: Vec<Answer>) -> Result<Vec<Progress>> {
        self.takes_watched(answers, &NEVER)
    }

    /// The same, which ends soon after `stop` has become true.
    pub(crate) fn takes_watched(&mut self, answers: Vec<Answer>, stop: &AtomicBool) -> Result<Vec<Progress>> {
        let (share, settings) = (self.share(), &self.settings);
        let at_work = self.climbs.iter_mut().filter(|climb| climb.share == share);
        let wanting: Vec<&mut Climb> =
            at_work.filter(|climb| climb.wants(setting_of(settings, climb)).is_some()).collect();
        if wanting.len() != answers.len() {
            let problem = format!("{} answers to {} tasks", answers.len(), wanting.len());
            return Err(Error::Parts { problem });
        }
        let takes = |(climb, answer): (&mut Climb, Answer)| climb.takes(answer, setting_of(settings, climb), stop);
        let taken = wanting.into_iter().zip(answers).map(takes);
        Ok(taken.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The task that tells what the best model so far is worth.
    ///
    /// # Errors
    /// [`Error::Parts`] before any restart has a model.
    pub fn score_task(&self) -> Result<Task> {
        Ok(Task::Sums(SumsTask::log_likelihood(self.best_so_far()?.mixture.quadratics())))
    }

    /// The best restart so far.
    ///
    /// # Errors
    /// [`Error::Parts`] before any restart has a model.
    pub fn best_so_far(&self) -> Result<Restart> {
        let problem = || Error::Parts { problem: "no restart has a model yet".to_owned() };
        self.state().best_so_far().ok_or_else(problem)
    }

    /// The result, from the answer to [`Search::score_task`].
    ///
    /// # Errors
    /// As [`Search::takes`].
    pub fn finish(self, answer: Answer) -> Result<Fit> {
        let setting = self.setting();
        let (k, total_weight) = (self.best_so_far()?.mixture.n_components(), setting.summary.total_weight());
        let log_likelihood = setting.complete(answer, k, None)?.log_likelihood(total_weight);
        self.finish_at(log_likelihood)
    }

    /// The result, whose model is worth this on all samples.
    pub(crate) fn finish_at(self, log_likelihood: f64) -> Result<Fit> {
        let (best, setting) = (self.best_so_far()?, self.setting());
        let best = match self.settings.iter().find(|level| level.share() == best.share && best.share > 1) {
            Some(level) => risen(best, level, 1),
            None => best,
        };
        let Setting { options, summary, m_step, .. } = setting;
        let mut warnings = Vec::new();
        if best.at_precision_limit {
            let ended = format!(
                "the fit ended after {} epochs at the limit of single precision: its lower bound falls and rises by more than \
                 the tolerance of {:e}, and its best model is kept; ",
                best.lower_bounds.len(),
                options.tol,
            );
            warnings.push(Advice::from(ended) + Term::Cpu + " computes in double precision");
        } else if !best.converged && options.max_iter > 0 {
            let ended = format!(
                "the fit did not converge in {} epochs: the last change of the lower bound was {:.1e}, not below {:e}; raise ",
                best.lower_bounds.len(),
                best.last_change(options),
                options.tol,
            );
            warnings.push(Advice::from(ended) + Term::MaxIter + " or " + Term::Tol);
        }
        if options.start == Start::CoarseToFine && best.levels.is_empty() {
            let least = 4 * options.least_samples(summary);
            let (k, d) = (options.n_components, summary.n_features());
            let text =
                format!("the fit began on all samples: a part of them is enough for {k} components of {d} features");
            warnings.push(Advice::from(format!("{text} where there are {least} or more")));
        }
        warnings.extend(floor::warning(&best.mixture, &m_step.floors, summary));
        let dropped = options.n_components.saturating_sub(best.mixture.n_components());
        if dropped > 0 && options.warm_start.is_none() {
            let asked = options.n_components;
            let text =
                format!("{dropped} of {asked} components were dropped; use fewer, or raise the covariance floor");
            warnings.push(text.into());
        }
        let truncation = options.posterior.width(options.n_components).map(Truncation::new);
        Ok(Fit { truncation, warnings, ..Fit::of(best, log_likelihood, summary.total_weight()) })
    }
}

/// The setting of a climb: that of all samples, unless it is on a level.
fn setting_of<'s>(settings: &'s [Setting], climb: &Climb) -> &'s Setting {
    let last = &settings[settings.len() - 1];
    settings.iter().find(|setting| setting.share() == climb.share).unwrap_or(last)
}

impl Setting {
    /// Checks that the restarts of a state belong to this fit.
    ///
    /// # Errors
    /// A model of another shape or family.
    pub(crate) fn check_state(&self, state: &FitState) -> Result<()> {
        state.restarts.iter().flatten().chain(&state.best).try_for_each(|restart| self.check_restart(restart))
    }

    /// Checks that a restart of a state belongs to this fit: components may have been dropped.
    fn check_restart(&self, restart: &Restart) -> Result<()> {
        use crate::fit::collapse::OnCollapse;
        let (found, options) = (restart.mixture.n_components(), &self.options);
        let dropped = found < options.n_components && options.on_collapse != OnCollapse::Error;
        let n_components = if dropped { found } else { options.n_components };
        let options = FitOptions { n_components, ..options.clone() };
        check_given(restart.mixture.clone(), &self.summary, &options).map(|_| ())
    }
}
