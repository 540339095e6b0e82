//! Small dense linear algebra in f64, on row-major square matrices: what one covariance matrix needs, and no more.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};

/// The first pivot of a Cholesky factorisation that is not positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NonPositivePivot {
    pub(crate) index: usize,
}

/// Lower triangular L with A = L L^T, from the lower triangle of the symmetric matrix A.
pub(crate) fn cholesky(a: ArrayView2<f64>) -> Result<Array2<f64>, NonPositivePivot> {
    let d = a.nrows();
    let mut l = Array2::<f64>::zeros((d, d));
    for i in 0..d {
        let (done, mut rest) = l.view_mut().split_at(ndarray::Axis(0), i);
        let mut row = rest.row_mut(0);
        for j in 0..i {
            let above = done.row(j);
            let dot = dot(&row.as_slice().expect("contiguous")[..j], &above.as_slice().expect("contiguous")[..j]);
            row[j] = (a[[i, j]] - dot) / above[j];
        }
        let head = &row.as_slice().expect("contiguous")[..i];
        let pivot = a[[i, i]] - dot(head, head);
        // A pivot that is only the rounding error of the diagonal element carries no information: the matrix is
        // singular to working precision, whatever the sign of that error.
        if !(pivot > a[[i, i]].abs() * d as f64 * f64::EPSILON && pivot.is_finite()) {
            return Err(NonPositivePivot { index: i });
        }
        row[i] = pivot.sqrt();
    }
    Ok(l)
}

/// Inverse of the lower triangular matrix L.
pub(crate) fn invert_lower(l: ArrayView2<f64>) -> Array2<f64> {
    let d = l.nrows();
    // Row i of the inverse is (e_i - sum_j<i L_ij row_j) / L_ii: whole rows at a time, so the inner loop is contiguous.
    let mut inverse = Array2::<f64>::zeros((d, d));
    for i in 0..d {
        let (done, mut rest) = inverse.view_mut().split_at(ndarray::Axis(0), i);
        let mut row = rest.row_mut(0);
        let row = &mut row.as_slice_mut().expect("contiguous")[..=i];
        row[i] = 1.0;
        for j in 0..i {
            let factor = l[[i, j]];
            for (x, y) in row.iter_mut().zip(&done.row(j).as_slice().expect("contiguous")[..=j]) {
                *x -= factor * y;
            }
        }
        for x in row.iter_mut() {
            *x /= l[[i, i]];
        }
    }
    inverse
}

/// P P^T of any square matrix P.
pub(crate) fn times_transpose(p: ArrayView2<f64>) -> Array2<f64> {
    p.dot(&p.t())
}

/// Some columns of an upper triangular matrix of order d, row by row: so many rows, each padded to `width` numbers,
/// zero where the matrix has no element. What the kernels of every backend read for a triangular product.
pub(crate) fn pack_upper<T: Default>(
    columns: Range<usize>,
    rows: usize,
    width: usize,
    d: usize,
    element: impl Fn(usize, usize) -> T,
) -> Vec<T> {
    let mut packed = Vec::with_capacity(rows * width);
    for i in 0..rows {
        for j in columns.start..columns.start + width {
            let inside = i <= j && j < d && j < columns.end;
            packed.push(if inside { element(i, j) } else { T::default() });
        }
    }
    packed
}

/// The sum of products, in four strands so that the additions overlap.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    for (x, y) in a4.iter().zip(b4) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn cholesky_recovers_a_known_factor_and_its_inverse() {
        let l = array![[2.0, 0.0, 0.0], [-1.0, 3.0, 0.0], [0.5, 4.0, 1.5]];
        let a = l.dot(&l.t());
        let factor = cholesky(a.view()).unwrap();
        assert!((&factor - &l).iter().all(|e| e.abs() < 1e-14));
        let identity = invert_lower(factor.view()).dot(&l);
        assert!((&identity - &Array2::<f64>::eye(3)).iter().all(|e| e.abs() < 1e-14));
    }

    #[test]
    fn cholesky_names_the_pivot_that_fails() {
        let singular = array![[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!(cholesky(singular.view()), Err(NonPositivePivot { index: 1 }));
        let nan = array![[1.0, 0.0], [0.0, f64::NAN]];
        assert_eq!(cholesky(nan.view()), Err(NonPositivePivot { index: 1 }));
    }

    #[test]
    fn dot_agrees_with_a_plain_sum_at_every_length() {
        for n in 0..20 {
            let a: Vec<f64> = (0..n).map(|i| i as f64 + 0.5).collect();
            let b: Vec<f64> = (0..n).map(|i| 3.0 - i as f64).collect();
            let plain: f64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert!((dot(&a, &b) - plain).abs() < 1e-12);
        }
    }
}
