//! Mixtures of more components or fewer: starts of fits whose models have others.

use std::f64::consts::PI;

use ndarray::{Array1, Array2};

use crate::error::Result;
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::m_step::MStep;
use crate::model::merging::merged_to;
use crate::model::mixture::Mixture;

/// Rounds of power iteration: an axis near the first principal one will do.
const ROUNDS: usize = 50;

impl Mixture {
    /// A mixture of so many components, made of this one.
    ///
    /// For fewer, pairs of components are merged, those first that this loses least of. For more, components are cut in
    /// halves across their first principal axis, those first that have, weight times variance along it, most of the
    /// spread; features are measured in their standard deviations under the mixture. Either way the moments of all
    /// samples stay what they were.
    ///
    /// ```
    /// use mixtura::{CovarianceArray, Mixture, model::MStep};
    /// use ndarray::array;
    ///
    /// let variances = CovarianceArray::Diag(array![[1.0], [9.0]]);
    /// let mixture = Mixture::new(array![0.5, 0.5], array![[0.0], [20.0]], variances)?;
    /// let three = mixture.with_components(3, &MStep::new(array![0.0]))?;
    /// assert!(three.means()[[0, 0]] == 0.0 && three.means()[[1, 0]] < 20.0 && three.means()[[2, 0]] > 20.0);
    /// # Ok::<(), mixtura::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`](crate::Error::NotPositiveDefinite) names a component that has collapsed.
    pub fn with_components(&self, n_components: usize, m_step: &MStep) -> Result<Mixture> {
        match n_components > self.n_components() {
            true => split_to(self, n_components),
            false => merged_to(self, n_components, m_step),
        }
    }
}

/// A component that may be cut.
struct Part {
    weight: f64,
    mean: Array1<f64>,
    covariance: Array2<f64>,
    /// From the mean to those of its halves.
    step: Array1<f64>,
    /// Weight times variance along the first principal axis.
    spread: f64,
}

impl Part {
    /// A component, with features measured in `units`.
    fn new(weight: f64, mean: Array1<f64>, covariance: Array2<f64>, units: &Array1<f64>) -> Self {
        let scaled = Array2::from_shape_fn(covariance.dim(), |(i, j)| covariance[[i, j]] / (units[i] * units[j]));
        let axis = principal_axis(&scaled);
        let variance = axis.dot(&scaled.dot(&axis));
        // Halves of a normal distribution have their means 0.8 standard deviations from its own: where, in all features,
        // what they have along the axis leads them.
        let step = covariance.dot(&(&axis / units)) * (2.0 / PI / variance).sqrt();
        Part { weight, mean, covariance, step, spread: weight * variance }
    }

    /// Its halves.
    fn halves(self, units: &Array1<f64>) -> [Part; 2] {
        let Part { weight, mean, covariance, step, .. } = self;
        let d = mean.len();
        let within = Array2::from_shape_fn((d, d), |(i, j)| covariance[[i, j]] - step[i] * step[j]);
        [&mean - &step, &mean + &step].map(|mean| Part::new(0.5 * weight, mean, within.clone(), units))
    }
}

/// A unit vector near the first principal axis of a covariance matrix.
fn principal_axis(matrix: &Array2<f64>) -> Array1<f64> {
    let d = matrix.nrows();
    let widest = (0..d).max_by(|i, j| matrix[[*i, *i]].total_cmp(&matrix[[*j, *j]]).then(j.cmp(i))).unwrap_or(0);
    let mut axis = Array1::from_shape_fn(d, |i| f64::from(i == widest));
    for _ in 0..ROUNDS {
        let next = matrix.dot(&axis);
        let length = next.dot(&next).sqrt();
        axis = next / length;
    }
    axis
}

/// The mixture of more components.
fn split_to(mixture: &Mixture, n_components: usize) -> Result<Mixture> {
    let (k, d) = mixture.means().dim();
    let (weights, means, covariances) = (mixture.weights(), mixture.means(), mixture.covariances());
    let mean = weights.dot(means);
    let variance = |i: usize| -> f64 {
        (0..k).map(|k| weights[k] * (covariances.entry(k, i, i) + (means[[k, i]] - mean[i]).powi(2))).sum()
    };
    let units = Array1::from_shape_fn(d, |i| variance(i).sqrt());
    let part = |k: usize| {
        let covariance = Array2::from_shape_fn((d, d), |(i, j)| covariances.entry(k, i, j));
        Part::new(weights[k], means.row(k).to_owned(), covariance, &units)
    };
    let mut parts: Vec<Part> = (0..k).map(part).collect();
    while parts.len() < n_components {
        let by_spread = |i: &usize, j: &usize| parts[*i].spread.total_cmp(&parts[*j].spread).then(j.cmp(i));
        let Some(widest) = (0..parts.len()).max_by(by_spread) else { break };
        let [left, right] = parts.remove(widest).halves(&units);
        parts.insert(widest, left);
        parts.push(right);
    }
    let (family, k) = (mixture.covariance_type(), parts.len());
    let entry = |k: usize, i: usize, j: usize| match family {
        CovarianceType::Tied => parts.iter().map(|part| part.weight * part.covariance[[i, j]]).sum(),
        _ => parts[k].covariance[[i, j]],
    };
    let spherical = |k: usize| parts[k].covariance.diag().sum() / d as f64;
    let covariances = CovarianceArray::from_entries(family, k, d, entry, spherical);
    let weights = parts.iter().map(|part| part.weight).collect();
    let means = Array2::from_shape_fn((k, d), |(k, i)| parts[k].mean[i]);
    Mixture::new(weights, means, covariances)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// Two components, of which the second is wide along the diagonal.
    fn mixture(family: CovarianceType) -> Mixture {
        let matrices = [array![[1.0, 0.2], [0.2, 1.0]], array![[9.0, 8.0], [8.0, 9.0]]];
        let covariances =
            CovarianceArray::from_entries(family, 2, 2, |k, i, j| matrices[k][[i, j]], |k| matrices[k][[0, 0]]);
        Mixture::new(array![0.5, 0.5], array![[0.0, 0.0], [30.0, -5.0]], covariances).unwrap()
    }

    #[test]
    fn the_widest_component_is_cut_across_its_principal_axis() {
        let three = mixture(CovarianceType::Full).with_components(3, &MStep::new(array![0.0, 0.0])).unwrap();
        assert_eq!(three.means().row(0), array![0.0, 0.0]);
        assert_eq!(three.weights(), array![0.5, 0.25, 0.25]);
        let apart = &three.means().row(2) - &three.means().row(1);
        // The axis in units of the features' standard deviations is not quite the diagonal.
        assert!(apart[0] > 3.0 && apart[1] > 3.0, "{apart}");
    }

    #[test]
    fn halves_that_are_merged_are_the_component_again() {
        let m_step = MStep::new(array![0.0, 0.0]);
        let one = mixture(CovarianceType::Full).with_components(1, &m_step).unwrap();
        let again = one.with_components(7, &m_step).unwrap().with_components(1, &m_step).unwrap();
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart(one.covariances().values(), again.covariances().values()) < 1e-9);
        assert!((one.means() - again.means()).iter().all(|x| x.abs() < 1e-9));
    }

    #[test]
    fn every_family_has_as_many_components_as_are_asked_for() {
        let m_step = MStep::new(array![1e-6, 1e-6]);
        for family in CovarianceType::ALL {
            for k in [1, 2, 3, 9] {
                let resized = mixture(family).with_components(k, &m_step).unwrap();
                assert_eq!((resized.n_components(), resized.covariance_type()), (k, family));
                assert!((resized.weights().sum() - 1.0).abs() < 1e-12);
            }
        }
    }
}
