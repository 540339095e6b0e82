//! The oracle against numbers worked out by hand or published.

use mixtura::CovarianceType;
use ndarray::array;

use crate::common::data::{Blobs, old_faithful};
use crate::common::oracle::{Matrix, Model, constrain};

/// The numbers here are a handful of f64 operations away from their exact values.
const ROUNDING: f64 = 1e-14;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= ROUNDING * b.abs().max(1.0)
}

#[test]
fn one_epoch_of_two_components_on_two_samples_is_what_paper_gives() {
    // By symmetry N_k = 1; the responsibility of the near component is 1 / (1 + e^-2), so the mean moves to
    // 2 r - 1 = tanh 1, about which the variance is 1 - tanh^2 1.
    let start = Model {
        family: CovarianceType::Full,
        weights: vec![0.5, 0.5],
        means: vec![vec![-1.0], vec![1.0]],
        covariances: vec![vec![vec![1.0]]; 2],
    };
    let (next, bound) = start.epoch(&array![[-1.0], [1.0]], &[1.0, 1.0], 0.125);
    let tanh = 1.0_f64.tanh();
    assert!(close(bound, (0.5 * (1.0 + (-2.0_f64).exp())).ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()));
    assert!(close(next.weights[0], 0.5) && close(next.weights[1], 0.5));
    assert!(close(next.means[0][0], -tanh) && close(next.means[1][0], tanh));
    assert!(close(next.covariances[1][0][0], 1.0 - tanh * tanh + 0.125));
}

#[test]
fn the_density_of_a_correlated_gaussian_is_what_paper_gives() {
    // The covariance has determinant 8 and inverse [[3, -2], [-2, 4]] / 8: (1, 1) lies at squared distance 3/8.
    let model = Model {
        family: CovarianceType::Full,
        weights: vec![1.0],
        means: vec![vec![10.0, 20.0]],
        covariances: vec![vec![vec![4.0, 2.0], vec![2.0, 3.0]]],
    };
    let expected = -(2.0 * std::f64::consts::PI).ln() - 0.5 * 8.0_f64.ln() - 3.0 / 16.0;
    assert!(close(model.mean_log_likelihood(&array![[11.0, 21.0]], &[2.0]), expected));
}

#[test]
fn every_family_makes_of_a_scatter_what_its_definition_says() {
    // Deviations (-2, -2), (2, 0), (0, 2) from the mean (2, 2), the last sample standing for two halves.
    let samples = array![[0.0, 0.0], [4.0, 2.0], [2.0, 4.0], [2.0, 4.0]];
    let (a, b) = (8.0 / 3.0, 4.0 / 3.0);
    let expected: [Matrix; 4] = [
        vec![vec![a, b], vec![b, a]],
        vec![vec![a, b], vec![b, a]],
        vec![vec![a, 0.0], vec![0.0, a]],
        vec![vec![a, 0.0], vec![0.0, a]],
    ];
    for (family, expected) in CovarianceType::ALL.into_iter().zip(expected) {
        let start = Model {
            family,
            weights: vec![1.0],
            means: vec![vec![0.0, 0.0]],
            covariances: vec![vec![vec![1.0, 0.0], vec![0.0, 1.0]]],
        };
        let (next, _) = start.epoch(&samples, &[1.0, 1.0, 0.5, 0.5], 0.0);
        assert!(next.means[0].iter().all(|x| close(*x, 2.0)));
        let entries = next.covariances[0].iter().flatten().zip(expected.iter().flatten());
        assert!(entries.into_iter().all(|(a, b)| close(*a, *b)), "{family}: {:?}", next.covariances);
    }
    let unequal = vec![vec![vec![1.0, 0.5], vec![0.5, 2.0]], vec![vec![5.0, -0.5], vec![-0.5, 4.0]]];
    let tied = constrain(CovarianceType::Tied, &[3.0, 1.0], unequal.clone());
    assert_eq!(tied[0], vec![vec![2.0, 0.25], vec![0.25, 2.5]]);
    let spherical = constrain(CovarianceType::Spherical, &[3.0, 1.0], unequal);
    assert_eq!((spherical[0][0][0], spherical[1][1][1], spherical[1][0][1]), (1.5, 4.5, 0.0));
}

#[test]
fn the_log_likelihood_never_falls() {
    let data = Blobs::new(500, 3, 4).make();
    for family in CovarianceType::ALL {
        let (_, bounds) = data.start(family).epochs(&data.samples, &[1.0; 500], 0.0, 50);
        assert!(bounds.windows(2).all(|pair| pair[1] >= pair[0] - ROUNDING * pair[0].abs()), "{family}: {bounds:?}");
    }
}

#[test]
fn old_faithful_has_the_published_log_likelihood() {
    let samples = old_faithful();
    let mut model = Model {
        family: CovarianceType::Full,
        weights: vec![0.5, 0.5],
        means: vec![vec![2.0, 55.0], vec![4.5, 80.0]],
        covariances: vec![vec![vec![1.0, 0.0], vec![0.0, 100.0]]; 2],
    };
    (model, _) = model.epochs(&samples, &[1.0; 272], 0.0, 200);
    let log_likelihood = 272.0 * model.mean_log_likelihood(&samples, &[1.0; 272]);
    // The published value has three decimals.
    assert!((log_likelihood + 1130.264).abs() < 1e-3, "{log_likelihood}");
}
