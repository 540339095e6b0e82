//! Expectation-maximisation of incomplete samples by its definition, in f64, sample by sample: every missing value is
//! integrated out with the covariance of what is there, and no precision is ever formed.

use mixtura::CovarianceType;
use ndarray::Array2;

use super::oracle::{Matrix, Model, constrain};

/// Samples, of which NaN is missing, and their weights.
pub(crate) struct Incomplete<'a> {
    pub(crate) samples: &'a Array2<f64>,
    pub(crate) weights: &'a [f64],
}

/// A sample as a component completes it.
struct Completed {
    log_density: f64,
    /// `[D]`
    expected: Vec<f64>,
    /// What is not known of it: `[D][D]`.
    uncertain: Matrix,
}

impl Incomplete<'_> {
    fn observed(&self, n: usize) -> Vec<usize> {
        (0..self.samples.ncols()).filter(|i| !self.samples[[n, *i]].is_nan()).collect()
    }

    fn complete(&self, model: &Model, n: usize, k: usize) -> Completed {
        let d = self.samples.ncols();
        let (mean, covariance) = (&model.means[k], &model.covariances[k]);
        let observed = self.observed(n);
        let l = cholesky(covariance, &observed);
        let deviation: Vec<f64> = observed.iter().map(|i| self.samples[[n, *i]] - mean[*i]).collect();
        let y = forward(&l, &deviation);
        let log_determinant: f64 = (0..observed.len()).map(|i| l[i][i].ln()).sum();
        let square: f64 = y.iter().map(|y| y * y).sum();
        let log_density =
            -0.5 * observed.len() as f64 * (2.0 * std::f64::consts::PI).ln() - log_determinant - 0.5 * square;
        let mut expected: Vec<f64> = mean.clone();
        let mut uncertain = vec![vec![0.0; d]; d];
        // L z_i = Sigma_oi for every missing feature i.
        let missing: Vec<usize> = (0..d).filter(|i| !observed.contains(i)).collect();
        let z: Matrix = missing
            .iter()
            .map(|i| forward(&l, &observed.iter().map(|o| covariance[*o][*i]).collect::<Vec<f64>>()))
            .collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for (a, i) in missing.iter().enumerate() {
            expected[*i] += dot(&z[a], &y);
            for (b, j) in missing.iter().enumerate() {
                uncertain[*i][*j] = covariance[*i][*j] - dot(&z[a], &z[b]);
            }
        }
        for i in observed {
            expected[i] = self.samples[[n, i]];
        }
        Completed { log_density, expected, uncertain }
    }

    /// log p of what is there `[N]`, and responsibilities `[N][K]`.
    pub(crate) fn posterior(&self, model: &Model) -> (Vec<f64>, Matrix) {
        let of_sample = |n: usize| {
            let terms: Vec<f64> = (0..model.weights.len())
                .map(|k| model.weights[k].ln() + self.complete(model, n, k).log_density)
                .collect();
            let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let all = most + terms.iter().map(|term| (term - most).exp()).sum::<f64>().ln();
            (all, terms.iter().map(|term| (term - all).exp()).collect())
        };
        (0..self.samples.nrows()).map(of_sample).unzip()
    }

    pub(crate) fn mean_log_likelihood(&self, model: &Model) -> f64 {
        let (log_densities, _) = self.posterior(model);
        let sum: f64 = log_densities.iter().zip(self.weights).map(|(l, w)| l * w).sum();
        sum / self.weights.iter().sum::<f64>()
    }

    /// One epoch: the next model, and the mean log-likelihood of this one.
    fn epoch(&self, model: &Model, floor: f64) -> (Model, f64) {
        let (n, d) = self.samples.dim();
        let k = model.weights.len();
        let (log_densities, responsibilities) = self.posterior(model);
        let total: f64 = self.weights.iter().sum();
        let bound = log_densities.iter().zip(self.weights).map(|(l, w)| l * w).sum::<f64>() / total;
        let r = |n: usize, k: usize| self.weights[n] * responsibilities[n][k];
        let counts: Vec<f64> = (0..k).map(|k| (0..n).map(|n| r(n, k)).sum()).collect();
        let (mut means, mut covariances) = (Vec::new(), Vec::new());
        for (k, count) in counts.iter().enumerate() {
            let (mean, covariance) = match model.family {
                CovarianceType::Full | CovarianceType::Tied => self.update(model, k, *count, &|n| r(n, k)),
                _ => self.update_by_feature(model, k, &|n| r(n, k)),
            };
            means.push(mean);
            covariances.push(covariance);
        }
        let mut covariances = match model.family {
            CovarianceType::Tied => constrain(model.family, &counts, covariances),
            _ => covariances,
        };
        for covariance in &mut covariances {
            (0..d).for_each(|i| covariance[i][i] += floor);
        }
        let weights = counts.iter().map(|count| count / total).collect();
        (Model { family: model.family, weights, means, covariances }, bound)
    }

    /// Missing values follow from those that are there.
    fn update(&self, model: &Model, k: usize, count: f64, r: &dyn Fn(usize) -> f64) -> (Vec<f64>, Matrix) {
        let (n, d) = self.samples.dim();
        let completed: Vec<Completed> = (0..n).map(|n| self.complete(model, n, k)).collect();
        let mean: Vec<f64> =
            (0..d).map(|i| (0..n).map(|n| r(n) * completed[n].expected[i]).sum::<f64>() / count).collect();
        let entry = |i: usize, j: usize| {
            let of_sample = |n: usize| {
                let Completed { expected, uncertain, .. } = &completed[n];
                r(n) * ((expected[i] - mean[i]) * (expected[j] - mean[j]) + uncertain[i][j])
            };
            (0..n).map(of_sample).sum::<f64>() / count
        };
        let covariance = (0..d).map(|i| (0..d).map(|j| entry(i, j)).collect()).collect();
        (mean, covariance)
    }

    /// Samples count for the features that they have.
    fn update_by_feature(&self, model: &Model, k: usize, r: &dyn Fn(usize) -> f64) -> (Vec<f64>, Matrix) {
        let (n, d) = self.samples.dim();
        let members = |i: usize| (0..n).filter(move |n| !self.samples[[*n, i]].is_nan());
        let counts: Vec<f64> = (0..d).map(|i| members(i).map(r).sum()).collect();
        let mean: Vec<f64> = (0..d)
            .map(|i| match counts[i] > 0.0 {
                true => members(i).map(|n| r(n) * self.samples[[n, i]]).sum::<f64>() / counts[i],
                false => model.means[k][i],
            })
            .collect();
        let squares: Vec<f64> =
            (0..d).map(|i| members(i).map(|n| r(n) * (self.samples[[n, i]] - mean[i]).powi(2)).sum::<f64>()).collect();
        let variance = |i: usize| match model.family {
            CovarianceType::Spherical => squares.iter().sum::<f64>() / counts.iter().sum::<f64>(),
            _ if counts[i] > 0.0 => squares[i] / counts[i],
            _ => model.covariances[k][i][i],
        };
        let entry = |i: usize, j: usize| if i == j { variance(i) } else { 0.0 };
        let covariance = (0..d).map(|i| (0..d).map(|j| entry(i, j)).collect()).collect();
        (mean, covariance)
    }

    /// Many epochs: the last model, and the mean log-likelihood of every model before it.
    pub(crate) fn epochs(&self, start: &Model, floor: f64, count: usize) -> (Model, Vec<f64>) {
        let mut model = start.clone();
        let bounds = (0..count)
            .map(|_| {
                let (next, bound) = self.epoch(&model, floor);
                model = next;
                bound
            })
            .collect();
        (model, bounds)
    }
}

/// Lower triangular L of the covariance of some features.
fn cholesky(a: &Matrix, of: &[usize]) -> Matrix {
    let d = of.len();
    let mut l = vec![vec![0.0; d]; d];
    for i in 0..d {
        for j in 0..=i {
            let rest = a[of[i]][of[j]] - (0..j).map(|m| l[i][m] * l[j][m]).sum::<f64>();
            l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
        }
    }
    l
}

/// y with L y = b.
fn forward(l: &Matrix, b: &[f64]) -> Vec<f64> {
    let mut y = vec![0.0; b.len()];
    for i in 0..b.len() {
        y[i] = (b[i] - (0..i).map(|j| l[i][j] * y[j]).sum::<f64>()) / l[i][i];
    }
    y
}
