//! From log-densities of components to responsibilities, log-densities of samples, and labels.

use pulp::{Simd, WithSimd};

use super::instructions::Instructions;
use super::real::Real;
use super::rows::Rows;
use super::strips::Strips;
use super::tile::Tile;

/// Result of the E step for a tile.
#[derive(Debug)]
pub(super) struct Posterior<T> {
    /// Components at hand: all of a model, or some.
    pub(super) k: usize,
    /// log (w_k p_k(x_n)), then responsibilities times sample weight: a row for each of them, and rows for more.
    pub(super) r: Rows<T>,
    /// The greatest log-density of each sample, then log p(x_n): one row.
    pub(super) maxima: Rows<T>,
    /// Sums over the components: one row.
    sums: Rows<T>,
    /// Most probable component: [width].
    pub(super) labels: Vec<usize>,
    /// (o - x) P, where all components share P.
    pub(super) whitened: Strips<T>,
}

impl<T: Real> Posterior<T> {
    pub(super) fn new(arch: Instructions, k: usize, d: usize) -> Self {
        let width = Tile::<T>::capacity(d);
        Posterior {
            k,
            r: Rows::new(k, width),
            maxima: Rows::new(1, width),
            sums: Rows::new(1, width),
            labels: vec![0; width],
            whitened: Strips::new(arch, d, width),
        }
    }

    /// The most probable component of each sample, from log-densities and their maxima: the first of those whose
    /// log-density is below the greatest by no more than `slack` x (1 + its magnitude).
    #[inline(always)]
    pub(super) fn find_labels(&mut self, width: usize, slack: f64) {
        let (maxima, least) = (&self.maxima.row(0)[..width], &mut self.sums.row_mut(0)[..width]);
        let (one, slack) = (T::from_f64(1.0), T::from_f64(slack));
        for (least, max) in least.iter_mut().zip(maxima) {
            let magnitude = if *max < T::default() { T::default() - *max } else { *max };
            *least = *max - slack * (one + magnitude);
        }
        let labels = &mut self.labels[..width];
        // From the last to the first: the first of equals is what stays.
        let rows = self.r.all().chunks_exact(self.r.stride()).take(self.k).enumerate();
        for (k, row) in rows.rev() {
            for ((label, l), least) in labels.iter_mut().zip(row).zip(&*least) {
                *label = if l >= least { k } else { *label };
            }
        }
    }

    /// Makes labels into responsibilities times sample weight: the whole of a sample for its component.
    pub(super) fn be_certain(&mut self, tile: &Tile<T>) {
        let weights = &tile.weights.row(0)[..tile.width];
        for (k, row) in self.r.iter_mut().take(self.k).enumerate() {
            for ((r, label), weight) in row.iter_mut().zip(&self.labels).zip(weights) {
                *r = if *label == k { *weight } else { T::default() };
            }
        }
    }

    /// The sum of weight times what the maxima have become.
    #[inline(always)]
    pub(super) fn log_likelihood(&self, tile: &Tile<T>) -> f64 {
        weighted_sum(&self.maxima.row(0)[..tile.width], &tile.weights.row(0)[..tile.width])
    }
}

/// Turns log-densities into responsibilities times sample weight, and their maxima into log p(x); yields the sum of
/// weight times log p(x).
pub(super) struct Respond<'a, T> {
    pub(super) posterior: &'a mut Posterior<T>,
    pub(super) tile: &'a Tile<T>,
    /// Differences from the greatest log-density of a sample below this are responsibilities of 0.
    pub(super) cut: T,
}

impl<T: Real> WithSimd for Respond<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let Respond { posterior, tile, cut } = self;
        let (k, width) = (posterior.k, tile.width);
        let weights = &tile.weights.row(0)[..width];
        let (maxima, sums) = (&mut posterior.maxima.row_mut(0)[..width], &mut posterior.sums.row_mut(0)[..width]);
        sums.fill(T::default());
        for row in posterior.r.iter_mut().take(k) {
            for ((l, sum), max) in row.iter_mut().zip(&mut *sums).zip(&*maxima) {
                let e = (*l - *max).exp_from::<S>(cut);
                *l = e;
                *sum += e;
            }
        }
        for ((max, sum), weight) in maxima.iter_mut().zip(&mut *sums).zip(weights) {
            *max += sum.ln_from_one::<S>();
            *sum = *weight / *sum;
        }
        for row in posterior.r.iter_mut().take(k) {
            for (r, scale) in row.iter_mut().zip(&*sums) {
                *r *= *scale;
            }
        }
        posterior.log_likelihood(tile)
    }
}

/// Finds labels, and turns maxima into log p(x); log-densities stay as they are.
pub(super) struct Assess<'a, T> {
    pub(super) posterior: &'a mut Posterior<T>,
    pub(super) width: usize,
}

impl<T: Real> WithSimd for Assess<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Assess { posterior, width } = self;
        posterior.find_labels(width, T::ROUNDING);
        let (maxima, sums) = (&mut posterior.maxima.row_mut(0)[..width], &mut posterior.sums.row_mut(0)[..width]);
        sums.fill(T::default());
        for row in posterior.r.all().chunks_exact(posterior.r.stride()).take(posterior.k) {
            for ((l, sum), max) in row.iter().zip(&mut *sums).zip(&*maxima) {
                *sum += (*l - *max).exp_from::<S>(T::LEAST_EXPONENT);
            }
        }
        for (max, sum) in maxima.iter_mut().zip(&*sums) {
            *max += sum.ln_from_one::<S>();
        }
    }
}

/// The sum of products in f64, in strands so that the additions overlap; the lengths are multiples of their number.
#[inline(always)]
fn weighted_sum<T: Real>(values: &[T], weights: &[T]) -> f64 {
    const STRANDS: usize = 8;
    let mut sums = [0.0; STRANDS];
    for (values, weights) in values.as_chunks::<STRANDS>().0.iter().zip(weights.as_chunks::<STRANDS>().0) {
        for ((sum, value), weight) in sums.iter_mut().zip(values).zip(weights) {
            *sum += value.to_f64() * weight.to_f64();
        }
    }
    sums.iter().sum()
}
