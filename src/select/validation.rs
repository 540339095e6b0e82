//! Folds: candidates fitted to all samples but those of a fold, and what these are worth under their models.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::data::draw::Fold;
use crate::data::drawn::Drawn;
use crate::data::source::Data;
use crate::device::open::Device;
use crate::device::task::{SumsTask, Task};
use crate::error::Result;
use crate::model::mixture::Mixture;
use crate::select::ground::Source;
use crate::select::job::Job;
use crate::select::options::SelectOptions;
use crate::select::plan::Validated;
use crate::select::selection::Candidate;
use crate::select::stability::{Fitted, stabilities};
use crate::select::trial::Trials;

/// Models that are looked at in one pass.
const AT_ONCE: usize = 16;

/// Folds at work, one after another.
pub(crate) struct Validation<'d> {
    data: Arc<dyn Data + 'd>,
    stop: &'d AtomicBool,
    device: Device,
    /// Those of the candidates on each fold.
    options: SelectOptions,
    of: usize,
    number: usize,
    at_work: Option<(Job<'d>, Arc<Drawn<'d, Fold>>)>,
    /// The models of every fold that is over, place by place.
    models: Vec<Vec<Option<Mixture>>>,
    /// Sums over the folds that are over.
    held_out: Vec<Option<f64>>,
}

impl<'d> Validation<'d> {
    pub(crate) fn new(
        data: Arc<dyn Data + 'd>,
        stop: &'d AtomicBool,
        device: &Device,
        options: &SelectOptions,
        of: usize,
    ) -> Self {
        let options = SelectOptions { criterion: options.criterion.before_folds(), folds: None, ..options.clone() };
        let held_out = vec![Some(0.0); options.candidates().len()];
        let device = device.clone();
        Validation { data, stop, device, options, of, number: 0, at_work: None, models: Vec::new(), held_out }
    }

    /// The fold at work, from 0.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// All candidates on the samples of the other folds.
    pub(crate) fn job(&self) -> Option<&Job<'d>> {
        self.at_work.as_ref().map(|(job, _)| job)
    }

    /// Does one pass; the places of the candidates that it ended. None when all folds are over.
    ///
    /// # Errors
    /// As [`select`](super::select).
    pub(crate) fn pass(&mut self, trials: &mut Trials) -> Result<Option<Vec<usize>>> {
        if self.number == self.of {
            return Ok(None);
        }
        let (mut job, fold) = match self.at_work.take() {
            Some(at_work) => at_work,
            None => match self.begin()? {
                Some(at_work) => at_work,
                None => {
                    self.end(&[], None)?;
                    return Ok(Some(Vec::new()));
                }
            },
        };
        let places = job.pass(trials)?;
        if places.is_some() {
            self.at_work = Some((job, fold));
            return Ok(places);
        }
        self.end(&job.finish(), Some(fold))?;
        Ok(Some(Vec::new()))
    }

    /// Draws a fold; nothing where the others have no weight.
    fn begin(&self) -> Result<Option<(Job<'d>, Arc<Drawn<'d, Fold>>)>> {
        let (number, of, seed) = (self.number, self.of, self.options.fit.seed);
        let draw = |is_held_out| Fold { seed, number, of, is_held_out };
        let mut parts = Drawn::by(&self.data, [false, true].map(draw), self.data.room())?;
        let (Some(fold), Some(others)) = (parts.pop(), parts.pop()) else { return Ok(None) };
        if others.summary().total_weight() <= 0.0 {
            return Ok(None);
        }
        let job = Job::new(Source::here(others, self.stop, &self.device), Some((number, of)), &self.options)?;
        Ok(Some((job, fold)))
    }

    /// Takes the candidates of a fold.
    fn end(&mut self, candidates: &[Candidate], fold: Option<Arc<Drawn<'d, Fold>>>) -> Result<()> {
        let model = |place: usize| candidates.get(place)?.scored().map(|scored| scored.fit.mixture.clone());
        let models: Vec<Option<Mixture>> = (0..self.held_out.len()).map(model).collect();
        let places: Vec<usize> = (0..models.len()).filter(|place| models[*place].is_some()).collect();
        let mut told = vec![None; models.len()];
        if let Some(fold) = fold.filter(|fold| fold.summary().total_weight() > 0.0) {
            let weight = fold.summary().total_weight();
            let n_others = self.data.summary().n_effective() - fold.summary().n_effective();
            let mut backend = self.device.load_shared(fold)?;
            for places in places.chunks(AT_ONCE) {
                let tasks = places.iter().filter_map(|place| models[*place].as_ref());
                let tasks = tasks.map(|mixture| Task::Sums(SumsTask::log_likelihood(mixture.quadratics())));
                let answers = backend.run(&tasks.collect::<Vec<_>>())?;
                for (place, answer) in places.iter().zip(answers) {
                    let log_likelihood = answer.sums()?.log_likelihood(weight);
                    // A model of fewer samples is worth less to those held out, by what it is worth more to its own.
                    let Candidate { share, .. } = candidates[*place];
                    let p = models[*place].as_ref().map_or(0, Mixture::n_parameters) as f64;
                    let loss = 0.5 * p * (share - 1) as f64 / n_others.max(1) as f64;
                    told[*place] = Some(log_likelihood + weight * loss);
                }
            }
        } else {
            places.iter().for_each(|place| told[*place] = Some(0.0));
        }
        for (sum, told) in self.held_out.iter_mut().zip(told) {
            *sum = sum.zip(told).map(|(sum, told)| sum + told);
        }
        self.models.push(models);
        self.number += 1;
        Ok(())
    }

    /// What folds tell of every place, when all are over.
    ///
    /// # Errors
    /// Those of the data and the device.
    pub(crate) fn finish(self) -> Result<Vec<Validated>> {
        let kinds = self.options.candidates();
        let of_place = |place: usize| self.models.iter().map(|models| models[place].clone()).collect();
        let mut families: Vec<Vec<Fitted>> = Vec::new();
        for place in 0..kinds.len() {
            match families.last_mut() {
                Some(family) if kinds[place - 1].1 == kinds[place].1 => family.push((place, of_place(place))),
                _ => families.push(vec![(place, of_place(place))]),
            }
        }
        let mut validated: Vec<Validated> =
            self.held_out.iter().map(|held_out| Validated { held_out: *held_out, stability: None }).collect();
        for (place, stability) in stabilities(&self.data, &self.device, self.options.fit.seed, &families)? {
            validated[place].stability = Some(stability);
        }
        Ok(validated)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, Axis};

    use super::*;
    use crate::data::draw::Draw;
    use crate::data::points::Points;
    use crate::fit::{FitOptions, fit};
    use crate::select::{Criterion, select};

    /// Samples of two clusters, and weights.
    fn samples(n: usize) -> (Array2<f64>, Array1<f64>) {
        let noise = |i: usize, j: usize| ((i * 3 + j) as f64 * 0.618_033_988_749_895).fract();
        let samples = Array2::from_shape_fn((n, 2), |(i, j)| noise(i, j) + (i % 2) as f64 * 2.0);
        (samples, Array1::from_shape_fn(n, |i| [1.0, 0.5, 0.0, 2.0][i % 4]))
    }

    #[test]
    fn samples_are_worth_what_models_of_the_other_folds_say() {
        let (samples, weights) = samples(203);
        let points = |rows: &[usize]| {
            let points = Points::new(samples.select(Axis(0), rows)).unwrap();
            points.with_weights(weights.select(Axis(0), rows)).unwrap()
        };
        let all: Vec<usize> = (0..203).collect();
        let (device, folds) = (Device::cpu(), 3);
        let fit_options = FitOptions { seed: 4, ..FitOptions::new(1) };
        let options = SelectOptions {
            exhaustive: true,
            criterion: Criterion::HeldOut,
            folds: Some(folds),
            fit: fit_options,
            ..SelectOptions::new([1, 2])
        };
        let selection = select(&points(&all), &device, &options).unwrap();
        for candidate in &selection.candidates {
            let options = options.fit_of(candidate.n_components, candidate.covariance_type);
            let of_fold = |number: usize| {
                let rows = |is_held_out| -> Vec<usize> {
                    Fold { seed: 4, number, of: folds, is_held_out }.rows(0..203).collect()
                };
                let model = fit(&points(&rows(false)), &device, &options).unwrap().mixture;
                device.log_likelihood(&model, &points(&rows(true))).unwrap()
            };
            let expected: f64 = (0..folds).map(of_fold).sum();
            let held_out = candidate.held_out.unwrap();
            assert!((held_out - expected).abs() < 1e-9 * expected.abs(), "{held_out}, and not {expected}");
            assert_eq!(candidate.score(Criterion::HeldOut), Some(-2.0 * held_out));
        }
        let best = &selection.candidates[selection.best_index().unwrap()];
        assert_eq!(best.n_components, 2);
    }

    #[test]
    fn a_candidate_that_fails_on_a_fold_is_not_chosen_by_folds() {
        // Of four samples two are left for two folds: three components have too few.
        let points = Points::new(samples(4).0).unwrap();
        let options = SelectOptions { folds: Some(2), criterion: Criterion::HeldOut, ..SelectOptions::new(1..=3) };
        let selection = select(&points, &Device::cpu(), &options).unwrap();
        for candidate in &selection.candidates {
            assert!(candidate.scored().is_some());
            assert_eq!(candidate.held_out.is_none(), candidate.n_components == 3);
        }
        assert!(selection.best_index().is_some());
        let too_many = SelectOptions { folds: Some(5), ..options };
        assert!(select(&points, &Device::cpu(), &too_many).is_err());
    }

    #[test]
    fn labels_that_folds_agree_about_are_stable() {
        let (samples, _) = samples(400);
        let apart = Array2::from_shape_fn((400, 2), |(i, j)| samples[[i, j]] + (i % 3) as f64 * 40.0);
        let options = SelectOptions { folds: Some(3), criterion: Criterion::Stability, ..SelectOptions::new(1..=6) };
        let selection = select(&Points::new(apart).unwrap(), &Device::cpu(), &options).unwrap();
        for candidate in &selection.candidates {
            let stability = candidate.stability.unwrap();
            assert!((0.0..=1.0).contains(&stability), "{stability}");
        }
        // The index with one component less and one more: three clusters that lie apart are found by all.
        let best = &selection.candidates[selection.best_index().unwrap()];
        assert!((3..=5).contains(&best.n_components), "{}", best.n_components);
    }
}
