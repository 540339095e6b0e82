//! Gaussian mixture models on millions of samples, on any GPU or on the CPU.

mod backend;
mod covariance;
mod cpu;
mod device;
mod error;
mod fit;
#[cfg(feature = "gpu")]
mod gpu;
mod init;
pub mod io;
mod kmeans;
mod linalg;
mod mixture;
mod moments;
mod points;

pub use backend::{Assessment, Assignment, Backend, DeviceInfo};
pub use covariance::{CovarianceArray, CovarianceType};
pub use cpu::CpuBackend;
pub use device::{Device, DeviceChoice, devices};
pub use error::{Error, Feature, Result};
pub use fit::{Fit, FitOptions, Init, Initialisation, Progress, Seconds, WarmStart, fit};
pub use mixture::Mixture;
pub use moments::Moments;
pub use points::{LARGEST_VALUE, Points, Samples};
