//! A whole fit.

use std::sync::mpsc::Sender;

use mixtura::io::{FROM_MODEL, FitRecord};
use mixtura::{Climb, CovarianceArray, Data, Device, FitOptions, Fitting, Mixture, WarmStart};
use ndarray::Array1;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn};
use pyo3::prelude::*;

use crate::devices::Choice;
use crate::errors::exception;
use crate::model::{Arrays, Parameters, array, record};
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
    weights_init: Option<PyReadonlyArray1<'py, f64>>,
    means_init: Option<PyReadonlyArray2<'py, f64>>,
    precisions_init: Option<PyReadonlyArrayDyn<'py, f64>>,
    seed: u64,
    /// A model to go on from, and the last lower bound of its fit.
    start: Option<(Parameters, f64)>,
}

impl Options<'_> {
    fn into_options(self, n_features: usize) -> PyResult<FitOptions> {
        let shape = (self.n_components, n_features);
        let family = &self.covariance_type;
        let precisions = self.precisions_init.map(|values| array("precisions_init", family, shape, &values));
        Ok(FitOptions {
            n_components: self.n_components,
            covariance_type: family.parse().map_err(exception)?,
            tol: self.tol,
            reg_covar: self.reg_covar,
            max_iter: self.max_iter,
            n_init: self.n_init,
            init: self.init.parse().map_err(exception)?,
            weights_init: self.weights_init.map(|array| array.as_array().to_owned()),
            means_init: self.means_init.map(|array| array.as_array().to_owned()),
            precisions_init: precisions.transpose()?,
            seed: self.seed,
            warm_start: self.start.map(|(mixture, lower_bound)| WarmStart {
                mixture: mixture.0,
                lower_bound: Some(lower_bound).filter(|bound| bound.is_finite()),
            }),
        })
    }
}

/// What a fit tells on its way.
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
pub(crate) struct Fitted<'py> {
    mixture: Arrays<'py>,
    converged: bool,
    n_iter: usize,
    lower_bound: f64,
    lower_bounds: Vec<f64>,
    labels: Option<Bound<'py, PyArray1<i64>>>,
    /// How the model was fitted, in JSON.
    record: String,
    /// Seconds that the library took for the fit.
    seconds: f64,
}

/// Fits a mixture; labels of the samples are given where they are wanted. An observer hears of every restart and epoch.
#[pyfunction]
pub(crate) fn fit<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    weights: Weights<'py>,
    options: Options<'py>,
    device: Choice,
    labels: bool,
    observer: Option<Bound<'py, PyAny>>,
) -> PyResult<Fitted<'py>> {
    let single = samples.are_single();
    let view = samples.view(&weights);
    let options = options.into_options(view.n_features())?;
    let observer = observer.map(Bound::unbind);
    let observed = observer.is_some();
    let hear = move |py: Python<'_>, event: Event| match &observer {
        Some(observer) => event.tell(observer.bind(py)),
        None => Ok(()),
    };
    let Outcome { climb, labels, record, seconds } = work(py, hear, |stop, events| {
        let opened = device.open()?;
        view.read(stop, |data| {
            let events = observed.then_some(events);
            Job { data, device: &opened, options: &options, labels, single }.run(events.as_ref())
        })
        .inspect_err(|error| reopen(&device, error))
    })?;
    Ok(Fitted {
        mixture: Arrays::new(py, &climb.mixture),
        converged: climb.converged,
        n_iter: climb.lower_bounds.len(),
        lower_bound: climb.lower_bound(),
        lower_bounds: climb.lower_bounds,
        labels: labels.map(|labels| labels.into_pyarray(py)),
        record,
        seconds,
    })
}

struct Job<'a> {
    data: &'a dyn Data,
    device: &'a Device,
    options: &'a FitOptions,
    labels: bool,
    single: bool,
}

struct Outcome {
    climb: Climb,
    labels: Option<Array1<i64>>,
    record: String,
    seconds: f64,
}

impl Job<'_> {
    fn run(self, events: Option<&Sender<Event>>) -> mixtura::Result<Outcome> {
        let Job { data, device, options, labels, single } = self;
        let started = std::time::Instant::now();
        // Nobody listens any more to a fit that is about to be stopped.
        let tell = |event| events.is_some_and(|events| events.send(event).is_ok());
        let mut fitting = Fitting::new(data, device, options)?;
        tell(Event::Begin { restart: 0 });
        while let Some(step) = fitting.epoch()? {
            tell(Event::Epoch { epoch: step.epoch, change: step.change });
            let climb = fitting.state().climb.as_ref().expect("an epoch is part of a climb");
            if climb.converged || step.epoch == options.max_iter {
                tell(Event::End { lower_bound: step.lower_bound, converged: climb.converged });
                if options.warm_start.is_none() && step.restart + 1 < options.n_init {
                    tell(Event::Begin { restart: step.restart + 1 });
                }
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        let climb = fitting.state().best_so_far().expect("a fit that went through has a best restart");
        let labels = match labels {
            true => {
                let mixture = if single { rounded(&climb.mixture)? } else { climb.mixture.clone() };
                let all = 0..data.n_samples();
                Some(fitting.backend().assess(&mixture, all)?.labels.mapv(|label| label as i64))
            }
            false => None,
        };
        let record = record(&FitRecord {
            device: device.info().clone(),
            n_samples: data.n_samples(),
            total_weight: data.total_weight(),
            init: if options.warm_start.is_some() { FROM_MODEL } else { options.init.name() }.to_owned(),
            seed: options.seed,
            tol: options.tol,
            reg_covar: options.reg_covar,
            max_iter: options.max_iter,
            n_init: options.n_init,
            converged: climb.converged,
            n_iter: climb.lower_bounds.len(),
            lower_bound: Some(climb.lower_bound()).filter(|bound| bound.is_finite()),
            log_likelihood: None,
        });
        Ok(Outcome { climb, labels, record, seconds })
    }
}

/// The mixture that an estimator of single precision is left with, so that its labels are those it will predict.
fn rounded(mixture: &Mixture) -> mixtura::Result<Mixture> {
    let round = |x: f64| f64::from(x as f32);
    let factors = match mixture.precisions_cholesky() {
        CovarianceArray::Full(factors) => CovarianceArray::Full(factors.mapv(round)),
        CovarianceArray::Tied(factors) => CovarianceArray::Tied(factors.mapv(round)),
        CovarianceArray::Diag(factors) => CovarianceArray::Diag(factors.mapv(round)),
        CovarianceArray::Spherical(factors) => CovarianceArray::Spherical(factors.mapv(round)),
    };
    Mixture::from_precisions_cholesky(mixture.weights().mapv(round), mixture.means().mapv(round), factors)
}
