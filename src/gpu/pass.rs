//! One pass over the samples: the dispatches, and the scratch they share.
//!
//! The samples are taken in tiles of some groups. The responsibilities of one tile, never those of all samples, are in
//! the scratch at a time; its sums are added to totals, which alone are read back.

use std::ops::Range;
use std::sync::Arc;

use wgpu::{
    BindGroup, BindingResource, Buffer, BufferBinding, BufferSize, BufferUsages, CommandEncoder,
    CommandEncoderDescriptor, ComputePass, ComputePassDescriptor,
};

use super::context::Gpu;
use super::kernel::Kernel;
use super::layout::{Layout, Tile, vectors};
use super::samples::{Chunk, DeviceSamples, GROUP};
use crate::backend::Assignment;
use crate::error::{Error, Result};
use crate::mixture::Mixture;

/// Scratch for what belongs to the samples of a tile; a single group may need more.
const SAMPLE_SCRATCH: usize = 24 << 20;
/// Scratch for the sums of a tile's ranges; a single set may need more.
const SUM_SCRATCH: usize = 12 << 20;
/// Scratch for totals; a single set may need more.
const TOTAL_SCRATCH: usize = 4 << 20;

/// Multiply-adds of a tile. Some systems kill a dispatch that takes longer than 2 s: on a slow integrated adapter this
/// takes a tenth of that.
const MOST_WORK: usize = 10_000_000_000;

/// Workgroups of the M step that are enough for a large adapter.
const ENOUGH_WORKGROUPS: usize = 4096;

/// Groups of a range that are worth the cost of adding up the lanes of a workgroup.
const LEAST_RANGE_GROUPS: usize = 16;

/// Bytes of a vector of four numbers.
const VECTOR: u64 = 16;

/// A set of totals of one pass, added up in f64.
pub(super) struct Totals {
    pub(super) numbers: Vec<f64>,
    /// What was taken off every log-density.
    pub(super) reference: f64,
    /// Covariances that were taken off the second moments, once for each unit of a component's count.
    pub(super) covariances: Vec<f32>,
}

/// What the E step made of some samples.
pub(super) struct Assessed {
    /// Log-densities less the reference.
    pub(super) log_densities: Vec<f32>,
    pub(super) labels: Vec<u32>,
}

/// Kernels, scratch and bindings for models of one layout over the samples of one backend.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) layout: Layout,
    kernels: Kernels,
    /// Tiles of a soft pass, of a hard pass, and one for a part of the samples.
    tiles: Vec<(usize, Tile)>,
    tile_buffer: Buffer,
    tile_stride: u64,
    tile_groups: usize,
    windows: Vec<Range<usize>>,
    window_stride: u64,
    parameters: Buffer,
    means: Buffer,
    covariances: Buffer,
    densities: Buffer,
    log_densities: Buffer,
    labels: Buffer,
    totals: Buffer,
    slots: usize,
    staging: Buffer,
    bound: Vec<BoundChunk>,
    bound_reduce: BindGroup,
}

#[derive(Debug)]
struct Kernels {
    log_density: Arc<Kernel>,
    posterior: Arc<Kernel>,
    log_likelihood: Arc<Kernel>,
    moments: Arc<Kernel>,
    reduce: Arc<Kernel>,
}

/// Bindings of the stages that read the samples of one chunk.
#[derive(Debug)]
struct BoundChunk {
    log_density: BindGroup,
    posterior: BindGroup,
    log_likelihood: BindGroup,
    moments: BindGroup,
}

impl Pass {
    pub(super) fn new(gpu: &Gpu, samples: &DeviceSamples, layout: Layout) -> Result<Self> {
        let limits = &gpu.limits;
        let uniform_bytes = limits.max_uniform_buffer_binding_size as usize;
        let storage_bytes = limits.max_storage_buffer_binding_size as usize;
        let uniform = layout.window(uniform_bytes) > 0;
        let window = layout.window(if uniform { uniform_bytes } else { storage_bytes });
        if window == 0 {
            let detail = format!("{} features are more than its kernels take", layout.d);
            return Err(Error::Device { device: gpu.info().name.clone(), detail });
        }
        let kernels = Kernels {
            log_density: gpu.kernel(layout.log_density(uniform, window))?,
            posterior: gpu.kernel(layout.posterior())?,
            log_likelihood: gpu.kernel(layout.log_likelihood())?,
            moments: gpu.kernel(layout.moments())?,
            reduce: gpu.kernel(layout.reduce())?,
        };

        let (padded, set_bytes) = (layout.padded_components(), layout.statistics() * size_of::<f32>());
        let windows: Vec<_> = (0..padded).step_by(window).map(|first| first..(first + window).min(padded)).collect();
        let alignment = limits.min_uniform_buffer_offset_alignment.max(limits.min_storage_buffer_offset_alignment);
        let window_bytes = layout.window_vectors(window) as u64 * VECTOR;
        let window_stride = window_bytes.next_multiple_of(alignment.into());
        let tile_stride = (size_of::<Tile>() as u64).next_multiple_of(alignment.into());

        let most_ranges = (SUM_SCRATCH / set_bytes).max(1);
        let tile_groups = (SAMPLE_SCRATCH / (GROUP * (padded + 3) * size_of::<f32>()))
            .min(most_ranges * layout.most_range_groups())
            .min(MOST_WORK / layout.group_work())
            .min(samples.chunks[0].groups)
            .max(1);
        let ranges = (ENOUGH_WORKGROUPS / (layout.k * layout.sum_blocks()))
            .min(tile_groups / LEAST_RANGE_GROUPS)
            .max(tile_groups.div_ceil(layout.most_range_groups()))
            .clamp(1, most_ranges.min(tile_groups));
        let (tiles, slots) = tiles(&layout, &samples.chunks, tile_groups, ranges, TOTAL_SCRATCH / set_bytes);

        let scratch = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let written = BufferUsages::COPY_DST;
        let per_sample = vectors(tile_groups) as u64 * VECTOR;
        let tile_buffer =
            gpu.buffer("tiles", (tiles.len() + 1) as u64 * tile_stride, BufferUsages::UNIFORM | written)?;
        let parameters = gpu.buffer(
            "parameters",
            windows.len() as u64 * window_stride,
            written | if uniform { BufferUsages::UNIFORM } else { BufferUsages::STORAGE },
        )?;
        let means =
            gpu.buffer("means", (layout.k * layout.d * size_of::<f32>()) as u64, BufferUsages::STORAGE | written)?;
        let covariances = gpu.buffer("covariances", set_bytes as u64, BufferUsages::STORAGE | written)?;
        let densities = gpu.buffer("responsibilities", padded as u64 * per_sample, scratch)?;
        let log_densities = gpu.buffer("log-densities", per_sample, scratch)?;
        let labels = gpu.buffer("labels", per_sample, scratch)?;
        let scales = gpu.buffer("scales", per_sample, scratch)?;
        let sums = gpu.buffer("sums", (ranges * set_bytes) as u64, scratch)?;
        let totals = gpu.buffer("totals", (slots * set_bytes) as u64, scratch)?;
        let staging_bytes =
            ((slots * set_bytes) as u64).max(2 * per_sample).max(layout.k as u64 * vectors(1) as u64 * VECTOR);
        let staging = gpu.buffer("staging", staging_bytes, BufferUsages::MAP_READ | written)?;

        let part =
            |buffer, size| BindingResource::Buffer(BufferBinding { buffer, offset: 0, size: BufferSize::new(size) });
        let tile = || part(&tile_buffer, size_of::<Tile>() as u64);
        let bind = |kernel: &Kernel, resources| gpu.guarded(|| kernel.bind(&gpu.device, resources));
        let bound = samples
            .chunks
            .iter()
            .map(|chunk| {
                let (samples, weights) = (chunk.samples.as_entire_binding(), chunk.weights.as_entire_binding());
                Ok(BoundChunk {
                    log_density: bind(
                        &kernels.log_density,
                        vec![tile(), part(&parameters, window_bytes), samples.clone(), densities.as_entire_binding()],
                    )?,
                    posterior: bind(
                        &kernels.posterior,
                        vec![
                            tile(),
                            weights.clone(),
                            densities.as_entire_binding(),
                            log_densities.as_entire_binding(),
                            labels.as_entire_binding(),
                            scales.as_entire_binding(),
                        ],
                    )?,
                    log_likelihood: bind(
                        &kernels.log_likelihood,
                        vec![tile(), weights, log_densities.as_entire_binding(), sums.as_entire_binding()],
                    )?,
                    moments: bind(
                        &kernels.moments,
                        vec![
                            tile(),
                            samples,
                            means.as_entire_binding(),
                            densities.as_entire_binding(),
                            scales.as_entire_binding(),
                            covariances.as_entire_binding(),
                            sums.as_entire_binding(),
                        ],
                    )?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let bound_reduce = bind(&kernels.reduce, vec![tile(), sums.as_entire_binding(), totals.as_entire_binding()])?;

        let pass = Pass {
            layout,
            kernels,
            tiles,
            tile_buffer,
            tile_stride,
            tile_groups,
            windows,
            window_stride,
            parameters,
            means,
            covariances,
            densities,
            log_densities,
            labels,
            totals,
            slots,
            staging,
            bound,
            bound_reduce,
        };
        for (i, (_, tile)) in pass.tiles.iter().enumerate() {
            pass.write_tile(gpu, i, tile);
        }
        Ok(pass)
    }

    /// E step and M step over all samples.
    pub(super) fn totals(
        &self,
        gpu: &Gpu,
        samples: &DeviceSamples,
        mixture: &Mixture,
        assignment: Assignment,
    ) -> Result<Totals> {
        let reference = self.write_model(gpu, samples, mixture)?;
        let covariances = self.layout.covariances(mixture, &samples.coordinates);
        gpu.guarded(|| gpu.queue.write_buffer(&self.covariances, 0, bytemuck::cast_slice(&covariances)))?;
        let half = self.tiles.len() / 2;
        let chosen = match assignment {
            Assignment::Soft => 0..half,
            Assignment::Hard => half..self.tiles.len(),
        };
        let mut encoder = encoder(gpu);
        {
            let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
            for i in chosen {
                let (chunk, tile) = &self.tiles[i];
                self.e_step(&mut pass, *chunk, i, tile);
                let offset = [self.tile_offset(i)];
                let bound = &self.bound[*chunk];
                self.kernels.log_likelihood.dispatch(&mut pass, &bound.log_likelihood, &offset, tile.ranges);
                let blocks = (self.layout.k * self.layout.sum_blocks()) as u32;
                self.kernels.moments.dispatch(&mut pass, &bound.moments, &offset, tile.ranges * blocks);
                let workgroups = tile.statistics.div_ceil(64);
                self.kernels.reduce.dispatch(&mut pass, &self.bound_reduce, &offset, workgroups);
            }
        }
        let set = self.layout.statistics();
        let bytes = (self.slots * set * size_of::<f32>()) as u64;
        encoder.copy_buffer_to_buffer(&self.totals, 0, &self.staging, 0, bytes);
        let read = gpu.submit_and_read(encoder, &self.staging, bytes)?;
        let mut numbers = vec![0.0; set];
        for slot in bytemuck::cast_slice::<u8, f32>(&read).chunks_exact(set) {
            numbers.iter_mut().zip(slot).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        Ok(Totals { numbers, reference, covariances })
    }

    /// E step over some groups of one chunk, at most [`Pass::tile_groups`]; reads back what it says of each sample.
    pub(super) fn assess(&self, gpu: &Gpu, chunk: usize, groups: Range<usize>) -> Result<Assessed> {
        let bytes = vectors(groups.len()) as u64 * VECTOR;
        let mut encoder = self.e_step_over(gpu, chunk, groups);
        encoder.copy_buffer_to_buffer(&self.log_densities, 0, &self.staging, 0, bytes);
        encoder.copy_buffer_to_buffer(&self.labels, 0, &self.staging, bytes, bytes);
        let read = gpu.submit_and_read(encoder, &self.staging, 2 * bytes)?;
        let (log_densities, labels) = read.split_at(bytes as usize);
        Ok(Assessed {
            log_densities: bytemuck::pod_collect_to_vec(log_densities),
            labels: bytemuck::pod_collect_to_vec(labels),
        })
    }

    /// E step over some groups of one chunk, at most [`Pass::response_groups`]; reads back the responsibilities, not
    /// normalised: [K, groups x GROUP].
    pub(super) fn responses(&self, gpu: &Gpu, chunk: usize, groups: Range<usize>) -> Result<Vec<f32>> {
        let bytes = vectors(groups.len()) as u64 * VECTOR;
        let stride = vectors(self.tile_groups) as u64 * VECTOR;
        let mut encoder = self.e_step_over(gpu, chunk, groups);
        for k in 0..self.layout.k as u64 {
            encoder.copy_buffer_to_buffer(&self.densities, k * stride, &self.staging, k * bytes, bytes);
        }
        let read = gpu.submit_and_read(encoder, &self.staging, self.layout.k as u64 * bytes)?;
        Ok(bytemuck::pod_collect_to_vec(&read))
    }

    /// Groups that [`Pass::assess`] takes at a time.
    pub(super) fn tile_groups(&self) -> usize {
        self.tile_groups
    }

    /// Groups that [`Pass::responses`] takes at a time.
    pub(super) fn response_groups(&self) -> usize {
        let group_bytes = self.layout.k as u64 * vectors(1) as u64 * VECTOR;
        ((self.staging.size() / group_bytes) as usize).clamp(1, self.tile_groups)
    }

    /// Writes a model's parameters; returns what they take off every log-density.
    pub(super) fn write_model(&self, gpu: &Gpu, samples: &DeviceSamples, mixture: &Mixture) -> Result<f64> {
        let reference = self.layout.reference(mixture);
        let means = self.layout.means(mixture, &samples.coordinates);
        gpu.guarded(|| {
            for (i, window) in self.windows.iter().enumerate() {
                let parameters = self.layout.parameters(mixture, &samples.coordinates, reference, window.clone());
                let offset = i as u64 * self.window_stride;
                gpu.queue.write_buffer(&self.parameters, offset, bytemuck::cast_slice(&parameters));
            }
            gpu.queue.write_buffer(&self.means, 0, bytemuck::cast_slice(&means));
        })?;
        Ok(reference)
    }

    fn e_step_over(&self, gpu: &Gpu, chunk: usize, groups: Range<usize>) -> CommandEncoder {
        let tile = Tile { first_group: groups.start as u32, groups: groups.len() as u32, ..self.tiles[0].1 };
        let spare = self.tiles.len();
        self.write_tile(gpu, spare, &tile);
        let mut encoder = encoder(gpu);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
        self.e_step(&mut pass, chunk, spare, &tile);
        drop(pass);
        encoder
    }

    fn e_step(&self, pass: &mut ComputePass, chunk: usize, tile_index: usize, tile: &Tile) {
        let offset = self.tile_offset(tile_index);
        let bound = &self.bound[chunk];
        for window in 0..self.windows.len() {
            let offsets = [offset, (window as u64 * self.window_stride) as u32];
            self.kernels.log_density.dispatch(pass, &bound.log_density, &offsets, tile.groups);
        }
        self.kernels.posterior.dispatch(pass, &bound.posterior, &[offset], tile.groups);
    }

    fn tile_offset(&self, index: usize) -> u32 {
        (index as u64 * self.tile_stride) as u32
    }

    fn write_tile(&self, gpu: &Gpu, index: usize, tile: &Tile) {
        gpu.queue.write_buffer(&self.tile_buffer, index as u64 * self.tile_stride, bytemuck::bytes_of(tile));
    }
}

fn encoder(gpu: &Gpu) -> CommandEncoder {
    gpu.device.create_command_encoder(&CommandEncoderDescriptor::default())
}

/// All tiles with the chunk of each, for a soft and then for a hard pass; and the number of sets of totals, at most
/// `most_slots` (one, if that is none), over which the tiles are spread evenly.
fn tiles(
    layout: &Layout,
    chunks: &[Chunk],
    tile_groups: usize,
    ranges: usize,
    most_slots: usize,
) -> (Vec<(usize, Tile)>, usize) {
    let range_groups = tile_groups.div_ceil(ranges);
    let mut soft: Vec<(usize, Tile)> = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        for first_group in (0..chunk.groups).step_by(tile_groups) {
            let groups = tile_groups.min(chunk.groups - first_group);
            let tile = Tile {
                first_group: first_group as u32,
                groups: groups as u32,
                stride: vectors(tile_groups) as u32,
                components: layout.k as u32,
                hard: 0,
                ranges: groups.div_ceil(range_groups) as u32,
                range_groups: range_groups as u32,
                statistics: layout.statistics() as u32,
                slot: 0,
                accumulate: 0,
            };
            soft.push((index, tile));
        }
    }
    let (count, slots) = (soft.len(), soft.len().min(most_slots.max(1)));
    let slot_of = |i: usize| i * slots / count;
    for (i, (_, tile)) in soft.iter_mut().enumerate() {
        tile.slot = slot_of(i) as u32;
        tile.accumulate = u32::from(i > 0 && slot_of(i - 1) == slot_of(i));
    }
    let hard: Vec<_> = soft.iter().map(|(chunk, tile)| (*chunk, Tile { hard: 1, ..*tile })).collect();
    (soft.into_iter().chain(hard).collect(), slots)
}
