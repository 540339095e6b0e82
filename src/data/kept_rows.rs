//! Some of the rows that pass by, kept for medians and scales.

use ndarray::ArrayView1;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::hash::hash;
use crate::data::samples::Samples;
use crate::data::spread::Spread;

/// Most rows that medians are taken of.
const ROWS_FOR_MEDIANS: usize = 4096;

/// Some rows, evenly spaced: those whose number is a multiple of a power of two, the least that keeps them few. The
/// rows that are kept do not depend on the chunks or the parts they come in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct SpacedRows {
    /// Logarithm of the distance between the rows kept.
    level: u32,
    /// Their numbers and values.
    rows: Vec<(usize, Vec<f64>)>,
}

impl SpacedRows {
    /// Takes samples, the first of which has the given number.
    pub(crate) fn add(&mut self, first: usize, samples: &Samples) {
        let end = first + samples.dim().0;
        let mut next = first.next_multiple_of(1 << self.level);
        while next < end {
            self.rows.push((next, samples.row(next - first)));
            self.thin();
            next = (next + 1).next_multiple_of(1 << self.level);
        }
    }

    /// Takes the rows of the part that follows.
    pub(crate) fn append(&mut self, other: &Self) {
        self.level = self.level.max(other.level);
        self.rows.extend(other.rows.iter().cloned());
        self.rows.retain(|(row, _)| row.is_multiple_of(1 << self.level));
        self.thin();
    }

    fn thin(&mut self) {
        while self.rows.len() > ROWS_FOR_MEDIANS {
            self.level += 1;
            self.rows.retain(|(row, _)| row.is_multiple_of(1 << self.level));
        }
    }

    /// Median and median absolute deviation of every feature, of the values that are there: (`[D]`, `[D]`).
    pub(crate) fn medians(&self) -> (Vec<f64>, Vec<f64>) {
        let d = self.rows.first().map_or(0, |(_, row)| row.len());
        let medians = (0..d).map(|feature| {
            let mut column: Vec<f64> = self.rows.iter().map(|(_, row)| row[feature]).filter(|x| !x.is_nan()).collect();
            let middle = median(&mut column);
            column.iter_mut().for_each(|x| *x = (*x - middle).abs());
            (middle, median(&mut column))
        });
        medians.unzip()
    }
}

/// Some rows of positive weight, drawn by a hash of their numbers: no period in the data falls in step with them. The
/// rows that are kept do not depend on the chunks or the parts they come in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct DrawnRows {
    /// Bits that are zero in the hashes of the rows kept.
    level: u32,
    rows: Vec<DrawnRow>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct DrawnRow {
    hash: u64,
    values: Vec<f64>,
    weight: f64,
}

impl DrawnRows {
    /// Takes samples, the first of which has the given number, and their weights.
    pub(crate) fn add(&mut self, first: usize, samples: &Samples, weights: Option<ArrayView1<f64>>) {
        for i in 0..samples.dim().0 {
            let (hash, weight) = (hash((first + i) as u64), weights.map_or(1.0, |weights| weights[i]));
            if hash.trailing_zeros() >= self.level && weight > 0.0 {
                self.rows.push(DrawnRow { hash, values: samples.row(i), weight });
                self.thin();
            }
        }
    }

    /// Takes the rows of the part that follows.
    pub(crate) fn append(&mut self, other: &Self) {
        self.level = self.level.max(other.level);
        self.rows.extend(other.rows.iter().cloned());
        self.rows.retain(|row| row.hash.trailing_zeros() >= self.level);
        self.thin();
    }

    fn thin(&mut self) {
        while self.rows.len() > ROWS_FOR_MEDIANS {
            self.level += 1;
            self.rows.retain(|row| row.hash.trailing_zeros() >= self.level);
        }
    }

    /// Where the values of every feature lie: `[D]`; none where there are no rows.
    pub(crate) fn spreads(&self) -> Vec<Spread> {
        let d = self.rows.first().map_or(0, |row| row.values.len());
        let column = |feature: usize| -> Vec<(f64, f64)> {
            self.rows.iter().map(|row| (row.values[feature], row.weight)).filter(|(x, _)| !x.is_nan()).collect()
        };
        (0..d).into_par_iter().map(|feature| Spread::of(&column(feature))).collect()
    }
}

/// 0 of no values.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}
