//! The GPU backend: f32 arithmetic in WGSL compute shaders through wgpu, sums finished in f64 on the host.
//!
//! Samples go to the device once, shifted and scaled in f64 before they are rounded. Each pass writes the parameters,
//! runs the stages over tile after tile in a few submissions, and reads back nothing but sums.

mod absence;
mod adapter;
mod arranged;
mod automatic;
mod ceiling;
mod change;
#[cfg(all(test, target_os = "linux"))]
mod compile_tests;
mod component;
mod context;
mod e_step;
mod incomplete;
mod kept;
mod kept_components;
mod kernel;
mod m_step;
mod marking;
mod marks;
mod normaliser;
mod order;
mod pace;
mod pass;
mod pipelines;
mod plan;
mod profile;
mod pruning;
mod samples;
#[cfg(test)]
mod shader_tests;
#[cfg(test)]
mod snapshot_tests;
mod spare;
mod straight_line;
mod sums;
#[cfg(test)]
mod translation;
mod trial;
mod tried;
mod tune;
mod tuner;
mod tuning;

use std::ops::Range;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, s};

pub(crate) use absence::explanation;
pub(crate) use adapter::{adapters, all_hardware, select};
pub(crate) use automatic::{Automatic, adapter_seconds, choose_automatically, processor_seconds};
pub(crate) use context::Gpu;

use crate::data::coordinates::Coordinates;
use crate::data::home::{Home, Place};
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::assessment::{Assessment, VisitAssessed};
use crate::device::backend::sealed::Sealed;
use crate::device::backend::{Backend, KernelTime, check_features};
use crate::device::choice::DeviceInfo;
use crate::device::cpu::{self, CpuBackend};
use crate::device::task::{Answer, Assignment, Task, unexpected};
use crate::device::truncated::refused;
use crate::device::worst::{Worst, WorstSamples};
use crate::error::Result;
use crate::model::mixture::Mixture;
use crate::model::quadratics::Quadratics;
use crate::model::statistics::Statistics;
use arranged::Arranged;
use e_step::{Factors, Layout};
use kernel::GROUP;
use pass::Pass;
use pruning::Pruning;
use samples::DeviceSamples;
use tune::{Measured, Prepared, UnderWay};
use tuner::Shape;

impl Gpu {
    /// Puts samples on the device; those that take more bytes than the budget, or than there are, pass through it.
    pub(crate) fn load<'d>(&self, data: Arc<dyn Data + 'd>, budget: Option<u64>) -> Result<GpuBackend<'d>> {
        Ok(GpuBackend {
            gpu: self.clone(),
            samples: DeviceSamples::upload(self, &*data, budget)?,
            data,
            passes: Vec::new(),
            tuning: None,
            budget,
            pruning: Pruning::default(),
            arranged: None,
            observed: None,
        })
    }
}

/// Samples on a device, or on their way through it, and the passes over them.
pub(crate) struct GpuBackend<'d> {
    gpu: Gpu,
    data: Arc<dyn Data + 'd>,
    samples: DeviceSamples,
    /// Kernels and scratch of the last models' layouts: a fit uses the same again and again.
    passes: Vec<Prepared>,
    tuning: Option<UnderWay>,
    /// Most bytes that samples may take.
    budget: Option<u64>,
    pruning: Pruning,
    /// Of samples of which values are missing, made when they are first needed: the samples by what they lack, and the weight
    /// of those that have a feature.
    arranged: Option<Arranged>,
    observed: Option<Vec<f64>>,
}

impl<'d> GpuBackend<'d> {
    /// The backend whose passes are a given one, untuned.
    fn of_pass(gpu: &Gpu, data: &'d dyn Data, samples: DeviceSamples, pass: Arc<Pass>) -> Self {
        let gpu = gpu.untuned(pass.plan().layout.tuning);
        let (data, passes) = (Arc::new(data), vec![Prepared::new(pass, Duration::ZERO)]);
        let (tuning, budget, pruning, arranged, observed) = Default::default();
        GpuBackend { gpu, data, samples, passes, tuning, budget, pruning, arranged, observed }
    }

    /// The shape of the passes of a model with its statistics.
    fn shape(&self, model: &Quadratics, statistics: Statistics) -> Result<Shape> {
        check_features(model, self.samples.n_features)?;
        let (factors, k) = (Factors::of(model), model.n_components());
        let layout = Layout::new(factors, statistics, model.n_features(), k, self.gpu.tuning);
        Ok(Shape::new(layout, self.samples.groups()))
    }

    /// Prepares the passes of some layouts, with kernels that were tried, in their order.
    fn prepare(&mut self, layouts: &[Layout]) -> Result<Vec<Arc<Pass>>> {
        // The scratch of other passes makes room.
        self.passes.retain(|prepared| layouts.contains(prepared.layout()));
        for layout in layouts {
            if self.passes.iter().all(|prepared| prepared.layout() != layout) {
                let started = Instant::now();
                let pass = self.try_pass(layout)?;
                self.passes.push(Prepared::new(pass, started.elapsed()));
            }
        }
        let of = |layout: &Layout| self.passes.iter().find(|prepared| prepared.layout() == layout);
        layouts.iter().map(|layout| of(layout).map(|prepared| prepared.pass.clone()).ok_or_else(unexpected)).collect()
    }

    /// Prepares the pass of a shape.
    fn prepare_one(&mut self, shape: &Shape) -> Result<Arc<Pass>> {
        self.prepare(&[self.gpu.tuner.tuned(shape)])?.pop().ok_or_else(unexpected)
    }

    /// The statistics of the last pass.
    fn last_statistics(&self) -> Option<Statistics> {
        self.passes.last().map(|prepared| prepared.layout().sums.statistics)
    }

    /// Prepares the pass that assesses samples under a model: that of the last layout, if it serves.
    fn prepare_to_assess(&mut self, model: &Quadratics) -> Result<Arc<Pass>> {
        let shape = self.shape(model, Statistics::of_factors(model.factors()))?;
        let last = self.last_statistics().map(|statistics| self.shape(model, statistics)).transpose()?;
        let serves = |last: &Shape| {
            let tuned = self.gpu.tuner.tuned(last);
            self.passes.iter().any(|prepared| *prepared.layout() == tuned)
        };
        self.prepare_one(&last.filter(serves).unwrap_or(shape))
    }

    /// Whether values are missing.
    fn is_incomplete(&self) -> bool {
        !self.data.summary().holes().is_none()
    }

    /// The processor, which answers what is asked of single samples of which values are missing.
    fn on_host(&self) -> CpuBackend<'_, f64> {
        CpuBackend::new(&*self.data)
    }

    /// The samples that models explain worst, in one pass over them.
    fn worst(&mut self, tasks: &[&Worst]) -> Result<Vec<WorstSamples>> {
        let mut found: Vec<WorstSamples> = tasks.iter().map(|task| WorstSamples::new(task)).collect();
        let mut passes = Vec::new();
        for task in tasks {
            passes.push(self.prepare_to_assess(&task.quadratics)?);
        }
        let coordinates = || Coordinates::shifted(self.data.summary());
        let explain = |samples: Array2<f64>, model: &Quadratics| cpu::log_densities(samples, model, coordinates());
        self.samples.for_each_part(&self.gpu, &*self.data, &mut |first, points, there| {
            for ((task, pass), found) in tasks.iter().zip(&passes).zip(&mut found) {
                let reference = pass.write_model(&self.gpu, &self.samples, &task.quadratics)?;
                let assessment = self.assess_part(pass, reference, &there)?;
                found.visit(task, first, points, &assessment, &explain)?;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Assessment, by the model that was written, of some of the samples that are on the device.
    fn assess_part(&self, pass: &Pass, reference: f64, there: &Range<usize>) -> Result<Assessment> {
        let mut log_densities = Array1::zeros(there.len());
        let mut labels = Array1::zeros(there.len());
        self.assess_there(pass, reference, there.clone(), &mut |row, log_density, label| {
            (log_densities[row - there.start], labels[row - there.start]) = (log_density, label);
        })?;
        Ok(Assessment { log_densities, labels })
    }

    /// Log-density and label of some of the samples that are on the device, which are told by their places there:
    /// `take(place, log_density, label)`.
    fn assess_there(
        &self,
        pass: &Pass,
        reference: f64,
        rows: Range<usize>,
        take: &mut dyn FnMut(usize, f64, usize),
    ) -> Result<()> {
        for (chunk, groups, wanted) in self.parts(rows, pass.plan().assessed_groups()) {
            let start = (self.samples.chunks[chunk].first_group + groups.start) * GROUP;
            let assessed = pass.assess(&self.gpu, chunk, groups)?;
            for row in wanted {
                let log_density = f64::from(assessed.log_densities[row - start]) + reference;
                take(row, log_density, assessed.labels[row - start] as usize);
            }
        }
        Ok(())
    }

    /// The parts of a range of samples that lie in one chunk each and have at most so many groups: chunk, groups
    /// within it, and the samples of the range among theirs.
    fn parts(&self, rows: Range<usize>, most_groups: usize) -> Vec<(usize, Range<usize>, Range<usize>)> {
        let mut parts = Vec::new();
        for (index, chunk) in self.samples.chunks.iter().enumerate() {
            let first = (rows.start / GROUP).max(chunk.first_group);
            let end = rows.end.div_ceil(GROUP).min(chunk.first_group + chunk.groups);
            for start in (first..end).step_by(most_groups) {
                let groups = start..(start + most_groups).min(end);
                let wanted = rows.start.max(groups.start * GROUP)..rows.end.min(groups.end * GROUP);
                parts.push((index, groups.start - chunk.first_group..groups.end - chunk.first_group, wanted));
            }
        }
        parts
    }
}

impl Sealed for GpuBackend<'_> {}

impl Backend for GpuBackend<'_> {
    fn info(&self) -> &DeviceInfo {
        self.gpu.info()
    }

    fn summary(&self) -> &Summary {
        self.data.summary()
    }

    fn home(&self) -> Home {
        self.samples.home.clone()
    }

    fn moves_samples(&self) -> bool {
        self.samples.home.place != Place::Device
    }

    fn run(&mut self, tasks: &[Task]) -> Result<Vec<Answer>> {
        let (mut sums, mut worst, mut on_host) = (Vec::new(), Vec::new(), Vec::new());
        for task in tasks {
            match task {
                Task::Sums(task) => sums.push(task),
                Task::Worst(_) if self.is_incomplete() => on_host.push(task.clone()),
                Task::Worst(task) => worst.push(&**task),
                Task::Truncated(_) => return Err(refused(&self.gpu.info().name, self.home().place)),
                Task::Random(_) | Task::Samples(_) | Task::Steps(_) => on_host.push(task.clone()),
            }
        }
        let sums = if sums.is_empty() { Vec::new() } else { self.sums(&sums)? };
        let worst = if worst.is_empty() { Vec::new() } else { self.worst(&worst)? };
        let on_host = if on_host.is_empty() { Vec::new() } else { self.on_host().run(&on_host)? };
        let is_incomplete = self.is_incomplete();
        let (mut sums, mut worst, mut on_host) = (sums.into_iter(), worst.into_iter(), on_host.into_iter());
        let answer = |task: &Task| match task {
            Task::Sums(_) => sums.next().map(Answer::Sums),
            Task::Worst(_) if is_incomplete => on_host.next(),
            Task::Worst(_) => worst.next().map(Answer::Worst),
            Task::Truncated(_) => None,
            Task::Random(_) | Task::Samples(_) | Task::Steps(_) => on_host.next(),
        };
        tasks.iter().map(answer).collect::<Option<Vec<Answer>>>().ok_or_else(unexpected)
    }

    fn rest(&mut self) {
        let passes = self.passes.drain(..).filter_map(|prepared| Arc::into_inner(prepared.pass));
        self.gpu.spare.keep(passes.flat_map(Pass::into_buffers).collect());
    }

    fn assess(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Assessment> {
        if self.is_incomplete() {
            return self.on_host().assess(model, rows);
        }
        let pass = self.prepare_to_assess(model)?;
        let reference = pass.write_model(&self.gpu, &self.samples, model)?;
        let mut log_densities = Array1::zeros(rows.len());
        let mut labels = Array1::zeros(rows.len());
        self.samples.for_each_window(&self.gpu, &*self.data, &mut |window| {
            self.assess_there(&pass, reference, within(&rows, &window), &mut |row, log_density, label| {
                let to = window.start + row - rows.start;
                (log_densities[to], labels[to]) = (log_density, label);
            })
        })?;
        Ok(Assessment { log_densities, labels })
    }

    fn assess_each(&mut self, model: &Quadratics, visit: &mut VisitAssessed) -> Result<()> {
        if self.is_incomplete() {
            return self.on_host().assess_each(model, visit);
        }
        let pass = self.prepare_to_assess(model)?;
        let reference = pass.write_model(&self.gpu, &self.samples, model)?;
        self.samples.for_each_part(&self.gpu, &*self.data, &mut |first, points, there| {
            visit(first, points, &self.assess_part(&pass, reference, &there)?)
        })
    }

    fn responsibilities(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Array2<f64>> {
        if self.is_incomplete() {
            return self.on_host().responsibilities(model, rows);
        }
        let pass = self.prepare_to_assess(model)?;
        pass.write_model(&self.gpu, &self.samples, model)?;
        let mut responsibilities = Array2::zeros((rows.len(), model.n_components()));
        self.samples.for_each_window(&self.gpu, &*self.data, &mut |window| {
            for (chunk, groups, wanted) in self.parts(within(&rows, &window), pass.plan().response_groups()) {
                let start = (self.samples.chunks[chunk].first_group + groups.start) * GROUP;
                let width = groups.len() * GROUP;
                let densities = pass.component_log_densities(&self.gpu, chunk, groups)?;
                for row in wanted {
                    let density = |k: usize| f64::from(densities[k * width + row - start]);
                    let mut to = responsibilities.slice_mut(s![window.start + row - rows.start, ..]);
                    let greatest = (0..to.len()).map(density).fold(f64::NEG_INFINITY, f64::max);
                    for (k, r) in to.iter_mut().enumerate() {
                        *r = (density(k) - greatest).exp();
                    }
                    let sum = to.sum();
                    to /= sum;
                }
            }
            Ok(())
        })?;
        Ok(responsibilities)
    }

    fn kernel_times(&mut self, mixture: &Mixture) -> Result<Vec<KernelTime>> {
        let (model, statistics) = (mixture.quadratics(), mixture.covariance_type().statistics());
        let pass = self.prepare_one(&self.shape(model, statistics)?)?;
        let mut times: Vec<KernelTime> = Vec::new();
        self.samples.for_each_window(&self.gpu, &*self.data, &mut |_| {
            let of_window = pass.kernel_times(&self.gpu, &self.samples, model)?;
            times = match times.is_empty() {
                true => of_window,
                false => times.iter().zip(of_window).map(|(sum, more)| sum.plus(&more)).collect(),
            };
            Ok(())
        })?;
        Ok(times)
    }

    fn tune(&mut self, mixture: &Mixture) -> Result<()> {
        if self.is_incomplete() {
            // Its passes have the shape that the adapter has by default.
            return Ok(());
        }
        let model = mixture.quadratics();
        let shape = self.shape(model, mixture.covariance_type().statistics())?;
        match self.gpu.tuner.is_settled(&shape) {
            true => Ok(()),
            false => self.tune_now(&shape, Measured { model, assignment: Assignment::Soft }),
        }
    }
}

/// The rows that are in a window, counted from its start.
fn within(rows: &Range<usize>, window: &Range<usize>) -> Range<usize> {
    let start = rows.start.clamp(window.start, window.end);
    let end = rows.end.clamp(start, window.end);
    start - window.start..end - window.start
}
