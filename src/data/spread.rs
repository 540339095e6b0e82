//! Where the values of a feature lie, and how far apart, whatever a few values far from the others are.

use ndarray::Array1;

/// Values further from the median than this many median absolute deviations are far: all values of two clusters of like
/// size are near, however far apart these are, and none of a few values far from all others.
const MOST_DEVIATIONS: f64 = 10.0;

/// A deviation from the median below this share of it is rounding.
pub(crate) const LEAST_DEVIATION: f64 = 1e-12;

/// Robust location and scale of the values of a feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The median.
    middle: f64,
    /// How far from it a value may be, and still be near.
    reach: f64,
    /// Standard deviation of the near values; 0 where all values are equal.
    pub(crate) scale: f64,
    /// Standard deviation of all values, the far ones brought to the border of the near ones.
    pub(crate) clipped_scale: f64,
}

impl Spread {
    /// Of values, with the weight of each. Where more than half of them are equal, as in counts full of zeros,
    /// deviations are those of the others.
    pub(crate) fn of(values: &[(f64, f64)]) -> Self {
        let middle = weighted_median(values.to_vec());
        let deviations = || values.iter().map(|(x, weight)| ((x - middle).abs(), *weight));
        let is_rounding = |deviation: f64| deviation <= LEAST_DEVIATION * middle.abs();
        let mut deviation = weighted_median(deviations().collect());
        if is_rounding(deviation) {
            deviation = weighted_median(deviations().filter(|(deviation, _)| !is_rounding(*deviation)).collect());
        }
        let reach = MOST_DEVIATIONS * deviation;
        let from_middle = || values.iter().map(|(x, weight)| (x - middle, *weight));
        Spread {
            middle,
            reach,
            scale: standard_deviation(from_middle().filter(|(x, _)| x.abs() <= reach)),
            clipped_scale: standard_deviation(from_middle().map(|(x, weight)| (x.clamp(-reach, reach), weight))),
        }
    }

    /// Whether a value is far.
    pub(crate) fn is_far(&self, x: f64) -> bool {
        self.reach > 0.0 && (x - self.middle).abs() > self.reach
    }

    /// A value, a far one brought nearer: beyond the reach r at r (1 + log (distance / r)).
    pub(crate) fn compress(&self, x: f64) -> f64 {
        let (distance, reach) = (x - self.middle, self.reach);
        if !self.is_far(x) {
            return x;
        }
        self.middle + (reach * (1.0 + (distance.abs() / reach).ln())).copysign(distance)
    }

    /// The value that is compressed to this one.
    pub(crate) fn expand(&self, x: f64) -> f64 {
        let (distance, reach) = (x - self.middle, self.reach);
        if !self.is_far(x) {
            return x;
        }
        self.middle + (reach * (distance.abs() / reach - 1.0).exp()).copysign(distance)
    }
}

fn standard_deviation(values: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let sum = |term: &dyn Fn(f64) -> f64| values.clone().map(|(x, weight)| weight * term(x)).sum::<f64>();
    let total = sum(&|_| 1.0);
    let mean = sum(&|x| x) / total;
    let variance = sum(&|x| (x - mean) * (x - mean)) / total;
    // Not a number where there is no value.
    if variance > 0.0 { variance.sqrt() } else { 0.0 }
}

/// The least value with more than half of the weight at or below it; 0 where there is no value.
fn weighted_median(mut values: Vec<(f64, f64)>) -> f64 {
    // Of samples without weights it is the one in the middle, and the others need no order.
    if !values.is_empty() && values.iter().all(|(_, weight)| *weight == 1.0) {
        let middle = values.len() / 2;
        return values.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0)).1.0;
    }
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * values.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut passed = 0.0;
    let found = values.iter().find(|(_, weight)| {
        passed += weight;
        passed > half
    });
    found.or(values.last()).map_or(0.0, |(value, _)| *value)
}

/// The scales of features, with standard deviations where the rows looked at are all alike: `[D]`.
pub(crate) fn scales(spreads: &[Spread], variances: impl FnOnce() -> Array1<f64>) -> Array1<f64> {
    or_deviations(spreads.iter().map(|spread| spread.scale).collect(), variances)
}

/// Scales, with standard deviations in the place of those that are zero.
pub(crate) fn or_deviations(mut scales: Array1<f64>, variances: impl FnOnce() -> Array1<f64>) -> Array1<f64> {
    if scales.iter().any(|scale| *scale == 0.0) {
        scales.zip_mut_with(&variances(), |scale, variance| {
            if *scale == 0.0 {
                *scale = variance.sqrt();
            }
        });
    }
    scales
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(values: impl IntoIterator<Item = f64>) -> Spread {
        Spread::of(&values.into_iter().map(|x| (x, 1.0)).collect::<Vec<_>>())
    }

    #[test]
    fn a_scale_is_the_standard_deviation_whatever_a_few_far_values_are() {
        let bulk = || (0..1000).map(|i| (f64::from(i) * 0.618).fract() + if i % 2 == 0 { 40.0 } else { 0.0 });
        let mean = bulk().sum::<f64>() / 1000.0;
        let deviation = (bulk().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 1000.0).sqrt();
        for far in [1e4, -9999.0, 1e9, -1e30] {
            for count in [1, 50] {
                let found = spread(bulk().chain(std::iter::repeat_n(far, count))).scale;
                assert!((found / deviation - 1.0).abs() < 0.02, "{far} {count}: {found} {deviation}");
            }
        }
    }

    #[test]
    fn a_scale_of_values_most_of_which_are_equal_is_that_of_the_others_among_them() {
        let counts = || (0..1000).map(|i| f64::from(if i % 4 == 0 { i % 7 } else { 0 }));
        let found = spread(counts().chain([1e9])).scale;
        assert!((found / spread(counts()).scale - 1.0).abs() < 1e-2, "{found}");
        assert!((1.0..2.0).contains(&found), "{found}");
        assert_eq!(spread([7.25; 10]).scale, 0.0);
        assert_eq!(spread([]).scale, 0.0);
    }

    #[test]
    fn the_median_of_values_without_weights_is_that_of_values_with_equal_ones() {
        for n in 0..20 {
            let values = |weight: f64| (0..n).map(|i| ((f64::from(i) * 0.618).fract(), weight)).collect();
            assert_eq!(weighted_median(values(1.0)), weighted_median(values(2.0)), "{n}");
        }
    }

    #[test]
    fn a_weight_counts_a_value_so_often() {
        let values: Vec<(f64, f64)> = (0..100).map(|i| ((f64::from(i) * 0.618).fract(), f64::from(i % 4))).collect();
        let repeated = values.iter().flat_map(|(x, weight)| std::iter::repeat_n(*x, *weight as usize));
        assert!((spread(repeated).scale / Spread::of(&values).scale - 1.0).abs() < 1e-12);
    }

    #[test]
    fn near_values_are_left_as_they_are_and_far_ones_keep_their_order() {
        let spread = spread((0..100).map(|i| 5.0 + (f64::from(i) * 0.618).fract()));
        let values = [-1e9, -1e3, 0.0, 5.25, 5.75, 6.0, 20.0, 1e4, 1e12];
        let compressed = values.map(|x| spread.compress(x));
        assert_eq!(compressed[3..6], values[3..6]);
        assert!(compressed.is_sorted() && compressed[8] < 200.0, "{compressed:?}");
        for (x, compressed) in values.into_iter().zip(compressed) {
            assert!((spread.expand(compressed) - x).abs() <= 1e-9 * x.abs().max(1.0), "{x}");
        }
    }
}
