//! The samples on the device: shifted and scaled in f64, rounded to f32, in groups that workgroups read as runs.

use rayon::prelude::*;
use wgpu::{Buffer, BufferUsages, CommandEncoderDescriptor};

use super::context::Gpu;
use crate::coordinates::Coordinates;
use crate::error::{Error, Result};
use crate::points::Points;

/// Samples of a group, the unit in which workgroups take them.
pub(crate) const GROUP: usize = 256;
/// Invocations of a workgroup, each with a vector of four samples.
pub(crate) const LANES: usize = 64;

/// Bytes made and handed over at a time.
const UPLOAD_BYTES: usize = 16 << 20;

/// A chunk may be larger where the adapter allows it, but this is enough.
const LARGEST_CHUNK: u64 = 1 << 30;

/// Samples of one buffer.
#[derive(Debug)]
pub(super) struct Chunk {
    /// [groups, D, LANES] vectors of four samples.
    pub(super) samples: Buffer,
    /// [groups, LANES] vectors of four weights; zero for the padding.
    pub(super) weights: Buffer,
    /// First group, among those of all chunks.
    pub(super) first_group: usize,
    pub(super) groups: usize,
}

/// All samples.
#[derive(Debug)]
pub(super) struct DeviceSamples {
    pub(super) chunks: Vec<Chunk>,
    pub(super) coordinates: Coordinates,
    /// Features of one value only: `[D]`.
    pub(super) constant: Vec<bool>,
    /// Weights on the device are divided by this power of two.
    pub(super) weight_unit: f64,
    pub(super) total_weight: f64,
    pub(super) n_samples: usize,
    pub(super) n_features: usize,
}

impl DeviceSamples {
    /// Copies the samples to the device.
    pub(super) fn upload(gpu: &Gpu, points: &Points) -> Result<Self> {
        let (n, d) = (points.n_samples(), points.n_features());
        let (_, variances) = points.feature_moments();
        let coordinates = Coordinates::scaled(points, &variances);
        let constant = variances.iter().map(|variance| *variance == 0.0).collect();
        let mean_weight = points.total_weight() / n as f64;
        let weight_unit = mean_weight.log2().round().exp2();
        let group_bytes = (GROUP * d * size_of::<f32>()) as u64;
        let largest = gpu.limits.max_storage_buffer_binding_size.min(gpu.limits.max_buffer_size).min(LARGEST_CHUNK);
        let groups_per_chunk = (largest / group_bytes) as usize;
        if groups_per_chunk == 0 {
            let detail = format!("{GROUP} samples of {d} features exceed the largest buffer of the adapter");
            return Err(Error::OutOfDeviceMemory { device: gpu.info().name.clone(), detail });
        }
        let groups = n.div_ceil(GROUP);
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let mut chunks = Vec::new();
        for first_group in (0..groups).step_by(groups_per_chunk) {
            let count = groups_per_chunk.min(groups - first_group);
            let samples = gpu.buffer("samples", count as u64 * group_bytes, usage)?;
            let weights = gpu.buffer("sample weights", (count * GROUP * size_of::<f32>()) as u64, usage)?;
            chunks.push(Chunk { samples, weights, first_group, groups: count });
        }
        let samples = DeviceSamples {
            chunks,
            coordinates,
            constant,
            weight_unit,
            total_weight: points.total_weight(),
            n_samples: n,
            n_features: d,
        };
        for chunk in &samples.chunks {
            samples.fill(gpu, points, chunk)?;
        }
        Ok(samples)
    }

    fn fill(&self, gpu: &Gpu, points: &Points, chunk: &Chunk) -> Result<()> {
        let d = self.n_features;
        let group_len = GROUP * d;
        let groups_at_once = (UPLOAD_BYTES / (group_len * size_of::<f32>())).max(1);
        for start in (0..chunk.groups).step_by(groups_at_once) {
            let count = groups_at_once.min(chunk.groups - start);
            let mut values = vec![0.0_f32; count * group_len];
            let mut weights = vec![0.0_f32; count * GROUP];
            let filled: Vec<Result<()>> = values
                .par_chunks_mut(group_len)
                .zip(weights.par_chunks_mut(GROUP))
                .enumerate()
                .map(|(i, (values, weights))| self.fill_group(points, chunk.first_group + start + i, values, weights))
                .collect();
            // The first error in the order of the samples, whichever thread was first to find one.
            filled.into_iter().collect::<Result<()>>()?;
            // The block before was copied while this one was made. Not later: the driver would keep a second copy of
            // everything.
            gpu.flush()?;
            gpu.guarded(|| {
                let offset = (start * group_len * size_of::<f32>()) as u64;
                gpu.queue.write_buffer(&chunk.samples, offset, bytemuck::cast_slice(&values));
                let offset = (start * GROUP * size_of::<f32>()) as u64;
                gpu.queue.write_buffer(&chunk.weights, offset, bytemuck::cast_slice(&weights));
            })?;
            gpu.submit(gpu.device.create_command_encoder(&CommandEncoderDescriptor::default()))?;
        }
        gpu.flush()
    }

    fn fill_group(&self, points: &Points, group: usize, values: &mut [f32], weights: &mut [f32]) -> Result<()> {
        let start = group * GROUP;
        let end = (start + GROUP).min(self.n_samples);
        let mut too_wide = None;
        points.for_each_row(start..end, |i, row| {
            for (feature, &x) in row.iter().enumerate() {
                let mapped = self.coordinates.map(feature, x);
                if !Coordinates::holds(mapped) && too_wide.is_none() {
                    too_wide = Some((i, feature, x));
                }
                values[feature * GROUP + i - start] = mapped as f32;
            }
            weights[i - start] = (points.weight(i) / self.weight_unit) as f32;
        });
        match too_wide {
            None => Ok(()),
            Some((row, feature, value)) => Err(self.coordinates.too_wide(points, row, feature, value)),
        }
    }
}
