//! Components that collapse: what is repaired, dropped or named, on every backend; and fits that follow no units.

use mixtura::fit::{Collapse, Floor, OnCollapse, Remedy, WarmStart};
use mixtura::{CovarianceArray, CovarianceType, Error, Fit, FitOptions, Init, Mixture, Points, Update, fit};
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::common::compare::points;
use crate::common::data::Blobs;
use crate::common::devices::{Subject, devices};

/// Two clusters of 50 samples each at 0 and 100, and three models of one component at each of three places.
fn start(places: [f64; 3]) -> (Array2<f64>, WarmStart) {
    let cluster = |n: usize| if n.is_multiple_of(2) { 0.0 } else { 100.0 };
    let samples = Array2::from_shape_fn((100, 2), |(n, i)| cluster(n) + (n as f64 * (0.618 + i as f64)).fract());
    let means = Array2::from_shape_fn((3, 2), |(k, _)| places[k]);
    let covariances = CovarianceArray::Full(ndarray::Array3::from_shape_fn((3, 2, 2), |(_, i, j)| f64::from(i == j)));
    let mixture = Mixture::new(Array1::from_elem(3, 1.0 / 3.0), means, covariances).unwrap();
    (samples, WarmStart { mixture, lower_bound: None })
}

fn far_from_all(on_collapse: OnCollapse, subject: &Subject) -> Fit {
    let (samples, warm_start) = start([0.5, 100.5, -300.0]);
    let options = FitOptions { warm_start: Some(warm_start), on_collapse, max_iter: 50, ..FitOptions::new(3) };
    fit(&points(&samples, None), &subject.device, &options).unwrap()
}

#[test]
fn a_component_without_samples_begins_anew_at_the_worst_explained() {
    for subject in devices() {
        let result = far_from_all(OnCollapse::Repair, subject);
        let first = result.repairs[0];
        assert_eq!((first.epoch, first.component), (1, 2), "{}", subject.name);
        assert!(matches!(first.collapse, Collapse::TooFewSamples { needed: 3, samples } if samples < 1e-6));
        assert!(matches!(first.remedy, Remedy::MovedTo { .. }));
        assert_eq!(result.mixture.n_components(), 3);
        assert!(result.mixture.weights()[2] > 0.02, "{}: {}", subject.name, result.mixture.weights());
    }
}

#[test]
fn a_component_without_samples_is_dropped_or_left_as_asked() {
    for subject in devices() {
        let dropped = far_from_all(OnCollapse::Drop, subject);
        assert_eq!(dropped.mixture.n_components(), 2, "{}", subject.name);
        assert_eq!((dropped.repairs.len(), dropped.repairs[0].remedy), (1, Remedy::Dropped));
        assert!(dropped.mixture.weights().iter().all(|weight| (weight - 0.5).abs() < 1e-3));
        let left = far_from_all(OnCollapse::Error, subject);
        assert!(left.repairs.is_empty());
        assert!(left.mixture.weights()[2] < 1e-6);
    }
}

#[test]
fn a_component_of_equal_samples_and_no_floor_is_repaired_dropped_or_named() {
    // Half of the samples are equal.
    let samples = Array2::from_shape_fn((90, 2), |(n, i)| match n.is_multiple_of(2) {
        true => 50.0,
        false => (n as f64 * (0.618 + 0.2 * i as f64)).fract(),
    });
    let fitted = |subject: &Subject, on_collapse| {
        let options = FitOptions { on_collapse, floor: Floor::Absolute(0.0), ..FitOptions::new(2) };
        fit(&points(&samples, None), &subject.device, &options)
    };
    for subject in devices() {
        let error = fitted(subject, OnCollapse::Error).unwrap_err();
        assert!(matches!(error, Error::NotPositiveDefinite { component: Some(_), .. }), "{}: {error}", subject.name);
        let dropped = fitted(subject, OnCollapse::Drop).unwrap();
        assert_eq!((dropped.mixture.n_components(), dropped.repairs[0].epoch), (1, 0), "{}", subject.name);
        assert!(matches!(dropped.repairs[0].collapse, Collapse::NotPositiveDefinite { .. }));
        assert!(dropped.warnings[0].to_string().contains("1 of 2 components were dropped"), "{:?}", dropped.warnings);
        let repaired = fitted(subject, OnCollapse::Repair).unwrap();
        assert!(matches!(repaired.repairs[0].remedy, Remedy::MovedTo { .. }), "{}", subject.name);
        assert!(repaired.repairs.len() <= 5, "{:?}", repaired.repairs);
    }
}

/// All orders of four things.
fn orders() -> Vec<Vec<usize>> {
    let all = (0..256).map(|i| vec![i / 64, i / 16 % 4, i / 4 % 4, i % 4]);
    all.filter(|order| (0..4).all(|k| order.contains(&k))).collect()
}

#[test]
fn components_that_alone_explain_far_samples_stay_in_whatever_order_they_are() {
    let centres = [[0.0, 0.0], [8.0, 0.0], [500.0, 90.0], [-40.0, 700.0]];
    let samples = Array2::from_shape_fn((402, 2), |(n, i)| match n {
        400 | 401 => centres[n - 398][i],
        n => centres[n % 2][i] + (n as f64 * (0.618 + 0.137 * i as f64)).fract(),
    });
    for subject in devices() {
        for order in orders() {
            let means = Array2::from_shape_fn((4, 2), |(k, i)| centres[order[k]][i]);
            let covariances =
                CovarianceArray::Full(ndarray::Array3::from_shape_fn((4, 2, 2), |(_, i, j)| f64::from(i == j)));
            let mixture = Mixture::new(Array1::from_elem(4, 0.25), means, covariances).unwrap();
            let warm_start = Some(WarmStart { mixture, lower_bound: None });
            let options = FitOptions { warm_start, ..FitOptions::new(4) };
            let result = fit(&points(&samples, None), &subject.device, &options).unwrap();
            let kept = result.repairs.iter().filter(|repair| matches!(repair.remedy, Remedy::KeptAt { .. })).count();
            assert_eq!((result.repairs.len(), kept), (2, 2), "{}, {order:?}: {:?}", subject.name, result.repairs);
        }
    }
}

#[test]
fn the_last_component_cannot_be_dropped() {
    let samples = array![[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [5.0, 5.0]];
    for subject in devices() {
        for on_collapse in OnCollapse::ALL {
            let options = FitOptions { on_collapse, floor: Floor::Absolute(0.0), ..FitOptions::new(2) };
            let error = fit(&points(&samples, None), &subject.device, &options).unwrap_err();
            assert!(matches!(error, Error::NotPositiveDefinite { component: Some(_), .. }), "{error}");
        }
    }
}

#[test]
fn metres_and_millimetres_give_the_same_labels() {
    let data = Blobs::new(600, 3, 4).make();
    for subject in devices() {
        for family in CovarianceType::ALL {
            let labels = |factor: f64| {
                let samples = &data.samples * factor;
                let points = points(&samples, None);
                let options = FitOptions { covariance_type: family, ..FitOptions::new(4) };
                let fitted = fit(&points, &subject.device, &options).unwrap();
                assert!(fitted.converged, "{}, {family}, {factor}", subject.name);
                subject.device.load(&points).unwrap().assess(fitted.mixture.quadratics(), 0..600).unwrap().labels
            };
            let expected = labels(1.0);
            for exponent in [-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6] {
                let found = labels(10_f64.powi(exponent));
                assert_eq!(found, expected, "{}, {family}, 1e{exponent}", subject.name);
            }
        }
    }
}

/// What hostile data are made of.
#[derive(Debug, Clone)]
struct Hostile {
    samples: Array2<f64>,
    weights: Option<Array1<f64>>,
    k: usize,
    family: CovarianceType,
    init: Init,
    update: Update,
    seed: u64,
}

/// Few distinct samples many times over, columns that are constant or follow from others, outliers of 1e12 and weights of 0.
fn hostile() -> impl Strategy<Value = Hostile> {
    let value = prop_oneof![
        4 => -10.0..10.0,
        2 => Just(0.0),
        1 => prop::sample::select(vec![1.0, -1.0, 0.1, 1e-12, 1e6]),
    ];
    let outlier = prop_oneof![9 => Just(None), 1 => prop::sample::select(vec![1e12, -1e12, 3e12]).prop_map(Some)];
    (1..=12_usize, 1..=4_usize, 1..=6_usize)
        .prop_flat_map(move |(distinct, d, k)| {
            (
                prop::collection::vec(value.clone(), distinct * d),
                prop::collection::vec(
                    (0..distinct, outlier.clone(), prop_oneof![1 => Just(0.0), 4 => 0.01..10.0]),
                    k..=40,
                ),
                (any::<bool>(), prop::collection::vec(0..4_u8, d)),
                Just((d, k)),
                prop::sample::select(CovarianceType::ALL.to_vec()),
                prop::sample::select(vec![Init::KMeans, Init::KMeansPlusPlus, Init::Random, Init::RandomFromData]),
                prop::sample::select(vec![
                    Update::Em,
                    Update::Damped { learning_rate: 0.5 },
                    Update::Gradient { learning_rate: 0.01, momentum: 0.5 },
                    Update::Squarem,
                    Update::Stepwise { batch_size: 7, decay: 0.7, polish: true },
                ]),
                any::<u64>(),
            )
        })
        .prop_filter_map("as many samples of some weight as components", make)
}

type Parts =
    (Vec<f64>, Vec<(usize, Option<f64>, f64)>, (bool, Vec<u8>), (usize, usize), CovarianceType, Init, Update, u64);

fn make((values, rows, (is_weighted, columns), (d, k), family, init, update, seed): Parts) -> Option<Hostile> {
    let samples = Array2::from_shape_fn((rows.len(), d), |(n, i)| {
        let (row, outlier, _) = rows[n];
        match columns[i] {
            0 => values[i],                                  // Constant.
            1 if i > 0 => 3.0 * values[row * d] + values[0], // Follows from the first.
            _ => outlier.filter(|_| i == d - 1).unwrap_or(values[row * d + i]),
        }
    });
    let weights: Option<Array1<f64>> = is_weighted.then(|| rows.iter().map(|(_, _, weight)| *weight).collect());
    let n_effective = weights.as_ref().map_or(rows.len(), |weights| weights.iter().filter(|w| **w > 0.0).count());
    (n_effective >= k).then_some(Hostile { samples, weights, k, family, init, update, seed })
}

/// Fits of them end with a finite model; on single precision, if it can hold the samples.
fn ends_well(hostile: &Hostile, subject: &Subject) -> Result<(), TestCaseError> {
    let Hostile { samples, weights, k, family, init, update, seed } = hostile;
    let mut points = Points::new(samples.view()).unwrap();
    if let Some(weights) = weights {
        points = points.with_weights(weights.clone()).unwrap();
    }
    let (update, init) = (*update, *init);
    let options =
        FitOptions { covariance_type: *family, init, update, seed: *seed, max_iter: 30, ..FitOptions::new(*k) };
    let fitted = match fit(&points, &subject.device, &options) {
        Err(Error::TooWideForSinglePrecision { .. }) if !subject.is_double() => return Ok(()),
        result => result.map_err(|error| TestCaseError::fail(format!("{}: {error}", subject.name)))?,
    };
    let mixture = &fitted.mixture;
    let values = [mixture.means().as_slice().unwrap(), mixture.covariances().values(), &fitted.lower_bounds];
    prop_assert!(values.concat().iter().all(|x| x.is_finite()), "{}: {fitted:?}", subject.name);
    prop_assert!(fitted.log_likelihood.is_finite(), "{}: {fitted:?}", subject.name);
    prop_assert!((mixture.weights().sum() - 1.0).abs() < 1e-9);
    prop_assert!(fitted.repairs.len() <= 3 * k, "{}: {:?}", subject.name, fitted.repairs);
    Ok(())
}

/// `MIXTURA_TEST_CASES` says how many.
#[test]
fn no_fit_of_hostile_data_fails() {
    let cases = std::env::var("MIXTURA_TEST_CASES").map_or(200, |cases| cases.parse().expect("a number of cases"));
    let config = Config { cases, rng_seed: RngSeed::Fixed(0), failure_persistence: None, ..Config::default() };
    for subject in devices() {
        let result = TestRunner::new(config.clone()).run(&hostile(), |hostile| ends_well(&hostile, subject));
        result.unwrap_or_else(|failure| panic!("{}: {failure}", subject.name));
    }
}
