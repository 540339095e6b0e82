//! One job over all candidates: those at work ask for passes together, and a device answers them all in one.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::data::home::Home;
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::backend::Backend;
use crate::device::open::Device;
use crate::device::task::{Answer, Task};
use crate::error::Result;
use crate::model::family::CovarianceType;
use crate::select::candidate::{Climbing, is_its_own};
use crate::select::options::SelectOptions;
use crate::select::selection::{Candidate, Outcome, Selection};

/// Most restarts of a candidate, and candidates on an adapter, that share their passes.
const MOST_IN_STEP: usize = 16;
const MOST_ON_AN_ADAPTER: usize = 4;

/// Fits candidates of several numbers of components and families, and compares them.
///
/// Every candidate is fitted in full, with the result of a fit of its own ([`fit`](crate::fit())). One that fails is a row
/// with its reason.
///
/// ```
/// use mixtura::select::{SelectOptions, select};
/// use mixtura::{CovarianceType, Device, Points};
/// use ndarray::array;
///
/// let points = Points::new(array![[0.0], [0.3], [0.1], [0.2], [5.0], [5.3], [5.1], [5.2]])?;
/// let options = SelectOptions { families: vec![CovarianceType::Tied], ..SelectOptions::new(1..=3) };
/// let selection = select(&points, &Device::cpu(), &options)?;
/// assert_eq!(selection.best().map(|best| best.fit.mixture.n_components()), Some(2));
/// # Ok::<(), mixtura::Error>(())
/// ```
///
/// # Errors
/// Options that do not go together, what the device reports, or that the samples cannot be read again.
pub fn select(data: &dyn Data, device: &Device, options: &SelectOptions) -> Result<Selection> {
    select_observed(data, device, options, &mut |_| {})
}

/// The same, whose candidates an observer hears of as they are over.
///
/// # Errors
/// As [`select`].
pub fn select_observed(
    data: &dyn Data,
    device: &Device,
    options: &SelectOptions,
    observe: &mut dyn FnMut(&Candidate),
) -> Result<Selection> {
    let mut selecting = Selecting::new(data, device, options)?;
    while let Some(places) = selecting.pass()? {
        places.into_iter().filter_map(|place| selecting.candidate(place)).for_each(&mut *observe);
    }
    Ok(selecting.finish())
}

/// A choice at work, pass by pass.
pub struct Selecting<'d> {
    stop: &'d AtomicBool,
    backend: Box<dyn Backend + 'd>,
    summary: Summary,
    options: SelectOptions,
    /// Whether candidates share their passes.
    shares: bool,
    queue: VecDeque<(usize, (usize, CovarianceType))>,
    at_work: Vec<(usize, Climbing)>,
    over: Vec<Option<Candidate>>,
    epochs: usize,
}

impl<'d> Selecting<'d> {
    /// Puts the samples on the device.
    ///
    /// # Errors
    /// As [`select`].
    pub fn new(data: &'d dyn Data, device: &Device, options: &SelectOptions) -> Result<Self> {
        options.check()?;
        let backend = device.load(data)?;
        for k in &options.components {
            options.fit.posterior.check_backend(*k, &*backend)?;
        }
        let shares = backend.moves_samples();
        let queue: VecDeque<_> = options.candidates().into_iter().enumerate().collect();
        let over = queue.iter().map(|_| None).collect();
        let (summary, options) = (data.summary().clone(), options.clone());
        Ok(Selecting {
            stop: data.stop(),
            backend,
            summary,
            options,
            shares,
            queue,
            at_work: Vec::new(),
            over,
            epochs: 0,
        })
    }

    /// Where the samples are.
    pub fn home(&self) -> Home {
        self.backend.home()
    }

    /// The samples on the device, for passes beside those of the fits.
    pub fn backend(&mut self) -> &mut dyn Backend {
        &mut *self.backend
    }

    /// How many candidates there are, and how many of them are over.
    pub fn n_candidates(&self) -> (usize, usize) {
        (self.over.len(), self.over.iter().flatten().count())
    }

    /// Number of components and family of the candidates at work.
    pub fn at_work(&self) -> impl Iterator<Item = (usize, CovarianceType)> + '_ {
        self.at_work.iter().map(|(_, climbing)| climbing.kind())
    }

    /// Epochs done, of all restarts of all candidates.
    pub fn n_epochs(&self) -> usize {
        self.epochs
    }

    /// A candidate that is over.
    pub fn candidate(&self, place: usize) -> Option<&Candidate> {
        self.over.get(place).and_then(Option::as_ref)
    }

    /// Does one pass over the samples, for all candidates at work; the places of those that it ended. None when all are
    /// over.
    ///
    /// # Errors
    /// As [`select`].
    pub fn pass(&mut self) -> Result<Option<Vec<usize>>> {
        self.fill()?;
        if self.at_work.is_empty() {
            return Ok(None);
        }
        let started = Instant::now();
        let tasks = self.at_work.iter_mut().map(|(_, climbing)| climbing.wants()).collect::<Result<Vec<_>>>()?;
        let answers = self.answers(tasks)?;
        let n_tasks: usize = self.at_work.iter().map(|(_, climbing)| climbing.n_tasks).sum();
        for ((_, climbing), answers) in self.at_work.iter_mut().zip(answers) {
            if !answers.is_empty() {
                self.epochs += climbing.takes(answers, self.stop)?.len();
            }
        }
        let seconds = started.elapsed().as_secs_f64() / n_tasks.max(1) as f64;
        for (_, climbing) in &mut self.at_work {
            climbing.seconds += seconds * climbing.n_tasks as f64;
        }
        Ok(Some(self.put_away()))
    }

    /// Lets candidates begin, as many as may be at work.
    fn fill(&mut self) -> Result<()> {
        let is_cpu = self.backend.info().backend == "cpu";
        let most = if !self.shares {
            1
        } else if is_cpu {
            usize::MAX
        } else {
            MOST_ON_AN_ADAPTER
        };
        let n_restarts = if self.shares { self.options.fit.n_init.min(MOST_IN_STEP) } else { 1 };
        let mut bytes: u64 = self.at_work.iter().map(|(_, climbing)| climbing.bytes(n_restarts)).sum();
        while self.at_work.len() < most
            && let Some((place, (k, family))) = self.queue.pop_front()
        {
            let climbing = Climbing::new(&self.summary, &self.options.fit_of(k, family), self.shares)?;
            let more = climbing.bytes(n_restarts);
            if !self.at_work.is_empty() && bytes.saturating_add(more) > self.options.sums_memory {
                self.queue.push_front((place, (k, family)));
                break;
            }
            bytes = bytes.saturating_add(more);
            self.at_work.push((place, climbing));
        }
        Ok(())
    }

    /// The answers to the tasks of each candidate, from one pass; from one for each, where one of them is too much.
    fn answers(&mut self, tasks: Vec<Vec<Task>>) -> Result<Vec<Vec<Answer>>> {
        let all: Vec<Task> = tasks.iter().flatten().cloned().collect();
        if all.is_empty() {
            return Ok(tasks.iter().map(|_| Vec::new()).collect());
        }
        match self.backend.run(&all) {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                Ok(tasks.iter().map(|tasks| answers.by_ref().take(tasks.len()).collect()).collect())
            }
            Err(error) if is_its_own(&error) => {
                let mut answers = Vec::new();
                for (tasks, (_, climbing)) in tasks.into_iter().zip(&mut self.at_work) {
                    let answered = if tasks.is_empty() { Ok(Vec::new()) } else { self.backend.run(&tasks) };
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
    fn put_away(&mut self) -> Vec<usize> {
        let mut places = Vec::new();
        for (place, climbing) in std::mem::take(&mut self.at_work) {
            match climbing.over() {
                Ok(mut candidate) => {
                    if let Outcome::Fitted(scored) = &mut candidate.outcome {
                        scored.fit.home = self.backend.home();
                    }
                    self.over[place] = Some(candidate);
                    places.push(place);
                }
                Err(climbing) => self.at_work.push((place, climbing)),
            }
        }
        places
    }

    /// The candidates that are over.
    pub fn finish(self) -> Selection {
        Selection { candidates: self.over.into_iter().flatten().collect(), criterion: self.options.criterion }
    }
}
