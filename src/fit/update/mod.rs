//! How the model moves in an epoch: what is done with the moments of a pass.

pub(crate) mod gradient;
pub(crate) mod squarem;
pub(crate) mod step;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fit::update::step::{Here, History, Next, StepKind};
use crate::model::mixture::Mixture;

/// How the model moves in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "rule")]
#[non_exhaustive]
pub enum Update {
    /// Expectation-maximisation: to the maximum of the expected log-likelihood.
    #[default]
    Em,
    /// A part of the way there: theta + eta (M(theta) - theta), the difference to EM's targets and not the targets
    /// themselves. A preconditioned gradient step for small eta (Xu and Jordan 1996), EM to the bit for 1.
    ///
    /// Adding the targets themselves, as if they were gradients, has no end:
    ///
    /// ```
    /// use mixtura::device::Assignment;
    /// use mixtura::{Device, FitOptions, Mixture, Points, Update, fit};
    /// use ndarray::array;
    ///
    /// let points = Points::new(array![[0.0], [0.2], [0.1], [5.0], [5.2], [5.1]])?;
    /// let (device, eta) = (Device::cpu(), 0.1);
    /// let options = FitOptions { update: Update::Damped { learning_rate: eta }, ..FitOptions::new(2) };
    /// let damped = fit(&points, &device, &options)?; // means += eta * (targets - means)
    /// assert!(damped.converged && damped.mixture.means().iter().all(|mean| (0.0..5.2).contains(mean)));
    ///
    /// let (mut backend, mut slipped) = (device.load(&points)?, damped.mixture);
    /// for _ in 0..100 {
    ///     let targets = backend.moments(&slipped, Assignment::Soft)?.maximize(1e-6)?;
    ///     let means = slipped.means() + &(targets.means() * eta); // means += eta * targets
    ///     slipped = Mixture::new(slipped.weights().clone(), means, slipped.covariances().clone())?;
    /// }
    /// assert!(slipped.means().iter().any(|mean| *mean > 25.0)); // far outside the data, and on its way
    /// # Ok::<(), mixtura::Error>(())
    /// ```
    Damped {
        /// eta, above 0 and at most 1.
        learning_rate: f64,
    },
    /// Along the gradient of the mean log-likelihood, with features measured in their robust scales, and with a part
    /// of the last step (heavy ball, Polyak 1964): theta + eta g + m (theta - theta_before).
    ///
    /// Class probabilities move along the simplex (by the gradient less its mean) and are renormalised. Steps of
    /// covariances, and of class probabilities, are halved until no variance, in any direction, loses more than half of
    /// what it is above the floor, so that covariances stay positive definite.
    Gradient {
        /// eta, above 0.
        learning_rate: f64,
        /// m, from 0 to below 1.
        momentum: f64,
    },
    /// EM with squared extrapolation (SQUAREM, Varadhan and Roland 2008, steplength alpha 3) of log weights, means and
    /// Cholesky factors with logarithms of their diagonals. Where the log-likelihood is lower there, EM's own next
    /// model is taken instead.
    Squarem,
    /// Stepwise EM (Cappé and Moulines 2009): after every batch, sufficient statistics move by (t + 2)^-decay towards
    /// those of the batch, and the model follows. Batches are spread over the samples, in an order that follows from
    /// the seed.
    Stepwise {
        /// Samples of a batch.
        batch_size: usize,
        /// Above 0.5, at most 1.
        decay: f64,
        /// Whether EM on all samples goes on to the tolerance when passes gain less than a thousandth of a nat.
        polish: bool,
    },
}

impl Update {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Update::Em => "em",
            Update::Damped { .. } => "damped",
            Update::Gradient { .. } => "gradient",
            Update::Squarem => "squarem",
            Update::Stepwise { .. } => "stepwise",
        }
    }

    /// Checks its numbers.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub(crate) fn check(self) -> Result<()> {
        let check = |name, value: f64, is_good: bool, expected| match is_good && value.is_finite() {
            true => Ok(()),
            false => Err(Error::InvalidOption { name, value: value.to_string(), expected }),
        };
        match self {
            Update::Em | Update::Squarem => Ok(()),
            Update::Damped { learning_rate: rate } => {
                check("the learning rate", rate, rate > 0.0 && rate <= 1.0, "above 0 and at most 1")
            }
            Update::Gradient { learning_rate: rate, momentum } => {
                check("the learning rate", rate, rate > 0.0, "a finite number above 0")?;
                check("the momentum", momentum, (0.0..1.0).contains(&momentum), "0 or more, and below 1")
            }
            Update::Stepwise { batch_size, decay, .. } => {
                check("the batch size", batch_size as f64, batch_size > 0, "1 or more")?;
                check("the decay", decay, decay > 0.5 && decay <= 1.0, "above 0.5 and at most 1")
            }
        }
    }

    /// By how much an epoch moves the model beside a step of EM: changes below the tolerance times this are
    /// convergence.
    pub(crate) fn rate(self) -> f64 {
        match self {
            Update::Em | Update::Squarem | Update::Stepwise { .. } => 1.0,
            Update::Damped { learning_rate } => learning_rate,
            Update::Gradient { learning_rate, momentum } => (learning_rate / (1.0 - momentum)).min(1.0),
        }
    }

    /// Whether, but for rounding, no epoch lowers the bound: it is a step of EM, or tried and found to be better.
    pub(crate) fn climbs(self) -> bool {
        match self {
            Update::Em | Update::Damped { .. } | Update::Squarem => true,
            Update::Gradient { .. } | Update::Stepwise { .. } => false,
        }
    }

    /// Whether the model at hand is tried, and may be gone back from.
    pub(crate) fn is_trial(self, history: &History) -> bool {
        self == Update::Squarem && history.earlier.len() == 2
    }

    /// The model after an epoch of one pass.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] names the component that collapsed.
    pub(crate) fn next(self, here: &Here) -> Result<Next> {
        let lower_bound = here.moments.lower_bound();
        let plain = |mixture, kind| Next { mixture, history: History::default(), kind, lower_bound, is_judged: true };
        match self {
            Update::Em | Update::Stepwise { .. } => {
                let history = here.history.clone();
                Ok(Next { history, ..plain(here.m_step.solve_from(here.mixture, here.moments)?, StepKind::Em) })
            }
            Update::Damped { learning_rate } => Ok(plain(
                damped(here.mixture, here.m_step.solve_from(here.mixture, here.moments)?, learning_rate)?,
                StepKind::Damped,
            )),
            Update::Gradient { learning_rate, momentum } => {
                let mixture = gradient::step(here, learning_rate, momentum)?;
                let history = History { earlier: vec![here.mixture.clone()], ..History::default() };
                Ok(Next { history, ..plain(mixture, StepKind::Gradient) })
            }
            Update::Squarem => squarem::next(here),
        }
    }
}

/// theta + eta (target - theta), in weights, means and covariances: the covariances are positive definite with both.
fn damped(mixture: &Mixture, target: Mixture, eta: f64) -> Result<Mixture> {
    if eta == 1.0 {
        return Ok(target);
    }
    let mut covariances = mixture.covariances().clone();
    for (x, target) in covariances.values_mut().iter_mut().zip(target.covariances().values()) {
        *x += eta * (target - *x);
    }
    let weights = mixture.weights() + &((target.weights() - mixture.weights()) * eta);
    let means = mixture.means() + &((target.means() - mixture.means()) * eta);
    let total = weights.sum();
    Mixture::new(weights / total, means, covariances)
}
