//! Twenty epochs on data that are hard on arithmetic stay within a stated distance of the oracle.

use mixtura::fit::Floor;
use mixtura::{CovarianceArray, CovarianceType, Device, FitOptions, Points, fit};
use ndarray::{Array2, array};

use crate::common::compare::{Distance, Tolerance, epochs, points, to_mixture, to_model};
use crate::common::data::{Blobs, Data};
use crate::common::devices::{Subject, devices};
use crate::common::oracle::Model;

const REG_COVAR: f64 = 1e-6;
const EPOCHS: usize = 20;

/// Compares twenty epochs with the oracle's, the samples and the start moved by `offset` for the backend alone: the
/// oracle, whose sums are about zero, would itself lose the digits that an offset takes up.
fn hold_to_the_oracle(
    data: &Data,
    offset: f64,
    families: &[CovarianceType],
    tolerance: impl Fn(&Subject) -> Tolerance,
) {
    let weights = vec![1.0; data.samples.nrows()];
    let moved = &data.samples + offset;
    let points = points(&moved, None);
    for &family in families {
        let start = data.start(family);
        let (last, _) = start.epochs(&data.samples, &weights, REG_COVAR, EPOCHS);
        let expected = last.mean_log_likelihood(&data.samples, &weights);
        let (start, last) = (to_mixture(&shifted(start, offset)), shifted(last, offset));
        for subject in devices() {
            let mut backend = subject.device.load(&points).unwrap();
            let (found, _) = epochs(&mut *backend, &start, REG_COVAR, EPOCHS);
            let bound = backend.log_likelihood(found.quadratics()).unwrap() / weights.len() as f64;
            Distance::between((&last, expected), (&found, bound))
                .assert_within(tolerance(subject), &format!("{}, {family}", subject.name));
        }
    }
}

fn shifted(mut model: Model, offset: f64) -> Model {
    model.means.iter_mut().flatten().for_each(|x| *x += offset);
    model
}

fn as_promised(subject: &Subject) -> Tolerance {
    subject.tolerance
}

/// Data whose every value stays exact when a million is added: multiples of 2^-30, which f32 still has to round.
fn on_a_grid(mut data: Data) -> Data {
    let round = |x: f64| (x * 2.0_f64.powi(30)).round() * 2.0_f64.powi(-30);
    data.samples.mapv_inplace(round);
    data.truth.means.iter_mut().flatten().for_each(|x| *x = round(*x));
    data
}

#[test]
fn blobs_are_followed_for_twenty_epochs() {
    hold_to_the_oracle(&Blobs::new(20_000, 4, 5).make(), 0.0, &CovarianceType::ALL, as_promised);
}

#[test]
fn an_offset_of_ten_thousand_changes_nothing() {
    hold_to_the_oracle(&on_a_grid(Blobs::new(20_000, 4, 5).make()), 1e4, &CovarianceType::ALL, as_promised);
}

#[test]
fn an_offset_of_a_million_changes_nothing() {
    hold_to_the_oracle(&on_a_grid(Blobs::new(20_000, 4, 5).make()), 1e6, &CovarianceType::ALL, as_promised);
}

#[test]
fn clusters_a_thousand_standard_deviations_apart_keep_their_shapes() {
    let blobs = Blobs { spacing: 1000.0, ..Blobs::new(20_000, 3, 5) };
    hold_to_the_oracle(&blobs.make(), 0.0, &CovarianceType::ALL, as_promised);
}

#[test]
fn a_condition_number_of_a_million_costs_two_digits() {
    let blobs = Blobs { condition: 1e6, ..Blobs::new(20_000, 8, 3) };
    // The smallest eigenvalue of a covariance is a millionth of its entries: single precision, which knows those to
    // some 1e-7, gets that one right to a few hundredths, and the log-likelihood falls by the square of that.
    let tolerance = |subject: &Subject| match subject.is_double() {
        true => subject.tolerance,
        false => Tolerance { log_likelihood: 1e-3, covariances: 1e-3, ..subject.tolerance },
    };
    hold_to_the_oracle(&blobs.make(), 0.0, &CovarianceType::ALL, tolerance);
}

#[test]
fn clusters_a_hundred_thousand_standard_deviations_apart_are_fitted() {
    let blobs = Blobs { spacing: 1e5, ..Blobs::new(20_000, 3, 5) };
    // The scatter of all samples is 1e10 times that within a cluster, which is the difference of two such numbers in
    // the tied family: of 16 digits 6 are left. Single precision rounds a sample by up to 8e-3 standard deviations.
    let tolerance = |subject: &Subject| {
        let most = if subject.is_double() { 1e-5 } else { 3e-2 };
        Tolerance { log_likelihood: most, weights: most, means: most, covariances: most }
    };
    hold_to_the_oracle(&blobs.make(), 0.0, &CovarianceType::ALL, tolerance);
}

#[test]
fn blobs_that_overlap_heavily_are_followed() {
    let blobs = Blobs { spacing: 1.0, ..Blobs::new(20_000, 3, 4) };
    hold_to_the_oracle(&blobs.make(), 0.0, &CovarianceType::ALL, as_promised);
}

#[test]
fn a_component_with_a_ten_thousandth_of_the_samples_is_followed() {
    let blobs = Blobs { last_share: Some(1e-4), spacing: 8.0, ..Blobs::new(200_000, 2, 3) };
    hold_to_the_oracle(&blobs.make(), 0.0, &CovarianceType::ALL, as_promised);
}

#[test]
fn two_million_samples_are_summed_without_loss() {
    let data = Blobs::new(2_000_000, 2, 3).make();
    hold_to_the_oracle(&data, 0.0, &[CovarianceType::Full, CovarianceType::Tied], as_promised);
}

/// scikit-learn 1.9.1 raises an error here, on its single-precision path.
#[test]
fn single_precision_samples_far_from_zero_are_fitted() {
    for offset in [1e3, 1e4] {
        let mut data = Blobs { condition: 1.0, ..Blobs::new(12_345, 3, 4) }.make();
        let samples = data.samples.mapv(|x| (x + offset) as f32);
        data.samples = samples.mapv(|x| f64::from(x) - offset);
        let weights = vec![1.0; 12_345];
        let points = Points::new(&samples).unwrap();
        for family in CovarianceType::ALL {
            let start = data.start(family);
            let (last, bounds) = start.epochs(&data.samples, &weights, REG_COVAR, EPOCHS);
            let (start, last) = (to_mixture(&shifted(start, offset)), shifted(last, offset));
            for subject in devices() {
                let mut backend = subject.device.load(&points).unwrap();
                let (found, found_bounds) = epochs(&mut *backend, &start, REG_COVAR, EPOCHS);
                Distance::between((&last, bounds[EPOCHS - 1]), (&found, found_bounds[EPOCHS - 1]))
                    .assert_within(subject.tolerance, &format!("{}, {family}, offset {offset}", subject.name));
            }
        }
    }
}

/// scikit-learn 1.9.1 finds a variance of -0.9999998 here, on its single-precision path.
#[test]
fn two_single_precision_samples_far_apart_have_no_negative_variance() {
    let samples: Array2<f32> = array![[9999.0], [0.0]];
    for subject in devices() {
        for family in CovarianceType::ALL {
            let floor = Floor::Absolute(REG_COVAR);
            let options = FitOptions { covariance_type: family, floor, ..FitOptions::new(2) };
            let variances = fitted_variances(&samples, &subject.device, &options);
            // Each sample is a component of its own, whose variance is the floor alone. The spread about a component's
            // mean is at most the rounding of the position, which for f32 is 5e-4 at 9999.
            let most = if subject.is_double() { 1e-12 } else { 5e-4_f64.powi(2) };
            assert!(
                variances.iter().all(|v| (*v - REG_COVAR).abs() <= most),
                "{}, {family}: {variances:?}",
                subject.name
            );
            let options = FitOptions { n_components: 1, ..options };
            let variance = fitted_variances(&samples, &subject.device, &options)[0];
            let expected = 9999.0_f64.powi(2) / 4.0 + REG_COVAR;
            assert!((variance / expected - 1.0).abs() <= subject.tolerance.covariances, "{}: {variance}", subject.name);
        }
    }
}

fn fitted_variances(samples: &Array2<f32>, device: &Device, options: &FitOptions) -> Vec<f64> {
    let points = Points::new(samples).unwrap();
    let result = fit(&points, device, options).unwrap();
    CovarianceArray::values(result.mixture.covariances()).to_vec()
}

#[test]
fn a_model_far_wider_than_its_samples_costs_no_digits() {
    let data = Blobs::new(12_345, 3, 1).make();
    let weights = vec![1.0; 12_345];
    let points = points(&data.samples, None);
    for family in CovarianceType::ALL {
        let mut start = data.start(family);
        start.covariances.iter_mut().flatten().flatten().for_each(|x| *x *= 1e8);
        let (last, bounds) = start.epochs(&data.samples, &weights, REG_COVAR, 1);
        for subject in devices() {
            let mut backend = subject.device.load(&points).unwrap();
            let (found, found_bounds) = epochs(&mut *backend, &to_mixture(&start), REG_COVAR, 1);
            Distance::between((&last, bounds[0]), (&found, found_bounds[0]))
                .assert_within(subject.tolerance, &format!("{}, {family}", subject.name));
        }
    }
}

/// k-means sees clusters through a model as wide as all samples together.
#[test]
fn clusters_ten_thousand_times_tighter_than_the_data_start_with_their_own_shapes() {
    let blobs = Blobs { spacing: 1e4, ..Blobs::new(12_345, 3, 4) };
    let points_of_all = blobs.make();
    let points = points(&points_of_all.samples, None);
    let options = FitOptions { max_iter: 0, floor: Floor::Absolute(0.0), ..FitOptions::new(4) };
    for family in CovarianceType::ALL {
        let options = FitOptions { covariance_type: family, ..options.clone() };
        let expected = fit(&points, &Device::cpu(), &options).unwrap().mixture;
        for subject in devices() {
            let found = fit(&points, &subject.device, &options).unwrap().mixture;
            // f32 rounds positions that reach over 10,000 standard deviations to 6e-4 of one.
            let tolerance = if subject.is_double() { subject.tolerance } else { subject.tolerance.times(10.0) };
            Distance::of_models(&to_model(&expected), &found)
                .assert_within(tolerance, &format!("{}, {family}", subject.name));
        }
    }
}

#[test]
fn samples_of_any_scale_are_fitted_beside_a_floor_that_is_far_larger() {
    for scale in [1e-150, 1e-23, 1e20] {
        let samples = Blobs::new(1_000, 2, 2).make().samples * scale;
        let points = points(&samples, None);
        for subject in devices() {
            for family in CovarianceType::ALL {
                let options = FitOptions { covariance_type: family, ..FitOptions::new(2) };
                let fitted = fit(&points, &subject.device, &options).unwrap();
                assert!(fitted.log_likelihood.is_finite(), "{}, {family}, {scale:e}", subject.name);
            }
        }
    }
}
