//! One pass over samples under a model: labels, log-densities, posterior probabilities.

use std::sync::mpsc::Sender;

use mixtura::data::{Missing, Watched};
use mixtura::device::{Backend, Imputation, impute as filled_in};
use mixtura::{Data, Device, Error, Mixture};
use ndarray::{ArrayD, ArrayViewMutD, Axis, Slice, s};
use numpy::{PyReadwriteArray1, PyReadwriteArrayDyn};
use pyo3::prelude::*;

use crate::devices::Choice;
use crate::model::Parameters;
use crate::samples::{Samples, View, Way, Weights};
use crate::work::{quietly, work_of};

/// Posterior probabilities that are computed at a time, at most.
const MOST_VALUES: usize = 1 << 21;

/// Does a job of about so many operations with the samples and the device open, and hands what it sends to `hear`, unless
/// it is short: see [`work_of`].
pub(crate) fn on_samples<T: Send, E: Send>(
    py: Python<'_>,
    view: View<'_>,
    choice: &Choice,
    operations: f64,
    hear: impl FnMut(Python<'_>, E) -> PyResult<()> + Send,
    job: impl FnOnce(&dyn Data, &Device, Sender<E>) -> mixtura::Result<T> + Send,
) -> PyResult<T> {
    // To open an adapter, or to read files, takes time of its own.
    let operations = if choice.is_cpu() && view.is_array() { operations } else { f64::INFINITY };
    let result = work_of(py, operations, hear, |stop, events| {
        let device = choice.open()?;
        let job = |data: &dyn Data| job(data, &device, events);
        view.read(stop, job).inspect_err(|error| reopen(choice, error))
    })?;
    choice.tell_distrust(py)?;
    Ok(result)
}

/// Does a job with the samples, the device open, the mixture and the logarithm of the sum of its weights.
pub(crate) fn on_device<T: Send>(
    py: Python<'_>,
    view: View<'_>,
    model: Parameters,
    choice: &Choice,
    job: impl FnOnce(&dyn Data, &Device, &Mixture, f64) -> mixtura::Result<T> + Send,
) -> PyResult<T> {
    let silent = |_: Python<'_>, (): ()| Ok(());
    let operations = view.operations(model.n_components());
    on_samples(py, view, choice, operations, silent, |data, device, _events| {
        let (mixture, log_sum) = model.mixture()?;
        job(data, device, &mixture, log_sum)
    })
}

/// After an error of the device, the next call opens it anew.
pub(crate) fn reopen(choice: &Choice, error: &Error) {
    if matches!(error, Error::DeviceLost { .. } | Error::Device { .. } | Error::WrongResults { .. }) {
        choice.forget();
    }
}

/// Calls `visit(first, backend)` for every chunk of the samples, on the device.
fn for_each_chunk(
    data: &dyn Data,
    device: &Device,
    mut visit: impl FnMut(usize, &mut dyn Backend) -> mixtura::Result<()>,
) -> mixtura::Result<()> {
    data.for_each_chunk(&mut |first, chunk| {
        let chunk = Watched::new(chunk, data.stop(), &|_| {});
        visit(first, &mut *device.load(&chunk)?)
    })
}

/// An array that results go into, in single precision or in double.
#[derive(FromPyObject)]
pub(crate) enum Out<'py> {
    Double(PyReadwriteArrayDyn<'py, f64>),
    Single(PyReadwriteArrayDyn<'py, f32>),
}

/// Its values, which another thread may write.
enum Rows<'a> {
    Double(ArrayViewMutD<'a, f64>),
    Single(ArrayViewMutD<'a, f32>),
}

impl Out<'_> {
    fn rows(&mut self) -> Rows<'_> {
        match self {
            Out::Double(array) => Rows::Double(array.as_array_mut()),
            Out::Single(array) => Rows::Single(array.as_array_mut()),
        }
    }
}

impl Rows<'_> {
    /// Writes rows from the given one on.
    fn write(&mut self, first: usize, rows: &ArrayD<f64>) {
        let range = Slice::from(first..first + rows.len_of(Axis(0)));
        match self {
            Rows::Double(all) => all.slice_axis_mut(Axis(0), range).assign(rows),
            Rows::Single(all) => all.slice_axis_mut(Axis(0), range).zip_mut_with(rows, |to, from| *to = *from as f32),
        }
    }
}

/// The most probable component of every sample, into `[N]`.
#[pyfunction]
pub(crate) fn predict(
    py: Python<'_>,
    samples: Samples<'_>,
    missing: Way,
    model: Parameters,
    device: Choice,
    mut out: PyReadwriteArray1<'_, i64>,
) -> PyResult<()> {
    let mut labels = out.as_array_mut();
    on_device(py, samples.view(&None, missing), model, &device, |data, device, mixture, _| {
        for_each_chunk(data, device, |first, backend| {
            let n = backend.n_samples();
            let here = backend.assess(mixture.quadratics(), 0..n)?.labels;
            labels.slice_mut(s![first..first + n]).zip_mut_with(&here, |to, from| *to = *from as i64);
            Ok(())
        })
    })
}

/// The log-density of the mixture at every sample, into `[N]`.
#[pyfunction]
pub(crate) fn score_samples(
    py: Python<'_>,
    samples: Samples<'_>,
    missing: Way,
    model: Parameters,
    device: Choice,
    mut out: Out<'_>,
) -> PyResult<()> {
    let mut rows = out.rows();
    on_device(py, samples.view(&None, missing), model, &device, |data, device, mixture, log_sum| {
        for_each_chunk(data, device, |first, backend| {
            let here = backend.assess(mixture.quadratics(), 0..backend.n_samples())?.log_densities;
            rows.write(first, &(here + log_sum).into_dyn());
            Ok(())
        })
    })
}

/// The posterior probability of every component for every sample, into `[N, K]`.
#[pyfunction]
pub(crate) fn predict_proba(
    py: Python<'_>,
    samples: Samples<'_>,
    missing: Way,
    model: Parameters,
    device: Choice,
    mut out: Out<'_>,
) -> PyResult<()> {
    let mut rows = out.rows();
    on_device(py, samples.view(&None, missing), model, &device, |data, device, mixture, _| {
        let most_rows = (MOST_VALUES / mixture.n_components()).max(1);
        for_each_chunk(data, device, |first, backend| {
            let n = backend.n_samples();
            for start in (0..n).step_by(most_rows) {
                let part = backend.responsibilities(mixture.quadratics(), start..(start + most_rows).min(n))?;
                rows.write(first + start, &part.into_dyn());
            }
            Ok(())
        })
    })
}

/// (Total log-likelihood of the samples, sum of their weights).
#[pyfunction]
pub(crate) fn log_likelihood(
    py: Python<'_>,
    samples: Samples<'_>,
    weights: Weights<'_>,
    missing: Way,
    model: Parameters,
    device: Choice,
) -> PyResult<(f64, f64)> {
    on_device(py, samples.view(&weights, missing), model, &device, |data, device, mixture, log_sum| {
        let total_weight = data.total_weight();
        Ok((device.log_likelihood(mixture, data)? + log_sum * total_weight, total_weight))
    })
}

/// The samples with their missing values filled in, into `[N, D]`: with their means, or with a draw, (seed, its number).
#[pyfunction]
pub(crate) fn impute(
    py: Python<'_>,
    samples: Samples<'_>,
    model: Parameters,
    draw: Option<(u64, usize)>,
    mut out: Out<'_>,
) -> PyResult<()> {
    let mut rows = out.rows();
    let how = draw.map_or(Imputation::Mean, |(seed, number)| Imputation::Draw { seed, number });
    // Whoever fills in holes has some.
    let view = samples.view(&None, Way(Missing::Marginalize));
    quietly(py, |stop| {
        let (mixture, _) = model.mixture()?;
        view.read(stop, |data| {
            data.for_each_chunk(&mut |first, chunk| {
                rows.write(first, &filled_in(&mixture, chunk, first, how)?.into_dyn());
                Ok(())
            })
        })
    })
}
