//! The time of each kernel, from timestamps of the adapter. They are taken in a pass of their own, so that no other
//! pass pays for them.

use std::ops::Range;

use wgpu::{BufferUsages, ComputePassDescriptor, ComputePassTimestampWrites, QuerySetDescriptor, QueryType};

use super::context::Gpu;
use super::pass::{Expected, Pass, encoder};
use super::samples::DeviceSamples;
use crate::device::backend::KernelTime;
use crate::device::task::Assignment;
use crate::error::Result;
use crate::model::quadratics::Quadratics;

impl Pass {
    /// The time of each kernel in a soft pass, in the order in which they run; nothing where the adapter has no
    /// timestamps.
    pub(super) fn kernel_times(
        &self,
        gpu: &Gpu,
        samples: &DeviceSamples,
        model: &Quadratics,
    ) -> Result<Vec<KernelTime>> {
        if !gpu.timestamps {
            return Ok(Vec::new());
        }
        self.write_all(gpu, samples, model, Expected::Covariances)?;
        self.tile_times(gpu, self.tiles(Assignment::Soft))
    }

    /// The time of each kernel over some tiles, with a model that was written, by timestamps.
    pub(super) fn tile_times(&self, gpu: &Gpu, tiles: Range<usize>) -> Result<Vec<KernelTime>> {
        let mut times: Vec<KernelTime> = Vec::new();
        let tick = f64::from(gpu.queue.get_timestamp_period()) * 1e-9;
        for tile in tiles {
            let steps = self.steps(tile);
            // All windows of a kernel are one stretch of time.
            let stretches: Vec<_> = steps.chunk_by(|a, b| a.kernel.stage == b.kernel.stage).collect();
            let count = 2 * stretches.len() as u32;
            let bytes = u64::from(count) * wgpu::QUERY_SIZE as u64;
            let resolved = gpu.buffer("timestamps", bytes, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC)?;
            let staging = gpu.staging(bytes)?;
            let queries = gpu.guarded(|| {
                gpu.device.create_query_set(&QuerySetDescriptor { label: None, ty: QueryType::Timestamp, count })
            })?;
            let mut commands = encoder(gpu);
            for (stretch, first) in stretches.iter().zip((0..).step_by(2)) {
                let timestamp_writes = Some(ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(first),
                    end_of_pass_write_index: Some(first + 1),
                });
                let mut pass = commands.begin_compute_pass(&ComputePassDescriptor { label: None, timestamp_writes });
                stretch.iter().for_each(|step| step.dispatch(&mut pass));
            }
            commands.resolve_query_set(&queries, 0..count, &resolved, 0);
            commands.copy_buffer_to_buffer(&resolved, 0, &staging, 0, bytes);
            let read = gpu.submit_and_read(commands, &staging, bytes)?;
            let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&read);
            for (stretch, ticks) in stretches.iter().zip(ticks.chunks_exact(2)) {
                let (kernel, seconds) = (stretch[0].kernel.stage, ticks[1].saturating_sub(ticks[0]) as f64 * tick);
                match times.iter_mut().find(|time| time.kernel == kernel) {
                    Some(time) => time.seconds += seconds,
                    None => times.push(KernelTime { kernel, seconds }),
                }
            }
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use crate::data::points::Points;
    use crate::device::backend::Backend;
    use crate::device::gpu::context::tests::open;
    use crate::model::covariance::CovarianceArray;
    use crate::model::mixture::Mixture;

    #[test]
    fn kernels_have_times_where_there_are_timestamps_and_none_elsewhere() {
        let Some(mut gpu) = open() else { return };
        let points = Points::new(Array2::from_shape_fn((5000, 2), |(n, i)| ((n * 7 + i * 3) % 11) as f64)).unwrap();
        let mixture = Mixture::new(array![1.0], array![[5.0, 5.0]], CovarianceArray::Spherical(array![9.0])).unwrap();
        let times = gpu.load(std::sync::Arc::new(&points), None).unwrap().kernel_times(&mixture).unwrap();
        if gpu.timestamps {
            let kernels: Vec<_> = times.iter().map(|time| time.kernel).collect();
            let stages = ["log_density_diagonal", "merge", "moments", "reduce"];
            assert_eq!(kernels, stages);
            assert!(times.iter().all(|time| (0.0..10.0).contains(&time.seconds)), "{times:?}");
            assert!(times.iter().any(|time| time.seconds > 0.0), "{times:?}");
        }
        gpu.timestamps = false;
        assert_eq!(gpu.load(std::sync::Arc::new(&points), None).unwrap().kernel_times(&mixture).unwrap(), []);
    }
}
