//! Quadratic log-densities: all that a pass over samples needs of a model.

use std::sync::OnceLock;

use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;

/// K quadratic functions of a sample, log rho_k(x) = c_k - |(x - mu_k) P_k|^2 / 2, with upper triangular factors P_k. A
/// pass assigns a sample to k in proportion to rho_k(x), and takes the logarithm of their sum for its log-density.
///
/// Those of a mixture are its components' weighted densities ([`Mixture::quadratics`](crate::Mixture::quadratics));
/// those of k-means are distances from centres.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Quadratics {
    constants: Array1<f64>,
    means: Array2<f64>,
    factors: CovarianceArray,
    /// Found when they are asked for, where only factors were given: passes on the CPU do without them.
    #[serde(skip)]
    covariances: OnceLock<CovarianceArray>,
    /// Likewise.
    #[serde(skip)]
    precisions: OnceLock<CovarianceArray>,
    /// A value near those of typical samples.
    typical: f64,
    /// Whether they are weighted densities.
    pub(super) are_densities: bool,
}

impl Quadratics {
    /// Weighted Gaussian densities: c_k = log w_k + log det P_k - D/2 log 2 pi.
    pub(crate) fn of_densities(
        weights: &Array1<f64>,
        means: Array2<f64>,
        factors: CovarianceArray,
        covariances: Option<CovarianceArray>,
    ) -> Self {
        let (k, d) = means.dim();
        let normaliser = 0.5 * d as f64 * (2.0 * std::f64::consts::PI).ln();
        let constants = weights.mapv(f64::ln) + factors.log_determinants(k, d) - normaliser;
        // The mean over the components of the log-density one standard deviation out in every feature.
        let weighted = weights.iter().zip(&constants).filter(|(weight, _)| **weight > 0.0);
        let typical = weighted.map(|(weight, constant)| weight * (constant - 0.5 * d as f64)).sum();
        let covariances = covariances.map_or_else(OnceLock::new, OnceLock::from);
        let precisions = OnceLock::new();
        Quadratics { constants, means, factors, covariances, precisions, typical, are_densities: true }
    }

    /// Distances from centres `[K, D]`, in units of which the squares are given, `[D]`; 1 where that is 0, for a
    /// constant feature tells nothing anyway. The factors have the shape that a family's have, so that the same kernels
    /// serve both.
    pub(crate) fn distances(centres: Array2<f64>, squared_units: &Array1<f64>, family: CovarianceType) -> Self {
        let (k, d) = centres.dim();
        let factors = squared_units.mapv(|square| if square > 0.0 { 1.0 / square.sqrt() } else { 1.0 });
        let factors = CovarianceArray::diagonal(family.statistics().family(), k, &factors);
        let (constants, typical) = (Array1::zeros(k), -0.5 * d as f64);
        let (covariances, precisions) = Default::default();
        Quadratics { constants, means: centres, factors, covariances, precisions, typical, are_densities: false }
    }

    /// The same functions, of others than all features.
    pub(super) fn of_features(&self, constants: Array1<f64>, means: Array2<f64>, factors: CovarianceArray) -> Self {
        let (typical, are_densities) = (self.typical, self.are_densities);
        let (covariances, precisions) = Default::default();
        Quadratics { constants, means, factors, covariances, precisions, typical, are_densities }
    }

    /// The same functions, with another value near those of typical samples.
    #[cfg(feature = "gpu")]
    pub(super) fn with_typical(self, typical: f64) -> Self {
        Quadratics { typical, ..self }
    }

    /// Whether they are weighted densities, and not distances.
    pub(crate) fn are_densities(&self) -> bool {
        self.are_densities
    }

    /// K.
    pub fn n_components(&self) -> usize {
        self.means.nrows()
    }

    /// D, the number of features.
    pub fn n_features(&self) -> usize {
        self.means.ncols()
    }

    /// c_k: `[K]`.
    pub fn constants(&self) -> &Array1<f64> {
        &self.constants
    }

    /// mu_k: `[K, D]`.
    pub fn means(&self) -> &Array2<f64> {
        &self.means
    }

    /// P_k, in one of the four shapes of a [`CovarianceArray`].
    pub fn factors(&self) -> &CovarianceArray {
        &self.factors
    }

    /// The inverse of P_k P_k^T, in the shape of the factors.
    pub(crate) fn covariances(&self) -> &CovarianceArray {
        self.covariances.get().unwrap_or_else(|| {
            // Not under the lock: a thread that waits for a part of this may take up work that asks for them, too.
            let covariances = self.factors.covariances_of_factors();
            self.covariances.get_or_init(|| covariances)
        })
    }

    /// P_k P_k^T, in the shape of the factors.
    pub(super) fn precisions(&self) -> &CovarianceArray {
        self.precisions.get().unwrap_or_else(|| {
            let precisions = self.factors.precisions_of_factors();
            self.precisions.get_or_init(|| precisions)
        })
    }

    /// A value near those of typical samples, from the model alone.
    #[cfg(feature = "gpu")]
    pub(crate) fn typical(&self) -> f64 {
        self.typical
    }

    /// x P_k of a vector x: `[D]`.
    pub(crate) fn whiten(&self, k: usize, x: ArrayView1<f64>) -> Array1<f64> {
        match &self.factors {
            CovarianceArray::Full(factors) => factors.index_axis(Axis(0), k).t().dot(&x),
            CovarianceArray::Tied(factor) => factor.t().dot(&x),
            CovarianceArray::Diag(factors) => &factors.row(k) * &x,
            CovarianceArray::Spherical(factors) => &x * factors[k],
        }
    }
}
