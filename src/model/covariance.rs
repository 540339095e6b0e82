//! The four covariance families. Every question whose answer depends on the family is answered here.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::memory;
use crate::model::linalg::{self, NonPositivePivot};

/// Which covariance matrices the components may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

    /// Floating-point operations that an epoch needs for N samples: 2 N K F for the E step of full covariances and again
    /// for the M step, F = D (D + 3) / 2 + 1; 8 N K D for diagonal and 4 N K D for spherical ones; for tied ones
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

    /// The variances of K components of D features, each with its component and its feature; one that all components, or all
    /// features, share has none.
    pub(crate) fn variances(self, k: usize, d: usize) -> Vec<(Option<usize>, Option<usize>)> {
        match self {
            CovarianceType::Full | CovarianceType::Diag => {
                (0..k).flat_map(|k| (0..d).map(move |i| (Some(k), Some(i)))).collect()
            }
            CovarianceType::Tied => (0..d).map(|i| (None, Some(i))).collect(),
            CovarianceType::Spherical => (0..k).map(|k| (Some(k), None)).collect(),
        }
    }

    /// Products of numbers of the features, as the entries of a component's covariance have them; of their mean, where all
    /// features share a variance.
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

/// Covariances, precisions, factors of precisions or second moments of K components, in scikit-learn's shapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CovarianceArray {
    /// `[K, D, D]`
    Full(Array3<f64>),
    /// `[D, D]`
    Tied(Array2<f64>),
    /// `[K, D]`
    Diag(Array2<f64>),
    /// `[K]`
    Spherical(Array1<f64>),
}

impl CovarianceArray {
    /// An array of zeros for K components of D features.
    pub fn zeros(family: CovarianceType, k: usize, d: usize) -> Self {
        match family {
            CovarianceType::Full => CovarianceArray::Full(Array3::zeros((k, d, d))),
            CovarianceType::Tied => CovarianceArray::Tied(Array2::zeros((d, d))),
            CovarianceType::Diag => CovarianceArray::Diag(Array2::zeros((k, d))),
            CovarianceType::Spherical => CovarianceArray::Spherical(Array1::zeros(k)),
        }
    }

    /// Diagonal matrices, the same for all components; spherical ones have the average of the variances `[D]`.
    pub fn diagonal(family: CovarianceType, k: usize, variances: &Array1<f64>) -> Self {
        let d = variances.len();
        Self::from_entries(family, k, d, |_, i, j| if i == j { variances[i] } else { 0.0 }, |_| average(variances))
    }

    /// The same matrix `[D, D]` for all components: its diagonal for diag, and the average of that for spherical ones.
    pub fn repeated(family: CovarianceType, k: usize, matrix: &Array2<f64>) -> Self {
        let variances = matrix.diag().to_owned();
        Self::from_entries(family, k, variances.len(), |_, i, j| matrix[[i, j]], |_| average(&variances))
    }

    /// An array from the entries of the matrix of each component, the first one's where all share one; `spherical` gives the
    /// variances of spherical ones.
    pub(crate) fn from_entries(
        family: CovarianceType,
        k: usize,
        d: usize,
        entry: impl Fn(usize, usize, usize) -> f64,
        spherical: impl Fn(usize) -> f64,
    ) -> Self {
        match family {
            CovarianceType::Full => CovarianceArray::Full(Array3::from_shape_fn((k, d, d), |(k, i, j)| entry(k, i, j))),
            CovarianceType::Tied => CovarianceArray::Tied(Array2::from_shape_fn((d, d), |(i, j)| entry(0, i, j))),
            CovarianceType::Diag => CovarianceArray::Diag(Array2::from_shape_fn((k, d), |(k, i)| entry(k, i, i))),
            CovarianceType::Spherical => CovarianceArray::Spherical(Array1::from_shape_fn(k, spherical)),
        }
    }

    /// Second moments from those of each component: their sum where all share them, the sum of their diagonal where all
    /// features do.
    pub(crate) fn of_moments(
        family: CovarianceType,
        k: usize,
        d: usize,
        moment: impl Fn(usize, usize, usize) -> f64,
    ) -> Self {
        let pooled = |component: usize, i: usize, j: usize| match family {
            CovarianceType::Tied => (0..k).map(|k| moment(k, i, j)).sum(),
            _ => moment(component, i, j),
        };
        Self::from_entries(family, k, d, pooled, |k| (0..d).map(|i| moment(k, i, i)).sum())
    }

    /// The second moments of a family from others of the same statistics: traces from diagonals.
    pub(crate) fn into_family(self, family: CovarianceType) -> Self {
        match (self, family) {
            (CovarianceArray::Diag(diagonals), CovarianceType::Spherical) => {
                CovarianceArray::Spherical(diagonals.rows().into_iter().map(|row| row.iter().sum()).collect())
            }
            (array, _) => array,
        }
    }

    /// The array of a family from its values in row-major order; `name` is for the error.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are as many values as the shape has room for.
    pub fn from_values(
        name: &'static str,
        family: CovarianceType,
        k: usize,
        d: usize,
        values: Vec<f64>,
    ) -> Result<Self> {
        let mut array = Self::zeros(family, k, d);
        if values.len() != array.values().len() {
            return Err(Error::Shape { name, expected: family.shape(k, d), found: vec![values.len()] });
        }
        array.values_mut().copy_from_slice(&values);
        Ok(array)
    }

    /// The family.
    pub fn covariance_type(&self) -> CovarianceType {
        match self {
            CovarianceArray::Full(_) => CovarianceType::Full,
            CovarianceArray::Tied(_) => CovarianceType::Tied,
            CovarianceArray::Diag(_) => CovarianceType::Diag,
            CovarianceArray::Spherical(_) => CovarianceType::Spherical,
        }
    }

    /// The shape.
    pub fn shape(&self) -> &[usize] {
        match self {
            CovarianceArray::Full(a) => a.shape(),
            CovarianceArray::Tied(a) => a.shape(),
            CovarianceArray::Diag(a) => a.shape(),
            CovarianceArray::Spherical(a) => a.shape(),
        }
    }

    /// All values in row-major order.
    pub fn values(&self) -> &[f64] {
        match self {
            CovarianceArray::Full(a) => a.as_slice(),
            CovarianceArray::Tied(a) => a.as_slice(),
            CovarianceArray::Diag(a) => a.as_slice(),
            CovarianceArray::Spherical(a) => a.as_slice(),
        }
        .expect("checked on entry, or made here")
    }

    pub(crate) fn values_mut(&mut self) -> &mut [f64] {
        match self {
            CovarianceArray::Full(a) => a.as_slice_mut(),
            CovarianceArray::Tied(a) => a.as_slice_mut(),
            CovarianceArray::Diag(a) => a.as_slice_mut(),
            CovarianceArray::Spherical(a) => a.as_slice_mut(),
        }
        .expect("checked on entry, or made here")
    }

    /// Those of the given components; what all share stays as it is.
    pub(crate) fn select(&self, components: &[usize]) -> Self {
        match self {
            CovarianceArray::Full(a) => CovarianceArray::Full(a.select(Axis(0), components)),
            CovarianceArray::Tied(a) => CovarianceArray::Tied(a.clone()),
            CovarianceArray::Diag(a) => CovarianceArray::Diag(a.select(Axis(0), components)),
            CovarianceArray::Spherical(a) => CovarianceArray::Spherical(a.select(Axis(0), components)),
        }
    }

    /// Another array of the same shape from this one and two others: `matrix` makes each matrix of three, `variance` each
    /// variance, whose feature it is told unless all share it.
    ///
    /// # Panics
    /// If the others have other shapes.
    pub(crate) fn combine(
        &self,
        others: [&CovarianceArray; 2],
        matrix: impl Fn([ArrayView2<f64>; 3]) -> Array2<f64>,
        variance: impl Fn([f64; 3], Option<usize>) -> f64,
    ) -> Self {
        let mut out = self.clone();
        let [one, other] = others.map(CovarianceArray::values);
        let d = self.shape().last().copied().unwrap_or(1);
        match &mut out {
            CovarianceArray::Full(_) | CovarianceArray::Tied(_) => {
                let matrices = one.chunks_exact(d * d).zip(other.chunks_exact(d * d));
                for (to, (one, other)) in out.values_mut().chunks_exact_mut(d * d).zip(matrices) {
                    let view = |values| ArrayView2::from_shape((d, d), values).expect("D x D values");
                    let made = matrix([view(&*to), view(one), view(other)]);
                    to.iter_mut().zip(&made).for_each(|(to, from)| *to = *from);
                }
            }
            CovarianceArray::Diag(_) | CovarianceArray::Spherical(_) => {
                let is_shared = self.covariance_type() == CovarianceType::Spherical;
                for (i, (to, (one, other))) in out.values_mut().iter_mut().zip(one.iter().zip(other)).enumerate() {
                    *to = variance([*to, *one, *other], (!is_shared).then_some(i % d));
                }
            }
        }
        out
    }

    /// Gives a component a share of the sum of another array over all components; nothing where all share one already.
    pub(crate) fn set_share(&mut self, component: usize, of: &CovarianceArray, share: f64) {
        match (self, of) {
            (CovarianceArray::Full(to), CovarianceArray::Full(of)) => {
                to.index_axis_mut(Axis(0), component).assign(&(of.sum_axis(Axis(0)) * share));
            }
            (CovarianceArray::Diag(to), CovarianceArray::Diag(of)) => {
                to.row_mut(component).assign(&(of.sum_axis(Axis(0)) * share));
            }
            (CovarianceArray::Spherical(to), CovarianceArray::Spherical(of)) => to[component] = of.sum() * share,
            _ => {}
        }
    }

    /// Takes a share of what is off the diagonal of a component's matrix; variances alone need no rank.
    pub(crate) fn shrink_correlations(&mut self, component: usize, share: f64) {
        let shrink = |((i, j), x): ((usize, usize), &mut f64)| *x *= if i == j { 1.0 } else { 1.0 - share };
        match self {
            CovarianceArray::Full(a) => a.index_axis_mut(Axis(0), component).indexed_iter_mut().for_each(shrink),
            CovarianceArray::Tied(a) => a.indexed_iter_mut().for_each(shrink),
            CovarianceArray::Diag(_) | CovarianceArray::Spherical(_) => {}
        }
    }

    /// The same array in row-major memory order.
    pub(crate) fn into_standard_layout(self) -> Self {
        match self {
            CovarianceArray::Full(a) => CovarianceArray::Full(a.as_standard_layout().into_owned()),
            CovarianceArray::Tied(a) => CovarianceArray::Tied(a.as_standard_layout().into_owned()),
            CovarianceArray::Diag(a) => CovarianceArray::Diag(a.as_standard_layout().into_owned()),
            CovarianceArray::Spherical(a) => CovarianceArray::Spherical(a.as_standard_layout().into_owned()),
        }
    }

    /// Standard deviation of every feature of component k, where this array holds covariances: `[D]`.
    pub fn standard_deviations(&self, k: usize, n_features: usize) -> Array1<f64> {
        match self {
            CovarianceArray::Full(a) => a.index_axis(Axis(0), k).diag().mapv(f64::sqrt),
            CovarianceArray::Tied(a) => a.diag().mapv(f64::sqrt),
            CovarianceArray::Diag(a) => a.row(k).mapv(f64::sqrt),
            CovarianceArray::Spherical(a) => Array1::from_elem(n_features, a[k].sqrt()),
        }
    }

    /// Entry (i, j) of the matrix of component k.
    pub fn entry(&self, k: usize, i: usize, j: usize) -> f64 {
        match self {
            CovarianceArray::Full(a) => a[[k, i, j]],
            CovarianceArray::Tied(a) => a[[i, j]],
            CovarianceArray::Diag(a) if i == j => a[[k, i]],
            CovarianceArray::Spherical(a) if i == j => a[k],
            _ => 0.0,
        }
    }

    /// a^T M b with the matrix M of component k: where this array holds covariances, the covariance of a^T x and b^T x.
    ///
    /// # Panics
    /// If there is no component k, or a or b has not D entries.
    pub fn product(&self, k: usize, a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
        match self {
            CovarianceArray::Full(m) => a.dot(&m.index_axis(Axis(0), k).dot(&b)),
            CovarianceArray::Tied(m) => a.dot(&m.dot(&b)),
            CovarianceArray::Diag(m) => a.dot(&(&m.row(k) * &b)),
            CovarianceArray::Spherical(m) => m[k] * a.dot(&b),
        }
    }

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
        let shared = self.covariance_type() == CovarianceType::Tied;
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

/// The mean of numbers of the features, which stands for them where these share a variance.
pub(crate) fn average(numbers: &Array1<f64>) -> f64 {
    numbers.mean().unwrap_or_default()
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
