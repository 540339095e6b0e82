//! The choice of a model: all candidates on all samples, then on all but each of some folds.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::data::home::Home;
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::backend::Backend;
use crate::device::open::Device;
use crate::error::{Error, Result};
use crate::model::family::CovarianceType;
use crate::select::ground::Source;
use crate::select::job::Job;
use crate::select::options::SelectOptions;
use crate::select::selection::{Candidate, Selection};
use crate::select::trial::{Trial, Trials};
use crate::select::validation::Validation;

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

/// The same, whose candidates an observer hears of as they are over, on all samples or on a part of them; not of those of
/// folds.
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
        if selecting.fold().is_none() {
            places.into_iter().filter_map(|place| selecting.candidate(place)).for_each(&mut *observe);
        }
    }
    Ok(selecting.finish())
}

/// A choice at work, pass by pass.
pub struct Selecting<'d> {
    options: SelectOptions,
    job: Job<'d>,
    validation: Option<Validation<'d>>,
    /// Whether the job goes on, or the folds do.
    is_on_all: bool,
    trials: Trials,
    /// Candidates and epochs of the folds that are over.
    before: (usize, usize),
}

impl<'d> Selecting<'d> {
    /// Puts the samples on the device, or at first a part of them.
    ///
    /// # Errors
    /// As [`select`].
    pub fn new(data: &'d dyn Data, device: &Device, options: &SelectOptions) -> Result<Self> {
        Self::resume(data, device, options, Vec::new())
    }

    /// Goes on from trials that are over, of the same data, device and fits; those that this choice has no use for are
    /// left aside. It ends with the same result as if it had never stopped.
    ///
    /// # Errors
    /// As [`select`].
    pub fn resume(data: &'d dyn Data, device: &Device, options: &SelectOptions, trials: Vec<Trial>) -> Result<Self> {
        let on = device.clone();
        let load = move || on.load(data);
        Self::resume_on(data.summary(), data.stop(), device, load, Some(data), options, trials)
    }

    /// Goes on from trials, on samples with a summary that `load` puts wherever passes over them are made; `device` is
    /// what records name. Only of samples that are here a part can be drawn, or a fold. The choice ends soon after `stop`
    /// has become true.
    ///
    /// # Errors
    /// As [`select`].
    pub fn resume_on(
        summary: &Summary,
        stop: &'d AtomicBool,
        device: &Device,
        load: impl Fn() -> Result<Box<dyn Backend + 'd>> + 'd,
        here: Option<&'d dyn Data>,
        options: &SelectOptions,
        trials: Vec<Trial>,
    ) -> Result<Self> {
        options.check()?;
        let here = here.map(|data| Arc::new(data) as Arc<dyn Data + 'd>);
        let validation = match (options.folds, &here) {
            (None, _) => None,
            (Some(folds), Some(data)) if folds <= summary.n_effective() => {
                Some(Validation::new(data.clone(), stop, device, options, folds))
            }
            (Some(folds), here) => {
                let expected = match here {
                    Some(_) => "at most the number of samples",
                    None => "none, where the samples are with several workers",
                };
                return Err(Error::InvalidOption { name: "the folds", value: folds.to_string(), expected });
            }
        };
        let source = Source { summary: summary.clone(), device: device.clone(), stop, load: Box::new(load), here };
        let of_all = SelectOptions { criterion: options.criterion.before_folds(), ..options.clone() };
        let (job, trials) = (Job::new(source, None, &of_all)?, Trials(trials));
        Ok(Selecting { options: options.clone(), job, validation, is_on_all: true, trials, before: (0, 0) })
    }

    /// The job at work.
    fn at_work_on(&self) -> &Job<'d> {
        let of_fold = self.validation.as_ref().filter(|_| !self.is_on_all).and_then(Validation::job);
        of_fold.unwrap_or(&self.job)
    }

    /// Where the samples are.
    pub fn home(&self) -> Home {
        self.job.home().clone()
    }

    /// The fold that candidates leave out now, from 0, and of how many; none while they are fitted to all samples.
    pub fn fold(&self) -> Option<(usize, usize)> {
        let validation = self.validation.as_ref().filter(|_| !self.is_on_all)?;
        validation.job().map(|_| (validation.number(), self.options.folds.unwrap_or_default()))
    }

    /// How many candidates there are, those on folds included, and how many of them are over.
    pub fn n_candidates(&self) -> (usize, usize) {
        let (n, over) = self.job.n_candidates();
        let of_fold = self.fold().map_or(0, |_| self.at_work_on().n_candidates().1);
        (n * (1 + self.options.folds.unwrap_or(0)), over + self.before.0 + of_fold)
    }

    /// Number of components and family of the candidates at work.
    pub fn at_work(&self) -> impl Iterator<Item = (usize, CovarianceType)> + '_ {
        self.at_work_on().at_work()
    }

    /// Epochs done, of all restarts of all candidates.
    pub fn n_epochs(&self) -> usize {
        self.job.n_epochs() + self.before.1 + self.fold().map_or(0, |_| self.at_work_on().n_epochs())
    }

    /// A candidate that is over, on the samples at work.
    pub fn candidate(&self, place: usize) -> Option<&Candidate> {
        self.at_work_on().candidate(place)
    }

    /// All fits that are over: [`Selecting::resume`] goes on from them.
    pub fn trials(&self) -> &[Trial] {
        &self.trials.0
    }

    /// Does one pass over the samples, for all candidates at work; the places of those that it ended. None when all are
    /// over.
    ///
    /// # Errors
    /// As [`select`].
    pub fn pass(&mut self) -> Result<Option<Vec<usize>>> {
        loop {
            if self.is_on_all {
                let places = self.job.pass(&mut self.trials)?;
                if places.is_some() || self.validation.is_none() {
                    return Ok(places);
                }
                // There may be no room for all samples beside those of a fold.
                self.job.rest();
                self.is_on_all = false;
            }
            let Some(validation) = &mut self.validation else { return Ok(None) };
            let (n_epochs, number) = (validation.job().map_or(0, Job::n_epochs), validation.number());
            if let Some(places) = validation.pass(&mut self.trials)? {
                if validation.number() > number {
                    self.before = (self.before.0 + self.job.n_candidates().0, self.before.1 + n_epochs);
                }
                return Ok(Some(places));
            }
            // What folds tell may be best of another, which is fitted in full then.
            if let Some(validation) = self.validation.take() {
                self.job.judge(self.options.criterion, validation.finish()?);
            }
            self.is_on_all = true;
        }
    }

    /// The candidates that are over.
    pub fn finish(self) -> Selection {
        Selection { candidates: self.job.finish(), criterion: self.options.criterion }
    }
}
