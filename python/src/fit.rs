//! A whole fit.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::Instant;

use mixtura::fit::{FitState, Fitting, Floor, Posterior, Restart, WarmStart};
use mixtura::io::{Checkpoint, OptionsRecord};
use mixtura::{Data, Device, Error, Fit, FitOptions, Summary};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::json;

use crate::checkpoint::{self, Checkpoints, Wanted};
use crate::devices::Choice;
use crate::errors::exception;
use crate::model::{Arrays, Parameters, array};
use crate::passes::on_samples;
use crate::samples::{Samples, Way, Weights};
use crate::trace::Trace;

/// How to fit: a dictionary, or a part of one.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Manner {
    tol: f64,
    reg_covar: f64,
    /// In place of `reg_covar`.
    floor: Option<f64>,
    max_iter: usize,
    n_init: usize,
    init: String,
    start: String,
    prune: String,
    /// The rule with its numbers, in JSON.
    update: String,
    on_collapse: String,
    posterior: String,
    /// Of samples in an array.
    pub(crate) missing: Way,
    seed: u64,
}

impl Manner {
    /// Options of a single component.
    pub(crate) fn into_options(self) -> PyResult<FitOptions> {
        Ok(FitOptions {
            tol: self.tol,
            floor: self.floor.map_or(Floor::Absolute(self.reg_covar), Floor::Relative),
            on_collapse: self.on_collapse.parse().map_err(exception)?,
            max_iter: self.max_iter,
            n_init: self.n_init,
            init: self.init.parse().map_err(exception)?,
            start: self.start.parse().map_err(exception)?,
            prune: self.prune.parse().map_err(exception)?,
            update: serde_json::from_str(&self.update).map_err(|error| PyValueError::new_err(error.to_string()))?,
            posterior: posterior(&self.posterior)?,
            seed: self.seed,
            ..FitOptions::new(1)
        })
    }
}

/// What to fit: a part of a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Kind<'py> {
    n_components: usize,
    covariance_type: String,
    weights_init: Option<PyReadonlyArray1<'py, f64>>,
    means_init: Option<PyReadonlyArray2<'py, f64>>,
    precisions_init: Option<PyReadonlyArrayDyn<'py, f64>>,
}

/// What to fit, and how: a dictionary.
pub(crate) struct Options<'py> {
    kind: Kind<'py>,
    manner: Manner,
}

impl<'py> FromPyObject<'_, 'py> for Options<'py> {
    type Error = PyErr;

    fn extract(options: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Options { kind: options.extract()?, manner: options.extract()? })
    }
}

impl Options<'_> {
    pub(crate) fn into_options(self, n_features: usize) -> PyResult<FitOptions> {
        let Options { kind, manner } = self;
        let (shape, family) = ((kind.n_components, n_features), &kind.covariance_type);
        let precisions = kind.precisions_init.map(|values| array("precisions_init", family, shape, &values));
        Ok(FitOptions {
            n_components: kind.n_components,
            covariance_type: family.parse().map_err(exception)?,
            weights_init: kind.weights_init.map(|array| array.as_array().to_owned()),
            means_init: kind.means_init.map(|array| array.as_array().to_owned()),
            precisions_init: precisions.transpose()?,
            ..manner.into_options()?
        })
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
    /// Every epoch of this call, where it was one that fits a single model.
    trace: Option<Trace>,
    /// The device of the checkpoint that the fit went on from, where that has other bits.
    began_on: Option<String>,
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
            trace: None,
            began_on: None,
            record,
            seconds,
        }
    }

    /// The result of a fit that is over.
    pub(crate) fn of(fit: &Fit, record: String, seconds: f64) -> Self {
        Fitted {
            mixture: Arrays::new(&fit.mixture),
            converged: fit.converged,
            at_precision_limit: fit.at_precision_limit,
            n_iter: fit.n_iter,
            lower_bound: fit.lower_bound,
            repairs: fit.repairs.iter().map(ToString::to_string).collect(),
            lower_bounds: fit.lower_bounds.clone(),
            trace: None,
            began_on: None,
            record,
            seconds,
        }
    }
}

/// Facts of a fit that its result does not tell, in JSON.
pub(crate) fn facts(data: &dyn Data, device: &Device, seed: u64) -> String {
    let (n_samples, total_weight) = (data.n_samples(), data.total_weight());
    json!({ "device": device.info(), "n_samples": n_samples, "total_weight": total_weight, "seed": seed }).to_string()
}

/// Fits a mixture, from a model and the last lower bound of its fit where it is to go on from one, or from a checkpoint,
/// with the options that it has but for the most epochs. An observer hears of every restart and epoch.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // Their names are given in Python, one for one.
pub(crate) fn fit<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    weights: Weights<'py>,
    options: Options<'py>,
    start: Option<(Parameters, f64)>,
    device: Choice,
    observer: Option<Bound<'py, PyAny>>,
    checkpoint: Option<Wanted>,
    resume: Option<PathBuf>,
) -> PyResult<Fitted> {
    let view = samples.view(&weights, options.manner.missing);
    let mut options = options.into_options(view.n_features())?;
    let observer = observer.map(Bound::unbind);
    let observed = observer.is_some();
    let hear = move |py: Python<'_>, event: Event| match &observer {
        Some(observer) => event.tell(observer.bind(py)),
        None => Ok(()),
    };
    let operations = match observed || checkpoint.is_some() {
        true => f64::INFINITY,
        false => view.operations(options.n_components) * passes(&options),
    };
    on_samples(py, view, &device, operations, hear, |data, device, events| {
        if let Some((start, lower_bound)) = start {
            let lower_bound = Some(lower_bound).filter(|bound| bound.is_finite());
            options.warm_start = Some(WarmStart { mixture: start.mixture()?.0, lower_bound });
        }
        options.start = options.start_on(data.summary());
        let begin = match resume {
            Some(path) => Begin::at(&path, data.summary(), device, options.max_iter)?,
            None => {
                let (device, record) = (device.clone(), checkpoint::record(&options));
                Begin { device, options, record, state: FitState::default(), began_on: None }
            }
        };
        run(data, begin, checkpoint, observed.then_some(&events))
    })
}

/// Passes of a fit over the samples, at most, as far as an initialisation has such a bound.
fn passes(options: &FitOptions) -> f64 {
    const INITIALISATION: f64 = 1e3;
    options.n_init as f64 * (options.max_iter as f64 + INITIALISATION)
}

/// What a fit begins with.
struct Begin {
    device: Device,
    options: FitOptions,
    record: OptionsRecord,
    state: FitState,
    /// The device of the checkpoint, where that has other bits.
    began_on: Option<String>,
}

impl Begin {
    /// That of a fit that goes on from a checkpoint of these samples.
    fn at(path: &Path, summary: &Summary, device: &Device, max_iter: usize) -> mixtura::Result<Self> {
        let checkpoint = Checkpoint::load(path)?;
        checkpoint.check_data(path, summary)?;
        let Checkpoint { device: before, options: mut record, state, .. } = checkpoint;
        record.max_iter = max_iter;
        let device = device.clone().with_shares_of(&before);
        let began_on = (!before.computes_like(&device.record())).then_some(before.name);
        Ok(Begin { device, options: checkpoint::options(&record), record, state, began_on })
    }
}

fn run(
    data: &dyn Data,
    begin: Begin,
    wanted: Option<Wanted>,
    events: Option<&Sender<Event>>,
) -> mixtura::Result<Fitted> {
    let started = Instant::now();
    let Begin { device, options, record, state, began_on } = begin;
    // Nobody listens any more to a fit that is about to be stopped.
    let tell = |event| events.is_some_and(|events| events.send(event).is_ok());
    let mut checkpoints = wanted.map(|wanted| Checkpoints::new(wanted, &device, data.summary(), record)).transpose()?;
    let first = state.first;
    let mut fitting = Fitting::resume(data, &device, &options, state)?;
    tell(Event::Begin { restart: first });
    let mut trace = Trace::default();
    loop {
        let step = match (fitting.epoch(), &checkpoints) {
            (Err(Error::Interrupted), Some(checkpoints)) => {
                checkpoints.keep(fitting.state())?;
                return Err(Error::Interrupted);
            }
            (step, _) => step?,
        };
        let Some(step) = step else { break };
        tell(Event::Epoch { epoch: step.epoch, change: step.change });
        if step.is_last {
            tell(Event::End { lower_bound: step.lower_bound, converged: step.converged });
            if options.warm_start.is_none() && step.restart + 1 < options.n_init {
                tell(Event::Begin { restart: step.restart + 1 });
            }
        }
        trace.0.push(step);
        if let Some(checkpoints) = &mut checkpoints {
            checkpoints.after_epoch(&fitting)?;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let facts = facts(data, &device, options.seed);
    Ok(Fitted { trace: Some(trace), began_on, ..Fitted::new(fitting.best_so_far()?, facts, seconds) })
}
