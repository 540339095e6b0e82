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
use crate::error::{Error, Result};
use crate::model::family::CovarianceType;
use crate::model::m_step::MStep;
use crate::model::mixture::Mixture;
use crate::select::candidate::{Climbing, is_its_own};
use crate::select::options::SelectOptions;
use crate::select::path::starts;
use crate::select::selection::{Candidate, Outcome, Scored, Selection};

/// Most restarts of a candidate, and candidates on an adapter, that share their passes.
const MOST_IN_STEP: usize = 16;
const MOST_ON_AN_ADAPTER: usize = 4;

/// Fits candidates of several numbers of components and families, and compares them.
///
/// Where the options ask for all of them ([`SelectOptions::exhaustive`]), every candidate has the result of a fit of its own
/// ([`fit`](crate::fit())). One that fails is a row with its reason.
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

/// The best candidates that were all fitted from initialisations of their own, in the end.
const DOUBTED: usize = 3;

/// Where the fit of a candidate begins.
enum Beginning {
    /// At an initialisation of its own.
    Own,
    /// At one of some models.
    Merged(Vec<Mixture>),
}

/// A choice at work, pass by pass.
pub struct Selecting<'d> {
    stop: &'d AtomicBool,
    backend: Box<dyn Backend + 'd>,
    summary: Summary,
    options: SelectOptions,
    /// Whether candidates share their passes.
    shares: bool,
    m_step: MStep,
    /// Number of components and family of each place.
    kinds: Vec<(usize, CovarianceType)>,
    queue: VecDeque<(usize, Beginning)>,
    at_work: Vec<(usize, Climbing)>,
    over: Vec<Option<Candidate>>,
    /// Whether the candidate of a place began in any way, and at an initialisation of its own.
    begun: Vec<bool>,
    initialised: Vec<bool>,
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
        let kinds = options.candidates();
        // The candidate of the most components of each family, where the others begin at models of more.
        let is_last = |place: usize| kinds.get(place + 1).is_none_or(|(_, family)| *family != kinds[place].1);
        let begin = (0..kinds.len()).filter(|place| options.exhaustive || is_last(*place));
        let queue = begin.map(|place| (place, Beginning::Own)).collect();
        let over = kinds.iter().map(|_| None).collect();
        let [begun, initialised] = [(); 2].map(|()| vec![false; kinds.len()]);
        let (summary, options) = (data.summary().clone(), options.clone());
        let m_step = MStep::new(options.fit.floor.of_features(&summary));
        Ok(Selecting {
            stop: data.stop(),
            backend,
            summary,
            options,
            shares,
            m_step,
            kinds,
            queue,
            at_work: Vec::new(),
            over,
            begun,
            initialised,
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
        if self.at_work.is_empty() && self.queue.is_empty() {
            self.doubt_the_best();
        }
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
        self.put_away().map(Some)
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
            && let Some((place, beginning)) = self.queue.pop_front()
        {
            let (k, family) = self.kinds[place];
            let options = self.options.fit_of(k, family);
            let climbing = match &beginning {
                Beginning::Own => Climbing::new(&self.summary, &options, self.shares)?,
                Beginning::Merged(starts) => Climbing::merged(&self.summary, &options, starts.clone())?,
            };
            let more = climbing.bytes(n_restarts);
            if !self.at_work.is_empty() && bytes.saturating_add(more) > self.options.sums_memory {
                self.queue.push_front((place, beginning));
                break;
            }
            bytes = bytes.saturating_add(more);
            self.initialised[place] |= matches!(beginning, Beginning::Own);
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
    fn put_away(&mut self) -> Result<Vec<usize>> {
        let mut places = Vec::new();
        for (place, climbing) in std::mem::take(&mut self.at_work) {
            match climbing.over() {
                Ok(mut candidate) => {
                    if let Outcome::Fitted(scored) = &mut candidate.outcome {
                        scored.fit.home = self.backend.home();
                    }
                    self.keep_the_better(place, candidate);
                    self.go_on_from(place)?;
                    places.push(place);
                }
                Err(climbing) => self.at_work.push((place, climbing)),
            }
        }
        Ok(places)
    }

    /// Lets the candidate of the next fewer components of a family begin at the model of one that is over. A model that is
    /// held by the floor would hand that on: in its place there is one from an initialisation of its own.
    fn go_on_from(&mut self, place: usize) -> Result<()> {
        let scored = self.over[place].as_ref().and_then(Candidate::scored);
        let is_held = scored.is_some_and(Scored::is_held_by_floor);
        if is_held && !self.initialised[place] {
            self.queue.push_front((place, Beginning::Own));
            return Ok(());
        }
        let below = place.checked_sub(1).filter(|below| self.kinds[*below].1 == self.kinds[place].1);
        let below = below.filter(|below| !self.options.exhaustive && !std::mem::replace(&mut self.begun[*below], true));
        let Some(below) = below else { return Ok(()) };
        let k = self.kinds[below].0;
        let mixture = scored.filter(|_| !is_held).map(|scored| &scored.fit.mixture);
        let mixture = mixture.filter(|mixture| mixture.n_components() > k);
        let beginning = match mixture.map(|mixture| starts(mixture, k, &self.m_step)) {
            Some(Ok(starts)) if !starts.is_empty() => Beginning::Merged(starts),
            // What cannot be merged says nothing of fewer components.
            Some(Ok(_) | Err(Error::NotPositiveDefinite { .. })) | None => Beginning::Own,
            Some(Err(error)) => return Err(error),
        };
        self.queue.push_front((below, beginning));
        Ok(())
    }

    /// Of two fits of a candidate the better one counts.
    fn keep_the_better(&mut self, place: usize, candidate: Candidate) {
        let seconds = candidate.seconds + self.over[place].as_ref().map_or(0.0, |before| before.seconds);
        let best = match self.over[place].take() {
            Some(before) if before.compare(&candidate, self.options.criterion).is_le() => before,
            _ => candidate,
        };
        self.over[place] = Some(Candidate { seconds, ..best });
    }

    /// Lets the best candidates that began at a merged model begin at initialisations of their own, too.
    fn doubt_the_best(&mut self) {
        let criterion = self.options.criterion;
        let over = self.over.iter().enumerate();
        let mut ranking: Vec<(usize, &Candidate)> =
            over.filter_map(|(place, candidate)| Some((place, candidate.as_ref()?))).collect();
        ranking.sort_by(|(_, a), (_, b)| a.compare(b, criterion));
        let best = ranking.into_iter().take(DOUBTED).filter(|(_, candidate)| candidate.scored().is_some());
        let doubted: Vec<usize> = best.map(|(place, _)| place).filter(|place| !self.initialised[*place]).collect();
        self.queue.extend(doubted.into_iter().map(|place| (place, Beginning::Own)));
    }

    /// The candidates that are over.
    pub fn finish(self) -> Selection {
        Selection { candidates: self.over.into_iter().flatten().collect(), criterion: self.options.criterion }
    }
}
