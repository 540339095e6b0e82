//! Missing values: fits by what is there, held to an oracle that integrates out sample by sample.

use mixtura::device::Assignment;
use mixtura::fit::{OnCollapse, Posterior};
use mixtura::{CovarianceType, Device, FitOptions, Init, Mixture, Points, Update, fit};
use ndarray::{Array1, Array2};

use crate::common::compare::{Distance, Tolerance, epochs, points, to_mixture};
use crate::common::data::{Blobs, iris, sample_weights};
use crate::common::devices::{Subject, devices};
use crate::common::incomplete::Incomplete;

/// All initialisations.
const INITS: [Init; 4] = [Init::KMeans, Init::KMeansPlusPlus, Init::Random, Init::RandomFromData];

/// Samples of which a share of the values is missing, at random.
fn with_holes(mut samples: Array2<f64>, share: f64) -> Array2<f64> {
    let d = samples.ncols();
    samples.indexed_iter_mut().for_each(|((n, i), x)| {
        let draw = ((n * d + i) as f64 * 0.754_877_666_246_693 + (n as f64 * 0.569_840_290_998).fract()).fract();
        if draw < share {
            *x = f64::NAN;
        }
    });
    samples
}

/// Points that may lack values.
fn incomplete<'a>(samples: &'a Array2<f64>, weights: Option<&[f64]>) -> Points<'a> {
    let points = Points::with_missing(samples, None).unwrap();
    match weights {
        Some(weights) => points.with_weights(Array1::from(weights.to_vec())).unwrap(),
        None => points,
    }
}

/// All devices, and how near they come to the oracle.
fn subjects() -> Vec<(&'static Subject, Tolerance)> {
    // What the issue asks of f64: parameters within 1e-8, likelihood within 1e-10.
    let double = Tolerance { log_likelihood: 1e-10, weights: 1e-8, means: 1e-8, covariances: 1e-8 };
    devices().iter().map(|subject| (subject, if subject.is_double() { double } else { subject.tolerance })).collect()
}

#[test]
fn twenty_epochs_are_those_of_the_oracle_whatever_is_missing() {
    for (n, d, k, share) in [(400, 2, 2, 0.05), (500, 2, 3, 0.3), (600, 5, 3, 0.3), (500, 5, 2, 0.6), (300, 16, 2, 0.1)]
    {
        let blobs = Blobs::new(n, d, k).make();
        let mut samples = with_holes(blobs.samples.clone(), share);
        // Some rows have no value at all, and the first component never shows the last feature.
        samples.row_mut(3).fill(f64::NAN);
        samples.row_mut(n - 1).fill(f64::NAN);
        (0..n).filter(|row| blobs.labels[*row] == 0).for_each(|row| samples[[row, d - 1]] = f64::NAN);
        for weights in [None, Some(sample_weights(n))] {
            let ones = vec![1.0; n];
            let oracle = Incomplete { samples: &samples, weights: weights.as_deref().unwrap_or(&ones) };
            for family in CovarianceType::ALL {
                let start = blobs.start(family);
                let (expected, bounds) = oracle.epochs(&start, 1e-3, 20);
                let after = oracle.mean_log_likelihood(&expected);
                for (subject, tolerance) in subjects() {
                    let points = incomplete(&samples, weights.as_deref());
                    let mut backend = subject.device.load(&points).unwrap();
                    let (found, its_bounds) = epochs(&mut *backend, &to_mixture(&start), 1e-3, 20);
                    let bound = backend.log_likelihood(found.quadratics()).unwrap() / points.total_weight();
                    let what = format!("{}: {n} x {d}, {share} missing, {k} {family}", subject.name);
                    Distance::between((&expected, after), (&found, bound)).assert_within(tolerance, &what);
                    for (expected, found) in bounds.iter().zip(its_bounds) {
                        assert!((expected - found).abs() <= tolerance.log_likelihood.max(1e-9), "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_likelihood_never_falls_without_a_floor() {
    for (d, share) in [(2, 0.5), (4, 0.3), (6, 0.1)] {
        let blobs = Blobs::new(700, d, 3).make();
        let samples = with_holes(blobs.samples.clone(), share);
        let points = incomplete(&samples, None);
        for family in CovarianceType::ALL {
            let mut backend = Device::cpu().load(&points).unwrap();
            let (_, bounds) = epochs(&mut *backend, &to_mixture(&blobs.start(family)), 0.0, 60);
            assert!(bounds.windows(2).all(|pair| pair[1] >= pair[0] - 1e-12), "{family}, {d}, {share}: {bounds:?}");
        }
    }
}

#[test]
fn without_a_missing_value_nothing_changes_to_the_bit() {
    let samples = Blobs::new(3_000, 3, 4).make().samples;
    for subject in devices() {
        for family in CovarianceType::ALL {
            let options = FitOptions { covariance_type: family, ..FitOptions::new(4) };
            let plain = fit(&points(&samples, None), &subject.device, &options).unwrap();
            let allowed = fit(&incomplete(&samples, None), &subject.device, &options).unwrap();
            assert_eq!((plain.mixture, plain.lower_bounds), (allowed.mixture, allowed.lower_bounds), "{family}");
        }
    }
}

#[test]
fn answers_about_single_samples_are_those_of_what_they_have() {
    let blobs = Blobs::new(900, 4, 3).make();
    let mut samples = with_holes(blobs.samples.clone(), 0.3);
    samples.row_mut(5).fill(f64::NAN);
    let points = incomplete(&samples, None);
    let ones = vec![1.0; 900];
    for family in CovarianceType::ALL {
        let model = blobs.start(family);
        let mixture = to_mixture(&model);
        let (log_densities, responsibilities) = Incomplete { samples: &samples, weights: &ones }.posterior(&model);
        for (subject, _) in subjects() {
            let most = if subject.is_double() { 1e-9 } else { 1e-4 };
            let scores = subject.device.score_samples(&mixture, &points).unwrap();
            let proba = subject.device.predict_proba(&mixture, &points).unwrap();
            let labels = subject.device.predict(&mixture, &points).unwrap();
            for n in 0..900 {
                assert!((scores[n] - log_densities[n]).abs() <= most * (1.0 + log_densities[n].abs()), "{n} {family}");
                let best = (0..3).map(|k| responsibilities[n][k]).fold(0.0, f64::max);
                assert!(responsibilities[n][labels[n]] >= best - most, "{n} {family}");
                for k in 0..3 {
                    assert!((proba[[n, k]] - responsibilities[n][k]).abs() <= most, "{n} {k} {family}");
                }
            }
            // A sample without any value says nothing.
            assert!(scores[5].abs() < most, "{}", scores[5]);
            assert!((0..3).all(|k| (proba[[5, k]] - mixture.weights()[k]).abs() < 1e-6));
        }
    }
}

#[test]
fn fits_from_every_initialisation_find_the_clusters_of_incomplete_samples() {
    let blobs = Blobs { spacing: 12.0, ..Blobs::new(1_200, 4, 3) }.make();
    let samples = with_holes(blobs.samples.clone(), 0.25);
    let points = incomplete(&samples, None);
    for init in INITS {
        for family in CovarianceType::ALL {
            let n_init = if init == Init::KMeans { 1 } else { 6 };
            let options = FitOptions { init, n_init, covariance_type: family, max_iter: 300, ..FitOptions::new(3) };
            let result = fit(&points, &Device::cpu(), &options).unwrap();
            assert!(result.log_likelihood.is_finite() && result.converged, "{init:?}, {family}");
            if init == Init::Random {
                // From nearly the same component so often, which may not part.
                continue;
            }
            let truth = to_mixture(&blobs.truth);
            // Every true mean has one of the model near it.
            for mean in truth.means().outer_iter() {
                let distance = |other: ndarray::ArrayView1<f64>| (&mean - &other).mapv(|x| x * x).sum().sqrt();
                let nearest = result.mixture.means().outer_iter().map(distance).fold(f64::INFINITY, f64::min);
                assert!(nearest < 1.0, "{init:?}, {family}: {nearest} from {mean}");
            }
        }
    }
}

#[test]
fn incomplete_flowers_are_told_apart_nearly_as_well_as_whole_ones() {
    let whole = iris();
    let samples = with_holes(whole.clone(), 0.2);
    let options = FitOptions { n_init: 5, tol: 1e-6, max_iter: 500, ..FitOptions::new(3) };
    let fitted = fit(&incomplete(&samples, None), &Device::cpu(), &options).unwrap();
    assert!(fitted.converged);
    let labels = Device::cpu().predict(&fitted.mixture, &points(&whole, None)).unwrap();
    // Fifty flowers of each kind: most of a kind are together.
    let together: usize = (0..3)
        .map(|kind| (0..3).map(|k| labels.iter().skip(50 * kind).take(50).filter(|l| **l == k).count()).max().unwrap())
        .sum();
    assert!(together >= 125, "{together} of 150");
}

#[test]
fn a_column_that_nobody_has_is_refused_and_infinities_are_no_holes() {
    let mut samples = Blobs::new(50, 3, 2).make().samples;
    samples.column_mut(1).fill(f64::NAN);
    let points = Points::with_missing(&samples, None).unwrap();
    let error = fit(&points, &Device::cpu(), &FitOptions::new(2)).unwrap_err().to_string();
    assert!(error.contains("column 1"), "{error}");
    // Nor does a sample of no weight have it for others.
    samples[[7, 1]] = 1.0;
    let mut weights = vec![1.0; 50];
    weights[7] = 0.0;
    let error =
        fit(&incomplete(&samples, Some(&weights)), &Device::cpu(), &FitOptions::new(2)).unwrap_err().to_string();
    assert!(error.contains("column 1"), "{error}");
    // Truncated posteriors need whole samples.
    let posterior = Posterior::TRUNCATED;
    samples[[8, 1]] = 2.0;
    let options = FitOptions { posterior, ..FitOptions::new(40) };
    let error = fit(&incomplete(&samples, None), &Device::cpu(), &options).unwrap_err().to_string();
    assert!(error.contains("some are missing"), "{error}");
    samples[[7, 1]] = f64::INFINITY;
    assert!(Points::with_missing(&samples, None).is_err());
}

#[test]
fn sums_of_incomplete_samples_have_the_same_bits_on_any_number_of_threads() {
    let blobs = Blobs::new(40_000, 3, 3).make();
    let samples = with_holes(blobs.samples.clone(), 0.2);
    let points = incomplete(&samples, None);
    for family in CovarianceType::ALL {
        let mixture = to_mixture(&blobs.start(family));
        let sums = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Device::cpu().load(&points).unwrap().moments(&mixture, Assignment::Soft).unwrap())
        };
        assert_eq!(sums(1), sums(3), "{family}");
    }
}

#[test]
fn all_rules_of_update_and_repairs_end_well_on_hostile_samples() {
    let updates = [
        Update::Em,
        Update::Squarem,
        Update::Damped { learning_rate: 0.5 },
        Update::Gradient { learning_rate: 0.05, momentum: 0.5 },
        Update::Stepwise { batch_size: 16, decay: 0.7, polish: true },
    ];
    let mut failed = 0;
    for seed in 0..1000usize {
        let (d, k) = (1 + seed % 5, 1 + seed % 4);
        let n = 5 + seed * 7 % 60;
        let value = |i: usize, j: usize| match seed % 4 {
            0 => ((i * 31 + j * 7 + seed) % 3) as f64,
            1 => (i as f64 * 0.618 + j as f64).fract() * 1e6,
            2 => f64::from(u8::from(i.is_multiple_of(7))) * 1e9,
            _ => (i as f64 * 0.754 + (j * seed) as f64 * 0.1).fract(),
        };
        let share = 0.1 + 0.8 * (seed as f64 * 0.37).fract();
        let mut samples = with_holes(Array2::from_shape_fn((n, d), |(i, j)| value(i, j)), share);
        (0..d).for_each(|j| samples[[0, j]] = value(0, j));
        let points = Points::with_missing(&samples, None).unwrap();
        for family in CovarianceType::ALL {
            let options = FitOptions {
                covariance_type: family,
                update: updates[seed % 5],
                init: INITS[seed % INITS.len()],
                on_collapse: OnCollapse::Repair,
                max_iter: 15,
                seed: seed as u64,
                ..FitOptions::new(k)
            };
            // Too few samples for some, or singular ones: an error is an end, too.
            let Ok(result) = fit(&points, &Device::cpu(), &options) else {
                failed += 1;
                continue;
            };
            let is_number = |mixture: &Mixture| {
                let all = mixture.weights().iter().chain(mixture.means()).chain(mixture.covariances().values());
                all.into_iter().all(|x| x.is_finite())
            };
            assert!(is_number(&result.mixture) && result.log_likelihood.is_finite(), "{seed} {family}");
        }
    }
    assert!(failed < 400, "{failed} of 4000 failed");
}

#[test]
fn incomplete_samples_that_pass_through_a_device_give_the_sums_of_those_that_stay() {
    let blobs = Blobs::new(5_003, 4, 3).make();
    let samples = with_holes(blobs.samples.clone(), 0.2);
    let weights = sample_weights(5_003);
    let points = incomplete(&samples, Some(&weights));
    for subject in devices().iter().filter(|subject| subject.device.info().backend != "cpu") {
        for family in CovarianceType::ALL {
            let mixture = to_mixture(&blobs.start(family));
            let staying = subject.device.load(&points).unwrap().moments(&mixture, Assignment::Soft).unwrap();
            // Room for five groups of 256 samples, of which some patterns have one alone.
            let through = subject.device.clone().with_memory(5 * 256 * 5 * 4);
            let mut backend = through.load(&points).unwrap();
            assert!(backend.moves_samples());
            let passing = backend.moments(&mixture, Assignment::Soft).unwrap();
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
            assert!(near(passing.log_likelihood, staying.log_likelihood), "{family}");
            let numbers = |moments: &mixtura::Moments| {
                let numbers = moments.counts.iter().chain(&moments.first).chain(moments.second.values());
                numbers.map(|x| x / moments.total_weight).collect::<Vec<f64>>()
            };
            for (a, b) in numbers(&passing).iter().zip(numbers(&staying)) {
                assert!(near(*a, b), "{family}: {a} in place of {b}");
            }
        }
    }
}
