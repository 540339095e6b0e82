//! Mixtures and what their sums are: no samples, no device.

mod components;
pub(crate) mod covariance;
mod factors;
pub(crate) mod family;
pub(crate) mod gradients;
pub(crate) mod linalg;
pub(crate) mod m_step;
pub(crate) mod marginal;
pub(crate) mod merging;
pub(crate) mod mixture;
pub(crate) mod moments;
pub(crate) mod quadratics;
mod resizing;
pub(crate) mod sampling;
pub(crate) mod statistics;
pub(crate) mod unconstrained;

pub use self::covariance::CovarianceArray;
pub use self::family::CovarianceType;
pub use self::gradients::Gradients;
pub use self::m_step::{Frozen, MStep};
pub use self::mixture::Mixture;
pub use self::moments::Moments;
pub use self::quadratics::Quadratics;
pub use self::sampling::SampleChunks;
pub use self::statistics::Statistics;
