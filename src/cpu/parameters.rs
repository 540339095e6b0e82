//! The parameters of a mixture, laid out as the kernels of this backend read them.

use crate::covariance::CovarianceArray;
use crate::linalg::pack_upper;
use crate::mixture::Mixture;

/// Outputs of a triangular product that one step forms together.
pub(super) const BLOCK: usize = 4;

/// How the squared Mahalanobis distance of a component is computed.
#[derive(Debug)]
pub(super) enum Factors {
    /// |(x - mu_k) P_k|^2, with the upper triangular factors of all components packed by [`pack`].
    Dense { packed: Vec<f64>, stride: usize },
    /// |x P - mu_k P|^2 with one factor P for all components, packed; `means` are the mu_k P: [K, D].
    Shared { packed: Vec<f64>, means: Vec<f64> },
    /// sum_d ((x_d - mu_kd) p_kd)^2: [K, D].
    Diagonal(Vec<f64>),
}

/// Everything the E step needs of a mixture, with means relative to the centre of the samples.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) k: usize,
    pub(super) d: usize,
    /// log w_k + log det P_k - D/2 log 2 pi: [K].
    pub(super) constants: Vec<f64>,
    /// mu_k less the centre: [K, D].
    pub(super) means: Vec<f64>,
    pub(super) factors: Factors,
}

impl Parameters {
    pub(super) fn new(mixture: &Mixture, centre: &[f64]) -> Self {
        let (k, d) = mixture.means().dim();
        let means: Vec<f64> =
            mixture.means().outer_iter().flat_map(|mean| (0..d).map(move |i| mean[i] - centre[i])).collect();
        let factors = match mixture.precisions_cholesky() {
            CovarianceArray::Full(p) => {
                let packed: Vec<f64> = p.outer_iter().flat_map(|p| pack(d, |i, j| p[[i, j]])).collect();
                Factors::Dense { stride: packed.len() / k, packed }
            }
            CovarianceArray::Tied(p) => {
                let whitened = |k: usize, j: usize| (0..=j).map(|i| means[k * d + i] * p[[i, j]]).sum();
                Factors::Shared {
                    packed: pack(d, |i, j| p[[i, j]]),
                    means: (0..k * d).map(|kj| whitened(kj / d, kj % d)).collect(),
                }
            }
            CovarianceArray::Diag(p) => Factors::Diagonal(p.iter().copied().collect()),
            CovarianceArray::Spherical(p) => {
                Factors::Diagonal(p.iter().flat_map(|&p| std::iter::repeat_n(p, d)).collect())
            }
        };
        Parameters { k, d, constants: mixture.log_constants().to_vec(), means, factors }
    }
}

/// An upper triangular matrix in the order in which the triangular product reads it: for every [`BLOCK`] of columns
/// (as many as there are features, below that) the rows down to the diagonal, zero where there is no element.
fn pack(d: usize, element: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let block = d.min(BLOCK);
    (0..d)
        .step_by(block)
        .flat_map(|first| pack_upper(first..first + block, (first + block).min(d), block, d, &element))
        .collect()
}
