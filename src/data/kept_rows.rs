//! Some of the rows that pass by, kept for medians and scales.

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
    /// Takes the samples that follow: so many, of which any can be asked for.
    pub(crate) fn add(&mut self, n: usize, row: impl Fn(usize) -> Vec<f64>) {
        let end = self.seen + n;
        let mut next = self.rows.len() << self.level;
        while next < end {
            self.rows.push(row(next - self.seen));
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
    /// Takes the samples that follow: so many, of which any can be asked for.
    pub(crate) fn add(&mut self, n: usize, weight: impl Fn(usize) -> f64, row: impl Fn(usize) -> Vec<f64>) {
        for i in 0..n {
            let (hash, weight) = (hash((self.seen + i) as u64), weight(i));
            if hash.trailing_zeros() < self.level || weight == 0.0 {
                continue;
            }
            self.rows.push((hash, DrawnRow { values: row(i), weight }));
            while self.rows.len() > ROWS_FOR_MEDIANS {
                self.level += 1;
                self.rows.retain(|(hash, _)| hash.trailing_zeros() >= self.level);
            }
        }
        self.seen += n;
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
