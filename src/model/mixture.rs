//! The model: a mixture of K Gaussian densities over D features.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::quadratics::Quadratics;

/// Weights may miss a sum of 1 by this much and are then scaled to it.
const WEIGHT_SUM_TOLERANCE: f64 = 1e-6;

/// A symmetric matrix may differ from its transpose by this much, relative to its largest entry.
const SYMMETRY_TOLERANCE: f64 = 1e-8;

/// A Gaussian mixture p(x) = sum_k w_k N(x | mu_k, Sigma_k), checked on the way in.
///
/// The parameters have scikit-learn's names and shapes. Bulk work (densities, labels, fitting) is done by a
/// [`Device`](crate::Device), on samples that it has loaded.
///
/// ```
/// use mixtura::{CovarianceArray, Mixture};
/// use ndarray::{arr1, array};
///
/// let mixture = Mixture::new(
///     arr1(&[0.25, 0.75]),
///     array![[0.0, 0.0], [5.0, 5.0]],
///     CovarianceArray::Spherical(arr1(&[1.0, 4.0])),
/// )?;
/// assert_eq!(mixture.n_parameters(), 7);
/// let (samples, labels) = mixture.sample(1000, 0);
/// assert_eq!((samples.dim(), labels.len()), ((1000, 2), 1000));
/// # Ok::<(), mixtura::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Mixture {
    weights: Array1<f64>,
    quadratics: Arc<Quadratics>,
}

/// The parameters that tell all of a mixture.
#[derive(Serialize, Deserialize)]
struct Parameters {
    weights: Array1<f64>,
    means: Array2<f64>,
    precisions_cholesky: CovarianceArray,
}

impl From<Mixture> for Parameters {
    fn from(mixture: Mixture) -> Self {
        let (means, precisions_cholesky) = (mixture.means().clone(), mixture.precisions_cholesky().clone());
        Parameters { weights: mixture.weights, means, precisions_cholesky }
    }
}

impl TryFrom<Parameters> for Mixture {
    type Error = Error;

    fn try_from(Parameters { weights, means, precisions_cholesky }: Parameters) -> Result<Self> {
        Self::from_precisions_cholesky(weights, means, precisions_cholesky)
    }
}

impl PartialEq for Mixture {
    fn eq(&self, other: &Self) -> bool {
        (self.weights(), self.means()) == (other.weights(), other.means())
            && self.precisions_cholesky() == other.precisions_cholesky()
            && self.covariances() == other.covariances()
    }
}

impl Mixture {
    /// A mixture from weights `[K]`, means `[K, D]` and covariances in the shape of their family.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::InvalidParameter`] for arrays that do not fit or are not finite, weights that are
    /// negative or do not sum to 1; [`Error::NotPositiveDefinite`] for a covariance that is none.
    pub fn new(weights: Array1<f64>, means: Array2<f64>, covariances: CovarianceArray) -> Result<Self> {
        let (means, covariances) = check_shapes(&weights, means, covariances, "covariances")?;
        check_symmetric("covariances", &covariances)?;
        let weights = check_weights(weights)?;
        let precisions_cholesky = covariances.precisions_cholesky()?;
        Ok(Self::from_checked(weights, means, precisions_cholesky, Some(covariances)))
    }

    /// A mixture from weights `[K]`, means `[K, D]` and precisions (inverse covariances) in the shape of their family.
    ///
    /// # Errors
    /// As [`Mixture::new`].
    pub fn from_precisions(weights: Array1<f64>, means: Array2<f64>, precisions: CovarianceArray) -> Result<Self> {
        let (means, precisions) = check_shapes(&weights, means, precisions, "precisions")?;
        check_symmetric("precisions", &precisions)?;
        Self::from_precisions_cholesky(weights, means, precisions.upper_cholesky()?)
    }

    /// A mixture from weights `[K]`, means `[K, D]` and the factors that [`Mixture::precisions_cholesky`] gives, which
    /// it keeps to the last bit.
    ///
    /// # Errors
    /// As [`Mixture::new`], and [`Error::InvalidParameter`] for a factor that is not upper triangular.
    pub fn from_precisions_cholesky(
        weights: Array1<f64>,
        means: Array2<f64>,
        precisions_cholesky: CovarianceArray,
    ) -> Result<Self> {
        let name = "precisions_cholesky";
        let (means, precisions_cholesky) = check_shapes(&weights, means, precisions_cholesky, name)?;
        check_upper(name, &precisions_cholesky)?;
        let weights = check_weights(weights)?;
        precisions_cholesky.check_factors(means.nrows(), means.ncols())?;
        Ok(Self::from_checked(weights, means, precisions_cholesky, None))
    }

    fn from_checked(
        weights: Array1<f64>,
        means: Array2<f64>,
        factors: CovarianceArray,
        covariances: Option<CovarianceArray>,
    ) -> Self {
        let quadratics = Arc::new(Quadratics::of_densities(&weights, means, factors, covariances));
        Mixture { weights, quadratics }
    }

    /// Weighted densities of its components: all that a pass over samples needs.
    pub fn quadratics(&self) -> &Arc<Quadratics> {
        &self.quadratics
    }

    /// K, the number of components.
    pub fn n_components(&self) -> usize {
        self.means().nrows()
    }

    /// D, the number of features.
    pub fn n_features(&self) -> usize {
        self.means().ncols()
    }

    /// The family of the covariances.
    pub fn covariance_type(&self) -> CovarianceType {
        self.precisions_cholesky().covariance_type()
    }

    /// Weights of the components (class probabilities): `[K]`.
    pub fn weights(&self) -> &Array1<f64> {
        &self.weights
    }

    /// Means: `[K, D]`.
    pub fn means(&self) -> &Array2<f64> {
        self.quadratics.means()
    }

    /// Covariances: `[K, D, D]`, `[D, D]`, `[K, D]` or `[K]`.
    pub fn covariances(&self) -> &CovarianceArray {
        self.quadratics.covariances()
    }

    /// Upper triangular P with precision = P P^T (1 / standard deviation for diag and spherical), in the shape of the
    /// covariances.
    pub fn precisions_cholesky(&self) -> &CovarianceArray {
        self.quadratics.factors()
    }

    /// Precisions (inverse covariances), in the shape of the covariances.
    pub fn precisions(&self) -> CovarianceArray {
        self.precisions_cholesky().precisions_of_factors()
    }

    /// Number of free parameters: those of the covariances, K D of the means, K - 1 of the weights.
    pub fn n_parameters(&self) -> usize {
        let (k, d) = self.means().dim();
        self.covariance_type().n_parameters(k, d) + k * d + k - 1
    }

    /// Akaike's information criterion of a total log-likelihood: 2 p - 2 log L. Lower is better.
    pub fn aic(&self, log_likelihood: f64) -> f64 {
        2.0 * self.n_parameters() as f64 - 2.0 * log_likelihood
    }

    /// The Bayesian information criterion of a total log-likelihood over samples of the given total weight (their
    /// number, where they have no weights): p ln N - 2 log L. Lower is better. (R's mclust prints its negative.)
    pub fn bic(&self, log_likelihood: f64, total_weight: f64) -> f64 {
        self.n_parameters() as f64 * total_weight.ln() - 2.0 * log_likelihood
    }
}

fn check_shapes(
    weights: &Array1<f64>,
    means: Array2<f64>,
    matrices: CovarianceArray,
    matrices_name: &'static str,
) -> Result<(Array2<f64>, CovarianceArray)> {
    let (k, d) = means.dim();
    if k == 0 || d == 0 {
        return Err(Error::Shape { name: "means", expected: vec![k.max(1), d.max(1)], found: vec![k, d] });
    }
    if weights.len() != k {
        return Err(Error::Shape { name: "weights", expected: vec![k], found: vec![weights.len()] });
    }
    let expected = matrices.covariance_type().shape(k, d);
    if matrices.shape() != expected {
        return Err(Error::Shape { name: matrices_name, expected, found: matrices.shape().to_vec() });
    }
    let means = means.as_standard_layout().into_owned();
    let matrices = matrices.into_standard_layout();
    check_finite("means", means.iter(), &[k, d])?;
    check_finite(matrices_name, matrices.values().iter(), &expected)?;
    Ok((means, matrices))
}

fn check_finite<'a>(name: &'static str, values: impl Iterator<Item = &'a f64>, shape: &[usize]) -> Result<()> {
    for (i, &value) in values.enumerate() {
        if !value.is_finite() {
            return Err(Error::InvalidParameter { name, index: unravel(i, shape), value, expected: "a finite number" });
        }
    }
    Ok(())
}

/// Multi-dimensional index of element i of a row-major array.
fn unravel(mut i: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&extent| {
            let here = i % extent;
            i /= extent;
            here
        })
        .collect();
    index.reverse();
    index
}

fn check_symmetric(name: &'static str, matrices: &CovarianceArray) -> Result<()> {
    check_entries(name, matrices, "equal to its mirror image", |matrix, largest, i, j| {
        (matrix[[i, j]] - matrix[[j, i]]).abs() <= SYMMETRY_TOLERANCE * largest
    })
}

fn check_upper(name: &'static str, matrices: &CovarianceArray) -> Result<()> {
    check_entries(name, matrices, "0, as all entries below the diagonal", |matrix, _, i, j| {
        i <= j || matrix[[i, j]] == 0.0
    })
}

/// Checks every entry (i, j) of every matrix, with the matrix and its largest magnitude; diag and spherical have none.
fn check_entries(
    name: &'static str,
    matrices: &CovarianceArray,
    expected: &'static str,
    is_good: impl Fn(ArrayView2<f64>, f64, usize, usize) -> bool,
) -> Result<()> {
    let check = |matrix: ArrayView2<f64>, prefix: &[usize]| {
        let largest = matrix.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        match matrix.indexed_iter().find(|((i, j), _)| !is_good(matrix, largest, *i, *j)) {
            None => Ok(()),
            Some(((i, j), &value)) => {
                let index = prefix.iter().copied().chain([i, j]).collect();
                Err(Error::InvalidParameter { name, index, value, expected })
            }
        }
    };
    match matrices {
        CovarianceArray::Full(a) => a.outer_iter().enumerate().try_for_each(|(k, matrix)| check(matrix, &[k])),
        CovarianceArray::Tied(a) => check(a.view(), &[]),
        CovarianceArray::Diag(_) | CovarianceArray::Spherical(_) => Ok(()),
    }
}

fn check_weights(weights: Array1<f64>) -> Result<Array1<f64>> {
    let name = "weights";
    if let Some((k, &value)) = weights.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w >= 0.0)) {
        return Err(Error::InvalidParameter { name, index: vec![k], value, expected: "finite and not negative" });
    }
    let sum = weights.sum();
    if (sum - 1.0).abs() > WEIGHT_SUM_TOLERANCE {
        let name = "the sum of the weights";
        return Err(Error::InvalidParameter { name, index: vec![], value: sum, expected: "1" });
    }
    // Within rounding of 1 the weights stay as they are, so that a stored model comes back bit for bit.
    if (sum - 1.0).abs() <= 1e-12 { Ok(weights) } else { Ok(weights / sum) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, array};

    fn two_components() -> Mixture {
        let covariances = array![[[4.0, 1.0], [1.0, 2.0]], [[0.5, -0.2], [-0.2, 0.25]]];
        Mixture::new(arr1(&[0.25, 0.75]), array![[0.0, 1.0], [10.0, -5.0]], CovarianceArray::Full(covariances)).unwrap()
    }

    #[test]
    fn factors_of_precisions_come_back_bit_for_bit_and_must_be_upper_triangular() {
        let mixture = two_components();
        let (weights, means) = (mixture.weights().clone(), mixture.means().clone());
        let back = Mixture::from_precisions_cholesky(weights, means, mixture.precisions_cholesky().clone()).unwrap();
        assert_eq!(back.precisions_cholesky(), mixture.precisions_cholesky());
        let pairs = back.covariances().values().iter().zip(mixture.covariances().values());
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-14));

        let factor = |a: f64, below: f64| {
            let factor = CovarianceArray::Tied(array![[a, 1.0], [below, 2.0]]);
            Mixture::from_precisions_cholesky(arr1(&[1.0]), array![[0.0, 0.0]], factor)
        };
        assert!(factor(1.0, 0.0).is_ok());
        let error = factor(1.0, 0.5).unwrap_err().to_string();
        assert!(error.starts_with("precisions_cholesky[1][0] is 0.5"), "{error}");
        assert!(matches!(factor(-1.0, 0.0), Err(Error::NotPositiveDefinite { component: None, feature: 0, .. })));
    }

    #[test]
    fn precisions_there_and_back_are_the_same_mixture() {
        let mixture = two_components();
        let back =
            Mixture::from_precisions(mixture.weights().clone(), mixture.means().clone(), mixture.precisions()).unwrap();
        let pairs = back.covariances().values().iter().zip(mixture.covariances().values());
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-14));
    }

    #[test]
    fn parameters_that_are_none_are_refused_with_their_place() {
        let spherical = |weights: &[f64], variances: &[f64]| {
            Mixture::new(arr1(weights), array![[0.0], [1.0]], CovarianceArray::Spherical(arr1(variances)))
        };
        assert!(matches!(spherical(&[0.5, 0.6], &[1.0, 1.0]), Err(Error::InvalidParameter { .. })));
        assert!(matches!(spherical(&[1.5, -0.5], &[1.0, 1.0]), Err(Error::InvalidParameter { .. })));
        assert!(matches!(spherical(&[0.5, 0.5], &[1.0]), Err(Error::Shape { name: "covariances", .. })));
        let nan = spherical(&[0.5, 0.5], &[1.0, f64::NAN]).unwrap_err().to_string();
        assert!(nan.starts_with("covariances[1] is NaN"), "{nan}");
        let lopsided = array![[1.0, 0.5], [0.4, 1.0]];
        let error = Mixture::new(arr1(&[1.0]), array![[0.0, 0.0]], CovarianceArray::Tied(lopsided)).unwrap_err();
        assert!(error.to_string().starts_with("covariances[0][1]"), "{error}");
    }

    #[test]
    fn numbers_of_parameters_are_the_published_ones() {
        let counts = CovarianceType::ALL.map(|family| {
            let mut covariances = CovarianceArray::zeros(family, 4, 3);
            match &mut covariances {
                CovarianceArray::Full(a) => a.outer_iter_mut().for_each(|mut m| m.diag_mut().fill(1.0)),
                CovarianceArray::Tied(a) => a.diag_mut().fill(1.0),
                CovarianceArray::Diag(a) => a.fill(1.0),
                CovarianceArray::Spherical(a) => a.fill(1.0),
            }
            Mixture::new(Array1::from_elem(4, 0.25), Array2::zeros((4, 3)), covariances).unwrap().n_parameters()
        });
        assert_eq!(counts, [39, 21, 27, 19]);
    }
}
