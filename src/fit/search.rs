//! All restarts of a fit: they ask for passes over samples, and take the answers, whoever gives them.

use std::sync::atomic::AtomicBool;

use crate::advice::{Advice, Term};
use crate::data::home::Home;
use crate::data::source::NEVER;
use crate::data::summary::Summary;
use crate::device::task::{Answer, SumsTask, Task};
use crate::error::{Error, Result};
use crate::fit::climb::{Climb, Phase};
use crate::fit::floor;
use crate::fit::init::check_given;
use crate::fit::options::FitOptions;
use crate::fit::posterior::Truncation;
use crate::fit::result::{Fit, Progress, Seconds};
use crate::fit::setting::Setting;
use crate::fit::state::{FitState, Restart};

/// Most restarts that share their passes: each needs memory for a model and its sums.
const MOST_IN_STEP: usize = 16;

/// A fit without samples and devices: what it asks of the samples is answered elsewhere, by one device or by several
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
    setting: Setting,
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
        let setting = Setting::new(summary, options)?;
        for restart in state.restarts.iter().flatten().chain(&state.best) {
            setting.check_restart(restart)?;
        }
        let at_once = state.restarts.len().max(1);
        let begin = |(i, restart): (usize, Option<Restart>)| match restart {
            Some(restart) => Ok(Climb::resume(&setting, state.first + i, restart)),
            None => Climb::new(&setting, state.first + i),
        };
        let climbs = state.restarts.into_iter().enumerate().map(begin).collect::<Result<Vec<_>>>()?;
        Ok(Search { at_once, first: state.first, climbs, best: state.best, setting })
    }

    /// Lets restarts share their passes, several at a time. They give the same results; their epochs are heard of in
    /// turn.
    ///
    /// One that goes on from a state keeps to what it did.
    #[must_use]
    pub fn in_step(mut self) -> Self {
        if self.climbs.is_empty() && self.first == 0 {
            self.at_once = self.setting.n_restarts().min(MOST_IN_STEP);
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
            let tasks: Vec<Task> = self.climbs.iter().filter_map(|climb| climb.wants(&self.setting)).collect();
            if !tasks.is_empty() {
                return Ok(tasks);
            }
            // The first restart counts even where no epoch gave it a lower bound.
            self.best = self.state().best_so_far();
            self.first += self.climbs.len();
            self.climbs.clear();
            let numbers = self.first..self.setting.n_restarts().min(self.first + self.at_once);
            if numbers.is_empty() {
                return Ok(Vec::new());
            }
            self.climbs = numbers.map(|number| Climb::new(&self.setting, number)).collect::<Result<Vec<_>>>()?;
        }
    }

    /// The restarts that asked, with what they are at work on.
    pub(crate) fn at_work(&self) -> Vec<(usize, Phase)> {
        let at_work = self.climbs.iter().filter(|climb| climb.wants(&self.setting).is_some());
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
        let wanting = self.climbs.iter_mut().filter(|climb| climb.wants(&self.setting).is_some());
        let wanting: Vec<&mut Climb> = wanting.collect();
        if wanting.len() != answers.len() {
            let problem = format!("{} answers to {} tasks", answers.len(), wanting.len());
            return Err(Error::Parts { problem });
        }
        let taken = wanting.into_iter().zip(answers).map(|(climb, answer)| climb.takes(answer, &self.setting, stop));
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
        let best = self.best_so_far()?;
        let Setting { options, summary, m_step, .. } = &self.setting;
        let log_likelihood =
            self.setting.complete(answer, best.mixture.n_components(), None)?.log_likelihood(summary.total_weight());
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
        warnings.extend(floor::warning(&best.mixture, &m_step.floors, summary));
        let dropped = options.n_components.saturating_sub(best.mixture.n_components());
        if dropped > 0 && options.warm_start.is_none() {
            let asked = options.n_components;
            let text =
                format!("{dropped} of {asked} components were dropped; use fewer, or raise the covariance floor");
            warnings.push(text.into());
        }
        Ok(Fit {
            converged: best.converged,
            at_precision_limit: best.at_precision_limit,
            n_iter: best.lower_bounds.len(),
            lower_bound: best.lower_bound(),
            mixture: best.mixture,
            lower_bounds: best.lower_bounds,
            log_likelihood,
            total_weight: summary.total_weight(),
            initialisation: best.initialisation,
            repairs: best.repairs,
            truncation: options.posterior.width(options.n_components).map(Truncation::new),
            home: Home::elsewhere(),
            seconds: Seconds::default(),
            epoch_seconds: Vec::new(),
            warnings,
        })
    }
}

impl Setting {
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
