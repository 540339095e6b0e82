//! The floor of variances: what keeps covariances positive definite where samples alone would not.

use std::fmt::{self, Display};

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use crate::data::Data;
use crate::error::{Error, Result};

/// What is added to the diagonal of every covariance, so that no component collapses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Floor {
    /// The same variance for every feature, whatever the features are measured in: scikit-learn's `reg_covar`.
    #[serde(rename = "reg_covar")]
    Absolute(f64),
    /// This share of every feature's variance in the data: a fit in metres and one in millimetres give the same labels.
    #[serde(rename = "floor")]
    Relative(f64),
}

impl Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Floor::Absolute(floor) => write!(f, "{floor:e}"),
            Floor::Relative(share) => write!(f, "{share:e} of each feature's variance"),
        }
    }
}

impl Default for Floor {
    fn default() -> Self {
        Floor::Relative(1e-6)
    }
}

impl Floor {
    /// Checks its number.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub(crate) fn check(self) -> Result<()> {
        let (Floor::Absolute(floor) | Floor::Relative(floor)) = self;
        match floor >= 0.0 && floor.is_finite() {
            true => Ok(()),
            false => Err(Error::InvalidOption {
                name: "the covariance floor",
                value: floor.to_string(),
                expected: "a finite number that is 0 or more",
            }),
        }
    }

    /// The floor of every feature of the data, as a variance: `[D]`.
    pub fn of_features(self, data: &dyn Data) -> Array1<f64> {
        match self {
            Floor::Absolute(floor) => Array1::from_elem(data.n_features(), floor),
            Floor::Relative(share) => units(data) * share,
        }
    }
}

/// Squares of what the features are measured in: their variances. A constant feature is measured in itself, and one of
/// zeros in 1: `[D]`.
pub(crate) fn units(data: &dyn Data) -> Array1<f64> {
    let (means, variances) = data.feature_moments();
    let unit = |mean: &f64, variance: &f64| match (*variance, mean * mean) {
        (variance, _) if variance > 0.0 => variance,
        (_, square) if square > 0.0 => square,
        _ => 1.0,
    };
    means.iter().zip(&variances).map(|(mean, variance)| unit(mean, variance)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::Points;
    use ndarray::{arr1, array};

    #[test]
    fn a_relative_floor_follows_the_units_of_every_feature() {
        let points = Points::new(array![[0.0, 7.0, 0.0], [2.0, 7.0, 0.0]]).unwrap();
        assert_eq!(Floor::Relative(0.5).of_features(&points), arr1(&[0.5, 24.5, 0.5]));
        assert_eq!(Floor::Absolute(0.5).of_features(&points), arr1(&[0.5, 0.5, 0.5]));
    }
}
