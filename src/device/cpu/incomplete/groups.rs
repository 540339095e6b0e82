//! Samples in groups of which the same features are there: each is a complete data set of fewer features.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2};

use crate::data::coordinates::Coordinates;
use crate::data::points::Points;
use crate::data::samples::Samples;
use crate::model::marginal::Pattern;

/// Samples of a piece, at most: enough that what is done once for each is little.
const PIECE: usize = 8192;

/// Groups that are worked on together, at most, where they are small.
const GROUPS: usize = 64;

/// Some rows of which the same features are there.
#[derive(Debug)]
pub(super) struct Piece<'g> {
    pub(super) pattern: &'g Pattern,
    /// Rows of a chunk.
    pub(super) rows: &'g [usize],
}

/// All groups of some rows.
#[derive(Debug)]
pub(super) struct Groups(Vec<(Pattern, Vec<usize>)>);

impl Groups {
    /// Of some rows of a chunk, in an order that the rows alone determine.
    pub(super) fn of(chunk: &Points, rows: Range<usize>) -> Self {
        let d = chunk.n_features();
        let words = d.div_ceil(64);
        let mut groups: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
        let mut missing = vec![0u64; words];
        let mut complete = Vec::new();
        chunk.for_each_row(rows, |row, values| {
            missing.fill(0);
            for (feature, _) in values.iter().enumerate().filter(|(_, x)| x.is_nan()) {
                missing[feature / 64] |= 1 << (feature % 64);
            }
            if missing.iter().all(|word| *word == 0) {
                complete.push(row);
            } else if let Some(rows) = groups.get_mut(&missing) {
                rows.push(row);
            } else {
                groups.insert(missing.clone(), vec![row]);
            }
        });
        let is_there = |missing: &[u64], feature: usize| missing[feature / 64] >> (feature % 64) & 1 == 0;
        let some = groups.into_iter().map(|(missing, rows)| (Pattern::new(d, |i| is_there(&missing, i)), rows));
        let all = (!complete.is_empty()).then(|| (Pattern::new(d, |_| true), complete));
        Groups(all.into_iter().chain(some).collect())
    }

    /// Pieces of work, each of which is some pieces of groups, in order.
    pub(super) fn units(&self) -> Vec<Vec<Piece<'_>>> {
        let (mut units, mut unit, mut size) = (Vec::new(), Vec::new(), 0);
        for (pattern, rows) in &self.0 {
            for rows in rows.chunks(PIECE) {
                if !unit.is_empty() && (size + rows.len() > PIECE || unit.len() == GROUPS) {
                    units.push(std::mem::take(&mut unit));
                    size = 0;
                }
                size += rows.len();
                unit.push(Piece { pattern, rows });
            }
        }
        if !unit.is_empty() {
            units.push(unit);
        }
        units
    }
}

impl Piece<'_> {
    /// The samples, with the features that are there.
    pub(super) fn points(&self, chunk: &Points) -> Points<'static> {
        let samples: Samples = match chunk.samples() {
            Samples::F32(values) => self.picked(values.view()).into(),
            Samples::F64(values) => self.picked(values.view()).into(),
        };
        let weights = chunk.weights().map(|all| self.rows.iter().map(|row| all[*row]).collect::<Array1<f64>>());
        Points::trusted(samples, weights, None)
    }

    fn picked<T: Copy>(&self, values: ArrayView2<T>) -> Array2<T> {
        let observed = &self.pattern.observed;
        Array2::from_shape_fn((self.rows.len(), observed.len()), |(n, i)| values[[self.rows[n], observed[i]]])
    }

    /// The coordinates of these features.
    pub(super) fn coordinates(&self, all: &Coordinates) -> Coordinates {
        let of = |all: &[f64]| self.pattern.observed.iter().map(|i| all[*i]).collect();
        Coordinates { shift: of(&all.shift), scale: of(&all.scale) }
    }

    /// Weight of the samples.
    pub(super) fn weight(&self, chunk: &Points) -> f64 {
        self.rows.iter().map(|row| chunk.weight(*row)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_the_group_of_its_pattern_and_in_one_piece() {
        let n = 20_000;
        // A pattern for each remainder; the last of them has no value at all.
        let lacks = |row: usize, feature: usize| row % 9 >> feature & 1 == 1 || row % 9 == 8;
        let samples = Array2::from_shape_fn((n, 3), |(i, j)| if lacks(i, j) { f64::NAN } else { (i + j) as f64 });
        let points = Points::with_missing(samples, None).unwrap();
        let groups = Groups::of(&points, 7..n);
        let units = groups.units();
        let pieces: Vec<&Piece> = units.iter().flatten().collect();
        assert!(units.iter().all(|unit| unit.iter().map(|piece| piece.rows.len()).sum::<usize>() <= PIECE));
        let mut rows: Vec<usize> = pieces.iter().flat_map(|piece| piece.rows.to_vec()).collect();
        rows.sort_unstable();
        assert_eq!(rows, (7..n).collect::<Vec<_>>());
        for piece in &pieces {
            let points = piece.points(&points);
            assert_eq!(points.samples().dim(), (piece.rows.len(), piece.pattern.observed.len()));
            assert!(!points.samples().has_nan());
            let missing = &piece.pattern.missing;
            assert!(piece.rows.iter().all(|row| (0..3).all(|i| missing.contains(&i) == lacks(*row, i))));
        }
        // Those with all values come first.
        assert!(pieces[0].pattern.missing.is_empty() && pieces[0].rows[0] == 9);
    }
}
