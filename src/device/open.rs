//! Choosing a device, and putting samples on it.

use ndarray::{Array1, Array2};
use serde::Serialize;

use crate::data::source::Data;
use crate::device::backend::Backend;
use crate::device::ceiling::Ceiling;
use crate::device::choice::DeviceChoice;
use crate::device::choice::{DeviceInfo, Precision};
use crate::device::cpu;
#[cfg(feature = "gpu")]
use crate::device::gpu::{self, Automatic, Gpu};
use crate::device::trust::{Checked, Distrust, Load};
use crate::device::tune::Tune;
use crate::error::{Error, Result};
use crate::model::mixture::Mixture;

/// A device that samples can be put on.
#[derive(Debug, Clone)]
pub struct Device {
    info: DeviceInfo,
    kind: Kind,
    /// Why it was chosen automatically.
    reason: Option<String>,
    /// Of a device that was chosen automatically.
    distrust: Option<(Distrust, DeviceInfo)>,
}

#[derive(Debug, Clone)]
enum Kind {
    Cpu,
    #[cfg(feature = "gpu")]
    /// With the bytes that samples may take of its own memory.
    Gpu(Box<Gpu>, Option<u64>),
}

#[cfg(not(feature = "gpu"))]
const WITHOUT_GPU: &str = "this program was built without GPU support";

impl Device {
    /// The native CPU backend, in f64.
    pub fn cpu() -> Self {
        Self::new(cpu::info(Precision::Double), Kind::Cpu)
    }

    fn new(info: DeviceInfo, kind: Kind) -> Self {
        Device { info, kind, reason: None, distrust: None }
    }

    /// Opens the device chosen. One that [`DeviceChoice::Auto`] chose gives way to the CPU when it is caught computing
    /// wrong results, which [`Device::distrust`] tells; of another they are an error.
    ///
    /// # Errors
    /// [`NoAdapter`](crate::Error::NoAdapter) says what was found instead; [`Device`](crate::Error::Device) what the
    /// driver refused.
    pub fn open(choice: &DeviceChoice) -> Result<Self> {
        Self::open_in(choice, None)
    }

    /// Opens the device chosen, to compute in a precision; one that is chosen automatically is chosen among those that
    /// have it. Without a precision it is the device's own: f64 on the CPU, f32 on graphics adapters.
    ///
    /// # Errors
    /// As [`Device::open`] and [`Device::with_precision`].
    pub fn open_in(choice: &DeviceChoice, precision: Option<Precision>) -> Result<Self> {
        cpu::instructions::check()?;
        let device = match choice {
            DeviceChoice::Auto => Self::automatic(precision),
            DeviceChoice::Cpu(own) => Self::cpu().with_precision(*own)?,
            _ => Self::adapter(choice)?,
        };
        match precision {
            Some(precision) => device.with_precision(precision),
            None => Ok(device),
        }
    }

    /// The device that is chosen automatically.
    fn automatic(precision: Option<Precision>) -> Self {
        if precision == Some(Precision::Double) {
            return Device { reason: Some("graphics adapters have no f64".to_owned()), ..Self::cpu() };
        }
        #[cfg(feature = "gpu")]
        {
            let Automatic { gpu, reason } = gpu::choose_automatically(precision.unwrap_or_default());
            let distrust = gpu.is_some().then(|| (Distrust::default(), cpu::info(Precision::Double)));
            Device { distrust, reason: Some(reason), ..gpu.map_or_else(Self::cpu, Self::gpu) }
        }
        #[cfg(not(feature = "gpu"))]
        {
            Device { reason: Some(WITHOUT_GPU.to_owned()), ..Self::cpu() }
        }
    }

    /// The graphics adapter chosen.
    fn adapter(choice: &DeviceChoice) -> Result<Self> {
        #[cfg(feature = "gpu")]
        {
            gpu::select(choice).map(Self::gpu)
        }
        #[cfg(not(feature = "gpu"))]
        {
            let wanted = match choice {
                DeviceChoice::Adapter(text) => format!("graphics adapter \"{text}\""),
                _ => "graphics adapter".to_owned(),
            };
            Err(Error::NoAdapter { wanted, found: WITHOUT_GPU.to_owned() })
        }
    }

    #[cfg(feature = "gpu")]
    fn gpu(gpu: Gpu) -> Self {
        Self::new(gpu.info().clone(), Kind::Gpu(Box::new(gpu), None))
    }

    /// The same device, computing in the given precision.
    ///
    /// # Errors
    /// [`InvalidOption`](crate::Error::InvalidOption): graphics adapters compute in f32 alone.
    pub fn with_precision(self, precision: Precision) -> Result<Self> {
        match self.kind {
            Kind::Cpu => Ok(Device { info: cpu::info(precision), ..self }),
            #[cfg(feature = "gpu")]
            Kind::Gpu(..) if precision == self.info.precision => Ok(self),
            #[cfg(feature = "gpu")]
            Kind::Gpu(..) => Err(Error::InvalidOption {
                name: "the precision",
                value: format!("{} on {}", precision.name(), self.info.name),
                expected: "f32 on graphics adapters, or the device cpu",
            }),
        }
    }

    /// The same device, of whose own memory samples may take this many bytes; where they need more, every pass moves
    /// them through it. Without this they may take all that the driver gives. The CPU has no memory of its own.
    #[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
    pub fn with_memory(self, bytes: u64) -> Self {
        match self.kind {
            Kind::Cpu => self,
            #[cfg(feature = "gpu")]
            Kind::Gpu(gpu, _) => Device { kind: Kind::Gpu(gpu, Some(bytes)), ..self },
        }
    }

    /// The same device, tuned in a mode; without this it is tuned in time ([`Tune::Auto`]).
    #[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
    pub fn with_tune(self, tune: Tune) -> Self {
        match self.kind {
            Kind::Cpu => self,
            #[cfg(feature = "gpu")]
            Kind::Gpu(gpu, memory) => {
                let gpu = gpu.with_tune(tune);
                Device { info: gpu.info().clone(), kind: Kind::Gpu(Box::new(gpu), memory), ..self }
            }
        }
    }

    /// What tuning chose so far, or an earlier run, a line for models of each shape; nothing of a device that needs none,
    /// or of models that were not worth it.
    pub fn tuned(&self) -> Vec<String> {
        match &self.kind {
            Kind::Cpu => Vec::new(),
            #[cfg(feature = "gpu")]
            Kind::Gpu(..) if self.distrust().is_some() => Vec::new(),
            #[cfg(feature = "gpu")]
            Kind::Gpu(gpu, _) => gpu.choices(),
        }
    }

    /// Description of the device for the record of a result: with what was chosen, where results depend on that.
    pub fn record(&self) -> DeviceInfo {
        let info = self.info().clone();
        match &self.kind {
            Kind::Cpu => info,
            #[cfg(feature = "gpu")]
            Kind::Gpu(..) if self.distrust().is_some() => info,
            #[cfg(feature = "gpu")]
            Kind::Gpu(gpu, _) => DeviceInfo { tuning: gpu.tuning_record(), ..info },
        }
    }

    /// Description of the device: that of the CPU, where it has taken its place.
    pub fn info(&self) -> &DeviceInfo {
        match &self.distrust {
            Some((distrust, cpu)) if distrust.get().is_some() => cpu,
            _ => &self.info,
        }
    }

    /// Why the CPU has taken the place of a device that was chosen automatically, in one line.
    pub fn distrust(&self) -> Option<&str> {
        self.distrust.as_ref().and_then(|(distrust, _)| distrust.get()).map(String::as_str)
    }

    /// Why this device was chosen automatically, in words; `None` of one that was asked for.
    pub fn reason(&self) -> Option<&str> {
        self.distrust().or(self.reason.as_deref())
    }

    /// Measures the most that the device computes and moves. That takes it a second or so.
    ///
    /// # Errors
    /// [`OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory), or what the driver reports.
    pub fn ceiling(&self) -> Result<Ceiling> {
        match &self.kind {
            Kind::Cpu => cpu::ceiling::measure(self.info.precision),
            #[cfg(feature = "gpu")]
            Kind::Gpu(gpu, _) => gpu.ceiling(),
        }
    }

    /// Puts samples on the device.
    ///
    /// # Errors
    /// [`OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory),
    /// [`TooWideForSinglePrecision`](crate::Error::TooWideForSinglePrecision), or what the driver reports.
    pub fn load<'d>(&self, data: &'d dyn Data) -> Result<Box<dyn Backend + 'd>> {
        cpu::instructions::check()?;
        let backend = match &self.kind {
            Kind::Cpu => cpu::load(data, self.info.precision)?,
            #[cfg(feature = "gpu")]
            Kind::Gpu(..) if self.distrust().is_some() => cpu::load(data, Precision::Double)?,
            #[cfg(feature = "gpu")]
            Kind::Gpu(gpu, memory) => Box::new(gpu.load(data, *memory)?),
        };
        let device = self.clone();
        let load: Box<Load<'d>> = Box::new(move |batch| device.load(batch));
        let distrust = self.distrust.as_ref().map(|(distrust, _)| distrust.clone());
        Ok(Box::new(Checked::new(backend, data, load, distrust)))
    }

    /// Most probable component of every sample: `[N]`.
    ///
    /// # Errors
    /// As [`Device::load`], and [`FeatureCount`](crate::Error::FeatureCount).
    pub fn predict(&self, mixture: &Mixture, data: &dyn Data) -> Result<Array1<usize>> {
        Ok(self.load(data)?.assess(mixture.quadratics(), 0..data.n_samples())?.labels)
    }

    /// Posterior probability of every component for every sample: `[N, K]`.
    ///
    /// # Errors
    /// As [`Device::predict`].
    pub fn predict_proba(&self, mixture: &Mixture, data: &dyn Data) -> Result<Array2<f64>> {
        self.load(data)?.responsibilities(mixture.quadratics(), 0..data.n_samples())
    }

    /// log p(x_n) of every sample: `[N]`.
    ///
    /// # Errors
    /// As [`Device::predict`].
    pub fn score_samples(&self, mixture: &Mixture, data: &dyn Data) -> Result<Array1<f64>> {
        Ok(self.load(data)?.assess(mixture.quadratics(), 0..data.n_samples())?.log_densities)
    }

    /// Total log-likelihood: the sum over the samples of weight times log p(x_n).
    ///
    /// # Errors
    /// As [`Device::predict`].
    pub fn log_likelihood(&self, mixture: &Mixture, data: &dyn Data) -> Result<f64> {
        self.load(data)?.log_likelihood(mixture.quadratics())
    }
}

/// A device of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// The choice that opens it: the number of an adapter, or `cpu`.
    pub device: String,
    /// Its description.
    #[serde(flatten)]
    pub info: DeviceInfo,
    /// Whether it is the one that `auto` takes.
    pub auto: bool,
    /// Why it is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// All devices: the adapters in the order of the numbers that select them, then the native CPU backend.
pub fn devices() -> Vec<Listed> {
    #[cfg(feature = "gpu")]
    let adapters = gpu::adapters();
    #[cfg(not(feature = "gpu"))]
    let adapters: Vec<DeviceInfo> = Vec::new();
    let adapters = adapters.into_iter().enumerate().map(|(number, info)| (number.to_string(), info));
    let cpu = ("cpu".to_owned(), cpu::info(Precision::Double));
    let mut listed: Vec<Listed> =
        adapters.chain([cpu]).map(|(device, info)| Listed { device, info, auto: false, reason: None }).collect();
    // Of several adapters of one kind, auto takes the first.
    if let Ok(automatic) = Device::open(&DeviceChoice::Auto)
        && let Some(first) = listed.iter_mut().find(|listed| listed.info == automatic.info)
    {
        first.auto = true;
        first.reason = automatic.reason;
    }
    listed
}
