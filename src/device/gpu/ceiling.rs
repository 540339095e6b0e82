//! The ceiling of an adapter, measured: multiply-adds in registers, and a copy within its memory.

use wgpu::{Buffer, BufferUsages, CommandEncoderDescriptor, ComputePassDescriptor};

use super::context::Gpu;
use super::e_step::MOST_TRIPS;
use super::kernel::{Binding, GROUP, KernelSource, LANES};
use crate::device::ceiling::{Ceiling, best_rate};
use crate::error::Result;

/// Loop trips of the multiply-adds.
const TRIPS: usize = 500;
const _: () = assert!(TRIPS <= MOST_TRIPS);

/// Most workgroups of one dispatch of multiply-adds: a moment's work, and no more than one dimension takes.
const MOST_WORKGROUPS: usize = 1 << 15;

/// Bytes of a vector of four numbers.
const VECTOR: u64 = 16;

/// Groups of vectors copied, where the adapter binds as many: 256 MiB, far more than caches hold, and no more
/// workgroups than one dimension of a dispatch takes.
const MOST_GROUPS: u64 = 65_535;

pub(super) fn multiply_add() -> KernelSource {
    KernelSource {
        stage: "multiply_add",
        body: include_str!("../../../shaders/multiply_add.wgsl"),
        header: format!("const TRIPS = {TRIPS}u;\n"),
        bindings: vec![Binding::Read, Binding::Write],
    }
}

pub(super) fn copy() -> KernelSource {
    KernelSource {
        stage: "copy",
        body: include_str!("../../../shaders/copy.wgsl"),
        header: String::new(),
        bindings: vec![Binding::Read, Binding::Write],
    }
}

impl Gpu {
    /// Measures the ceiling, in f32.
    pub(crate) fn ceiling(&self) -> Result<Ceiling> {
        Ok(Ceiling { gflops: self.multiply_adds()? / 1e9, gbytes_per_second: self.copies()? / 1e9 })
    }

    /// Floating-point operations a second.
    fn multiply_adds(&self) -> Result<f64> {
        let run = self.counter()?;
        best_rate(|workgroups| {
            let counts = run(workgroups.div_ceil(MOST_WORKGROUPS), workgroups.min(MOST_WORKGROUPS))?;
            let in_workgroup: f64 = counts.into_iter().map(f64::from).sum();
            Ok(2.0 * in_workgroup * workgroups as f64)
        })
    }

    /// Runner of a number of dispatches of a number of workgroups of multiply-adds; it returns the counts of one
    /// workgroup.
    fn counter(&self) -> Result<impl Fn(usize, usize) -> Result<Vec<f32>>> {
        let bytes = LANES as u64 * VECTOR;
        let numbers = self.buffer("numbers", 5 * VECTOR, BufferUsages::STORAGE | BufferUsages::COPY_DST)?;
        let counts = self.buffer("counts", bytes, BufferUsages::STORAGE | BufferUsages::COPY_SRC)?;
        let ones = [1.0_f32; 8];
        self.guarded(|| self.queue.write_buffer(&numbers, 0, bytemuck::cast_slice(&ones)))?;
        self.runner(multiply_add(), [numbers, counts], bytes)
    }

    /// Bytes a second, read and written.
    fn copies(&self) -> Result<f64> {
        let group = (GROUP * size_of::<[f32; 4]>()) as u64;
        let largest = self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size);
        let groups = MOST_GROUPS.min(largest / group);
        let bytes = groups * group;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let original = self.buffer("original", bytes, usage)?;
        let duplicate = self.buffer("duplicate", bytes, usage)?;
        let run = self.runner(copy(), [original, duplicate], VECTOR)?;
        best_rate(|dispatches| {
            run(dispatches, groups as usize)?;
            Ok((2 * bytes) as f64 * dispatches as f64)
        })
    }

    /// Runner that dispatches a kernel a number of times with a number of workgroups, and reads back the first bytes of
    /// its second buffer.
    fn runner(
        &self,
        source: KernelSource,
        buffers: [Buffer; 2],
        bytes: u64,
    ) -> Result<impl Fn(usize, usize) -> Result<Vec<f32>>> {
        let kernel = self.kernel(source)?;
        let bound =
            self.guarded(|| kernel.bind(&self.device, buffers.iter().map(Buffer::as_entire_binding).collect()))?;
        let staging = self.staging(bytes)?;
        let [_, result] = buffers;
        Ok(move |dispatches: usize, workgroups: usize| {
            let mut commands = self.device.create_command_encoder(&CommandEncoderDescriptor::default());
            let mut pass = commands.begin_compute_pass(&ComputePassDescriptor::default());
            for _ in 0..dispatches {
                kernel.dispatch(&mut pass, &bound, &[], workgroups as u32);
            }
            drop(pass);
            commands.copy_buffer_to_buffer(&result, 0, &staging, 0, bytes);
            Ok(bytemuck::pod_collect_to_vec(&self.submit_and_read(commands, &staging, bytes)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::gpu::context::tests::open;

    #[test]
    fn every_lane_counts_all_its_multiply_adds() {
        let Some(gpu) = open() else { return };
        let counts = gpu.counter().unwrap()(2, 3).unwrap();
        assert_eq!(counts, [(3 * 8 * TRIPS) as f32; 4 * LANES]);
    }

    #[test]
    fn the_copy_is_the_original() {
        let Some(gpu) = open() else { return };
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let values: Vec<f32> = (0..3 * 4 * GROUP).map(|x| x as f32).collect();
        let bytes = size_of_val(values.as_slice()) as u64;
        let (original, duplicate) =
            (gpu.buffer("original", bytes, usage).unwrap(), gpu.buffer("duplicate", bytes, usage).unwrap());
        gpu.queue.write_buffer(&original, 0, bytemuck::cast_slice(&values));
        // One workgroup more than there are groups does no harm.
        let copied = gpu.runner(copy(), [original, duplicate], bytes).unwrap()(1, 4).unwrap();
        assert_eq!(copied, values);
    }

    #[test]
    fn the_ceiling_is_that_of_an_adapter() {
        let Some(gpu) = open() else { return };
        let ceiling = gpu.ceiling().unwrap();
        // A processor in the place of an adapter has at most 16 lanes and 48 GFLOP/s in each, as for the processor
        // itself; an adapter lies between the graphics of a small board and twice the largest accelerator.
        let threads = rayon::current_num_threads() as f64;
        let (gflops, gbytes_per_second) = match gpu.info().device_type.as_str() {
            "software" => (0.2..16.0 * 48.0 * threads, 0.2..2e3),
            _ => (10.0..2e5, 2.0..2e4),
        };
        assert!(gflops.contains(&ceiling.gflops), "{ceiling:?}, expected in {gflops:?}");
        assert!(gbytes_per_second.contains(&ceiling.gbytes_per_second), "{ceiling:?}");
    }
}
