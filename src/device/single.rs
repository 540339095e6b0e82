//! A device alone: the processor, or a graphics adapter.

use std::sync::Arc;

use crate::data::source::Data;
use crate::device::backend::Backend;
use crate::device::ceiling::Ceiling;
use crate::device::choice::{DeviceChoice, DeviceInfo, Precision};
use crate::device::cpu;
#[cfg(feature = "gpu")]
use crate::device::gpu::{self, Gpu};
use crate::device::trust::{Checked, Distrust, Load};
use crate::device::tune::Tune;
use crate::error::{Error, Result};

#[cfg(not(feature = "gpu"))]
pub(crate) const WITHOUT_GPU: &str = "this program was built without GPU support";

/// A device alone.
#[derive(Debug, Clone)]
pub(crate) enum Single {
    /// The processor, in a precision.
    Cpu(Precision),
    /// A graphics adapter, with the bytes that samples may take of its own memory.
    #[cfg(feature = "gpu")]
    Gpu(Box<Gpu>, Option<u64>),
}

#[cfg(feature = "gpu")]
impl From<Gpu> for Single {
    fn from(gpu: Gpu) -> Self {
        Single::Gpu(Box::new(gpu), None)
    }
}

impl Single {
    /// Opens a device that was chosen: all adapters, where all are.
    ///
    /// # Errors
    /// [`NoAdapter`](crate::Error::NoAdapter) says what was found instead; [`Device`](crate::Error::Device) what the
    /// driver refused.
    pub(crate) fn open(choice: &DeviceChoice) -> Result<Vec<Self>> {
        match choice {
            DeviceChoice::Cpu(precision) => Ok(vec![Single::Cpu(*precision)]),
            _ => Self::adapters(choice),
        }
    }

    #[cfg(feature = "gpu")]
    fn adapters(choice: &DeviceChoice) -> Result<Vec<Self>> {
        let gpus = match choice {
            DeviceChoice::AllGpus => gpu::all_hardware()?,
            _ => vec![gpu::select(choice)?],
        };
        Ok(gpus.into_iter().map(Single::from).collect())
    }

    #[cfg(not(feature = "gpu"))]
    fn adapters(choice: &DeviceChoice) -> Result<Vec<Self>> {
        let wanted = match choice {
            DeviceChoice::Adapter(text) => format!("graphics adapter \"{text}\""),
            _ => "graphics adapter".to_owned(),
        };
        Err(Error::NoAdapter { wanted, found: WITHOUT_GPU.to_owned() })
    }

    /// Description of the device.
    pub(crate) fn info(&self) -> DeviceInfo {
        match self {
            Single::Cpu(precision) => cpu::info(*precision),
            #[cfg(feature = "gpu")]
            Single::Gpu(gpu, _) => gpu.info().clone(),
        }
    }

    /// The same device, computing in the given precision.
    ///
    /// # Errors
    /// [`InvalidOption`](crate::Error::InvalidOption): graphics adapters compute in f32 alone.
    pub(crate) fn with_precision(self, precision: Precision) -> Result<Self> {
        match self {
            Single::Cpu(_) => Ok(Single::Cpu(precision)),
            #[cfg(feature = "gpu")]
            Single::Gpu(gpu, _) if precision != gpu.info().precision => Err(Error::InvalidOption {
                name: "the precision",
                value: format!("{} on {}", precision.name(), gpu.info().name),
                expected: "f32 on graphics adapters, or the device cpu",
            }),
            #[cfg(feature = "gpu")]
            gpu => Ok(gpu),
        }
    }

    /// The same device, of whose own memory samples may take this many bytes.
    #[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
    pub(crate) fn with_memory(self, bytes: u64) -> Self {
        match self {
            #[cfg(feature = "gpu")]
            Single::Gpu(gpu, _) => Single::Gpu(gpu, Some(bytes)),
            cpu @ Single::Cpu(_) => cpu,
        }
    }

    /// The bytes that samples may take of its own memory, where there is a limit.
    pub(crate) fn memory(&self) -> Option<u64> {
        match self {
            Single::Cpu(_) => None,
            #[cfg(feature = "gpu")]
            Single::Gpu(_, memory) => *memory,
        }
    }

    /// The same device, tuned in a mode.
    #[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
    pub(crate) fn with_tune(self, tune: Tune) -> Self {
        match self {
            #[cfg(feature = "gpu")]
            Single::Gpu(gpu, memory) => Single::Gpu(Box::new(gpu.with_tune(tune)), memory),
            cpu @ Single::Cpu(_) => cpu,
        }
    }

    /// The same device, tuned with another of its kind: what one chooses is chosen for both.
    #[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
    pub(crate) fn tuned_with(self, other: &Single) -> Self {
        match (self, other) {
            #[cfg(feature = "gpu")]
            (Single::Gpu(gpu, memory), Single::Gpu(other, _)) => Single::Gpu(Box::new(gpu.tuned_with(other)), memory),
            (single, _) => single,
        }
    }

    /// What tuning chose so far, or an earlier run, a line for models of each shape.
    pub(crate) fn tuned(&self) -> Vec<String> {
        match self {
            Single::Cpu(_) => Vec::new(),
            #[cfg(feature = "gpu")]
            Single::Gpu(gpu, _) => gpu.choices(),
        }
    }

    /// Description of the device for the record of a result: with what was chosen, where results depend on that.
    pub(crate) fn record(&self) -> DeviceInfo {
        match self {
            Single::Cpu(_) => self.info(),
            #[cfg(feature = "gpu")]
            Single::Gpu(gpu, _) => DeviceInfo { tuning: gpu.tuning_record(), ..self.info() },
        }
    }

    /// Measures the most that the device computes and moves.
    ///
    /// # Errors
    /// [`OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory), or what the driver reports.
    pub(crate) fn ceiling(&self) -> Result<Ceiling> {
        match self {
            Single::Cpu(precision) => cpu::ceiling::measure(*precision),
            #[cfg(feature = "gpu")]
            Single::Gpu(gpu, _) => gpu.ceiling(),
        }
    }

    /// Seconds of the epoch by which devices are compared, as its ceiling promises, which is measured once.
    ///
    /// # Errors
    /// As [`Single::ceiling`].
    pub(crate) fn epoch_seconds(&self) -> Result<f64> {
        match self {
            #[cfg(feature = "gpu")]
            Single::Cpu(precision) => gpu::processor_seconds(*precision),
            #[cfg(not(feature = "gpu"))]
            Single::Cpu(precision) => Ok(cpu::ceiling::measure(*precision)?.processor_seconds(*precision)),
            #[cfg(feature = "gpu")]
            Single::Gpu(gpu, _) => gpu::adapter_seconds(gpu),
        }
    }

    /// Puts samples on the device, whose results are checked; `distrust` lets the CPU take over.
    ///
    /// # Errors
    /// [`OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory),
    /// [`TooWideForSinglePrecision`](crate::Error::TooWideForSinglePrecision), or what the driver reports.
    pub(crate) fn load<'d>(
        &self,
        data: Arc<dyn Data + 'd>,
        distrust: Option<Distrust>,
    ) -> Result<Box<dyn Backend + 'd>> {
        let is_distrusted = distrust.as_ref().is_some_and(|distrust| distrust.get().is_some());
        let backend = match self {
            _ if is_distrusted => cpu::load(data.clone(), Precision::Double)?,
            Single::Cpu(precision) => cpu::load(data.clone(), *precision)?,
            #[cfg(feature = "gpu")]
            Single::Gpu(gpu, memory) => Box::new(gpu.load(data.clone(), *memory)?),
        };
        let (device, its) = (self.clone(), distrust.clone());
        let load: Box<Load<'d>> = Box::new(move |batch| device.load(Arc::new(batch), its.clone()));
        Ok(Box::new(Checked::new(backend, data, load, distrust)))
    }
}
