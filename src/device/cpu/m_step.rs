//! The M step on a tile: weighted sums about the means of the model that gave the responsibilities.
//!
//! A sum is kept in a register, one strand for each lane, while the samples of a tile pass by; then the lanes are added
//! up in f64. So single precision adds a few dozen terms at most.

use pulp::{Simd, WithSimd};

use super::real::Real;
use super::rows::Rows;
use super::strips::{Cell, Strips, VECTORS, cells, cells_mut};
use crate::device::numbers::Shape;
use crate::model::statistics::Statistics;

/// Rows and columns of second moments that one step sums together: nine sums, and the six vectors that they take, stay
/// in the sixteen registers of AVX2.
const BLOCK: usize = 3;

/// Adds a tile to the sums.
pub(super) struct AddTile<'a, T> {
    pub(super) shape: Shape,
    /// Components at hand, in ascending order; all, where none are named.
    pub(super) components: Option<&'a [u32]>,
    /// Responsibilities times weight: a row for each of them.
    pub(super) r: &'a Rows<T>,
    pub(super) x: &'a Strips<T>,
    /// Origins of their sums: `[k, D]`.
    pub(super) means: &'a [T],
    /// Samples of the tile.
    pub(super) width: usize,
    /// A block of r (x - mean): scratch.
    pub(super) weighted: &'a mut Rows<T>,
    /// The sums, in the order of [`Shape`].
    pub(super) sums: &'a mut [f64],
}

impl<T: Real> WithSimd for AddTile<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AddTile { shape, components, r, x, means, width, weighted, sums } = self;
        let (d, length) = (shape.d, shape.per_component());
        let weighted = cells_mut::<T, S>(weighted.row_mut(0)).as_chunks_mut::<BLOCK>().0;
        for (i, mean) in means.chunks_exact(d).enumerate() {
            let r = cells::<T, S>(&r.row(i)[..width]);
            let k = components.map_or(i, |components| components[i] as usize);
            let sums = &mut sums[k * length..][..length];
            let (count, sums) = sums.split_first_mut().expect("the count comes first");
            let (first, second) = sums.split_at_mut(d);
            let total = total::<T, S>(simd, r);
            if total == 0.0 {
                // No sample of the tile belongs here.
                continue;
            }
            *count += total;
            let samples = Samples { x, mean, r };
            match shape.second {
                Some(Statistics::Triangles | Statistics::Pooled) => {
                    add_triangle::<T, S>(simd, samples, weighted, first, second)
                }
                Some(Statistics::Diagonals) => add_squares::<T, S>(simd, samples, first, second),
                None => add_first::<T, S>(simd, samples, first),
            }
        }
    }
}

/// The samples of a tile as one component sees them.
struct Samples<'a, T: Real, S: Simd> {
    x: &'a Strips<T>,
    mean: &'a [T],
    r: &'a [Cell<T, S>],
}

impl<T: Real, S: Simd> Clone for Samples<'_, T, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Real, S: Simd> Copy for Samples<'_, T, S> {}

impl<'a, T: Real, S: Simd> Samples<'a, T, S> {
    /// N features of each strip from the given one on, and r.
    #[inline(always)]
    fn features<const N: usize>(self, first: usize) -> impl Iterator<Item = (&'a [Cell<T, S>; N], &'a Cell<T, S>)> {
        let features = move |x: &'a [Cell<T, S>]| x[first..first + N].try_into().expect("N features");
        self.x.iter::<S>().map(features).zip(self.r)
    }

    #[inline(always)]
    fn means<const N: usize>(self, simd: S, first: usize) -> [T::Vector<S>; N] {
        std::array::from_fn(|i| T::splat(simd, self.mean[first + i]))
    }
}

/// The sum over a tile.
#[inline(always)]
pub(super) fn total<T: Real, S: Simd>(simd: S, row: &[Cell<T, S>]) -> f64 {
    let mut sums = [[T::splat(simd, T::default()); VECTORS]; 2];
    let (pairs, rest) = row.as_chunks::<2>();
    for cells in pairs {
        for (sums, cell) in sums.iter_mut().zip(cells) {
            *sums = std::array::from_fn(|v| T::plus(simd, sums[v], cell[v]));
        }
    }
    for cell in rest {
        sums[0] = std::array::from_fn(|v| T::plus(simd, sums[0][v], cell[v]));
    }
    let sum = sums.into_iter().flatten().reduce(|a, b| T::plus(simd, a, b)).expect("there are some");
    T::total(simd, sum)
}

/// Sums of r (x - mean), and the lower triangle of the sums of r (x - mean) x^T, row by row. What is missing of the
/// second x, the mean, is taken off in the end: r (x - mean) sums to little.
#[inline(always)]
fn add_triangle<T: Real, S: Simd>(
    simd: S,
    samples: Samples<T, S>,
    weighted: &mut [[Cell<T, S>; BLOCK]],
    first: &mut [f64],
    second: &mut [f64],
) {
    let d = first.len();
    let rest = d % BLOCK;
    match rest {
        1 => begin_rows::<T, S, 1>(simd, 0, samples, weighted, first, second),
        2 => begin_rows::<T, S, 2>(simd, 0, samples, weighted, first, second),
        _ => {}
    }
    for row in (rest..d).step_by(BLOCK) {
        begin_rows::<T, S, BLOCK>(simd, row, samples, weighted, first, second);
        match rest {
            1 => add_block::<T, S, 1>(simd, row, 0, weighted, samples, second),
            2 => add_block::<T, S, 2>(simd, row, 0, weighted, samples, second),
            _ => {}
        }
        for column in (rest..row).step_by(BLOCK) {
            add_block::<T, S, BLOCK>(simd, row, column, weighted, samples, second);
        }
    }
}

/// Starts N rows of a triangle: forms r (x - mean) for them, their sums, and the block on the diagonal.
#[inline(always)]
fn begin_rows<T: Real, S: Simd, const N: usize>(
    simd: S,
    row: usize,
    samples: Samples<T, S>,
    weighted: &mut [[Cell<T, S>; BLOCK]],
    first: &mut [f64],
    second: &mut [f64],
) {
    let mean = samples.means::<N>(simd, row);
    let mut sums = [T::splat(simd, T::default()); N];
    let mut products = [[T::splat(simd, T::default()); N]; N];
    for ((x, r), weighted) in samples.features::<N>(row).zip(weighted) {
        for v in 0..VECTORS {
            for i in 0..N {
                let w = T::times(simd, T::minus(simd, x[i][v], mean[i]), r[v]);
                weighted[i][v] = w;
                sums[i] = T::plus(simd, sums[i], w);
                for j in 0..=i {
                    products[i][j] = T::times_plus(simd, w, x[j][v], products[i][j]);
                }
            }
        }
    }
    for i in 0..N {
        first[row + i] += T::total(simd, sums[i]);
        let to = &mut second[triangle(row + i) + row..];
        for j in 0..=i {
            to[j] += T::total(simd, products[i][j]);
        }
    }
}

/// Adds [`BLOCK`] rows and N columns of a triangle.
#[inline(always)]
fn add_block<T: Real, S: Simd, const N: usize>(
    simd: S,
    row: usize,
    column: usize,
    weighted: &[[Cell<T, S>; BLOCK]],
    samples: Samples<T, S>,
    second: &mut [f64],
) {
    let mut products = [[T::splat(simd, T::default()); N]; BLOCK];
    for ((x, _), weighted) in samples.features::<N>(column).zip(weighted) {
        for v in 0..VECTORS {
            for j in 0..N {
                for i in 0..BLOCK {
                    products[i][j] = T::times_plus(simd, weighted[i][v], x[j][v], products[i][j]);
                }
            }
        }
    }
    for (i, products) in products.iter().enumerate() {
        let to = &mut second[triangle(row + i) + column..][..N];
        for (to, product) in to.iter_mut().zip(products) {
            *to += T::total(simd, *product);
        }
    }
}

/// Numbers of a lower triangle before a row.
fn triangle(row: usize) -> usize {
    row * (row + 1) / 2
}

/// Sums of r (x - mean) and r (x - mean)^2.
#[inline(always)]
fn add_squares<T: Real, S: Simd>(simd: S, samples: Samples<T, S>, first: &mut [f64], second: &mut [f64]) {
    let mut at = 0;
    let d = first.len();
    macro_rules! run {
        ($n:literal) => {{
            add_squares_of::<T, S, $n>(simd, at, samples, first, second);
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

#[inline(always)]
fn add_squares_of<T: Real, S: Simd, const N: usize>(
    simd: S,
    feature: usize,
    samples: Samples<T, S>,
    first: &mut [f64],
    second: &mut [f64],
) {
    let mean = samples.means::<N>(simd, feature);
    let mut sums = [T::splat(simd, T::default()); N];
    let mut squares = [T::splat(simd, T::default()); N];
    for (x, r) in samples.features::<N>(feature) {
        for v in 0..VECTORS {
            for i in 0..N {
                let c = T::minus(simd, x[i][v], mean[i]);
                let w = T::times(simd, c, r[v]);
                sums[i] = T::plus(simd, sums[i], w);
                squares[i] = T::times_plus(simd, w, c, squares[i]);
            }
        }
    }
    for i in 0..N {
        first[feature + i] += T::total(simd, sums[i]);
        second[feature + i] += T::total(simd, squares[i]);
    }
}

/// Sums of r (x - mean).
#[inline(always)]
fn add_first<T: Real, S: Simd>(simd: S, samples: Samples<T, S>, first: &mut [f64]) {
    let mut at = 0;
    let d = first.len();
    macro_rules! run {
        ($n:literal) => {{
            add_first_of::<T, S, $n>(simd, at, samples, first);
            at += $n;
        }};
    }
    while at < d {
        match d - at {
            8.. => run!(8),
            4.. => run!(4),
            2.. => run!(2),
            _ => run!(1),
        }
    }
}

#[inline(always)]
fn add_first_of<T: Real, S: Simd, const N: usize>(simd: S, feature: usize, samples: Samples<T, S>, first: &mut [f64]) {
    let mean = samples.means::<N>(simd, feature);
    let mut sums = [T::splat(simd, T::default()); N];
    for (x, r) in samples.features::<N>(feature) {
        for v in 0..VECTORS {
            for i in 0..N {
                sums[i] = T::times_plus(simd, T::minus(simd, x[i][v], mean[i]), r[v], sums[i]);
            }
        }
    }
    for i in 0..N {
        first[feature + i] += T::total(simd, sums[i]);
    }
}
