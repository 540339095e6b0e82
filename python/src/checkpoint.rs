//! Checkpoints of a fit: the same files as those of the command line.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mixtura::fit::{FitState, Fitting};
use mixtura::io::{Checkpoint, DataRecord, Destination, FROM_MODEL, OptionsRecord};
use mixtura::{Device, FitOptions, Summary};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::work::quietly;

/// How often a checkpoint is written.
#[derive(Clone, Copy)]
enum Interval {
    Epochs(usize),
    Time(Duration),
}

impl<'py> FromPyObject<'_, 'py> for Interval {
    type Error = PyErr;

    /// From a number of epochs, or of seconds, such as `"60s"`.
    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let interval = match given.extract::<String>() {
            Ok(text) => {
                let seconds = text.strip_suffix('s').and_then(|seconds| seconds.trim().parse().ok());
                seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).map(Interval::Time)
            }
            Err(_) => given.extract().ok().filter(|epochs| *epochs > 0).map(Interval::Epochs),
        };
        interval.ok_or_else(|| {
            let given = given.repr().map_or_else(|_| "what it is".to_owned(), |text| text.to_string());
            PyValueError::new_err(format!(
                "checkpoint_every is {given}: give a number of epochs, such as 10, or of seconds, such as '60s'"
            ))
        })
    }
}

/// Where checkpoints go, and how often.
pub(crate) struct Wanted(PathBuf, Interval);

impl<'py> FromPyObject<'_, 'py> for Wanted {
    type Error = PyErr;

    /// From a pair.
    fn extract(pair: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let (path, every): (PathBuf, Bound<'py, PyAny>) = pair.extract()?;
        Ok(Wanted(path, every.extract()?))
    }
}

/// The checkpoints of a fit at work.
pub(crate) struct Checkpoints<'a> {
    to: Destination,
    every: Interval,
    epochs: usize,
    last: Instant,
    device: &'a Device,
    summary: &'a Summary,
    options: OptionsRecord,
}

impl<'a> Checkpoints<'a> {
    /// Checks that they can be written. `options` are those of the fit, whose start is decided.
    pub(crate) fn new(
        Wanted(path, every): Wanted,
        device: &'a Device,
        summary: &'a Summary,
        options: OptionsRecord,
    ) -> mixtura::Result<Self> {
        let to = Destination::new(&path)?;
        Ok(Checkpoints { to, every, epochs: 0, last: Instant::now(), device, summary, options })
    }

    /// Writes one if it is time.
    pub(crate) fn after_epoch(&mut self, fitting: &Fitting) -> mixtura::Result<()> {
        self.epochs += 1;
        let is_time = match self.every {
            Interval::Epochs(epochs) => self.epochs >= epochs,
            Interval::Time(time) => self.last.elapsed() >= time,
        };
        if is_time {
            self.keep(fitting.state())?;
            (self.epochs, self.last) = (0, Instant::now());
        }
        Ok(())
    }

    /// Writes how far a fit has come, if it has a model yet.
    pub(crate) fn keep(&self, state: FitState) -> mixtura::Result<()> {
        if state.best_so_far().is_none() {
            return Ok(());
        }
        let (device, data) = (self.device.record(), DataRecord::of(self.summary));
        Checkpoint { device, data, options: self.options.clone(), state }.save(&self.to)
    }
}

/// The record of options; a fit that goes on from a model has one restart.
pub(crate) fn record(options: &FitOptions) -> OptionsRecord {
    let goes_on = options.warm_start.is_some();
    OptionsRecord {
        n_components: options.n_components,
        covariance_type: options.covariance_type,
        init: if goes_on { FROM_MODEL } else { options.init.name() }.to_owned(),
        seed: options.seed,
        tol: options.tol,
        floor: options.floor,
        on_collapse: options.on_collapse,
        max_iter: options.max_iter,
        n_init: if goes_on { 1 } else { options.n_init },
        update: options.update,
        start: options.start,
        prune: options.prune,
        posterior: options.posterior,
    }
}

/// The options of a record.
pub(crate) fn options(record: &OptionsRecord) -> FitOptions {
    FitOptions {
        covariance_type: record.covariance_type,
        // A fit that went on from a model has its start behind it.
        init: record.init.parse().unwrap_or_default(),
        seed: record.seed,
        tol: record.tol,
        floor: record.floor,
        on_collapse: record.on_collapse,
        max_iter: record.max_iter,
        n_init: record.n_init,
        update: record.update,
        start: record.start,
        prune: record.prune,
        posterior: record.posterior,
        ..FitOptions::new(record.n_components)
    }
}

/// The options of the fit that a checkpoint is of, in JSON.
#[pyfunction]
pub(crate) fn options_of_checkpoint(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    let options = quietly(py, |_| Ok(Checkpoint::load(&path)?.options))?;
    Ok(serde_json::to_string(&options).expect("numbers and words have a form in JSON"))
}
