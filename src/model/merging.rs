//! Mixtures with a component less: two of them become one of the same moments.

use rayon::prelude::*;

use crate::error::Result;
use crate::model::m_step::MStep;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

/// A pair of components, the first of which would become both.
pub(crate) type Pair = (usize, usize);

/// All pairs of components, those first whose merging costs least, with that cost in nats for each unit of weight: an
/// upper bound of the divergence from the mixture before (Runnalls 2007, IEEE TAES 43, equation 21),
/// ((w_i + w_j) ln |S_ij| - w_i ln |S_i| - w_j ln |S_j|) / 2, with the covariances that the family lets components have.
///
/// # Errors
/// Those of merged components, which have covariances where those before them have.
pub(crate) fn pairs(mixture: &Mixture, m_step: &MStep) -> Result<Vec<(f64, Pair)>> {
    let (k, d) = mixture.means().dim();
    let moments = m_step.moments_of(mixture);
    let log_determinants = mixture.precisions_cholesky().log_determinants(k, d);
    let cost = |(i, j): Pair| -> Result<f64> {
        let (weights, both) = (mixture.weights(), mixture.weights()[i] + mixture.weights()[j]);
        if mixture.covariance_type().is_shared() {
            // Of the covariance that all share, what separates the two becomes a part.
            let apart = &mixture.means().row(i) - &mixture.means().row(j);
            let distance = mixture.quadratics().whiten(0, apart.view());
            let share = if both > 0.0 { weights[i] * weights[j] / both } else { 0.0 };
            return Ok(0.5 * (share * distance.dot(&distance)).ln_1p());
        }
        let merged = m_step.solve(&moments.of_components(&[i, j]).merged((0, 1)))?;
        let log_determinant = merged.precisions_cholesky().log_determinants(1, d)[0];
        Ok(weights[i] * log_determinants[i] + weights[j] * log_determinants[j] - both * log_determinant)
    };
    let all: Vec<Pair> = (0..k).flat_map(|i| (i + 1..k).map(move |j| (i, j))).collect();
    let mut costs = all.into_par_iter().map(|pair| Ok((cost(pair)?, pair))).collect::<Result<Vec<(f64, Pair)>>>()?;
    costs.sort_by(|(a, p), (b, q)| a.total_cmp(b).then(p.cmp(q)));
    Ok(costs)
}

/// The mixture in which a pair of components is one.
///
/// # Errors
/// As [`pairs`].
pub(crate) fn merge(mixture: &Mixture, pair: Pair, m_step: &MStep) -> Result<Mixture> {
    m_step.solve(&m_step.moments_of(mixture).merged(pair))
}

/// The mixture of no more than so many components: pairs are merged, the cheapest first.
///
/// # Errors
/// As [`pairs`].
pub(crate) fn merged_to(mixture: &Mixture, n_components: usize, m_step: &MStep) -> Result<Mixture> {
    let mut mixture = mixture.clone();
    while mixture.n_components() > n_components {
        let Some((_, pair)) = pairs(&mixture, m_step)?.first().copied() else { break };
        mixture = merge(&mixture, pair, m_step)?;
    }
    Ok(mixture)
}

impl Moments {
    /// The moments with those of two components together, in the place of the first.
    fn merged(&self, (i, j): Pair) -> Moments {
        let (a, b) = (self.counts[i], self.counts[j]);
        let share = if a + b > 0.0 { b / (a + b) } else { 0.5 };
        let mean = &self.origins.row(i) * (1.0 - share) + &self.origins.row(j) * share;
        let mut origins = self.origins.clone();
        origins.row_mut(i).assign(&mean);
        origins.row_mut(j).assign(&mean);
        let mut moments = self.clone().about(&origins);
        moments.counts[i] += moments.counts[j];
        let first = moments.first.row(j).to_owned();
        moments.first.row_mut(i).scaled_add(1.0, &first);
        moments.second.add_component(i, j);
        moments.without_component(j)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, array};

    use super::*;
    use crate::model::covariance::CovarianceArray;
    use crate::model::family::CovarianceType;

    /// Four components of two features, the first and the last near each other.
    fn mixture(family: CovarianceType) -> Mixture {
        let means = array![[0.0, 0.0], [6.0, 1.0], [-4.0, 7.0], [0.5, -0.2]];
        let matrix = array![[1.0, 0.3], [0.3, 0.7]];
        let weights = array![0.3, 0.4, 0.1, 0.2];
        Mixture::new(weights, means, CovarianceArray::repeated(family, 4, &matrix)).unwrap()
    }

    /// Mean and covariance of all samples of a mixture.
    fn of_all(mixture: &Mixture) -> (Array1<f64>, Array2<f64>) {
        let mean = mixture.weights().dot(mixture.means());
        let entry = |i: usize, j: usize| -> f64 {
            let of = |k: usize| {
                let (means, w) = (mixture.means(), mixture.weights()[k]);
                w * (mixture.covariances().entry(k, i, j) + (means[[k, i]] - mean[i]) * (means[[k, j]] - mean[j]))
            };
            (0..mixture.n_components()).map(of).sum()
        };
        let covariance = Array2::from_shape_fn((2, 2), |(i, j)| entry(i, j));
        (mean, covariance)
    }

    #[test]
    fn merging_keeps_weight_mean_and_the_covariance_of_all() {
        let m_step = MStep::new(array![1e-3, 2e-3]);
        for family in CovarianceType::ALL {
            let before = mixture(family);
            for pair in [(0, 3), (1, 2)] {
                let after = merge(&before, pair, &m_step).unwrap();
                let ((mean, covariance), (mean_after, covariance_after)) = (of_all(&before), of_all(&after));
                assert_eq!(after.n_components(), 3);
                assert!((after.weights().sum() - 1.0).abs() < 1e-12);
                assert!((&mean - &mean_after).iter().all(|x| x.abs() < 1e-12), "{family}");
                let of_trace = |covariance: &Array2<f64>| covariance.diag().sum();
                assert!((of_trace(&covariance) - of_trace(&covariance_after)).abs() < 0.01, "{family}");
                if family == CovarianceType::Full {
                    assert!((&covariance - &covariance_after).iter().all(|x| x.abs() < 1e-9), "{family}");
                }
            }
        }
    }

    #[test]
    fn the_nearest_pair_costs_least_and_as_much_as_determinants_say() {
        let m_step = MStep::new(array![1e-6, 1e-6]);
        let cost_of_all = |mixture: &Mixture| -> f64 {
            let log_determinants = mixture.precisions_cholesky().log_determinants(mixture.n_components(), 2);
            -mixture.weights().iter().zip(&log_determinants).map(|(w, l)| w * l).sum::<f64>()
        };
        for family in CovarianceType::ALL {
            let before = mixture(family);
            let found = pairs(&before, &m_step).unwrap();
            assert_eq!((found.len(), found[0].1), (6, (0, 3)), "{family}");
            for (cost, pair) in found {
                let after = merge(&before, pair, &m_step).unwrap();
                let expected = cost_of_all(&after) - cost_of_all(&before);
                assert!((cost - expected).abs() < 1e-5, "{family}, {pair:?}: {cost}, and not {expected}");
            }
        }
    }
}
