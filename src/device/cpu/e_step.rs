//! The E step on a tile: log (w_k p_k(x)) of every sample and component.

use pulp::{Simd, WithSimd};

use super::parameters::{BLOCK, COMPONENTS, Factors, Parameters};
use super::posterior::Posterior;
use super::real::Real;
use super::rows::Rows;
use super::strips::{Cell, Strips, VECTORS, cells_mut};
use super::tile::Tile;

/// Fills `posterior.r` with log-densities less the parameters' reference, and `posterior.maxima` with the greatest of
/// each sample.
pub(super) struct LogDensities<'a, T> {
    pub(super) parameters: &'a Parameters<T>,
    pub(super) tile: &'a Tile<T>,
    pub(super) posterior: &'a mut Posterior<T>,
}

impl<T: Real> WithSimd for LogDensities<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let LogDensities { parameters, tile, posterior: Posterior { k: at_hand, r, maxima, whitened, .. } } = self;
        let (k, d, width) = (parameters.k, parameters.d, tile.width);
        *at_hand = k;
        let maxima = &mut maxima.row_mut(0)[..width];
        maxima.fill(T::LEAST_LOG_DENSITY);
        let maxima = cells_mut::<T, S>(maxima);
        let half = T::from_f64(-0.5);
        let constants = &parameters.constants;
        match &parameters.factors {
            Factors::Dense { packed, stride } => {
                for k in 0..k {
                    let mean = &parameters.means[k * d..(k + 1) * d];
                    let packed = &packed[k * stride..(k + 1) * stride];
                    let rows = cells_mut::<T, S>(r.row_mut(k)).iter_mut().zip(&mut *maxima);
                    for (x, (row, maxima)) in tile.x.iter::<S>().zip(rows) {
                        let mut squares = [T::splat(simd, T::default()); VECTORS];
                        triangular_product(simd, x, mean, packed, |_, y: Cell<T, S>| {
                            for v in 0..VECTORS {
                                squares[v] = T::times_plus(simd, y[v], y[v], squares[v]);
                            }
                        });
                        finish(simd, squares, half, constants[k], row, maxima);
                    }
                }
            }
            Factors::Shared { packed, origin, means } => {
                for (whitened, x) in whitened.iter_mut::<S>().zip(tile.x.iter::<S>()).take(maxima.len()) {
                    triangular_product(simd, x, origin, packed, |feature, y| whitened[feature] = y);
                }
                by_distances(simd, whitened, d, means, None, |_| half, Output { constants, r, maxima });
            }
            Factors::Diagonal { means, p } => {
                by_distances(simd, &tile.x, d, means, Some(p), |_| half, Output { constants, r, maxima });
            }
            Factors::Isotropic { means, precisions } => {
                let coefficient = |k: usize| precisions[k] * half;
                by_distances(simd, &tile.x, d, means, None, coefficient, Output { constants, r, maxima });
            }
        }
    }
}

/// y = (mean - x) P for a strip; P is as `parameters::pack` lays it out. Hands over each feature of y.
#[inline(always)]
fn triangular_product<T: Real, S: Simd>(
    simd: S,
    x: &[Cell<T, S>],
    mean: &[T],
    mut packed: &[T],
    mut output: impl FnMut(usize, Cell<T, S>),
) {
    let d = mean.len();
    let mut first = 0;
    macro_rules! columns {
        ($width:expr) => {{
            let (block, rest) = packed.split_at((first + $width) * $width);
            packed = rest;
            let y = product_columns::<T, S, { $width }>(simd, x, mean, block, first);
            for (j, y) in y.into_iter().enumerate() {
                output(first + j, y);
            }
            first += $width;
        }};
    }
    match d % BLOCK {
        1 => columns!(1),
        2 => columns!(2),
        3 => columns!(3),
        4 => columns!(4),
        5 => columns!(5),
        _ => {}
    }
    while first < d {
        columns!(BLOCK)
    }
}

/// Columns first.. of (mean - x) P: a rectangle of P, then a triangle.
#[inline(always)]
fn product_columns<T: Real, S: Simd, const W: usize>(
    simd: S,
    x: &[Cell<T, S>],
    mean: &[T],
    packed: &[T],
    first: usize,
) -> [Cell<T, S>; W] {
    let (rectangle, triangle) = packed.as_chunks::<W>().0.split_at(first);
    let triangle: &[[T; W]; W] = triangle.try_into().expect("W rows");
    let beside: &[Cell<T, S>; W] = x[first..first + W].try_into().expect("W features");
    let beside_mean: &[T; W] = mean[first..first + W].try_into().expect("W means");
    // The mean first: so the sample comes from memory in the same instruction.
    let centred = |x: &Cell<T, S>, mean: T| -> Cell<T, S> {
        let mean = T::splat(simd, mean);
        std::array::from_fn(|v| T::minus(simd, mean, x[v]))
    };
    let mut y = [[T::splat(simd, T::default()); VECTORS]; W];
    for ((x, mean), p) in x.iter().zip(mean).zip(rectangle) {
        let c = centred(x, *mean);
        for j in 0..W {
            let p = T::splat(simd, p[j]);
            for v in 0..VECTORS {
                y[j][v] = T::times_plus(simd, c[v], p, y[j][v]);
            }
        }
    }
    for i in 0..W {
        let c = centred(&beside[i], beside_mean[i]);
        for j in i..W {
            let p = T::splat(simd, triangle[i][j]);
            for v in 0..VECTORS {
                y[j][v] = T::times_plus(simd, c[v], p, y[j][v]);
            }
        }
    }
    y
}

/// First values of log-densities, and where they go.
struct Output<'a, T: Real, S: Simd> {
    constants: &'a [T],
    r: &'a mut Rows<T>,
    maxima: &'a mut [Cell<T, S>],
}

/// Log-densities constant_k + coefficient_k sum_d ((x_d - mean_kd) p_kd)^2; p is 1 where it is not given. Means and p
/// are as `parameters::interleave` lays them out.
#[inline(always)]
fn by_distances<T: Real, S: Simd>(
    simd: S,
    x: &Strips<T>,
    d: usize,
    means: &[T],
    p: Option<&[T]>,
    coefficient: impl Fn(usize) -> T,
    output: Output<T, S>,
) {
    let Output { constants, r, maxima } = output;
    let mut rows = r.iter_mut();
    let mut first = 0;
    macro_rules! components {
        ($count:expr) => {{
            let means = means[first * d..][..d * $count].as_chunks::<{ $count }>().0;
            let p = p.map(|p| p[first * d..][..d * $count].as_chunks::<{ $count }>().0);
            let rows: [&mut [Cell<T, S>]; $count] =
                std::array::from_fn(|_| &mut cells_mut::<T, S>(rows.next().expect("K rows"))[..maxima.len()]);
            for (i, (x, maxima)) in x.iter::<S>().zip(&mut *maxima).enumerate() {
                let squares = match p {
                    Some(p) => scaled_distances(simd, x, means, p),
                    None => squared_distances(simd, x, means),
                };
                for (j, squares) in squares.into_iter().enumerate() {
                    let k = first + j;
                    finish(simd, squares, coefficient(k), constants[k], &mut rows[j][i], maxima);
                }
            }
            first += $count;
        }};
    }
    while first + COMPONENTS <= constants.len() {
        components!(COMPONENTS)
    }
    while first < constants.len() {
        components!(1)
    }
}

/// sum_d (mean_kd - x_d)^2 for C components and the samples of a strip.
#[inline(always)]
fn squared_distances<T: Real, S: Simd, const C: usize>(simd: S, x: &[Cell<T, S>], means: &[[T; C]]) -> [Cell<T, S>; C] {
    let mut squares = [[T::splat(simd, T::default()); VECTORS]; C];
    for (x, means) in x.iter().zip(means) {
        for k in 0..C {
            let mean = T::splat(simd, means[k]);
            for v in 0..VECTORS {
                let c = T::minus(simd, mean, x[v]);
                squares[k][v] = T::times_plus(simd, c, c, squares[k][v]);
            }
        }
    }
    squares
}

/// sum_d ((mean_kd - x_d) p_kd)^2 for C components and the samples of a strip.
#[inline(always)]
fn scaled_distances<T: Real, S: Simd, const C: usize>(
    simd: S,
    x: &[Cell<T, S>],
    means: &[[T; C]],
    p: &[[T; C]],
) -> [Cell<T, S>; C] {
    let mut squares = [[T::splat(simd, T::default()); VECTORS]; C];
    for ((x, means), p) in x.iter().zip(means).zip(p) {
        for k in 0..C {
            let (mean, p) = (T::splat(simd, means[k]), T::splat(simd, p[k]));
            for v in 0..VECTORS {
                let y = T::times(simd, T::minus(simd, mean, x[v]), p);
                squares[k][v] = T::times_plus(simd, y, y, squares[k][v]);
            }
        }
    }
    squares
}

/// Writes log-densities, and raises the maxima to them.
#[inline(always)]
pub(super) fn finish<T: Real, S: Simd>(
    simd: S,
    squares: Cell<T, S>,
    coefficient: T,
    constant: T,
    row: &mut Cell<T, S>,
    maxima: &mut Cell<T, S>,
) {
    let least = T::splat(simd, T::LEAST_LOG_DENSITY);
    let (coefficient, constant) = (T::splat(simd, coefficient), T::splat(simd, constant));
    for v in 0..VECTORS {
        let l = T::at_least(simd, T::times_plus(simd, squares[v], coefficient, constant), least);
        row[v] = l;
        maxima[v] = T::greater(simd, l, maxima[v]);
    }
}
