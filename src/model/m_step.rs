//! The M step: from sufficient statistics to the next model, and back.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::family::average;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

/// Rounding of correlations: that of sums, products and factors.
const DOUBLE_ROUNDING: [f64; 4] = [1e-13, 1e-12, 1e-11, 1e-10];
const SINGLE_ROUNDING: [f64; 4] = [1e-6, 1e-5, 1e-4, 1e-3];

/// How moments are solved for the next model: floors of the variances, pseudo-moments of a prior, and parameters that
/// keep their values.
///
/// ```
/// use mixtura::device::Assignment;
/// use mixtura::model::{Frozen, MStep};
/// use mixtura::{Device, FitOptions, Points, fit};
/// use ndarray::array;
///
/// let points = Points::new(array![[0.0], [0.2], [5.0], [5.2]])?;
/// let start = fit(&points, &Device::cpu(), &FitOptions { max_iter: 0, ..FitOptions::new(2) })?.mixture;
/// let moments = Device::cpu().load(&points)?.moments(&start, Assignment::Soft)?;
/// assert!(MStep::new(array![1e-6]).solve(&moments)?.means() != start.means());
/// let frozen = MStep { frozen: Frozen { means: true, ..Frozen::default() }, ..MStep::new(array![1e-6]) };
/// assert_eq!(frozen.solve_from(&start, &moments)?.means(), start.means());
/// # Ok::<(), mixtura::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MStep {
    /// Floors of the variances, added to the diagonal of every covariance; their average to a spherical variance:
    /// `[D]`.
    pub floors: Array1<f64>,
    /// Moments of samples that were never seen, added to those of the data.
    pub prior: Option<Moments>,
    /// Parameters that keep the values that they have in the model before.
    pub frozen: Frozen,
}

/// Parameters of a mixture that an M step leaves as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frozen {
    /// The weights.
    pub weights: bool,
    /// The means; the covariances then are about these.
    pub means: bool,
    /// The covariances.
    pub covariances: bool,
}

impl MStep {
    /// An M step with floors `[D]` alone.
    pub fn new(floors: Array1<f64>) -> Self {
        MStep { floors, prior: None, frozen: Frozen::default() }
    }

    /// The next model after one, of which the frozen parameters are kept.
    ///
    /// # Errors
    /// As [`MStep::solve`].
    pub fn solve_from(&self, before: &Mixture, moments: &Moments) -> Result<Mixture> {
        let Frozen { weights, means, covariances } = self.frozen;
        if self.frozen == Frozen::default() {
            return self.solve(moments);
        }
        let mut about = self.with_prior(moments)?;
        if means {
            about = about.about(before.means());
            about.first.fill(0.0);
        }
        let free = self.maximize(&about)?;
        let kept = |is_frozen: bool| if is_frozen { before } else { &free };
        Mixture::new(
            kept(weights).weights().clone(),
            kept(means).means().clone(),
            kept(covariances).covariances().clone(),
        )
    }

    /// The M step: the mixture of greatest expected log-likelihood given the responsibilities.
    ///
    /// N_k gets 10 machine epsilons (of the total weight, where that is less than 1) so that an empty component keeps
    /// its mean, and a covariance of the floors; means are o_k + first_k / N_k; covariances are the second moments
    /// about the new means over N_k, with the floors added to their diagonal, or their average to a spherical variance;
    /// weights are N_k over the sum of N_k (Bishop 2006, section 9.2.2, with scikit-learn's regularisation).
    ///
    /// Where features depend on each other and a component is far wider than its floors, rounding alone may take a
    /// covariance's rank, floors or not: then its correlations shrink by the least share of some that makes up for it.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] names the component that collapsed.
    pub fn solve(&self, moments: &Moments) -> Result<Mixture> {
        match self.prior {
            Some(_) => self.maximize(&self.with_prior(moments)?),
            None => self.maximize(moments),
        }
    }

    /// The moments with those of the prior.
    fn with_prior(&self, moments: &Moments) -> Result<Moments> {
        match self.prior.clone() {
            Some(prior) => moments.clone().combine(&prior.about(&moments.origins)),
            None => Ok(moments.clone()),
        }
    }

    fn maximize(&self, moments: &Moments) -> Result<Mixture> {
        let floors = &self.floors;
        let counts = &moments.counts + 10.0 * f64::EPSILON * moments.total_weight.min(1.0);
        let shifts = &moments.first / &counts.view().insert_axis(Axis(1));
        let has_floors = floors.iter().all(|floor| *floor > 0.0);
        let rounding = if moments.single_precision { SINGLE_ROUNDING } else { DOUBLE_ROUNDING };
        // How often the correlations of a component shrank; of the first, where all share one covariance.
        let mut shrunk = vec![0; counts.len()];
        let made = loop {
            let mut covariances = covariances(moments, &counts, &shifts, floors);
            for (component, times) in shrunk.iter().enumerate().filter(|(_, times)| **times > 0) {
                covariances.shrink_correlations(component, rounding.get(*times - 1).copied().unwrap_or(1.0));
            }
            match Mixture::new(&counts / counts.sum(), &moments.origins + &shifts, covariances) {
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
                Error::NotPositiveDefinite { component, feature, single_precision: moments.single_precision }
            }
            other => other,
        })
    }

    /// The inverse: moments of unit weight of which the M step, without a prior, makes this mixture.
    pub(crate) fn moments_of(&self, mixture: &Mixture) -> Moments {
        let (floors, d, weights) = (&self.floors, mixture.n_features(), mixture.weights());
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
        let zero = Moments::zero(mixture.covariance_type(), mixture.means().clone());
        Moments { total_weight: 1.0, counts: weights.clone(), second, ..zero }
    }
}

impl Moments {
    /// The M step with one floor for the variances of all features: that of [`MStep::solve`].
    ///
    /// # Errors
    /// As there.
    pub fn maximize(&self, reg_covar: f64) -> Result<Mixture> {
        MStep::new(Array1::from_elem(self.origins.ncols(), reg_covar)).solve(self)
    }
}

/// Sum of r (x - mu)(x - mu)^T = second - N_k shift shift^T with mu = o + shift: exact for any origin, and
/// without cancellation while the shift is small beside the spread, as it is between two epochs.
fn covariances(moments: &Moments, counts: &Array1<f64>, shifts: &Array2<f64>, floors: &Array1<f64>) -> CovarianceArray {
    let d = moments.first.ncols();
    // first_k shift_k^T, rather than N_k shift_k shift_k^T: the same product, with first as it was summed.
    let squares = |k: usize| -> Array1<f64> { &moments.first.row(k) * &shifts.row(k) };
    match &moments.second {
        CovarianceArray::Full(second) => {
            let mut covariances = second.clone();
            for (k, mut covariance) in covariances.outer_iter_mut().enumerate() {
                subtract_outer(&mut covariance, moments.first.row(k), shifts.row(k));
                covariance /= counts[k];
                covariance.diag_mut().zip_mut_with(floors, |x, floor| *x = not_negative(*x) + floor);
            }
            CovarianceArray::Full(covariances)
        }
        CovarianceArray::Tied(second) => {
            let mut covariance = second.clone();
            for k in 0..counts.len() {
                subtract_outer(&mut covariance.view_mut(), moments.first.row(k), shifts.row(k));
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
            let variance =
                |(k, &trace): (usize, &f64)| not_negative((trace - squares(k).sum()) / (counts[k] * d as f64)) + floor;
            CovarianceArray::Spherical(second.iter().enumerate().map(variance).collect())
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

#[cfg(test)]
mod tests {
    use ndarray::{arr1, array};

    use super::*;
    use crate::model::family::CovarianceType;

    /// Moments of three samples of weight 1 under one component at 0.
    fn moments() -> Moments {
        let zero = Moments::zero(CovarianceType::Diag, array![[0.0]]);
        let second = CovarianceArray::Diag(array![[14.0]]);
        Moments { total_weight: 3.0, counts: arr1(&[3.0]), first: array![[6.0]], second, ..zero }
    }

    fn variance(mixture: &Mixture) -> f64 {
        mixture.covariances().values()[0]
    }

    fn start() -> Mixture {
        Mixture::new(arr1(&[1.0]), array![[1.0]], CovarianceArray::Diag(array![[5.0]])).unwrap()
    }

    #[test]
    fn a_prior_counts_like_samples() {
        let prior = Moments::zero(CovarianceType::Diag, array![[2.0]]);
        // Three samples at 2, with a variance of 1.
        let second = CovarianceArray::Diag(array![[3.0]]);
        let prior = Moments { total_weight: 3.0, counts: arr1(&[3.0]), second, ..prior };
        let solved = MStep { prior: Some(prior), ..MStep::new(arr1(&[0.0])) }.solve(&moments()).unwrap();
        assert!((solved.means()[[0, 0]] - 2.0).abs() < 1e-12);
        assert!((variance(&solved) - 5.0 / 6.0).abs() < 1e-12, "{}", variance(&solved));
    }

    #[test]
    fn frozen_parameters_keep_their_values_and_others_are_the_best_beside_them() {
        let solve = |frozen| MStep { frozen, ..MStep::new(arr1(&[0.0])) }.solve_from(&start(), &moments()).unwrap();
        let free = solve(Frozen::default());
        assert!((free.means()[[0, 0]] - 2.0).abs() < 1e-12 && (variance(&free) - 2.0 / 3.0).abs() < 1e-12);
        let means = solve(Frozen { means: true, ..Frozen::default() });
        // (1 + 0 + 4) / 3 for samples at 1, 2 and 3 about 1.
        assert!(means.means() == start().means() && (variance(&means) - 5.0 / 3.0).abs() < 1e-12);
        let covariances = solve(Frozen { covariances: true, ..Frozen::default() });
        assert!((covariances.means()[[0, 0]] - 2.0).abs() < 1e-12 && variance(&covariances) == 5.0);
    }

    #[test]
    fn moments_of_a_mixture_are_solved_for_that_mixture() {
        let m_step = MStep::new(arr1(&[0.25]));
        let solved = m_step.solve(&m_step.moments_of(&start())).unwrap();
        assert!((variance(&solved) - 5.0).abs() < 1e-12 && solved.means() == start().means());
    }
}
