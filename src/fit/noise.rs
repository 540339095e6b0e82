//! The noise of single precision in lower bounds. EM never lowers them, so that those which fall and rise again show
//! what rounding alone does.

/// A fall by a larger share of the bound (or of a nat, where that is more) is no noise: something happened to the
/// model.
const LARGEST_NOISE: f64 = 1e-2;

/// Whether lower bounds wander in noise larger than the tolerance: they fell by more, rose at once by a third of the
/// fall or more, and nothing since the fall is better than what was there before by as much as the fall.
pub(crate) fn wanders(lower_bounds: &[f64], tol: f64) -> bool {
    let fall = |i: usize| lower_bounds[i - 1] - lower_bounds[i];
    (1..lower_bounds.len().saturating_sub(1)).any(|i| {
        let (before, since) = lower_bounds.split_at(i);
        let is_noise = fall(i) > tol && fall(i) <= LARGEST_NOISE * (1.0 + lower_bounds[i].abs());
        is_noise && -fall(i + 1) >= fall(i) / 3.0 && greatest(since) - greatest(before) < fall(i)
    })
}

/// Whether lower bounds fell more than once by more than the tolerance: a change below it is no convergence, then.
pub(crate) fn exceeds(lower_bounds: &[f64], tol: f64) -> bool {
    lower_bounds.windows(2).filter(|pair| pair[1] < pair[0] - tol).count() > 1
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_fall_and_rise_again_without_gain_wander() {
        assert!(wanders(&[1.546, 1.540, 1.544], 1e-3));
        assert!(wanders(&[0.0, 1.0, 1.5, 1.49, 1.5, 1.495], 1e-3));
        // Better by chance, and by less than it falls.
        assert!(wanders(&[-18.615, -18.602, -18.609, -18.597], 1e-3));
    }

    #[test]
    fn bounds_that_climb_or_fall_and_climb_step_by_step_do_not_wander() {
        assert!(!wanders(&[], 1e-3));
        assert!(!wanders(&[1.0], 1e-3));
        assert!(!wanders(&[1.0, 0.9], 1e-3));
        assert!(!wanders(&[0.0, 1.0, 0.99, 0.993, 0.996, 0.998], 1e-3));
        assert!(!wanders(&[1.0, 0.9, 0.8, 0.7], 1e-3));
        assert!(!wanders(&[1.0, 0.99, 1.1, 1.2, 1.3], 1e-3));
        // What no rounding does.
        assert!(!wanders(&[-17.5, -29.9, -10.5], 1e-3));
        assert!(!wanders(&[-20.8, -33.4, -25.5], 1e-3));
        // Within the tolerance: the fit converges first.
        assert!(!wanders(&[1.0, 0.9999, 1.0, 0.9999], 1e-3));
    }

    #[test]
    fn a_change_below_the_tolerance_is_no_convergence_after_two_falls_above_it() {
        assert!(exceeds(&[1.0, 0.9, 1.0, 0.9, 0.9], 1e-3));
        assert!(!exceeds(&[0.5, 0.4, 1.0, 1.0], 1e-3));
    }
}
