//! One pass over the samples: what is written for it, its dispatches, and what is read back.
//!
//! The samples are taken in tiles of some groups. The log-densities of one tile, never those of all samples, are in
//! the scratch at a time; its sums are added to totals, which alone are read back.

use std::ops::Range;

use ndarray::{Array1, Array2};
use wgpu::{BindGroup, Buffer, CommandEncoder, CommandEncoderDescriptor, ComputePass, ComputePassDescriptor};

use super::context::Gpu;
use super::e_step::{Gaps, Layout, Tile, Window};
use super::kernel::{GROUP, Kernel};
use super::normaliser::Normaliser;
use super::pace::Pace;
use super::plan::Plan;
use super::samples::DeviceSamples;
use super::tuning::SMALL_TILE;
use crate::device::task::Assignment;
use crate::error::{Error, Result};
use crate::model::quadratics::Quadratics;
use scratch::{BoundChunk, Kernels, Scratch};

/// A set of totals of one pass, added up in f64.
pub(super) struct Totals {
    pub(super) numbers: Vec<f64>,
    /// Reference: the number subtracted from every log-density.
    pub(super) reference: f64,
    /// Covariances that were taken off the second moments, once for each unit of a component's count.
    pub(super) covariances: Vec<f32>,
}

impl Totals {
    /// Log-densities that a pruned pass evaluated.
    pub(super) fn pairs(&self) -> f64 {
        self.numbers[1] * GROUP as f64
    }
}

/// Numbers subtracted from second moments while they are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// The covariances of the model, once for each unit of a component's count.
    Covariances,
    /// Nothing: the model is far wider than its clusters, and its covariances would take their digits.
    Nothing,
}

/// Result of the E step for some samples.
pub(super) struct Assessed {
    /// Log-densities less the reference.
    pub(super) log_densities: Vec<f32>,
    pub(super) labels: Vec<u32>,
}

/// Kernels, scratch and bindings for models of one layout over the samples of one backend.
#[derive(Debug)]
pub(super) struct Pass {
    plan: Plan,
    kernels: Kernels,
    scratch: Scratch,
    bound: Vec<BoundChunk>,
    bound_reduce: BindGroup,
    pace: Pace,
}

/// One stage at work on a tile.
pub(super) struct Step<'p> {
    pub(super) kernel: &'p Kernel,
    bound: &'p BindGroup,
    offsets: Vec<u32>,
    workgroups: u32,
}

impl Step<'_> {
    pub(super) fn dispatch(&self, pass: &mut ComputePass) {
        self.kernel.dispatch(pass, self.bound, &self.offsets, self.workgroups);
    }
}

impl Pass {
    pub(super) fn new(gpu: &Gpu, samples: &DeviceSamples, layout: Layout) -> Result<Self> {
        let chunk_groups: Vec<usize> = samples.chunks.iter().map(|chunk| chunk.groups).collect();
        let too_large = || Error::TooLargeForDevice {
            device: gpu.info().name.clone(),
            limit: Plan::limit(&layout, &gpu.limits),
            n_components: layout.k,
            n_features: layout.d,
        };
        let plan = |bytes| Plan::new(layout, &gpu.limits, &chunk_groups, bytes).ok_or_else(too_large);
        let mut tile_bytes = layout.tuning.tile_bytes;
        let (plan, scratch) = loop {
            let plan = plan(tile_bytes)?;
            match Scratch::new(gpu, &plan) {
                // The samples may have left little memory.
                Err(Error::OutOfDeviceMemory { .. }) if tile_bytes > SMALL_TILE => {
                    tile_bytes = (tile_bytes / 4).max(SMALL_TILE);
                }
                scratch => break (plan, scratch?),
            }
        };
        let kernels = Kernels::new(gpu, &plan)?;
        gpu.keep_kernels();
        let bound =
            samples.chunks.iter().map(|chunk| scratch.bind(gpu, &plan, &kernels, chunk)).collect::<Result<Vec<_>>>()?;
        let reduced = [&scratch.covariances, &scratch.sums, &scratch.totals, &scratch.log_likelihoods];
        let kept = scratch.marking.as_ref().map(|marking| marking.kept.as_entire_binding());
        let reduced = reduced.map(Buffer::as_entire_binding).into_iter().chain(kept);
        let bound_reduce =
            gpu.guarded(|| kernels.reduce.bind(&gpu.device, [scratch.tile()].into_iter().chain(reduced).collect()))?;
        let pass = Pass { plan, kernels, scratch, bound, bound_reduce, pace: Pace::default() };
        gpu.guarded(|| {
            for (i, (_, tile)) in pass.plan.tiles.iter().enumerate() {
                pass.write_tile(gpu, i, tile);
            }
        })?;
        Ok(pass)
    }

    /// What is left when it is over: its buffers, with their labels.
    pub(super) fn into_buffers(self) -> Vec<(&'static str, Buffer)> {
        self.scratch.into_buffers()
    }

    /// The plan.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// E step and M step over the samples that are on the device.
    pub(super) fn sum(
        &self,
        gpu: &Gpu,
        samples: &DeviceSamples,
        model: &Quadratics,
        assignment: Assignment,
        expected: Expected,
    ) -> Result<Totals> {
        self.sum_tiles(gpu, samples, model, expected, self.tiles(assignment))
    }

    /// The same over some of the tiles.
    pub(super) fn sum_tiles(
        &self,
        gpu: &Gpu,
        samples: &DeviceSamples,
        model: &Quadratics,
        expected: Expected,
        tiles: Range<usize>,
    ) -> Result<Totals> {
        let (reference, covariances) = self.write_all(gpu, samples, model, expected)?;
        let mut commands = encoder(gpu);
        // Not those of the pass before, should the kernels do nothing.
        commands.clear_buffer(&self.scratch.totals, 0, None);
        let mut waiting = 0;
        for i in tiles {
            if waiting == self.pace.tiles_at_once(&self.plan) {
                self.pace.submit(gpu, std::mem::replace(&mut commands, encoder(gpu)), waiting)?;
                waiting = 0;
            }
            let mut pass = commands.begin_compute_pass(&ComputePassDescriptor::default());
            self.steps(i).iter().for_each(|step| step.dispatch(&mut pass));
            waiting += 1;
        }
        let mut numbers = vec![0.0; self.plan.layout.sums.numbers()];
        for slot in self.read_totals(gpu, commands)?.chunks_exact(numbers.len()) {
            numbers.iter_mut().zip(slot).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        Ok(Totals { numbers, reference, covariances })
    }

    /// Hands over the last commands of a pass; reads back all sets of totals.
    fn read_totals(&self, gpu: &Gpu, mut commands: CommandEncoder) -> Result<Vec<f32>> {
        let bytes = self.plan.total_bytes();
        commands.copy_buffer_to_buffer(&self.scratch.totals, 0, &self.scratch.staging, 0, bytes);
        let read = gpu.submit_and_read(commands, &self.scratch.staging, bytes)?;
        Ok(bytemuck::pod_collect_to_vec(&read))
    }

    /// The kernels.
    pub(super) fn kernels(&self) -> Vec<&Kernel> {
        let Kernels { kept_components, log_density, merge, posterior, moments, reduce } = &self.kernels;
        kept_components.iter().chain([log_density, merge, posterior, moments, reduce]).map(|kernel| &**kernel).collect()
    }

    /// Tiles of a pass.
    pub(super) fn tiles(&self, assignment: Assignment) -> Range<usize> {
        let half = self.plan.tiles.len() / 2;
        match assignment {
            Assignment::Soft => 0..half,
            Assignment::Hard => half..self.plan.tiles.len(),
        }
    }

    /// E step and M step over a tile.
    pub(super) fn steps(&self, index: usize) -> Vec<Step<'_>> {
        let (chunk, tile) = &self.plan.tiles[index];
        self.steps_of(*chunk, index, tile, 0)
    }

    /// E step and M step over a tile of a chunk that was written in a place, with a set of parameters.
    fn steps_of(&self, chunk: usize, index: usize, tile: &Tile, parameters: usize) -> Vec<Step<'_>> {
        let (kernels, bound) = (&self.kernels, &self.bound[chunk]);
        let step =
            |kernel, bound, workgroups| Step { kernel, bound, offsets: vec![self.tile_offset(index)], workgroups };
        let marking = kernels.kept_components.as_deref().zip(bound.kept_components.as_ref());
        let mut steps: Vec<Step> =
            marking.map(|(kernel, bound)| step(kernel, bound, tile.groups)).into_iter().collect();
        steps.extend(self.log_densities(chunk, index, tile, parameters));
        steps.push(match tile.hard {
            0 => step(&*kernels.merge, &bound.merge, tile.groups),
            _ => step(&kernels.posterior, &bound.posterior, tile.groups),
        });
        steps.push(step(&kernels.moments, &bound.moments, self.plan.moment_workgroups(tile)));
        steps.push(step(&kernels.reduce, &self.bound_reduce, self.plan.layout.sums.reductions() as u32));
        steps
    }

    /// E step over some groups of one chunk, no more than a tile has; reads back what it says of each sample.
    pub(super) fn assess(&self, gpu: &Gpu, chunk: usize, groups: Range<usize>) -> Result<Assessed> {
        let Scratch { assessed, staging, .. } = &self.scratch;
        let (stride, bytes) = (self.plan.sample_bytes(self.plan.tile_groups), self.plan.sample_bytes(groups.len()));
        let mut encoder = self.e_step_over(gpu, chunk, groups);
        encoder.copy_buffer_to_buffer(assessed, 0, staging, 0, bytes);
        encoder.copy_buffer_to_buffer(assessed, stride, staging, bytes, bytes);
        let read = gpu.submit_and_read(encoder, staging, 2 * bytes)?;
        let (log_densities, labels) = read.split_at(bytes as usize);
        let labels: Vec<u32> = bytemuck::pod_collect_to_vec(labels);
        let labels: Option<Vec<u32>> = labels.into_iter().map(|label| label.checked_sub(1)).collect();
        let Some(labels) = labels else {
            let detail = "samples were given no label".to_owned();
            return Err(Error::WrongResults { device: gpu.info().name.clone(), detail });
        };
        Ok(Assessed { log_densities: bytemuck::pod_collect_to_vec(log_densities), labels })
    }

    /// E step over some groups of one chunk, at most [`Plan::response_groups`]; reads back the log-densities of the
    /// components, less the reference: `[K, groups x GROUP]`.
    pub(super) fn component_log_densities(&self, gpu: &Gpu, chunk: usize, groups: Range<usize>) -> Result<Vec<f32>> {
        let Scratch { densities, staging, .. } = &self.scratch;
        let (stride, bytes) = (self.plan.sample_bytes(self.plan.tile_groups), self.plan.sample_bytes(groups.len()));
        let k = self.plan.layout.k as u64;
        let mut encoder = self.e_step_over(gpu, chunk, groups);
        for k in 0..k {
            encoder.copy_buffer_to_buffer(densities, k * stride, staging, k * bytes, bytes);
        }
        let read = gpu.submit_and_read(encoder, staging, k * bytes)?;
        Ok(bytemuck::pod_collect_to_vec(&read))
    }

    /// Writes what both steps read; returns what is taken off every log-density, and off the second moments.
    pub(super) fn write_all(
        &self,
        gpu: &Gpu,
        samples: &DeviceSamples,
        model: &Quadratics,
        expected: Expected,
    ) -> Result<(f64, Vec<f32>)> {
        let reference = self.write_model(gpu, samples, model)?;
        Ok((reference, self.write_expected(gpu, samples, model, expected)?))
    }

    /// Writes what is taken off second moments, and returns it.
    pub(super) fn write_expected(
        &self,
        gpu: &Gpu,
        samples: &DeviceSamples,
        model: &Quadratics,
        expected: Expected,
    ) -> Result<Vec<f32>> {
        let mut covariances = self.plan.layout.sums.covariances(model, &samples.coordinates);
        if expected == Expected::Nothing {
            covariances.fill(0.0);
        }
        gpu.guarded(|| gpu.queue.write_buffer(&self.scratch.covariances, 0, bytemuck::cast_slice(&covariances)))?;
        Ok(covariances)
    }

    /// Writes the means that the M step reads.
    pub(super) fn write_means(&self, gpu: &Gpu, samples: &DeviceSamples, model: &Quadratics) -> Result<()> {
        let layout = &self.plan.layout;
        let means = layout.sums.means(&layout.means(model, &samples.coordinates));
        gpu.guarded(|| gpu.queue.write_buffer(&self.scratch.means, 0, bytemuck::cast_slice(&means)))
    }

    /// Writes a set of parameters of the E step: constants of the components, and what features take from them.
    fn write_parameters(
        &self,
        gpu: &Gpu,
        samples: &DeviceSamples,
        model: &Quadratics,
        constants: (&Array1<f64>, Option<&Array2<f64>>),
        set: usize,
    ) {
        for (i, window) in self.plan.windows.iter().enumerate() {
            let parameters = self.plan.layout.parameters(model, &samples.coordinates, constants, window);
            let offset = set as u64 * self.plan.pattern_bytes() + i as u64 * self.plan.window_stride;
            gpu.queue.write_buffer(&self.scratch.parameters, offset, bytemuck::cast_slice(&parameters));
        }
    }

    /// Writes a model's parameters; returns what they take off every log-density. Of samples of which values may be missing,
    /// each feature that is there has its own share of that beside it.
    pub(super) fn write_model(&self, gpu: &Gpu, samples: &DeviceSamples, model: &Quadratics) -> Result<f64> {
        let layout = &self.plan.layout;
        let normaliser = (layout.gaps == Gaps::OfFeatures).then(|| Normaliser::of(model));
        let reference = normaliser.as_ref().map_or(model.typical(), |normaliser| normaliser.reference);
        let constants =
            normaliser.as_ref().map_or_else(|| model.constants().clone(), |_| model.log_weights()) - reference;
        self.write_means(gpu, samples, model)?;
        gpu.guarded(|| {
            let taken = normaliser.as_ref().map(|normaliser| &normaliser.taken);
            self.write_parameters(gpu, samples, model, (&constants, taken), 0);
            if let Some(marking) = &self.scratch.marking {
                let bounds = layout.bounds(model, &samples.coordinates, &constants);
                gpu.queue.write_buffer(&marking.factors, 0, bytemuck::cast_slice(&bounds));
            }
        })?;
        Ok(reference)
    }

    fn e_step_over(&self, gpu: &Gpu, chunk: usize, groups: Range<usize>) -> CommandEncoder {
        let tile = Tile { first_group: groups.start as u32, groups: groups.len() as u32, ..self.plan.tiles[0].1 };
        let spare = self.plan.tiles.len();
        self.write_tile(gpu, spare, &tile);
        let mut encoder = encoder(gpu);
        encoder.clear_buffer(&self.scratch.assessed, 0, None);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
        self.log_densities(chunk, spare, &tile, 0).iter().for_each(|step| step.dispatch(&mut pass));
        let offsets = [self.tile_offset(spare)];
        self.kernels.posterior.dispatch(&mut pass, &self.bound[chunk].posterior, &offsets, tile.groups);
        drop(pass);
        encoder
    }

    /// The log-densities of all components by a set of parameters, window by window.
    fn log_densities(&self, chunk: usize, tile_index: usize, tile: &Tile, set: usize) -> Vec<Step<'_>> {
        let (kernel, bound, offset) = (&*self.kernels.log_density, &self.bound[chunk], self.tile_offset(tile_index));
        let first = set as u64 * self.plan.pattern_bytes();
        let step = |(i, window): (usize, &Window)| Step {
            kernel,
            bound: &bound.log_density,
            offsets: vec![offset, (first + i as u64 * self.plan.window_stride) as u32],
            workgroups: tile.groups * window.slices() as u32,
        };
        self.plan.windows.iter().enumerate().map(step).collect()
    }

    fn tile_offset(&self, index: usize) -> u32 {
        (index as u64 * self.plan.tile_stride) as u32
    }

    fn write_tile(&self, gpu: &Gpu, index: usize, tile: &Tile) {
        let offset = u64::from(self.tile_offset(index));
        gpu.queue.write_buffer(&self.scratch.tiles, offset, bytemuck::bytes_of(tile));
    }
}

pub(super) fn encoder(gpu: &Gpu) -> CommandEncoder {
    gpu.device.create_command_encoder(&CommandEncoderDescriptor::default())
}

mod patterns;
mod scratch;
#[cfg(test)]
mod tests;
