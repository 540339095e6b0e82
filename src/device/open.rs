//! Choosing a device, and putting samples on it.

use ndarray::{Array1, Array2};
use serde::Serialize;

use crate::data::source::Data;
use crate::device::backend::Backend;
use crate::device::ceiling::Ceiling;
use crate::device::choice::DeviceChoice;
use crate::device::choice::{DeviceInfo, Precision};
use crate::device::cpu;
use crate::device::trust::{Checked, Distrust, Load};
use crate::error::{Error, Result};
use crate::model::mixture::Mixture;

/// A device that samples can be put on.
#[derive(Debug, Clone)]
pub struct Device {
    info: DeviceInfo,
    kind: Kind,
    /// Of a device that was chosen automatically.
    distrust: Option<(Distrust, DeviceInfo)>,
}

#[derive(Debug, Clone)]
enum Kind {
    Cpu,
    #[cfg(feature = "gpu")]
    /// With the bytes that samples may take of its own memory.
    Gpu(Box<crate::device::gpu::Gpu>, Option<u64>),
}

impl Device {
    /// The native CPU backend, in f64.
    pub fn cpu() -> Self {
        Self::new(cpu::info(Precision::Double), Kind::Cpu)
    }

    fn new(info: DeviceInfo, kind: Kind) -> Self {
        Device { info, kind, distrust: None }
    }

    /// Opens the device chosen. One that [`DeviceChoice::Auto`] chose gives way to the CPU when it is caught computing
    /// wrong results, which [`Device::distrust`] tells; of another they are an error.
    ///
    /// # Errors
    /// [`NoAdapter`](crate::Error::NoAdapter) says what was found instead; [`Device`](crate::Error::Device) what the
    /// driver refused.
    pub fn open(choice: &DeviceChoice) -> Result<Self> {
        cpu::instructions::check()?;
        if let DeviceChoice::Cpu(precision) = choice {
            return Self::cpu().with_precision(*precision);
        }
        #[cfg(feature = "gpu")]
        {
            match crate::device::gpu::select(choice)? {
                Some(gpu) => {
                    let distrust = (Distrust::default(), cpu::info(Precision::Double));
                    let distrust = (*choice == DeviceChoice::Auto).then_some(distrust);
                    Ok(Device { distrust, ..Self::new(gpu.info().clone(), Kind::Gpu(Box::new(gpu), None)) })
                }
                None => Ok(Self::cpu()),
            }
        }
        #[cfg(not(feature = "gpu"))]
        match choice {
            DeviceChoice::Auto => Ok(Self::cpu()),
            _ => Err(Error::NoAdapter {
                wanted: "graphics adapter".to_owned(),
                found: "this program was built without GPU support".to_owned(),
            }),
        }
    }

    /// Opens the device chosen, to compute in a precision; one that is chosen automatically is chosen among those that
    /// have it. Without a precision it is the device's own: f64 on the CPU, f32 on graphics adapters.
    ///
    /// # Errors
    /// As [`Device::open`] and [`Device::with_precision`].
    pub fn open_in(choice: &DeviceChoice, precision: Option<Precision>) -> Result<Self> {
        match (choice, precision) {
            (DeviceChoice::Auto, Some(Precision::Double)) => Ok(Self::cpu()),
            (choice, Some(precision)) => Self::open(choice)?.with_precision(precision),
            (choice, None) => Self::open(choice),
        }
    }

    /// The same device, computing in the given precision.
    ///
    /// # Errors
    /// [`InvalidOption`](crate::Error::InvalidOption): graphics adapters compute in f32 alone.
    pub fn with_precision(self, precision: Precision) -> Result<Self> {
        match self.kind {
            Kind::Cpu => Ok(Self::new(cpu::info(precision), Kind::Cpu)),
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
}

/// All devices: the adapters in the order of the numbers that select them, then the native CPU backend.
pub fn devices() -> Vec<Listed> {
    #[cfg(feature = "gpu")]
    let adapters = crate::device::gpu::adapters();
    #[cfg(not(feature = "gpu"))]
    let adapters: Vec<DeviceInfo> = Vec::new();
    let adapters = adapters.into_iter().enumerate().map(|(number, info)| (number.to_string(), info));
    let cpu = ("cpu".to_owned(), cpu::info(Precision::Double));
    let mut listed: Vec<Listed> =
        adapters.chain([cpu]).map(|(device, info)| Listed { device, info, auto: false }).collect();
    // Of several adapters of one kind, auto takes the first.
    if let Ok(automatic) = Device::open(&DeviceChoice::Auto)
        && let Some(first) = listed.iter_mut().find(|listed| listed.info == automatic.info)
    {
        first.auto = true;
    }
    listed
}
