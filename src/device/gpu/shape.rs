//! Which kernels a family of covariances uses.

use crate::model::covariance::CovarianceType;

/// Which kernels a family uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// Full: triangular factors, and all second moments of each component.
    Dense,
    /// Tied: triangular factors, and all second moments, of several components together.
    Pooled,
    /// Diagonal and spherical: reciprocal deviations, and the squares alone.
    Diagonal,
}

impl Shape {
    pub(crate) fn of(family: CovarianceType) -> Self {
        match family {
            CovarianceType::Full => Shape::Dense,
            CovarianceType::Tied => Shape::Pooled,
            CovarianceType::Diag | CovarianceType::Spherical => Shape::Diagonal,
        }
    }
}
