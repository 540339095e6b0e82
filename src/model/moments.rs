//! Sufficient statistics of a mixture: what a pass over any part of the data, on any device, yields.
//!
//! `Moments` of disjoint parts of the data combine to those of the whole; the combined ones are solved for the next
//! model here, in f64 on the host, whatever device made them. Nothing in them depends on where they were made.

use ndarray::{Array1, Array2, ArrayView1, Axis};

use crate::error::{Error, Result};
use crate::model::covariance::{CovarianceArray, CovarianceType};
use crate::model::mixture::Mixture;

/// What rounding may make of correlations: that of sums, products and factors.
const DOUBLE_ROUNDING: [f64; 4] = [1e-13, 1e-12, 1e-11, 1e-10];
const SINGLE_ROUNDING: [f64; 4] = [1e-6, 1e-5, 1e-4, 1e-3];

/// Weighted sums over samples x_n with responsibilities r_nk (sample weights included), taken about an origin o_k for
/// each component: the means of the model that gave the responsibilities, so that nothing large is ever squared.
#[derive(Debug, Clone, PartialEq)]
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

    /// The moments of unit weight that [`Moments::maximize_above`] makes this mixture of.
    pub(crate) fn of(mixture: &Mixture, floors: &Array1<f64>) -> Self {
        let (d, weights) = (mixture.n_features(), mixture.weights());
        let mut second = mixture.covariances().clone();
        match &mut second {
            CovarianceArray::Full(second) => {
                for (mut matrix, weight) in second.outer_iter_mut().zip(weights) {
                    matrix.diag_mut().zip_mut_with(floors, |x, floor| *x -= floor);
                    matrix *= *weight;
                }
            }
            CovarianceArray::Tied(second) => second.diag_mut().zip_mut_with(floors, |x, floor| *x -= floor),
            CovarianceArray::Diag(second) => {
                for (mut variances, weight) in second.outer_iter_mut().zip(weights) {
                    variances.zip_mut_with(floors, |x, floor| *x = (*x - floor) * weight);
                }
            }
            CovarianceArray::Spherical(second) => {
                let floor = average(floors);
                second.zip_mut_with(weights, |x, weight| *x = (*x - floor) * weight * d as f64);
            }
        }
        let zero = Self::zero(mixture.covariance_type(), mixture.means().clone());
        Moments { total_weight: 1.0, counts: weights.clone(), second, ..zero }
    }

    /// The moments of samples of unit weight in all.
    pub(crate) fn normalised(self) -> Self {
        let total = self.total_weight;
        self.scaled(total.recip())
    }

    /// The moments of samples whose weights are so many times as large.
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

    /// Adds the moments of another part of the data, made with the same model.
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

    /// The same, but for a component that is to have the average covariance of all of them.
    pub(crate) fn with_average_covariance(mut self, component: usize) -> Self {
        if self.covariance_type() == CovarianceType::Tied {
            return self;
        }
        let counts = self.counts.mapv(|count| if count > 0.0 { count } else { 1.0 });
        let means = &self.origins + &(&self.first / &counts.insert_axis(Axis(1)));
        let within = self.clone().about(&means).second;
        let share = self.counts[component] / self.counts.sum();
        let delta = &means.row(component) - &self.origins.row(component);
        self.second.set_share(component, &within, share);
        self.origins.row_mut(component).zip_mut_with(&delta, |origin, delta| *origin += delta);
        self.first.row_mut(component).fill(0.0);
        self
    }

    /// Mean log-likelihood per unit of sample weight: EM's lower bound at the model that made these moments.
    pub fn lower_bound(&self) -> f64 {
        self.log_likelihood / self.total_weight
    }

    /// The M step with one floor for the variances of all features: [`Moments::maximize_above`].
    ///
    /// # Errors
    /// As there.
    pub fn maximize(&self, reg_covar: f64) -> Result<Mixture> {
        self.maximize_above(&Array1::from_elem(self.origins.ncols(), reg_covar))
    }

    /// The M step: the mixture of greatest expected log-likelihood given the responsibilities. Floors: `[D]`.
    ///
    /// N_k gets 10 machine epsilons (of the total weight, where that is less than 1) so that an empty component keeps its
    /// mean, and a covariance of the floors; means are o_k + first_k / N_k; covariances are the second moments about the new
    /// means over N_k, with the floors added to their diagonal, or their average to a spherical variance; weights are N_k
    /// over the sum of N_k (Bishop 2006, section 9.2.2, with scikit-learn's regularisation).
    ///
    /// Where features depend on each other and a component is far wider than its floors, rounding alone may take a covariance's
    /// rank, floors or not: then its correlations shrink by the least share of some that makes up for it.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] names the component that collapsed.
    pub fn maximize_above(&self, floors: &Array1<f64>) -> Result<Mixture> {
        let counts = &self.counts + 10.0 * f64::EPSILON * self.total_weight.min(1.0);
        let shifts = &self.first / &counts.view().insert_axis(Axis(1));
        let has_floors = floors.iter().all(|floor| *floor > 0.0);
        let rounding = if self.single_precision { SINGLE_ROUNDING } else { DOUBLE_ROUNDING };
        // How often the correlations of a component shrank; of the first, where all share one covariance.
        let mut shrunk = vec![0; counts.len()];
        let made = loop {
            let mut covariances = self.covariances(&counts, &shifts, floors);
            for (component, times) in shrunk.iter().enumerate().filter(|(_, times)| **times > 0) {
                covariances.shrink_correlations(component, rounding.get(*times - 1).copied().unwrap_or(1.0));
            }
            match Mixture::new(&counts / counts.sum(), &self.origins + &shifts, covariances) {
                Err(Error::NotPositiveDefinite { component, .. })
                    // A covariance of which nothing but rounding is left is no covariance, unless there is no other.
                    if has_floors
                        && shrunk[component.unwrap_or(0)]
                            < rounding.len() + usize::from(component.is_none() || counts.len() == 1) =>
                {
                    shrunk[component.unwrap_or(0)] += 1;
                }
                made => break made,
            }
        };
        made.map_err(|error| match error {
            Error::NotPositiveDefinite { component, feature, .. } => {
                Error::NotPositiveDefinite { component, feature, single_precision: self.single_precision }
            }
            other => other,
        })
    }

    /// Sum of r (x - mu)(x - mu)^T = second - N_k shift shift^T with mu = o + shift: exact for any origin, and
    /// without cancellation while the shift is small beside the spread, as it is between two epochs.
    fn covariances(&self, counts: &Array1<f64>, shifts: &Array2<f64>, floors: &Array1<f64>) -> CovarianceArray {
        let d = self.first.ncols();
        // first_k shift_k^T, rather than N_k shift_k shift_k^T: the same product, with first as it was summed.
        let squares = |k: usize| -> Array1<f64> { &self.first.row(k) * &shifts.row(k) };
        match &self.second {
            CovarianceArray::Full(second) => {
                let mut covariances = second.clone();
                for (k, mut covariance) in covariances.outer_iter_mut().enumerate() {
                    subtract_outer(&mut covariance, self.first.row(k), shifts.row(k));
                    covariance /= counts[k];
                    covariance.diag_mut().zip_mut_with(floors, |x, floor| *x = not_negative(*x) + floor);
                }
                CovarianceArray::Full(covariances)
            }
            CovarianceArray::Tied(second) => {
                let mut covariance = second.clone();
                for k in 0..counts.len() {
                    subtract_outer(&mut covariance.view_mut(), self.first.row(k), shifts.row(k));
                }
                covariance /= counts.sum();
                covariance.diag_mut().zip_mut_with(floors, |x, floor| *x = not_negative(*x) + floor);
                CovarianceArray::Tied(covariance)
            }
            CovarianceArray::Diag(second) => {
                let mut variances = second.clone();
                for (k, mut variance) in variances.outer_iter_mut().enumerate() {
                    variance -= &squares(k);
                    variance.zip_mut_with(floors, |x, floor| *x = not_negative(*x / counts[k]) + floor);
                }
                CovarianceArray::Diag(variances)
            }
            CovarianceArray::Spherical(second) => {
                let floor = average(floors);
                let variance = |(k, &trace): (usize, &f64)| {
                    not_negative((trace - squares(k).sum()) / (counts[k] * d as f64)) + floor
                };
                CovarianceArray::Spherical(second.iter().enumerate().map(variance).collect())
            }
        }
    }
}

/// matrix -= a b^T, symmetrised, so that a rounding error cannot make the result lopsided.
fn subtract_outer(matrix: &mut ndarray::ArrayViewMut2<f64>, a: ArrayView1<f64>, b: ArrayView1<f64>) {
    for ((i, j), x) in matrix.indexed_iter_mut() {
        *x -= 0.5 * (a[i] * b[j] + a[j] * b[i]);
    }
}

/// A variance that rounding made negative is zero; a NaN stays one, for the checks that follow to find.
fn not_negative(variance: f64) -> f64 {
    if variance < 0.0 { 0.0 } else { variance }
}

/// The floor of the one variance of spherical components.
pub(crate) fn average(floors: &Array1<f64>) -> f64 {
    floors.mean().unwrap_or_default()
}
