//! Mixtures and what their sums are: no samples, no device.

pub(crate) mod covariance;
pub(crate) mod gradients;
pub(crate) mod linalg;
pub(crate) mod mixture;
pub(crate) mod moments;
pub(crate) mod sampling;
