//! Parameters of a mixture as numbers without constraints and units, in which models can be extrapolated.

use ndarray::{Array1, Array2};

use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;

/// The least weight that has a logarithm.
const LEAST_WEIGHT: f64 = 1e-300;

impl Mixture {
    /// Unconstrained parameters without units: log weights, means over the features' scales, and lower Cholesky factors
    /// over these with logarithms of the diagonal.
    pub(crate) fn unconstrained(&self, scales: &Array1<f64>) -> Option<Vec<f64>> {
        let d = scales.len();
        let mut parameters: Vec<f64> = self.weights().iter().map(|w| w.max(LEAST_WEIGHT).ln()).collect();
        for mean in self.means().outer_iter() {
            parameters.extend(mean.iter().zip(scales).map(|(mean, scale)| mean / scale));
        }
        let factors = self.covariances().cholesky().ok()?;
        match factors.covariance_type() {
            CovarianceType::Full | CovarianceType::Tied => {
                for matrix in factors.values().chunks_exact(d * d) {
                    for (i, row) in matrix.chunks_exact(d).enumerate() {
                        parameters.extend(row[..i].iter().map(|x| x / scales[i]));
                        parameters.push((row[i] / scales[i]).ln());
                    }
                }
            }
            CovarianceType::Diag => {
                let scaled = factors.values().iter().enumerate().map(|(i, x)| (x / scales[i % d]).ln());
                parameters.extend(scaled);
            }
            CovarianceType::Spherical => parameters.extend(factors.values().iter().map(|x| x.ln())),
        }
        Some(parameters)
    }

    /// The mixture of other unconstrained parameters, of the shape of this one; `None` where numbers overflow.
    pub(crate) fn with_unconstrained(&self, parameters: &[f64], scales: &Array1<f64>) -> Option<Mixture> {
        let (k, d) = self.means().dim();
        let (weights, rest) = parameters.split_at(k);
        let (means, rest) = rest.split_at(k * d);
        let largest = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Array1<f64> = weights.iter().map(|w| (w - largest).exp()).collect();
        let means = Array2::from_shape_fn((k, d), |(k, i)| means[k * d + i] * scales[i]);
        let mut covariances = CovarianceArray::zeros(self.covariance_type(), k, d);
        match self.covariance_type() {
            CovarianceType::Full | CovarianceType::Tied => {
                let packed = rest.chunks_exact(d * (d + 1) / 2);
                for (matrix, packed) in covariances.values_mut().chunks_exact_mut(d * d).zip(packed) {
                    let mut factor = Array2::zeros((d, d));
                    let mut next = packed.iter();
                    for i in 0..d {
                        for j in 0..=i {
                            let x = next.next()?;
                            factor[[i, j]] = scales[i] * if i == j { x.exp() } else { *x };
                        }
                    }
                    matrix.copy_from_slice(factor.dot(&factor.t()).as_slice()?);
                }
            }
            CovarianceType::Diag => {
                for (i, (x, log)) in covariances.values_mut().iter_mut().zip(rest).enumerate() {
                    *x = (scales[i % d] * log.exp()).powi(2);
                }
            }
            CovarianceType::Spherical => {
                covariances.values_mut().iter_mut().zip(rest).for_each(|(x, log)| *x = (2.0 * log).exp());
            }
        }
        let total = weights.sum();
        Mixture::new(weights / total, means, covariances).ok()
    }
}
