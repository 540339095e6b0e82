//! Mixtures as the arrays of an estimator, and as files.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use mixtura::io::{Destination, FitRecord, Model, load_model, save_model};
use mixtura::{CovarianceArray, CovarianceType, Error, Mixture};
use ndarray::{Array, Array1, Array2, ArrayD, Dimension, s};
use numpy::{IntoPyArray, PyReadonlyArrayDyn, PyReadwriteArray1, PyReadwriteArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::exception;
use crate::work::quietly;

/// Weights within so much of a sum of 1 are taken as they are.
const WEIGHT_SUM_TOLERANCE: f64 = 1e-12;

/// Factors that differ by less, relative to the largest, are the same.
const SAME_FACTORS: f64 = 1e-9;

/// Values of samples that are drawn at a time.
const CHUNK_VALUES: usize = 1 << 20;

/// A mixture on its way in: (covariance type, weights, means, factors of the precisions), all in f64.
///
/// Its checks are work, which does not belong under the interpreter's lock.
pub(crate) struct Parameters {
    weights: Array1<f64>,
    means: Array2<f64>,
    factors: CovarianceArray,
}

impl<'py> FromPyObject<'_, 'py> for Parameters {
    type Error = PyErr;

    fn extract(parameters: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let (family, weights, means, factors): (
            String,
            PyReadonlyArrayDyn<'py, f64>,
            PyReadonlyArrayDyn<'py, f64>,
            PyReadonlyArrayDyn<'py, f64>,
        ) = parameters.extract()?;
        let weights = of_dimension("weights", &weights)?;
        let means: Array2<f64> = of_dimension("means", &means)?;
        let factors = array("precisions_cholesky", &family, means.dim(), &factors)?;
        Ok(Parameters { weights, means, factors })
    }
}

impl Parameters {
    /// K.
    pub(crate) fn n_components(&self) -> usize {
        self.weights.len()
    }

    /// The mixture, and the logarithm of the sum of its weights, which the mixture divides by: where they do not sum to
    /// 1, as scikit-learn's starts from samples do not, log-densities that take them as they are lie so much higher.
    pub(crate) fn mixture(self) -> mixtura::Result<(Mixture, f64)> {
        let Parameters { mut weights, means, factors } = self;
        let sum = weights.sum();
        let mut log_sum = 0.0;
        if sum > 0.0 && sum.is_finite() && (sum - 1.0).abs() > WEIGHT_SUM_TOLERANCE {
            weights /= sum;
            log_sum = sum.ln();
        }
        Ok((Mixture::from_precisions_cholesky(weights, means, factors)?, log_sum))
    }
}

/// An array of a certain number of dimensions.
fn of_dimension<D: Dimension>(name: &str, values: &PyReadonlyArrayDyn<'_, f64>) -> PyResult<Array<f64, D>> {
    let (values, expected) = (values.as_array(), D::NDIM.unwrap_or_default());
    values.to_owned().into_dimensionality().map_err(|_| {
        PyValueError::new_err(format!("{name} has shape {:?}, and {expected} dimensions are expected", values.shape()))
    })
}

/// An array of a family, for K components of D features.
pub(crate) fn array(
    name: &'static str,
    family: &str,
    (k, d): (usize, usize),
    values: &PyReadonlyArrayDyn<'_, f64>,
) -> PyResult<CovarianceArray> {
    let family: CovarianceType = family.parse().map_err(exception)?;
    let values = values.as_array();
    if values.shape() != family.shape(k, d) {
        let (found, expected) = (values.shape(), family.shape(k, d));
        return Err(PyValueError::new_err(format!("{name} has shape {found:?}, and {expected:?} is expected")));
    }
    CovarianceArray::from_values(name, family, k, d, values.iter().copied().collect()).map_err(exception)
}

/// A mixture on its way out, made without the interpreter's lock: a dictionary of arrays.
pub(crate) struct Arrays {
    family: CovarianceType,
    arrays: [(&'static str, ArrayD<f64>); 5],
}

impl Arrays {
    pub(crate) fn new(mixture: &Mixture) -> Self {
        Arrays {
            family: mixture.covariance_type(),
            arrays: [
                ("weights", mixture.weights().clone().into_dyn()),
                ("means", mixture.means().clone().into_dyn()),
                ("covariances", mixture.covariances().view().to_owned()),
                ("precisions", mixture.precisions().view().to_owned()),
                ("precisions_cholesky", mixture.precisions_cholesky().view().to_owned()),
            ],
        }
    }
}

impl<'py> IntoPyObject<'py> for Arrays {
    type Target = PyDict;
    type Output = Bound<'py, PyDict>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dictionary = PyDict::new(py);
        dictionary.set_item("covariance_type", self.family.name())?;
        for (name, array) in self.arrays {
            dictionary.set_item(name, array.into_pyarray(py))?;
        }
        Ok(dictionary)
    }
}

/// Draws samples `[n, D]` of a mixture, grouped by component, and their components `[n]`, into two arrays.
#[pyfunction]
pub(crate) fn sample(
    py: Python<'_>,
    model: Parameters,
    mut samples: PyReadwriteArray2<'_, f64>,
    mut components: PyReadwriteArray1<'_, i64>,
    seed: u64,
) -> PyResult<()> {
    let (mut samples, mut components) = (samples.as_array_mut(), components.as_array_mut());
    quietly(py, |stop| {
        let (mixture, _) = model.mixture()?;
        let mut first = 0;
        for (drawn, labels) in mixture.sample_chunks(components.len(), seed, CHUNK_VALUES) {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let rows = first..first + labels.len();
            first = rows.end;
            samples.slice_mut(s![rows.clone(), ..]).assign(&drawn);
            components.slice_mut(s![rows]).zip_mut_with(&labels, |to, label| *to = *label as i64);
        }
        Ok(())
    })
}

/// Writes a model file; `record` is how it was fitted, in JSON. Files hold covariances: those that are given are written
/// as they are if the model's factors are theirs, and otherwise found anew from the factors.
#[pyfunction]
pub(crate) fn save(
    py: Python<'_>,
    path: PathBuf,
    model: Parameters,
    covariances: Option<PyReadonlyArrayDyn<'_, f64>>,
    feature_names: Option<Vec<String>>,
    record: &str,
) -> PyResult<()> {
    let fit: FitRecord = serde_json::from_str(record).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let family = model.factors.covariance_type().name();
    let covariances = covariances.map(|values| array("covariances", family, model.means.dim(), &values)).transpose()?;
    quietly(py, |_| {
        let (mixture, _) = model.mixture()?;
        let with = |covariances| Mixture::new(mixture.weights().clone(), mixture.means().clone(), covariances);
        let given = covariances.and_then(|covariances| with(covariances).ok()).filter(|given| agree(given, &mixture));
        let mixture = given.map_or_else(|| with(mixture.covariances().clone()), Ok)?;
        save_model(&Destination::new(&path)?, &Model { mixture, feature_names, fit: Some(fit) })
    })
}

/// Whether two mixtures have the same factors, but for rounding.
fn agree(one: &Mixture, other: &Mixture) -> bool {
    let (one, other) = (one.precisions_cholesky().values(), other.precisions_cholesky().values());
    let largest = other.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    one.iter().zip(other).all(|(a, b)| (a - b).abs() <= SAME_FACTORS * largest)
}

/// Reads a model file: (arrays, names of the features, how it was fitted in JSON).
#[pyfunction]
#[allow(clippy::type_complexity)]
pub(crate) fn load(py: Python<'_>, path: PathBuf) -> PyResult<(Arrays, Option<Vec<String>>, Option<String>)> {
    quietly(py, |_| {
        let Model { mixture, feature_names, fit } = load_model(&path)?;
        let record = fit.map(|fit| serde_json::to_string(&fit).expect("numbers and strings have a form in JSON"));
        Ok((Arrays::new(&mixture), feature_names, record))
    })
}
