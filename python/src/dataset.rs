//! Samples in files.

use std::path::PathBuf;

use mixtura::Data;
use mixtura::data::memory_for_samples;
use mixtura::io::{self, Columns, Header, Selection};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::{exception, in_python};
use crate::samples::Way;
use crate::work::quietly;

/// The files that paths stand for: directories, patterns, and files as they are.
#[pyfunction]
pub(crate) fn files(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Vec<PathBuf>> {
    quietly(py, |_| io::files(&paths))
}

/// Samples in files, checked when they are opened; see the class of the package.
#[pyclass(frozen, subclass, module = "mixtura._native")]
pub(crate) struct Dataset(pub(crate) io::Dataset);

#[pymethods]
impl Dataset {
    #[new]
    #[pyo3(signature = (
        paths, columns, of_model, weights, header, delimiter, member, dims, head, sample, seed, memory, missing
    ))]
    #[allow(clippy::too_many_arguments)] // Their names are given in Python, one for one.
    fn new(
        py: Python<'_>,
        paths: Vec<PathBuf>,
        columns: Option<Vec<String>>,
        of_model: Option<Vec<String>>,
        weights: Option<String>,
        header: Option<bool>,
        delimiter: Option<String>,
        member: Option<String>,
        dims: Option<usize>,
        head: Option<usize>,
        sample: Option<f64>,
        seed: u64,
        memory: Option<u64>,
        missing: Way,
    ) -> PyResult<Self> {
        let names = of_model.clone().unwrap_or_default();
        let columns = match (columns, of_model) {
            (Some(chosen), _) => Columns::Chosen(chosen),
            // A model whose features have no names has none here.
            (None, Some(names)) => Columns::of_model(Some(&names[..]).filter(|names| !names.is_empty())),
            (None, None) => Columns::All,
        };
        let header = match header {
            None => Header::Auto,
            Some(true) => Header::Yes,
            Some(false) => Header::No,
        };
        let delimiter = delimiter.map(|text| text.parse().map_err(PyValueError::new_err)).transpose()?;
        let Way(missing) = missing;
        let selection = Selection {
            columns,
            weights,
            header,
            delimiter,
            member,
            dims,
            head,
            sample,
            seed,
            missing,
            ..Selection::default()
        };
        let memory = memory.unwrap_or_else(memory_for_samples);
        quietly(py, |stop| {
            let data = io::Dataset::open_watched(&paths, &selection, memory, stop)?;
            data.check_order(&names)?;
            Ok(Dataset(data))
        })
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

    /// The names of the columns, or `None`.
    #[getter]
    fn feature_names(&self) -> Option<Vec<String>> {
        self.0.feature_names().map(<[String]>::to_vec)
    }

    /// The sum of the sample weights; N where there are none.
    #[getter]
    fn total_weight(&self) -> f64 {
        self.0.total_weight()
    }

    /// How many values are missing.
    #[getter]
    fn n_missing(&self) -> usize {
        self.0.summary().holes().n_values()
    }

    /// Notes about the files: choices that were made, which may be others than were meant.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.0.notes().iter().map(in_python).collect()
    }

    /// `memory` or `disk`.
    #[getter]
    fn place(&self) -> &'static str {
        if self.0.points().is_some() { "memory" } else { "disk" }
    }

    /// Checks that the features are a model's: as many, and where they have names, in its order.
    fn check_features(&self, n_features: usize, names: Option<Vec<String>>) -> PyResult<()> {
        self.0.check_features(n_features).map_err(exception)?;
        self.0.check_order(&names.unwrap_or_default()).map_err(exception)
    }
}
