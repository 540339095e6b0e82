//! The devices there are, and those in use, which stay open for the next call.

use std::process;
use std::sync::{Mutex, PoisonError};

use mixtura::{Device, DeviceChoice, Precision};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::work::quietly;

/// A device as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    device: DeviceChoice,
    precision: Option<Precision>,
}

/// Devices that were opened, and the process that did: a driver does not outlive a fork.
static OPEN: Mutex<Vec<(u32, Choice, Device)>> = Mutex::new(Vec::new());

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
        let here = process::id();
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., device)) = open.iter().find(|(owner, choice, _)| *owner == here && choice == self) {
            return Ok(device.clone());
        }
        let device = Device::open_in(&self.device, self.precision)?;
        open.push((here, self.clone(), device.clone()));
        Ok(device)
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
}

/// All devices: a list of dictionaries.
#[pyfunction]
pub(crate) fn devices(py: Python<'_>) -> PyResult<Vec<Listed>> {
    quietly(py, |_| {
        let list = mixtura::devices().into_iter().map(|mixtura::Listed { device, info, auto }| Listed {
            device,
            name: info.name,
            r#type: info.device_type,
            backend: info.backend,
            precision: info.precision.name(),
            auto,
        });
        Ok(list.collect())
    })
}
