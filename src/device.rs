//! Choosing a device, and putting samples on it.

use std::convert::Infallible;
use std::str::FromStr;

use ndarray::{Array1, Array2};

use crate::backend::{Backend, DeviceInfo};
use crate::cpu::CpuBackend;
use crate::error::{Error, Result};
#[cfg(feature = "gpu")]
use crate::gpu;
use crate::mixture::Mixture;
use crate::points::Points;

/// Which device to use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first hardware adapter (discrete, then integrated, then virtual), otherwise the native CPU backend.
    #[default]
    Auto,
    /// The native CPU backend, in f64.
    Cpu,
    /// A hardware adapter.
    Gpu,
    /// A software adapter: lavapipe, SwiftShader or WARP.
    Software,
    /// The adapter of this number in the list of devices, or whose name contains this text.
    Adapter(String),
}

impl FromStr for DeviceChoice {
    type Err = Infallible;

    fn from_str(choice: &str) -> Result<Self, Infallible> {
        Ok(match choice {
            "auto" => DeviceChoice::Auto,
            "cpu" => DeviceChoice::Cpu,
            "gpu" => DeviceChoice::Gpu,
            "software" => DeviceChoice::Software,
            other => DeviceChoice::Adapter(other.to_owned()),
        })
    }
}
