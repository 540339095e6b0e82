//! How much of a coordinate is shown.

/// The bulk of samples reaches this many times its width beyond it: far more than samples of a Gaussian do.
const REACH: f64 = 1.5;

/// Components may widen the frame by this share on each side.
const ROOM: f64 = 0.25;

/// Space around everything.
const MARGIN: f64 = 0.04;

/// The range that shows samples, and around them what components reach. Neither a few samples far from all others nor a
/// component far wider than the samples makes it useless: they are cut off.
pub(crate) fn frame(samples: impl Iterator<Item = f64>, components: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    let mut sorted: Vec<f64> = samples.filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let reach = components
        .filter(|(low, high)| low.is_finite() && high.is_finite())
        .reduce(|(low, high), (l, h)| (low.min(l), high.max(h)));
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return reach.unwrap_or((0.0, 1.0)) };
    let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let (lower, upper) = (quantile(0.01), quantile(0.99));
    let beyond = REACH * (upper - lower);
    let (mut low, mut high) = match beyond > 0.0 {
        true => (first.max(lower - beyond), last.min(upper + beyond)),
        false => (*first, *last),
    };
    if let Some((l, h)) = reach {
        // Samples without extent set no limit.
        let room = if high > low { ROOM * (high - low) } else { f64::INFINITY };
        (low, high) = (low.min(l.max(low - room)), high.max(h.min(high + room)));
    }
    let margin = MARGIN * (high - low);
    (low - margin, high + margin)
}

#[cfg(test)]
mod tests {
    use std::iter::{empty, once};

    use super::*;

    fn close((low, high): (f64, f64), expected: (f64, f64)) -> bool {
        (low - expected.0).abs() < 1e-9 && (high - expected.1).abs() < 1e-9
    }

    #[test]
    fn all_samples_are_shown_but_for_a_few_far_from_the_others() {
        let samples = || (0..=1000).map(|i| f64::from(i) * 0.01);
        assert!(close(frame(samples(), empty()), (-0.4, 10.4)));
        let (low, high) = frame(samples().chain(once(1e30)), empty());
        assert!(low > -2.0 && high < 30.0, "{low} {high}");
    }

    #[test]
    fn components_widen_the_frame_a_little() {
        let samples = || (0..=100).map(f64::from);
        assert!(close(frame(samples(), once((-10.0, 105.0))), (-14.6, 109.6)));
        assert!(close(frame(samples(), once((-1e9, 1e9))), (-31.0, 131.0)));
        assert!(close(frame(once(3.0), once((1.0, 5.0))), (0.84, 5.16)));
        assert_eq!(frame(empty(), empty()), (0.0, 1.0));
    }
}
