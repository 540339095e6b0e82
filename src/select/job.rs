//! One job over all candidates: those at work ask for passes together, and a device answers them all in one.

use std::time::Instant;

use crate::data::home::Home;
use crate::device::task::{Answer, Task};
use crate::error::Result;
use crate::model::family::CovarianceType;
use crate::model::m_step::MStep;
use crate::select::candidate::{Climbing, is_its_own};
use crate::select::criterion::Criterion;
use crate::select::ground::{Ground, Source};
use crate::select::options::SelectOptions;
use crate::select::plan::{Beginning, Plan, Validated};
use crate::select::selection::{Candidate, Outcome};
use crate::select::trial::{Trial, TrialKey, Trials};

/// Most restarts of a candidate, and candidates on an adapter, that share their passes.
const MOST_IN_STEP: usize = 16;
const MOST_ON_AN_ADAPTER: usize = 4;

/// A candidate at work.
struct Work {
    place: usize,
    key: TrialKey,
    beginning: Beginning,
    climbing: Climbing,
}

/// All candidates on some samples, pass by pass.
pub(crate) struct Job<'d> {
    options: SelectOptions,
    ground: Ground<'d>,
    /// The fold that these samples leave out, and of how many.
    fold: Option<(usize, usize)>,
    plan: Plan,
    at_work: Vec<Work>,
    epochs: usize,
}

impl<'d> Job<'d> {
    /// Puts the samples on the device, or at first a level of them.
    ///
    /// # Errors
    /// As [`select`](super::select).
    pub(crate) fn new(source: Source<'d>, fold: Option<(usize, usize)>, options: &SelectOptions) -> Result<Self> {
        let plan = Plan::new(options, MStep::new(options.fit.floor.of_features(&source.summary)));
        let mut ground = Ground::new(source, options)?;
        for k in &options.components {
            options.fit.posterior.check_backend(*k, ground.backend()?)?;
        }
        Ok(Job { options: options.clone(), ground, fold, plan, at_work: Vec::new(), epochs: 0 })
    }

    /// Where the samples are.
    pub(crate) fn home(&self) -> &Home {
        self.ground.home()
    }

    /// How many candidates there are, and how many of them are over.
    pub(crate) fn n_candidates(&self) -> (usize, usize) {
        self.plan.n_candidates()
    }

    /// Number of components and family of the candidates at work.
    pub(crate) fn at_work(&self) -> impl Iterator<Item = (usize, CovarianceType)> + '_ {
        self.at_work.iter().map(|work| self.plan.kind(work.place))
    }

    /// Epochs done, of all restarts of all candidates.
    pub(crate) fn n_epochs(&self) -> usize {
        self.epochs
    }

    /// A candidate that is over.
    pub(crate) fn candidate(&self, place: usize) -> Option<&Candidate> {
        self.plan.candidate(place)
    }

    /// What folds tell of every candidate, and the criterion that counts from now on.
    pub(crate) fn judge(&mut self, criterion: Criterion, validated: Vec<Validated>) {
        self.plan.judge(criterion, validated);
    }

    /// Gives back what the device holds, until the next pass.
    pub(crate) fn rest(&mut self) {
        self.ground.rest();
    }

    /// Does one pass over the samples, for all candidates at work; the places of those that it ended. None when all are
    /// over. A trial that is known already is not made again.
    ///
    /// # Errors
    /// As [`select`](super::select).
    pub(crate) fn pass(&mut self, trials: &mut Trials) -> Result<Option<Vec<usize>>> {
        if self.at_work.is_empty() {
            self.look_further()?;
        }
        let known = self.fill(trials)?;
        if self.at_work.is_empty() || !known.is_empty() {
            return Ok(Some(known).filter(|known| !known.is_empty()));
        }
        let started = Instant::now();
        let tasks = self.at_work.iter_mut().map(|work| work.climbing.wants()).collect::<Result<Vec<_>>>()?;
        let answers = self.answers(tasks)?;
        let n_tasks: usize = self.at_work.iter().map(|work| work.climbing.n_tasks).sum();
        for (work, answers) in self.at_work.iter_mut().zip(answers) {
            if !answers.is_empty() {
                self.epochs += work.climbing.takes(answers, self.ground.stop())?.len();
            }
        }
        let seconds = started.elapsed().as_secs_f64() / n_tasks.max(1) as f64;
        for Work { climbing, .. } in &mut self.at_work {
            climbing.seconds += seconds * climbing.n_tasks as f64;
        }
        self.put_away(trials).map(Some)
    }

    /// Where nobody is to begin, what was found is doubted: first on the samples at hand, then on all of them.
    fn look_further(&mut self) -> Result<()> {
        if self.plan.is_idle() && self.ground.share() > 1 {
            self.plan.doubt_the_best();
            if self.plan.is_idle() {
                self.plan.rise(&self.ground.whole());
                self.ground.rise()?;
                self.plan.settle_the_best();
            }
        } else if self.plan.is_idle() {
            self.plan.settle_the_best();
            if self.plan.is_idle() && !self.plan.is_of_parts() {
                self.plan.doubt_the_best();
            }
        }
        Ok(())
    }

    /// Lets candidates begin, as many as may be at work; the places of those whose trials are known.
    fn fill(&mut self, trials: &Trials) -> Result<Vec<usize>> {
        if self.plan.is_idle() {
            return Ok(Vec::new());
        }
        let backend = self.ground.backend()?;
        let shares = backend.moves_samples();
        let most = match (shares, backend.info().backend.as_str()) {
            (false, _) => 1,
            (true, "cpu") => usize::MAX,
            (true, _) => MOST_ON_AN_ADAPTER,
        };
        let n_restarts = if shares { self.options.fit.n_init.min(MOST_IN_STEP) } else { 1 };
        let mut bytes: u64 = self.at_work.iter().map(|work| work.climbing.bytes(n_restarts)).sum();
        let (mut known, on) = (Vec::new(), (self.ground.summary().clone(), self.ground.share()));
        while self.at_work.len() < most
            && let Some((place, beginning)) = self.plan.next()
        {
            let (k, family) = self.plan.kind(place);
            let key = TrialKey::new((self.fold, on.1), (k, family), &beginning);
            if let Some(trial) = trials.find(&key) {
                trial.check(self.ground.backend()?, self.options.fit.posterior)?;
                self.plan.take(place, &beginning, trial.candidate(&beginning))?;
                known.push(place);
                continue;
            }
            let options = self.options.fit_of(k, family);
            let climbing = Climbing::new((&on.0, on.1), &options, &beginning, shares)?;
            let more = climbing.bytes(n_restarts);
            if !self.at_work.is_empty() && bytes.saturating_add(more) > self.options.sums_memory {
                self.plan.put_back(place, beginning);
                break;
            }
            bytes = bytes.saturating_add(more);
            self.at_work.push(Work { place, key, beginning, climbing });
        }
        Ok(known)
    }

    /// The answers to the tasks of each candidate, from one pass; from one for each, where one of them is too much.
    fn answers(&mut self, tasks: Vec<Vec<Task>>) -> Result<Vec<Vec<Answer>>> {
        let all: Vec<Task> = tasks.iter().flatten().cloned().collect();
        if all.is_empty() {
            return Ok(tasks.iter().map(|_| Vec::new()).collect());
        }
        match self.ground.backend()?.run(&all) {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                Ok(tasks.iter().map(|tasks| answers.by_ref().take(tasks.len()).collect()).collect())
            }
            Err(error) if is_its_own(&error) => {
                let mut answers = Vec::new();
                for (tasks, Work { climbing, .. }) in tasks.into_iter().zip(&mut self.at_work) {
                    let answered = if tasks.is_empty() { Ok(Vec::new()) } else { self.ground.backend()?.run(&tasks) };
                    answers.push(match answered {
                        Err(error) if is_its_own(&error) => {
                            climbing.fail(error);
                            Vec::new()
                        }
                        answered => answered?,
                    });
                }
                Ok(answers)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts away the candidates that are over; their places.
    fn put_away(&mut self, trials: &mut Trials) -> Result<Vec<usize>> {
        let mut places = Vec::new();
        for mut work in std::mem::take(&mut self.at_work) {
            match work.climbing.over() {
                Some(mut candidate) => {
                    if let Outcome::Fitted(scored) = &mut candidate.outcome {
                        scored.fit.home = self.ground.home().clone();
                        trials.0.push(Trial::new(work.key, (**scored).clone(), candidate.seconds));
                    }
                    self.plan.take(work.place, &work.beginning, candidate)?;
                    places.push(work.place);
                }
                None => self.at_work.push(work),
            }
        }
        Ok(places)
    }

    /// The candidates that are over.
    pub(crate) fn finish(mut self) -> Vec<Candidate> {
        if self.ground.share() > 1 {
            self.plan.rise(&self.ground.whole());
        }
        self.plan.into_candidates()
    }
}
