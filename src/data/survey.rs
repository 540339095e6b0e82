//! What one pass over samples tells of them, chunk after chunk.

use ndarray::{Array1, Zip};

use crate::data::points::Points;
use crate::data::spread::Spread;

/// Most rows that medians are taken of.
const ROWS_FOR_MEDIANS: usize = 4096;

/// Some rows, evenly spaced: those whose number is a multiple of a power of two, the least that keeps them few. Which rows
/// does not depend on the chunks they come in.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpacedRows {
    /// Rows that passed by.
    seen: usize,
    /// Logarithm of the distance between the rows kept.
    level: u32,
    rows: Vec<Vec<f64>>,
}

impl SpacedRows {
    /// Takes the samples that follow.
    pub(crate) fn add(&mut self, points: &Points) {
        let end = self.seen + points.n_samples();
        let mut next = self.rows.len() << self.level;
        while next < end {
            let row = next - self.seen;
            points.for_each_row(row..row + 1, |_, values| self.rows.push(values.to_vec()));
            if self.rows.len() > ROWS_FOR_MEDIANS {
                let mut row = 0..;
                self.rows.retain(|_| row.next().is_some_and(|row| row % 2 == 0));
                self.level += 1;
            }
            next = self.rows.len() << self.level;
        }
        self.seen = end;
    }

    /// Median and median absolute deviation of every feature: (`[D]`, `[D]`).
    pub(crate) fn medians(&self) -> (Vec<f64>, Vec<f64>) {
        let d = self.rows.first().map_or(0, Vec::len);
        let medians = (0..d).map(|feature| {
            let mut column: Vec<f64> = self.rows.iter().map(|row| row[feature]).collect();
            let middle = median(&mut column);
            column.iter_mut().for_each(|x| *x = (*x - middle).abs());
            (middle, median(&mut column))
        });
        medians.unzip()
    }
}

/// Some rows of positive weight, drawn by a hash of their numbers: no period in the data falls in step with them. Which rows
/// does not depend on the chunks they come in.
#[derive(Debug, Clone, Default)]
pub(crate) struct DrawnRows {
    /// Rows that passed by.
    seen: usize,
    /// Bits that are zero in the hashes of the rows kept.
    level: u32,
    rows: Vec<(u64, DrawnRow)>,
}

#[derive(Debug, Clone)]
struct DrawnRow {
    values: Vec<f64>,
    weight: f64,
}

impl DrawnRows {
    /// Takes the samples that follow.
    pub(crate) fn add(&mut self, points: &Points) {
        for row in 0..points.n_samples() {
            let (hash, weight) = (hash((self.seen + row) as u64), points.weight(row));
            if hash.trailing_zeros() < self.level || weight == 0.0 {
                continue;
            }
            points.for_each_row(row..row + 1, |_, values| {
                self.rows.push((hash, DrawnRow { values: values.to_vec(), weight }));
            });
            while self.rows.len() > ROWS_FOR_MEDIANS {
                self.level += 1;
                self.rows.retain(|(hash, _)| hash.trailing_zeros() >= self.level);
            }
        }
        self.seen += points.n_samples();
    }

    /// Where the values of every feature lie: `[D]`; none where there are no rows.
    pub(crate) fn spreads(&self) -> Vec<Spread> {
        let d = self.rows.first().map_or(0, |(_, row)| row.values.len());
        let column = |feature: usize| -> Vec<(f64, f64)> {
            self.rows.iter().map(|(_, row)| (row.values[feature], row.weight)).collect()
        };
        (0..d).map(|feature| Spread::of(&column(feature))).collect()
    }
}

/// Steele, Lea and Flood 2014 (SplitMix64): the numbers that follow each other have nothing in common.
fn hash(x: u64) -> u64 {
    let mut z = x.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// A sum that does not depend on where it was interrupted, with what rounding took from it (Neumaier 1974).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Total {
    sum: f64,
    lost: f64,
}

impl Total {
    pub(crate) fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        self.lost += if self.sum.abs() >= x.abs() { (self.sum - sum) + x } else { (x - sum) + self.sum };
        self.sum = sum;
    }

    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

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
        self.spaced_rows.add(points);
        self.drawn_rows.add(points);
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

/// What the rounding of the mean makes of a constant feature is no variance.
pub(crate) fn drop_rounding(mean: &Array1<f64>, variance: &mut Array1<f64>) {
    variance.zip_mut_with(mean, |variance, mean| {
        if *variance <= (8.0 * f64::EPSILON * mean).powi(2) {
            *variance = 0.0;
        }
    });
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
