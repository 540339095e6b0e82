//! The four covariance families, and what depends on the family alone.

use std::fmt;
use std::str::FromStr;

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::memory;

/// Which covariance matrices the components may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CovarianceType {
    /// Every component has its own matrix.
    #[default]
    Full,
    /// All components share one matrix.
    Tied,
    /// Every component has its own diagonal matrix.
    Diag,
    /// Every component has one variance, the same for all features.
    Spherical,
}

impl CovarianceType {
    /// The four families.
    pub const ALL: [CovarianceType; 4] =
        [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag, CovarianceType::Spherical];

    /// Name, as in scikit-learn: `full`, `tied`, `diag` or `spherical`.
    pub fn name(self) -> &'static str {
        match self {
            CovarianceType::Full => "full",
            CovarianceType::Tied => "tied",
            CovarianceType::Diag => "diag",
            CovarianceType::Spherical => "spherical",
        }
    }

    /// Free parameters of the covariances of K components of D features.
    pub fn n_parameters(self, k: usize, d: usize) -> usize {
        match self {
            CovarianceType::Full => k * d * (d + 1) / 2,
            CovarianceType::Tied => d * (d + 1) / 2,
            CovarianceType::Diag => k * d,
            CovarianceType::Spherical => k,
        }
    }

    /// Floating-point operations that an epoch needs for N samples: 2 N K F for the E step of full covariances and
    /// again for the M step, F = D (D + 3) / 2 + 1; 8 N K D for diagonal and 4 N K D for spherical ones; for tied ones
    /// whitening, distances, and first moments. Exponentials are not counted.
    pub fn epoch_flops(self, n: usize, k: usize, d: usize) -> f64 {
        let (n, k, d) = (n as f64, k as f64, d as f64);
        match self {
            CovarianceType::Full => 4.0 * n * k * (d * (d + 3.0) / 2.0 + 1.0),
            CovarianceType::Tied => n * d * (d + 1.0) + 4.0 * n * k * d,
            CovarianceType::Diag => 8.0 * n * k * d,
            CovarianceType::Spherical => 4.0 * n * k * d,
        }
    }

    /// Checks that there is memory for what a fit keeps of K components of D features: covariances, their factors,
    /// second moments, and sums of these.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn check_room(self, k: usize, d: usize) -> Result<()> {
        let bytes = self.shape(k, d).into_iter().try_fold(4 * size_of::<f64>(), usize::checked_mul);
        memory::check_room(|| format!("{self} covariances of {k} components of {d} features"), bytes)
    }

    /// Samples that a component needs for a covariance of its own.
    pub(crate) fn samples_needed(self, d: usize) -> usize {
        match self {
            CovarianceType::Full => d + 1,
            CovarianceType::Tied => 1,
            CovarianceType::Diag | CovarianceType::Spherical => 2,
        }
    }

    /// Whether all components share one covariance.
    pub(crate) fn is_shared(self) -> bool {
        self == CovarianceType::Tied
    }

    /// The variances of K components of D features, each with its component and its feature; one that all components,
    /// or all features, share has none.
    pub(crate) fn variances(self, k: usize, d: usize) -> Vec<(Option<usize>, Option<usize>)> {
        match self {
            CovarianceType::Full | CovarianceType::Diag => {
                (0..k).flat_map(|k| (0..d).map(move |i| (Some(k), Some(i)))).collect()
            }
            CovarianceType::Tied => (0..d).map(|i| (None, Some(i))).collect(),
            CovarianceType::Spherical => (0..k).map(|k| (Some(k), None)).collect(),
        }
    }

    /// Products of numbers of the features, as the entries of a component's covariance have them; of their mean, where
    /// all features share a variance.
    pub(crate) fn products(self, numbers: &Array1<f64>) -> Vec<f64> {
        match self {
            CovarianceType::Full | CovarianceType::Tied => {
                numbers.iter().flat_map(|a| numbers.iter().map(move |b| a * b)).collect()
            }
            CovarianceType::Diag => numbers.iter().map(|number| number * number).collect(),
            CovarianceType::Spherical => vec![average(numbers).powi(2)],
        }
    }

    /// Shape of the array that holds the covariances of K components of D features.
    pub fn shape(self, k: usize, d: usize) -> Vec<usize> {
        match self {
            CovarianceType::Full => vec![k, d, d],
            CovarianceType::Tied => vec![d, d],
            CovarianceType::Diag => vec![k, d],
            CovarianceType::Spherical => vec![k],
        }
    }
}

impl fmt::Display for CovarianceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CovarianceType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name).ok_or_else(|| Error::InvalidOption {
            name: "the covariance type",
            value: name.to_owned(),
            expected: "full, tied, diag or spherical",
        })
    }
}

/// The mean of numbers of the features, which stands for them where these share a variance.
pub(crate) fn average(numbers: &Array1<f64>) -> f64 {
    numbers.mean().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covariances_that_no_machine_holds_are_refused() {
        assert!(CovarianceType::Full.check_room(4, 100).is_ok());
        for (k, d) in [(1, 1 << 24), (1 << 30, 1 << 24)] {
            let error = CovarianceType::Full.check_room(k, d).unwrap_err();
            assert!(error.to_string().contains(&format!("full covariances of {k} components")), "{error}");
        }
    }

    #[test]
    fn free_parameters_of_four_components_in_three_dimensions() {
        let counts = CovarianceType::ALL.map(|family| family.n_parameters(4, 3));
        assert_eq!(counts, [24, 6, 12, 4]);
    }

    #[test]
    fn operations_of_an_epoch_of_ten_samples_with_four_components_in_three_dimensions() {
        let flops = CovarianceType::ALL.map(|family| family.epoch_flops(10, 4, 3));
        assert_eq!(flops, [1600.0, 600.0, 960.0, 480.0]);
    }
}
