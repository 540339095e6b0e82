//! Squared extrapolation of EM (SQUAREM, Varadhan and Roland 2008, Scandinavian Journal of Statistics 35).
//!
//! Two steps of EM from theta_0, r = theta_1 - theta_0 and v = (theta_2 - theta_1) - r, give
//! theta = theta_0 - 2 alpha r + alpha^2 v with alpha = -|r| / |v|; alpha = -1 is theta_2. The pass at theta tells its
//! log-likelihood, and is the first of the next two: where theta is no better than theta_1 the fit goes back to theta_2.

use ndarray::{Array1, Array2};

use crate::error::Result;
use crate::fit::update::step::{Here, Memory, Next, StepKind};
use crate::model::covariance::{CovarianceArray, CovarianceType};
use crate::model::mixture::Mixture;

/// By how much the longest extrapolation grows when it was taken, and shrinks when one was rejected.
const GROWTH: f64 = 4.0;

/// The least weight that has a logarithm.
const LEAST_WEIGHT: f64 = 1e-300;

/// The next model of a cycle. Its stages are told by the models before: none, theta_0, or theta_1 and theta_2.
pub(crate) fn next(here: &Here) -> Result<Next> {
    let Here { mixture, memory, moments, lower_bounds, .. } = *here;
    let lower_bound = moments.lower_bound();
    let reach = memory.reach.max(1.0);
    let first = |mixture: Mixture, start: &Mixture, reach, kind| Next {
        mixture,
        memory: Memory { earlier: vec![start.clone()], reach, polishing: memory.polishing },
        kind,
        lower_bound,
        is_judged: false,
    };
    match memory.earlier.as_slice() {
        // At theta_0, after an initialisation or a rejection.
        [] => Ok(first(moments.maximize_above(here.floors)?, mixture, reach, StepKind::Em)),
        // At theta_1.
        [start] => {
            let target = moments.maximize_above(here.floors)?;
            let (extrapolated, reach) = extrapolate(start, mixture, &target, reach, &here.units.mapv(f64::sqrt));
            let memory = Memory { earlier: vec![mixture.clone(), target.clone()], reach, polishing: memory.polishing };
            let mixture = extrapolated.unwrap_or(target);
            // A step of EM gains little where the way is long but flat: the last extrapolation must have gained as little.
            let is_judged = match lower_bounds {
                [.., before, extrapolated] => (extrapolated - before).abs() < here.tol,
                _ => true,
            };
            Ok(Next { mixture, memory, kind: StepKind::Em, lower_bound, is_judged })
        }
        // At the extrapolated model.
        [_, target, ..] => {
            let before = lower_bounds.last().copied().unwrap_or(f64::NEG_INFINITY);
            let moved = moments.maximize_above(here.floors);
            match (lower_bound >= before, moved) {
                (true, Ok(moved)) => Ok(first(moved, mixture, reach, StepKind::Extrapolated)),
                _ => Ok(Next {
                    mixture: target.clone(),
                    memory: Memory {
                        earlier: Vec::new(),
                        reach: (reach / GROWTH).max(1.0),
                        polishing: memory.polishing,
                    },
                    kind: StepKind::Rejected,
                    lower_bound: before,
                    is_judged: false,
                }),
            }
        }
    }
}

/// The extrapolated model, if there is one, and how far the next may reach.
fn extrapolate(
    start: &Mixture,
    middle: &Mixture,
    end: &Mixture,
    reach: f64,
    scales: &Array1<f64>,
) -> (Option<Mixture>, f64) {
    let [zero, one, two] = [start, middle, end].map(|mixture| flatten(mixture, scales));
    let (Some(zero), Some(one), Some(two)) = (zero, one, two) else { return (None, reach) };
    let r: Vec<f64> = one.iter().zip(&zero).map(|(one, zero)| one - zero).collect();
    let v: Vec<f64> = two.iter().zip(&one).zip(&r).map(|((two, one), r)| two - one - r).collect();
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let length = norm(&r) / norm(&v);
    if !length.is_finite() {
        return (None, reach);
    }
    let longest = if length >= reach { reach * GROWTH } else { reach };
    let alpha = length.clamp(1.0, reach);
    if alpha == 1.0 {
        return (None, longest);
    }
    let there: Vec<f64> =
        zero.iter().zip(&r).zip(&v).map(|((zero, r), v)| zero + 2.0 * alpha * r + alpha * alpha * v).collect();
    (unflatten(&there, end, scales), longest)
}

/// Unconstrained parameters without units: log weights, means over the features' scales, and lower Cholesky factors over
/// these with logarithms of the diagonal.
fn flatten(mixture: &Mixture, scales: &Array1<f64>) -> Option<Vec<f64>> {
    let d = scales.len();
    let mut parameters: Vec<f64> = mixture.weights().iter().map(|w| w.max(LEAST_WEIGHT).ln()).collect();
    for mean in mixture.means().outer_iter() {
        parameters.extend(mean.iter().zip(scales).map(|(mean, scale)| mean / scale));
    }
    let factors = mixture.covariances().cholesky().ok()?;
    match factors.covariance_type() {
        CovarianceType::Full | CovarianceType::Tied => {
            for matrix in factors.values().chunks_exact(d * d) {
                for (i, row) in matrix.chunks_exact(d).enumerate() {
                    parameters.extend(row[..i].iter().map(|x| x / scales[i]));
                    parameters.push((row[i] / scales[i]).ln());
                }
            }
        }
        CovarianceType::Diag => {
            let scaled = factors.values().iter().enumerate().map(|(i, x)| (x / scales[i % d]).ln());
            parameters.extend(scaled);
        }
        CovarianceType::Spherical => parameters.extend(factors.values().iter().map(|x| x.ln())),
    }
    Some(parameters)
}

/// The mixture of unconstrained parameters, of the shape of another; `None` where numbers overflow.
fn unflatten(parameters: &[f64], like: &Mixture, scales: &Array1<f64>) -> Option<Mixture> {
    let (k, d) = like.means().dim();
    let (weights, rest) = parameters.split_at(k);
    let (means, rest) = rest.split_at(k * d);
    let largest = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Array1<f64> = weights.iter().map(|w| (w - largest).exp()).collect();
    let means = Array2::from_shape_fn((k, d), |(k, i)| means[k * d + i] * scales[i]);
    let mut covariances = CovarianceArray::zeros(like.covariance_type(), k, d);
    match like.covariance_type() {
        CovarianceType::Full | CovarianceType::Tied => {
            let packed = rest.chunks_exact(d * (d + 1) / 2);
            for (matrix, packed) in covariances.values_mut().chunks_exact_mut(d * d).zip(packed) {
                let mut factor = Array2::zeros((d, d));
                let mut next = packed.iter();
                for i in 0..d {
                    for j in 0..=i {
                        let x = next.next()?;
                        factor[[i, j]] = scales[i] * if i == j { x.exp() } else { *x };
                    }
                }
                matrix.copy_from_slice(factor.dot(&factor.t()).as_slice()?);
            }
        }
        CovarianceType::Diag => {
            for (i, (x, log)) in covariances.values_mut().iter_mut().zip(rest).enumerate() {
                *x = (scales[i % d] * log.exp()).powi(2);
            }
        }
        CovarianceType::Spherical => {
            covariances.values_mut().iter_mut().zip(rest).for_each(|(x, log)| *x = (2.0 * log).exp());
        }
    }
    let total = weights.sum();
    Mixture::new(weights / total, means, covariances).ok()
}
