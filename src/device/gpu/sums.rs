//! Sums over complete samples, window by window, and the moments that they are.

use std::time::{Duration, Instant};

use ndarray::Array2;

use super::GpuBackend;
use super::component::{Component, shrinks};
use super::e_step::Layout;
use super::pass::{Expected, Pass, Totals};
use super::tune::Measured;
use crate::device::sums::Sums;
use crate::device::task::{Assignment, SumsTask};
use crate::error::Result;
use crate::model::covariance::CovarianceArray;
use crate::model::moments::Moments;
use crate::model::quadratics::Quadratics;
use crate::model::statistics::Statistics;

impl GpuBackend<'_> {
    /// Sums for each of the tasks, window by window.
    pub(super) fn sums(&mut self, tasks: &[&SumsTask]) -> Result<Vec<Sums>> {
        if self.is_incomplete() {
            return self.sums_of_incomplete(tasks);
        }
        let mut layouts = Vec::new();
        for task in tasks {
            let last = task.statistics.or(self.last_statistics());
            let statistics = last.unwrap_or_else(|| Statistics::of_factors(task.quadratics.factors()));
            let shape = self.shape(&task.quadratics, statistics)?;
            if self.prunes(task)? {
                layouts.push(shape.layout.pruned());
                continue;
            }
            self.tune_in_time(&shape, Measured { model: &task.quadratics, assignment: task.assignment })?;
            layouts.push(self.gpu.tuner.tuned(&shape));
        }
        let passes = self.prepare(&layouts)?;
        let mut times = vec![Duration::ZERO; tasks.len()];
        let mut sums: Vec<Option<WindowSums>> = vec![None; tasks.len()];
        self.samples.for_each_window(&self.gpu, &*self.data, &mut |_| {
            for (((task, pass), sums), time) in tasks.iter().zip(&passes).zip(&mut sums).zip(&mut times) {
                let started = Instant::now();
                let part = self.window_sums(pass, task)?;
                *time += started.elapsed();
                *sums = Some(match sums.take() {
                    None => part,
                    Some(before) => before.combine(part)?,
                });
            }
            Ok(())
        })?;
        for (layout, time) in layouts.iter().zip(times) {
            let prepared = self.passes.iter_mut().filter(|prepared| prepared.layout() == layout);
            prepared.for_each(|prepared| prepared.count(time));
        }
        let sums = tasks.iter().zip(&passes).zip(sums).map(|((task, pass), sums)| {
            let family = pass.plan().layout.sums.statistics.family();
            let (zero, summary) = (|| Moments::zero(family, task.quadratics.means().clone()), self.data.summary());
            match sums {
                None => Sums::of_moments(summary, zero(), 0.0),
                Some(WindowSums { moments, reference, evaluated }) => {
                    let sums = Sums::of_moments(summary, moments, reference);
                    if let Some(evaluated) = evaluated { sums.of_pairs(evaluated) } else { sums }
                }
            }
        });
        Ok(sums.collect())
    }

    /// Sums of the samples that are on the device.
    fn window_sums(&self, pass: &Pass, task: &SumsTask) -> Result<WindowSums> {
        let SumsTask { quadratics: model, assignment, .. } = task;
        let layout = pass.plan().layout;
        let sum = |expected| -> Result<WindowSums> {
            let totals = pass.sum(&self.gpu, self.samples_of(&layout), model, *assignment, expected)?;
            let (moments, reference) = (self.moments_of(model, layout, &totals), totals.reference);
            Ok(WindowSums { moments, reference, evaluated: layout.prunes.then(|| totals.pairs()) })
        };
        // The model of a hard pass is as wide as all samples together.
        let part = match assignment {
            Assignment::Hard => sum(Expected::Nothing)?,
            Assignment::Soft => sum(Expected::Covariances)?,
        };
        // Summed again while these samples are here.
        match *assignment == Assignment::Soft && moments_shrink(&part.moments, model, &self.samples.constant) {
            true => sum(Expected::Nothing),
            false => Ok(part),
        }
    }

    /// Moments about the means of the model, in the features' own coordinates and units of weight; without the total
    /// weight, and so without the reference of the log-densities.
    pub(super) fn moments_of(&self, model: &Quadratics, layout: Layout, totals: &Totals) -> Moments {
        let (k, d) = model.means().dim();
        let sums = |k| layout.sums.component(&totals.numbers, &totals.covariances, k);
        let component = |k: usize| Component::new(&self.samples, model, k, sums(k));
        let sums: Vec<Component> = (0..k).map(component).collect();
        let family = layout.sums.statistics.family();
        let mut moments = Moments::zero(family, model.means().clone());
        moments.log_likelihood = self.samples.weight_unit * totals.numbers[0];
        moments.second = CovarianceArray::of_moments(family, k, d, |k, i, j| sums[k].second(i, j, sums[k].count));
        moments.counts = sums.iter().map(|sums| sums.count).collect();
        moments.first = Array2::from_shape_fn((k, d), |(k, i)| sums[k].first(i, sums[k].count));
        moments.single_precision = true;
        moments
    }
}

/// Sums of the samples that are on the device at a time.
#[derive(Debug, Clone)]
struct WindowSums {
    moments: Moments,
    /// What was taken off every log-density.
    reference: f64,
    /// How many log-densities were evaluated, where those were not all.
    evaluated: Option<f64>,
}

impl WindowSums {
    /// The sums with those of the samples that came next. Passes over what does not stay are dense.
    fn combine(self, next: WindowSums) -> Result<WindowSums> {
        Ok(WindowSums { moments: self.moments.combine(&next.moments)?, ..next })
    }
}

/// Whether the variance of some feature in some component lost digits beside the old one.
fn moments_shrink(moments: &Moments, model: &Quadratics, constant: &[bool]) -> bool {
    let k = model.n_components();
    let second = |component: usize, feature: usize| match moments.covariance_type().is_shared() {
        true => moments.second.entry(0, feature, feature) / k as f64,
        false => moments.second.entry(component, feature, feature),
    };
    let (count, first) = (|k: usize, _| moments.counts[k], |k: usize, i: usize| moments.first[[k, i]]);
    shrinks((&count, &first, &second), model, constant)
}
