//! Samples as Python hands them over: an array, borrowed as it is, or files.

use std::sync::atomic::AtomicBool;

use mixtura::data::Watched;
use mixtura::{Data, Error, Points, io};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::dataset::Dataset;

/// N x D samples.
#[derive(FromPyObject)]
pub(crate) enum Samples<'py> {
    Double(PyReadonlyArray2<'py, f64>),
    Single(PyReadonlyArray2<'py, f32>),
    Files(Bound<'py, Dataset>),
}

/// Weights of samples in an array: `[N]`.
pub(crate) type Weights<'py> = Option<PyReadonlyArray1<'py, f64>>;

/// Samples that another thread may read.
pub(crate) enum View<'a> {
    Points(mixtura::data::Samples<'a>, Option<ndarray::ArrayView1<'a, f64>>),
    Files(&'a io::Dataset),
}

impl Samples<'_> {
    /// A view of them; files have their own weights.
    pub(crate) fn view<'a>(&'a self, weights: &'a Weights<'_>) -> View<'a> {
        let weights = weights.as_ref().map(|weights| weights.as_array());
        match self {
            Samples::Double(array) => View::Points(array.as_array().into(), weights),
            Samples::Single(array) => View::Points(array.as_array().into(), weights),
            Samples::Files(dataset) => View::Files(&dataset.get().0),
        }
    }
}

impl View<'_> {
    /// D.
    pub(crate) fn n_features(&self) -> usize {
        match self {
            View::Points(samples, _) => samples.n_features(),
            View::Files(data) => data.n_features(),
        }
    }

    /// Calls `work` with the samples, watched.
    pub(crate) fn read<T>(
        self,
        stop: &AtomicBool,
        work: impl FnOnce(&dyn Data) -> mixtura::Result<T>,
    ) -> mixtura::Result<T> {
        match self {
            View::Points(samples, weights) => {
                let points = Points::new(samples)?;
                let points = match weights {
                    Some(weights) => points.with_weights(weights)?,
                    None => points,
                };
                work(&Watched::new(&points, stop, &|_| {}))
            }
            View::Files(data) => work(&Watched::new(data, stop, &|_| {})).map_err(|error: Error| data.locate(error)),
        }
    }
}
