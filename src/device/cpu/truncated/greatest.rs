//! The few greatest log-densities of each sample of a tile, and whose they are.

use bytemuck::cast_slice;
use pulp::{Simd, WithSimd};

use super::super::instructions::Instructions;
use super::super::posterior::Posterior;
use super::super::real::Real;
use super::super::rows::Rows;
use super::super::tile::Tile;

/// The greatest log-densities so far.
#[derive(Debug)]
pub(super) struct Greatest<T> {
    /// A row for each of them, the greatest first.
    pub(super) posterior: Posterior<T>,
    /// Numbers of their components, as they came: a row for each.
    whose: Rows<T>,
    /// Log-densities that are looked for a place, and whose they are: scratch.
    carried: [Rows<T>; 2],
}

impl<T: Real> Greatest<T> {
    pub(super) fn new(arch: Instructions, count: usize, d: usize) -> Self {
        let rows = |count| Rows::new(count, Tile::<T>::capacity(d));
        Greatest { posterior: Posterior::new(arch, count, d), whose: rows(count), carried: [rows(1), rows(1)] }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.posterior.r.all_mut().fill(T::from_f64(f64::NEG_INFINITY));
    }

    /// The number of the component of a sample's log-density.
    pub(super) fn whose(&self, place: usize, sample: usize) -> usize {
        self.whose.row(place)[sample].to_f64() as usize
    }

    /// Makes ready for responsibilities: the greatest log-densities are the maxima.
    pub(super) fn finish(&mut self) -> &mut Posterior<T> {
        let Posterior { r, maxima, .. } = &mut self.posterior;
        maxima.row_mut(0).copy_from_slice(r.row(0));
        &mut self.posterior
    }
}

/// Takes the log-densities of some components, in ascending order: of equals the first stays.
pub(super) struct Keep<'a, T> {
    pub(super) greatest: &'a mut Greatest<T>,
    /// Log-densities of the components at hand.
    pub(super) from: &'a Posterior<T>,
    /// The number of the first of them.
    pub(super) first: usize,
    /// Samples of the tile.
    pub(super) width: usize,
}

impl<T: Real> WithSimd for Keep<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Keep { greatest: Greatest { posterior, whose, carried: [carried, owners] }, from, first, width } = self;
        let count = posterior.k;
        let (carried, owners) = (&mut carried.row_mut(0)[..width], &mut owners.row_mut(0)[..width]);
        for (i, row) in from.r.all().chunks_exact(from.r.stride()).take(from.k).enumerate() {
            let row = &row[..width];
            if !exceeds::<T, S>(simd, row, &posterior.r.row(count - 1)[..width]) {
                continue;
            }
            carried.copy_from_slice(row);
            owners.fill(T::from_f64((first + i) as f64));
            for place in 0..count {
                let (best, whose) = (&mut posterior.r.row_mut(place)[..width], &mut whose.row_mut(place)[..width]);
                for (((best, whose), l), owner) in best.iter_mut().zip(whose).zip(&mut *carried).zip(&mut *owners) {
                    let (before, its) = (*best, *whose);
                    let is_greater = *l > before;
                    *best = if is_greater { *l } else { before };
                    *l = if is_greater { before } else { *l };
                    // An exchange of whole numbers. As choices, like those above, it is wrong in f32 vectors: see the tests.
                    let step = if is_greater { *owner - its } else { T::default() };
                    *whose = its + step;
                    *owner = *owner - step;
                }
            }
        }
    }
}

/// Whether any number is greater than that beside it.
#[inline(always)]
fn exceeds<T: Real, S: Simd>(simd: S, numbers: &[T], others: &[T]) -> bool {
    let mut excess = T::splat(simd, T::default());
    for (x, other) in T::vectors::<S>(numbers).iter().zip(T::vectors::<S>(others)) {
        excess = T::greater(simd, T::minus(simd, *x, *other), excess);
    }
    cast_slice::<_, T>(&[excess]).iter().any(|excess| *excess > T::default())
}

/// Appends the weighted sum of each row of log-densities.
pub(super) struct SumRows<'a, T> {
    pub(super) from: &'a Posterior<T>,
    pub(super) tile: &'a Tile<T>,
    pub(super) sums: &'a mut Vec<f64>,
}

impl<T: Real> WithSimd for SumRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let SumRows { from, tile, sums } = self;
        let weights = T::vectors::<S>(&tile.weights.row(0)[..tile.width]);
        for row in from.r.all().chunks_exact(from.r.stride()).take(from.k) {
            let mut sum = T::splat(simd, T::default());
            for (l, weight) in T::vectors::<S>(&row[..tile.width]).iter().zip(weights) {
                sum = T::times_plus(simd, *l, *weight, sum);
            }
            sums.push(T::total(simd, sum));
        }
    }
}
