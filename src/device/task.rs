//! Tasks: what a fit asks of samples, wherever they are, and the answers, which combine over parts of the data.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::chosen::Chosen;
use crate::data::summary::Summary;
use crate::device::prune::Prune;
use crate::device::steps::{Stepped, Steps};
use crate::device::sums::Sums;
use crate::device::truncated::{Truncated, TruncatedSums};
use crate::device::worst::{Worst, WorstSamples};
use crate::error::{Error, Result};
use crate::model::family::CovarianceType;
use crate::model::quadratics::Quadratics;
use crate::model::statistics::Statistics;

/// How a sample is shared out among the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Assignment {
    /// By the posterior probabilities of the components, as EM does.
    Soft,
    /// Wholly to the component of the greatest posterior probability, as k-means does.
    Hard,
}

/// Question about all samples at once. Several tasks are answered in one pass over them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Task {
    /// Sums that an M step needs, under a model.
    Sums(SumsTask),
    /// The same under responsibilities drawn at random.
    Random(RandomTask),
    /// Copies of the samples that have these places, in ascending order, among those of positive weight.
    Samples(Arc<Vec<usize>>),
    /// The samples that a model explains worst.
    Worst(Arc<Worst>),
    /// A pass of stepwise EM. It goes through the samples in order, and so has no answers that combine.
    Steps(Arc<Steps>),
    /// Sums under truncated posteriors. Candidates are those of all samples, and so it has no answers that combine.
    Truncated(Arc<Truncated>),
}

/// A task of sums under a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SumsTask {
    pub(crate) quadratics: Arc<Quadratics>,
    pub(crate) assignment: Assignment,
    /// Second moments; without any, the log-likelihood alone is summed.
    pub(crate) statistics: Option<Statistics>,
    /// Share of the scatter of all samples, of the feature of the least, that is expected to be left within components.
    /// Devices that find pooled moments as what is left of that scatter sum them themselves where it is little.
    pub(crate) share_within: f64,
    pub(crate) prune: Prune,
}

/// A task of sums under random responsibilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RandomTask {
    pub(crate) seed: u128,
    pub(crate) n_components: usize,
    pub(crate) statistics: Statistics,
}

impl SumsTask {
    /// Sums for the M step of a family, of the samples with this summary.
    pub(crate) fn new(
        quadratics: &Arc<Quadratics>,
        assignment: Assignment,
        family: CovarianceType,
        summary: &Summary,
    ) -> Self {
        let share_within = match assignment {
            Assignment::Soft if family.is_shared() => share_within(quadratics, summary),
            // The model of a hard pass is as wide as all samples together.
            _ => f64::INFINITY,
        };
        SumsTask {
            quadratics: quadratics.clone(),
            assignment,
            statistics: Some(family.statistics()),
            share_within,
            prune: Prune::Off,
        }
    }

    /// The same task, in which components may be left out.
    pub(crate) fn pruned(self, prune: Prune) -> Self {
        SumsTask { prune, ..self }
    }

    /// The log-likelihood alone.
    pub(crate) fn log_likelihood(quadratics: &Arc<Quadratics>) -> Self {
        let (quadratics, assignment) = (quadratics.clone(), Assignment::Soft);
        SumsTask { quadratics, assignment, statistics: None, share_within: f64::INFINITY, prune: Prune::Off }
    }

    /// The same task, its second moments summed themselves.
    pub(crate) fn directly(self) -> Self {
        SumsTask { share_within: 0.0, ..self }
    }
}

/// The variance that the model expects within components, as a share of that of all samples about their medians.
fn share_within(quadratics: &Quadratics, summary: &Summary) -> f64 {
    let about_medians =
        (0..summary.n_features()).map(|i| summary.variance()[i] + (summary.mean()[i] - summary.median()[i]).powi(2));
    let shares = about_medians.enumerate().filter(|(_, all)| *all > 0.0);
    shares.map(|(i, all)| quadratics.covariances().entry(0, i, i) / all).fold(f64::INFINITY, f64::min)
}

/// The answer to a task, of all samples or of a part of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Answer {
    /// To [`Task::Sums`] and [`Task::Random`].
    Sums(Sums),
    /// To [`Task::Samples`].
    Samples(Chosen),
    /// To [`Task::Worst`].
    Worst(WorstSamples),
    /// To [`Task::Steps`].
    Steps(Box<Stepped>),
    /// To [`Task::Truncated`].
    Truncated(Box<TruncatedSums>),
}

impl Answer {
    /// The answer of these samples and those of another part.
    ///
    /// # Errors
    /// [`Error::Parts`] for answers to different tasks, and for stepwise EM, which has no parts; [`Error::Refused`] for
    /// truncated posteriors, which have none either.
    pub fn combine(self, other: Answer) -> Result<Answer> {
        match (self, other) {
            (Answer::Sums(one), Answer::Sums(other)) => Ok(Answer::Sums(one.combine(other)?)),
            (Answer::Samples(one), Answer::Samples(other)) => Ok(Answer::Samples(one.combine(other))),
            (Answer::Worst(one), Answer::Worst(other)) => Ok(Answer::Worst(one.combine(other))),
            (Answer::Steps(_), Answer::Steps(_)) => {
                let problem =
                    "stepwise EM goes through samples in order: parts of them cannot be passed over beside each other";
                Err(Error::Parts { problem: problem.to_owned() })
            }
            (Answer::Truncated(_), Answer::Truncated(_)) => {
                let problem = "truncated posteriors have candidates for all samples, and parts of them have none";
                let remedy = "choose exact posteriors, or fit all samples in one process".into();
                Err(Error::Refused { problem: problem.to_owned(), remedy })
            }
            _ => Err(unexpected()),
        }
    }

    pub(crate) fn sums(self) -> Result<Sums> {
        if let Answer::Sums(sums) = self { Ok(sums) } else { Err(unexpected()) }
    }

    pub(crate) fn samples(self) -> Result<Chosen> {
        if let Answer::Samples(chosen) = self { Ok(chosen) } else { Err(unexpected()) }
    }

    pub(crate) fn worst(self) -> Result<WorstSamples> {
        if let Answer::Worst(worst) = self { Ok(worst) } else { Err(unexpected()) }
    }
}

pub(crate) fn unexpected() -> Error {
    Error::Parts { problem: "an answer is to another task than that which was asked".to_owned() }
}
