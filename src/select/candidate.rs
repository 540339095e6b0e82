//! A candidate at work: a fit that asks for passes, and then for one more that tells what it is worth.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::data::summary::Summary;
use crate::device::task::{Answer, Task, unexpected};
use crate::error::{Error, Result};
use crate::fit::floor::share_of_what_is_left;
use crate::fit::{FitOptions, Progress, Search, WarmStart};
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;
use crate::model::statistics::Statistics;
use crate::select::entropy::{self, LastPass};
use crate::select::plan::Beginning;
use crate::select::selection::{Candidate, Outcome, Scored};

/// Epochs after which the best of some starts goes on.
const TRY_EPOCHS: usize = 2;

/// A candidate at work.
pub(crate) struct Climbing {
    n_components: usize,
    covariance_type: CovarianceType,
    options: FitOptions,
    is_merged: bool,
    share: usize,
    summary: Summary,
    stage: Stage,
    /// Tasks of the pass at work.
    pub(crate) n_tasks: usize,
    pub(crate) seconds: f64,
}

enum Stage {
    /// Some starts, of which the best goes on after a few epochs.
    Trying(Vec<Search>),
    Fitting(Box<Search>),
    /// Waits for the answers to the tasks of the last pass.
    Scoring(Box<Search>, Arc<Mixture>),
    /// With what became of it, until that is taken.
    Over(Option<Outcome>),
}

impl Climbing {
    /// A candidate on these samples, one of `share` of all; of several models the best after a few epochs goes on.
    /// `in_step` lets restarts share their passes.
    ///
    /// # Errors
    /// Those that end the job.
    pub(crate) fn new(
        (summary, share): (&Summary, usize),
        options: &FitOptions,
        beginning: &Beginning,
        in_step: bool,
    ) -> Result<Self> {
        let from = |mixture: &Mixture, max_iter| {
            let warm_start = Some(WarmStart { mixture: mixture.clone(), lower_bound: None });
            Search::new(summary, &FitOptions { warm_start, max_iter, ..options.clone() })
        };
        let fitting = |search: Search| Stage::Fitting(Box::new(if in_step { search.in_step() } else { search }));
        let (stage, is_merged) = match beginning {
            Beginning::Own => (Search::new(summary, options).map(fitting), false),
            Beginning::OfPart(mixture) => (from(mixture, options.max_iter).map(fitting), false),
            Beginning::Merged(starts) => {
                let few = options.max_iter.min(TRY_EPOCHS);
                let searches = starts.iter().map(|mixture| from(mixture, few)).collect::<Result<Vec<_>>>();
                (searches.map(Stage::Trying), true)
            }
        };
        let stage = match stage {
            Err(error) if is_its_own(&error) => Stage::Over(Some(Outcome::Failed(error))),
            stage => stage?,
        };
        let FitOptions { n_components, covariance_type, .. } = *options;
        let (summary, options) = (summary.clone(), options.clone());
        let (n_tasks, seconds) = (0, 0.0);
        Ok(Climbing { n_components, covariance_type, options, is_merged, share, summary, stage, n_tasks, seconds })
    }

    /// The tasks whose answers it needs; none when it is over.
    ///
    /// # Errors
    /// Those that end the job.
    pub(crate) fn wants(&mut self) -> Result<Vec<Task>> {
        let tasks = self.try_wants();
        let tasks = self.kept_to_itself(tasks)?;
        self.n_tasks = tasks.len();
        Ok(tasks)
    }

    fn try_wants(&mut self) -> Result<Vec<Task>> {
        if let Stage::Trying(searches) = &mut self.stage {
            let mut tasks = Vec::new();
            for search in searches.iter_mut() {
                tasks.extend(search.wants()?);
            }
            if !tasks.is_empty() {
                return Ok(tasks);
            }
            self.stage = Stage::Fitting(Box::new(best_of(searches, &self.summary, &self.options)?));
        }
        let Stage::Fitting(search) = &mut self.stage else {
            return Ok(Vec::new());
        };
        let tasks = search.wants()?;
        if !tasks.is_empty() {
            return Ok(tasks);
        }
        let mixture = Arc::new(search.best_so_far()?.mixture);
        let tasks = entropy::tasks(&mixture, &self.summary);
        self.stage = Stage::Scoring(search.clone(), mixture);
        Ok(tasks.to_vec())
    }

    /// Takes the answers to the tasks, in their order; tells of the epochs that these end.
    ///
    /// # Errors
    /// Those that end the job.
    pub(crate) fn takes(&mut self, answers: Vec<Answer>, stop: &AtomicBool) -> Result<Vec<Progress>> {
        let ended = self.try_takes(answers, stop);
        self.kept_to_itself(ended)
    }

    fn try_takes(&mut self, answers: Vec<Answer>, stop: &AtomicBool) -> Result<Vec<Progress>> {
        match &mut self.stage {
            Stage::Trying(searches) => {
                let (mut answers, mut ended) = (answers.into_iter(), Vec::new());
                for search in searches {
                    let n_tasks = search.wants()?.len();
                    ended.extend(search.takes_watched(answers.by_ref().take(n_tasks).collect(), stop)?);
                }
                return Ok(ended);
            }
            Stage::Fitting(search) => return search.takes_watched(answers, stop),
            Stage::Scoring(search, mixture) => {
                let answers = <[Answer; 2]>::try_from(answers).map_err(|_| unexpected())?;
                let LastPass { log_likelihood, of_posterior, of_labels, smallest } =
                    LastPass::of(answers, mixture, &self.summary)?;
                let floors = self.options.floor.of_features(&self.summary);
                let scored = Scored {
                    floor_share: share_of_what_is_left(mixture, &floors, &self.summary),
                    fit: search.clone().finish_at(log_likelihood)?,
                    entropy: of_posterior,
                    label_entropy: of_labels,
                    smallest_component: smallest * self.summary.n_effective() as f64 / self.summary.total_weight(),
                };
                self.stage = Stage::Over(Some(Outcome::Fitted(Box::new(scored))));
            }
            Stage::Over(_) => {}
        }
        Ok(Vec::new())
    }

    /// An error of the candidate alone is its end, and no other's.
    fn kept_to_itself<T: Default>(&mut self, result: Result<T>) -> Result<T> {
        match result {
            Err(error) if is_its_own(&error) => {
                self.fail(error);
                Ok(T::default())
            }
            result => result,
        }
    }

    /// Ends it with an error.
    pub(crate) fn fail(&mut self, error: Error) {
        self.stage = Stage::Over(Some(Outcome::Failed(error)));
    }

    /// Bytes of the sums that its passes need: some of each thread, and of the tree that adds them up.
    pub(crate) fn bytes(&self, n_restarts: usize) -> u64 {
        /// Sets of sums.
        const SETS: usize = 32;
        let (k, d) = (self.n_components, self.summary.n_features());
        let second = if self.covariance_type.statistics() == Statistics::Diagonals { d } else { d * d };
        let numbers = k.saturating_mul(1 + d + second);
        let n_restarts = if let Stage::Trying(searches) = &self.stage { searches.len() } else { n_restarts };
        (numbers.saturating_mul(size_of::<f64>() * SETS).saturating_mul(n_restarts)) as u64
    }

    /// What became of it; nothing while it is at work.
    pub(crate) fn over(&mut self) -> Option<Candidate> {
        let Stage::Over(outcome) = &mut self.stage else { return None };
        Some(Candidate {
            n_components: self.n_components,
            covariance_type: self.covariance_type,
            is_merged: self.is_merged,
            share: self.share,
            outcome: outcome.take()?,
            held_out: None,
            stability: None,
            seconds: self.seconds,
        })
    }
}

/// The fit that goes on from the best of some.
fn best_of(searches: &[Search], summary: &Summary, options: &FitOptions) -> Result<Search> {
    let restarts = searches.iter().map(Search::best_so_far).collect::<Result<Vec<_>>>()?;
    let best = restarts.into_iter().max_by(|a, b| a.lower_bound().total_cmp(&b.lower_bound()));
    let warm_start = best.map(|best| WarmStart { lower_bound: Some(best.lower_bound()), mixture: best.mixture });
    Search::new(summary, &FitOptions { warm_start, ..options.clone() })
}

/// Whether an error is that of one candidate: the others may be fitted.
pub(crate) fn is_its_own(error: &Error) -> bool {
    matches!(
        error,
        Error::NotPositiveDefinite { .. }
            | Error::TooFewSamples { .. }
            | Error::InvalidParameter { .. }
            | Error::OutOfMemory { .. }
            | Error::OutOfDeviceMemory { .. }
            | Error::TooLargeForDevice { .. }
    )
}
