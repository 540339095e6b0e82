//! One job over all candidates: those at work ask for passes together, and a device answers them all in one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::data::home::Home;
use crate::data::level::Level;
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::backend::Backend;
use crate::device::open::Device;
use crate::device::task::{Answer, Task};
use crate::error::Result;
use crate::model::family::CovarianceType;
use crate::model::m_step::MStep;
use crate::select::candidate::{Climbing, is_its_own};
use crate::select::options::SelectOptions;
use crate::select::plan::{Beginning, Plan};
use crate::select::selection::{Candidate, Outcome, Selection, Whole};

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

/// A part of the samples on which candidates are compared first has at least this many, and 20 (D + 1) for each component.
const LEAST_PART: usize = 50_000;
const OF_A_COMPONENT: usize = 20;

/// Most levels: the coarsest has one of 64 samples.
const MOST_LEVELS: u32 = 3;

/// The samples that candidates are fitted to now.
struct Ground<'d> {
    backend: Box<dyn Backend + 'd>,
    summary: Summary,
    /// One of so many.
    share: usize,
    /// Whether candidates share their passes.
    shares: bool,
}

/// A candidate at work.
struct Work {
    place: usize,
    beginning: Beginning,
    climbing: Climbing,
}

/// A choice at work, pass by pass.
pub struct Selecting<'d> {
    data: &'d dyn Data,
    stop: &'d AtomicBool,
    device: Device,
    options: SelectOptions,
    ground: Ground<'d>,
    plan: Plan,
    at_work: Vec<Work>,
    epochs: usize,
}

impl<'d> Ground<'d> {
    fn new(backend: Box<dyn Backend + 'd>, summary: &Summary, share: usize) -> Self {
        let shares = backend.moves_samples();
        Ground { backend, summary: summary.clone(), share, shares }
    }
}

impl<'d> Selecting<'d> {
    /// Puts the samples on the device, or at first a part of them.
    ///
    /// # Errors
    /// As [`select`].
    pub fn new(data: &'d dyn Data, device: &Device, options: &SelectOptions) -> Result<Self> {
        options.check()?;
        let ground = match part(data, options)? {
            Some(level) => {
                let (summary, share) = (level.summary().clone(), level.thinning().share());
                Ground::new(device.load_shared(level)?, &summary, share)
            }
            None => Ground::new(device.load(data)?, data.summary(), 1),
        };
        for k in &options.components {
            options.fit.posterior.check_backend(*k, &*ground.backend)?;
        }
        let plan = Plan::new(options, MStep::new(options.fit.floor.of_features(data.summary())));
        let (device, options) = (device.clone(), options.clone());
        Ok(Selecting { data, stop: data.stop(), device, options, ground, plan, at_work: Vec::new(), epochs: 0 })
    }

    /// Where the samples are.
    pub fn home(&self) -> Home {
        self.ground.backend.home()
    }

    /// How many candidates there are, and how many of them are over.
    pub fn n_candidates(&self) -> (usize, usize) {
        self.plan.n_candidates()
    }

    /// Number of components and family of the candidates at work.
    pub fn at_work(&self) -> impl Iterator<Item = (usize, CovarianceType)> + '_ {
        self.at_work.iter().map(|work| self.plan.kind(work.place))
    }

    /// Epochs done, of all restarts of all candidates.
    pub fn n_epochs(&self) -> usize {
        self.epochs
    }

    /// A candidate that is over.
    pub fn candidate(&self, place: usize) -> Option<&Candidate> {
        self.plan.candidate(place)
    }

    /// Does one pass over the samples, for all candidates at work; the places of those that it ended. None when all are
    /// over.
    ///
    /// # Errors
    /// As [`select`].
    pub fn pass(&mut self) -> Result<Option<Vec<usize>>> {
        if self.at_work.is_empty() {
            self.look_further()?;
        }
        self.fill()?;
        if self.at_work.is_empty() {
            return Ok(None);
        }
        let started = Instant::now();
        let tasks = self.at_work.iter_mut().map(|work| work.climbing.wants()).collect::<Result<Vec<_>>>()?;
        let answers = self.answers(tasks)?;
        let n_tasks: usize = self.at_work.iter().map(|work| work.climbing.n_tasks).sum();
        for (work, answers) in self.at_work.iter_mut().zip(answers) {
            if !answers.is_empty() {
                self.epochs += work.climbing.takes(answers, self.stop)?.len();
            }
        }
        let seconds = started.elapsed().as_secs_f64() / n_tasks.max(1) as f64;
        for Work { climbing, .. } in &mut self.at_work {
            climbing.seconds += seconds * climbing.n_tasks as f64;
        }
        self.put_away().map(Some)
    }

    /// Where nobody is to begin, what was found is doubted: first on the samples at hand, then on all of them.
    fn look_further(&mut self) -> Result<()> {
        if self.plan.is_idle() && self.ground.share > 1 {
            self.plan.doubt_the_best();
            if self.plan.is_idle() {
                self.plan.rise(&self.whole());
                self.ground = Ground::new(self.device.load(self.data)?, self.data.summary(), 1);
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

    /// All samples, beside those at hand.
    fn whole(&self) -> Whole {
        let all = self.data.summary();
        Whole { weight: all.total_weight(), n: all.n_effective(), n_part: self.ground.summary.n_effective() }
    }

    /// Lets candidates begin, as many as may be at work.
    fn fill(&mut self) -> Result<()> {
        let Ground { backend, summary, share, shares } = &self.ground;
        let most = match (shares, backend.info().backend.as_str()) {
            (false, _) => 1,
            (true, "cpu") => usize::MAX,
            (true, _) => MOST_ON_AN_ADAPTER,
        };
        let n_restarts = if *shares { self.options.fit.n_init.min(MOST_IN_STEP) } else { 1 };
        let mut bytes: u64 = self.at_work.iter().map(|work| work.climbing.bytes(n_restarts)).sum();
        while self.at_work.len() < most
            && let Some((place, beginning)) = self.plan.next()
        {
            let (k, family) = self.plan.kind(place);
            let options = self.options.fit_of(k, family);
            let climbing = Climbing::new((summary, *share), &options, &beginning, *shares)?;
            let more = climbing.bytes(n_restarts);
            if !self.at_work.is_empty() && bytes.saturating_add(more) > self.options.sums_memory {
                self.plan.put_back(place, beginning);
                break;
            }
            bytes = bytes.saturating_add(more);
            self.at_work.push(Work { place, beginning, climbing });
        }
        Ok(())
    }

    /// The answers to the tasks of each candidate, from one pass; from one for each, where one of them is too much.
    fn answers(&mut self, tasks: Vec<Vec<Task>>) -> Result<Vec<Vec<Answer>>> {
        let all: Vec<Task> = tasks.iter().flatten().cloned().collect();
        if all.is_empty() {
            return Ok(tasks.iter().map(|_| Vec::new()).collect());
        }
        match self.ground.backend.run(&all) {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                Ok(tasks.iter().map(|tasks| answers.by_ref().take(tasks.len()).collect()).collect())
            }
            Err(error) if is_its_own(&error) => {
                let mut answers = Vec::new();
                for (tasks, Work { climbing, .. }) in tasks.into_iter().zip(&mut self.at_work) {
                    let answered = if tasks.is_empty() { Ok(Vec::new()) } else { self.ground.backend.run(&tasks) };
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
        for mut work in std::mem::take(&mut self.at_work) {
            match work.climbing.over() {
                Some(mut candidate) => {
                    if let Outcome::Fitted(scored) = &mut candidate.outcome {
                        scored.fit.home = self.ground.backend.home();
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
    pub fn finish(mut self) -> Selection {
        if self.ground.share > 1 {
            self.plan.rise(&self.whole());
        }
        Selection { candidates: self.plan.into_candidates(), criterion: self.options.criterion }
    }
}

/// The part of the samples on which candidates are compared first; none where all are fitted in full, or a part is too
/// small to tell.
fn part<'d>(data: &'d dyn Data, options: &SelectOptions) -> Result<Option<Arc<Level<'d>>>> {
    let most = options.components.iter().copied().max().unwrap_or_default();
    let least = LEAST_PART.max(OF_A_COMPONENT.saturating_mul(data.n_features() + 1).saturating_mul(most));
    let n = data.summary().n_effective();
    let depth = (1..=MOST_LEVELS).take_while(|depth| n >> (2 * depth) >= least).last();
    let Some(depth) = depth.filter(|_| !options.exhaustive) else { return Ok(None) };
    let level = Level::all(data, options.fit.seed, depth, data.room())?.pop();
    Ok(level.filter(|level| level.summary().total_weight() > 0.0))
}
