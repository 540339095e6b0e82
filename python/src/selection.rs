//! The choice of a model: all its candidates in one job.

use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use mixtura::select::{Candidate, Criterion, Outcome, Scored, SelectOptions, Selecting};
use mixtura::{Data, Device, Error};
use pyo3::prelude::*;

use crate::devices::Choice;
use crate::errors::exception;
use crate::fit::{Fitted, Manner, facts};
use crate::passes::on_samples;
use crate::samples::{Samples, Weights};

/// What is to be chosen from, and by what: a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Candidates {
    n_components: Vec<usize>,
    covariance_types: Vec<String>,
    criterion: String,
    exhaustive: bool,
    folds: Option<usize>,
}

impl Candidates {
    fn into_options(self, manner: Manner) -> PyResult<SelectOptions> {
        let families: mixtura::Result<_> = self.covariance_types.iter().map(|name| name.parse()).collect();
        Ok(SelectOptions {
            families: families.map_err(exception)?,
            criterion: self.criterion.parse().map_err(exception)?,
            exhaustive: self.exhaustive,
            folds: self.folds,
            fit: manner.into_options()?,
            ..SelectOptions::new(self.n_components)
        })
    }
}

/// A candidate and what it is worth, as a row of the table: a dictionary. One that failed has a reason, and no numbers.
#[derive(IntoPyObject)]
struct Row {
    covariance_type: &'static str,
    n_components: usize,
    /// What it is worth by the criterion that decides.
    score: Option<f64>,
    bic: Option<f64>,
    aic: Option<f64>,
    icl: Option<f64>,
    icl_labels: Option<f64>,
    held_out: Option<f64>,
    stability: Option<f64>,
    log_likelihood: Option<f64>,
    n_parameters: Option<usize>,
    entropy: Option<f64>,
    label_entropy: Option<f64>,
    converged: Option<bool>,
    n_iter: Option<usize>,
    smallest_component: Option<f64>,
    held_by_floor: Option<bool>,
    floor_share: Option<f64>,
    n_repairs: Option<usize>,
    merged: bool,
    share: usize,
    seconds: f64,
    reason: Option<String>,
}

impl Row {
    fn new(candidate: &Candidate, criterion: Criterion) -> Self {
        let scored = candidate.scored();
        Row {
            covariance_type: candidate.covariance_type.name(),
            n_components: candidate.n_components,
            score: candidate.score(criterion),
            bic: candidate.score(Criterion::Bic),
            aic: candidate.score(Criterion::Aic),
            icl: candidate.score(Criterion::Icl),
            icl_labels: candidate.score(Criterion::IclLabels),
            held_out: candidate.held_out,
            stability: candidate.stability,
            log_likelihood: scored.map(|scored| scored.fit.log_likelihood),
            n_parameters: scored.map(|scored| scored.fit.mixture.n_parameters()),
            entropy: scored.map(|scored| scored.entropy),
            label_entropy: scored.map(|scored| scored.label_entropy),
            converged: scored.map(|scored| scored.fit.converged),
            n_iter: scored.map(|scored| scored.fit.n_iter),
            smallest_component: scored.map(|scored| scored.smallest_component),
            held_by_floor: scored.map(Scored::is_held_by_floor),
            floor_share: scored.map(|scored| scored.floor_share),
            n_repairs: scored.map(|scored| scored.fit.repairs.len()),
            merged: candidate.is_merged,
            share: candidate.share,
            seconds: candidate.seconds,
            reason: match &candidate.outcome {
                Outcome::Failed(error) => Some(error.problem()),
                _ => None,
            },
        }
    }
}

/// The result: a dictionary.
#[derive(IntoPyObject)]
pub(crate) struct Selected {
    candidates: Vec<Row>,
    /// The places of those that have a model, the best first.
    ranking: Vec<usize>,
    /// The fit of the best.
    fitted: Fitted,
}

/// Fits candidates and compares them. An observer hears of each as it is over.
#[pyfunction]
pub(crate) fn select<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    weights: Weights<'py>,
    candidates: Candidates,
    manner: Manner,
    device: Choice,
    observer: Option<Bound<'py, PyAny>>,
) -> PyResult<Selected> {
    let view = samples.view(&weights, manner.missing);
    let options = candidates.into_options(manner)?;
    let observer = observer.map(Bound::unbind);
    let hear = move |py: Python<'_>, row: Row| match &observer {
        Some(observer) => observer.call1(py, (row,)).map(|_| ()),
        None => Ok(()),
    };
    on_samples(py, view, &device, f64::INFINITY, hear, |data, device, rows| run(data, device, &options, &rows))
}

fn run(data: &dyn Data, device: &Device, options: &SelectOptions, rows: &Sender<Row>) -> mixtura::Result<Selected> {
    let row = |candidate: &Candidate| Row::new(candidate, options.criterion);
    let mut selecting = Selecting::new(data, device, options)?;
    while let Some(places) = selecting.pass()? {
        // Nobody hears of the candidates of folds.
        let places = if selecting.fold().is_none() { places } else { Vec::new() };
        for candidate in places.into_iter().filter_map(|place| selecting.candidate(place)) {
            // Nobody listens any more to a job that is about to be stopped.
            rows.send(row(candidate)).ok();
        }
        if data.stop().load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
    }
    let selection = selecting.finish();
    let ranking = selection.ranking(options.criterion);
    let candidates = selection.candidates.iter().map(row).collect();
    let best = ranking.first().map(|place| &selection.candidates[*place]);
    match best.and_then(|best| Some((best, best.scored()?))) {
        Some((best, scored)) => {
            let fitted = Fitted::of(&scored.fit, facts(data, device, options.fit.seed), best.seconds);
            Ok(Selected { candidates, ranking, fitted })
        }
        None => Err(first_reason(selection.candidates)),
    }
}

/// Why there is no model at all.
fn first_reason(candidates: Vec<Candidate>) -> Error {
    let mut reasons = candidates.into_iter().filter_map(|candidate| match candidate.outcome {
        Outcome::Failed(error) => Some(error),
        _ => None,
    });
    reasons.next().unwrap_or_else(|| Error::Refused {
        problem: "no candidate has a likelihood that is a number".to_owned(),
        remedy: "scale the features".into(),
    })
}
