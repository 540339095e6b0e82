//! A step along the gradient that leaves class probabilities positive and covariances positive definite.

use ndarray::{Array1, Array2, Array3, Axis, Zip};

use crate::covariance::CovarianceArray;
use crate::error::Result;
use crate::linalg;
use crate::mixture::Mixture;
use crate::moments::average;
use crate::update::Here;

/// A step is halved at most so often; then the parameter stays.
const MOST_HALVINGS: usize = 60;

/// theta + eta g + m (theta - theta_before), in standard deviations of the features; steps of weights and covariances halved
/// until at least half of a class probability, and of a variance above the floor, is left.
pub(crate) fn step(here: &Here, eta: f64, momentum: f64) -> Result<Mixture> {
    let Here { mixture, units: variances, floors, .. } = *here;
    let before = here.memory.earlier.first().unwrap_or(mixture);
    let gradients = mixture.gradients(here.moments)?;

    let (weights, gradient) = (mixture.weights(), gradients.weights);
    // Along the simplex: where all derivatives are equal, weights are at their best.
    let along = &gradient - gradient.mean().unwrap_or_default();
    let mut change = along * eta + (weights - before.weights()) * momentum;
    for _ in 0..MOST_HALVINGS {
        if weights.iter().zip(&change).all(|(w, change)| w + change >= 0.5 * w) {
            break;
        }
        change *= 0.5;
    }
    let weights = weights + &change;
    let total = weights.sum();

    let means = mixture.means() + &(gradients.means * variances * eta) + (mixture.means() - before.means()) * momentum;

    let outer = |i: usize, j: usize| variances[i] * variances[j];
    let change = |now: &Array2<f64>, before: &Array2<f64>, gradient: &Array2<f64>| -> Array2<f64> {
        let along = Array2::from_shape_fn(now.raw_dim(), |(i, j)| eta * gradient[[i, j]] * outer(i, j));
        along + (now - before) * momentum
    };
    let covariances = match (mixture.covariances(), before.covariances(), gradients.covariances) {
        (CovarianceArray::Full(now), CovarianceArray::Full(before), CovarianceArray::Full(gradient)) => {
            let mut next = Array3::zeros(now.raw_dim());
            for (k, mut next) in next.outer_iter_mut().enumerate() {
                let of = |array: &Array3<f64>| array.index_axis(Axis(0), k).to_owned();
                let change = change(&of(now), &of(before), &of(&gradient));
                next.assign(&move_matrix(&of(now), change, floors));
            }
            CovarianceArray::Full(next)
        }
        (CovarianceArray::Tied(now), CovarianceArray::Tied(before), CovarianceArray::Tied(gradient)) => {
            CovarianceArray::Tied(move_matrix(now, change(now, before, &gradient), floors))
        }
        (CovarianceArray::Diag(now), CovarianceArray::Diag(before), CovarianceArray::Diag(gradient)) => {
            let squares = variances * variances;
            let change = gradient * &squares * eta + (now - before) * momentum;
            let mut next = now.clone();
            for (mut next, change) in next.outer_iter_mut().zip(change.outer_iter()) {
                Zip::from(&mut next)
                    .and(&change)
                    .and(floors)
                    .for_each(|x, change, floor| *x = move_variance(*x, *change, *floor));
            }
            CovarianceArray::Diag(next)
        }
        (CovarianceArray::Spherical(now), CovarianceArray::Spherical(before), CovarianceArray::Spherical(gradient)) => {
            // One variance for all features is measured in their mean variance.
            let unit = variances.mean().unwrap_or(1.0);
            let change = gradient * (unit * unit * eta) + (now - before) * momentum;
            let mut next = now.clone();
            let floor = average(floors);
            next.zip_mut_with(&change, |x, change| *x = move_variance(*x, *change, floor));
            CovarianceArray::Spherical(next)
        }
        _ => unreachable!("all are of the family of the mixture"),
    };
    Mixture::new(weights / total, means, covariances)
}

/// A variance changed, but never to less than halfway to the floor.
fn move_variance(variance: f64, change: f64, floor: f64) -> f64 {
    let least = variance.min(0.5 * (variance + floor));
    (variance + change).max(least)
}

/// A covariance changed, its change halved until what is left above the floor exceeds half of what was there, in every
/// direction.
fn move_matrix(covariance: &Array2<f64>, mut change: Array2<f64>, floors: &Array1<f64>) -> Array2<f64> {
    for _ in 0..MOST_HALVINGS {
        // (covariance + change) - (covariance + floors) / 2
        let mut rest = covariance * 0.5 + &change;
        rest.diag_mut().zip_mut_with(floors, |x, floor| *x -= 0.5 * floor);
        if linalg::cholesky(rest.view()).is_ok() {
            return covariance + &change;
        }
        change *= 0.5;
    }
    covariance.clone()
}
