//! A tile: a few samples, feature by feature, that stay in cache while all components pass over them.

use std::ops::Range;

use ndarray::{ArrayView2, s};
use pulp::{Arch, Simd, WithSimd};

use super::real::Real;
use super::rows::Rows;
use crate::coordinates::Coordinates;
use crate::points::{Points, Samples};

/// Tiles hold a multiple of this many samples, so that every row of a tile is whole vectors of every instruction set.
const ALIGNMENT: usize = 32;

/// Samples that are turned from rows into columns together.
const AT_ONCE: usize = 8;

/// Samples of a tile as rows of features, the last ones padded with samples of weight zero.
#[derive(Debug)]
pub(super) struct Tile<T> {
    /// Samples, padding included.
    pub(super) width: usize,
    /// Values in the backend's coordinates: `[D]` rows.
    pub(super) x: Rows<T>,
    /// Sample weights: one row.
    pub(super) weights: Rows<T>,
}

impl<T: Real> Tile<T> {
    /// Samples per tile: enough that the sums of a component are added up seldom, few enough that the tile stays in a
    /// level-2 cache.
    pub(super) fn capacity(n_features: usize) -> usize {
        let bytes = (196_608 / n_features).clamp(512, 1536);
        bytes / size_of::<T>() / ALIGNMENT * ALIGNMENT
    }

    pub(super) fn new(n_features: usize) -> Self {
        let width = Self::capacity(n_features);
        Tile { width, x: Rows::new(n_features, width), weights: Rows::new(1, width) }
    }

    /// Takes the given rows, at most [`Tile::capacity`] of them.
    pub(super) fn load(&mut self, arch: Arch, points: &Points, rows: Range<usize>, coordinates: &Coordinates) {
        let n = rows.len();
        self.width = n.next_multiple_of(ALIGNMENT);
        let weights = &mut self.weights.row_mut(0)[..self.width];
        weights[n..].fill(T::default());
        match points.weights() {
            None => weights[..n].fill(T::from_f64(1.0)),
            Some(all) => weights.iter_mut().zip(all.slice(s![rows.clone()])).for_each(|(w, x)| *w = T::from_f64(*x)),
        }
        for x in self.x.iter_mut() {
            x[n..].fill(T::default());
        }
        let x = &mut self.x;
        match points.samples() {
            Samples::F32(values) => {
                arch.dispatch(Transpose { values: values.slice(s![rows, ..]), coordinates, x });
            }
            Samples::F64(values) => {
                arch.dispatch(Transpose { values: values.slice(s![rows, ..]), coordinates, x });
            }
        }
    }
}

/// Turns samples into rows of features, in the backend's coordinates.
struct Transpose<'a, E, T> {
    values: ArrayView2<'a, E>,
    coordinates: &'a Coordinates,
    x: &'a mut Rows<T>,
}

impl<E: Copy + Into<f64>, T: Real> WithSimd for Transpose<'_, E, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Transpose { values, coordinates: Coordinates { shift, scale }, x } = self;
        let (n, d) = values.dim();
        let stride = x.stride();
        let out = x.all_mut();
        let map = |x: E, feature: usize| T::from_f64((x.into() - shift[feature]) * scale[feature]);
        let Some(values) = values.to_slice() else {
            for ((i, feature), x) in values.indexed_iter() {
                out[feature * stride + i] = map(*x, feature);
            }
            return;
        };
        // Several samples at once, so that a feature's values are written as a run.
        let blocks = values.chunks_exact(AT_ONCE * d);
        let rest = blocks.remainder();
        for (block, values) in blocks.enumerate() {
            for feature in 0..d {
                let from = &values[feature..][..(AT_ONCE - 1) * d + 1];
                let to = &mut out[feature * stride + block * AT_ONCE..][..AT_ONCE];
                for (i, to) in to.iter_mut().enumerate() {
                    *to = map(from[i * d], feature);
                }
            }
        }
        for (i, row) in (n / AT_ONCE * AT_ONCE..n).zip(rest.chunks_exact(d)) {
            for (feature, x) in row.iter().enumerate() {
                out[feature * stride + i] = map(*x, feature);
            }
        }
    }
}
