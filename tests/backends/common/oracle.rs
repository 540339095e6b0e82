//! Expectation-maximisation by its definition, in f64: what every backend is held to.
//!
//! Nothing here comes from the library but the names of the families. Every covariance is a whole matrix, whatever its
//! family; responsibilities are kept for all samples; the M step is a plain loop over the samples for each component,
//! centred on the new means. A density is found by forward substitution, so no precision is ever formed.

use mixtura::CovarianceType;
use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;

pub(crate) type Matrix = Vec<Vec<f64>>;

/// A mixture: weights [K], means [K][D], covariances [K][D][D].
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) family: CovarianceType,
    pub(crate) weights: Vec<f64>,
    pub(crate) means: Matrix,
    pub(crate) covariances: Vec<Matrix>,
}

/// log p(x_n) [N] and responsibilities [K][N].
pub(crate) struct Posterior {
    pub(crate) log_densities: Vec<f64>,
    pub(crate) responsibilities: Matrix,
}

impl Model {
    /// The E step.
    pub(crate) fn posterior(&self, samples: &Array2<f64>) -> Posterior {
        let terms: Matrix = (0..self.weights.len())
            .into_par_iter()
            .map(|k| {
                let log_weight = self.weights[k].ln();
                self.log_gaussian(samples, k).into_iter().map(|log_density| log_weight + log_density).collect()
            })
            .collect();
        let log_densities: Vec<f64> = (0..samples.nrows())
            .into_par_iter()
            .map(|n| {
                let max = terms.iter().fold(f64::NEG_INFINITY, |max, term| max.max(term[n]));
                max + terms.iter().map(|term| (term[n] - max).exp()).sum::<f64>().ln()
            })
            .collect();
        let responsibilities = terms
            .into_par_iter()
            .map(|term| term.iter().zip(&log_densities).map(|(term, all)| (term - all).exp()).collect())
            .collect();
        Posterior { log_densities, responsibilities }
    }

    /// log N(x_n | mean, L L^T) = -D/2 log 2 pi - sum log L_ii - |y|^2 / 2 for every sample, where L y = x_n - mean.
    fn log_gaussian(&self, samples: &Array2<f64>, k: usize) -> Vec<f64> {
        let d = samples.ncols();
        let (mean, l) = (&self.means[k], cholesky(&self.covariances[k]));
        let log_determinant: f64 = (0..d).map(|i| l[i][i].ln()).sum();
        let constant = -0.5 * d as f64 * (2.0 * std::f64::consts::PI).ln() - log_determinant;
        let mut y = vec![0.0; d];
        let log_density = |x: ArrayView1<f64>| {
            for i in 0..d {
                let mut rest = x[i] - mean[i];
                for j in self.first_column(i)..i {
                    rest -= l[i][j] * y[j];
                }
                y[i] = rest / l[i][i];
            }
            constant - 0.5 * y.iter().map(|y| y * y).sum::<f64>()
        };
        samples.outer_iter().map(log_density).collect()
    }

    /// The columns of row i before this one are zero in every covariance of the family.
    fn first_column(&self, i: usize) -> usize {
        match self.family {
            CovarianceType::Full | CovarianceType::Tied => 0,
            CovarianceType::Diag | CovarianceType::Spherical => i,
            family => unimplemented!("an oracle of the family {family}"),
        }
    }

    /// Mean log-likelihood per unit of sample weight.
    pub(crate) fn mean_log_likelihood(&self, samples: &Array2<f64>, sample_weights: &[f64]) -> f64 {
        weighted_mean(&self.posterior(samples).log_densities, sample_weights)
    }

    /// One epoch: the next model, and the mean log-likelihood of this one.
    pub(crate) fn epoch(&self, samples: &Array2<f64>, sample_weights: &[f64], reg_covar: f64) -> (Model, f64) {
        let posterior = self.posterior(samples);
        let parts: Vec<(f64, Vec<f64>, Matrix)> = (0..self.weights.len())
            .into_par_iter()
            .map(|k| {
                let of_component = &posterior.responsibilities[k];
                let r: Vec<f64> = of_component.iter().zip(sample_weights).map(|(r, weight)| r * weight).collect();
                self.update(samples, &r)
            })
            .collect();
        let counts: Vec<f64> = parts.iter().map(|part| part.0).collect();
        let total: f64 = counts.iter().sum();
        let scatters = parts.iter().map(|part| part.2.clone()).collect();
        let mut covariances = constrain(self.family, &counts, scatters);
        for covariance in &mut covariances {
            for (i, row) in covariance.iter_mut().enumerate() {
                row[i] += reg_covar;
            }
        }
        let next = Model {
            family: self.family,
            weights: counts.iter().map(|count| count / total).collect(),
            means: parts.into_iter().map(|part| part.1).collect(),
            covariances,
        };
        (next, weighted_mean(&posterior.log_densities, sample_weights))
    }

    /// N_k, mean and covariance of one component, from its responsibilities for all samples.
    fn update(&self, samples: &Array2<f64>, r: &[f64]) -> (f64, Vec<f64>, Matrix) {
        let (n, d) = samples.dim();
        let members: Vec<usize> = (0..n).filter(|&n| r[n] != 0.0).collect();
        let count = members.iter().map(|&n| r[n]).sum::<f64>() + 10.0 * f64::EPSILON;
        let mut mean = vec![0.0; d];
        for &n in &members {
            for i in 0..d {
                mean[i] += r[n] * samples[[n, i]] / count;
            }
        }
        let mut covariance = vec![vec![0.0; d]; d];
        for &n in &members {
            let centred: Vec<f64> = (0..d).map(|i| samples[[n, i]] - mean[i]).collect();
            let scale = r[n] / count;
            for i in 0..d {
                for j in self.first_column(i)..=i {
                    covariance[i][j] += scale * centred[i] * centred[j];
                }
            }
        }
        let lower = covariance.clone();
        for (i, row) in lower.iter().enumerate() {
            for (j, x) in row[..i].iter().enumerate() {
                covariance[j][i] = *x;
            }
        }
        (count, mean, covariance)
    }

    /// Many epochs: the last model, and the mean log-likelihood of every model before it.
    pub(crate) fn epochs(
        &self,
        samples: &Array2<f64>,
        sample_weights: &[f64],
        reg_covar: f64,
        count: usize,
    ) -> (Model, Vec<f64>) {
        let mut model = self.clone();
        let bounds = (0..count)
            .map(|_| {
                let (next, bound) = model.epoch(samples, sample_weights, reg_covar);
                model = next;
                bound
            })
            .collect();
        (model, bounds)
    }
}

/// The matrices of a family nearest to those of K components with the given N_k.
pub(crate) fn constrain(family: CovarianceType, counts: &[f64], covariances: Vec<Matrix>) -> Vec<Matrix> {
    let d = covariances[0].len();
    let diagonal = |variance: &dyn Fn(usize) -> f64| -> Matrix {
        (0..d).map(|i| (0..d).map(|j| if i == j { variance(i) } else { 0.0 }).collect()).collect()
    };
    match family {
        CovarianceType::Full => covariances,
        CovarianceType::Tied => {
            let total: f64 = counts.iter().sum();
            let mut shared = vec![vec![0.0; d]; d];
            for (count, covariance) in counts.iter().zip(&covariances) {
                for i in 0..d {
                    for j in 0..d {
                        shared[i][j] += count / total * covariance[i][j];
                    }
                }
            }
            vec![shared; counts.len()]
        }
        CovarianceType::Diag => covariances.iter().map(|c| diagonal(&|i| c[i][i])).collect(),
        CovarianceType::Spherical => covariances
            .iter()
            .map(|c| {
                let mean = (0..d).map(|i| c[i][i]).sum::<f64>() / d as f64;
                diagonal(&|_| mean)
            })
            .collect(),
        family => unimplemented!("an oracle of the family {family}"),
    }
}

/// Lower triangular L with A = L L^T.
fn cholesky(a: &Matrix) -> Matrix {
    let d = a.len();
    let mut l = vec![vec![0.0; d]; d];
    for i in 0..d {
        for j in 0..=i {
            let rest = a[i][j] - (0..j).map(|m| l[i][m] * l[j][m]).sum::<f64>();
            l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
        }
    }
    l
}

fn weighted_mean(values: &[f64], weights: &[f64]) -> f64 {
    let sum: f64 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    sum / weights.iter().sum::<f64>()
}
