//! Samples as Python hands them over: an array, borrowed as it is, or files.

use std::sync::atomic::AtomicBool;

use mixtura::data::{Missing, Watched};
use mixtura::{Data, Error, Points, io};
use ndarray::ArrayView1;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::dataset::Dataset;
use crate::errors::exception;

const LEAST_OPERATIONS: f64 = 1e4;

/// N x D samples.
#[derive(FromPyObject)]
pub(crate) enum Samples<'py> {
    Double(PyReadonlyArray2<'py, f64>),
    Single(PyReadonlyArray2<'py, f32>),
    Files(Bound<'py, Dataset>),
}

/// Weights of samples in an array: `[N]`.
pub(crate) type Weights<'py> = Option<PyReadonlyArray1<'py, f64>>;

/// What is done about missing values of samples in an array, by its name. That of files was said when they were opened.
#[derive(Clone, Copy)]
pub(crate) struct Way(pub(crate) Missing);

impl<'py> FromPyObject<'_, 'py> for Way {
    type Error = PyErr;

    fn extract(name: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let name: String = name.extract()?;
        name.parse().map(Way).map_err(exception)
    }
}

/// Samples that another thread may read.
pub(crate) enum View<'a> {
    Points(mixtura::data::Samples<'a>, Option<ArrayView1<'a, f64>>, Missing),
    Files(&'a io::Dataset),
}

impl Samples<'_> {
    /// A view of them; files have their own weights.
    pub(crate) fn view<'a>(&'a self, weights: &'a Weights<'_>, Way(missing): Way) -> View<'a> {
        let weights = weights.as_ref().map(|weights| weights.as_array());
        match self {
            Samples::Double(array) => View::Points(array.as_array().into(), weights, missing),
            Samples::Single(array) => View::Points(array.as_array().into(), weights, missing),
            Samples::Files(dataset) => View::Files(&dataset.get().0),
        }
    }
}

impl<'a> View<'a> {
    /// D.
    pub(crate) fn n_features(&self) -> usize {
        match self {
            View::Points(samples, ..) => samples.n_features(),
            View::Files(data) => data.n_features(),
        }
    }

    /// Whether they are in an array.
    pub(crate) fn is_array(&self) -> bool {
        matches!(self, View::Points(..))
    }

    /// Operations of a pass under K components, at most. The smallest pass takes as long as a few thousand.
    pub(crate) fn operations(&self, k: usize) -> f64 {
        let (n, d) = match self {
            View::Points(mixtura::data::Samples::F32(values), ..) => values.dim(),
            View::Points(mixtura::data::Samples::F64(values), ..) => values.dim(),
            View::Files(data) => (data.n_samples(), data.n_features()),
        };
        (n as f64 * k as f64 * d as f64 * d as f64).max(LEAST_OPERATIONS)
    }

    /// The samples, checked.
    pub(crate) fn open(self) -> mixtura::Result<Opened<'a>> {
        self.opened(Points::with_weights)
    }

    /// The samples of a part, which may have no weight at all, checked.
    pub(crate) fn open_part(self) -> mixtura::Result<Opened<'a>> {
        self.opened(Points::with_weights_of_part)
    }

    fn opened(
        self,
        weighted: impl FnOnce(Points<'a>, ArrayView1<'a, f64>) -> mixtura::Result<Points<'a>>,
    ) -> mixtura::Result<Opened<'a>> {
        match self {
            View::Files(data) => Ok(Opened::Files(data)),
            View::Points(samples, weights, missing) => {
                let points = match missing {
                    Missing::Marginalize => Points::with_missing(samples, None)?,
                    _ => Points::new(samples)?,
                };
                Ok(Opened::Points(match weights {
                    Some(weights) => weighted(points, weights)?,
                    None => points,
                }))
            }
        }
    }

    /// Calls `work` with the samples, watched.
    pub(crate) fn read<T>(
        self,
        stop: &AtomicBool,
        work: impl FnOnce(&dyn Data) -> mixtura::Result<T>,
    ) -> mixtura::Result<T> {
        self.open()?.read(stop, work)
    }
}

/// Samples that were checked.
pub(crate) enum Opened<'a> {
    Points(Points<'a>),
    Files(&'a io::Dataset),
}

impl Opened<'_> {
    pub(crate) fn data(&self) -> &dyn Data {
        match self {
            Opened::Points(points) => points,
            Opened::Files(data) => *data,
        }
    }

    /// Calls `work` with them, watched.
    pub(crate) fn read<T>(
        &self,
        stop: &AtomicBool,
        work: impl FnOnce(&dyn Data) -> mixtura::Result<T>,
    ) -> mixtura::Result<T> {
        work(&Watched::new(self.data(), stop, &|_| {})).map_err(|error| self.locate(error))
    }

    /// An error in a pass over them, with the file where it is.
    pub(crate) fn locate(&self, error: Error) -> Error {
        match self {
            Opened::Points(_) => error,
            Opened::Files(data) => data.locate(error),
        }
    }
}
