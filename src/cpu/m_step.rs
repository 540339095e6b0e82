//! The M step on a tile: weighted sums about the means of the model that gave the responsibilities.
//!
//! A sum is kept as a vector of lanes, one for each sample of a vector of samples, until a slab is done: adding up lanes
//! costs more than adding vectors.

use pulp::{Simd, WithSimd};

use super::real::Real;
use super::rows::Rows;
use super::sums::{Second, Shape};

/// Rows and columns of second moments that one step sums together: nine sums, and the six vectors that they take, stay in
/// the sixteen registers of AVX2.
const BLOCK: usize = 3;

/// Adds a tile to lane sums.
pub(super) struct AddTile<'a, T> {
    pub(super) shape: Shape,
    /// Responsibilities times weight: `[K]` rows.
    pub(super) r: &'a Rows<T>,
    /// Samples: `[D]` rows.
    pub(super) x: &'a Rows<T>,
    /// Origins of the sums: `[K, D]`.
    pub(super) means: &'a [T],
    /// Samples of the tile.
    pub(super) width: usize,
    /// A block of r (x - mean): scratch.
    pub(super) weighted: &'a mut Rows<T>,
    /// The sums, in the order of [`Shape`], each a vector.
    pub(super) lanes: &'a mut Rows<T>,
}

impl<T: Real> WithSimd for AddTile<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AddTile { shape, r, x, means, width, weighted, lanes } = self;
        let d = shape.d;
        let vectors = width / T::lanes::<S>();
        let stride = x.stride() / T::lanes::<S>();
        let x = T::vectors::<S>(x.all());
        let weighted = &mut T::vectors_mut::<S>(weighted.row_mut(0)).as_chunks_mut::<BLOCK>().0[..vectors];
        let lanes = T::vectors_mut::<S>(lanes.row_mut(0));
        for (k, (sums, mean)) in lanes.chunks_exact_mut(shape.per_component()).zip(means.chunks_exact(d)).enumerate() {
            let r = &T::vectors::<S>(r.row(k))[..vectors];
            let (count, sums) = sums.split_first_mut().expect("the count comes first");
            let (first, second) = sums.split_at_mut(d);
            let total = total::<T, S>(simd, r);
            if pulp::bytemuck::bytes_of(&total).iter().all(|byte| *byte == 0) {
                // No sample of the tile belongs here.
                continue;
            }
            *count = T::plus(simd, *count, total);
            let samples = Samples { x, stride, mean, r };
            match shape.second {
                Second::Triangle => add_triangle::<T, S>(simd, samples, weighted, first, second),
                Second::Diagonal => add_squares::<T, S>(simd, samples, first, second),
                Second::Nothing => add_first::<T, S>(simd, samples, first),
            }
        }
    }
}

/// The samples of a tile as one component sees them.
struct Samples<'a, T: Real, S: Simd> {
    x: &'a [T::Vector<S>],
    stride: usize,
    mean: &'a [T],
    r: &'a [T::Vector<S>],
}

impl<'a, T: Real, S: Simd> Clone for Samples<'a, T, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T: Real, S: Simd> Copy for Samples<'a, T, S> {}

impl<'a, T: Real, S: Simd> Samples<'a, T, S> {
    /// N features from the given one on, each as long as r.
    #[inline(always)]
    fn features<const N: usize>(&self, first: usize) -> [&'a [T::Vector<S>]; N] {
        std::array::from_fn(|i| &self.x[(first + i) * self.stride..][..self.r.len()])
    }

    #[inline(always)]
    fn means<const N: usize>(&self, simd: S, first: usize) -> [T::Vector<S>; N] {
        std::array::from_fn(|i| T::splat(simd, self.mean[first + i]))
    }
}

#[inline(always)]
fn total<T: Real, S: Simd>(simd: S, row: &[T::Vector<S>]) -> T::Vector<S> {
    let mut sums = [T::splat(simd, T::default()); 4];
    let (fours, rest) = row.as_chunks::<4>();
    for four in fours {
        for (sum, x) in sums.iter_mut().zip(four) {
            *sum = T::plus(simd, *sum, *x);
        }
    }
    for x in rest {
        sums[0] = T::plus(simd, sums[0], *x);
    }
    T::plus(simd, T::plus(simd, sums[0], sums[1]), T::plus(simd, sums[2], sums[3]))
}

/// Sums of r (x - mean), and the lower triangle of the sums of r (x - mean) x^T, row by row. What is missing of the second
/// x, the mean, is taken off at the end of a slab: r (x - mean) sums to little.
#[inline(always)]
fn add_triangle<T: Real, S: Simd>(
    simd: S,
    samples: Samples<T, S>,
    weighted: &mut [[T::Vector<S>; BLOCK]],
    first: &mut [T::Vector<S>],
    second: &mut [T::Vector<S>],
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
    weighted: &mut [[T::Vector<S>; BLOCK]],
    first: &mut [T::Vector<S>],
    second: &mut [T::Vector<S>],
) {
    let x = samples.features::<N>(row);
    let mean = samples.means::<N>(simd, row);
    let mut sums = [T::splat(simd, T::default()); N];
    let mut products = [[T::splat(simd, T::default()); N]; N];
    for (at, (r, weighted)) in samples.r.iter().zip(weighted).enumerate() {
        for i in 0..N {
            let w = T::times(simd, T::minus(simd, x[i][at], mean[i]), *r);
            weighted[i] = w;
            sums[i] = T::plus(simd, sums[i], w);
            for j in 0..=i {
                products[i][j] = T::times_plus(simd, w, x[j][at], products[i][j]);
            }
        }
    }
    for i in 0..N {
        first[row + i] = T::plus(simd, first[row + i], sums[i]);
        let to = &mut second[triangle(row + i) + row..];
        for j in 0..=i {
            to[j] = T::plus(simd, to[j], products[i][j]);
        }
    }
}

/// Adds [`BLOCK`] rows and N columns of a triangle.
#[inline(always)]
fn add_block<T: Real, S: Simd, const N: usize>(
    simd: S,
    row: usize,
    column: usize,
    weighted: &[[T::Vector<S>; BLOCK]],
    samples: Samples<T, S>,
    second: &mut [T::Vector<S>],
) {
    let x = samples.features::<N>(column);
    let mut products = [[T::splat(simd, T::default()); N]; BLOCK];
    for (at, weighted) in weighted.iter().enumerate().take(samples.r.len()) {
        for j in 0..N {
            let x = x[j][at];
            for i in 0..BLOCK {
                products[i][j] = T::times_plus(simd, weighted[i], x, products[i][j]);
            }
        }
    }
    for (i, products) in products.iter().enumerate() {
        let to = &mut second[triangle(row + i) + column..][..N];
        for (to, product) in to.iter_mut().zip(products) {
            *to = T::plus(simd, *to, *product);
        }
    }
}

/// Numbers of a lower triangle before a row.
fn triangle(row: usize) -> usize {
    row * (row + 1) / 2
}

/// Sums of r (x - mean) and r (x - mean)^2.
#[inline(always)]
fn add_squares<T: Real, S: Simd>(
    simd: S,
    samples: Samples<T, S>,
    first: &mut [T::Vector<S>],
    second: &mut [T::Vector<S>],
) {
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
    first: &mut [T::Vector<S>],
    second: &mut [T::Vector<S>],
) {
    let x = samples.features::<N>(feature);
    let mean = samples.means::<N>(simd, feature);
    let mut sums = [T::splat(simd, T::default()); N];
    let mut squares = [T::splat(simd, T::default()); N];
    for (at, r) in samples.r.iter().enumerate() {
        for i in 0..N {
            let c = T::minus(simd, x[i][at], mean[i]);
            let w = T::times(simd, c, *r);
            sums[i] = T::plus(simd, sums[i], w);
            squares[i] = T::times_plus(simd, w, c, squares[i]);
        }
    }
    for i in 0..N {
        first[feature + i] = T::plus(simd, first[feature + i], sums[i]);
        second[feature + i] = T::plus(simd, second[feature + i], squares[i]);
    }
}

/// Sums of r (x - mean).
#[inline(always)]
fn add_first<T: Real, S: Simd>(simd: S, samples: Samples<T, S>, first: &mut [T::Vector<S>]) {
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
fn add_first_of<T: Real, S: Simd, const N: usize>(
    simd: S,
    feature: usize,
    samples: Samples<T, S>,
    first: &mut [T::Vector<S>],
) {
    let x = samples.features::<N>(feature);
    let mean = samples.means::<N>(simd, feature);
    let mut sums = [T::splat(simd, T::default()); N];
    for (at, r) in samples.r.iter().enumerate() {
        for i in 0..N {
            sums[i] = T::times_plus(simd, T::minus(simd, x[i][at], mean[i]), *r, sums[i]);
        }
    }
    for i in 0..N {
        first[feature + i] = T::plus(simd, first[feature + i], sums[i]);
    }
}
