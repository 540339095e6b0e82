//! The answers of a model to single samples.

use ndarray::Array1;

use crate::data::points::Points;
use crate::error::Result;

/// Log-density and most probable component of each of some samples.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Assessment {
    /// log p(x_n): `[n]`.
    pub log_densities: Array1<f64>,
    /// Most probable component, the lowest index among equals: `[n]`.
    pub labels: Array1<usize>,
}

/// Visitor of parts of the samples, with the assessment of each by a model.
pub type VisitAssessed<'v> = dyn FnMut(usize, &Points, &Assessment) -> Result<()> + 'v;
