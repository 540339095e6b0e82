//! The first model of a fit: k-means, seeds, random responsibilities, or what the caller gives.
//!
//! k-means works on standardised features: on features of very different scale it would otherwise see only the
//! largest, pick bad starts, and mislead BIC. A round of Lloyd's algorithm is the hard-assignment pass of a mixture
//! of equal weights whose covariances are all the diagonal of the feature variances, so any backend can do it.

use ndarray::{Array1, Array2, Array3, Axis};
use rand::RngExt;
use rand_pcg::Pcg64;

use crate::backend::{Assignment, Backend};
use crate::covariance::{CovarianceArray, CovarianceType};
use crate::cpu::CpuBackend;
use crate::data::{Data, choose, select};
use crate::error::{Error, Result};
use crate::kmeans::{self, Clusters};
use crate::mixture::Mixture;
use crate::options::{FitOptions, Init};

/// What the initialisation of the best restart did.
#[derive(Debug, Clone, PartialEq)]
pub struct Initialisation {
    /// Lloyd rounds; 0 for initialisations that have none.
    pub rounds: usize,
    /// Mean squared distance of a sample from its centre, in standard deviations of the features; k-means only.
    pub inertia: Option<f64>,
}

/// The first model of a restart.
pub(crate) fn initialise(
    data: &dyn Data,
    backend: &mut dyn Backend,
    options: &FitOptions,
    restart: usize,
) -> Result<(Mixture, Initialisation)> {
    let given = Initialisation { rounds: 0, inertia: None };
    if let Some(start) = &options.warm_start {
        return Ok((check_given(start.mixture.clone(), data, options)?, given));
    }
    if let (Some(weights), Some(means), Some(precisions)) =
        (&options.weights_init, &options.means_init, &options.precisions_init)
    {
        let mixture = Mixture::from_precisions(weights.clone(), means.clone(), precisions.clone())?;
        return Ok((check_given(mixture, data, options)?, given));
    }
    // Restart 0 draws the same numbers however many restarts follow.
    let mut random = Pcg64::new(options.seed.into(), restart as u128);
    let (mixture, initialisation) = match options.init {
        Init::KMeans => from_clusters(data, backend, options, &mut random)?,
        Init::KMeansPlusPlus => (at_samples(kmeans::seed(data, options.n_components, &mut random)?, options)?, given),
        Init::Random => (by_chance(data, options, &mut random)?, given),
        Init::RandomFromData => {
            let chosen = select(data, &choose(data, options.n_components, &mut random))?;
            (at_samples(chosen.to_f64(), options)?, given)
        }
    };
    Ok((replace_given(mixture, data, options)?, initialisation))
}

/// One M step on the clusters of k-means.
fn from_clusters(
    data: &dyn Data,
    backend: &mut dyn Backend,
    options: &FitOptions,
    random: &mut Pcg64,
) -> Result<(Mixture, Initialisation)> {
    let Clusters { centres, variances, rounds, inertia } = kmeans::cluster(data, options.n_components, random)?;
    // The labels follow the standardised distance; a spherical model cannot express it, a diagonal one can.
    let family = match options.covariance_type {
        CovarianceType::Spherical => CovarianceType::Diag,
        family => family,
    };
    let model = kmeans::as_mixture(&centres, &variances, family)?;
    let mut moments = backend.moments(&model, Assignment::Hard)?;
    if let (CovarianceType::Spherical, CovarianceArray::Diag(second)) = (options.covariance_type, &moments.second) {
        moments.second = CovarianceArray::Spherical(second.sum_axis(Axis(1)));
    }
    Ok((moments.maximize(options.reg_covar)?, Initialisation { rounds, inertia: Some(inertia) }))
}

/// Every component begins as one sample: equal weights, and covariances of the floor alone.
fn at_samples(means: Array2<f64>, options: &FitOptions) -> Result<Mixture> {
    let (k, d) = means.dim();
    let floor = options.reg_covar;
    let matrix = Array2::from_diag_elem(d, floor);
    let covariances = match options.covariance_type {
        CovarianceType::Full => CovarianceArray::Full(Array3::from_shape_fn((k, d, d), |(_, i, j)| matrix[[i, j]])),
        CovarianceType::Tied => CovarianceArray::Tied(matrix),
        CovarianceType::Diag => CovarianceArray::Diag(Array2::from_elem((k, d), floor)),
        CovarianceType::Spherical => CovarianceArray::Spherical(Array1::from_elem(k, floor)),
    };
    Mixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances)
}

/// One M step on uniform random responsibilities, normalised for each sample.
fn by_chance(data: &dyn Data, options: &FitOptions, random: &mut Pcg64) -> Result<Mixture> {
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
    moments.maximize(options.reg_covar)
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

/// A model given as a start must be of the shape and family asked for.
pub(crate) fn check_given(mixture: Mixture, data: &dyn Data, options: &FitOptions) -> Result<Mixture> {
    let (expected, found) =
        (vec![options.n_components, data.n_features()], vec![mixture.n_components(), mixture.n_features()]);
    if expected != found {
        return Err(Error::Shape { name: "the means to start from", expected, found });
    }
    if mixture.covariance_type() != options.covariance_type {
        return Err(Error::InvalidOption {
            name: "the covariance type of the start",
            value: mixture.covariance_type().to_string(),
            expected: "that of the fit",
        });
    }
    Ok(mixture)
}
