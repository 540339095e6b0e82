//! The loop around the passes: starts, restarts, convergence and continuation, as scikit-learn has them.

use std::ops::ControlFlow;

use mixtura::device::DeviceInfo;
use mixtura::fit::{Floor, Progress, WarmStart, fit_observed};
use mixtura::{
    CovarianceArray, CovarianceType, Device, DeviceChoice, Error, Fit, FitOptions, Init, Mixture, Moments, Points, fit,
};
use ndarray::{Array1, Array2};

use crate::common::compare::{points, to_mixture};
use crate::common::data::{Blobs, Data};
use crate::common::devices::{Subject, devices};

const INITS: [Init; 4] = [Init::KMeans, Init::KMeansPlusPlus, Init::Random, Init::RandomFromData];

fn blobs() -> Data {
    Blobs::new(2_000, 3, 4).make()
}

fn fitted(subject: &Subject, samples: &Array2<f64>, options: &FitOptions) -> Fit {
    fit(&points(samples, None), &subject.device, options).unwrap()
}

fn from_start(data: &Data, family: CovarianceType) -> FitOptions {
    let mixture = to_mixture(&data.start(family));
    FitOptions {
        covariance_type: family,
        warm_start: Some(WarmStart { mixture, lower_bound: None }),
        ..FitOptions::new(4)
    }
}

#[test]
fn no_epochs_return_the_initialisation_unconverged_and_without_a_warning() {
    let data = blobs();
    for subject in devices() {
        let options = FitOptions { max_iter: 0, ..from_start(&data, CovarianceType::Full) };
        let result = fitted(subject, &data.samples, &options);
        assert_eq!(result.mixture, options.warm_start.unwrap().mixture);
        assert!(!result.converged && result.n_iter == 0 && result.lower_bounds.is_empty());
        assert_eq!(result.lower_bound, f64::NEG_INFINITY);
        assert!(result.warnings.is_empty(), "{:?}", result.warnings);
        assert!(result.log_likelihood.is_finite());
    }
}

#[test]
fn a_fit_stops_at_the_first_change_below_the_tolerance() {
    let data = blobs();
    for subject in devices() {
        for family in CovarianceType::ALL {
            let options = FitOptions { tol: 1e-4, ..from_start(&data, family) };
            let mut seen: Vec<Progress> = Vec::new();
            let points = points(&data.samples, None);
            let result = fit_observed(&points, &subject.device, &options, &mut |progress| {
                seen.push(progress.clone());
                ControlFlow::Continue(())
            })
            .unwrap();
            assert!(result.converged && result.warnings.is_empty(), "{}: {:?}", subject.name, result.warnings);
            assert_eq!(result.n_iter, result.lower_bounds.len());
            assert_eq!(result.lower_bound, result.lower_bounds[result.n_iter - 1]);
            let changes: Vec<f64> = result.lower_bounds.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
            let (last, others) = changes.split_last().unwrap();
            assert!(*last < 1e-4 && others.iter().all(|change| *change >= 1e-4), "{}: {changes:?}", subject.name);

            assert_eq!(seen.iter().map(|p| p.lower_bound).collect::<Vec<_>>(), result.lower_bounds);
            assert_eq!(seen.iter().map(|p| p.epoch).collect::<Vec<_>>(), (1..=result.n_iter).collect::<Vec<_>>());
            assert_eq!(seen[0].change, f64::INFINITY);

            // The first lower bound is that of the start; the model returned is one M step past the last.
            let bound = |mixture: &Mixture| subject.device.log_likelihood(mixture, &points).unwrap() / 2_000.0;
            let most = subject.tolerance.log_likelihood;
            assert!((result.lower_bounds[0] - bound(&options.warm_start.as_ref().unwrap().mixture)).abs() <= most);
            assert!((result.mean_log_likelihood() - bound(&result.mixture)).abs() <= most);
            assert!(result.mean_log_likelihood() >= result.lower_bound - most);
        }
    }
}

#[test]
fn a_tolerance_of_zero_never_converges_and_says_so() {
    let data = blobs();
    for subject in devices() {
        let options = FitOptions { tol: 0.0, max_iter: 7, ..from_start(&data, CovarianceType::Diag) };
        let result = fitted(subject, &data.samples, &options);
        assert!(!result.converged);
        assert_eq!((result.n_iter, result.lower_bounds.len()), (7, 7));
        assert_eq!(result.warnings.len(), 1, "{:?}", result.warnings);
    }
}

#[test]
fn a_warm_start_continues_bit_for_bit() {
    let data = blobs();
    for subject in devices() {
        for family in CovarianceType::ALL {
            let options = |max_iter| FitOptions { tol: 0.0, max_iter, ..from_start(&data, family) };
            let whole = fitted(subject, &data.samples, &options(10));
            let first = fitted(subject, &data.samples, &options(5));
            let start = WarmStart { mixture: first.mixture, lower_bound: Some(first.lower_bound) };
            let options = FitOptions { warm_start: Some(start), ..options(5) };
            let mut changes = Vec::new();
            let points = points(&data.samples, None);
            let second = fit_observed(&points, &subject.device, &options, &mut |p| {
                changes.push(p.change);
                ControlFlow::Continue(())
            })
            .unwrap();
            assert_eq!(second.mixture, whole.mixture, "{}, {family}", subject.name);
            assert_eq!([first.lower_bounds, second.lower_bounds].concat(), whole.lower_bounds);
            assert_eq!(
                changes[0],
                whole.lower_bounds[5] - whole.lower_bounds[4],
                "the first change is from the last bound"
            );
        }
    }
}

#[test]
fn a_warm_start_from_a_converged_fit_converges_at_once() {
    let data = blobs();
    for subject in devices() {
        let first = fitted(subject, &data.samples, &from_start(&data, CovarianceType::Full));
        let start = WarmStart { mixture: first.mixture, lower_bound: Some(first.lower_bound) };
        let options = FitOptions { warm_start: Some(start), ..FitOptions::new(4) };
        let second = fitted(subject, &data.samples, &options);
        assert!(first.converged && second.converged);
        assert_eq!(second.n_iter, 1);
    }
}

#[test]
fn restarts_never_score_worse_and_the_first_is_that_of_a_single_one() {
    // Random responsibilities on many overlapping blobs: restarts end in different places.
    let data = Blobs { spacing: 2.0, ..Blobs::new(2_000, 2, 6) }.make();
    let points = points(&data.samples, None);
    for subject in devices() {
        let run = |n_init| {
            let options =
                FitOptions { n_init, init: Init::RandomFromData, floor: Floor::Absolute(1e-3), ..FitOptions::new(6) };
            let mut seen = Vec::new();
            let result = fit_observed(&points, &subject.device, &options, &mut |p: &Progress| {
                seen.push(p.clone());
                ControlFlow::Continue(())
            })
            .unwrap();
            (result, seen)
        };
        let ((single, _), (best, seen)) = (run(1), run(4));
        let of_restart =
            |restart| -> Vec<f64> { seen.iter().filter(|p| p.restart == restart).map(|p| p.lower_bound).collect() };
        assert_eq!(of_restart(0), single.lower_bounds, "{}", subject.name);
        let ends: Vec<f64> = (0..4).map(|restart| *of_restart(restart).last().unwrap()).collect();
        assert!(ends.iter().all(|end| *end <= best.lower_bound) && ends.contains(&best.lower_bound), "{ends:?}");
        assert!(ends.iter().any(|end| *end != ends[0]), "restarts start from different places: {ends:?}");
        assert_eq!(best.epoch_seconds.len(), seen.len());
        assert!(best.lower_bound >= single.lower_bound);
    }
}

#[test]
fn the_seed_decides_everything() {
    let data = blobs();
    for subject in devices() {
        for init in INITS {
            let run = |seed| {
                let options = FitOptions { init, seed, max_iter: 3, ..FitOptions::new(4) };
                fitted(subject, &data.samples, &options)
            };
            let (a, b, c) = (run(1), run(1), run(2));
            assert!(a.mixture == b.mixture && a.lower_bounds == b.lower_bounds, "{}, {init:?}", subject.name);
            assert!(a.mixture != c.mixture, "{init:?}: another seed gives another start");
        }
    }
}

#[test]
fn every_initialisation_gives_a_finite_model_of_positive_weights() {
    let data = blobs();
    for subject in devices() {
        for init in INITS {
            for family in CovarianceType::ALL {
                for max_iter in [0, 1, 100] {
                    let options = FitOptions { init, covariance_type: family, max_iter, ..FitOptions::new(4) };
                    let result = fitted(subject, &data.samples, &options);
                    let what = format!("{}, {init:?}, {family}, {max_iter} epochs", subject.name);
                    let mixture = &result.mixture;
                    assert_eq!(mixture.covariance_type(), family, "{what}");
                    assert!(mixture.weights().iter().all(|w| *w > 0.0 && *w <= 1.0), "{what}: {}", mixture.weights());
                    assert!((mixture.weights().sum() - 1.0).abs() < 1e-12, "{what}");
                    assert!(
                        mixture.means().iter().chain(mixture.covariances().values()).all(|x| x.is_finite()),
                        "{what}"
                    );
                    assert!(result.log_likelihood.is_finite(), "{what}");
                }
            }
        }
    }
}

#[test]
fn k_means_is_not_misled_by_features_of_very_different_scale() {
    // Two blobs apart in the first feature; the second is noise a million times as wide.
    let mut samples = Blobs { spacing: 0.0, condition: 1.0, ..Blobs::new(4_000, 2, 2) }.make().samples;
    for (n, mut row) in samples.outer_iter_mut().enumerate() {
        row[0] += if n % 2 == 0 { -4.0 } else { 4.0 };
        row[1] *= 1e6;
    }
    for subject in devices() {
        for family in [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag] {
            for max_iter in [0, 100] {
                let options = FitOptions { covariance_type: family, max_iter, ..FitOptions::new(2) };
                let result = fitted(subject, &samples, &options);
                let labels = subject.device.predict(&result.mixture, &points(&samples, None)).unwrap();
                let wrong =
                    labels.iter().enumerate().filter(|(n, label)| (n % 2 == 0) != (**label == labels[0])).count();
                // Eight standard deviations apart, one sample in 30,000 lies beyond the middle.
                assert!(wrong <= 2, "{}, {family}, {max_iter} epochs: {wrong} samples", subject.name);
            }
        }
    }
}

#[test]
fn given_parameters_take_the_place_of_the_initialisation() {
    let data = blobs();
    for subject in devices() {
        for family in CovarianceType::ALL {
            let start = to_mixture(&data.start(family));
            let all = FitOptions {
                covariance_type: family,
                weights_init: Some(start.weights().clone()),
                means_init: Some(start.means().clone()),
                precisions_init: Some(start.precisions()),
                max_iter: 0,
                ..FitOptions::new(4)
            };
            let result = fitted(subject, &data.samples, &all);
            assert_eq!((result.mixture.weights(), result.mixture.means()), (start.weights(), start.means()));
            let pairs = result.mixture.covariances().values().iter().zip(start.covariances().values());
            // Inverted twice, at a condition number of about ten.
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-12), "{family}");

            let means = FitOptions { weights_init: None, precisions_init: None, ..all };
            let result = fitted(subject, &data.samples, &means);
            assert_eq!(result.mixture.means(), start.means());
            assert!(result.mixture.weights() != start.weights(), "the weights are those of the clusters");
        }
    }
}

#[test]
fn weights_at_initialisation_are_shares_of_the_samples() {
    let data = Blobs { spacing: 40.0, ..Blobs::new(2_000, 3, 4) }.make();
    for subject in devices() {
        let options = FitOptions { max_iter: 0, ..FitOptions::new(4) };
        let result = fitted(subject, &data.samples, &options);
        // Four blobs of 500 samples that no clustering could confuse.
        assert!(result.mixture.weights().iter().all(|w| (w - 0.25).abs() < 1e-12), "{}", result.mixture.weights());
        assert!(result.initialisation.rounds > 0 && result.initialisation.inertia.is_some());
        let labels = subject.device.predict(&result.mixture, &points(&data.samples, None)).unwrap();
        let mut component = [usize::MAX; 4];
        for (&blob, &label) in data.labels.iter().zip(&labels) {
            if component[blob] == usize::MAX {
                component[blob] = label;
            }
            assert_eq!(component[blob], label);
        }
    }
}

#[test]
fn criteria_are_what_their_formulas_say() {
    let data = blobs();
    for subject in devices() {
        for (family, parameters) in CovarianceType::ALL.into_iter().zip([39.0, 21.0, 27.0, 19.0]) {
            let options = FitOptions { covariance_type: family, ..FitOptions::new(4) };
            let result = fitted(subject, &data.samples, &options);
            assert_eq!(result.aic(), 2.0 * parameters - 2.0 * result.log_likelihood);
            assert_eq!(result.bic(), parameters * 2_000.0_f64.ln() - 2.0 * result.log_likelihood);
        }
    }
}

#[test]
fn public_types_can_be_sent_to_and_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Points>();
    shared::<Mixture>();
    shared::<CovarianceArray>();
    shared::<Moments>();
    shared::<Device>();
    shared::<DeviceChoice>();
    shared::<DeviceInfo>();
    shared::<FitOptions>();
    shared::<Fit>();
    shared::<Error>();
    fn sent<T: Send + ?Sized>() {}
    sent::<dyn mixtura::device::Backend>();
    // And used so: two fits at once on one device give what one gives.
    let data = blobs();
    for subject in devices() {
        let options = FitOptions::new(4);
        let run = || fitted(subject, &data.samples, &options).mixture;
        let alone = run();
        let together: Vec<Mixture> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(together.iter().all(|mixture| *mixture == alone), "{}", subject.name);
    }
}

#[test]
fn a_fit_of_weighted_samples_is_a_fit_of_repeated_ones() {
    let data = blobs();
    let counts = Array1::from_shape_fn(2_000, |n| (1 + n % 3) as f64);
    let rows: Vec<usize> = (0..2_000).flat_map(|n| std::iter::repeat_n(n, 1 + n % 3)).collect();
    let repeated = data.samples.select(ndarray::Axis(0), &rows);
    let weighted = points(&data.samples, counts.as_slice());
    for subject in devices() {
        let options = FitOptions { tol: 1e-4, ..from_start(&data, CovarianceType::Full) };
        let a = fit(&weighted, &subject.device, &options).unwrap();
        let b = fitted(subject, &repeated, &options);
        assert_eq!(a.n_iter, b.n_iter);
        assert_eq!(a.total_weight, rows.len() as f64);
        let most = subject.tolerance.log_likelihood * a.total_weight;
        assert!((a.log_likelihood - b.log_likelihood).abs() <= most, "{}", subject.name);
        assert!((a.bic() - b.bic()).abs() <= 2.0 * most);
    }
}

/// 20 samples of 10 features, in ten components of two samples each: in single precision their lower bounds are noise.
fn few_rows_per_component() -> Array2<f64> {
    Array2::from_shape_fn((20, 10), |(n, i)| {
        ((n * 31 + i * 17 + n * i) as f64 * 0.618_033_988_749).fract() * 300.0 + 200.0
    })
}

#[test]
fn a_fit_that_wanders_in_the_noise_of_its_precision_ends_says_so_and_keeps_its_best_model() {
    let samples = few_rows_per_component();
    let mut limited = 0;
    for k in [5, 10] {
        for tol in [1e-3, 1e-8] {
            let options = FitOptions { tol, ..FitOptions::new(k) };
            let exact = fit(&points(&samples, None), &Device::cpu(), &options).unwrap();
            assert!(exact.converged && !exact.at_precision_limit);
            for subject in devices() {
                let what = format!("K = {k}, {tol}, {}", subject.name);
                let fitted = fitted(subject, &samples, &options);
                // Noise takes a few epochs to show.
                assert!(fitted.n_iter <= exact.n_iter + 8, "{what}: {} {}", fitted.n_iter, exact.n_iter);
                assert!(fitted.converged != fitted.at_precision_limit, "{what}");
                if fitted.at_precision_limit {
                    limited += 1;
                    assert!(!subject.is_double());
                    assert!(
                        fitted.warnings[0].to_string().contains("the limit of single precision"),
                        "{:?}",
                        fitted.warnings
                    );
                    let greatest = fitted.lower_bounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    assert_eq!(fitted.lower_bound, greatest, "{what}");
                    // The model that is kept is the one that had it.
                    assert_eq!(fitted.mean_log_likelihood(), greatest, "{what}");
                }
            }
        }
    }
    assert!(limited > 0 || devices().iter().all(Subject::is_double));
}

#[test]
fn restarts_that_are_equal_but_for_rounding_leave_the_first_the_best() {
    let data = blobs();
    for subject in devices() {
        let options = |n_init| FitOptions { n_init, tol: 1e-6, ..FitOptions::new(4) };
        // All find the four clusters, in an order of their own.
        let first = fitted(subject, &data.samples, &options(1));
        let best = fitted(subject, &data.samples, &options(6));
        assert_eq!(best.mixture, first.mixture, "{}", subject.name);
    }
}

#[test]
fn an_observer_ends_a_fit_with_the_best_model_up_to_then() {
    let samples = Blobs::new(2_000, 2, 3).make().samples;
    let points = points(&samples, None);
    let options = FitOptions { tol: 0.0, max_iter: 50, ..FitOptions::new(3) };
    let stopped = fit_observed(&points, &Device::cpu(), &options, &mut |progress| match progress.epoch {
        7 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let (stopped, short) = (stopped.unwrap(), FitOptions { max_iter: 7, ..options });
    let expected = fit(&points, &Device::cpu(), &short).unwrap();
    assert_eq!((stopped.mixture, stopped.n_iter), (expected.mixture, 7));
    assert_eq!(stopped.log_likelihood, expected.log_likelihood);
}
