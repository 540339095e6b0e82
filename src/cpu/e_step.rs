//! The E step on a tile: log (w_k p_k(x)) of every sample and component.

use pulp::{Simd, WithSimd};

use super::parameters::{BLOCK, Factors, Parameters};
use super::posterior::Posterior;
use super::real::Real;
use super::rows::Rows;
use super::tile::Tile;

/// Vectors of samples that a kernel takes together. With [`BLOCK`] outputs they fill twelve registers of sums: enough to
/// hide the latency of a multiply-add, and few enough for the sixteen that AVX2 has.
const VECTORS: usize = 2;

/// Components whose distances are formed together, so that the samples are read once for all of them.
const COMPONENTS: usize = 4;

/// A few vectors of samples.
type Strip<T, S> = [<T as Real>::Vector<S>; VECTORS];

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
        let LogDensities { parameters, tile, posterior: Posterior { r, maxima, whitened, .. } } = self;
        let (k, d, width) = (parameters.k, parameters.d, tile.width);
        let maxima = &mut maxima.row_mut(0)[..width];
        maxima.fill(T::LEAST_LOG_DENSITY);
        let maxima = T::vectors_mut::<S>(maxima);
        let half = T::from_f64(-0.5);
        match &parameters.factors {
            Factors::Dense { packed, stride } => {
                let x = Columns::of(&tile.x);
                for k in 0..k {
                    let mean = &parameters.means[k * d..(k + 1) * d];
                    let packed = &packed[k * stride..(k + 1) * stride];
                    let row = &mut T::vectors_mut::<S>(r.row_mut(k))[..maxima.len()];
                    for (i, (row, maxima)) in strips(row).zip(strips(maxima)).enumerate() {
                        let mut squares = [T::splat(simd, T::default()); VECTORS];
                        let square = |_, y: Strip<T, S>| {
                            for v in 0..VECTORS {
                                squares[v] = T::times_plus(simd, y[v], y[v], squares[v]);
                            }
                        };
                        triangular_product(simd, x, i * VECTORS, mean, packed, square);
                        finish(simd, squares, half, parameters.constants[k], row, maxima);
                    }
                }
            }
            Factors::Shared { packed, origin, means } => {
                whiten::<T, S>(simd, &tile.x, origin, packed, whitened, maxima.len());
                let coefficient = |_| half;
                by_distances(simd, &*whitened, means, None, coefficient, &parameters.constants, r, maxima);
            }
            Factors::Diagonal(p) => {
                let coefficient = |_| half;
                by_distances(simd, &tile.x, &parameters.means, Some(p), coefficient, &parameters.constants, r, maxima);
            }
            Factors::Isotropic(precisions) => {
                let coefficient = |k: usize| precisions[k] * half;
                by_distances(simd, &tile.x, &parameters.means, None, coefficient, &parameters.constants, r, maxima);
            }
        }
    }
}

fn strips<V>(row: &mut [V]) -> impl Iterator<Item = &mut [V; VECTORS]> {
    row.as_chunks_mut().0.iter_mut()
}

/// Rows of features as vectors of samples.
#[derive(Clone, Copy)]
struct Columns<'a, V> {
    vectors: &'a [V],
    stride: usize,
}

impl<'a, V> Columns<'a, V> {
    #[inline(always)]
    fn of<T: Real<Vector<S> = V>, S: Simd>(rows: &'a Rows<T>) -> Self
    where
        V: pulp::bytemuck::Pod,
    {
        Columns { vectors: T::vectors::<S>(rows.all()), stride: rows.stride() / T::lanes::<S>() }
    }
}

/// y = (x - mean) P for the vectors of samples from `at` on; P is as `parameters::pack` lays it out. Hands over each
/// feature of y.
#[inline(always)]
fn triangular_product<T: Real, S: Simd>(
    simd: S,
    x: Columns<T::Vector<S>>,
    at: usize,
    mean: &[T],
    mut packed: &[T],
    mut output: impl FnMut(usize, Strip<T, S>),
) {
    let d = mean.len();
    let mut first = 0;
    macro_rules! columns {
        ($width:expr) => {{
            let (block, rest) = packed.split_at((first + $width) * $width);
            packed = rest;
            let y = product_columns::<T, S, { $width }>(simd, x, at, mean, block, first);
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

/// Columns first.. of (x - mean) P: a rectangle of P, then a triangle.
#[inline(always)]
fn product_columns<T: Real, S: Simd, const W: usize>(
    simd: S,
    x: Columns<T::Vector<S>>,
    at: usize,
    mean: &[T],
    packed: &[T],
    first: usize,
) -> [Strip<T, S>; W] {
    let mut y = [[T::splat(simd, T::default()); VECTORS]; W];
    let rows = packed.as_chunks::<W>().0;
    let (rectangle, triangle) = rows.split_at(first);
    let triangle: &[[T; W]; W] = triangle.try_into().expect("W rows");
    let (above, beside) = mean.split_at(first);
    let beside: &[T; W] = beside[..W].try_into().expect("W means");
    let centred = |row: usize, mean: T| -> Strip<T, S> {
        let x = &x.vectors[row * x.stride + at..][..VECTORS];
        let mean = T::splat(simd, mean);
        std::array::from_fn(|v| T::minus(simd, x[v], mean))
    };
    for (row, (mean, p)) in above.iter().zip(rectangle).enumerate() {
        let c = centred(row, *mean);
        for (y, p) in y.iter_mut().zip(p) {
            let p = T::splat(simd, *p);
            for v in 0..VECTORS {
                y[v] = T::times_plus(simd, c[v], p, y[v]);
            }
        }
    }
    for i in 0..W {
        let c = centred(first + i, beside[i]);
        for j in i..W {
            let p = T::splat(simd, triangle[i][j]);
            for v in 0..VECTORS {
                y[j][v] = T::times_plus(simd, c[v], p, y[j][v]);
            }
        }
    }
    y
}

/// (x - origin) P for a whole tile.
#[inline(always)]
fn whiten<T: Real, S: Simd>(simd: S, x: &Rows<T>, origin: &[T], packed: &[T], whitened: &mut Rows<T>, vectors: usize) {
    let stride = whitened.stride() / T::lanes::<S>();
    let out = T::vectors_mut::<S>(whitened.all_mut());
    for at in (0..vectors).step_by(VECTORS) {
        triangular_product(simd, Columns::of(x), at, origin, packed, |feature, y: Strip<T, S>| {
            out[feature * stride + at..][..VECTORS].copy_from_slice(&y);
        });
    }
}

/// Log-densities constant_k + coefficient_k sum_d ((x_d - mean_kd) p_kd)^2; p is 1 where it is not given.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn by_distances<T: Real, S: Simd>(
    simd: S,
    x: &Rows<T>,
    means: &[T],
    p: Option<&Vec<T>>,
    coefficient: impl Fn(usize) -> T,
    constants: &[T],
    r: &mut Rows<T>,
    maxima: &mut [T::Vector<S>],
) {
    let d = means.len() / constants.len();
    let x = Columns::of(x);
    let stride = r.stride() / T::lanes::<S>();
    let r = T::vectors_mut::<S>(r.all_mut());
    let mut first = 0;
    macro_rules! components {
        ($count:expr) => {{
            let means = &means[first * d..(first + $count) * d];
            let p = p.map(|p| &p[first * d..(first + $count) * d]);
            for (i, maxima) in strips(maxima).enumerate() {
                let squares = squared_distances::<T, S, { $count }>(simd, x, i * VECTORS, d, means, p);
                for (j, squares) in squares.into_iter().enumerate() {
                    let k = first + j;
                    let row = (&mut r[k * stride + i * VECTORS..][..VECTORS]).try_into().expect("so many");
                    finish(simd, squares, coefficient(k), constants[k], row, maxima);
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

/// sum_d ((x_d - mean_kd) p_kd)^2 for C components and the vectors of samples from `at` on.
#[inline(always)]
fn squared_distances<T: Real, S: Simd, const C: usize>(
    simd: S,
    x: Columns<T::Vector<S>>,
    at: usize,
    d: usize,
    means: &[T],
    p: Option<&[T]>,
) -> [Strip<T, S>; C] {
    let means: [&[T]; C] = std::array::from_fn(|k| &means[k * d..][..d]);
    let p: Option<[&[T]; C]> = p.map(|p| std::array::from_fn(|k| &p[k * d..][..d]));
    let mut squares = [[T::splat(simd, T::default()); VECTORS]; C];
    for i in 0..d {
        let x = &x.vectors[i * x.stride + at..][..VECTORS];
        for k in 0..C {
            let mean = T::splat(simd, means[k][i]);
            let p = p.map(|p| T::splat(simd, p[k][i]));
            for v in 0..VECTORS {
                let c = T::minus(simd, x[v], mean);
                let y = match p {
                    Some(p) => T::times(simd, c, p),
                    None => c,
                };
                squares[k][v] = T::times_plus(simd, y, y, squares[k][v]);
            }
        }
    }
    squares
}

/// Writes log-densities, and raises the maxima to them.
#[inline(always)]
fn finish<T: Real, S: Simd>(
    simd: S,
    squares: Strip<T, S>,
    coefficient: T,
    constant: T,
    row: &mut Strip<T, S>,
    maxima: &mut Strip<T, S>,
) {
    let least = T::splat(simd, T::LEAST_LOG_DENSITY);
    let (coefficient, constant) = (T::splat(simd, coefficient), T::splat(simd, constant));
    for v in 0..VECTORS {
        let l = T::greater(simd, T::times_plus(simd, squares[v], coefficient, constant), least);
        row[v] = l;
        maxima[v] = T::greater(simd, l, maxima[v]);
    }
}
