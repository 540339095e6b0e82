//! The first model of a restart: k-means, seeds, random responsibilities, or what the caller gives.
//!
//! k-means works on features over their robust scales: on features of very different scale it would otherwise see only
//! the largest, pick bad starts, and mislead BIC.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_pcg::Pcg64;

use crate::data::subsample::choose;
use crate::data::summary::Summary;
use crate::device::task::{Answer, Assignment, RandomTask, SumsTask, Task};
use crate::error::{Error, Result};
use crate::fit::kmeans;
use crate::fit::options::{FitOptions, Init};
use crate::fit::setting::Setting;
use crate::fit::starts::{self, Judge};
use crate::model::covariance::CovarianceArray;
use crate::model::m_step::MStep;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;
use crate::model::quadratics::Quadratics;

/// The initialisation of a restart.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Initialisation {
    /// Lloyd rounds; 0 for initialisations that have none.
    pub rounds: usize,
    /// Mean squared distance of a sample from its centre, in robust scales of the features; k-means only.
    pub inertia: Option<f64>,
}

impl Initialisation {
    pub(crate) const NONE: Initialisation = Initialisation { rounds: 0, inertia: None };
}

/// A start at work.
#[derive(Debug, Clone)]
pub(crate) enum Opening {
    /// The first model.
    Ready(Mixture),
    /// Samples are needed, at these places among those of positive weight.
    Choosing { places: Arc<Vec<usize>>, purpose: Purpose, random: Box<Pcg64> },
    /// Samples are assigned to the nearest centre: those of k-means, or means that were given.
    Assigning { distances: Arc<Quadratics>, initialisation: Option<Initialisation> },
    /// Samples have random responsibilities.
    Random(RandomTask),
}

/// The purpose of chosen samples.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// k-means.
    Clusters,
    /// Seeds that are far from each other.
    Seeds,
    /// Means.
    Means,
}

/// Where a start stands.
pub(crate) enum Begun {
    /// It goes on with another task.
    Further(Opening),
    /// It has a model.
    Ready(Mixture),
    /// The moments of clusters are to be solved, and repaired where some collapsed.
    Clusters { distances: Arc<Quadratics>, moments: Box<Moments>, initialisation: Initialisation },
}

impl Opening {
    /// The start of a restart.
    ///
    /// # Errors
    /// A start that was given and does not fit.
    pub(crate) fn new(setting: &Setting, restart: usize) -> Result<Self> {
        let Setting { options, summary, .. } = setting;
        if let Some(start) = &options.warm_start {
            return check_given(start.mixture.clone(), summary, options).map(Opening::Ready);
        }
        if let (Some(weights), Some(means), Some(precisions)) =
            (&options.weights_init, &options.means_init, &options.precisions_init)
        {
            let mixture = Mixture::from_precisions(weights.clone(), means.clone(), precisions.clone())?;
            return check_given(mixture, summary, options).map(Opening::Ready);
        }
        // Restart 0 draws the same numbers however many restarts follow.
        let mut random = Pcg64::new(options.seed.into(), restart as u128);
        let k = options.n_components;
        let choosing = |places, purpose, random| Opening::Choosing { places: Arc::new(places), purpose, random };
        Ok(match (options.init, &options.means_init) {
            // Clusters that k-means finds have nothing to do with given means; they are left for further restarts.
            (Init::KMeans, Some(means)) if restart == 0 => {
                check_shape(means.dim(), summary, options)?;
                let units = kmeans::squares(summary.scale().clone());
                let distances = Quadratics::distances(means.clone(), &units, options.covariance_type);
                Opening::Assigning { distances: Arc::new(distances), initialisation: None }
            }
            (Init::KMeans, _) => {
                let places = kmeans::subsample(summary, k, &mut random);
                choosing(places, Purpose::Clusters, Box::new(random))
            }
            (Init::KMeansPlusPlus, _) => {
                let places = kmeans::subsample(summary, k, &mut random);
                choosing(places, Purpose::Seeds, Box::new(random))
            }
            (Init::Random, _) => Opening::Random(RandomTask {
                seed: random.random(),
                n_components: k,
                statistics: options.covariance_type.statistics(),
            }),
            (Init::RandomFromData, _) => {
                let places = choose(summary, k, &mut random);
                choosing(places, Purpose::Means, Box::new(random))
            }
        })
    }

    /// The task that it wants; nothing when it is ready.
    pub(crate) fn wants(&self, setting: &Setting, directly: bool) -> Option<Task> {
        match self {
            Opening::Ready(_) => None,
            Opening::Choosing { places, .. } => Some(Task::Samples(places.clone())),
            Opening::Assigning { distances, .. } => {
                let family = setting.options.covariance_type;
                let task =
                    SumsTask::new(distances, Assignment::Hard, family, &setting.summary).pruned(setting.options.prune);
                Some(Task::Sums(if directly { task.directly() } else { task }))
            }
            Opening::Random(task) => Some(Task::Random(*task)),
        }
    }

    /// Takes the answer; `None` asks for sums of second moments themselves.
    ///
    /// # Errors
    /// Those of the M step, and [`Error::Interrupted`].
    pub(crate) fn takes(self, answer: Answer, setting: &Setting, stop: &AtomicBool) -> Result<Option<Begun>> {
        let Setting { options, summary, m_step, .. } = setting;
        let family = options.covariance_type;
        let ready = |mixture| Ok(Some(Begun::Ready(replace_given(mixture, summary, options)?)));
        match self {
            Opening::Ready(mixture) => Ok(Some(Begun::Ready(mixture))),
            Opening::Choosing { places, purpose, mut random } => {
                let points =
                    answer.samples()?.into_points(places.len(), summary.n_features(), !summary.holes().is_none())?;
                let is_all = summary.first() == 0 && places.len() == summary.n_samples();
                let points = if is_all { points.with_summary(summary) } else { points };
                match purpose {
                    Purpose::Clusters => {
                        let (n_samples, is_coarse) = (summary.n_effective(), setting.share() > 1);
                        let judge = Judge { family, m_step, stop, n_samples, is_coarse };
                        let clusters = judge.choose(kmeans::run(points, options.n_components, stop, &mut random)?)?;
                        let distances = clusters.distances(family);
                        let initialisation =
                            Initialisation { rounds: clusters.rounds, inertia: Some(clusters.inertia) };
                        let initialisation = Some(initialisation);
                        Ok(Some(Begun::Further(Opening::Assigning { distances, initialisation })))
                    }
                    Purpose::Seeds => {
                        let seeds = kmeans::seed(&points, options.n_components, stop, &mut random)?;
                        ready(at_samples(seeds, options, m_step)?)
                    }
                    Purpose::Means => ready(at_samples(kmeans::filled(&points, points.to_f64()), options, m_step)?),
                }
            }
            Opening::Assigning { distances, initialisation } => {
                let sums = setting.complete(answer, distances.n_components(), Some(family.statistics()))?;
                let Ok(moments) = sums.moments(family, distances.means(), summary.total_weight()) else {
                    return Ok(None);
                };
                match initialisation {
                    Some(initialisation) => {
                        Ok(Some(Begun::Clusters { distances, moments: Box::new(moments), initialisation }))
                    }
                    None => ready(starts::around(moments, summary.n_effective(), m_step)?),
                }
            }
            Opening::Random(task) => {
                let medians =
                    Array2::from_shape_fn((task.n_components, summary.n_features()), |(_, i)| summary.median()[i]);
                let Ok(moments) = setting.complete(answer, task.n_components, Some(task.statistics))?.moments(
                    family,
                    &medians,
                    summary.total_weight(),
                ) else {
                    return Ok(None);
                };
                ready(m_step.solve(&moments)?)
            }
        }
    }
}

/// Every component begins as one sample: equal weights, and covariances of the floors alone.
fn at_samples(means: Array2<f64>, options: &FitOptions, m_step: &MStep) -> Result<Mixture> {
    let k = means.nrows();
    let covariances = CovarianceArray::diagonal(options.covariance_type, k, &m_step.floors);
    Mixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances)
}

/// Puts the parameters that the caller gave in place of the initialisation's.
pub(crate) fn replace_given(mixture: Mixture, summary: &Summary, options: &FitOptions) -> Result<Mixture> {
    if options.weights_init.is_none() && options.means_init.is_none() && options.precisions_init.is_none() {
        return Ok(mixture);
    }
    let weights = options.weights_init.clone().unwrap_or_else(|| mixture.weights().clone());
    let means = options.means_init.clone().unwrap_or_else(|| mixture.means().clone());
    let mixture = match &options.precisions_init {
        Some(precisions) => Mixture::from_precisions(weights, means, precisions.clone())?,
        None => Mixture::new(weights, means, mixture.covariances().clone())?,
    };
    check_given(mixture, summary, options)
}

/// Means given as a start must be as many as asked for, of the features of the data.
fn check_shape((k, d): (usize, usize), summary: &Summary, options: &FitOptions) -> Result<()> {
    let (expected, found) = (vec![options.n_components, summary.n_features()], vec![k, d]);
    match expected == found {
        true => Ok(()),
        false => Err(Error::Shape { name: "the means to start from", expected, found }),
    }
}

/// A model given as a start must be of the shape and family asked for.
pub(crate) fn check_given(mixture: Mixture, summary: &Summary, options: &FitOptions) -> Result<Mixture> {
    check_shape((mixture.n_components(), mixture.n_features()), summary, options)?;
    if mixture.covariance_type() != options.covariance_type {
        return Err(Error::InvalidOption {
            name: "the covariance type of the start",
            value: mixture.covariance_type().to_string(),
            expected: "that of the fit",
        });
    }
    Ok(mixture)
}
