//! The first model of a fit: k-means, seeds, random responsibilities, or what the caller gives.
//!
//! k-means works on features over their robust scales: on features of very different scale it would otherwise see only
//! the largest, pick bad starts, and mislead BIC. A round of Lloyd's algorithm is the hard-assignment pass of a mixture
//! of equal weights whose covariances are all the diagonal of the squared scales, so any backend can do it.

use ndarray::{Array1, Array2, Array3};
use rand::RngExt;
use rand_pcg::Pcg64;

use crate::data::{Data, choose, select};
use crate::device::backend::Backend;
use crate::device::cpu::CpuBackend;
use crate::error::{Error, Result};
use crate::fit::collapse::{Repair, Repairer};
use crate::fit::kmeans::{self, Clusters};
use crate::fit::options::{FitOptions, Init};
use crate::fit::starts::{self, Judge};
use crate::model::covariance::{CovarianceArray, CovarianceType};
use crate::model::mixture::Mixture;
use crate::model::moments::average;

/// What the initialisation of the best restart did.
#[derive(Debug, Clone, PartialEq)]
pub struct Initialisation {
    /// Lloyd rounds; 0 for initialisations that have none.
    pub rounds: usize,
    /// Mean squared distance of a sample from its centre, in robust scales of the features; k-means only.
    pub inertia: Option<f64>,
}

/// The first model of a restart, and how it was found.
pub(crate) struct Start {
    pub(crate) mixture: Mixture,
    pub(crate) initialisation: Initialisation,
    pub(crate) repairs: Vec<Repair>,
}

/// The first model of a restart; the floors are those of the variances: `[D]`.
pub(crate) fn initialise(
    data: &dyn Data,
    backend: &mut dyn Backend,
    options: &FitOptions,
    floors: &Array1<f64>,
    restart: usize,
) -> Result<Start> {
    let given =
        |mixture| Start { mixture, initialisation: Initialisation { rounds: 0, inertia: None }, repairs: Vec::new() };
    if let Some(start) = &options.warm_start {
        return check_given(start.mixture.clone(), data, options).map(given);
    }
    if let (Some(weights), Some(means), Some(precisions)) =
        (&options.weights_init, &options.means_init, &options.precisions_init)
    {
        let mixture = Mixture::from_precisions(weights.clone(), means.clone(), precisions.clone())?;
        return check_given(mixture, data, options).map(given);
    }
    // Restart 0 draws the same numbers however many restarts follow.
    let mut random = Pcg64::new(options.seed.into(), restart as u128);
    let start = match (options.init, &options.means_init) {
        // Clusters that k-means finds have nothing to do with given means; they are left for further restarts.
        (Init::KMeans, Some(means)) if restart == 0 => {
            check_shape(means.dim(), data, options)?;
            given(starts::around(means, data, backend, options.covariance_type, floors)?)
        }
        (Init::KMeans, _) => from_clusters(data, backend, options, floors, &mut random)?,
        (Init::KMeansPlusPlus, _) => {
            given(at_samples(kmeans::seed(data, options.n_components, &mut random)?, options.covariance_type, floors)?)
        }
        (Init::Random, _) => given(by_chance(data, options, floors, &mut random)?),
        (Init::RandomFromData, _) => {
            let chosen = select(data, &choose(data, options.n_components, &mut random))?;
            given(at_samples(chosen.to_f64(), options.covariance_type, floors)?)
        }
    };
    Ok(Start { mixture: replace_given(start.mixture, data, options)?, ..start })
}

/// One M step on the clusters of k-means.
fn from_clusters(
    data: &dyn Data,
    backend: &mut dyn Backend,
    options: &FitOptions,
    floors: &Array1<f64>,
    random: &mut Pcg64,
) -> Result<Start> {
    let judge = Judge { family: options.covariance_type, floors, stop: data.stop() };
    let clusters = judge.choose(kmeans::run(data, options.n_components, random)?)?;
    let (model, moments) = clusters.moments(backend, options.covariance_type)?;
    let Clusters { rounds, inertia, .. } = clusters;
    let repairer = Repairer { data, backend, on_collapse: options.on_collapse, floors, earlier: &[], epoch: 0 };
    let (mixture, repairs) = repairer.maximize(&model, moments, &[])?;
    Ok(Start { mixture, initialisation: Initialisation { rounds, inertia: Some(inertia) }, repairs })
}

/// Every component begins as one sample: equal weights, and covariances of the floors alone.
fn at_samples(means: Array2<f64>, family: CovarianceType, floors: &Array1<f64>) -> Result<Mixture> {
    let (k, d) = means.dim();
    let matrix = Array2::from_diag(floors);
    let covariances = match family {
        CovarianceType::Full => CovarianceArray::Full(Array3::from_shape_fn((k, d, d), |(_, i, j)| matrix[[i, j]])),
        CovarianceType::Tied => CovarianceArray::Tied(matrix),
        CovarianceType::Diag => CovarianceArray::Diag(Array2::from_shape_fn((k, d), |(_, i)| floors[i])),
        CovarianceType::Spherical => CovarianceArray::Spherical(Array1::from_elem(k, average(floors))),
    };
    Mixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances)
}

/// One M step on uniform random responsibilities, normalised for each sample.
fn by_chance(data: &dyn Data, options: &FitOptions, floors: &Array1<f64>, random: &mut Pcg64) -> Result<Mixture> {
    let seed: u128 = random.random();
    let moments = CpuBackend::new(data).moments_of_responsibilities(
        options.covariance_type,
        options.n_components,
        |rows, r| {
            let mut random = Pcg64::new(seed, rows.start as u128);
            for mut sample in r.columns_mut() {
                // Not quite zero, so that no sample is without any component.
                sample.mapv_inplace(|_| 1.0 - random.random::<f64>());
                let sum = sample.sum();
                sample /= sum;
            }
        },
    )?;
    moments.maximize_above(floors)
}

/// Puts the parameters that the caller gave in place of the initialisation's.
fn replace_given(mixture: Mixture, data: &dyn Data, options: &FitOptions) -> Result<Mixture> {
    if options.weights_init.is_none() && options.means_init.is_none() && options.precisions_init.is_none() {
        return Ok(mixture);
    }
    let weights = options.weights_init.clone().unwrap_or_else(|| mixture.weights().clone());
    let means = options.means_init.clone().unwrap_or_else(|| mixture.means().clone());
    let mixture = match &options.precisions_init {
        Some(precisions) => Mixture::from_precisions(weights, means, precisions.clone())?,
        None => Mixture::new(weights, means, mixture.covariances().clone())?,
    };
    check_given(mixture, data, options)
}

/// Means given as a start must be as many as asked for, of the features of the data.
fn check_shape((k, d): (usize, usize), data: &dyn Data, options: &FitOptions) -> Result<()> {
    let (expected, found) = (vec![options.n_components, data.n_features()], vec![k, d]);
    match expected == found {
        true => Ok(()),
        false => Err(Error::Shape { name: "the means to start from", expected, found }),
    }
}

/// A model given as a start must be of the shape and family asked for.
pub(crate) fn check_given(mixture: Mixture, data: &dyn Data, options: &FitOptions) -> Result<Mixture> {
    check_shape((mixture.n_components(), mixture.n_features()), data, options)?;
    if mixture.covariance_type() != options.covariance_type {
        return Err(Error::InvalidOption {
            name: "the covariance type of the start",
            value: mixture.covariance_type().to_string(),
            expected: "that of the fit",
        });
    }
    Ok(mixture)
}
