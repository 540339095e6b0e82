//! A fit without samples, and its parts, which answer what it asks for.

use std::sync::{Mutex, PoisonError};

use mixtura::Error;
use mixtura::device::{Answer, Task};
use mixtura::fit::WarmStart;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::errors::exception;
use crate::fit::{Fitted, Options};
use crate::model::Parameters;
use crate::samples::{Samples, Way, Weights};
use crate::work::quietly;

fn pickled<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<(Bound<'py, PyBytes>,)> {
    let bytes = postcard::to_stdvec(value).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((PyBytes::new(py, &bytes),))
}

fn unpickled<T: DeserializeOwned>(bytes: &[u8]) -> PyResult<T> {
    let problem = |error| PyValueError::new_err(format!("this was not pickled by this version of mixtura: {error}"));
    postcard::from_bytes(bytes).map_err(problem)
}

/// What is known of samples; of a part of them, or of all.
#[pyclass(frozen, module = "mixtura._native")]
#[derive(Clone)]
pub(crate) struct Summary(pub(crate) mixtura::Summary);

#[pymethods]
impl Summary {
    #[new]
    fn new(bytes: &[u8]) -> PyResult<Self> {
        unpickled(bytes).map(Summary)
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>,)> {
        pickled(py, &self.0)
    }

    /// N.
    #[getter]
    fn n_samples(&self) -> usize {
        self.0.n_samples()
    }

    /// D.
    #[getter]
    fn n_features(&self) -> usize {
        self.0.n_features()
    }

    /// The names of the features, or `None`.
    #[getter]
    fn feature_names(&self) -> Option<Vec<String>> {
        self.0.feature_names().map(<[String]>::to_vec)
    }

    /// The summary of these samples and of the part that follows them.
    fn combined(&self, following: &Summary) -> PyResult<Summary> {
        self.0.clone().combine(&following.0).map(Summary).map_err(exception)
    }

    /// Its numbers alone, without what is known of the features: as much as `within` asks of a part.
    fn without_features(&self) -> Summary {
        Summary(self.0.without_features())
    }

    /// The summary of a part among all.
    fn within(&self, whole: &Summary) -> PyResult<Summary> {
        self.0.within(&whole.0).map(Summary).map_err(exception)
    }
}

/// The summary of a part of the samples, the first of which has the given number.
#[pyfunction]
pub(crate) fn summarize(
    py: Python<'_>,
    samples: Samples<'_>,
    weights: Weights<'_>,
    missing: Way,
    first: usize,
) -> PyResult<Summary> {
    let view = samples.view(&weights, missing);
    quietly(py, |stop| {
        view.open_part()?.read(stop, |data| {
            let mut summary = mixtura::Summary::begin(first, data.n_features(), data.feature_names());
            data.for_each_chunk(&mut |_, chunk| {
                summary.add(chunk);
                Ok(())
            })?;
            Ok(Summary(summary))
        })
    })
}

/// What a fit asks of its parts.
#[pyclass(frozen, module = "mixtura._native")]
pub(crate) struct Tasks(pub(crate) Vec<Task>);

#[pymethods]
impl Tasks {
    #[new]
    fn new(bytes: &[u8]) -> PyResult<Self> {
        unpickled(bytes).map(Tasks)
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>,)> {
        pickled(py, &self.0)
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// What a part answers.
#[pyclass(frozen, module = "mixtura._native")]
pub(crate) struct Answers(pub(crate) Vec<Answer>);

#[pymethods]
impl Answers {
    #[new]
    fn new(bytes: &[u8]) -> PyResult<Self> {
        unpickled(bytes).map(Answers)
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>,)> {
        pickled(py, &self.0)
    }

    /// The answers of these parts and of others.
    fn combined(&self, py: Python<'_>, other: &Answers) -> PyResult<Answers> {
        py.detach(|| combined([self.0.clone(), other.0.clone()])).map(Answers).map_err(exception)
    }
}

/// A fit that asks for passes over samples, and takes the answers of their parts.
#[pyclass(frozen, module = "mixtura._native")]
pub(crate) struct Search {
    search: Mutex<mixtura::fit::Search>,
    n_samples: usize,
    total_weight: f64,
    seed: u64,
}

impl Search {
    fn with<T>(&self, work: impl FnOnce(&mut mixtura::fit::Search) -> mixtura::Result<T>) -> mixtura::Result<T> {
        work(&mut self.search.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl Search {
    #[new]
    fn new(
        py: Python<'_>,
        summary: &Summary,
        options: Options<'_>,
        start: Option<(Parameters, f64)>,
    ) -> PyResult<Self> {
        let mut options = options.into_options(summary.0.n_features())?;
        quietly(py, |_| {
            if let Some((start, lower_bound)) = start {
                let lower_bound = Some(lower_bound).filter(|bound| bound.is_finite());
                options.warm_start = Some(WarmStart { mixture: start.mixture()?.0, lower_bound });
            }
            let search = Mutex::new(mixtura::fit::Search::new(&summary.0, &options)?.in_step());
            let (n_samples, total_weight) = (summary.0.n_samples(), summary.0.total_weight());
            Ok(Search { search, n_samples, total_weight, seed: options.seed })
        })
    }

    /// The tasks whose answers are needed next.
    fn wants(&self, py: Python<'_>) -> PyResult<Tasks> {
        quietly(py, |_| self.with(mixtura::fit::Search::wants).map(Tasks))
    }

    /// Takes the answers of all parts: (restart, epoch, lower bound, change) of every epoch that ended.
    fn takes(&self, py: Python<'_>, answers: Vec<PyRef<'_, Answers>>) -> PyResult<Vec<(usize, usize, f64, f64)>> {
        let of_parts: Vec<Vec<Answer>> = answers.iter().map(|answers| answers.0.clone()).collect();
        quietly(py, |_| {
            let ended = self.with(|search| search.takes(combined(of_parts)?))?;
            Ok(ended.iter().map(|step| (step.restart, step.epoch, step.lower_bound, step.change)).collect())
        })
    }

    /// The fit so far: what it found, for the estimator.
    fn fitted(&self) -> PyResult<Fitted> {
        let record = json!({ "n_samples": self.n_samples, "total_weight": self.total_weight, "seed": self.seed });
        let best = self.with(|search| search.best_so_far()).map_err(exception)?;
        Ok(Fitted::new(best, record.to_string(), 0.0))
    }
}

/// The answers of several parts to the same tasks, as one.
fn combined(of_parts: impl IntoIterator<Item = Vec<Answer>>) -> mixtura::Result<Vec<Answer>> {
    let mut of_parts = of_parts.into_iter();
    let first = of_parts.next().unwrap_or_default();
    of_parts.try_fold(first, |all, more| {
        if all.len() != more.len() {
            let problem = format!("one part has {} answers, another {}", all.len(), more.len());
            return Err(Error::Parts { problem });
        }
        all.into_iter().zip(more).map(|(one, other)| one.combine(other)).collect()
    })
}
