//! What cannot be done is an error that names the place, never a NaN.

use mixtura::device::Assignment;
use mixtura::fit::{Floor, OnCollapse};
use mixtura::{CovarianceType, Error, FitOptions, Init, Points, fit};
use ndarray::{Array1, Array2, array};

use crate::common::compare::{points, to_mixture};
use crate::common::data::Blobs;
use crate::common::devices::devices;

#[test]
fn fewer_samples_than_components_are_refused() {
    let samples = array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]];
    for subject in devices() {
        let fit = |weights: &[f64], k| fit(&points(&samples, Some(weights)), &subject.device, &FitOptions::new(k));
        assert!(matches!(fit(&[1.0; 3], 4), Err(Error::TooFewSamples { n_samples: 3, n_components: 4 })));
        // A sample of weight zero is none.
        assert!(matches!(fit(&[1.0, 0.0, 1.0], 3), Err(Error::TooFewSamples { n_samples: 2, n_components: 3 })));
        assert!(fit(&[1.0, 0.0, 1.0], 2).is_ok());
    }
}

#[test]
fn as_many_components_as_samples_are_fitted() {
    let samples = array![[0.0, 1.0], [2.0, 3.0], [4.0, 7.0]];
    for subject in devices() {
        for family in CovarianceType::ALL {
            for init in [Init::KMeans, Init::KMeansPlusPlus, Init::RandomFromData] {
                let options = FitOptions { covariance_type: family, init, ..FitOptions::new(3) };
                let result = fit(&points(&samples, None), &subject.device, &options).unwrap();
                let weights = result.mixture.weights();
                assert!(
                    weights.iter().all(|w| (w - 1.0 / 3.0).abs() < 1e-5),
                    "{}, {family}, {init:?}: {weights}",
                    subject.name
                );
            }
        }
    }
}

#[test]
fn a_model_of_other_features_is_refused_by_every_pass() {
    let points = Points::new(array![[0.0, 1.0], [2.0, 3.0]]).unwrap();
    let wide = to_mixture(&Blobs::new(2, 3, 1).make().start(CovarianceType::Full));
    let refused = |error: Error| matches!(error, Error::FeatureCount { expected: 3, found: 2 });
    for subject in devices() {
        let mut backend = subject.device.load(&points).unwrap();
        assert!(refused(backend.moments(&wide, Assignment::Soft).unwrap_err()));
        assert!(refused(backend.moments(&wide, Assignment::Hard).unwrap_err()));
        assert!(refused(backend.log_likelihood(wide.quadratics()).unwrap_err()));
        assert!(refused(backend.assess(wide.quadratics(), 0..2).unwrap_err()));
        assert!(refused(backend.responsibilities(wide.quadratics(), 0..2).unwrap_err()));
        assert!(refused(subject.device.predict(&wide, &points).unwrap_err()));
    }
}

#[test]
fn a_start_of_another_shape_or_family_is_refused() {
    let data = Blobs::new(100, 3, 4).make();
    let start = to_mixture(&data.start(CovarianceType::Full));
    for subject in devices() {
        let run = |options: FitOptions| fit(&points(&data.samples, None), &subject.device, &options);
        let given = |k| FitOptions { means_init: Some(start.means().clone()), ..FitOptions::new(k) };
        assert!(matches!(run(given(3)), Err(Error::Shape { .. })));
        let narrow = FitOptions { means_init: Some(Array2::zeros((4, 2))), ..FitOptions::new(4) };
        assert!(matches!(run(narrow), Err(Error::Shape { .. })));
        let weights = FitOptions { weights_init: Some(array![0.5, 0.2, 0.2, 0.2]), ..FitOptions::new(4) };
        assert!(matches!(run(weights), Err(Error::InvalidParameter { .. })));
        let precisions = FitOptions {
            precisions_init: Some(start.precisions()),
            covariance_type: CovarianceType::Diag,
            ..FitOptions::new(4)
        };
        assert!(run(precisions).is_err());
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let samples = array![[0.0], [1.0], [2.0]];
    for subject in devices() {
        for options in [
            FitOptions::new(0),
            FitOptions { n_init: 0, ..FitOptions::new(1) },
            FitOptions { tol: -1.0, ..FitOptions::new(1) },
            FitOptions { tol: f64::NAN, ..FitOptions::new(1) },
            FitOptions { floor: Floor::Absolute(-1e-9), ..FitOptions::new(1) },
            FitOptions { floor: Floor::Absolute(f64::INFINITY), ..FitOptions::new(1) },
        ] {
            let result = fit(&points(&samples, None), &subject.device, &options);
            assert!(matches!(result, Err(Error::InvalidOption { .. })), "{options:?}");
        }
    }
}

/// The component and feature that an error says have collapsed.
fn collapsed(result: mixtura::Result<mixtura::Fit>) -> (Option<usize>, usize) {
    match result {
        Err(Error::NotPositiveDefinite { component, feature, .. }) => (component, feature),
        Err(other) => panic!("another error: {other}"),
        Ok(result) => panic!("a fit without an error: {:?}", result.mixture),
    }
}

#[test]
fn a_constant_feature_without_a_floor_names_the_component_and_the_feature() {
    // 0.1 is no binary fraction: a mean of many of them is off by a rounding.
    for constant in [0.0, 0.1, 1e6 + 0.1] {
        let mut samples = Blobs::new(1_000, 3, 2).make().samples;
        samples.column_mut(1).fill(constant);
        for subject in devices() {
            for init in [Init::KMeans, Init::Random] {
                for family in [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag] {
                    let options = FitOptions {
                        covariance_type: family,
                        floor: Floor::Absolute(0.0),
                        on_collapse: OnCollapse::Error,
                        init,
                        ..FitOptions::new(2)
                    };
                    let result = fit(&points(&samples, None), &subject.device, &options);
                    println!("{}, {family}, {init:?}, {constant}", subject.name);
                    let (component, feature) = collapsed(result);
                    assert_eq!((component.is_none(), feature), (family == CovarianceType::Tied, 1));
                }
            }
        }
    }
}

#[test]
fn duplicate_samples_without_a_floor_name_the_component() {
    let samples = Array2::from_shape_fn((100, 2), |(n, i)| if n % 2 == 0 { 0.1 + i as f64 } else { 5.3 - i as f64 });
    for subject in devices() {
        for family in CovarianceType::ALL {
            let options = FitOptions {
                covariance_type: family,
                floor: Floor::Absolute(0.0),
                on_collapse: OnCollapse::Error,
                ..FitOptions::new(2)
            };
            let result = fit(&points(&samples, None), &subject.device, &options);
            println!("{}, {family}", subject.name);
            assert_eq!(collapsed(result).0.is_none(), family == CovarianceType::Tied);
        }
    }
}

#[test]
fn a_floor_keeps_constant_features_and_duplicates_from_collapsing() {
    let mut constant = Blobs::new(1_000, 3, 2).make().samples;
    constant.column_mut(1).fill(0.1);
    let duplicates = Array2::from_shape_fn((100, 2), |(n, i)| if n % 2 == 0 { 0.1 + i as f64 } else { 5.3 - i as f64 });
    let same = Array2::from_elem((50, 2), 7.7);
    for subject in devices() {
        for samples in [&constant, &duplicates, &same] {
            for family in CovarianceType::ALL {
                let options = FitOptions { covariance_type: family, ..FitOptions::new(2) };
                let result = fit(&points(samples, None), &subject.device, &options).unwrap();
                let mixture = &result.mixture;
                let values = mixture.means().iter().chain(mixture.covariances().values()).chain(mixture.weights());
                assert!(values.chain([&result.log_likelihood]).all(|x| x.is_finite()), "{}, {family}", subject.name);
            }
        }
    }
}

#[test]
fn a_component_far_from_all_samples_stays_where_it_is() {
    let data = Blobs::new(1_000, 3, 2).make();
    let points = points(&data.samples, None);
    for subject in devices() {
        for family in CovarianceType::ALL {
            let mut start = data.start(family);
            start.means[1] = vec![1e4; 3];
            let start = to_mixture(&start);
            let mut backend = subject.device.load(&points).unwrap();
            let moments = backend.moments(&start, Assignment::Soft).unwrap();
            let next = moments.maximize(1e-6).unwrap();
            let what = format!("{}, {family}: {next:?}", subject.name);
            assert!(next.weights()[1] < 1e-12 && (next.weights()[0] - 1.0).abs() < 1e-12, "{what}");
            assert!(next.means().row(1).iter().all(|x| (x - 1e4).abs() < 1e-6), "{what}");
            assert!(next.covariances().values().iter().all(|x| x.is_finite()), "{what}");
            assert!(backend.log_likelihood(next.quadratics()).unwrap().is_finite());
        }
    }
}

#[test]
fn bad_values_and_weights_never_reach_a_device() {
    assert!(matches!(Points::new(array![[0.0], [f64::NAN]]), Err(Error::NonFinite { row: 1, count: 1, .. })));
    assert!(matches!(Points::new(array![[0.0f32, f32::INFINITY]]), Err(Error::NonFinite { row: 0, .. })));
    assert!(matches!(Points::new(array![[1e200]]), Err(Error::TooLarge { row: 0, .. })));
    assert!(matches!(Points::new(Array2::<f64>::zeros((0, 3))), Err(Error::EmptyData { n_samples: 0, n_features: 3 })));
    let weighted = |weights: Array1<f64>| Points::new(array![[1.0], [2.0]]).unwrap().with_weights(weights);
    assert!(matches!(weighted(array![1.0]), Err(Error::WeightCount { expected: 2, found: 1 })));
    assert!(matches!(weighted(array![1.0, -1.0]), Err(Error::BadWeight { row: 1, .. })));
    assert!(matches!(weighted(array![0.0, 0.0]), Err(Error::WeightSum { .. })));
}

#[test]
fn values_of_any_size_give_the_same_fit_but_for_their_unit() {
    let samples = Blobs::new(500, 2, 2).make().samples;
    for subject in devices() {
        for family in CovarianceType::ALL {
            let options = FitOptions { covariance_type: family, max_iter: 5, tol: 0.0, ..FitOptions::new(2) };
            let run = |samples: &Array2<f64>| fit(&points(samples, None), &subject.device, &options).unwrap();
            let expected = run(&samples);
            for scale in [1e-30, 1e-3, 1e15, 1e30, 1e90] {
                let what = format!("{}, {family}, {scale:e}", subject.name);
                let found = run(&(&samples * scale));
                // A density is per unit of each of two features.
                let in_old_unit = found.mean_log_likelihood() + 2.0 * f64::ln(scale);
                let tolerance = subject.tolerance;
                let difference = (in_old_unit - expected.mean_log_likelihood()).abs();
                assert!(difference <= tolerance.log_likelihood, "{what}: {difference:e}");
                let means = (found.mixture.means() / scale - expected.mixture.means()).mapv(f64::abs);
                assert!(means.iter().all(|x| *x <= tolerance.means), "{what}: {means}");
                let variances = found.mixture.covariances().values().iter().map(|x| x / scale / scale);
                let differences = variances.zip(expected.mixture.covariances().values()).map(|(a, b)| (a - b).abs());
                assert!(differences.fold(0.0, f64::max) <= tolerance.covariances, "{what}: {:?}", found.mixture);
            }
        }
    }
}
