//! Sums over samples of which values are missing.
//!
//! Where features are independent within components, kernels leave out what is missing, and samples count for the features
//! that they have. Otherwise the samples of each pattern of missing values are summed by themselves, as complete ones under
//! the model of what is there, and what these sums let expect of the others is added in f64.

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::GpuBackend;
use super::arranged::{Alike, Arranged};
use super::component::{Component, shrinks};
use super::context::Gpu;
use super::e_step::{Gaps, Layout, Tile};
use super::normaliser::Normaliser;
use super::pass::{Expected, Pass};
use super::samples::DeviceSamples;
use super::tuning::Tuning;
use crate::data::pass::pass;
use crate::data::runs::{Add, Runs};
use crate::data::source::block_rows;
use crate::data::summary::Summary;
use crate::device::blocks::Blocks;
use crate::device::numbers::{Numbers, Shape};
use crate::device::sums::Sums;
use crate::device::task::{Assignment, SumsTask};
use crate::error::Result;
use crate::model::marginal::Observed;
use crate::model::quadratics::Quadratics;
use crate::model::statistics::Statistics;

impl GpuBackend<'_> {
    /// Sums for each of the tasks, of samples of which values are missing.
    pub(super) fn sums_of_incomplete(&mut self, tasks: &[&SumsTask]) -> Result<Vec<Sums>> {
        let tuning = self.gpu.tuning;
        let layouts: Vec<Layout> = tasks.iter().map(|task| layout_of(&task.quadratics, tuning)).collect();
        let needs = |gaps| layouts.iter().any(|layout| layout.gaps == gaps);
        if needs(Gaps::OfTiles) && self.arranged.is_none() {
            self.arranged = Some(Arranged::new(&self.gpu, &*self.data, &self.samples, self.budget)?);
        }
        if needs(Gaps::OfFeatures) && self.observed.is_none() {
            self.observed = Some(self.weights_of_features()?);
        }
        let passes = self.prepare(&layouts)?;
        let mut works: Vec<Work> = tasks
            .iter()
            .zip(&passes)
            .map(|(task, pass)| Work::new(self, task, pass, block_rows(self.samples.n_features)))
            .collect();
        if needs(Gaps::OfFeatures) {
            let start = self.data.summary().first();
            self.samples.for_each_window(&self.gpu, &*self.data, &mut |rows| {
                let mut masked = works.iter_mut().filter(|work| work.shape.by_feature);
                masked.try_for_each(|work| work.take(start + rows.start, rows.len(), &Work::by_feature))
            })?;
        }
        if let Some(arranged) = self.arranged.as_ref().filter(|_| needs(Gaps::OfTiles)) {
            arranged.for_each_window(&self.gpu, &*self.data, &mut |first, n, patterns| {
                let by_pattern = |work: &Work, expected| work.by_pattern(patterns, expected);
                let mut others = works.iter_mut().filter(|work| !work.shape.by_feature);
                others.try_for_each(|work| work.take(first, n, &by_pattern))
            })?;
        }
        Ok(works.into_iter().map(|work| work.answer(self.data.summary())).collect())
    }

    /// Weight of the samples that have a feature: `[D]`.
    fn weights_of_features(&self) -> Result<Vec<f64>> {
        let mut weights = vec![0.0; self.samples.n_features];
        pass(&*self.data, &mut |_, chunk| {
            chunk.for_each_row(0..chunk.n_samples(), |row, values| {
                let weight = chunk.weight(row);
                weights.iter_mut().zip(values).filter(|(_, x)| !x.is_nan()).for_each(|(sum, _)| *sum += weight);
            });
            Ok(())
        })?;
        Ok(weights)
    }
}

/// The layout of passes over samples of which values are missing.
fn layout_of(model: &Quadratics, tuning: Tuning) -> Layout {
    let (k, d) = model.means().dim();
    match model.features_are_independent() {
        true => Layout::masked(d, k, tuning),
        false => Layout::by_pattern(d, k, tuning),
    }
}

/// The work of a task, window by window.
struct Work<'a> {
    gpu: &'a Gpu,
    samples: &'a DeviceSamples,
    pass: &'a Pass,
    task: &'a SumsTask,
    shape: Shape,
    /// What was taken off the log-densities of all samples, until it is put back.
    taken_off: f64,
    runs: Runs<Numbers>,
}

/// Some tiles of samples that lack the same values.
struct Part<'p> {
    alike: &'p Alike,
    tiles: Vec<(usize, Tile)>,
    /// Their weight; none of further parts of the same samples.
    weight: f64,
}

impl<'a> Work<'a> {
    fn new(backend: &'a GpuBackend, task: &'a SumsTask, pass: &'a Pass, block: usize) -> Self {
        let (layout, model) = (pass.plan().layout, &task.quadratics);
        let by_feature = layout.gaps == Gaps::OfFeatures;
        let second = Some(if by_feature { Statistics::Diagonals } else { Statistics::Triangles });
        let taken_off = match &backend.observed {
            Some(weights) if by_feature => Normaliser::of(model).of_all(backend.data.summary().total_weight(), weights),
            _ => 0.0,
        };
        Work {
            gpu: &backend.gpu,
            samples: backend.samples_of(&layout),
            pass,
            task,
            shape: Shape { k: layout.k, d: layout.d, second, by_feature },
            taken_off,
            runs: Runs::new(block),
        }
    }

    /// Takes the sums of a number of samples, the first of which has a number; made again, with nothing taken off second
    /// moments, where what is left of them lost digits.
    fn take(&mut self, first: usize, n: usize, sums_of: &dyn Fn(&Self, Expected) -> Result<Numbers>) -> Result<()> {
        let mut sums = match self.task.assignment {
            // The model of a hard pass is as wide as all samples together.
            Assignment::Hard => sums_of(self, Expected::Nothing)?,
            Assignment::Soft => sums_of(self, Expected::Covariances)?,
        };
        if self.task.assignment == Assignment::Soft && self.shrinks(&sums) {
            sums = sums_of(self, Expected::Nothing)?;
        }
        sums.log_likelihood += std::mem::take(&mut self.taken_off);
        sums.pairs = (n * self.shape.k) as f64;
        self.runs.push(first, 1, sums, drop);
        Ok(())
    }

    /// Sums of the features that are there.
    fn by_feature(&self, expected: Expected) -> Result<Numbers> {
        let Shape { d, .. } = self.shape;
        let totals = self.pass.sum(self.gpu, self.samples, &self.task.quadratics, self.task.assignment, expected)?;
        let mut sums = Numbers::zero(self.shape);
        for (k, to) in sums.numbers_mut().chunks_exact_mut(self.shape.per_component()).enumerate() {
            let found = self.component(&totals.numbers, &totals.covariances, k);
            to[0] = found.count;
            for i in 0..d {
                let of_feature = found.of_feature(i);
                to[1 + i] = found.first(i, of_feature);
                to[1 + d + i] = found.second(i, i, of_feature);
                to[1 + 2 * d + i] = of_feature;
            }
        }
        sums.log_likelihood = self.samples.weight_unit * totals.numbers[0];
        Ok(sums)
    }

    /// Sums of samples by what they lack, and what that lets expect.
    fn by_pattern(&self, patterns: &[Alike], expected: Expected) -> Result<Numbers> {
        let model = &*self.task.quadratics;
        self.pass.write_means(self.gpu, self.samples, model)?;
        let covariances = self.pass.write_expected(self.gpu, self.samples, model, expected)?;
        let mut sums = Numbers::zero(self.shape);
        for batch in self.batches(patterns) {
            let models =
                batch.par_iter().map(|part| model.zero_padded(&part.alike.pattern)).collect::<Result<Vec<_>>>()?;
            let of_patterns: Vec<(&Quadratics, &[(usize, Tile)])> =
                models.iter().zip(&batch).map(|(model, part)| (model, &part.tiles[..])).collect();
            let totals = self.pass.sum_patterns(self.gpu, self.samples, &of_patterns)?;
            let completed =
                batch.par_iter().zip(&totals).map(|(part, totals)| self.complete(part, totals, &covariances));
            let completed = completed.collect::<Result<Vec<_>>>()?;
            for (((part, model), mut completed), totals) in batch.iter().zip(&models).zip(completed).zip(&totals) {
                completed.log_likelihood = self.samples.weight_unit * totals[0] + model.typical() * part.weight;
                sums.add(&completed);
            }
        }
        Ok(sums)
    }

    /// Parts that are passed over together.
    fn batches<'p>(&self, patterns: &'p [Alike]) -> Vec<Vec<Part<'p>>> {
        let plan = self.pass.plan();
        let hard = self.task.assignment == Assignment::Hard;
        let (mut batches, mut batch, mut n_tiles): (Vec<Vec<Part>>, Vec<Part>, usize) = (Vec::new(), Vec::new(), 0);
        for alike in patterns {
            let chunks = alike.groups.iter().flat_map(|groups| self.samples.by_chunk(groups.clone()));
            let tiles: Vec<(usize, Tile)> = chunks
                .flat_map(|(chunk, groups)| plan.tiles_of(groups, hard).into_iter().map(move |tile| (chunk, tile)))
                .collect();
            let mut weight = alike.weight;
            for tiles in tiles.chunks(plan.pattern_tiles()) {
                if batch.len() == plan.patterns || n_tiles + tiles.len() > plan.pattern_tiles() {
                    batches.push(std::mem::take(&mut batch));
                    n_tiles = 0;
                }
                n_tiles += tiles.len();
                batch.push(Part { alike, tiles: tiles.to_vec(), weight: std::mem::take(&mut weight) });
            }
        }
        batches.extend((!batch.is_empty()).then_some(batch));
        batches
    }

    /// The sums of a part, and what they let expect of the values that are missing there.
    fn complete(&self, part: &Part, totals: &[f64], covariances: &[f32]) -> Result<Numbers> {
        let (Shape { d, .. }, pattern) = (self.shape, &part.alike.pattern);
        let (model, observed) = (&self.task.quadratics, &pattern.observed[..]);
        let regressions = if pattern.missing.is_empty() { Vec::new() } else { model.regressions(pattern)? };
        let mut sums = Numbers::zero(self.shape);
        for (k, to) in sums.numbers_mut().chunks_exact_mut(self.shape.per_component()).enumerate() {
            let found = self.component(totals, covariances, k);
            if found.count == 0.0 {
                continue;
            }
            let first: Array1<f64> = observed.iter().map(|i| found.first(*i, found.count)).collect();
            let second = Array2::from_shape_fn((observed.len(), observed.len()), |(i, j)| {
                found.second(observed[i], observed[j], found.count)
            });
            let (first, second) = match regressions.get(if regressions.len() == 1 { 0 } else { k }) {
                Some(regression) => {
                    regression.complete(pattern, &Observed { count: found.count, first: &first, second: &second })
                }
                None => (first, second),
            };
            to[0] = found.count;
            to[1..=d].iter_mut().zip(&first).for_each(|(to, first)| *to = *first);
            let lower = (0..d).flat_map(|i| (0..=i).map(move |j| (i, j)));
            to[1 + d..].iter_mut().zip(lower).for_each(|(to, at)| *to = second[at]);
        }
        Ok(sums)
    }

    fn component<'s>(&'s self, totals: &'s [f64], covariances: &'s [f32], k: usize) -> Component<'s> {
        let sums = self.pass.plan().layout.sums.component(totals, covariances, k);
        Component::new(self.samples, &self.task.quadratics, k, sums)
    }

    /// Whether the variance of some feature in some component lost digits beside the old one.
    fn shrinks(&self, sums: &Numbers) -> bool {
        let Shape { d, by_feature, .. } = self.shape;
        let components: Vec<&[f64]> = sums.numbers().chunks_exact(self.shape.per_component()).collect();
        let second = |k: usize, i: usize| components[k][1 + d + if by_feature { i } else { i * (i + 3) / 2 }];
        let count = |k: usize, i: usize| components[k][if by_feature { 1 + 2 * d + i } else { 0 }];
        let first = |k: usize, i: usize| components[k][1 + i];
        shrinks((&count, &first, &second), &self.task.quadratics, &self.samples.constant)
    }

    /// The answer to the task.
    fn answer(self, summary: &Summary) -> Sums {
        let (model, Shape { k, d, by_feature, .. }) = (&*self.task.quadratics, self.shape);
        let variances = || Array2::from_shape_fn((k, d), |(k, i)| model.covariances().entry(k, i, i));
        let blocks = Blocks {
            runs: self.runs,
            // Sums are about the means of the model, and in units of the features.
            means: vec![0.0; k * d],
            origins: model.means().clone(),
            shift: self.samples.coordinates.shift.clone(),
            scale: vec![1.0; d],
            reference: 0.0,
            single_precision: true,
            statistics: self.task.statistics,
            scatter: None,
            variances: by_feature.then(variances),
        };
        Sums::of_blocks(summary, blocks)
    }
}
