//! A tile: a few samples, feature by feature, that stay in cache while all components pass over them.

use std::ops::Range;

use crate::points::Points;

/// Tiles hold a multiple of this many samples, so that every row of a tile is whole vectors of every instruction set.
const ALIGNMENT: usize = 16;

/// Samples of a tile as rows of features, the last ones padded with samples of weight zero.
#[derive(Debug)]
pub(super) struct Tile {
    /// Samples, padding included.
    pub(super) width: usize,
    /// Values less the centre: `[D, width]`.
    pub(super) x: Vec<f64>,
    /// Sample weights: [width].
    pub(super) weights: Vec<f64>,
}

impl Tile {
    /// Samples per tile such that D rows of them, twice, stay within a small level-1 cache.
    pub(super) fn capacity(n_features: usize) -> usize {
        (2048 / n_features).clamp(64, 512) / ALIGNMENT * ALIGNMENT
    }

    pub(super) fn new(n_features: usize) -> Self {
        let width = Self::capacity(n_features);
        Tile { width, x: vec![0.0; n_features * width], weights: vec![0.0; width] }
    }

    /// Takes the given rows, at most [`Tile::capacity`] of them, less the centre.
    pub(super) fn load(&mut self, points: &Points, rows: Range<usize>, centre: &[f64]) {
        let d = centre.len();
        let start = rows.start;
        self.width = rows.len().next_multiple_of(ALIGNMENT);
        let width = self.width;
        self.x[..d * width].chunks_exact_mut(width).for_each(|row| row[rows.len()..].fill(0.0));
        self.weights[rows.len()..width].fill(0.0);
        for (weight, i) in self.weights.iter_mut().zip(rows.clone()) {
            *weight = points.weight(i);
        }
        points.for_each_row(rows, |i, row| {
            let column = self.x[i - start..].iter_mut().step_by(width);
            for ((to, from), centre) in column.zip(row).zip(centre) {
                *to = from - centre;
            }
        });
    }

    /// The rows of features: `[D, width]`.
    pub(super) fn features(&self, n_features: usize) -> &[f64] {
        &self.x[..n_features * self.width]
    }
}
