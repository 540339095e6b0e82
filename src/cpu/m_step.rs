//! The M step on a tile: weighted sums about the means of the model that gave the responsibilities.

use pulp::Simd;

use super::e_step::subtract;
use super::tile::Tile;
use crate::covariance::{CovarianceArray, CovarianceType};

/// Rows and columns of second moments that one step sums together.
const ROWS: usize = 4;
const COLUMNS: usize = 2;

/// Sums over the samples seen so far.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    k: usize,
    d: usize,
    /// N_k: `[K]`.
    pub(super) counts: Vec<f64>,
    /// Sum of r (x - mu_k): `[K, D]`.
    pub(super) first: Vec<f64>,
    /// Sum of r (x - mu_k)(x - mu_k)^T: lower triangles, row by row [K, D (D + 1) / 2]; or their diagonals `[K, D]`; or
    /// nothing, where the family takes its scatter from elsewhere.
    second: Vec<f64>,
    /// Log-likelihood.
    pub(super) log_likelihood: f64,
    shape: Second,
}

/// Which second moments are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Second {
    Triangle,
    Diagonal,
    Nothing,
}

impl Second {
    pub(super) fn of(family: CovarianceType) -> Self {
        match family {
            CovarianceType::Full => Second::Triangle,
            CovarianceType::Tied => Second::Nothing,
            CovarianceType::Diag | CovarianceType::Spherical => Second::Diagonal,
        }
    }

    /// Second moments of one component of d features.
    fn len(self, d: usize) -> usize {
        match self {
            Second::Triangle => d * (d + 1) / 2,
            Second::Diagonal => d,
            Second::Nothing => 0,
        }
    }
}

impl Sums {
    pub(super) fn zero(shape: Second, k: usize, d: usize) -> Self {
        Sums {
            k,
            d,
            counts: vec![0.0; k],
            first: vec![0.0; k * d],
            second: vec![0.0; k * shape.len(d)],
            log_likelihood: 0.0,
            shape,
        }
    }

    /// Numbers that the sums of K components of D features hold.
    pub(super) fn size(shape: Second, k: usize, d: usize) -> usize {
        k * (1 + d + shape.len(d))
    }

    /// Adds the sums over other samples.
    pub(super) fn add(&mut self, other: &Sums) {
        let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        add(&mut self.counts, &other.counts);
        add(&mut self.first, &other.first);
        add(&mut self.second, &other.second);
        self.log_likelihood += other.log_likelihood;
    }

    /// The second moments in the shape of a family.
    pub(super) fn second(&self, family: CovarianceType) -> CovarianceArray {
        let (k, d) = (self.k, self.d);
        let mut out = CovarianceArray::zeros(family, k, d);
        match (&mut out, self.shape) {
            (CovarianceArray::Full(out), Second::Triangle) => {
                for (mut matrix, packed) in out.outer_iter_mut().zip(self.second.chunks_exact(self.shape.len(d))) {
                    add_unpacked(&mut matrix, packed);
                }
            }
            (CovarianceArray::Tied(out), Second::Triangle) => {
                for packed in self.second.chunks_exact(self.shape.len(d)) {
                    add_unpacked(&mut out.view_mut(), packed);
                }
            }
            (CovarianceArray::Diag(out), Second::Diagonal) => {
                out.iter_mut().zip(&self.second).for_each(|(to, from)| *to = *from);
            }
            (CovarianceArray::Spherical(out), Second::Diagonal) => {
                out.iter_mut().zip(self.second.chunks_exact(d)).for_each(|(to, row)| *to = row.iter().sum());
            }
            _ => {}
        }
        out
    }

    /// Adds a tile: `r` `[K, width]` are responsibilities times weight, `means` `[K, D]` are relative to the tile's
    /// centre.
    #[inline(always)]
    pub(super) fn add_tile<S: Simd>(&mut self, simd: S, r: &[f64], means: &[f64], tile: &Tile, work: &mut Work) {
        let (d, width) = (self.d, tile.width);
        let x = tile.features(d);
        let Work { centred, weighted } = work;
        let (centred, weighted) = (&mut centred[..d * width], &mut weighted[..d * width]);
        for k in 0..self.k {
            let r = &r[k * width..(k + 1) * width];
            let r_vectors = S::as_simd_f64s(r).0;
            let count = total(simd, r_vectors);
            if count == 0.0 {
                continue;
            }
            self.counts[k] += count;
            let means = &means[k * d..(k + 1) * d];
            let first = &mut self.first[k * d..(k + 1) * d];
            let len = self.shape.len(d);
            let second = &mut self.second[k * len..(k + 1) * len];
            if self.shape != Second::Triangle {
                // One pass over the samples; the families without a second moment have nowhere to put it.
                let rows = S::as_simd_f64s(x).0.chunks_exact(r_vectors.len());
                for (i, (row, mean)) in rows.zip(means).enumerate() {
                    let (sum, square) = moments_about(simd, row, r_vectors, *mean);
                    first[i] += sum;
                    if let Some(second) = second.get_mut(i) {
                        *second += square;
                    }
                }
                continue;
            }
            subtract(x, means, width, centred);
            for (weighted, centred) in weighted.chunks_exact_mut(width).zip(centred.chunks_exact(width)) {
                for ((weighted, centred), r) in weighted.iter_mut().zip(centred).zip(r) {
                    *weighted = centred * r;
                }
            }
            let centred = S::as_simd_f64s(centred).0;
            let weighted = S::as_simd_f64s(weighted).0;
            let vectors = r_vectors.len();
            for (first, row) in first.iter_mut().zip(weighted.chunks_exact(vectors)) {
                *first += total(simd, row);
            }
            add_triangle(simd, d, weighted, centred, vectors, second);
        }
    }
}

/// Scratch of the M step: x - mu and r (x - mu) of one component, each `[D, width]`.
#[derive(Debug)]
pub(super) struct Work {
    centred: Vec<f64>,
    weighted: Vec<f64>,
}

impl Work {
    pub(super) fn new(d: usize) -> Self {
        let size = d * Tile::capacity(d);
        Work { centred: vec![0.0; size], weighted: vec![0.0; size] }
    }
}

/// Adds a symmetric matrix, of which the lower triangle is given row by row.
fn add_unpacked(matrix: &mut ndarray::ArrayViewMut2<f64>, packed: &[f64]) {
    for ((i, j), x) in matrix.indexed_iter_mut() {
        let (row, column) = (i.max(j), i.min(j));
        *x += packed[row * (row + 1) / 2 + column];
    }
}

/// Adds the lower triangle of a b^T, summed over samples; a and b are `[D, vectors]`.
#[inline(always)]
fn add_triangle<S: Simd>(simd: S, d: usize, a: &[S::f64s], b: &[S::f64s], vectors: usize, out: &mut [f64]) {
    for i in (0..d).step_by(ROWS) {
        let rows = (d - i).min(ROWS);
        for j in (0..i + rows).step_by(COLUMNS) {
            let columns = (i + rows - j).min(COLUMNS);
            let a = &a[i * vectors..(i + rows) * vectors];
            let b = &b[j * vectors..(j + columns) * vectors];
            match (rows, columns) {
                (4, 2) => add_block::<S, 4, 2>(simd, i, j, a, b, vectors, out),
                (4, _) => add_block::<S, 4, 1>(simd, i, j, a, b, vectors, out),
                (3, 2) => add_block::<S, 3, 2>(simd, i, j, a, b, vectors, out),
                (3, _) => add_block::<S, 3, 1>(simd, i, j, a, b, vectors, out),
                (2, 2) => add_block::<S, 2, 2>(simd, i, j, a, b, vectors, out),
                (2, _) => add_block::<S, 2, 1>(simd, i, j, a, b, vectors, out),
                (_, 2) => add_block::<S, 1, 2>(simd, i, j, a, b, vectors, out),
                (_, _) => add_block::<S, 1, 1>(simd, i, j, a, b, vectors, out),
            }
        }
    }
}

/// Adds rows i.. and columns j.. of a b^T, as far as they lie in the lower triangle.
#[inline(always)]
fn add_block<S: Simd, const R: usize, const C: usize>(
    simd: S,
    i: usize,
    j: usize,
    a: &[S::f64s],
    b: &[S::f64s],
    vectors: usize,
    out: &mut [f64],
) {
    let a: [&[S::f64s]; R] = std::array::from_fn(|row| &a[row * vectors..][..vectors]);
    let b: [&[S::f64s]; C] = std::array::from_fn(|column| &b[column * vectors..][..vectors]);
    let mut sums = [[simd.splat_f64s(0.0); C]; R];
    for v in 0..vectors {
        for (sums, a) in sums.iter_mut().zip(&a) {
            for (sum, b) in sums.iter_mut().zip(&b) {
                *sum = simd.mul_add_e_f64s(a[v], b[v], *sum);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let start = (i + row) * (i + row + 1) / 2;
        for (column, sum) in sums.iter().enumerate() {
            if j + column <= i + row {
                out[start + j + column] += simd.reduce_sum_f64s(*sum);
            }
        }
    }
}

#[inline(always)]
fn total<S: Simd>(simd: S, row: &[S::f64s]) -> f64 {
    let mut sums = [simd.splat_f64s(0.0); 2];
    for pair in row.chunks_exact(2) {
        sums[0] = simd.add_f64s(sums[0], pair[0]);
        sums[1] = simd.add_f64s(sums[1], pair[1]);
    }
    simd.reduce_sum_f64s(simd.add_f64s(sums[0], sums[1]))
}

/// Sums of r (x - mean) and r (x - mean)^2.
#[inline(always)]
fn moments_about<S: Simd>(simd: S, x: &[S::f64s], r: &[S::f64s], mean: f64) -> (f64, f64) {
    let mean = simd.splat_f64s(mean);
    let (mut first, mut second) = ([simd.splat_f64s(0.0); 2], [simd.splat_f64s(0.0); 2]);
    for (x, r) in x.as_chunks::<2>().0.iter().zip(r.as_chunks::<2>().0) {
        for strand in 0..2 {
            let c = simd.sub_f64s(x[strand], mean);
            let weighted = simd.mul_f64s(r[strand], c);
            first[strand] = simd.add_f64s(first[strand], weighted);
            second[strand] = simd.mul_add_e_f64s(weighted, c, second[strand]);
        }
    }
    let sum = |strands: [S::f64s; 2]| simd.reduce_sum_f64s(simd.add_f64s(strands[0], strands[1]));
    (sum(first), sum(second))
}
