//! Starts that are coarse to fine: levels of the samples, and what they leave as it is.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mixtura::data::{Home, Visit};
use mixtura::fit::{FitState, Fitting, OnCollapse, Remedy, Search, Start, WarmStart, fit_observed};
use mixtura::{CovarianceType, Data, Device, Error, Fit, FitOptions, Init, Points, Summary, Update, fit};
use ndarray::{Array1, Array2};

use crate::common::compare::{points, to_mixture};
use crate::common::data::Blobs;
use crate::common::devices::devices;

const K: usize = 3;
const D: usize = 2;

/// Enough for three levels: 20 (D + 1) K is 180.
const N: usize = 12_000;

fn blobs() -> Array2<f64> {
    Blobs { spacing: 2.0, ..Blobs::new(N, D, K) }.make().samples
}

fn options(family: CovarianceType) -> FitOptions {
    let start = Start::CoarseToFine;
    FitOptions { covariance_type: family, start, tol: 1e-5, max_iter: 500, seed: 3, ..FitOptions::new(K) }
}

fn shares(fit: &Fit) -> Vec<usize> {
    fit.levels.iter().map(|level| level.share).collect()
}

/// All that a fit found, to the bit.
fn found(fit: &Fit) -> (mixtura::Mixture, Vec<f64>, Vec<Vec<f64>>) {
    (fit.mixture.clone(), fit.lower_bounds.clone(), fit.levels.iter().map(|l| l.lower_bounds.clone()).collect())
}

#[test]
fn a_fit_climbs_on_ever_more_samples_and_ends_on_all_of_them_on_every_device() {
    let samples = blobs();
    let weights: Vec<f64> = (0..N).map(|i| (i % 4) as f64).collect();
    for subject in devices() {
        for family in CovarianceType::ALL {
            for weights in [None, Some(&weights[..])] {
                let points = points(&samples, weights);
                let mut seen = Vec::new();
                let observe = &mut |step: &mixtura::fit::Progress| {
                    seen.push((step.share, step.n_samples, step.is_last));
                    ControlFlow::Continue(())
                };
                let coarse = fit_observed(&points, &subject.device, &options(family), observe).unwrap();
                let what = format!("{family} on {}", subject.name);
                assert!(coarse.converged && coarse.warnings.is_empty(), "{what}: {:?}", coarse.warnings);
                // Of weight there is three quarters of the samples.
                let expected: &[usize] = if weights.is_some() { &[16, 4] } else { &[64, 16, 4] };
                assert_eq!(shares(&coarse), expected, "{what}");
                for level in &coarse.levels {
                    assert!(level.n_samples.abs_diff(N / level.share) <= 1 && level.lower_bounds.len() > 1, "{what}");
                }
                assert_eq!(coarse.n_iter, coarse.lower_bounds.len());
                let on_all = seen.iter().filter(|(share, n, _)| (*share, *n) == (1, N)).count();
                let on_parts: usize = coarse.levels.iter().map(|level| level.lower_bounds.len()).sum();
                assert_eq!((on_all, seen.len()), (coarse.n_iter, coarse.n_iter + on_parts), "{what}");
                let last: Vec<bool> = seen.iter().map(|(.., is_last)| *is_last).collect();
                assert!(last.ends_with(&[true]) && last.iter().filter(|is_last| **is_last).count() == 1, "{what}");

                let direct = FitOptions { start: Start::Direct, ..options(family) };
                let direct = fit(&points, &subject.device, &direct).unwrap();
                assert!(direct.levels.is_empty());
                let gain = coarse.mean_log_likelihood() - direct.mean_log_likelihood();
                assert!(gain > -2e-3, "{what}: {gain}");
            }
        }
    }
}

/// Samples of which nothing is said but in passes of chunks of one block, which are counted, and no copies of which find
/// room.
struct Passing<'p> {
    points: &'p Points<'p>,
    room: u64,
    passes: AtomicUsize,
}

impl Data for Passing<'_> {
    fn summary(&self) -> &Summary {
        self.points.summary()
    }

    fn home(&self) -> Home {
        Data::home(self.points)
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> mixtura::Result<()> {
        self.passes.fetch_add(1, Ordering::Relaxed);
        let (n, rows) = (self.points.n_samples(), mixtura::data::block_rows(self.points.n_features()));
        (0..n).step_by(rows).try_for_each(|first| {
            let chunk = self.points.slice(first..(first + rows).min(n)).unwrap();
            visit(first, &chunk)
        })
    }

    fn room(&self) -> u64 {
        self.room
    }
}

/// Several blocks of samples of many features.
fn wide() -> Array2<f64> {
    let d = 200;
    Blobs { spacing: 1.0, ..Blobs::new(3 * mixtura::data::block_rows(d) + 1234, d, 2) }.make().samples
}

#[test]
fn levels_have_the_same_bits_in_memory_and_in_passes_and_on_any_number_of_threads() {
    let samples = wide();
    let points = points(&samples, None);
    let options = FitOptions {
        covariance_type: CovarianceType::Diag,
        start: Start::CoarseToFine,
        tol: 1e-4,
        ..FitOptions::new(2)
    };
    let fitted = |data: &dyn Data| fit(data, &Device::cpu(), &options).unwrap();
    let expected = fitted(&points);
    assert!(!expected.levels.is_empty());
    for room in [0, 1 << 22, u64::MAX] {
        let passing = Passing { points: &points, room, passes: AtomicUsize::new(0) };
        assert_eq!(found(&fitted(&passing)), found(&expected), "{room} bytes");
        if room == u64::MAX {
            // One to draw the levels, the epochs, and one that says what the model is worth.
            assert_eq!(passing.passes.into_inner(), expected.n_iter + 2);
        }
    }
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(found(&pool.install(|| fitted(&points))), found(&expected), "{threads} threads");
    }
}

#[test]
fn a_fit_that_goes_on_after_any_epoch_ends_with_the_same_bits() {
    let samples = blobs();
    let points = points(&samples, None);
    let in_step = Passing { points: &points, room: u64::MAX, passes: AtomicUsize::new(0) };
    for data in [&points as &dyn Data, &in_step] {
        let options = FitOptions { n_init: 2, init: Init::RandomFromData, ..options(CovarianceType::Full) };
        let device = Device::cpu();
        let mut whole = Fitting::new(data, &device, &options).unwrap();
        let mut states = vec![whole.state()];
        while whole.epoch().unwrap().is_some() {
            states.push(whole.state());
        }
        let expected = whole.finish().unwrap();
        assert!(states.iter().any(|state| state.restarts.iter().flatten().any(|restart| restart.share == 16)));
        for state in states {
            let mut resumed = Fitting::resume(data, &device, &options, state).unwrap();
            while resumed.epoch().unwrap().is_some() {}
            assert_eq!(found(&resumed.finish().unwrap()), found(&expected));
        }
    }
}

#[test]
fn a_state_on_a_level_that_the_fit_has_not_is_an_error() {
    let samples = blobs();
    let points = points(&samples, None);
    let mut fitting = Fitting::new(&points, &Device::cpu(), &options(CovarianceType::Full)).unwrap();
    fitting.epoch().unwrap();
    let direct = FitOptions { start: Start::Direct, ..options(CovarianceType::Full) };
    let resumed = Fitting::resume(&points, &Device::cpu(), &direct, fitting.state());
    assert!(matches!(resumed.map(|_| ()), Err(Error::Parts { problem }) if problem.contains("1/64 of the samples")));
}

#[test]
fn levels_of_too_few_samples_are_left_out() {
    let samples = blobs();
    // 20 (D + 1) K = 180 samples, and one of 64, 16 or 4.
    for (n, expected) in [(N, vec![64, 16, 4]), (11_519, vec![16, 4]), (2_879, vec![4]), (719, vec![])] {
        let part = samples.slice(ndarray::s![..n, ..]).to_owned();
        let fitted = fit(&points(&part, None), &Device::cpu(), &options(CovarianceType::Full)).unwrap();
        assert_eq!(shares(&fitted), expected, "{n}");
        let said = fitted.warnings.iter().any(|warning| warning.to_string().contains("where there are 720 or more"));
        assert_eq!(said, expected.is_empty(), "{:?}", fitted.warnings);
    }
}

#[test]
fn auto_is_coarse_to_fine_for_plain_fits_of_many_samples_alone() {
    let summary = |n: usize| {
        Summary::of(&Points::new(Array2::from_shape_fn((n, 2), |(i, j)| (i * (j + 3) % 101) as f64)).unwrap())
    };
    let (many, few) = (summary(100_000), summary(99_999));
    let auto = |k: usize| FitOptions { start: Start::Auto, ..FitOptions::new(k) };
    assert_eq!(auto(3).start_on(&many), Start::CoarseToFine);
    assert_eq!(auto(3).start_on(&few), Start::Direct);
    // 320 (D + 1) K is 99,840 and 100,800.
    assert_eq!(auto(104).start_on(&many), Start::CoarseToFine);
    assert_eq!(auto(105).start_on(&many), Start::Direct);
    let mixture = to_mixture(&Blobs::new(100, 2, 3).make().start(CovarianceType::Full));
    let others = [
        FitOptions { max_iter: 0, ..auto(3) },
        FitOptions { update: Update::Damped { learning_rate: 0.5 }, ..auto(3) },
        FitOptions { warm_start: Some(WarmStart { mixture, lower_bound: None }), ..auto(3) },
    ];
    for options in others {
        assert_eq!(options.start_on(&many), Start::Direct);
        let asked = FitOptions { start: Start::CoarseToFine, ..options };
        assert_eq!(asked.start_on(&few), Start::CoarseToFine);
    }
    assert_eq!(FitOptions::new(3).start_on(&many), Start::Direct);
}

#[test]
fn a_given_model_is_climbed_from_where_that_is_asked() {
    let data = Blobs::new(N, D, K).make();
    let points = points(&data.samples, None);
    let mixture = to_mixture(&data.start(CovarianceType::Full));
    for lower_bound in [None, Some(-3.0)] {
        let warm_start = Some(WarmStart { mixture: mixture.clone(), lower_bound });
        let options = FitOptions { warm_start, ..options(CovarianceType::Full) };
        let mut first = None;
        let fitted = fit_observed(&points, &Device::cpu(), &options, &mut |step| {
            first.get_or_insert((step.share, step.change));
            ControlFlow::Continue(())
        });
        assert_eq!(first, Some((64, f64::INFINITY)));
        let fitted = fitted.unwrap();
        assert!(fitted.converged && fitted.n_iter > 1);
    }
}

#[test]
fn the_rule_of_the_user_ends_every_fit() {
    let samples = blobs();
    let points = points(&samples, None);
    let rules = [
        Update::Em,
        Update::Squarem,
        Update::Damped { learning_rate: 0.5 },
        Update::Stepwise { batch_size: 1000, decay: 0.7, polish: true },
    ];
    for update in rules {
        let options = FitOptions { update, ..options(CovarianceType::Full) };
        let mut kinds = Vec::new();
        let observe = &mut |step: &mixtura::fit::Progress| {
            kinds.push((step.share, step.kind.name()));
            ControlFlow::Continue(())
        };
        let fitted = fit_observed(&points, &Device::cpu(), &options, observe).unwrap();
        assert!(fitted.converged, "{update:?}");
        assert!(kinds.iter().any(|(share, kind)| *share > 1 && *kind == "extrapolated"));
        let own = kinds.iter().find(|(share, _)| *share == 1).unwrap().1;
        let expected = if update == Update::Squarem { "em" } else { update.name() };
        assert_eq!(own, expected);
    }
}

#[test]
fn no_epochs_give_the_initialisation_on_the_fewest_samples() {
    let samples = blobs();
    let options = FitOptions { max_iter: 0, ..options(CovarianceType::Full) };
    let fitted = fit(&points(&samples, None), &Device::cpu(), &options).unwrap();
    assert!(fitted.n_iter == 0 && fitted.levels.iter().all(|level| level.lower_bounds.is_empty()));
    assert!(fitted.log_likelihood.is_finite());
}

#[test]
fn a_fit_that_is_cut_short_on_a_level_tells_of_no_epochs_on_all_samples() {
    let samples = blobs();
    let points = points(&samples, None);
    let mut fitting = Fitting::new(&points, &Device::cpu(), &options(CovarianceType::Full)).unwrap();
    for _ in 0..3 {
        fitting.epoch().unwrap();
    }
    let fitted = fitting.finish().unwrap();
    assert!(!fitted.converged && fitted.n_iter == 0 && fitted.lower_bounds.is_empty());
    assert_eq!(fitted.levels.len(), 1);
    assert!(fitted.log_likelihood.is_finite());
}

#[test]
fn repairs_on_a_level_name_rows_of_all_samples() {
    let data = Blobs::new(N, D, K).make();
    let start = to_mixture(&data.start(CovarianceType::Full));
    let mut means = start.means().clone();
    means.row_mut(1).fill(5000.0);
    let mixture = mixtura::Mixture::new(start.weights().clone(), means, start.covariances().clone()).unwrap();
    let warm_start = Some(WarmStart { mixture, lower_bound: None });
    let options = FitOptions { warm_start, ..options(CovarianceType::Full) };
    for subject in devices() {
        let fitted = fit(&points(&data.samples, None), &subject.device, &options).unwrap();
        let repair = fitted.repairs.first().expect("a component without samples is repaired");
        assert_eq!((repair.share, repair.epoch), (64, 1));
        assert!(repair.to_string().starts_with("epoch 1 on 1/64 of the samples: "), "{repair}");
        let Remedy::MovedTo { row } = repair.remedy else { panic!("{repair}") };
        assert!((N / 64..N).contains(&row), "one of 64 rows is as low as that: {row}");
        assert!(fitted.converged);
    }
}

#[test]
fn a_component_that_collapses_on_a_level_is_no_error_where_all_samples_are_enough() {
    // One of a thousand samples is elsewhere: on a level there are too few of them for a covariance.
    let samples = Array2::from_shape_fn((N, D), |(i, j)| {
        let noise = ((i * (j + 7)) as f64 * 0.618_033_988_749).fract();
        if i % 1000 == 0 { 50.0 + noise } else { noise }
    });
    let options = FitOptions {
        on_collapse: OnCollapse::Error,
        floor: mixtura::fit::Floor::Absolute(0.0),
        ..options(CovarianceType::Full)
    };
    let fitted = fit(&points(&samples, None), &Device::cpu(), &options);
    match fitted {
        Ok(fitted) => assert!(fitted.log_likelihood.is_finite()),
        Err(error) => assert!(matches!(error, Error::NotPositiveDefinite { .. }), "{error}"),
    }
}

#[test]
fn data_of_every_strange_kind_come_to_an_end() {
    let n = 4000;
    let noise = |i: usize, j: usize| ((i * (2 * j + 7)) as f64 * 0.618_033_988_749).fract();
    type Value = fn(usize, f64) -> f64;
    let kinds: [(&str, Value); 6] = [
        ("constant", |_, _| 7.0),
        ("two values", |i, _| (i % 2) as f64),
        ("as far as can be", |i, x| if i % 500 == 3 { 1e99 } else { x }),
        ("tiny", |_, x| x * 1e-200),
        ("sorted", |i, x| (i / 1000) as f64 * 10.0 + x),
        ("a period of four", |i, x| (i % 4) as f64 * 5.0 + 0.1 * x),
    ];
    for (name, value) in kinds {
        let samples = Array2::from_shape_fn((n, D), |(i, j)| value(i, noise(i, j)));
        let weights = Array1::from_shape_fn(n, |i| if i % 3 == 0 { 0.0 } else { (i % 7) as f64 * 1e-3 });
        for family in CovarianceType::ALL {
            for weighted in [false, true] {
                let points = Points::new(&samples).unwrap();
                let points = if weighted { points.with_weights(weights.view()).unwrap() } else { points };
                let options = FitOptions { max_iter: 30, ..options(family) };
                match fit(&points, &Device::cpu(), &options) {
                    Ok(fitted) => assert!(fitted.log_likelihood.is_finite(), "{name}, {family}"),
                    Err(Error::NotPositiveDefinite { .. }) => {}
                    Err(error) => panic!("{name}, {family}: {error}"),
                }
            }
        }
    }
    // All weight is on a few samples, which no level may have.
    let samples = Array2::from_shape_fn((n, D), |(i, j)| noise(i, j));
    let weights = Array1::from_shape_fn(n, |i| if i % 400 == 0 { 1.0 } else { 0.0 });
    let points = Points::new(&samples).unwrap().with_weights(weights).unwrap();
    let fitted = fit(&points, &Device::cpu(), &options(CovarianceType::Spherical)).unwrap();
    assert!(fitted.levels.is_empty());
}

#[test]
fn a_fit_on_levels_that_is_stopped_stays_where_it_was() {
    let samples = blobs();
    let points = points(&samples, None);
    let stop = AtomicBool::new(false);
    let watched = mixtura::data::Watched::new(&points, &stop, &|_| {});
    let options = options(CovarianceType::Full);
    let mut fitting = Fitting::new(&watched, &Device::cpu(), &options).unwrap();
    for _ in 0..4 {
        fitting.epoch().unwrap();
    }
    let before = fitting.state();
    stop.store(true, Ordering::Relaxed);
    assert!(matches!(fitting.epoch(), Err(Error::Interrupted)));
    assert_eq!(fitting.state(), before);
    stop.store(false, Ordering::Relaxed);
    while fitting.epoch().unwrap().is_some() {}
    assert_eq!(found(&fitting.finish().unwrap()), found(&fit(&points, &Device::cpu(), &options).unwrap()));
}

#[test]
fn several_devices_climb_on_levels_too() {
    let samples = blobs();
    let points = points(&samples, None);
    let options = options(CovarianceType::Full);
    let alone = fit(&points, &Device::cpu(), &options).unwrap();
    let choice: mixtura::DeviceChoice = "cpu,cpu-f32".parse().unwrap_or_else(|never| match never {});
    let both = fit(&points, &Device::open(&choice).unwrap(), &options).unwrap();
    assert_eq!(shares(&both), [64, 16, 4]);
    assert!((both.mean_log_likelihood() - alone.mean_log_likelihood()).abs() < 1e-3);
}

#[test]
fn samples_that_are_elsewhere_have_no_levels() {
    let samples = blobs();
    let points = points(&samples, None);
    let summary = Summary::of(&points);
    let error = Search::new(&summary, &options(CovarianceType::Full)).unwrap_err();
    assert!(error.to_string().contains("the start is coarse-to-fine"), "{error}");
    let auto = FitOptions { start: Start::Auto, ..options(CovarianceType::Full) };
    assert!(Search::resume(&summary, &auto, FitState::default()).is_ok());
}
