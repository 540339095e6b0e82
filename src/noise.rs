//! The noise of single precision in lower bounds. EM never lowers them, so that those which fall, rise and fall again show what
//! rounding alone does.

/// Whether lower bounds wander in noise larger than the tolerance: they fell, rose and fell again, and nothing since then is
/// better than what was there before by more than the lesser of both falls.
pub(crate) fn wanders(lower_bounds: &[f64], tol: f64) -> bool {
    let fall = |i: usize| lower_bounds[i - 1] - lower_bounds[i];
    let last = (1..lower_bounds.len()).rev().find(|i| fall(*i) > tol);
    let rise = last.and_then(|last| (1..last).rev().find(|i| fall(*i) < 0.0));
    let first = rise.and_then(|rise| (1..rise).rev().find(|i| fall(*i) > tol));
    first.zip(last).is_some_and(|(first, last)| {
        let (before, since) = lower_bounds.split_at(first);
        greatest(since) - greatest(before) < fall(first).min(fall(last))
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
    fn bounds_that_fall_rise_and_fall_again_without_gain_wander() {
        assert!(wanders(&[1.546, 1.540, 1.543, 1.540], 1e-3));
        assert!(wanders(&[0.0, 1.0, 1.5, 1.49, 1.5, 1.495], 1e-3));
        // Better by chance, and by less than it falls.
        assert!(wanders(&[-18.615, -18.602, -18.609, -18.597, -18.609], 1e-3));
    }

    #[test]
    fn bounds_that_climb_or_fall_once_or_keep_on_falling_do_not_wander() {
        assert!(!wanders(&[], 1e-3));
        assert!(!wanders(&[1.0], 1e-3));
        assert!(!wanders(&[0.0, 1.0, 0.5, 0.8, 0.9, 0.95], 1e-3));
        assert!(!wanders(&[1.0, 0.9, 0.8, 0.7], 1e-3));
        assert!(!wanders(&[1.0, 0.9, 1.1, 1.05, 1.2], 1e-3));
        // Within the tolerance: the fit converges first.
        assert!(!wanders(&[1.0, 0.9999, 1.0, 0.9999], 1e-3));
    }

    #[test]
    fn a_change_below_the_tolerance_is_no_convergence_after_two_falls_above_it() {
        assert!(exceeds(&[1.0, 0.9, 1.0, 0.9, 0.9], 1e-3));
        assert!(!exceeds(&[0.5, 0.4, 1.0, 1.0], 1e-3));
    }
}
