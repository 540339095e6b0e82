//! Published results, from the initialisation to the last epoch.

use mixtura::fit::Floor;
use mixtura::{FitOptions, fit};

use crate::common::compare::points;
use crate::common::data::old_faithful;
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
