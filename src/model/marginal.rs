//! Marginals: what a model says of samples of which some features are missing, and of the missing values themselves.

use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};

use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::linalg;
use crate::model::quadratics::Quadratics;

/// Which features of some samples are there, in ascending order, and which are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) observed: Vec<usize>,
    pub(crate) missing: Vec<usize>,
}

impl Pattern {
    /// Of D features those that are there.
    pub(crate) fn new(d: usize, is_there: impl Fn(usize) -> bool) -> Self {
        let (observed, missing) = (0..d).partition(|feature| is_there(*feature));
        Pattern { observed, missing }
    }
}

/// How the missing values of a sample follow from those that are there, in a component: they are normal about mu_m + B (x_o -
/// mu_o), with covariance C.
#[derive(Debug, Clone)]
pub(crate) struct Regression {
    /// B: `[m, o]`
    pub(crate) slopes: Array2<f64>,
    /// C: `[m, m]`
    pub(crate) residual: Array2<f64>,
}

impl Quadratics {
    /// The same functions of the features that are there, in their order. Densities are integrated over the others;
    /// distances are without them.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] for a covariance that is none without the others, by rounding.
    pub(crate) fn marginal(&self, pattern: &Pattern) -> Result<Quadratics> {
        let (k, d, observed) = (self.n_components(), self.n_features(), &pattern.observed[..]);
        if pattern.missing.is_empty() {
            return Ok(self.clone());
        }
        let means = self.means().select(Axis(1), observed);
        let sub = |matrix: ArrayView2<f64>| some(matrix, observed, observed);
        let of = if self.are_densities { self.covariances() } else { self.factors() };
        let of = match of {
            CovarianceArray::Full(all) => {
                let at = |(k, i, j)| all[[k, observed[i], observed[j]]];
                CovarianceArray::Full(Array3::from_shape_fn((k, observed.len(), observed.len()), at))
            }
            CovarianceArray::Tied(all) => CovarianceArray::Tied(sub(all.view())),
            CovarianceArray::Diag(all) => CovarianceArray::Diag(all.select(Axis(1), observed)),
            CovarianceArray::Spherical(all) => CovarianceArray::Spherical(all.clone()),
        };
        if !self.are_densities {
            return Ok(self.of_features(self.constants().clone(), means, of));
        }
        let factors = of.precisions_cholesky()?;
        let constants = self.log_weights() + factors.log_determinants(k, observed.len())
            - 0.5 * observed.len() as f64 * (2.0 * std::f64::consts::PI).ln();
        debug_assert_eq!(d, observed.len() + pattern.missing.len());
        Ok(self.of_features(constants, means, factors))
    }

    /// The same functions of the features that are there, with factors for all features that are zero for the others, which
    /// may have any values then.
    ///
    /// # Errors
    /// As [`Quadratics::marginal`].
    #[cfg(feature = "gpu")]
    pub(crate) fn zero_padded(&self, pattern: &Pattern) -> Result<Quadratics> {
        let ((k, d), observed) = (self.means().dim(), &pattern.observed[..]);
        let mut factors = Array3::zeros((k, d, d));
        let constants = if observed.is_empty() {
            self.log_weights()
        } else {
            let marginal = self.marginal(pattern)?;
            for k in 0..k {
                for (row, i) in observed.iter().enumerate() {
                    observed.iter().enumerate().skip(row).for_each(|(column, j)| {
                        factors[[k, *i, *j]] = marginal.factors().entry(k, row, column);
                    });
                }
            }
            marginal.constants().clone()
        };
        // As of all features: the log-density one standard deviation out in each.
        let known = self.shares().into_iter().zip(&constants).filter(|(share, _)| *share > 0.0);
        let typical = known.map(|(share, constant)| share * constant).sum::<f64>() - 0.5 * observed.len() as f64;
        let padded = self.of_features(constants, self.means().clone(), CovarianceArray::Full(factors));
        Ok(padded.with_typical(typical))
    }

    /// Shares of the components in samples without any value: `[K]`.
    pub(crate) fn shares(&self) -> Array1<f64> {
        let weights = self.log_weights().mapv(f64::exp);
        let total = weights.sum();
        weights / total
    }

    /// Log-weights of the components, of densities; zeros of distances: `[K]`.
    pub(crate) fn log_weights(&self) -> Array1<f64> {
        if !self.are_densities {
            return Array1::zeros(self.n_components());
        }
        let (k, d) = self.means().dim();
        let normaliser = 0.5 * d as f64 * (2.0 * std::f64::consts::PI).ln();
        self.constants() - self.factors().log_determinants(k, d) + normaliser
    }

    /// Whether values of different features say nothing of each other in a component: missing ones follow from none.
    pub(crate) fn features_are_independent(&self) -> bool {
        !self.are_densities || !matches!(self.factors(), CovarianceArray::Full(_) | CovarianceArray::Tied(_))
    }

    /// How missing values follow from those that are there, in each component; of one for all, where they share their
    /// covariance. With the precision L = P P^T, C is the inverse of L_mm, and B is - C L_mo.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`], by rounding.
    pub(crate) fn regressions(&self, pattern: &Pattern) -> Result<Vec<Regression>> {
        let Pattern { observed, missing } = pattern;
        let of = |component: Option<usize>, precision: ArrayView2<f64>| -> Result<Regression> {
            let lower = linalg::cholesky(some(precision, missing, missing).view()).map_err(|pivot| {
                Error::NotPositiveDefinite { component, feature: missing[pivot.index], single_precision: false }
            })?;
            let inverse = linalg::invert_lower(lower.view());
            let residual = inverse.t().dot(&inverse);
            let slopes = -residual.dot(&some(precision, missing, observed));
            Ok(Regression { slopes, residual })
        };
        let (m, o) = (missing.len(), observed.len());
        let independent = |variance: &dyn Fn(usize) -> f64| Regression {
            slopes: Array2::zeros((m, o)),
            residual: Array2::from_diag(&missing.iter().map(|i| variance(*i)).collect::<Array1<f64>>()),
        };
        match self.precisions() {
            CovarianceArray::Full(precisions) => {
                precisions.outer_iter().enumerate().map(|(k, precision)| of(Some(k), precision)).collect()
            }
            CovarianceArray::Tied(precision) => Ok(vec![of(None, precision.view())?]),
            CovarianceArray::Diag(_) | CovarianceArray::Spherical(_) => {
                let covariances = self.covariances();
                let of = |k| independent(&|i| covariances.entry(k, i, i));
                Ok((0..self.n_components()).map(of).collect())
            }
        }
    }
}

/// Some rows and columns of a matrix.
fn some(matrix: ArrayView2<f64>, rows: &[usize], columns: &[usize]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), columns.len()), |(i, j)| matrix[[rows[i], columns[j]]])
}

/// Sums of one component over samples of which the same features are there: their weight N, and first moments f `[o]` and
/// second moments S `[o, o]` about its mean.
pub(crate) struct Observed<'a> {
    pub(crate) count: f64,
    pub(crate) first: &'a Array1<f64>,
    pub(crate) second: &'a Array2<f64>,
}

impl Regression {
    /// The sums expected of all features, in the order of the features: f and B f, and S, B S and B S B^T + N C (Ghahramani
    /// and Jordan 1994).
    pub(crate) fn complete(&self, pattern: &Pattern, sums: &Observed) -> (Array1<f64>, Array2<f64>) {
        let Pattern { observed, missing } = pattern;
        let d = observed.len() + missing.len();
        let (mut first, mut second) = (Array1::zeros(d), Array2::zeros((d, d)));
        let of_missing = self.slopes.dot(sums.first);
        let across = self.slopes.dot(sums.second);
        let within = across.dot(&self.slopes.t()) + &(&self.residual * sums.count);
        for (a, i) in observed.iter().enumerate() {
            first[*i] = sums.first[a];
            observed.iter().enumerate().for_each(|(b, j)| second[[*i, *j]] = sums.second[[a, b]]);
        }
        for (a, i) in missing.iter().enumerate() {
            first[*i] = of_missing[a];
            for (b, j) in observed.iter().enumerate() {
                (second[[*i, *j]], second[[*j, *i]]) = (across[[a, b]], across[[a, b]]);
            }
            missing.iter().enumerate().for_each(|(b, j)| second[[*i, *j]] = within[[a, b]]);
        }
        (first, second)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::model::mixture::Mixture;

    fn mixture() -> Mixture {
        let covariance = array![[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.5]];
        let covariances = CovarianceArray::repeated(crate::CovarianceType::Full, 2, &covariance);
        Mixture::new(array![0.25, 0.75], array![[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]], covariances).unwrap()
    }

    #[test]
    fn a_marginal_is_the_mixture_of_the_features_that_are_there() {
        let pattern = Pattern::new(3, |feature| feature != 1);
        let covariance = array![[2.0, -0.3], [-0.3, 1.5]];
        let covariances = CovarianceArray::repeated(crate::CovarianceType::Full, 2, &covariance);
        let expected = Mixture::new(array![0.25, 0.75], array![[0.0, 2.0], [3.0, 0.0]], covariances).unwrap();
        let marginal = mixture().quadratics().marginal(&pattern).unwrap();
        let near = |a: &Array1<f64>, b: &Array1<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near(marginal.constants(), expected.quadratics().constants()));
        assert_eq!(marginal.means(), expected.means());
        let log_weights = mixture().quadratics().log_weights();
        assert!(near(&log_weights, &array![0.25_f64.ln(), 0.75_f64.ln()]));
    }

    #[test]
    fn missing_values_are_regressed_on_those_that_are_there() {
        // By the block formulas with the covariance, and of more than one missing value.
        for missing in [vec![1], vec![0, 2]] {
            let pattern = Pattern::new(3, |feature| !missing.contains(&feature));
            let regression = &mixture().quadratics().regressions(&pattern).unwrap()[1];
            let covariance = array![[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.5]];
            let block = |rows: &[usize], columns: &[usize]| covariance.select(Axis(0), rows).select(Axis(1), columns);
            let (m, o) = (&pattern.missing[..], &pattern.observed[..]);
            let lower = linalg::invert_lower(linalg::cholesky(block(o, o).view()).unwrap().view());
            let slopes = block(m, o).dot(&lower.t().dot(&lower));
            let residual = block(m, m) - slopes.dot(&block(o, m));
            assert!((&regression.slopes - &slopes).iter().all(|x| x.abs() < 1e-12), "{missing:?}");
            assert!((&regression.residual - &residual).iter().all(|x| x.abs() < 1e-12), "{missing:?}");
        }
    }
}
