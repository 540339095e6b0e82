//! The devices there are, and those in use, which stay open for the next call.

use std::ffi::CString;
use std::process;
use std::sync::{Mutex, PoisonError};

use mixtura::device::Precision;
use mixtura::{Device, DeviceChoice};
use pyo3::exceptions::{PyRuntimeWarning, PyValueError};
use pyo3::prelude::*;

use crate::work::quietly;

/// The backend of the processor, by its name.
const CPU: &str = "cpu";

/// A device as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    device: DeviceChoice,
    precision: Option<Precision>,
}

/// A device that was opened, and the process that did: a driver does not outlive a fork.
type Opened = (u32, Choice, Device);

static OPEN: Mutex<Vec<Opened>> = Mutex::new(Vec::new());

impl<'py> FromPyObject<'_, 'py> for Choice {
    type Error = PyErr;

    /// From a pair of strings, device and precision.
    fn extract(pair: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let (device, precision): (String, String) = pair.extract()?;
        let Ok(device) = device.parse();
        let precision = match precision.as_str() {
            "auto" => None,
            "f32" => Some(Precision::Single),
            "f64" => Some(Precision::Double),
            other => return Err(PyValueError::new_err(format!("precision is {other}, neither auto nor f32 nor f64"))),
        };
        Ok(Choice { device, precision })
    }
}

impl Choice {
    /// Opens the device, or finds it open.
    pub(crate) fn open(&self) -> mixtura::Result<Device> {
        if let DeviceChoice::Cpu(_) = self.device {
            return Device::open_in(&self.device, self.precision);
        }
        if let Some(device) = self.find(&OPEN.lock().unwrap_or_else(PoisonError::into_inner)) {
            // The CPU that was chosen has as many threads as this call, and not as the one that chose it.
            let is_cpu = device.info().backend == CPU && device.distrust().is_none();
            return if is_cpu {
                Device::open_in(&DeviceChoice::Cpu(device.info().precision), None)
            } else {
                Ok(device)
            };
        }
        // A driver takes its time: other threads use their devices meanwhile. Of two that open one the first wins.
        let device = Device::open_in(&self.device, self.precision)?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.find(&open).unwrap_or_else(|| {
            open.push((process::id(), self.clone(), device.clone()));
            device
        }))
    }

    /// Whether it is the CPU, as far as is known without opening anything.
    pub(crate) fn is_cpu(&self) -> bool {
        let open = || self.find(&OPEN.lock().unwrap_or_else(PoisonError::into_inner));
        matches!(self.device, DeviceChoice::Cpu(_)) || open().is_some_and(|device| device.info().backend == CPU)
    }

    /// The device, if this process has it open.
    fn find(&self, open: &[Opened]) -> Option<Device> {
        let mine = |(owner, choice, _): &&Opened| *owner == process::id() && choice == self;
        open.iter().find(mine).map(|(.., device)| device.clone())
    }

    /// Warns when the CPU has taken the place of a device that was chosen automatically.
    pub(crate) fn tell_distrust(&self, py: Python<'_>) -> PyResult<()> {
        let device = self.find(&OPEN.lock().unwrap_or_else(PoisonError::into_inner));
        match device.as_ref().and_then(Device::distrust) {
            None => Ok(()),
            Some(why) => {
                let why = CString::new(why.replace('\0', " ")).expect("no zeros are left");
                PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &why, 1)
            }
        }
    }

    /// Opens it anew next time: what a device that failed needs.
    pub(crate) fn forget(&self) {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(owner, choice, _)| *owner != process::id() || choice != self);
    }
}

/// An entry of the list of devices.
#[derive(IntoPyObject)]
pub(crate) struct Listed {
    device: String,
    name: String,
    r#type: String,
    backend: String,
    precision: &'static str,
    auto: bool,
    reason: Option<String>,
}

/// All devices: a list of dictionaries.
#[pyfunction]
pub(crate) fn devices(py: Python<'_>) -> PyResult<Vec<Listed>> {
    quietly(py, |_| {
        let list = mixtura::device::devices().into_iter().map(
            |mixtura::device::Listed { device, info, auto, reason, .. }| Listed {
                device,
                name: info.name,
                r#type: info.device_type,
                backend: info.backend,
                precision: info.precision.name(),
                auto,
                reason,
            },
        );
        Ok(list.collect())
    })
}
