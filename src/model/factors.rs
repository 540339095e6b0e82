//! Factors of covariances and precisions, in every family.

use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::linalg::{self, NonPositivePivot};

impl CovarianceArray {
    /// Lower Cholesky factors L of covariances, L L^T = covariance; square roots for diag and spherical.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] names the component and the feature.
    pub(crate) fn cholesky(&self) -> Result<CovarianceArray> {
        self.map_matrices(linalg::cholesky, f64::sqrt)
    }

    /// Upper triangular factors P of the precisions of these covariances: precision = P P^T, P the transposed inverse
    /// of the lower Cholesky factor; 1 / standard deviation for diag and spherical.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] names the component and the feature.
    pub fn precisions_cholesky(&self) -> Result<CovarianceArray> {
        self.map_matrices(
            |covariance| {
                let l = linalg::cholesky(covariance)?;
                Ok(linalg::invert_lower(l.view()).reversed_axes().as_standard_layout().into_owned())
            },
            |variance| 1.0 / variance.sqrt(),
        )
    }

    /// Upper triangular factors P of these precisions: precision = P P^T; square roots for diag and spherical.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] names the component and the feature.
    pub(crate) fn upper_cholesky(&self) -> Result<CovarianceArray> {
        self.map_matrices(
            |precision| {
                // In reversed order of rows and columns upper is lower.
                let reversed = precision.slice(s![..;-1, ..;-1]);
                let last = reversed.nrows() - 1;
                let l = linalg::cholesky(reversed).map_err(|pivot| NonPositivePivot { index: last - pivot.index })?;
                Ok(l.slice(s![..;-1, ..;-1]).as_standard_layout().into_owned())
            },
            f64::sqrt,
        )
    }

    /// Checks that the diagonals of factors P of the precisions of K components of D features are positive.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] names a component and feature where one is not.
    pub(crate) fn check_factors(&self, k: usize, d: usize) -> Result<()> {
        let shared = self.covariance_type().is_shared();
        let places = (0..if shared { 1 } else { k }).flat_map(|k| (0..d).map(move |i| (k, i)));
        for (k, feature) in places {
            let x = self.entry(k, feature, feature);
            if !(x > 0.0 && x.is_finite()) {
                let component = (!shared).then_some(k);
                return Err(Error::NotPositiveDefinite { component, feature, single_precision: false });
            }
        }
        Ok(())
    }

    /// The precisions that have these factors P: P P^T.
    pub(crate) fn precisions_of_factors(&self) -> CovarianceArray {
        let square = |factor: &f64| factor * factor;
        match self {
            CovarianceArray::Full(factors) => {
                let mut precisions = factors.clone();
                for (mut to, factor) in precisions.outer_iter_mut().zip(factors.outer_iter()) {
                    to.assign(&factor.dot(&factor.t()));
                }
                CovarianceArray::Full(precisions)
            }
            CovarianceArray::Tied(factor) => CovarianceArray::Tied(factor.dot(&factor.t())),
            CovarianceArray::Diag(factors) => CovarianceArray::Diag(factors.map(square)),
            CovarianceArray::Spherical(factors) => CovarianceArray::Spherical(factors.map(square)),
        }
    }

    /// The covariances whose precisions have these checked factors P: the inverse of P P^T.
    pub(crate) fn covariances_of_factors(&self) -> CovarianceArray {
        self.map_matrices(
            |factor| Ok(linalg::times_transpose(linalg::invert_lower(factor.t()).view())),
            |factor| 1.0 / (factor * factor),
        )
        .expect("the factors of a mixture are checked")
    }

    /// The lower Cholesky factors L of those covariances, L = P^-T; standard deviations for diag and spherical.
    pub(crate) fn covariance_factors(&self) -> CovarianceArray {
        self.map_matrices(|factor| Ok(linalg::invert_lower(factor.t())), |factor| 1.0 / factor)
            .expect("the factors of a mixture are checked")
    }

    /// Applies a function of one positive definite matrix to each (and its scalar form to each variance).
    fn map_matrices(
        &self,
        matrix: impl Fn(ArrayView2<f64>) -> Result<Array2<f64>, NonPositivePivot> + Sync,
        scalar: impl Fn(f64) -> f64,
    ) -> Result<CovarianceArray> {
        let fail = |component, feature| Error::NotPositiveDefinite { component, feature, single_precision: false };
        let positive = |x: f64, component, feature| match x > 0.0 && x.is_finite() {
            true => Ok(scalar(x)),
            false => Err(fail(Some(component), feature)),
        };
        Ok(match self {
            CovarianceArray::Full(a) => {
                let results: Vec<_> = a.outer_iter().into_par_iter().map(&matrix).collect();
                let mut out = Array3::zeros(a.raw_dim());
                for (k, (mut to, result)) in out.outer_iter_mut().zip(results).enumerate() {
                    to.assign(&result.map_err(|pivot| fail(Some(k), pivot.index))?);
                }
                CovarianceArray::Full(out)
            }
            CovarianceArray::Tied(a) => {
                CovarianceArray::Tied(matrix(a.view()).map_err(|pivot| fail(None, pivot.index))?)
            }
            CovarianceArray::Diag(a) => {
                let mut out = a.clone();
                for ((k, feature), x) in out.indexed_iter_mut() {
                    *x = positive(*x, k, feature)?;
                }
                CovarianceArray::Diag(out)
            }
            CovarianceArray::Spherical(a) => {
                let mut out = a.clone();
                for (k, x) in out.indexed_iter_mut() {
                    *x = positive(*x, k, 0)?;
                }
                CovarianceArray::Spherical(out)
            }
        })
    }

    /// log det P of every component, where this array holds factors P of precisions of D features: `[K]`.
    pub(crate) fn log_determinants(&self, k: usize, d: usize) -> Array1<f64> {
        match self {
            CovarianceArray::Full(a) => a.outer_iter().map(|p| p.diag().mapv(f64::ln).sum()).collect(),
            CovarianceArray::Tied(a) => Array1::from_elem(k, a.diag().mapv(f64::ln).sum()),
            CovarianceArray::Diag(a) => a.mapv(f64::ln).sum_axis(Axis(1)),
            CovarianceArray::Spherical(a) => a.mapv(|p| d as f64 * p.ln()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, array};

    #[test]
    fn precision_factors_are_upper_triangular_and_give_the_precision() {
        let covariance = array![[4.0, 1.0, 0.5], [1.0, 3.0, -0.25], [0.5, -0.25, 2.0]];
        let CovarianceArray::Tied(p) = CovarianceArray::Tied(covariance.clone()).precisions_cholesky().unwrap() else {
            panic!("the family changed");
        };
        assert_eq!((p[[1, 0]], p[[2, 0]], p[[2, 1]]), (0.0, 0.0, 0.0));
        let identity = p.dot(&p.t()).dot(&covariance);
        assert!((&identity - &Array2::<f64>::eye(3)).iter().all(|e| e.abs() < 1e-14));
    }

    #[test]
    fn a_collapsed_component_is_named_in_every_family() {
        let named = |array: CovarianceArray| match array.precisions_cholesky() {
            Err(Error::NotPositiveDefinite { component, feature, .. }) => (component, feature),
            other => panic!("{other:?}"),
        };
        let full = array![[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]];
        assert_eq!(named(CovarianceArray::Full(full)), (Some(1), 1));
        assert_eq!(named(CovarianceArray::Tied(array![[0.0, 0.0], [0.0, 1.0]])), (None, 0));
        assert_eq!(named(CovarianceArray::Diag(array![[1.0, 2.0], [3.0, -1e-9]])), (Some(1), 1));
        assert_eq!(named(CovarianceArray::Spherical(arr1(&[1.0, f64::NAN]))), (Some(1), 0));
    }
}
