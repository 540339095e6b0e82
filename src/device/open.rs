//! Choosing a device, and putting samples on it.

use std::sync::Arc;

use ndarray::{Array1, Array2};
use serde::Serialize;

use crate::data::source::Data;
use crate::device::backend::Backend;
use crate::device::ceiling::Ceiling;
use crate::device::choice::{DeviceChoice, DeviceInfo, Precision};
use crate::device::cpu;
#[cfg(feature = "gpu")]
use crate::device::gpu::{self, Automatic};
use crate::device::several::Several;
use crate::device::single::Single;
#[cfg(not(feature = "gpu"))]
use crate::device::single::WITHOUT_GPU;
use crate::device::trust::Distrust;
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
    Single(Single),
    Several(Several),
}

impl Device {
    /// The native CPU backend, in f64.
    pub fn cpu() -> Self {
        Self::new(Kind::Single(Single::Cpu(Precision::Double)))
    }

    fn new(kind: Kind) -> Self {
        let info = match &kind {
            Kind::Single(single) => single.info(),
            Kind::Several(several) => several.info(),
        };
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
        let one;
        let choices = match choice {
            DeviceChoice::Auto => return Ok(Self::automatic(precision)),
            DeviceChoice::Several(choices) => {
                check_list(choices)?;
                choices
            }
            choice => {
                one = [choice.clone()];
                &one[..]
            }
        };
        let mut members = Vec::new();
        for choice in choices {
            for single in Single::open(choice)? {
                members.push(match precision {
                    Some(precision) => single.with_precision(precision)?,
                    None => single,
                });
            }
        }
        let kind = match members.len() {
            1 => Kind::Single(members.remove(0)),
            _ => Kind::Several(Several::new(members)?),
        };
        Ok(Self::new(kind))
    }

    /// The device that is chosen automatically.
    fn automatic(precision: Option<Precision>) -> Self {
        let cpu = || Self::new(Kind::Single(Single::Cpu(precision.unwrap_or_default())));
        if precision == Some(Precision::Double) {
            return Device { reason: Some("graphics adapters have no f64".to_owned()), ..cpu() };
        }
        #[cfg(feature = "gpu")]
        {
            let Automatic { gpu, reason } = gpu::choose_automatically(precision.unwrap_or_default());
            let distrust = gpu.is_some().then(|| (Distrust::default(), cpu::info(Precision::Double)));
            let device = gpu.map_or_else(cpu, |gpu| Self::new(Kind::Single(gpu.into())));
            Device { distrust, reason: Some(reason), ..device }
        }
        #[cfg(not(feature = "gpu"))]
        {
            Device { reason: Some(WITHOUT_GPU.to_owned()), ..cpu() }
        }
    }

    /// The same device, computing in the given precision.
    ///
    /// # Errors
    /// [`InvalidOption`](crate::Error::InvalidOption): graphics adapters compute in f32 alone.
    pub fn with_precision(self, precision: Precision) -> Result<Self> {
        let kind = match self.kind {
            Kind::Single(single) => Kind::Single(single.with_precision(precision)?),
            Kind::Several(several) => Kind::Several(several.with_precision(precision)?),
        };
        Ok(Device { reason: self.reason, distrust: self.distrust, ..Self::new(kind) })
    }

    /// The same device, of whose own memory samples may take this many bytes; where they need more, every pass moves
    /// them through it. Without this they may take all that the driver gives. The CPU has no memory of its own; of
    /// several devices each has as much.
    pub fn with_memory(self, bytes: u64) -> Self {
        let kind = match self.kind {
            Kind::Single(single) => Kind::Single(single.with_memory(bytes)),
            Kind::Several(several) => Kind::Several(several.with_memory(bytes)),
        };
        Device { kind, ..self }
    }

    /// The same device, tuned in a mode; without this it is tuned in time ([`Tune::Auto`]).
    pub fn with_tune(self, tune: Tune) -> Self {
        let kind = match self.kind {
            Kind::Single(single) => Kind::Single(single.with_tune(tune)),
            Kind::Several(several) => Kind::Several(several.with_tune(tune)),
        };
        Device { reason: self.reason, distrust: self.distrust, ..Self::new(kind) }
    }

    /// The same devices, where several of different arithmetic share the samples, with the shares that they had when a
    /// result was made whose record is given: a fit then goes on with the same bits. Other devices stay as they are.
    pub fn with_shares_of(self, record: &DeviceInfo) -> Self {
        match self.kind {
            Kind::Single(_) => self,
            Kind::Several(several) => Self::new(Kind::Several(several.with_shares_of(record))),
        }
    }

    /// What tuning chose so far, or an earlier run, a line for models of each shape; nothing of a device that needs none,
    /// or of models that were not worth it.
    pub fn tuned(&self) -> Vec<String> {
        match &self.kind {
            _ if self.distrust().is_some() => Vec::new(),
            Kind::Single(single) => single.tuned(),
            Kind::Several(several) => several.tuned(),
        }
    }

    /// Description of the device for the record of a result: with what was chosen, where results depend on that.
    pub fn record(&self) -> DeviceInfo {
        match &self.kind {
            _ if self.distrust().is_some() => self.info().clone(),
            Kind::Single(single) => single.record(),
            Kind::Several(several) => several.record(),
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
            Kind::Single(single) => single.ceiling(),
            Kind::Several(several) => several.ceiling(),
        }
    }

    /// Puts samples on the device.
    ///
    /// # Errors
    /// [`OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory),
    /// [`TooWideForSinglePrecision`](crate::Error::TooWideForSinglePrecision), or what the driver reports.
    pub fn load<'d>(&self, data: &'d dyn Data) -> Result<Box<dyn Backend + 'd>> {
        match &self.kind {
            Kind::Single(_) => self.load_shared(Arc::new(data)),
            Kind::Several(several) => {
                cpu::instructions::check()?;
                several.load(data)
            }
        }
    }

    /// The same of samples that the device shares.
    ///
    /// # Errors
    /// As [`Device::load`].
    pub(crate) fn load_shared<'d>(&self, data: Arc<dyn Data + 'd>) -> Result<Box<dyn Backend + 'd>> {
        cpu::instructions::check()?;
        match &self.kind {
            Kind::Single(single) => single.load(data, self.distrust.as_ref().map(|(distrust, _)| distrust.clone())),
            Kind::Several(several) => several.load_shared(data),
        }
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

/// Checks a list of devices before any of them is opened.
fn check_list(choices: &[DeviceChoice]) -> Result<()> {
    let is_empty = |choice: &DeviceChoice| matches!(choice, DeviceChoice::Adapter(text) if text.is_empty());
    let found = if choices.is_empty() || choices.iter().any(is_empty) {
        "without a name in one of its places"
    } else if choices.iter().any(|choice| matches!(choice, DeviceChoice::Auto | DeviceChoice::Several(_))) {
        "with auto, or another list, in it"
    } else {
        return Ok(());
    };
    Err(Error::InvalidOption {
        name: "the list of devices",
        value: found.to_owned(),
        expected: "names or numbers of devices, with a comma between any two, such as 0,1,cpu",
    })
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

/// Why there is no hardware adapter among devices, and what is missing: the card, the loader of drivers, or a driver.
/// `None` where there is one.
pub fn missing_hardware(listed: &[Listed]) -> Option<String> {
    let is_hardware = |listed: &Listed| listed.info.device_type.ends_with("-gpu");
    if listed.iter().any(is_hardware) {
        return None;
    }
    #[cfg(feature = "gpu")]
    let why = gpu::explanation(listed.iter().any(|listed| listed.info.backend == "vulkan"));
    #[cfg(not(feature = "gpu"))]
    let why = WITHOUT_GPU;
    Some(format!("there is no hardware GPU: {why}"))
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
