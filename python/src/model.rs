//! Mixtures as the arrays of an estimator, and as files.

use std::path::PathBuf;

use mixtura::io::{Destination, FitRecord, Model, load_model, save_model};
use mixtura::{CovarianceArray, CovarianceType, Mixture};
use ndarray::ArrayD;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayDyn, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::exception;
use crate::work::quietly;

/// A mixture on its way in: (covariance type, weights, means, factors of the precisions), all in f64.
pub(crate) struct Parameters(pub(crate) Mixture);

impl<'py> FromPyObject<'_, 'py> for Parameters {
    type Error = PyErr;

    fn extract(parameters: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let (family, weights, means, factors): (
            String,
            PyReadonlyArray1<'py, f64>,
            PyReadonlyArray2<'py, f64>,
            PyReadonlyArrayDyn<'py, f64>,
        ) = parameters.extract()?;
        let means = means.as_array().to_owned();
        let factors = array("precisions_cholesky", &family, means.dim(), &factors)?;
        Mixture::from_precisions_cholesky(weights.as_array().to_owned(), means, factors)
            .map(Parameters)
            .map_err(exception)
    }
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

/// An array of a family on its way out.
pub(crate) fn dynamic(array: CovarianceArray) -> ArrayD<f64> {
    match array {
        CovarianceArray::Full(array) => array.into_dyn(),
        CovarianceArray::Tied(array) | CovarianceArray::Diag(array) => array.into_dyn(),
        CovarianceArray::Spherical(array) => array.into_dyn(),
    }
}

/// A mixture on its way out: a dictionary of arrays.
#[derive(IntoPyObject)]
pub(crate) struct Arrays<'py> {
    covariance_type: &'static str,
    weights: Bound<'py, PyArray1<f64>>,
    means: Bound<'py, PyArray2<f64>>,
    covariances: Bound<'py, PyArrayDyn<f64>>,
    precisions: Bound<'py, PyArrayDyn<f64>>,
    precisions_cholesky: Bound<'py, PyArrayDyn<f64>>,
}

impl<'py> Arrays<'py> {
    pub(crate) fn new(py: Python<'py>, mixture: &Mixture) -> Self {
        Arrays {
            covariance_type: mixture.covariance_type().name(),
            weights: mixture.weights().clone().into_pyarray(py),
            means: mixture.means().clone().into_pyarray(py),
            covariances: dynamic(mixture.covariances().clone()).into_pyarray(py),
            precisions: dynamic(mixture.precisions()).into_pyarray(py),
            precisions_cholesky: dynamic(mixture.precisions_cholesky().clone()).into_pyarray(py),
        }
    }
}

/// Samples `[n, D]` of a mixture, grouped by component, and their components `[n]`.
#[pyfunction]
#[allow(clippy::type_complexity)]
pub(crate) fn sample<'py>(
    py: Python<'py>,
    model: Parameters,
    n_samples: usize,
    seed: u64,
) -> PyResult<(Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<i64>>)> {
    let (samples, labels) = quietly(py, |_| Ok(model.0.sample(n_samples, seed)))?;
    Ok((samples.into_pyarray(py), labels.mapv(|label| label as i64).into_pyarray(py)))
}

/// Number of free parameters.
#[pyfunction]
pub(crate) fn n_parameters(model: Parameters) -> usize {
    model.0.n_parameters()
}

/// Writes a model file; `record` is how it was fitted, in JSON. Files hold covariances: where they are known they come back
/// as they are, and are not found anew from the model.
#[pyfunction]
pub(crate) fn save(
    path: PathBuf,
    model: Parameters,
    covariances: Option<PyReadonlyArrayDyn<'_, f64>>,
    feature_names: Option<Vec<String>>,
    record: Option<String>,
) -> PyResult<()> {
    let fit: Option<FitRecord> = record
        .map(|text| serde_json::from_str(&text).map_err(|error| PyValueError::new_err(error.to_string())))
        .transpose()?;
    let Parameters(mut mixture) = model;
    if let Some(covariances) = covariances {
        let family = mixture.covariance_type().name();
        let covariances = array("covariances", family, mixture.means().dim(), &covariances)?;
        mixture = Mixture::new(mixture.weights().clone(), mixture.means().clone(), covariances).map_err(exception)?;
    }
    let model = Model { mixture, feature_names, fit };
    Destination::new(&path).and_then(|to| save_model(&to, &model)).map_err(exception)
}

/// Reads a model file: (arrays, names of the features, how it was fitted in JSON).
#[pyfunction]
#[allow(clippy::type_complexity)]
pub(crate) fn load(py: Python<'_>, path: PathBuf) -> PyResult<(Arrays<'_>, Option<Vec<String>>, Option<String>)> {
    let Model { mixture, feature_names, fit } = load_model(&path).map_err(exception)?;
    Ok((Arrays::new(py, &mixture), feature_names, fit.as_ref().map(record)))
}

/// How a model was fitted, in JSON.
pub(crate) fn record(fit: &FitRecord) -> String {
    serde_json::to_string(fit).expect("numbers and strings have a form in JSON")
}
