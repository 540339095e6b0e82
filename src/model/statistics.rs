//! Which second moments a pass sums.

use serde::{Deserialize, Serialize};

#[cfg(feature = "gpu")]
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;

/// Second moments that a pass sums beside counts and first moments: all that it knows of a family of covariances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Statistics {
    /// A matrix for each component.
    Triangles,
    /// The sum of these matrices.
    Pooled,
    /// The diagonal of each.
    Diagonals,
}

impl CovarianceType {
    /// The second moments that an M step needs.
    pub fn statistics(self) -> Statistics {
        match self {
            CovarianceType::Full => Statistics::Triangles,
            CovarianceType::Tied => Statistics::Pooled,
            CovarianceType::Diag | CovarianceType::Spherical => Statistics::Diagonals,
        }
    }
}

impl Statistics {
    /// The second moments that go with factors of a shape.
    #[cfg(feature = "gpu")]
    pub(crate) fn of_factors(factors: &CovarianceArray) -> Self {
        factors.covariance_type().statistics()
    }

    /// The family whose second moments have the same shape.
    pub(crate) fn family(self) -> CovarianceType {
        match self {
            Statistics::Triangles => CovarianceType::Full,
            Statistics::Pooled => CovarianceType::Tied,
            Statistics::Diagonals => CovarianceType::Diag,
        }
    }
}
