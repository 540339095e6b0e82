//! Gradients of the mean log-likelihood with respect to the parameters of a mixture.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

/// Derivatives of the mean log-likelihood, in nats per unit of sample weight, by each parameter as if it were free:
/// that the weights sum to 1, and that matrices are symmetric, is left to who uses them.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// By the weights (class probabilities): `[K]`.
    pub weights: Array1<f64>,
    /// By the means: `[K, D]`.
    pub means: Array2<f64>,
    /// By the covariances: `[K, D, D]` for full, `[D, D]` for tied, `[K, D]` for diag and `[K]` for spherical.
    pub covariances: CovarianceArray,
}

impl Mixture {
    /// Gradients at this mixture, from the moments of samples x_i under it. With responsibilities r_ik (sample weights
    /// included), N their total, N_k = sum_i r_ik and S_k = sum_i r_ik (x_i - mu_k)(x_i - mu_k)^T:
    ///
    /// - by pi_k: N_k / (N pi_k);
    /// - by mu_k: Sigma_k^-1 sum_i r_ik (x_i - mu_k) / N;
    /// - by Sigma_k: (Sigma_k^-1 S_k Sigma_k^-1 - N_k Sigma_k^-1) / (2 N), summed over k for tied, its diagonal for diag
    ///   and its trace for spherical.
    ///
    /// (Xu and Jordan 1996, On convergence properties of the EM algorithm for Gaussian mixtures.)
    ///
    /// ```
    /// use mixtura::device::Assignment;
    /// use mixtura::{CovarianceArray, Device, Mixture, Points};
    /// use ndarray::{arr1, array};
    ///
    /// let points = Points::new(array![[0.0], [2.0]])?;
    /// let mixture = Mixture::new(arr1(&[1.0]), array![[0.0]], CovarianceArray::Spherical(arr1(&[1.0])))?;
    /// let moments = Device::cpu().load(&points)?.moments(&mixture, Assignment::Soft)?;
    /// let gradients = mixture.gradients(&moments)?;
    /// assert_eq!(gradients.means, array![[1.0]]); // The samples' mean lies one to the right.
    /// assert_eq!(gradients.covariances, CovarianceArray::Spherical(arr1(&[0.5]))); // (4 / 2 - 1) / 2
    /// # Ok::<(), mixtura::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for moments that another model made.
    pub fn gradients(&self, moments: &Moments) -> Result<Gradients> {
        if moments.covariance_type() != self.covariance_type() || moments.origins != self.means() {
            return Err(Error::InvalidOption {
                name: "the model of the moments",
                value: "another one".to_owned(),
                expected: "the one whose gradients are wanted",
            });
        }
        let (n, counts) = (moments.total_weight, &moments.counts);
        let precisions = self.precisions();
        let mut means = Array2::zeros(self.means().raw_dim());
        for (k, mut gradient) in means.outer_iter_mut().enumerate() {
            let first = moments.first.row(k);
            match &precisions {
                CovarianceArray::Full(p) => gradient.assign(&p.index_axis(Axis(0), k).dot(&first)),
                CovarianceArray::Tied(p) => gradient.assign(&p.dot(&first)),
                CovarianceArray::Diag(p) => gradient.assign(&(&p.row(k) * &first)),
                CovarianceArray::Spherical(p) => gradient.assign(&(&first * p[k])),
            }
            gradient /= n;
        }
        let by_matrix = |p: ArrayView2<f64>, second: ArrayView2<f64>, count: f64| -> Array2<f64> {
            (p.dot(&second).dot(&p) - &p * count) / (2.0 * n)
        };
        let d = self.n_features() as f64;
        let covariances = match (&precisions, &moments.second) {
            (CovarianceArray::Full(p), CovarianceArray::Full(second)) => {
                let mut gradients = p.clone();
                for (k, mut gradient) in gradients.outer_iter_mut().enumerate() {
                    let (p, second) = (p.index_axis(Axis(0), k), second.index_axis(Axis(0), k));
                    gradient.assign(&by_matrix(p, second, counts[k]));
                }
                CovarianceArray::Full(gradients)
            }
            (CovarianceArray::Tied(p), CovarianceArray::Tied(second)) => {
                CovarianceArray::Tied(by_matrix(p.view(), second.view(), counts.sum()))
            }
            (CovarianceArray::Diag(p), CovarianceArray::Diag(second)) => {
                let counts = counts.view().insert_axis(Axis(1));
                CovarianceArray::Diag((p * p * second - p * &counts) / (2.0 * n))
            }
            (CovarianceArray::Spherical(p), CovarianceArray::Spherical(second)) => {
                CovarianceArray::Spherical((p * p * second - p * counts * d) / (2.0 * n))
            }
            _ => unreachable!("the families were compared"),
        };
        Ok(Gradients { weights: counts / self.weights() / n, means, covariances })
    }
}
