//! Truncated posteriors: what they are of exact ones, a bound that never falls, and the same bits wherever they stop.

use mixtura::fit::{Fitting, Floor, OnCollapse, Posterior, WarmStart};
use mixtura::{CovarianceType, Data, Device, Error, Fit, FitOptions, Init, Points, Update, fit};
use ndarray::{Array1, Array2};

use crate::common::compare::{points, to_mixture};
use crate::common::data::{Blobs, Data as Made, sample_weights};
use crate::common::devices::{Subject, devices};

/// The processor, in f64 and in f32.
fn processors() -> impl Iterator<Item = &'static Subject> {
    devices().iter().filter(|subject| subject.device.info().backend == "cpu")
}

fn truncated(candidates: usize, neighbours: usize) -> Posterior {
    Posterior::Truncated { candidates, neighbours }
}

fn from_start(data: &Made, family: CovarianceType, posterior: Posterior) -> FitOptions {
    let mixture = to_mixture(&data.start(family));
    let k = mixture.n_components();
    FitOptions {
        covariance_type: family,
        warm_start: Some(WarmStart { mixture, lower_bound: None }),
        tol: 0.0,
        max_iter: 8,
        posterior,
        ..FitOptions::new(k)
    }
}

fn mean_log_likelihoods_differ(a: &Fit, b: &Fit, tolerance: f64, what: &str) {
    for (a, b) in a.lower_bounds.iter().zip(&b.lower_bounds) {
        assert!((a - b).abs() <= tolerance, "{what}: {a} and {b}");
    }
    assert!((a.mean_log_likelihood() - b.mean_log_likelihood()).abs() <= tolerance, "{what}");
}

#[test]
fn with_all_components_but_one_as_candidates_epochs_are_those_of_exact_em_where_that_one_is_far() {
    let data = Blobs::new(3_000, 3, 6).make();
    let weights = sample_weights(3_000);
    for subject in processors() {
        for family in CovarianceType::ALL {
            let fitted = |posterior| {
                let points = points(&data.samples, Some(&weights));
                fit(&points, &subject.device, &from_start(&data, family, posterior)).unwrap()
            };
            let (exact, five) = (fitted(Posterior::Exact), fitted(truncated(5, 6)));
            assert!(exact.truncation.is_none() && five.truncation.is_some());
            let tolerance = if subject.is_double() { 1e-5 } else { 1e-4 };
            mean_log_likelihoods_differ(&exact, &five, tolerance, &format!("{family} on {}", subject.name));
            // As many candidates as components are exact posteriors, to the bit.
            let all = fitted(truncated(6, 6));
            assert_eq!((&all.mixture, &all.lower_bounds), (&exact.mixture, &exact.lower_bounds));
            assert!(all.truncation.is_none());
        }
    }
}

#[test]
fn the_free_energy_never_falls_and_never_exceeds_the_log_likelihood() {
    for seed in 0..4 {
        let data = Blobs { spacing: 2.0, ..Blobs::new(2_000 + seed, 3, 12) }.make();
        for subject in processors() {
            for family in CovarianceType::ALL {
                for (candidates, neighbours) in [(1, 2), (2, 3), (3, 8)] {
                    let options = FitOptions {
                        floor: Floor::Absolute(0.0),
                        on_collapse: OnCollapse::Error,
                        max_iter: 25,
                        ..from_start(&data, family, truncated(candidates, neighbours))
                    };
                    let found = fit(&points(&data.samples, None), &subject.device, &options).unwrap();
                    let slack = if subject.is_double() { 1e-12 } else { 1e-5 };
                    for pair in found.lower_bounds.windows(2) {
                        assert!(pair[1] >= pair[0] - slack, "{family} on {}: {pair:?}", subject.name);
                    }
                    assert!(found.lower_bound <= found.mean_log_likelihood() + slack);
                }
            }
        }
    }
}

#[test]
fn a_fit_that_stops_after_any_epoch_ends_with_the_same_bits_on_any_number_of_threads() {
    let data = Blobs::new(3_000, 2, 20).make();
    let made = points(&data.samples, None);
    for init in [Init::KMeans, Init::RandomFromData] {
        let options = FitOptions {
            init,
            covariance_type: CovarianceType::Full,
            tol: 0.0,
            max_iter: 7,
            posterior: truncated(2, 4),
            ..FitOptions::new(20)
        };
        let on = |threads: usize, stops: bool| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let device = Device::cpu();
                let mut fitting = Fitting::new(&made, &device, &options).unwrap();
                while fitting.epoch().unwrap().is_some() {
                    if stops {
                        fitting = Fitting::resume(&made, &device, &options, fitting.state()).unwrap();
                    }
                }
                fitting.finish().unwrap()
            })
        };
        let whole = on(1, false);
        for (threads, stops) in [(2, false), (3, true)] {
            let other = on(threads, stops);
            assert_eq!((&other.mixture, &other.lower_bounds), (&whole.mixture, &whole.lower_bounds));
        }
    }
}

#[test]
fn components_that_collapse_are_repaired_dropped_or_named() {
    // Many of the samples are equal, and there are more components than distinct others.
    let samples = Array2::from_shape_fn((400, 2), |(n, i)| match n % 4 {
        0 => (n as f64 * (0.618 + 0.1 * i as f64)).fract(),
        kind => 10.0 * kind as f64,
    });
    for subject in processors() {
        for family in CovarianceType::ALL {
            for on_collapse in OnCollapse::ALL {
                for init in [Init::KMeans, Init::KMeansPlusPlus, Init::Random, Init::RandomFromData] {
                    let options = FitOptions {
                        covariance_type: family,
                        on_collapse,
                        init,
                        max_iter: 30,
                        posterior: truncated(2, 3),
                        ..FitOptions::new(12)
                    };
                    match fit(&points(&samples, None), &subject.device, &options) {
                        Ok(found) => {
                            assert!(found.log_likelihood.is_finite());
                            assert!(found.lower_bound <= found.mean_log_likelihood() + 1e-3 || found.n_iter < 2);
                        }
                        Err(Error::NotPositiveDefinite { .. }) => assert_eq!(on_collapse, OnCollapse::Error),
                        Err(error) => panic!("{family}, {on_collapse}, {}: {error}", init.name()),
                    }
                }
            }
        }
    }
}

#[test]
fn samples_of_no_weight_are_as_if_they_were_not_there() {
    let data = Blobs::new(1_200, 2, 8).make();
    let weights: Vec<f64> = (0..1_200).map(|n| f64::from(n % 3 != 0)).collect();
    let kept: Vec<usize> = (0..1_200).filter(|n| n % 3 != 0).collect();
    let some = data.samples.select(ndarray::Axis(0), &kept);
    let options =
        FitOptions { floor: Floor::Absolute(1e-6), ..from_start(&data, CovarianceType::Diag, truncated(2, 4)) };
    let all = fit(&points(&data.samples, Some(&weights)), &Device::cpu(), &options).unwrap();
    let some = fit(&points(&some, None), &Device::cpu(), &options).unwrap();
    mean_log_likelihoods_differ(&all, &some, 1e-9, "weights of zero");
}

#[test]
fn hostile_samples_end_in_a_model_or_a_clear_error() {
    let constant = Array2::from_elem((60, 2), 3.5);
    let duplicates = Array2::from_shape_fn((60, 2), |(n, i)| ((n % 3) * (i + 1)) as f64);
    let far = Array2::from_shape_fn((60, 2), |(n, i)| if n == 7 { 1e30 } else { (n * (i + 3) % 17) as f64 });
    let line = Array2::from_shape_fn((60, 1), |(n, _)| (n as f64 * 0.618).fract());
    for samples in [constant, duplicates, far, line] {
        for family in CovarianceType::ALL {
            for k in [1, 4, 59, 60] {
                for init in [Init::KMeans, Init::RandomFromData] {
                    let options = FitOptions {
                        covariance_type: family,
                        init,
                        n_init: 2,
                        max_iter: 12,
                        posterior: Posterior::TRUNCATED,
                        ..FitOptions::new(k)
                    };
                    match fit(&points(&samples, None), &Device::cpu(), &options) {
                        Ok(found) => assert!(found.log_likelihood.is_finite()),
                        Err(error) => assert_eq!(error.to_string().lines().count(), 2, "{error}"),
                    }
                }
            }
        }
    }
}

#[test]
fn no_epochs_give_the_start_and_its_log_likelihood() {
    let data = Blobs::new(1_000, 2, 6).make();
    let options = |posterior| FitOptions { max_iter: 0, ..from_start(&data, CovarianceType::Full, posterior) };
    let fitted = |posterior| fit(&points(&data.samples, None), &Device::cpu(), &options(posterior)).unwrap();
    let (found, exact) = (fitted(truncated(2, 3)), fitted(Posterior::Exact));
    assert_eq!((found.log_likelihood, found.n_iter), (exact.log_likelihood, 0));
}

#[test]
fn what_does_not_go_with_truncated_posteriors_is_refused() {
    let data = Blobs::new(500, 2, 6).make();
    let made = points(&data.samples, None);
    let refused = |options: FitOptions, said: &str| {
        let error = fit(&made, &Device::cpu(), &options).unwrap_err().to_string();
        assert!(error.contains(said) && error.lines().count() == 2, "{error}");
    };
    let options = || FitOptions { posterior: truncated(2, 3), ..FitOptions::new(6) };
    refused(FitOptions { update: Update::Squarem, ..options() }, "truncated posteriors go with EM");
    refused(FitOptions { posterior: truncated(0, 3), ..options() }, "the number of candidates is 0");
    refused(FitOptions { posterior: truncated(2, 0), ..options() }, "the number of neighbours is 0");
    for subject in devices().iter().filter(|subject| subject.device.info().backend != "cpu") {
        let error = fit(&made, &subject.device, &options()).unwrap_err().to_string();
        assert!(error.contains("found by the CPU alone") && error.contains("Device::cpu()"), "{error}");
    }
}

/// Samples that come in chunks, and are in no memory.
struct Elsewhere(Points<'static>);

impl Data for Elsewhere {
    fn summary(&self) -> &mixtura::Summary {
        Data::summary(&self.0)
    }

    fn home(&self) -> mixtura::data::Home {
        mixtura::data::Home { place: mixtura::data::Place::Disk, reason: String::new() }
    }

    fn for_each_chunk(&self, visit: &mut mixtura::data::Visit) -> mixtura::Result<()> {
        self.0.for_each_chunk(visit)
    }
}

#[test]
fn samples_that_memory_does_not_hold_are_refused_before_any_pass() {
    let samples = Array2::from_shape_fn((200, 2), |(n, i)| (n as f64 * (0.618 + i as f64)).fract());
    let data = Elsewhere(Points::new(samples).unwrap().with_weights(Array1::ones(200)).unwrap());
    let options = FitOptions { posterior: truncated(1, 2), ..FitOptions::new(4) };
    let error = fit(&data, &Device::cpu(), &options).unwrap_err().to_string();
    assert!(error.contains("for samples in memory") && error.lines().count() == 2, "{error}");
}
