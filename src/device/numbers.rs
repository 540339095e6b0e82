//! Sums over some samples, as a pass in f64 leaves them: a number for each component and moment.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::data::runs::Add;
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::statistics::Statistics;

/// Shape of a pass: for each of K components its count, D first moments, second moments, and a count for each feature
/// where these differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) k: usize,
    pub(crate) d: usize,
    /// Lower triangles row by row, or diagonals; `None` where they are found otherwise.
    pub(crate) second: Option<Statistics>,
    /// Whether samples count for the features that they have alone.
    pub(crate) by_feature: bool,
}

impl Shape {
    /// Sums of a component.
    pub(crate) fn per_component(self) -> usize {
        let second = match self.second {
            Some(Statistics::Triangles | Statistics::Pooled) => self.d * (self.d + 1) / 2,
            Some(Statistics::Diagonals) => self.d,
            None => 0,
        };
        1 + self.d + second + if self.by_feature { self.d } else { 0 }
    }

    /// All sums.
    pub(crate) fn len(self) -> usize {
        self.k * self.per_component()
    }
}

/// Sums over some samples, in f64 and in the coordinates of the pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    pub(super) shape: Shape,
    /// In the order of [`Shape`]: r, r (x - mean) and r (x - mean) x^T, or the diagonal of r (x - mean) (x - mean)^T; r of
    /// the samples that have a feature.
    pub(super) numbers: Vec<f64>,
    pub(crate) log_likelihood: f64,
    /// Number of log-densities that were evaluated, of samples and components.
    pub(crate) pairs: f64,
}

impl Add for Numbers {
    fn add(&mut self, following: &Self) {
        self.numbers.iter_mut().zip(&following.numbers).for_each(|(to, from)| *to += from);
        self.log_likelihood += following.log_likelihood;
        self.pairs += following.pairs;
    }
}

impl Numbers {
    pub(crate) fn zero(shape: Shape) -> Self {
        Numbers { shape, numbers: vec![0.0; shape.len()], log_likelihood: 0.0, pairs: 0.0 }
    }

    pub(crate) fn clear(&mut self) {
        self.numbers.fill(0.0);
        self.log_likelihood = 0.0;
        self.pairs = 0.0;
    }

    /// In the order of [`Shape`].
    pub(crate) fn numbers_mut(&mut self) -> &mut [f64] {
        &mut self.numbers
    }

    /// In the order of [`Shape`].
    pub(crate) fn numbers(&self) -> &[f64] {
        &self.numbers
    }

    pub(super) fn components(&self) -> impl ExactSizeIterator<Item = (&f64, &[f64], &[f64])> {
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

    /// Sum of r (x - mean), in units of the features, which the coordinates multiply by `scale`: `[K, D]`.
    pub(super) fn first(&self, scale: &[f64]) -> Array2<f64> {
        let mut first = Array2::zeros((self.shape.k, self.shape.d));
        for (mut to, (_, from, _)) in first.outer_iter_mut().zip(self.components()) {
            to.iter_mut().zip(from).zip(scale).for_each(|((to, from), scale)| *to = from / scale);
        }
        first
    }

    /// Weight of the samples of each component that have a feature, where that was summed: `[K, D]`.
    pub(super) fn of_features(&self) -> Option<Array2<f64>> {
        let Shape { k, d, by_feature, .. } = self.shape;
        let components: Vec<_> = self.components().collect();
        by_feature.then(|| Array2::from_shape_fn((k, d), |(k, i)| components[k].2[components[k].2.len() - d + i]))
    }

    /// Second moments about the means `[K, D]` of the pass, in the shape of a family and in units of the features.
    pub(super) fn second(&self, family: CovarianceType, means: &[f64], scale: &[f64]) -> CovarianceArray {
        let Shape { k, d, second, .. } = self.shape;
        let components: Vec<_> = self.components().collect();
        CovarianceArray::of_moments(family, k, d, |k, i, j| {
            let (_, first, sums) = components[k];
            if second == Some(Statistics::Diagonals) {
                return if i == j { sums[i] / (scale[i] * scale[i]) } else { 0.0 };
            }
            // Sums were of r (x - mean) x^T.
            let (row, column) = (i.max(j), i.min(j));
            let about_zero = sums[row * (row + 1) / 2 + column];
            (about_zero - first[row] * means[k * d + column]) / (scale[i] * scale[j])
        })
    }
}
