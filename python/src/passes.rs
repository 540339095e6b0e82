//! One pass over samples under a model: labels, log-densities, posterior probabilities.

use mixtura::{Backend, Data, Device, Error, Mixture, Watched};
use ndarray::{Array, Array1, Array2, Axis, Dimension, s};
use numpy::{Element, IntoPyArray, PyArray1};
use pyo3::prelude::*;

use crate::devices::Choice;
use crate::model::Parameters;
use crate::samples::{Samples, Weights};
use crate::work::quietly;

/// Posterior probabilities that are computed at a time, at most.
const MOST_VALUES: usize = 1 << 21;

/// Does a job with the samples and the device open.
pub(crate) fn on_device<T: Send>(
    py: Python<'_>,
    samples: &Samples<'_>,
    weights: &Weights<'_>,
    choice: &Choice,
    job: impl FnOnce(&dyn Data, &Device) -> mixtura::Result<T> + Send,
) -> PyResult<T> {
    let view = samples.view(weights);
    quietly(py, |stop| {
        let device = choice.open()?;
        view.read(stop, |data| job(data, &device)).inspect_err(|error| reopen(choice, error))
    })
}

/// After an error of the device, the next call opens it anew.
pub(crate) fn reopen(choice: &Choice, error: &Error) {
    if matches!(error, Error::DeviceLost { .. } | Error::Device { .. }) {
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

/// Most probable component of every sample.
pub(crate) fn labels(data: &dyn Data, device: &Device, mixture: &Mixture) -> mixtura::Result<Array1<i64>> {
    let mut labels = Array1::zeros(data.n_samples());
    for_each_chunk(data, device, |first, backend| {
        let n = backend.n_samples();
        let here = backend.assess(mixture, 0..n)?.labels;
        labels.slice_mut(s![first..first + n]).zip_mut_with(&here, |to, from| *to = *from as i64);
        Ok(())
    })?;
    Ok(labels)
}

/// The most probable component of every sample: `[N]`.
#[pyfunction]
pub(crate) fn predict<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    model: Parameters,
    device: Choice,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let labels = on_device(py, &samples, &None, &device, |data, device| labels(data, device, &model.0))?;
    Ok(labels.into_pyarray(py))
}

/// The log-density of the mixture at every sample, in single precision or in double: `[N]`.
#[pyfunction]
pub(crate) fn score_samples<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    model: Parameters,
    device: Choice,
    single: bool,
) -> PyResult<Bound<'py, PyAny>> {
    fn job<T: From<f32>>(
        data: &dyn Data,
        device: &Device,
        mixture: &Mixture,
        narrow: fn(f64) -> T,
    ) -> mixtura::Result<Array1<T>> {
        let mut all = Array1::from_shape_simple_fn(data.n_samples(), || T::from(0.0));
        for_each_chunk(data, device, |first, backend| {
            let n = backend.n_samples();
            let here = backend.assess(mixture, 0..n)?.log_densities;
            all.slice_mut(s![first..first + n]).zip_mut_with(&here, |to, from| *to = narrow(*from));
            Ok(())
        })?;
        Ok(all)
    }
    if single {
        on_device(py, &samples, &None, &device, |data, device| job(data, device, &model.0, |x| x as f32))
            .map(|array| out(py, array))
    } else {
        on_device(py, &samples, &None, &device, |data, device| job(data, device, &model.0, |x| x))
            .map(|array| out(py, array))
    }
}

/// The posterior probability of every component for every sample, in single precision or in double: `[N, K]`.
#[pyfunction]
pub(crate) fn predict_proba<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    model: Parameters,
    device: Choice,
    single: bool,
) -> PyResult<Bound<'py, PyAny>> {
    fn job<T: From<f32>>(
        data: &dyn Data,
        device: &Device,
        mixture: &Mixture,
        narrow: fn(f64) -> T,
    ) -> mixtura::Result<Array2<T>> {
        let k = mixture.n_components();
        let most_rows = (MOST_VALUES / k).max(1);
        let mut all = Array2::from_shape_simple_fn((data.n_samples(), k), || T::from(0.0));
        for_each_chunk(data, device, |first, backend| {
            let mut here = all.slice_mut(s![first..first + backend.n_samples(), ..]);
            for (i, mut rows) in here.axis_chunks_iter_mut(Axis(0), most_rows).enumerate() {
                let start = i * most_rows;
                let part = backend.responsibilities(mixture, start..start + rows.nrows())?;
                rows.zip_mut_with(&part, |to, from| *to = narrow(*from));
            }
            Ok(())
        })?;
        Ok(all)
    }
    if single {
        on_device(py, &samples, &None, &device, |data, device| job(data, device, &model.0, |x| x as f32))
            .map(|array| out(py, array))
    } else {
        on_device(py, &samples, &None, &device, |data, device| job(data, device, &model.0, |x| x))
            .map(|array| out(py, array))
    }
}

fn out<T: Element, D: Dimension>(py: Python<'_>, array: Array<T, D>) -> Bound<'_, PyAny> {
    array.into_pyarray(py).into_any()
}

/// (Total log-likelihood of the samples, sum of their weights).
#[pyfunction]
pub(crate) fn log_likelihood<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    weights: Weights<'py>,
    model: Parameters,
    device: Choice,
) -> PyResult<(f64, f64)> {
    on_device(py, &samples, &weights, &device, |data, device| {
        Ok((device.log_likelihood(&model.0, data)?, data.total_weight()))
    })
}
