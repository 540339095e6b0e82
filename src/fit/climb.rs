//! A restart at work: it asks for passes over the samples, and takes their answers. It knows neither samples nor
//! devices.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::device::candidates::Candidates;
use crate::device::steps::{Stepped, Steps};
use crate::device::task::{Answer, Assignment, SumsTask, Task};
use crate::device::truncated::{Truncated, TruncatedSums};
use crate::error::{Error, Result};
use crate::fit::collapse::{OnCollapse, Repair};
use crate::fit::floor::{MOST_OF_FLOOR, share_of_what_is_left};
use crate::fit::init::{Begun, Initialisation, Opening, replace_given};
use crate::fit::options::FitOptions;
use crate::fit::posterior::repaired;
use crate::fit::repairing::{Manner, Outcome, Repairing, starved};
use crate::fit::result::Progress;
use crate::fit::setting::Setting;
use crate::fit::state::{LevelEpochs, Restart};
use crate::fit::update::Update;
use crate::fit::update::step::{Here, History, Next, StepKind};

/// Stepwise EM gives way to EM when a pass gains less than this: nats per sample.
const POLISH_BELOW: f64 = 1e-3;

/// A restart at work.
#[derive(Debug, Clone)]
pub(crate) struct Climb {
    /// Its number, from 0.
    pub(crate) number: usize,
    /// Samples that it is at work on: one of so many.
    pub(crate) share: usize,
    stage: Stage,
    /// How far it has come; `None` while it is initialised.
    pub(crate) restart: Option<Restart>,
    /// Second moments are to be summed themselves, for their differences lost digits.
    directly: bool,
    /// The task that a repair is waiting for.
    repair_task: Option<Task>,
}

#[derive(Debug, Clone)]
enum Stage {
    Starting(Opening),
    /// The moments of clusters are solved for the first model.
    Beginning(Box<Repairing>, Initialisation),
    /// An epoch; `em` where a pass of steps found no covariance, and a step of EM is to repair that.
    Epoch {
        em: bool,
    },
    /// An epoch whose M step is repaired.
    Repairing(Box<Repairing>, Epoch),
    /// Its epochs on a part of the samples are over.
    Risen,
    /// The log-likelihood of the model tells which of several restarts is best.
    Scoring,
    Over,
}

/// Results so far of an epoch that is repaired.
#[derive(Debug, Clone)]
struct Epoch {
    lower_bound: f64,
    pass: Pass,
    candidates: Option<Arc<Candidates>>,
}

/// How the pass of an epoch was made.
#[derive(Debug, Clone, Copy)]
struct Pass {
    single_precision: bool,
    /// Share of all log-densities that were evaluated.
    evaluated: f64,
}

/// Stage of a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Initialisation,
    Epochs,
    Score,
}

/// A restart that leaves a part of the samples with a setting for one of `share` samples.
pub(crate) fn risen(restart: Restart, from: &Setting, share: usize) -> Restart {
    let level = LevelEpochs {
        share: from.share(),
        n_samples: from.summary.n_samples(),
        repairs: from.told(&restart.repairs),
        lower_bounds: restart.lower_bounds.clone(),
    };
    restart.risen(level, share)
}

impl Climb {
    /// A restart that begins.
    ///
    /// # Errors
    /// A start that was given and does not fit.
    pub(crate) fn new(setting: &Setting, number: usize) -> Result<Self> {
        let opening = Opening::new(setting, number)?;
        let mut climb = Climb::at(number, setting.share(), Stage::Starting(opening), None);
        if let Stage::Starting(Opening::Ready(mixture)) = &climb.stage {
            let restart = Restart::new(setting.share(), mixture.clone(), Initialisation::NONE, Vec::new());
            climb.begin(setting, restart);
        }
        Ok(climb)
    }

    /// A restart that goes on.
    pub(crate) fn resume(setting: &Setting, number: usize, restart: Restart) -> Self {
        let mut climb = Climb::at(number, setting.share(), Stage::Over, None);
        climb.begin(setting, restart);
        climb
    }

    fn at(number: usize, share: usize, stage: Stage, restart: Option<Restart>) -> Self {
        Climb { number, share, stage, restart, directly: false, repair_task: None }
    }

    /// Whether it has done what it can on a part of the samples.
    pub(crate) fn has_risen(&self) -> bool {
        matches!(self.stage, Stage::Risen)
    }

    /// Leaves a part of the samples, and goes on with another.
    pub(crate) fn rise(&mut self, from: &Setting, to: &Setting) {
        if let Some(restart) = self.restart.take() {
            *self = Climb::resume(to, self.number, risen(restart, from, to.share()));
        }
    }

    fn begin(&mut self, setting: &Setting, restart: Restart) {
        self.stage = match restart.is_over(setting.options.max_iter) {
            false => Stage::Epoch { em: false },
            true if setting.share() > 1 => Stage::Risen,
            // Its lower bound is of the model before: the model of the greatest bound may not be the best.
            true if setting.n_restarts() > 1 && restart.score.is_none() => Stage::Scoring,
            true => Stage::Over,
        };
        self.restart = Some(restart);
    }

    /// Its stage.
    pub(crate) fn phase(&self) -> Phase {
        match self.stage {
            Stage::Starting(_) | Stage::Beginning(..) => Phase::Initialisation,
            Stage::Epoch { .. } | Stage::Repairing(..) => Phase::Epochs,
            Stage::Risen | Stage::Scoring | Stage::Over => Phase::Score,
        }
    }

    /// The task whose answer it needs; `None` when it is over.
    pub(crate) fn wants(&self, setting: &Setting) -> Option<Task> {
        match (&self.stage, &self.restart) {
            (Stage::Starting(start), _) => start.wants(setting, self.directly),
            (Stage::Beginning(..) | Stage::Repairing(..), _) => self.repair_task.clone(),
            (Stage::Epoch { em }, Some(restart)) => Some(self.epoch_task(setting, restart, *em)),
            (Stage::Scoring, Some(restart)) => Some(Task::Sums(SumsTask::log_likelihood(restart.mixture.quadratics()))),
            (Stage::Over | Stage::Risen | Stage::Epoch { .. } | Stage::Scoring, _) => None,
        }
    }

    fn epoch_task(&self, setting: &Setting, restart: &Restart, em: bool) -> Task {
        let Setting { options, summary, m_step, .. } = setting;
        if let Update::Stepwise { batch_size, decay, .. } = options.update
            && !restart.history.polishing
            && !em
        {
            let (start, m_step, passes) = (restart.mixture.clone(), m_step.clone(), restart.lower_bounds.len());
            return Task::Steps(Arc::new(Steps { start, m_step, batch_size, decay, seed: options.seed, passes }));
        }
        let (quadratics, family) = (restart.mixture.quadratics(), restart.mixture.covariance_type());
        if let Some(width) = options.posterior.width(options.n_components) {
            return Task::Truncated(Arc::new(Truncated {
                quadratics: quadratics.clone(),
                statistics: family.statistics(),
                width,
                candidates: restart.candidates.clone(),
                seed: options.seed,
                epoch: restart.lower_bounds.len(),
            }));
        }
        let task = SumsTask::new(quadratics, Assignment::Soft, family, summary).pruned(options.prune);
        Task::Sums(if self.directly { task.directly() } else { task })
    }

    /// Takes the answer to its task, and tells of the epoch that this ends, if it ends one. An answer that is an error,
    /// or leads to one, changes nothing.
    ///
    /// # Errors
    /// A component that collapsed; [`Error::Parts`] for an answer that is not of all samples; [`Error::Interrupted`].
    pub(crate) fn takes(&mut self, answer: Answer, setting: &Setting, stop: &AtomicBool) -> Result<Option<Progress>> {
        match (self.stage.clone(), self.restart.clone()) {
            (Stage::Starting(start), _) => match start.takes(answer, setting, stop)? {
                None => self.directly = true,
                Some(begun) => {
                    self.directly = false;
                    match begun {
                        Begun::Further(start) => self.stage = Stage::Starting(start),
                        Begun::Ready(mixture) => {
                            self.begin(
                                setting,
                                Restart::new(setting.share(), mixture, Initialisation::NONE, Vec::new()),
                            );
                        }
                        Begun::Clusters { distances, moments, initialisation } => {
                            let repairing = Repairing::of_start(&distances, *moments, 0);
                            self.solve_start(setting, repairing, initialisation)?;
                        }
                    }
                }
            },
            (Stage::Beginning(mut repairing, initialisation), _) => {
                repairing.take(answer.worst()?, setting.summary.n_features())?;
                self.solve_start(setting, *repairing, initialisation)?;
            }
            (Stage::Repairing(mut repairing, epoch), Some(mut restart)) => {
                restart.candidates = epoch.candidates.clone();
                repairing.take(answer.worst()?, setting.summary.n_features())?;
                return self.repair(setting, restart, *repairing, epoch);
            }
            (Stage::Epoch { .. }, Some(mut restart)) => {
                return match answer {
                    Answer::Steps(stepped) => self.take_steps(setting, restart, *stepped),
                    Answer::Truncated(truncated) => {
                        let TruncatedSums { sums, candidates } = *truncated;
                        restart.candidates = Some(Arc::new(candidates));
                        self.take_moments(setting, restart, Answer::Sums(sums))
                    }
                    answer => self.take_moments(setting, restart, answer),
                };
            }
            (Stage::Scoring, Some(mut restart)) => {
                let total_weight = setting.summary.total_weight();
                let sums = setting.complete(answer, restart.mixture.n_components(), None)?;
                restart.score = Some(sums.log_likelihood(total_weight) / total_weight);
                let (floors, summary) = (&setting.m_step.floors, &setting.summary);
                restart.is_held_by_floor = share_of_what_is_left(&restart.mixture, floors, summary) > MOST_OF_FLOOR;
                self.restart = Some(restart);
                self.stage = Stage::Over;
            }
            (Stage::Over | Stage::Risen | Stage::Repairing(..) | Stage::Epoch { .. } | Stage::Scoring, _) => {}
        }
        Ok(None)
    }

    /// The first M step.
    fn solve_start(
        &mut self,
        setting: &Setting,
        mut repairing: Repairing,
        initialisation: Initialisation,
    ) -> Result<()> {
        let Setting { options, summary, m_step, .. } = setting;
        match repairing.go_on(Manner {
            on_collapse: options.on_collapse,
            m_step,
            before: None,
            earlier: &[],
            prune: options.prune,
            candidates: None,
        })? {
            Outcome::Wants(task) => {
                self.repair_task = Some(task);
                self.stage = Stage::Beginning(Box::new(repairing), initialisation);
            }
            Outcome::Done(mixture, repairs) => {
                let mixture = replace_given(mixture, summary, options)?;
                self.begin(setting, Restart::new(setting.share(), mixture, initialisation, repairs));
            }
        }
        Ok(())
    }

    /// An epoch of stepwise EM.
    fn take_steps(&mut self, setting: &Setting, restart: Restart, stepped: Stepped) -> Result<Option<Progress>> {
        let (mixture, lower_bound) = match stepped {
            Stepped::At { mixture, lower_bound } => (mixture, lower_bound),
            Stepped::Collapsed { component, feature, single_precision } => {
                if setting.options.on_collapse == OnCollapse::Error {
                    return Err(Error::NotPositiveDefinite { component, feature, single_precision });
                }
                self.stage = Stage::Epoch { em: true };
                return Ok(None);
            }
        };
        let polish = matches!(setting.options.update, Update::Stepwise { polish: true, .. });
        let gain = restart.lower_bounds.last().map_or(f64::INFINITY, |before| lower_bound - before);
        let history = History { polishing: polish && gain < POLISH_BELOW, ..History::default() };
        let next = Next { mixture, history, kind: StepKind::Stepwise, lower_bound, is_judged: !polish };
        let pass = Pass { single_precision: false, evaluated: 1.0 };
        Ok(Some(self.finish_epoch(setting, restart, next, Vec::new(), pass)))
    }

    /// An epoch of one pass: the next model of the rule, or a step of EM that is repaired.
    fn take_moments(&mut self, setting: &Setting, restart: Restart, answer: Answer) -> Result<Option<Progress>> {
        let Setting { options, summary, m_step, units, .. } = setting;
        let Restart { mixture, history, lower_bounds, repairs, .. } = &restart;
        let statistics = Some(mixture.covariance_type().statistics());
        let sums = setting.complete(answer, mixture.n_components(), statistics)?;
        let evaluated = sums.evaluated();
        let Ok(moments) = sums.moments(mixture.covariance_type(), mixture.means(), summary.total_weight()) else {
            self.directly = true;
            return Ok(None);
        };
        self.directly = false;
        let pass = Pass { single_precision: moments.single_precision, evaluated };
        let FitOptions { update, tol, on_collapse, .. } = *options;
        // Models that were only tried are not repaired.
        let starved = match update.is_trial(history) {
            true => Vec::new(),
            false => starved(&moments, summary.n_effective(), on_collapse, repairs),
        };
        if starved.is_empty() {
            match update.next(&Here { mixture, history, moments: &moments, lower_bounds, tol, m_step, units }) {
                Err(Error::NotPositiveDefinite { .. }) if on_collapse != OnCollapse::Error => {}
                // Of all samples there may be enough.
                Err(Error::NotPositiveDefinite { .. }) if setting.share() > 1 => {
                    self.stage = Stage::Risen;
                    return Ok(None);
                }
                next => {
                    return Ok(Some(self.finish_epoch(setting, restart, next?, Vec::new(), pass)));
                }
            }
        }
        let epoch = Epoch { lower_bound: moments.lower_bound(), pass, candidates: restart.candidates.clone() };
        let repairing = Repairing::of_epoch(mixture, moments, starved, lower_bounds.len() + 1)?;
        self.repair(setting, restart, repairing, epoch)
    }

    /// A step of EM that is repaired.
    fn repair(
        &mut self,
        setting: &Setting,
        restart: Restart,
        mut repairing: Repairing,
        epoch: Epoch,
    ) -> Result<Option<Progress>> {
        let Setting { options, m_step, .. } = setting;
        let (on_collapse, before) = (options.on_collapse, Some(&restart.mixture));
        match repairing.go_on(Manner {
            on_collapse,
            m_step,
            before,
            earlier: &restart.repairs,
            prune: options.prune,
            candidates: restart.candidates.as_ref(),
        })? {
            Outcome::Wants(task) => {
                self.repair_task = Some(task);
                self.stage = Stage::Repairing(Box::new(repairing), epoch);
                Ok(None)
            }
            Outcome::Done(mixture, repairs) => {
                let is_judged = !repairs.iter().any(Repair::changes_model);
                // Where nothing could be done, this was a step like any other.
                let kind = if is_judged { StepKind::Em } else { StepKind::Repaired };
                let history = History { polishing: restart.history.polishing, ..History::default() };
                let Epoch { lower_bound, pass, .. } = epoch;
                let next = Next { mixture, history, kind, lower_bound, is_judged };
                Ok(Some(self.finish_epoch(setting, restart, next, repairs, pass)))
            }
        }
    }

    fn finish_epoch(
        &mut self,
        setting: &Setting,
        mut restart: Restart,
        next: Next,
        repairs: Vec<Repair>,
        pass: Pass,
    ) -> Progress {
        let options = &setting.options;
        let before = std::mem::replace(&mut restart.mixture, next.mixture);
        restart.history = next.history;
        restart.lower_bounds.push(next.lower_bound);
        let change = restart.last_change(options);
        restart.converged = match setting.share() {
            1 => next.is_judged && change.abs() < options.tol * options.update.rate(),
            _ => restart.has_levelled_off(options.tol),
        };
        if repairs.iter().any(Repair::changes_model) {
            restart.candidates = restart.candidates.map(|candidates| Arc::new(repaired(&candidates, &repairs)));
        }
        let known = if restart.lower_bounds.len() == 1 { 0 } else { restart.repairs.len() };
        restart.repairs.extend(repairs);
        if options.tol > 0.0 && options.update.climbs() && pass.single_precision {
            restart.heed_noise(before, options.tol);
        }
        let is_all = setting.share() == 1;
        let progress = Progress {
            restart: self.number,
            share: setting.share(),
            n_samples: setting.summary.n_samples(),
            epoch: restart.lower_bounds.len(),
            kind: next.kind,
            lower_bound: next.lower_bound,
            change,
            repairs: setting.told(&restart.repairs[known..]),
            converged: is_all && restart.converged,
            is_last: is_all && restart.is_over(options.max_iter),
            evaluated: pass.evaluated,
            seconds: 0.0,
        };
        self.begin(setting, restart);
        progress
    }
}
