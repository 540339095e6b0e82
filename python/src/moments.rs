//! Sufficient statistics of parts of the data, which combine.

use mixtura::device::Assignment;
use mixtura::{CovarianceArray, CovarianceType, Data, Device, Mixture};
use ndarray::{Array1, Array2, Array3};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayDyn, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::devices::Choice;
use crate::errors::exception;
use crate::model::{Arrays, Parameters, array};
use crate::passes::on_device;
use crate::samples::{Samples, Way, Weights};
use crate::work::quietly;

/// Weighted sums over samples with their responsibilities; see the class of the package.
#[pyclass(frozen, subclass, module = "mixtura._native")]
#[derive(Clone)]
pub(crate) struct Moments(mixtura::Moments);

/// Arguments of `Moments.__new__`, which `__getnewargs__` returns.
type Parts<'py> = (
    String,
    f64,
    f64,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArrayDyn<f64>>,
    bool,
);

#[pymethods]
impl Moments {
    #[new]
    #[pyo3(signature = (
        covariance_type, total_weight, log_likelihood, counts, origins, first, second, single_precision=false
    ))]
    #[allow(clippy::too_many_arguments)] // The parts of a pickle.
    fn new(
        covariance_type: &str,
        total_weight: f64,
        log_likelihood: f64,
        counts: PyReadonlyArray1<'_, f64>,
        origins: PyReadonlyArray2<'_, f64>,
        first: PyReadonlyArray2<'_, f64>,
        second: PyReadonlyArrayDyn<'_, f64>,
        single_precision: bool,
    ) -> PyResult<Self> {
        let (counts, origins) = (counts.as_array().to_owned(), origins.as_array().to_owned());
        let first = first.as_array().to_owned();
        if first.dim() != origins.dim() || counts.len() != origins.nrows() {
            let found = (counts.shape(), origins.shape(), first.shape());
            return Err(PyValueError::new_err(format!("counts, origins and first have shapes {found:?}")));
        }
        let second = array("second", covariance_type, origins.dim(), &second)?;
        let moments =
            mixtura::Moments { total_weight, log_likelihood, counts, origins, first, second, single_precision };
        Ok(Moments(moments))
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> Parts<'py> {
        let moments = self.0.clone();
        (
            moments.covariance_type().name().to_owned(),
            moments.total_weight,
            moments.log_likelihood,
            moments.counts.into_pyarray(py),
            moments.origins.into_pyarray(py),
            moments.first.into_pyarray(py),
            moments.second.view().to_owned().into_pyarray(py),
            moments.single_precision,
        )
    }

    #[getter]
    fn covariance_type(&self) -> &'static str {
        self.0.covariance_type().name()
    }

    #[getter]
    fn total_weight(&self) -> f64 {
        self.0.total_weight
    }

    #[getter]
    fn log_likelihood(&self) -> f64 {
        self.0.log_likelihood
    }

    #[getter]
    fn lower_bound(&self) -> f64 {
        self.0.lower_bound()
    }

    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.counts.clone().into_pyarray(py)
    }

    #[getter]
    fn origins<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.0.origins.clone().into_pyarray(py)
    }

    #[getter]
    fn first<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.0.first.clone().into_pyarray(py)
    }

    #[getter]
    fn second<'py>(&self, py: Python<'py>) -> Bound<'py, PyArrayDyn<f64>> {
        self.0.second.view().to_owned().into_pyarray(py)
    }

    #[getter]
    fn single_precision(&self) -> bool {
        self.0.single_precision
    }

    /// The parts of the sum with other moments.
    fn combined<'py>(&self, py: Python<'py>, other: &Moments) -> PyResult<Parts<'py>> {
        let sum = py.detach(|| self.0.clone().combine(&other.0)).map_err(exception)?;
        Ok(Moments(sum).__getnewargs__(py))
    }

    /// The arrays of the mixture of greatest expected log-likelihood.
    fn maximized(&self, py: Python<'_>, reg_covar: f64) -> PyResult<Arrays> {
        quietly(py, |_| Ok(Arrays::new(&self.0.maximize(reg_covar)?)))
    }
}

/// The parts of the moments of samples under a model.
#[pyfunction]
pub(crate) fn moments<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    weights: Weights<'py>,
    missing: Way,
    model: Parameters,
    device: Choice,
) -> PyResult<Parts<'py>> {
    let moments = on_device(py, samples.view(&weights, missing), model, &device, |data, device, mixture, log_sum| {
        let is_by_feature = matches!(mixture.covariance_type(), CovarianceType::Diag | CovarianceType::Spherical);
        let moments = match is_by_feature && !data.summary().holes().is_none() {
            true => completed(data, device, mixture)?,
            false => device.load(data)?.moments(mixture, Assignment::Soft)?,
        };
        let log_likelihood = moments.log_likelihood + log_sum * moments.total_weight;
        Ok(mixtura::Moments { log_likelihood, ..moments })
    })?;
    Ok(Moments(moments).__getnewargs__(py))
}

/// Moments of samples that lack values, under a model whose features are independent. In its own family features count
/// by the samples that have them, which does not add up over parts; those of full matrices are completed by what is
/// expected.
fn completed(data: &dyn Data, device: &Device, mixture: &Mixture) -> mixtura::Result<mixtura::Moments> {
    let (k, d) = mixture.means().dim();
    let covariances = Array3::from_shape_fn((k, d, d), |(k, i, j)| mixture.covariances().entry(k, i, j));
    let (weights, means) = (mixture.weights().clone(), mixture.means().clone());
    let wide = Mixture::new(weights, means, CovarianceArray::Full(covariances))?;
    let moments = device.load(data)?.moments(&wide, Assignment::Soft)?;
    let diagonal = Array2::from_shape_fn((k, d), |(k, i)| moments.second.entry(k, i, i));
    let second = match mixture.covariance_type() {
        CovarianceType::Spherical => {
            CovarianceArray::Spherical(Array1::from_iter(diagonal.rows().into_iter().map(|row| row.sum())))
        }
        _ => CovarianceArray::Diag(diagonal),
    };
    Ok(mixtura::Moments { second, ..moments })
}
