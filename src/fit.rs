//! The epoch loop: restarts, and the result of a fit.

use std::time::Instant;

use crate::backend::{Assignment, Backend};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::init::{self, Initialisation};
use crate::mixture::Mixture;
use crate::options::FitOptions;
use crate::points::Points;

/// Where a fit stands, after each epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Which restart, from 0.
    pub restart: usize,
    /// Epochs done in this restart, from 1.
    pub epoch: usize,
    /// Mean log-likelihood per sample of the model before this epoch's M step.
    pub lower_bound: f64,
    /// Its change since the last epoch; infinite after the first.
    pub change: f64,
    /// Seconds this epoch took.
    pub seconds: f64,
}

/// Seconds of each phase of a fit; initialisation and epochs are summed over the restarts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seconds {
    /// Copying the samples to the device.
    pub upload: f64,
    /// Initialisation.
    pub init: f64,
    /// Epochs.
    pub epochs: f64,
}

/// The result of a fit. Not converging is an outcome, not an error: the model is here in any case.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The fitted model: the best restart's.
    pub mixture: Mixture,
    /// Whether the last change of the lower bound was below the tolerance.
    pub converged: bool,
    /// Epochs of the best restart.
    pub n_iter: usize,
    /// Last lower bound: the mean log-likelihood of the model before the last M step. Minus infinity if there was no
    /// epoch.
    pub lower_bound: f64,
    /// Lower bound of every epoch of the best restart.
    pub lower_bounds: Vec<f64>,
    /// Total log-likelihood of the fitted model.
    pub log_likelihood: f64,
    /// Sum of the sample weights: N, where there are none.
    pub total_weight: f64,
    /// What the initialisation of the best restart did.
    pub initialisation: Initialisation,
    /// Seconds of each phase.
    pub seconds: Seconds,
    /// Seconds of every epoch, of all restarts in turn.
    pub epoch_seconds: Vec<f64>,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
}

impl Fit {
    /// Mean log-likelihood of the fitted model per unit of sample weight.
    pub fn mean_log_likelihood(&self) -> f64 {
        self.log_likelihood / self.total_weight
    }

    /// Akaike's information criterion; lower is better.
    pub fn aic(&self) -> f64 {
        self.mixture.aic(self.log_likelihood)
    }

    /// The Bayesian information criterion; lower is better.
    pub fn bic(&self) -> f64 {
        self.mixture.bic(self.log_likelihood, self.total_weight)
    }
}

/// Fits a mixture to the samples by expectation-maximisation, on the given device.
///
/// ```
/// use mixtura::{Device, FitOptions, Points, fit};
/// use ndarray::array;
///
/// let points = Points::new(array![[0.0], [0.2], [0.1], [5.0], [5.2], [5.1]])?;
/// let result = fit(&points, &Device::cpu(), &FitOptions::new(2), &mut |_| {})?;
/// assert!(result.converged);
/// # Ok::<(), mixtura::Error>(())
/// ```
///
/// # Errors
/// An option or start that does not fit the data, a component that collapsed, or what the device reports.
pub fn fit(points: &Points, device: &Device, options: &FitOptions, observe: &mut dyn FnMut(&Progress)) -> Result<Fit> {
    options.check()?;
    if points.n_effective() < options.n_components {
        return Err(Error::TooFewSamples { n_samples: points.n_effective(), n_components: options.n_components });
    }
    let started = Instant::now();
    let mut backend = device.load(points)?;
    let upload = started.elapsed().as_secs_f64();

    let restarts = if options.warm_start.is_some() { 1 } else { options.n_init };
    let mut best: Option<Climb> = None;
    let mut seconds = Seconds { upload, ..Seconds::default() };
    let mut epoch_seconds = Vec::new();
    for restart in 0..restarts {
        let started = Instant::now();
        let (mixture, initialisation) = init::initialise(points, &mut *backend, options, restart)?;
        seconds.init += started.elapsed().as_secs_f64();

        let started = Instant::now();
        let climb = climb(&mut *backend, mixture, initialisation, options, restart, &mut epoch_seconds, observe)?;
        seconds.epochs += started.elapsed().as_secs_f64();
        // The first restart counts even where no epoch gave it a lower bound.
        if best.as_ref().is_none_or(|best| climb.lower_bound > best.lower_bound) {
            best = Some(climb);
        }
    }
    let best = best.expect("there is at least one restart");
    let log_likelihood = backend.log_likelihood(&best.mixture)?;

    let mut warnings = Vec::new();
    if !best.converged && options.max_iter > 0 {
        warnings.push(format!(
            "the fit did not converge in {} epochs: the last change of the lower bound was {:.1e}, not below {:e}; \
             raise --max-iter or --tol",
            best.lower_bounds.len(),
            best.last_change,
            options.tol,
        ));
    }
    Ok(Fit {
        mixture: best.mixture,
        converged: best.converged,
        n_iter: best.lower_bounds.len(),
        lower_bound: best.lower_bound,
        lower_bounds: best.lower_bounds,
        log_likelihood,
        total_weight: points.total_weight(),
        initialisation: best.initialisation,
        seconds,
        epoch_seconds,
        warnings,
    })
}

/// One restart, from its initialisation to its last epoch.
struct Climb {
    mixture: Mixture,
    initialisation: Initialisation,
    converged: bool,
    lower_bound: f64,
    lower_bounds: Vec<f64>,
    last_change: f64,
}

fn climb(
    backend: &mut dyn Backend,
    mut mixture: Mixture,
    initialisation: Initialisation,
    options: &FitOptions,
    restart: usize,
    epoch_seconds: &mut Vec<f64>,
    observe: &mut dyn FnMut(&Progress),
) -> Result<Climb> {
    let mut lower_bound = options.warm_start.as_ref().and_then(|start| start.lower_bound).unwrap_or(f64::NEG_INFINITY);
    let mut lower_bounds = Vec::new();
    let mut converged = false;
    let mut last_change = f64::INFINITY;
    for epoch in 1..=options.max_iter {
        let started = Instant::now();
        let moments = backend.moments(&mixture, Assignment::Soft)?;
        mixture = moments.maximize(options.reg_covar)?;
        let change = moments.lower_bound() - lower_bound;
        lower_bound = moments.lower_bound();
        lower_bounds.push(lower_bound);
        let seconds = started.elapsed().as_secs_f64();
        epoch_seconds.push(seconds);
        last_change = change;
        observe(&Progress { restart, epoch, lower_bound, change, seconds });
        if change.abs() < options.tol {
            converged = true;
            break;
        }
    }
    Ok(Climb { mixture, initialisation, converged, lower_bound, lower_bounds, last_change })
}
