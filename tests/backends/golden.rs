//! Published results, from the initialisation to the last epoch.

use mixtura::fit::Floor;
use mixtura::{CovarianceType, FitOptions, fit};

use crate::common::compare::points;
use crate::common::data::{iris, old_faithful};
use crate::common::devices::devices;

/// R's mclust and scikit-learn agree on this value.
#[test]
fn old_faithful_has_the_published_log_likelihood() {
    let samples = old_faithful();
    let points = points(&samples, None);
    let options = FitOptions { floor: Floor::Absolute(0.0), tol: 1e-10, max_iter: 1000, ..FitOptions::new(2) };
    for subject in devices() {
        let result = fit(&points, &subject.device, &options).unwrap();
        // The published value has three decimals; 1e-5 nats for each of 272 samples are 0.003.
        let most = if subject.is_double() { 0.001 } else { 0.01 };
        assert!((result.log_likelihood + 1130.264).abs() <= most, "{}: {}", subject.name, result.log_likelihood);
        let mut means: Vec<f64> = result.mixture.means().column(0).to_vec();
        means.sort_by(f64::total_cmp);
        assert!((means[0] - 2.036).abs() < 0.001 && (means[1] - 4.290).abs() < 0.001, "{means:?}");
    }
}

/// What mclust 5 (Scrucca, Fop, Murphy and Raftery 2016, The R Journal 8(1)) prints of `mclustBIC(iris[, -5])`, where a
/// BIC is minus the one of this library: VVV, EEE, VVI and VII are the families here.
const OF_IRIS: [(CovarianceType, usize, f64); 9] = [
    (CovarianceType::Full, 1, -829.9782),
    (CovarianceType::Full, 2, -574.0178),
    (CovarianceType::Full, 3, -580.8396),
    (CovarianceType::Tied, 1, -829.9782),
    (CovarianceType::Tied, 2, -688.0972),
    (CovarianceType::Diag, 1, -1522.1202),
    (CovarianceType::Diag, 2, -857.5515),
    (CovarianceType::Spherical, 1, -1804.0854),
    (CovarianceType::Spherical, 2, -1012.2352),
];

#[test]
fn iris_has_the_published_bic_in_every_family() {
    let samples = iris();
    let points = points(&samples, None);
    for subject in devices() {
        for (family, k, published) in OF_IRIS {
            let new = FitOptions { covariance_type: family, floor: Floor::Absolute(0.0), ..FitOptions::new(k) };
            let options = FitOptions { tol: 1e-10, max_iter: 2000, n_init: 5, ..new };
            let result = fit(&points, &subject.device, &options).unwrap();
            // Four decimals were printed, of which the last was rounded. Three components are slow to converge: mclust
            // stops where an epoch gains less than 1e-5 of the log-likelihood, 0.002, and is short of the optimum by less.
            let printed = if k == 3 { 0.002 } else { 1e-4 };
            // The BIC is twice the log-likelihood; 1e-5 nats for each of 150 samples are 0.003.
            let most = if subject.is_double() { printed } else { printed + 0.003 };
            let what = format!("{}, {family}, {k} components: {}", subject.name, -result.bic());
            println!("{what}");
            assert!((-result.bic() - published).abs() <= most, "{what}, not {published}");
        }
    }
}
