//! Gaussian mixture models on millions of samples, on any GPU or on the CPU.

mod backend;
mod covariance;
mod error;
mod linalg;
mod mixture;
mod moments;
mod points;

pub use backend::{Assessment, Assignment, Backend, DeviceInfo};
pub use covariance::{CovarianceArray, CovarianceType};
pub use error::{Error, Feature, Result};
pub use mixture::Mixture;
pub use moments::Moments;
pub use points::{LARGEST_VALUE, Points, Samples};
