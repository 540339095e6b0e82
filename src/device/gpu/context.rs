//! An open adapter: its limits, its kernels, and the errors of its driver made ours.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wgpu::{
    Adapter, Buffer, BufferDescriptor, BufferUsages, CommandEncoder, CommandEncoderDescriptor, Device,
    DeviceDescriptor, DeviceType, ErrorFilter, Features, Limits, MapMode, PollError, PollType, Queue,
};

use super::kept::Kept;
use super::kernel::{Kernel, KernelSource};
use super::pipelines::Pipelines;
use super::spare::Spare;
use super::tried::Tried;
use super::tuner::Tuner;
use super::tuning::Tuning;
use crate::device::choice::{DeviceInfo, Precision};
use crate::device::tune::{Tune, TuningRecord};
use crate::error::{Error, Result};

/// The driver is asked this often whether the device is still there...
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// ... and given up after this long without an answer.
const PATIENCE: Duration = Duration::from_secs(1800);
/// The first thing that it is asked to do takes it no time at all.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);
/// Time between two questions to a driver that answers at once instead of waiting.
const PAUSE: Duration = Duration::from_millis(1);

/// An adapter opened for computing.
#[derive(Debug, Clone)]
pub(crate) struct Gpu {
    pub(super) device: Device,
    pub(super) queue: Queue,
    pub(super) limits: Limits,
    /// Whether passes can be timed by the adapter's own clock.
    pub(super) timestamps: bool,
    pub(super) tuning: Tuning,
    pub(super) tuner: Arc<Tuner>,
    kept: Kept,
    info: DeviceInfo,
    /// Reports of the driver outside any call of ours.
    trouble: Arc<Mutex<Option<Trouble>>>,
    /// Held from a submission until it is done. There is one queue, so nothing is lost by taking turns; and wgpu panics
    /// when one thread's wait times out just as another thread's submission finds the queue empty.
    turn: Arc<Mutex<()>>,
    /// Compiled kernels by their source.
    kernels: Arc<Mutex<HashMap<KernelSource, Arc<Kernel>>>>,
    /// Kernels whose results were found to be right.
    pub(super) tried: Arc<Tried>,
    receipt: Arc<Receipt>,
    /// Scratch between two passes.
    pub(super) spare: Arc<Spare>,
    /// Kernels that were compiled in earlier runs.
    pipelines: Option<Arc<Pipelines>>,
}

/// End of every readback: a number of its own, which the device copies there. A device that runs nothing hands
/// over the number of another.
#[derive(Debug)]
struct Receipt {
    buffer: Buffer,
    last: AtomicU64,
}

/// Bytes of a receipt.
const RECEIPT: u64 = size_of::<u64>() as u64;

#[derive(Debug, Clone)]
enum Trouble {
    Lost(String),
    Refused(String),
}

/// Description of an adapter.
pub(super) fn describe(adapter: &Adapter) -> DeviceInfo {
    let info = adapter.get_info();
    let device_type = match info.device_type {
        DeviceType::DiscreteGpu => "discrete-gpu",
        DeviceType::IntegratedGpu => "integrated-gpu",
        DeviceType::VirtualGpu => "virtual-gpu",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    };
    DeviceInfo {
        backend: info.backend.to_string(),
        name: info.name,
        device_type: device_type.to_owned(),
        precision: Precision::Single,
        tuning: None,
        teams: Vec::new(),
    }
}

impl Gpu {
    /// Opens an adapter with all its own limits, and timestamps where it has them.
    pub(super) fn open(adapter: Adapter) -> Result<Self> {
        let info = describe(&adapter);
        let limits = adapter.limits();
        let features = adapter.features() & (Features::TIMESTAMP_QUERY | Features::PIPELINE_CACHE);
        let request = adapter.request_device(&DeviceDescriptor {
            label: Some("mixtura"),
            required_features: features,
            required_limits: limits.clone(),
            ..DeviceDescriptor::default()
        });
        let (device, queue) = pollster::block_on(request)
            .map_err(|e| Error::Device { device: info.name.clone(), detail: one_line(&e) })?;
        let trouble = Arc::new(Mutex::new(None));
        let lost = trouble.clone();
        device.set_device_lost_callback(move |_, message| {
            *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(Trouble::Lost(message));
        });
        let refused = trouble.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let mut trouble = refused.lock().unwrap_or_else(PoisonError::into_inner);
            // The first report is the cause; what follows follows from it.
            trouble.get_or_insert_with(|| Trouble::Refused(one_line(&error)));
        }));
        let timestamps = features.contains(Features::TIMESTAMP_QUERY);
        let tuning = Tuning::of(&adapter.get_info());
        let pipelines = features.contains(Features::PIPELINE_CACHE);
        let pipelines = pipelines.then(|| Pipelines::open(&device, &adapter.get_info())).flatten().map(Arc::new);
        let kept = Kept::of_adapter(&adapter.get_info());
        let tuner = Arc::new(Tuner::new(Tune::default(), kept.clone()));
        let tried = Arc::new(Tried::new(kept.clone()));
        let receipt = Arc::new(Receipt {
            buffer: device.create_buffer(&BufferDescriptor {
                label: Some("receipt"),
                size: RECEIPT,
                usage: BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            last: AtomicU64::new(0),
        });
        let (turn, kernels, spare) = Default::default();
        let gpu = Gpu {
            device,
            queue,
            limits,
            timestamps,
            tuning,
            tuner,
            kept,
            info,
            trouble,
            turn,
            kernels,
            tried,
            receipt,
            spare,
            pipelines,
        };
        gpu.check()?;
        match gpu.greet() {
            // What is dropped waits for its work to be done, however long that takes.
            Err(error @ Error::WrongResults { .. }) => {
                std::mem::forget(gpu);
                Err(error)
            }
            greeted => greeted.map(|()| gpu),
        }
    }

    /// Has the device copy a receipt, and no more.
    ///
    /// # Errors
    /// [`Error::WrongResults`] of one that does nothing, or never says that it is done.
    fn greet(&self) -> Result<()> {
        let staging = self.staging(0)?;
        let encoder = self.device.create_command_encoder(&CommandEncoderDescriptor::default());
        match self.read_within(FIRST_PATIENCE, encoder, &staging, 0) {
            Err(Error::DeviceLost { device, detail }) => Err(Error::WrongResults { device, detail }),
            greeted => greeted.map(|_| ()),
        }
    }

    pub(crate) fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// The same adapter, tuned in a mode.
    pub(crate) fn with_tune(self, tune: Tune) -> Self {
        let tuner = Arc::new(Tuner::new(tune, self.kept.clone()));
        let info = DeviceInfo { tuning: (tune == Tune::Full).then(|| TuningRecord::new(tune)), ..self.info };
        Gpu { tuner, info, ..self }
    }

    /// The same adapter, which shares what another of its kind chooses.
    pub(crate) fn tuned_with(self, other: &Gpu) -> Self {
        Gpu { tuner: other.tuner.clone(), info: DeviceInfo { tuning: other.info.tuning.clone(), ..self.info }, ..self }
    }

    /// Keeps the adapter busy.
    #[cfg(test)]
    pub(crate) fn turn(&self) -> std::sync::MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loses the adapter.
    #[cfg(test)]
    pub(crate) fn lose(&self) {
        self.device.destroy();
    }

    /// What is kept of this adapter for later runs.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The same adapter with passes of a shape, which nothing changes.
    pub(super) fn untuned(&self, tuning: Tuning) -> Self {
        Gpu { tuning, tuner: Arc::new(Tuner::new(Tune::Off, self.kept.clone())), ..self.clone() }
    }

    /// What tuning chose so far, in words.
    pub(crate) fn choices(&self) -> Vec<String> {
        self.tuner.words()
    }

    /// The mode of tuning, where results depend on it, and what was chosen so far for models of each shape.
    pub(crate) fn tuning_record(&self) -> Option<TuningRecord> {
        let TuningRecord { mode, .. } = self.info.tuning.clone()?;
        Some(TuningRecord { mode, choices: self.tuner.names().into_iter().collect() })
    }

    /// The kernel of a source, compiled once per device.
    pub(super) fn kernel(&self, source: KernelSource) -> Result<Arc<Kernel>> {
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernel) = kernels.get(&source) {
            return Ok(kernel.clone());
        }
        let cache = self.pipelines.as_ref().map(|pipelines| &pipelines.cache);
        let kernel = Arc::new(self.guarded(|| Kernel::new(&self.device, &source, cache))?);
        kernels.insert(source, kernel.clone());
        Ok(kernel)
    }

    /// Keeps the kernels so far for later runs.
    pub(super) fn keep_kernels(&self) {
        if let Some(pipelines) = &self.pipelines {
            pipelines.keep();
        }
    }

    /// A buffer of at least one element. Its contents are zero, or, of scratch, what is left of another pass.
    pub(super) fn buffer(&self, label: &str, bytes: u64, usage: BufferUsages) -> Result<Buffer> {
        let size = bytes.next_multiple_of(16).max(16);
        let bound = usage.contains(BufferUsages::STORAGE);
        let binding = if bound { self.limits.max_storage_buffer_binding_size } else { u64::MAX };
        let most = self.limits.max_buffer_size.min(binding);
        if size > most {
            let detail = format!("{label} would take {size} bytes, of which a buffer holds {most}");
            return Err(Error::OutOfDeviceMemory { device: self.info.name.clone(), detail });
        }
        if let Some(buffer) = self.spare.take(label, size, usage) {
            return Ok(buffer);
        }
        self.guarded(|| {
            self.device.create_buffer(&BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
        })
    }

    /// A buffer for a readback, of a size in bytes.
    pub(super) fn staging(&self, bytes: u64) -> Result<Buffer> {
        self.buffer("staging", bytes + RECEIPT, BufferUsages::MAP_READ | BufferUsages::COPY_DST)
    }

    /// Does what may fail in the driver, and turns its errors into ours.
    pub(super) fn guarded<T>(&self, action: impl FnOnce() -> T) -> Result<T> {
        let validation = self.device.push_error_scope(ErrorFilter::Validation);
        let internal = self.device.push_error_scope(ErrorFilter::Internal);
        let memory = self.device.push_error_scope(ErrorFilter::OutOfMemory);
        let made = action();
        let device = self.info.name.clone();
        if let Some(error) = pollster::block_on(memory.pop()) {
            return Err(Error::OutOfDeviceMemory { device, detail: one_line(&error) });
        }
        let error = pollster::block_on(internal.pop()).or(pollster::block_on(validation.pop()));
        match error {
            Some(error) => Err(Error::Device { device, detail: one_line(&error) }),
            None => self.check().map(|()| made),
        }
    }

    /// Submits commands, and waits for nothing.
    pub(super) fn submit(&self, encoder: CommandEncoder) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.guarded(|| {
            self.queue.submit([encoder.finish()]);
        })
    }

    /// Submits commands, whose last is to fill `staging`, and reads that back.
    ///
    /// # Errors
    /// [`Error::WrongResults`] where the device did not run them.
    pub(super) fn submit_and_read(&self, encoder: CommandEncoder, staging: &Buffer, bytes: u64) -> Result<Vec<u8>> {
        self.read_within(PATIENCE, encoder, staging, bytes)
    }

    fn read_within(
        &self,
        patience: Duration,
        mut encoder: CommandEncoder,
        staging: &Buffer,
        bytes: u64,
    ) -> Result<Vec<u8>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.receipt.last.fetch_add(1, Ordering::Relaxed) + 1;
        let all = bytes + RECEIPT;
        self.guarded(|| {
            self.queue.write_buffer(&self.receipt.buffer, 0, &number.to_ne_bytes());
            encoder.copy_buffer_to_buffer(&self.receipt.buffer, 0, staging, bytes, RECEIPT);
            self.queue.submit([encoder.finish()]);
            staging.slice(..all).map_async(MapMode::Read, |_| {});
        })?;
        self.wait(patience)?;
        let view = staging
            .slice(..all)
            .get_mapped_range()
            .map_err(|e| Error::Device { device: self.info.name.clone(), detail: one_line(&e) })?;
        let mut read = view.to_vec();
        drop(view);
        staging.unmap();
        if read.split_off(bytes as usize) != number.to_ne_bytes() {
            let detail = "it ran none of the commands that it was given".to_owned();
            return Err(Error::WrongResults { device: self.info.name.clone(), detail });
        }
        Ok(read)
    }

    /// Hands over all writes so far, and waits until they are done.
    pub(super) fn flush(&self) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.guarded(|| self.queue.submit([]))?;
        self.wait(PATIENCE)
    }

    /// Waits until all that was submitted is done.
    fn wait(&self, patience: Duration) -> Result<()> {
        let started = Instant::now();
        loop {
            let polled = self.device.poll(PollType::Wait { submission_index: None, timeout: Some(POLL_INTERVAL) });
            self.check()?;
            match polled {
                Ok(_) => return Ok(()),
                Err(PollError::Timeout) if started.elapsed() < patience => sleep(PAUSE),
                Err(PollError::Timeout) => {
                    let detail = format!("its work was not done within {} seconds", patience.as_secs());
                    return Err(Error::DeviceLost { device: self.info.name.clone(), detail });
                }
                Err(error) => {
                    return Err(Error::DeviceLost { device: self.info.name.clone(), detail: one_line(&error) });
                }
            }
        }
    }

    /// Whether the driver reported anything outside any call of ours.
    fn check(&self) -> Result<()> {
        let device = self.info.name.clone();
        match self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            None => Ok(()),
            Some(Trouble::Lost(detail)) => Err(Error::DeviceLost { device, detail: one_line(&detail) }),
            Some(Trouble::Refused(detail)) => Err(Error::Device { device, detail }),
        }
    }
}

/// A driver's message without its line breaks.
fn one_line(message: &impl ToString) -> String {
    message.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests {
    use ndarray::array;

    use super::*;
    use crate::data::points::Points;
    use crate::device::backend::Backend;
    use crate::device::choice::DeviceChoice;
    use crate::device::gpu::select;
    use crate::device::task::Assignment;
    use crate::model::covariance::CovarianceArray;
    use crate::model::mixture::Mixture;

    /// A software adapter, or what `MIXTURA_TEST_DEVICES` names instead.
    pub(in crate::device::gpu) fn open() -> Option<Gpu> {
        let devices = std::env::var("MIXTURA_TEST_DEVICES").unwrap_or_else(|_| "cpu,software".to_owned());
        let choice = devices.split(',').map(str::trim).find(|choice| !choice.starts_with("cpu"))?;
        let Ok(choice) = choice.parse::<DeviceChoice>();
        Some(select(&choice).expect("an adapter"))
    }

    #[test]
    fn a_device_that_is_lost_is_an_error_and_no_panic() {
        let Some(gpu) = open() else { return };
        let points = Points::new(array![[0.0], [1.0], [3.0]]).unwrap();
        let mixture = Mixture::new(array![1.0], array![[1.0]], CovarianceArray::Spherical(array![1.0])).unwrap();
        let mut backend = gpu.load(Arc::new(&points), None).unwrap();
        backend.moments(&mixture, Assignment::Soft).unwrap();
        gpu.device.destroy();
        let error = backend.moments(&mixture, Assignment::Soft).unwrap_err();
        assert!(matches!(error, Error::DeviceLost { .. } | Error::Device { .. }), "{error}");
        assert!(gpu.load(Arc::new(&points), None).is_err());
    }

    #[test]
    fn a_buffer_larger_than_the_adapter_has_is_out_of_memory() {
        let Some(gpu) = open() else { return };
        let error = gpu.buffer("samples", gpu.limits.max_buffer_size + 1, BufferUsages::STORAGE).unwrap_err();
        assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error}");
    }
}
