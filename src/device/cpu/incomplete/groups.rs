//! Samples in groups of which the same features are there: each is a complete data set of fewer features.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

use crate::data::coordinates::Coordinates;
use crate::data::hash::hash;
use crate::data::points::Points;
use crate::data::samples::Samples;
use crate::device::cpu::CpuBackend;
use crate::model::marginal::Pattern;

/// Samples of a piece, at most: enough that what is done once for each is little.
const PIECE: usize = 8192;

/// Groups that are worked on together, at most, where they are small.
const GROUPS: usize = 64;

/// Rows that are looked at together.
const ROWS: usize = 16_384;

/// Some rows of which the same features are there.
#[derive(Debug)]
pub(super) struct Piece<'g> {
    pub(super) pattern: &'g Pattern,
    /// Rows of a chunk, behind the first one.
    first: usize,
    rows: &'g [u32],
}

/// All groups of some rows of a chunk.
#[derive(Debug)]
pub(crate) struct Groups {
    first: usize,
    groups: Vec<(Pattern, Vec<u32>)>,
}

/// Rows behind the first, by the bits of the features that are missing of them.
type ByMissing = HashMap<Vec<u64>, Vec<u32>, BuildHasherDefault<Mixed>>;

/// A hash of a few words.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            self.0 = hash(self.0 ^ u64::from_le_bytes(word));
        }
    }
}

impl Groups {
    /// Of some rows of a chunk, in an order that the rows alone determine.
    pub(crate) fn of(chunk: &Points, rows: Range<usize>) -> Self {
        let (d, first) = (chunk.n_features(), rows.start);
        let parts: Vec<usize> = rows.clone().step_by(ROWS).collect();
        let of_part = |start: &usize| {
            let mut groups = ByMissing::default();
            let mut missing = vec![0u64; d.div_ceil(64)];
            chunk.for_each_row(*start..(start + ROWS).min(rows.end), |row, values| {
                missing.fill(0);
                for (feature, x) in values.iter().enumerate() {
                    missing[feature / 64] |= u64::from(x.is_nan()) << (feature % 64);
                }
                let row = (row - first) as u32;
                match groups.get_mut(&missing) {
                    Some(rows) => rows.push(row),
                    None => {
                        groups.insert(missing.clone(), vec![row]);
                    }
                }
            });
            groups
        };
        let parts: Vec<ByMissing> = parts.par_iter().map(of_part).collect();
        let mut all: BTreeMap<Vec<u64>, Vec<u32>> = BTreeMap::new();
        for (missing, rows) in parts.into_iter().flatten() {
            // Of every part once, so that rows stay in order.
            all.entry(missing).or_default().extend(rows);
        }
        let is_there = |missing: &[u64], feature: usize| missing[feature / 64] >> (feature % 64) & 1 == 0;
        let groups = all.into_iter().map(|(missing, rows)| (Pattern::new(d, |i| is_there(&missing, i)), rows));
        Groups { first, groups: groups.collect() }
    }

    /// All patterns, and the rows of each behind the first.
    #[cfg(feature = "gpu")]
    pub(crate) fn patterns(&self) -> impl Iterator<Item = (&Pattern, &[u32])> {
        self.groups.iter().map(|(pattern, rows)| (pattern, &rows[..]))
    }

    /// Pieces of work, each of which is some pieces of groups, in order.
    pub(super) fn units(&self) -> Vec<Vec<Piece<'_>>> {
        let (mut units, mut unit, mut size) = (Vec::new(), Vec::new(), 0);
        for (pattern, rows) in &self.groups {
            for rows in rows.chunks(PIECE) {
                if !unit.is_empty() && (size + rows.len() > PIECE || unit.len() == GROUPS) {
                    units.push(std::mem::take(&mut unit));
                    size = 0;
                }
                size += rows.len();
                unit.push(Piece { pattern, first: self.first, rows });
            }
        }
        if !unit.is_empty() {
            units.push(unit);
        }
        units
    }
}

impl Piece<'_> {
    /// Its rows of the chunk.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.rows.iter().map(|row| self.first + *row as usize)
    }

    /// How many rows it has.
    pub(super) fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// The samples, with the features that are there.
    pub(super) fn points(&self, chunk: &Points) -> Points<'static> {
        let samples: Samples = match chunk.samples() {
            Samples::F32(values) => self.picked(values.view()).into(),
            Samples::F64(values) => self.picked(values.view()).into(),
        };
        let weights = chunk.weights().map(|all| self.rows().map(|row| all[row]).collect::<Array1<f64>>());
        Points::trusted(samples, weights, None)
    }

    fn picked<T: Copy>(&self, values: ArrayView2<T>) -> Array2<T> {
        let observed = &self.pattern.observed;
        let mut picked = Vec::with_capacity(self.rows.len() * observed.len());
        for row in self.rows() {
            let row = values.row(row);
            match row.to_slice() {
                Some(row) => picked.extend(observed.iter().map(|i| row[*i])),
                None => picked.extend(observed.iter().map(|i| row[*i])),
            }
        }
        Array2::from_shape_vec((self.rows.len(), observed.len()), picked).expect("a value for each row and feature")
    }

    /// The coordinates of these features.
    pub(super) fn coordinates(&self, all: &Coordinates) -> Coordinates {
        let of = |all: &[f64]| self.pattern.observed.iter().map(|i| all[*i]).collect();
        Coordinates { shift: of(&all.shift), scale: of(&all.scale) }
    }

    /// Weight of the samples.
    pub(super) fn weight(&self, chunk: &Points) -> f64 {
        self.rows().map(|row| chunk.weight(row)).sum()
    }
}

/// The groups of the blocks of samples that memory holds, kept from one pass to the next: four bytes a sample.
#[derive(Debug, Default)]
pub(in crate::device::cpu) struct KeptGroups(Mutex<HashMap<usize, Arc<Groups>>>);

impl KeptGroups {
    /// The groups of a block of a chunk that begins with the given sample.
    pub(super) fn of<T>(
        &self,
        backend: &CpuBackend<T>,
        first: usize,
        chunk: &Points,
        rows: Range<usize>,
    ) -> Arc<Groups> {
        let place = first - backend.data.summary().first();
        if backend.data.slice(place..place + 1).is_none() {
            return Arc::new(Groups::of(chunk, rows));
        }
        let kept = |all: &HashMap<usize, Arc<Groups>>| all.get(&(first + rows.start)).cloned();
        if let Some(groups) = kept(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            // The same rows, of the same chunk.
            if groups.first == rows.start {
                return groups;
            }
        }
        let groups = Arc::new(Groups::of(chunk, rows.clone()));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(first + rows.start, groups.clone());
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_the_group_of_its_pattern_and_in_one_piece() {
        let n = 20_000;
        // A pattern for each remainder; the last of them has no value at all.
        let lacks = |row: usize, feature: usize| ((row % 9) >> feature) & 1 == 1 || row % 9 == 8;
        let samples = Array2::from_shape_fn((n, 3), |(i, j)| if lacks(i, j) { f64::NAN } else { (i + j) as f64 });
        let points = Points::with_missing(samples, None).unwrap();
        let groups = Groups::of(&points, 7..n);
        let units = groups.units();
        let pieces: Vec<&Piece> = units.iter().flatten().collect();
        assert!(units.iter().all(|unit| unit.iter().map(|piece| piece.n_rows()).sum::<usize>() <= PIECE));
        let mut rows: Vec<usize> = pieces.iter().flat_map(|piece| piece.rows().collect::<Vec<_>>()).collect();
        rows.sort_unstable();
        assert_eq!(rows, (7..n).collect::<Vec<_>>());
        for piece in &pieces {
            let points = piece.points(&points);
            assert_eq!(points.samples().dim(), (piece.n_rows(), piece.pattern.observed.len()));
            assert!(!points.samples().has_nan());
            let missing = &piece.pattern.missing;
            assert!(piece.rows().all(|row| (0..3).all(|i| missing.contains(&i) == lacks(row, i))));
        }
        // Those with all values come first.
        assert!(pieces[0].pattern.missing.is_empty() && pieces[0].rows().next() == Some(9));
    }
}
