//! Mixtures and what their sums are: no samples, no device.

mod components;
pub(crate) mod covariance;
pub(crate) mod gradients;
pub(crate) mod linalg;
pub(crate) mod m_step;
pub(crate) mod mixture;
pub(crate) mod moments;
pub(crate) mod quadratics;
pub(crate) mod sampling;
pub(crate) mod statistics;
pub(crate) mod unconstrained;
