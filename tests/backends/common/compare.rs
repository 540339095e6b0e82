//! From the oracle's models to the library's and back, and the distance between them.

use mixtura::device::{Assignment, Backend};
use mixtura::{CovarianceArray, CovarianceType, Mixture, Points};
use ndarray::{Array1, Array2, Array3, Axis};

use super::oracle::{Matrix, Model};

/// How far a result may lie from the oracle's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tolerance {
    /// Mean log-likelihood, in nats per sample.
    pub(crate) log_likelihood: f64,
    /// Weights, absolute.
    pub(crate) weights: f64,
    /// Means, in standard deviations of their component.
    pub(crate) means: f64,
    /// Covariances (i, j), relative to the standard deviations of features i and j.
    pub(crate) covariances: f64,
}

/// For f64 arithmetic: sums of up to two million terms lose up to six of sixteen digits in the worst case and two as a
/// rule, and twenty epochs add their errors up; nine good digits leave room for both.
pub(crate) const DOUBLE: Tolerance = Tolerance { log_likelihood: 1e-9, weights: 1e-9, means: 1e-9, covariances: 1e-9 };

/// For f32 arithmetic: what the library promises after twenty epochs. A single rounding is 6e-8.
pub(crate) const SINGLE: Tolerance = Tolerance { log_likelihood: 1e-5, weights: 1e-5, means: 1e-4, covariances: 1e-4 };

impl Tolerance {
    /// All tolerances multiplied by a factor, for a case that is that much harder.
    pub(crate) fn times(self, factor: f64) -> Self {
        Tolerance {
            log_likelihood: factor * self.log_likelihood,
            weights: factor * self.weights,
            means: factor * self.means,
            covariances: factor * self.covariances,
        }
    }
}

/// The largest differences between a model of the oracle and one of the library, in the units of [`Tolerance`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Distance(Tolerance);

impl Distance {
    /// Between two models and their mean log-likelihoods.
    pub(crate) fn between(expected: (&Model, f64), found: (&Mixture, f64)) -> Self {
        let ((model, model_bound), (mixture, bound)) = (expected, found);
        let (k, d) = mixture.means().dim();
        assert_eq!((model.weights.len(), model.means[0].len()), (k, d), "components and features");
        assert_eq!(model.family, mixture.covariance_type(), "family");
        let mut distance =
            Tolerance { log_likelihood: (bound - model_bound).abs(), weights: 0.0, means: 0.0, covariances: 0.0 };
        for c in 0..k {
            raise(&mut distance.weights, mixture.weights()[c] - model.weights[c]);
            let covariance = &model.covariances[c];
            let deviations: Vec<f64> = (0..d).map(|i| covariance[i][i].sqrt()).collect();
            for i in 0..d {
                raise(&mut distance.means, (mixture.means()[[c, i]] - model.means[c][i]) / deviations[i]);
                for j in 0..d {
                    let difference = entry(mixture.covariances(), c, i, j) - covariance[i][j];
                    raise(&mut distance.covariances, difference / (deviations[i] * deviations[j]));
                }
            }
        }
        Distance(distance)
    }

    /// Between two models alone.
    pub(crate) fn of_models(expected: &Model, found: &Mixture) -> Self {
        Self::between((expected, 0.0), (found, 0.0))
    }

    /// Fails unless every difference is a number within its tolerance.
    pub(crate) fn assert_within(self, tolerance: Tolerance, what: &str) {
        let (Distance(found), most) = (self, tolerance);
        println!("{what}: {found:?}");
        let pairs = [
            (found.log_likelihood, most.log_likelihood),
            (found.weights, most.weights),
            (found.means, most.means),
            (found.covariances, most.covariances),
        ];
        assert!(pairs.iter().all(|(found, most)| found <= most), "{what}:\nfound {found:?}\nallowed {most:?}");
    }
}

/// Raises the largest difference so far; a NaN stays.
fn raise(largest: &mut f64, difference: f64) {
    let keep = difference.abs() <= *largest || largest.is_nan();
    if !keep {
        *largest = difference.abs();
    }
}

/// Entry (i, j) of the covariance of component k.
pub(crate) fn entry(covariances: &CovarianceArray, k: usize, i: usize, j: usize) -> f64 {
    let on_diagonal = |x: f64| if i == j { x } else { 0.0 };
    match covariances {
        CovarianceArray::Full(a) => a[[k, i, j]],
        CovarianceArray::Tied(a) => a[[i, j]],
        CovarianceArray::Diag(a) => on_diagonal(a[[k, i]]),
        CovarianceArray::Spherical(a) => on_diagonal(a[k]),
        _ => unimplemented!("covariances that the tests do not know"),
    }
}

/// A model of the library with the oracle's parameters.
pub(crate) fn to_mixture(model: &Model) -> Mixture {
    let (k, d) = (model.means.len(), model.means[0].len());
    let c = &model.covariances;
    let covariances = match model.family {
        CovarianceType::Full => CovarianceArray::Full(Array3::from_shape_fn((k, d, d), |(k, i, j)| c[k][i][j])),
        CovarianceType::Tied => CovarianceArray::Tied(Array2::from_shape_fn((d, d), |(i, j)| c[0][i][j])),
        CovarianceType::Diag => CovarianceArray::Diag(Array2::from_shape_fn((k, d), |(k, i)| c[k][i][i])),
        CovarianceType::Spherical => CovarianceArray::Spherical(Array1::from_shape_fn(k, |k| c[k][0][0])),
        family => unimplemented!("covariances of the family {family}"),
    };
    let means = Array2::from_shape_fn((k, d), |(k, i)| model.means[k][i]);
    Mixture::new(Array1::from(model.weights.clone()), means, covariances).unwrap()
}

/// A model of the oracle with the library's parameters.
pub(crate) fn to_model(mixture: &Mixture) -> Model {
    let (k, d) = mixture.means().dim();
    let matrix = |k: usize| -> Matrix {
        (0..d).map(|i| (0..d).map(|j| entry(mixture.covariances(), k, i, j)).collect()).collect()
    };
    Model {
        family: mixture.covariance_type(),
        weights: mixture.weights().to_vec(),
        means: mixture.means().axis_iter(Axis(0)).map(|mean| mean.to_vec()).collect(),
        covariances: (0..k).map(matrix).collect(),
    }
}

/// Samples and, where there are any, their weights.
pub(crate) fn points<'a>(samples: &'a Array2<f64>, weights: Option<&[f64]>) -> Points<'a> {
    let points = Points::new(samples).unwrap();
    match weights {
        Some(weights) => points.with_weights(Array1::from(weights.to_vec())).unwrap(),
        None => points,
    }
}

/// Epochs from a start: the last model, and the mean log-likelihood of every model before it.
pub(crate) fn epochs(backend: &mut dyn Backend, start: &Mixture, reg_covar: f64, count: usize) -> (Mixture, Vec<f64>) {
    let mut mixture = start.clone();
    let bounds = (0..count)
        .map(|_| {
            let moments = backend.moments(&mixture, Assignment::Soft).unwrap();
            mixture = moments.maximize(reg_covar).unwrap();
            moments.lower_bound()
        })
        .collect();
    (mixture, bounds)
}
