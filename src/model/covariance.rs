//! Arrays of covariances, precisions, factors or second moments, in the shapes of the families.

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewD, Axis};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::family::{CovarianceType, average};

/// Covariances, precisions, factors of precisions or second moments of K components, in scikit-learn's shapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
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

    /// An array from the entries of the matrix of each component, the first one's where all share one; `spherical`
    /// gives the variances of spherical ones.
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

    /// The values in their shape.
    pub fn view(&self) -> ArrayViewD<'_, f64> {
        match self {
            CovarianceArray::Full(a) => a.view().into_dyn(),
            CovarianceArray::Tied(a) => a.view().into_dyn(),
            CovarianceArray::Diag(a) => a.view().into_dyn(),
            CovarianceArray::Spherical(a) => a.view().into_dyn(),
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

    /// Adds what is of one component to what is of another; nothing where all share it.
    pub(crate) fn add_component(&mut self, to: usize, from: usize) {
        let k = if self.covariance_type().is_shared() { return } else { self.shape()[0] };
        let values = self.values_mut();
        let size = values.len() / k;
        for i in 0..size {
            values[to * size + i] += values[from * size + i];
        }
    }

    /// Another array of the same shape from this one and two others: `matrix` makes each matrix of three, `variance`
    /// each variance, whose feature it is told unless all share it.
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
}
