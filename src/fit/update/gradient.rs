//! A step along the gradient that leaves class probabilities positive and covariances positive definite, and ends where
//! numbers are still numbers, however long it was meant to be.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::error::Result;
use crate::fit::update::step::Here;
use crate::model::covariance::CovarianceArray;
use crate::model::family::average;
use crate::model::linalg;
use crate::model::mixture::Mixture;

/// A step is halved at most so often; then the parameter stays.
const MOST_HALVINGS: usize = 60;

/// theta + eta g + m (theta - theta_before), in robust scales of the features, with steps cut short:
///
/// - weights: at least half of each is left;
/// - means: no further along the gradient than EM's surrogate of the likelihood rises;
/// - covariances, in every direction: at least half of what a variance is above the floor is left, and it becomes at most
///   twice the sum of what it was and what EM would make it.
pub(crate) fn step(here: &Here, eta: f64, momentum: f64) -> Result<Mixture> {
    let Here { mixture, units, m_step, .. } = *here;
    let floors = &m_step.floors;
    let before = here.history.earlier.first().unwrap_or(mixture);
    let gradients = mixture.gradients(here.moments)?;
    let target = m_step.solve_from(mixture, here.moments)?;

    // Along the simplex: where all derivatives are equal, weights are at their best.
    let along = &gradients.weights - gradients.weights.mean().unwrap_or_default();
    let change = along * eta + (mixture.weights() - before.weights()) * momentum;
    let weights = shortened(mixture.weights(), change, |next, now| next >= 0.5 * now);

    let mut steps = gradients.means * units * eta;
    let wanted = target.means() - mixture.means();
    for (k, mut step) in steps.outer_iter_mut().enumerate() {
        let share = rising_share(mixture, k, step.view(), wanted.row(k));
        step *= share;
    }
    let means = mixture.means() + &steps + (mixture.means() - before.means()) * momentum;

    let mut change = gradients.covariances;
    let scales = mixture.covariance_type().products(units);
    let earlier = mixture.covariances().values().iter().zip(before.covariances().values());
    for (i, (change, (now, before))) in change.values_mut().iter_mut().zip(earlier).enumerate() {
        *change = *change * scales[i % scales.len()] * eta + (now - before) * momentum;
    }
    let covariances = moved(mixture.covariances(), &change, target.covariances(), floors);
    let total = weights.sum();
    Mixture::new(weights / total, means, covariances)
}

/// Values changed together, their change halved until every one of them is well.
fn shortened(now: &Array1<f64>, mut change: Array1<f64>, is_well: impl Fn(f64, f64) -> bool) -> Array1<f64> {
    for _ in 0..MOST_HALVINGS {
        if now.iter().zip(&change).all(|(now, change)| is_well(now + change, *now)) {
            return now + &change;
        }
        change *= 0.5;
    }
    now.clone()
}

/// The share of a step of a mean, at most 1, up to which EM's surrogate rises along it: that is least in the squared
/// Mahalanobis distance from where EM would put the mean.
fn rising_share(mixture: &Mixture, k: usize, step: ArrayView1<f64>, wanted: ArrayView1<f64>) -> f64 {
    let whitened = |x: ArrayView1<f64>| mixture.quadratics().whiten(k, x);
    let (step, wanted) = (whitened(step), whitened(wanted));
    let best = step.dot(&wanted) / step.dot(&step);
    // Not a number where there is no step.
    if best < 1.0 { best.max(0.0) } else { 1.0 }
}

/// Covariances changed, within their bounds.
fn moved(
    now: &CovarianceArray,
    change: &CovarianceArray,
    target: &CovarianceArray,
    floors: &Array1<f64>,
) -> CovarianceArray {
    now.combine(
        [change, target],
        |[now, change, target]| moved_matrix(now, change, target, floors),
        |[now, change, target], feature| {
            moved_variance(now, change, target, feature.map_or_else(|| average(floors), |i| floors[i]))
        },
    )
}

fn moved_variance(now: f64, change: f64, target: f64, floor: f64) -> f64 {
    let least = now.min(0.5 * (now + floor));
    (now + change).max(least).min(2.0 * (now + target))
}

fn moved_matrix(
    now: ArrayView2<f64>,
    change: ArrayView2<f64>,
    target: ArrayView2<f64>,
    floors: &Array1<f64>,
) -> Array2<f64> {
    let mut change = change.to_owned();
    for _ in 0..MOST_HALVINGS {
        // (now + change) - (now + floors) / 2, and 2 (now + target) - (now + change)
        let mut above = &now * 0.5 + &change;
        above.diag_mut().zip_mut_with(floors, |x, floor| *x -= 0.5 * floor);
        let below = &now + &(&target * 2.0) - &change;
        if linalg::cholesky(above.view()).is_ok() && linalg::cholesky(below.view()).is_ok() {
            return &now + &change;
        }
        change *= 0.5;
    }
    now.to_owned()
}
