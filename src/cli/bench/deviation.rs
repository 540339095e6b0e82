//! How far two mixtures that should be the same are apart.

use mixtura::Mixture;
use serde::Serialize;

/// The largest deviation of each kind of parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Deviation {
    /// Of a weight, as a share of it.
    weights: f64,
    /// Of a mean, in standard deviations of its component.
    means: f64,
    /// Of a covariance c_ij, in units of sqrt(c_ii c_jj).
    covariances: f64,
}

impl Deviation {
    /// Of a mixture from another of the same shape.
    pub(super) fn of(mixture: &Mixture, from: &Mixture) -> Self {
        let (k, d) = from.means().dim();
        let mut deviation = Deviation { weights: 0.0, means: 0.0, covariances: 0.0 };
        for k in 0..k {
            let spread = from.covariances().standard_deviations(k, d);
            let weight = from.weights()[k];
            // A component that lost all samples has no share to measure by.
            if weight > 0.0 {
                raise(&mut deviation.weights, (mixture.weights()[k] - weight) / weight);
            }
            for i in 0..d {
                raise(&mut deviation.means, (mixture.means()[[k, i]] - from.means()[[k, i]]) / spread[i]);
                for j in 0..=i {
                    let difference = mixture.covariances().entry(k, i, j) - from.covariances().entry(k, i, j);
                    raise(&mut deviation.covariances, difference / (spread[i] * spread[j]));
                }
            }
        }
        deviation
    }

    /// The deviations with their names.
    pub(super) fn named(self) -> [(&'static str, f64); 3] {
        [("weights", self.weights), ("means", self.means), ("covariances", self.covariances)]
    }
}

fn raise(largest: &mut f64, deviation: f64) {
    *largest = largest.max(deviation.abs());
}

#[cfg(test)]
mod tests {
    use mixtura::CovarianceArray;
    use ndarray::array;

    use super::*;

    #[test]
    fn deviations_are_in_units_of_the_parameters_spread() {
        let mixture = |weight: f64, mean: f64, covariance: f64| {
            let covariances = array![[[1.0, 0.0], [0.0, 1.0]], [[4.0, covariance], [covariance, 25.0]]];
            let means = array![[0.0, 0.0], [mean, 0.0]];
            Mixture::new(array![1.0 - weight, weight], means, CovarianceArray::Full(covariances)).unwrap()
        };
        let (from, to) = (mixture(0.25, 1.0, 1.0), mixture(0.5, 2.0, -1.0));
        assert_eq!(Deviation::of(&from, &from).named().map(|(_, deviation)| deviation), [0.0; 3]);
        assert_eq!(Deviation::of(&to, &from).named().map(|(_, deviation)| deviation), [1.0, 0.5, 0.2]);
    }

    #[test]
    fn every_family_has_its_deviations() {
        let covariances = |scale: f64| {
            [
                CovarianceArray::Tied(array![[scale, 0.0], [0.0, 1.0]]),
                CovarianceArray::Diag(array![[1.0, 1.0], [1.0, scale]]),
                CovarianceArray::Spherical(array![1.0, scale]),
            ]
        };
        for (from, to) in covariances(1.0).into_iter().zip(covariances(1.5)) {
            let mixture =
                |covariances| Mixture::new(array![1.0, 0.0], array![[0.0, 0.0], [1.0, 1.0]], covariances).unwrap();
            assert_eq!(Deviation::of(&mixture(to), &mixture(from)).named().map(|(_, x)| x), [0.0, 0.0, 0.5]);
        }
    }
}
