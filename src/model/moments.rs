//! Sufficient statistics of a mixture: what a pass over any part of the data, on any device, yields.
//!
//! `Moments` of disjoint parts of the data combine to those of the whole; the combined ones are solved for the next
//! model here, in f64 on the host, whatever device made them. Nothing in them depends on where they were made.

use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::statistics::Statistics;

/// Weighted sums over samples x_n with responsibilities r_nk (sample weights included), taken about an origin o_k for
/// each component: the means of the model that gave the responsibilities, so that nothing large is ever squared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Sum of the sample weights.
    pub total_weight: f64,
    /// Sum over the samples of weight times log p(x_n), under the model that gave the responsibilities.
    pub log_likelihood: f64,
    /// N_k, the sum of r_nk: `[K]`.
    pub counts: Array1<f64>,
    /// o_k: `[K, D]`.
    pub origins: Array2<f64>,
    /// Sum of r_nk (x_n - o_k): `[K, D]`.
    pub first: Array2<f64>,
    /// Sum of r_nk (x_n - o_k)(x_n - o_k)^T `[K, D, D]` for full; its sum over the components `[D, D]` for tied; its
    /// diagonal `[K, D]` for diag; its trace `[K]` for spherical.
    pub second: CovarianceArray,
    /// Whether the sums were formed in single precision.
    pub single_precision: bool,
}

impl Moments {
    /// The moments of no samples, about the given origins `[K, D]`.
    pub fn zero(family: CovarianceType, origins: Array2<f64>) -> Self {
        let (k, d) = origins.dim();
        Moments {
            total_weight: 0.0,
            log_likelihood: 0.0,
            counts: Array1::zeros(k),
            first: Array2::zeros((k, d)),
            second: CovarianceArray::zeros(family, k, d),
            origins,
            single_precision: false,
        }
    }

    /// The moments of samples of unit weight in all.
    pub(crate) fn normalised(self) -> Self {
        let total = self.total_weight;
        self.scaled(total.recip())
    }

    /// The moments with all sample weights multiplied by a factor.
    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        self.total_weight *= factor;
        self.log_likelihood *= factor;
        self.counts *= factor;
        self.first *= factor;
        self.second.values_mut().iter_mut().for_each(|x| *x *= factor);
        self
    }

    /// The family whose second moments these are.
    pub fn covariance_type(&self) -> CovarianceType {
        self.second.covariance_type()
    }

    /// Whether these are moments of K components of D features, in the shape of the statistics that were asked for.
    pub(crate) fn has_shape(&self, k: usize, d: usize, statistics: Option<Statistics>) -> bool {
        let family = statistics.map_or(self.covariance_type(), Statistics::family);
        self.counts.len() == k
            && [self.origins.dim(), self.first.dim()] == [(k, d); 2]
            && self.covariance_type() == family
            && self.second.shape() == family.shape(k, d)
    }

    /// Adds the moments of another part of the data, made with the same model. Of samples of which values are missing the
    /// moments of diag and spherical components are scaled to what whole samples would have, and do not add up: sums of
    /// passes do ([`Search`](crate::fit::Search)).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the other moments are of another family or about other origins.
    pub fn combine(mut self, other: &Moments) -> Result<Self> {
        if self.covariance_type() != other.covariance_type() || self.origins != other.origins {
            return Err(Error::InvalidOption {
                name: "the model of the moments to combine",
                value: "another one".to_owned(),
                expected: "the same for both",
            });
        }
        self.total_weight += other.total_weight;
        self.log_likelihood += other.log_likelihood;
        self.counts += &other.counts;
        self.first += &other.first;
        for (sum, term) in self.second.values_mut().iter_mut().zip(other.second.values()) {
            *sum += term;
        }
        self.single_precision |= other.single_precision;
        Ok(self)
    }

    /// The same sums about other origins: with delta = o - o', first moves by N delta, and second by
    /// delta first^T + first delta^T + N delta delta^T.
    pub(crate) fn about(mut self, origins: &Array2<f64>) -> Self {
        let deltas = &self.origins - origins;
        for (k, delta) in deltas.outer_iter().enumerate() {
            let (first, count) = (self.first.row(k), self.counts[k]);
            let added = |i: usize, j: usize| delta[i] * first[j] + first[i] * delta[j] + count * (delta[i] * delta[j]);
            match &mut self.second {
                CovarianceArray::Full(second) => {
                    let mut second = second.index_axis_mut(Axis(0), k);
                    second.indexed_iter_mut().for_each(|((i, j), x)| *x += added(i, j));
                }
                CovarianceArray::Tied(second) => second.indexed_iter_mut().for_each(|((i, j), x)| *x += added(i, j)),
                CovarianceArray::Diag(second) => {
                    second.row_mut(k).indexed_iter_mut().for_each(|(i, x)| *x += added(i, i));
                }
                CovarianceArray::Spherical(second) => second[k] += (0..delta.len()).map(|i| added(i, i)).sum::<f64>(),
            }
        }
        self.first += &(&deltas * &self.counts.view().insert_axis(Axis(1)));
        self.origins.assign(origins);
        self
    }

    /// Mean log-likelihood per unit of sample weight: EM's lower bound at the model that made these moments.
    pub fn lower_bound(&self) -> f64 {
        self.log_likelihood / self.total_weight
    }
}
