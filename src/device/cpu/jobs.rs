//! Jobs: the work of a pass for each of its tasks, chunk after chunk.

use std::ops::Range;

use ndarray::{Array2, ArrayViewMut2};
use rand::RngExt;
use rand_pcg::Pcg64;

use super::incomplete::{self, IncompleteJob, RandomIncompleteJob};
use super::parameters::Parameters;
use super::pruning::Pruning;
use super::real::Real;
use super::slabs::{Pass, Run, Source};
use super::tile::Tile;
use super::{CpuBackend, log_densities, truncated};
use crate::data::chosen::Choosing;
use crate::data::coordinates::Coordinates;
use crate::data::points::Points;
use crate::data::runs::Runs;
use crate::data::source::{Data, block_rows};
use crate::data::summary::Summary;
use crate::device::backend::Backend;
use crate::device::blocks::{Blocks, Scatter};
use crate::device::choice::Precision;
use crate::device::numbers::{Numbers, Shape};
use crate::device::sums::Sums;
use crate::device::task::{Answer, Assignment, RandomTask, SumsTask, Task};
use crate::device::truncated::Truncated;
use crate::device::worst::{Worst, WorstSamples};
use crate::error::{Error, Result};
use crate::model::quadratics::Quadratics;
use crate::model::statistics::Statistics;

/// A task at work.
pub(super) enum Job<'t, T> {
    Sums(SumsJob<'t, T>),
    Random(RandomJob),
    /// The same of samples of which values are missing.
    Incomplete(IncompleteJob<'t, T>),
    RandomIncomplete(RandomIncompleteJob),
    Samples(Choosing<'t>),
    Worst(&'t Worst, Parameters<T>, WorstSamples),
    /// Done when all chunks have passed by, for it looks at samples in an order of its own.
    Truncated(&'t Truncated),
}

/// Sums under a model.
pub(super) struct SumsJob<'t, T> {
    task: &'t SumsTask,
    parameters: Parameters<T>,
    shape: Shape,
    runs: Runs<Numbers>,
}

impl<'t, T: Real> Job<'t, T> {
    pub(super) fn new(backend: &CpuBackend<T>, task: &'t Task) -> Result<Self> {
        let d = backend.n_features();
        Ok(match task {
            Task::Sums(task) if backend.is_incomplete() => {
                Job::Incomplete(IncompleteJob::new(task, backend.parameters(&task.quadratics)?, &backend.coordinates))
            }
            Task::Random(task) if backend.is_incomplete() => {
                Job::RandomIncomplete(RandomIncompleteJob::new(backend.summary(), *task))
            }
            Task::Sums(task) => {
                let parameters = backend.parameters(&task.quadratics)?;
                let second = match task.statistics {
                    Some(Statistics::Pooled) if task.share_within >= T::LEAST_SHARE => None,
                    Some(Statistics::Pooled) => Some(Statistics::Triangles),
                    second @ Some(Statistics::Triangles | Statistics::Diagonals) => second,
                    // Of the shape of the last pass, whose memory serves this one.
                    None => backend.passes.last().map_or(Some(Statistics::Diagonals), |pass| pass.shape.second),
                };
                let shape = Shape { k: parameters.k, d, second, by_feature: false };
                Job::Sums(SumsJob { task, parameters, shape, runs: Runs::new(block_rows(d)) })
            }
            Task::Random(task) => Job::Random(RandomJob::new(backend, *task)),
            Task::Samples(places) => Job::Samples(Choosing::new(places, backend.summary().effective_before())),
            Task::Worst(worst) => Job::Worst(worst, backend.parameters(&worst.quadratics)?, WorstSamples::new(worst)),
            Task::Truncated(task) => Job::Truncated(task),
            Task::Steps(_) => {
                return Err(Error::Parts { problem: "a pass of steps is no pass of a backend".to_owned() });
            }
        })
    }

    /// The pass whose memory it needs.
    pub(super) fn shape(&self) -> Option<Shape> {
        if let Job::Sums(job) = self { Some(job.shape) } else { None }
    }

    /// Whether its second moments are found from the scatter of all samples.
    pub(super) fn wants_scatter(&self) -> bool {
        matches!(self, Job::Sums(job) if job.wants_scatter())
    }

    /// Takes a chunk that begins with the given sample.
    pub(super) fn visit(&mut self, backend: &CpuBackend<T>, first: usize, chunk: &Points) -> Result<()> {
        match self {
            Job::Sums(job) => job.visit(backend, first, chunk),
            Job::Random(job) => job.visit(&*backend.data, first, chunk),
            Job::Incomplete(job) => job.visit(backend, first, chunk),
            Job::RandomIncomplete(job) => job.visit(&*backend.data, first, chunk),
            Job::Samples(choosing) => {
                choosing.visit(chunk);
                Ok(())
            }
            Job::Worst(task, parameters, worst) => {
                let assessment = match &task.candidates {
                    Some(candidates) => {
                        let place = first - backend.summary().first();
                        truncated::assess(backend, parameters, candidates, place, chunk)?
                    }
                    None if backend.is_incomplete() => {
                        incomplete::assess(backend, &task.quadratics, chunk, 0..chunk.n_samples())?
                    }
                    None => {
                        let known = (&backend.coordinates, backend.scale(), &backend.orders);
                        let model = (&*task.quadratics, Assignment::Soft);
                        let pruning = Pruning::new(task.prune, model, parameters, backend.arch, known);
                        backend.assess_chunk((parameters, pruning.as_ref()), first, chunk)?
                    }
                };
                let coordinates = || Coordinates::shifted(backend.summary());
                let explain = |samples: Array2<f64>, model: &Quadratics| log_densities(samples, model, coordinates());
                worst.visit(task, first, chunk, &assessment, &explain)
            }
            Job::Truncated(_) => Ok(()),
        }
    }

    /// The answer, when all chunks have passed by.
    ///
    /// # Errors
    /// Those of a pass that begins only then.
    pub(super) fn answer(self, backend: &CpuBackend<T>) -> Result<Answer> {
        Ok(match self {
            Job::Sums(job) => Answer::Sums(job.answer(backend)),
            Job::Random(job) => Answer::Sums(job.answer(backend.summary())),
            Job::Incomplete(job) => Answer::Sums(job.answer(backend)),
            Job::RandomIncomplete(job) => Answer::Sums(job.answer(backend.summary())),
            Job::Samples(choosing) => Answer::Samples(choosing.finish()),
            Job::Worst(_, _, worst) => Answer::Worst(worst),
            Job::Truncated(task) => Answer::Truncated(Box::new(truncated::sums(backend, task)?)),
        })
    }
}

impl<T: Real> SumsJob<'_, T> {
    fn wants_scatter(&self) -> bool {
        self.task.statistics == Some(Statistics::Pooled) && self.shape.second.is_none()
    }

    fn visit(&mut self, backend: &CpuBackend<T>, first: usize, chunk: &Points) -> Result<()> {
        let source = Source::Model(&self.parameters, self.task.assignment);
        let means = if self.task.statistics.is_some() { &self.parameters.means[..] } else { &[] };
        let known = (&backend.coordinates, backend.scale(), &backend.orders);
        let model = (&*self.task.quadratics, self.task.assignment);
        let pruning = Pruning::new(self.task.prune, model, &self.parameters, backend.arch, known);
        let (data, coordinates, pruning) = (&*backend.data, &backend.coordinates, pruning.as_ref());
        let run = Run { data, coordinates, source: &source, means, pruning };
        backend.pass(self.shape).add(&run, first, chunk, &mut self.runs)
    }

    fn answer(self, backend: &CpuBackend<T>) -> Sums {
        let wants_scatter = self.wants_scatter();
        let Coordinates { shift, scale } = backend.coordinates.clone();
        let is_single = T::PRECISION == Precision::Single;
        let origins = match is_single {
            true => self.parameters.origins(&backend.coordinates),
            false => self.task.quadratics.means().clone(),
        };
        let scatter = backend.scatter.clone().filter(|_| wants_scatter);
        let blocks = Blocks {
            runs: self.runs,
            means: self.parameters.means.iter().map(|mean| mean.to_f64()).collect(),
            origins,
            shift,
            scale,
            reference: self.parameters.reference,
            single_precision: is_single,
            statistics: self.task.statistics,
            scatter: scatter.map(|runs| Scatter { runs, least_share: T::LEAST_SHARE }),
            variances: None,
        };
        Sums::of_blocks(backend.summary(), blocks)
    }
}

/// Sums under random responsibilities, the same on every device: in f64.
pub(super) struct RandomJob {
    task: RandomTask,
    coordinates: Coordinates,
    pass: Pass<f64>,
    means: Vec<f64>,
    runs: Runs<Numbers>,
}

impl RandomJob {
    fn new<T: Real>(backend: &CpuBackend<T>, task: RandomTask) -> Self {
        let (k, d) = (task.n_components, backend.n_features());
        let second = match task.statistics {
            Statistics::Triangles | Statistics::Pooled => Statistics::Triangles,
            Statistics::Diagonals => Statistics::Diagonals,
        };
        let pass = Pass::new(Shape { k, d, second: Some(second), by_feature: false }, backend.arch);
        let (coordinates, runs) = (Coordinates::shifted(backend.summary()), Runs::new(block_rows(d)));
        RandomJob { task, coordinates, pass, means: vec![0.0; k * d], runs }
    }

    fn visit(&mut self, data: &dyn Data, first: usize, chunk: &Points) -> Result<()> {
        let RandomTask { seed, n_components, .. } = self.task;
        let d = self.coordinates.shift.len();
        let (block, tile) = (block_rows(d), Tile::<f64>::capacity(d));
        let fill = |rows: Range<usize>, r: &mut ArrayViewMut2<f64>| {
            // The numbers of a tile of the whole, also where a part begins within it.
            let at = |row: usize| {
                let place = row % block % tile;
                let mut random = Pcg64::new(seed, (row - place) as u128);
                random.advance((place * n_components) as u128);
                random
            };
            let mut random = at(rows.start);
            for (row, mut sample) in rows.zip(r.columns_mut()) {
                if row % block % tile == 0 {
                    random = at(row);
                }
                // Not quite zero, so that no sample is without any component.
                sample.mapv_inplace(|_| 1.0 - random.random::<f64>());
                let sum = sample.sum();
                sample /= sum;
            }
        };
        let source = Source::Given(&fill);
        let run = Run { data, coordinates: &self.coordinates, source: &source, means: &self.means, pruning: None };
        self.pass.add(&run, first, chunk, &mut self.runs)
    }

    fn answer(self, summary: &Summary) -> Sums {
        let Coordinates { shift, scale } = self.coordinates;
        let blocks = Blocks {
            runs: self.runs,
            origins: Array2::from_shape_fn((self.task.n_components, shift.len()), |(_, i)| shift[i]),
            means: self.means,
            shift,
            scale,
            reference: 0.0,
            single_precision: false,
            statistics: Some(self.task.statistics),
            scatter: None,
            variances: None,
        };
        Sums::of_blocks(summary, blocks)
    }
}

/// The scatter of all samples about the origin of the coordinates: in f64 whatever else is summed in.
pub(super) struct ScatterJob {
    coordinates: Coordinates,
    pass: Pass<f64>,
    zero: Vec<f64>,
    pub(super) runs: Runs<Numbers>,
}

impl ScatterJob {
    pub(super) fn new<T: Real>(backend: &CpuBackend<T>) -> Self {
        let d = backend.n_features();
        let coordinates = Coordinates { shift: backend.coordinates.shift.clone(), scale: vec![1.0; d] };
        let pass = Pass::new(Shape { k: 1, d, second: Some(Statistics::Triangles), by_feature: false }, backend.arch);
        ScatterJob { coordinates, pass, zero: vec![0.0; d], runs: Runs::new(block_rows(d)) }
    }

    pub(super) fn visit(&mut self, data: &dyn Data, first: usize, chunk: &Points) -> Result<()> {
        let run = Run { data, coordinates: &self.coordinates, source: &Source::All, means: &self.zero, pruning: None };
        self.pass.add(&run, first, chunk, &mut self.runs)
    }
}
