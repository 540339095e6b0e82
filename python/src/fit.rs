//! A whole fit.

use std::sync::mpsc::Sender;
use std::time::Instant;

use mixtura::fit::{Fitting, Floor, Posterior, Restart, WarmStart};
use mixtura::{Data, Device, FitOptions, Update};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::json;

use crate::devices::Choice;
use crate::errors::exception;
use crate::model::{Arrays, Parameters, array};
use crate::passes::reopen;
use crate::samples::{Samples, Weights};
use crate::work::work;

/// How to fit: a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options<'py> {
    n_components: usize,
    covariance_type: String,
    tol: f64,
    reg_covar: f64,
    max_iter: usize,
    n_init: usize,
    init: String,
    start: String,
    prune: String,
    update: String,
    on_collapse: String,
    posterior: String,
    weights_init: Option<PyReadonlyArray1<'py, f64>>,
    means_init: Option<PyReadonlyArray2<'py, f64>>,
    precisions_init: Option<PyReadonlyArrayDyn<'py, f64>>,
    seed: u64,
}

impl Options<'_> {
    pub(crate) fn into_options(self, n_features: usize) -> PyResult<FitOptions> {
        let shape = (self.n_components, n_features);
        let family = &self.covariance_type;
        let precisions = self.precisions_init.map(|values| array("precisions_init", family, shape, &values));
        Ok(FitOptions {
            covariance_type: family.parse().map_err(exception)?,
            tol: self.tol,
            floor: Floor::Absolute(self.reg_covar),
            on_collapse: self.on_collapse.parse().map_err(exception)?,
            max_iter: self.max_iter,
            n_init: self.n_init,
            init: self.init.parse().map_err(exception)?,
            start: self.start.parse().map_err(exception)?,
            prune: self.prune.parse().map_err(exception)?,
            update: rule(&self.update)?,
            posterior: posterior(&self.posterior)?,
            weights_init: self.weights_init.map(|array| array.as_array().to_owned()),
            means_init: self.means_init.map(|array| array.as_array().to_owned()),
            precisions_init: precisions.transpose()?,
            seed: self.seed,
            ..FitOptions::new(self.n_components)
        })
    }
}

/// The rule of update with a name.
fn rule(name: &str) -> PyResult<Update> {
    match name {
        "em" => Ok(Update::Em),
        "squarem" => Ok(Update::Squarem),
        other => Err(PyValueError::new_err(format!("update is {other}, neither em nor squarem"))),
    }
}

/// How posteriors are found, by name.
fn posterior(name: &str) -> PyResult<Posterior> {
    match name {
        "exact" => Ok(Posterior::Exact),
        "truncated" => Ok(Posterior::TRUNCATED),
        other => Err(PyValueError::new_err(format!("posterior is {other}, neither exact nor truncated"))),
    }
}

/// Event of a fit on its way.
enum Event {
    Begin { restart: usize },
    Epoch { epoch: usize, change: f64 },
    End { lower_bound: f64, converged: bool },
}

impl Event {
    fn tell(self, observer: &Bound<'_, PyAny>) -> PyResult<()> {
        match self {
            Event::Begin { restart } => observer.call_method1("begin", (restart,)),
            Event::Epoch { epoch, change } => observer.call_method1("epoch", (epoch, change)),
            Event::End { lower_bound, converged } => observer.call_method1("end", (lower_bound, converged)),
        }
        .map(|_| ())
    }
}

/// The result: a dictionary.
#[derive(IntoPyObject)]
pub(crate) struct Fitted {
    mixture: Arrays,
    converged: bool,
    at_precision_limit: bool,
    n_iter: usize,
    lower_bound: f64,
    lower_bounds: Vec<f64>,
    /// What was done about components that collapsed, in words.
    repairs: Vec<String>,
    /// Other facts of the fit, in JSON: a part of a model file's record.
    record: String,
    /// Seconds that the library took for the fit.
    seconds: f64,
}

impl Fitted {
    /// The result of the best restart.
    pub(crate) fn new(best: Restart, record: String, seconds: f64) -> Self {
        Fitted {
            mixture: Arrays::new(&best.mixture),
            converged: best.converged,
            at_precision_limit: best.at_precision_limit,
            n_iter: best.lower_bounds.len(),
            lower_bound: best.lower_bound(),
            repairs: best.all_repairs().iter().map(ToString::to_string).collect(),
            lower_bounds: best.lower_bounds,
            record,
            seconds,
        }
    }
}

/// Fits a mixture, from a model and the last lower bound of its fit where it is to go on from one. An observer hears of
/// every restart and epoch.
#[pyfunction]
pub(crate) fn fit<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    weights: Weights<'py>,
    options: Options<'py>,
    start: Option<(Parameters, f64)>,
    device: Choice,
    observer: Option<Bound<'py, PyAny>>,
) -> PyResult<Fitted> {
    let view = samples.view(&weights);
    let mut options = options.into_options(view.n_features())?;
    let observer = observer.map(Bound::unbind);
    let observed = observer.is_some();
    let hear = move |py: Python<'_>, event: Event| match &observer {
        Some(observer) => event.tell(observer.bind(py)),
        None => Ok(()),
    };
    let fitted = work(py, hear, |stop, events| {
        if let Some((start, lower_bound)) = start {
            let lower_bound = Some(lower_bound).filter(|bound| bound.is_finite());
            options.warm_start = Some(WarmStart { mixture: start.mixture()?.0, lower_bound });
        }
        let opened = device.open()?;
        view.read(stop, |data| run(data, &opened, &options, observed.then_some(&events)))
            .inspect_err(|error| reopen(&device, error))
    })?;
    device.tell_distrust(py)?;
    Ok(fitted)
}

fn run(
    data: &dyn Data,
    device: &Device,
    options: &FitOptions,
    events: Option<&Sender<Event>>,
) -> mixtura::Result<Fitted> {
    let started = Instant::now();
    // Nobody listens any more to a fit that is about to be stopped.
    let tell = |event| events.is_some_and(|events| events.send(event).is_ok());
    let mut fitting = Fitting::new(data, device, options)?;
    tell(Event::Begin { restart: 0 });
    while let Some(step) = fitting.epoch()? {
        tell(Event::Epoch { epoch: step.epoch, change: step.change });
        if step.is_last {
            tell(Event::End { lower_bound: step.lower_bound, converged: step.converged });
            if options.warm_start.is_none() && step.restart + 1 < options.n_init {
                tell(Event::Begin { restart: step.restart + 1 });
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let best = fitting.best_so_far()?;
    let record = json!({
        "device": device.info(),
        "n_samples": data.n_samples(),
        "total_weight": data.total_weight(),
        "seed": options.seed,
    });
    Ok(Fitted::new(best, record.to_string(), seconds))
}
