//! Samples of which any features are missing, under models whose features are independent within a component: a log-density
//! is a sum over the features that are there, and a mask leaves out the others.

use pulp::{Simd, WithSimd};

use crate::data::coordinates::Coordinates;
use crate::data::points::Points;
use crate::device::cpu::e_step::finish;
use crate::device::cpu::instructions::Instructions;
use crate::device::cpu::m_step::total;
use crate::device::cpu::parameters::{COMPONENTS, interleave};
use crate::device::cpu::posterior::Posterior;
use crate::device::cpu::real::Real;
use crate::device::cpu::rows::Rows;
use crate::device::cpu::strips::{Cell, Strips, VECTORS, cells, cells_mut};
use crate::device::cpu::tile::{Chosen, Tile};
use crate::model::quadratics::Quadratics;

/// A tile in which zeros stand for missing values, and which values are there: 1 for these, and 0 for others.
#[derive(Debug)]
pub(super) struct MaskedTile<T> {
    pub(super) tile: Tile<T>,
    pub(super) mask: Strips<T>,
}

impl<T: Real> MaskedTile<T> {
    pub(super) fn new(arch: Instructions, d: usize) -> Self {
        MaskedTile { tile: Tile::new(arch, d), mask: Strips::new(arch, d, Tile::<T>::capacity(d)) }
    }

    pub(super) fn load(&mut self, arch: Instructions, points: &Points, chosen: Chosen, coordinates: &Coordinates) {
        self.tile.load(arch, points, chosen, coordinates);
        let MaskedTile { tile, mask } = self;
        arch.dispatch(Mask { x: tile.x.numbers_mut().0, mask: mask.numbers_mut().0 });
    }
}

/// Takes values that are missing out of a tile.
struct Mask<'a, T> {
    x: &'a mut [T],
    mask: &'a mut [T],
}

impl<T: Real> WithSimd for Mask<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (zero, one) = (T::default(), T::from_f64(1.0));
        for (x, mask) in self.x.iter_mut().zip(self.mask) {
            // NaN is like nothing, and arithmetic is not reordered here.
            let is_there = *x >= zero || *x < zero;
            *mask = if is_there { one } else { zero };
            *x = if is_there { *x } else { zero };
        }
    }
}

/// A model of independent features, laid out for the kernels.
#[derive(Debug)]
pub(super) struct MaskedParameters<T> {
    pub(super) k: usize,
    pub(super) d: usize,
    /// Log-weights less `reference`: `[K]`.
    constants: Vec<T>,
    pub(super) reference: f64,
    /// Means in the coordinates of the pass: `[K, D]`.
    pub(super) means: Vec<T>,
    /// Means again, 1 / (sqrt 2 standard deviations), and what a feature that is there takes from a log-density: log sd +
    /// log 2 pi / 2; interleaved.
    interleaved: [Vec<T>; 3],
}

impl<T: Real> MaskedParameters<T> {
    /// `None` of a model whose features are not independent.
    pub(super) fn new(model: &Quadratics, coordinates: &Coordinates) -> Option<Self> {
        if !model.features_are_independent() {
            return None;
        }
        let (k, d) = model.means().dim();
        let mean = |k: usize, i: usize| coordinates.map(i, model.means()[[k, i]]);
        let factor = |k: usize, i: usize| model.factors().entry(k, i, i);
        let half = 0.5 * (2.0 * std::f64::consts::PI).ln();
        let taken = |k: usize, i: usize| if model.are_densities() { half - factor(k, i).ln() } else { 0.0 };
        let log_weights = model.log_weights();
        let reference = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(MaskedParameters {
            k,
            d,
            constants: log_weights.iter().map(|log_weight| T::from_f64(log_weight - reference)).collect(),
            reference,
            means: (0..k * d).map(|i| T::from_f64(mean(i / d, i % d))).collect(),
            interleaved: [
                interleave(k, d, mean),
                interleave(k, d, |k, i| factor(k, i) / coordinates.scale[i] * std::f64::consts::FRAC_1_SQRT_2),
                interleave(k, d, taken),
            ],
        })
    }
}

/// Fills `posterior.r` with log-densities less the parameters' reference, and `posterior.maxima` with the greatest of each
/// sample.
pub(super) struct MaskedLogDensities<'a, T> {
    pub(super) parameters: &'a MaskedParameters<T>,
    pub(super) tile: &'a MaskedTile<T>,
    pub(super) posterior: &'a mut Posterior<T>,
}

impl<T: Real> WithSimd for MaskedLogDensities<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let MaskedLogDensities { parameters, tile, posterior: Posterior { k: at_hand, r, maxima, .. } } = self;
        let (k, d, width) = (parameters.k, parameters.d, tile.tile.width);
        *at_hand = k;
        let maxima = &mut maxima.row_mut(0)[..width];
        maxima.fill(T::LEAST_LOG_DENSITY);
        let maxima = cells_mut::<T, S>(maxima);
        let minus_one = T::from_f64(-1.0);
        let mut rows = r.iter_mut();
        let mut first = 0;
        macro_rules! components {
            ($count:expr) => {{
                let of = parameters
                    .interleaved
                    .each_ref()
                    .map(|all| all[first * d..][..d * $count].as_chunks::<{ $count }>().0);
                let rows: [&mut [Cell<T, S>]; $count] =
                    std::array::from_fn(|_| &mut cells_mut::<T, S>(rows.next().expect("K rows"))[..maxima.len()]);
                let strips = tile.tile.x.iter::<S>().zip(tile.mask.iter::<S>()).zip(&mut *maxima);
                for (i, ((x, mask), maxima)) in strips.enumerate() {
                    let taken = masked_distances::<T, S, { $count }>(simd, x, mask, of);
                    for (j, taken) in taken.into_iter().enumerate() {
                        finish(simd, taken, minus_one, parameters.constants[first + j], &mut rows[j][i], maxima);
                    }
                }
                first += $count;
            }};
        }
        while first + COMPONENTS <= k {
            components!(COMPONENTS)
        }
        while first < k {
            components!(1)
        }
    }
}

/// The sums over the features that are there of ((mean_kd - x_d) p_kd)^2 + taken_kd, for C components and the samples of a
/// strip.
#[inline(always)]
fn masked_distances<T: Real, S: Simd, const C: usize>(
    simd: S,
    x: &[Cell<T, S>],
    mask: &[Cell<T, S>],
    [means, p, taken]: [&[[T; C]]; 3],
) -> [Cell<T, S>; C] {
    let mut sums = [[T::splat(simd, T::default()); VECTORS]; C];
    for ((((x, mask), means), p), taken) in x.iter().zip(mask).zip(means).zip(p).zip(taken) {
        for k in 0..C {
            let (mean, p) = (T::splat(simd, means[k]), T::splat(simd, p[k]));
            let taken = T::splat(simd, taken[k]);
            for v in 0..VECTORS {
                let y = T::times(simd, T::minus(simd, mean, x[v]), p);
                sums[k][v] = T::times_plus(simd, mask[v], T::times_plus(simd, y, y, taken), sums[k][v]);
            }
        }
    }
    sums
}

/// Adds a tile to the sums of components and features: r, r (x - mean) and r (x - mean)^2 of the features that are there,
/// and r for each of these.
pub(super) struct AddMasked<'a, T> {
    /// Responsibilities times weight.
    pub(super) r: &'a Rows<T>,
    pub(super) tile: &'a MaskedTile<T>,
    pub(super) parameters: &'a MaskedParameters<T>,
    pub(super) sums: &'a mut [f64],
}

impl<T: Real> WithSimd for AddMasked<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AddMasked { r, tile, parameters, sums } = self;
        let d = parameters.d;
        for (k, sums) in sums.chunks_exact_mut(1 + 3 * d).enumerate() {
            let r = cells::<T, S>(&r.row(k)[..tile.tile.width]);
            let total = total::<T, S>(simd, r);
            if total == 0.0 {
                continue;
            }
            sums[0] += total;
            let mean = &parameters.means[k * d..][..d];
            let mut at = 0;
            macro_rules! run {
                ($n:literal) => {{
                    add_features::<T, S, $n>(simd, at, tile, mean, r, &mut sums[1..]);
                    at += $n;
                }};
            }
            while at < d {
                match d - at {
                    4.. => run!(4),
                    2.. => run!(2),
                    _ => run!(1),
                }
            }
        }
    }
}

/// Adds N features of one component.
#[inline(always)]
fn add_features<T: Real, S: Simd, const N: usize>(
    simd: S,
    feature: usize,
    tile: &MaskedTile<T>,
    mean: &[T],
    r: &[Cell<T, S>],
    sums: &mut [f64],
) {
    let d = mean.len();
    let mean: [T::Vector<S>; N] = std::array::from_fn(|i| T::splat(simd, mean[feature + i]));
    let zero = T::splat(simd, T::default());
    let (mut first, mut second, mut counts) = ([zero; N], [zero; N], [zero; N]);
    for ((x, mask), r) in tile.tile.x.iter::<S>().zip(tile.mask.iter::<S>()).zip(r) {
        let x: &[Cell<T, S>; N] = x[feature..feature + N].try_into().expect("N features");
        let mask: &[Cell<T, S>; N] = mask[feature..feature + N].try_into().expect("N features");
        for v in 0..VECTORS {
            for i in 0..N {
                let own = T::times(simd, mask[i][v], r[v]);
                let c = T::minus(simd, x[i][v], mean[i]);
                let w = T::times(simd, c, own);
                counts[i] = T::plus(simd, counts[i], own);
                first[i] = T::plus(simd, first[i], w);
                second[i] = T::times_plus(simd, w, c, second[i]);
            }
        }
    }
    for i in 0..N {
        sums[feature + i] += T::total(simd, first[i]);
        sums[d + feature + i] += T::total(simd, second[i]);
        sums[2 * d + feature + i] += T::total(simd, counts[i]);
    }
}
