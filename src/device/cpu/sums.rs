//! What a pass sums, how the sums lie one after another, and how they become moments.

use ndarray::{Array1, Array2};

use super::real::Real;
use crate::model::covariance::{CovarianceArray, CovarianceType};

/// Which second moments are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Second {
    /// Lower triangles, row by row: [D (D + 1) / 2].
    Triangle,
    /// `[D]`
    Diagonal,
    /// None: the family takes its scatter from elsewhere.
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
}

/// The shape of a pass: for each of K components its count, D first moments, and its second moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) k: usize,
    pub(super) d: usize,
    pub(super) second: Second,
}

impl Shape {
    /// Sums of a component.
    pub(super) fn per_component(self) -> usize {
        let second = match self.second {
            Second::Triangle => self.d * (self.d + 1) / 2,
            Second::Diagonal => self.d,
            Second::Nothing => 0,
        };
        1 + self.d + second
    }

    /// All sums.
    pub(super) fn len(self) -> usize {
        self.k * self.per_component()
    }
}

/// Sums over some samples, in f64.
#[derive(Debug)]
pub(super) struct Sums {
    shape: Shape,
    numbers: Vec<f64>,
    pub(super) log_likelihood: f64,
}

impl Sums {
    pub(super) fn zero(shape: Shape) -> Self {
        Sums { shape, numbers: vec![0.0; shape.len()], log_likelihood: 0.0 }
    }

    pub(super) fn clear(&mut self) {
        self.numbers.fill(0.0);
        self.log_likelihood = 0.0;
    }

    /// In the order of [`Shape`].
    pub(super) fn numbers_mut(&mut self) -> &mut [f64] {
        &mut self.numbers
    }

    /// Adds the sums over other samples.
    pub(super) fn add(&mut self, other: &Sums) {
        self.numbers.iter_mut().zip(&other.numbers).for_each(|(to, from)| *to += from);
        self.log_likelihood += other.log_likelihood;
    }

    fn components(&self) -> impl ExactSizeIterator<Item = (&f64, &[f64], &[f64])> {
        self.numbers.chunks_exact(self.shape.per_component()).map(|numbers| {
            let (count, sums) = numbers.split_first().expect("the count comes first");
            let (first, second) = sums.split_at(self.shape.d);
            (count, first, second)
        })
    }

    /// N_k: `[K]`.
    pub(super) fn counts(&self) -> Array1<f64> {
        self.components().map(|(count, ..)| *count).collect()
    }

    /// Sum of r (x - mean), in units of the features, which a backend's coordinates multiply by `scale`: `[K, D]`.
    pub(super) fn first(&self, scale: &[f64]) -> Array2<f64> {
        let mut first = Array2::zeros((self.shape.k, self.shape.d));
        for (mut to, (_, from, _)) in first.outer_iter_mut().zip(self.components()) {
            to.iter_mut().zip(from).zip(scale).for_each(|((to, from), scale)| *to = from / scale);
        }
        first
    }

    /// Second moments about the means `[K, D]` of the pass, in the shape of a family and in units of the features.
    pub(super) fn second<T: Real>(&self, family: CovarianceType, means: &[T], scale: &[f64]) -> CovarianceArray {
        let d = self.shape.d;
        let mut out = CovarianceArray::zeros(family, self.shape.k, d);
        for (k, (mean, (_, first, second))) in means.chunks_exact(d).zip(self.components()).enumerate() {
            // Sums were of r (x - mean) x^T.
            let entry = |i: usize, j: usize| {
                let (row, column) = (i.max(j), i.min(j));
                let about_zero = second[row * (row + 1) / 2 + column];
                (about_zero - first[row] * mean[column].to_f64()) / (scale[i] * scale[j])
            };
            let square = |i: usize| second[i] / (scale[i] * scale[i]);
            match &mut out {
                CovarianceArray::Full(out) => {
                    out.index_axis_mut(ndarray::Axis(0), k).indexed_iter_mut().for_each(|((i, j), x)| *x = entry(i, j));
                }
                CovarianceArray::Tied(out) => out.indexed_iter_mut().for_each(|((i, j), x)| *x += entry(i, j)),
                CovarianceArray::Diag(out) => out.row_mut(k).indexed_iter_mut().for_each(|(i, x)| *x = square(i)),
                CovarianceArray::Spherical(out) => out[k] = (0..d).map(square).sum(),
            }
        }
        out
    }
}
