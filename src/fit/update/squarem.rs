//! Squared extrapolation of EM (SQUAREM, Varadhan and Roland 2008, Scandinavian Journal of Statistics 35).
//!
//! Two steps of EM from theta_0, r = theta_1 - theta_0 and v = (theta_2 - theta_1) - r, give theta = theta_0 - 2 alpha
//! r + alpha^2 v with alpha = -|r| / |v|; alpha = -1 is theta_2. The pass at theta tells its log-likelihood, and is the
//! first of the next two: where theta is no better than theta_1 the fit goes back to theta_2.

use ndarray::Array1;

use crate::error::Result;
use crate::fit::update::step::{Here, History, Next, StepKind};
use crate::model::mixture::Mixture;

/// By how much the longest extrapolation grows when it was taken, and shrinks when one was rejected.
const GROWTH: f64 = 4.0;

/// The next model of a cycle. Its stages are told by the models before: none, theta_0, or theta_1 and theta_2.
pub(crate) fn next(here: &Here) -> Result<Next> {
    let Here { mixture, history, moments, lower_bounds, .. } = *here;
    let lower_bound = moments.lower_bound();
    let reach = history.reach.max(1.0);
    let first = |mixture: Mixture, start: &Mixture, reach, kind| Next {
        mixture,
        history: History { earlier: vec![start.clone()], reach, polishing: history.polishing },
        kind,
        lower_bound,
        is_judged: false,
    };
    match history.earlier.as_slice() {
        // At theta_0, after an initialisation or a rejection.
        [] => Ok(first(here.m_step.solve_from(mixture, moments)?, mixture, reach, StepKind::Em)),
        // At theta_1.
        [start] => {
            let target = here.m_step.solve_from(mixture, moments)?;
            let (extrapolated, reach) = extrapolate(start, mixture, &target, reach, &here.units.mapv(f64::sqrt));
            let history =
                History { earlier: vec![mixture.clone(), target.clone()], reach, polishing: history.polishing };
            let mixture = extrapolated.unwrap_or(target);
            // A step of EM gains little where the way is long but flat: the last extrapolation must have gained as
            // little.
            let is_judged = match lower_bounds {
                [.., before, extrapolated] => (extrapolated - before).abs() < here.tol,
                _ => true,
            };
            Ok(Next { mixture, history, kind: StepKind::Em, lower_bound, is_judged })
        }
        // At the extrapolated model.
        [_, target, ..] => {
            let before = lower_bounds.last().copied().unwrap_or(f64::NEG_INFINITY);
            let moved = here.m_step.solve_from(mixture, moments);
            match (lower_bound >= before, moved) {
                (true, Ok(moved)) => Ok(first(moved, mixture, reach, StepKind::Extrapolated)),
                _ => Ok(Next {
                    mixture: target.clone(),
                    history: History {
                        earlier: Vec::new(),
                        reach: (reach / GROWTH).max(1.0),
                        polishing: history.polishing,
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
    let [zero, one, two] = [start, middle, end].map(|mixture| mixture.unconstrained(scales));
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
    (end.with_unconstrained(&there, scales), longest)
}
