//! The coordinates that backends compute in: features moved near zero and, for single precision, brought near one.

use rayon::prelude::*;

use crate::data::pass::pass;
use crate::data::points::Points;
use crate::data::source::Data;
use crate::data::spread::LEAST_DEVIATION;
use crate::data::summary::Summary;
use crate::error::{Error, Result};

/// Values beyond this many spreads from the middle are refused in single precision: their squares, summed, would leave
/// its range.
const MOST_SPREADS: f64 = 1e12;

/// Rows that one task of the check takes.
const ROWS_PER_TASK: usize = 16_384;

/// The affine map from features to a backend's coordinates: (x - shift) * scale, the scale a power of two.
#[derive(Debug, Clone)]
pub(crate) struct Coordinates {
    /// `[D]`
    pub(crate) shift: Vec<f64>,
    /// `[D]`
    pub(crate) scale: Vec<f64>,
}

impl Coordinates {
    /// Shifts by medians alone: all that double precision needs.
    pub(crate) fn shifted(summary: &Summary) -> Self {
        let shift = summary.median().to_vec();
        Coordinates { scale: vec![1.0; shift.len()], shift }
    }

    /// Shifts by medians and scales by median absolute deviations; by robust scales where most values are equal.
    pub(crate) fn scaled(summary: &Summary) -> Self {
        let shift = summary.median().to_vec();
        let scale = summary.deviation().iter().zip(summary.scale()).zip(&shift).map(|((deviation, scale), median)| {
            // Values that differ by their rounding alone have no spread.
            let spread = if *deviation > LEAST_DEVIATION * median.abs() { *deviation } else { *scale };
            if spread > 0.0 { (-spread.log2().round()).clamp(-1000.0, 1000.0).exp2() } else { 1.0 }
        });
        Coordinates { scale: scale.collect(), shift }
    }

    /// A feature's value in these coordinates.
    pub(crate) fn map(&self, feature: usize, x: f64) -> f64 {
        (x - self.shift[feature]) * self.scale[feature]
    }

    /// The value of a feature that has these coordinates.
    pub(crate) fn unmap(&self, feature: usize, x: f64) -> f64 {
        x / self.scale[feature] + self.shift[feature]
    }

    /// Whether single precision can hold a value in these coordinates, and its square.
    pub(crate) fn holds(mapped: f64) -> bool {
        mapped.abs() <= MOST_SPREADS
    }

    /// The error for a value that single precision cannot hold.
    pub(crate) fn too_wide(&self, data: &dyn Data, row: usize, feature: usize, value: f64) -> Error {
        let spreads = self.map(feature, value).abs();
        Error::TooWideForSinglePrecision { row, feature: data.summary().feature(feature), value, spreads }
    }

    /// Checks that single precision can hold every value.
    ///
    /// # Errors
    /// [`Error::TooWideForSinglePrecision`] names the first that it cannot.
    pub(crate) fn check(&self, data: &dyn Data) -> Result<()> {
        pass(data, &mut |first, chunk| match self.first_too_wide(chunk) {
            Some((row, feature, value)) => Err(self.too_wide(data, first + row, feature, value)),
            None => Ok(()),
        })
    }

    fn first_too_wide(&self, points: &Points) -> Option<(usize, usize, f64)> {
        let n = points.n_samples();
        let tasks = (0..n.div_ceil(ROWS_PER_TASK)).into_par_iter().filter_map(|task| {
            let mut first = None;
            points.for_each_row(task * ROWS_PER_TASK..((task + 1) * ROWS_PER_TASK).min(n), |row, values| {
                if first.is_none() {
                    // What is missing is held by what tells that.
                    let bad = |(feature, x): (usize, &f64)| !x.is_nan() && !Self::holds(self.map(feature, *x));
                    first = values.iter().enumerate().position(bad).map(|feature| (row, feature, values[feature]));
                }
            });
            first
        });
        tasks.min_by_key(|(row, ..)| *row)
    }
}
