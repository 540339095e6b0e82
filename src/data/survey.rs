//! What one pass over samples tells of them, chunk after chunk.

use ndarray::{Array1, Zip};

use crate::data::kept_rows::{DrawnRows, SpacedRows};
use crate::data::points::Points;
use crate::data::spread::scales;
use crate::data::total::{Total, drop_rounding};

/// What is kept of samples that are not.
#[derive(Debug, Clone)]
pub(crate) struct Survey {
    pub(crate) n_samples: usize,
    pub(crate) n_effective: usize,
    weights: Total,
    pub(crate) spaced_rows: SpacedRows,
    drawn_rows: DrawnRows,
    /// Weighted means: `[D]`.
    mean: Array1<f64>,
    /// Weighted sums of squares about them: `[D]`.
    squares: Array1<f64>,
}

impl Survey {
    /// Of no samples, of D features.
    pub(crate) fn new(n_features: usize) -> Self {
        Survey {
            n_samples: 0,
            n_effective: 0,
            weights: Total::default(),
            spaced_rows: SpacedRows::default(),
            drawn_rows: DrawnRows::default(),
            mean: Array1::zeros(n_features),
            squares: Array1::zeros(n_features),
        }
    }

    /// D.
    pub(crate) fn n_features(&self) -> usize {
        self.mean.len()
    }

    /// Takes the samples that follow. Means and squares are those of both parts, each about its own mean (Chan, Golub and
    /// LeVeque 1979).
    pub(crate) fn add(&mut self, points: &Points) {
        self.n_samples += points.n_samples();
        self.n_effective += points.n_effective();
        self.spaced_rows.add(points.n_samples(), |i| points.row(i));
        self.drawn_rows.add(points.n_samples(), |i| points.weight(i), |i| points.row(i));
        let (weight, before) = (points.total_weight(), self.total_weight());
        match points.weights() {
            Some(weights) => weights.iter().for_each(|weight| self.weights.add(*weight)),
            None => self.weights.add(weight),
        }
        if weight > 0.0 {
            let (mean, variance) = points.feature_moments();
            let share = weight / (before + weight);
            let common = before * share;
            Zip::from(&mut self.mean).and(&mut self.squares).and(&mean).and(&variance).for_each(
                |mean, squares, more, variance| {
                    let delta = more - *mean;
                    *mean += share * delta;
                    *squares += variance * weight + common * delta * delta;
                },
            );
        }
    }

    /// The sum of the sample weights; N where there are none.
    pub(crate) fn total_weight(&self) -> f64 {
        self.weights.value()
    }

    /// Robust scale of every feature; its standard deviation where the rows looked at are all alike: `[D]`.
    pub(crate) fn scales(&self) -> Array1<f64> {
        scales(&self.drawn_rows.spreads(), || self.feature_moments().1)
    }

    /// Weighted mean and variance of every feature: (`[D]`, `[D]`).
    pub(crate) fn feature_moments(&self) -> (Array1<f64>, Array1<f64>) {
        let mut variance = &self.squares / self.total_weight();
        drop_rounding(&self.mean, &mut variance);
        (self.mean.clone(), variance)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;

    #[test]
    fn scales_do_not_depend_on_the_order_of_rows() {
        // Every second row belongs to a cluster of its own.
        let alternating =
            Array2::from_shape_fn((20_000, 1), |(i, _)| (i % 2) as f64 * 1.5 + (i as f64 * 0.618).fract());
        let sorted = Array2::from_shape_fn((20_000, 1), |(i, _)| alternating[[2 * (i % 10_000) + i / 10_000, 0]]);
        let [a, b] = [&alternating, &sorted].map(|samples| Points::new(samples).unwrap().scales()[0]);
        let deviation = (1.0_f64 / 12.0 + 0.75 * 0.75).sqrt();
        assert!((a / b - 1.0).abs() < 0.03 && (a / deviation - 1.0).abs() < 0.03, "{a} {b} {deviation}");
    }

    #[test]
    fn a_survey_of_chunks_is_that_of_all_samples() {
        let samples = Array2::from_shape_fn((20_000, 3), |(i, d)| match d {
            0 => 1e8 + (i as f64 * 0.618).fract(),
            1 => 7.25,
            _ => i as f64,
        });
        let weights = Array1::from_shape_fn(20_000, |i| (i % 3) as f64 * 0.1);
        let whole = Points::new(&samples).unwrap().with_weights(&weights).unwrap();
        let mut survey = Survey::new(3);
        let mut first = 0;
        for rows in [1, 4095, 4097, 1, 9000, 2806] {
            let part = s![first..first + rows, ..];
            let chunk = Points::trusted(samples.slice(part), Some(weights.slice(s![first..first + rows])), None);
            survey.add(&chunk);
            first += rows;
        }
        assert_eq!((survey.n_samples, survey.n_effective), (20_000, whole.n_effective()));
        assert_eq!(survey.total_weight(), whole.total_weight());
        assert_eq!(survey.spaced_rows.medians(), whole.medians());
        assert_eq!(survey.scales(), whole.scales());
        let ((mean, variance), (all_mean, all_variance)) = (survey.feature_moments(), whole.feature_moments());
        assert!(mean.iter().zip(&all_mean).all(|(a, b)| (a - b).abs() <= 1e-13 * b.abs()), "{mean} {all_mean}");
        assert_eq!(variance[1], 0.0);
        for (found, expected) in variance.iter().zip(&all_variance) {
            assert!((found - expected).abs() <= 1e-9 * expected, "{found} {expected}");
        }
    }
}
