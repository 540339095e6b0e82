//! Ways to fit: gradients, damping, extrapolation and mini-batches, on every backend.

use std::ops::ControlFlow;

use mixtura::device::Assignment;
use mixtura::fit::{FitState, Fitting, Floor, OnCollapse, StepKind, WarmStart, fit_observed};
use mixtura::{CovarianceArray, CovarianceType, Device, Error, Fit, FitOptions, Mixture, Points, Update, fit};
use ndarray::{Array1, Array2, Axis};

use crate::common::compare::{Distance, points, to_mixture, to_model};
use crate::common::data::{Blobs, Data};
use crate::common::devices::devices;

const DAMPED: Update = Update::Damped { learning_rate: 0.3 };
const GRADIENT: Update = Update::Gradient { learning_rate: 0.01, momentum: 0.0 };
const HEAVY_BALL: Update = Update::Gradient { learning_rate: 0.005, momentum: 0.8 };
const STEPWISE: Update = Update::Stepwise { batch_size: 300, decay: 0.7, polish: false };
const POLISHED: Update = Update::Stepwise { batch_size: 300, decay: 0.7, polish: true };
const ALL: [Update; 7] = [Update::Em, DAMPED, GRADIENT, HEAVY_BALL, Update::Squarem, STEPWISE, POLISHED];

fn blobs() -> Data {
    Blobs::new(2_000, 3, 4).make()
}

fn options(data: &Data, family: CovarianceType, update: Update) -> FitOptions {
    let mixture = to_mixture(&data.start(family));
    let new = FitOptions::new(mixture.n_components());
    let warm_start = Some(WarmStart { mixture, lower_bound: None });
    FitOptions { covariance_type: family, warm_start, update, tol: 0.0, max_iter: 20, ..new }
}

fn fitted(device: &Device, samples: &Array2<f64>, options: &FitOptions) -> Fit {
    fit(&points(samples, None), device, options).unwrap()
}

/// Mean log-likelihood of parameters that need not be those of a mixture: the weights need not sum to 1.
fn log_likelihood(weights: &Array1<f64>, means: &Array2<f64>, covariances: &CovarianceArray, x: &Array2<f64>) -> f64 {
    let total = weights.sum();
    let mixture = Mixture::new(weights / total, means.clone(), covariances.clone()).unwrap();
    Device::cpu().log_likelihood(&mixture, &points(x, None)).unwrap() / x.nrows() as f64 + total.ln()
}

#[test]
fn gradients_are_central_differences_of_the_log_likelihood() {
    let data = Blobs::new(500, 3, 2).make();
    for family in CovarianceType::ALL {
        let mixture = to_mixture(&data.start(family));
        let points = points(&data.samples, None);
        let moments = Device::cpu().load(&points).unwrap().moments(&mixture, Assignment::Soft).unwrap();
        let gradients = mixture.gradients(&moments).unwrap();
        let (weights, means, covariances) = (mixture.weights(), mixture.means(), mixture.covariances());
        // Relative to the largest derivative of the kind: one may be zero.
        let check = |name: &str, found: f64, largest: f64, change: &dyn Fn(f64) -> f64| {
            // Richardson's extrapolation of central differences: its error is of the fourth order.
            let difference = |h: f64| (change(h) - change(-h)) / (2.0 * h);
            let h = 1e-3;
            let expected = (4.0 * difference(h / 2.0) - difference(h)) / 3.0;
            assert!((found - expected).abs() < 1e-6 * largest, "{family} {name}: {found} is not {expected}");
        };
        let largest = |values: &mut dyn Iterator<Item = &f64>| values.fold(0.0_f64, |m, x| m.max(x.abs()));

        let scale = largest(&mut gradients.weights.iter());
        for k in 0..weights.len() {
            check("weight", gradients.weights[k], scale, &|h| {
                let mut weights = weights.clone();
                weights[k] += 0.1 * h;
                log_likelihood(&weights, means, covariances, &data.samples) * 10.0
            });
        }
        let scale = largest(&mut gradients.means.iter());
        for (place, gradient) in gradients.means.indexed_iter() {
            check("mean", *gradient, scale, &|h| {
                let mut means = means.clone();
                means[place] += h;
                log_likelihood(weights, &means, covariances, &data.samples)
            });
        }
        let scale = largest(&mut gradients.covariances.values().iter());
        let d = means.ncols();
        let is_matrix = matches!(family, CovarianceType::Full | CovarianceType::Tied);
        for (i, gradient) in gradients.covariances.values().iter().enumerate() {
            // A matrix changes along with its mirror image, by half each.
            let mirror = if is_matrix { i / (d * d) * (d * d) + (i % d) * d + i / d % d } else { i };
            check("covariance", *gradient, scale, &|h| {
                let mut values = covariances.values().to_vec();
                values[i] += 0.5 * h;
                values[mirror] += 0.5 * h;
                let changed = CovarianceArray::from_values("covariances", family, means.nrows(), d, values).unwrap();
                log_likelihood(weights, means, &changed, &data.samples)
            });
        }
        let other = Mixture::new(weights.clone(), means + 1.0, covariances.clone()).unwrap();
        assert!(matches!(other.gradients(&moments), Err(Error::InvalidOption { .. })));
    }
}

#[test]
fn every_rule_takes_the_same_path_on_every_backend() {
    let data = blobs();
    for update in ALL {
        for family in CovarianceType::ALL {
            let options = options(&data, family, update);
            let expected = fitted(&Device::cpu(), &data.samples, &options);
            let as_model = to_model(&expected.mixture);
            for subject in devices() {
                let result = fitted(&subject.device, &data.samples, &options);
                let distance =
                    Distance::between((&as_model, expected.lower_bound), (&result.mixture, result.lower_bound));
                distance.assert_within(subject.tolerance, &format!("{} {family} {}", subject.name, update.name()));
            }
        }
    }
}

#[test]
fn a_damped_step_of_length_1_is_em_to_the_bit_and_shorter_ones_never_lower_the_likelihood() {
    let data = blobs();
    for subject in devices() {
        for family in CovarianceType::ALL {
            let full = fitted(&subject.device, &data.samples, &options(&data, family, Update::Em));
            let rule = Update::Damped { learning_rate: 1.0 };
            assert_eq!(fitted(&subject.device, &data.samples, &options(&data, family, rule)).mixture, full.mixture);
            if subject.is_double() {
                let damped = fitted(&subject.device, &data.samples, &options(&data, family, DAMPED));
                assert!(damped.lower_bounds.windows(2).all(|pair| pair[1] >= pair[0] - 1e-12));
                assert!(damped.lower_bounds[19] > damped.lower_bounds[0]);
            }
        }
    }
}

#[test]
fn small_gradient_steps_never_lower_the_likelihood_and_end_at_ems_optimum() {
    let data = blobs();
    for family in CovarianceType::ALL {
        let em = FitOptions { tol: 1e-9, max_iter: 1000, ..options(&data, family, Update::Em) };
        let best = fitted(&Device::cpu(), &data.samples, &em);
        let gradient = FitOptions { max_iter: 3000, tol: 1e-7, ..options(&data, family, GRADIENT) };
        let climbed = fitted(&Device::cpu(), &data.samples, &gradient);
        assert!(climbed.converged, "{family}");
        assert!(climbed.lower_bounds.windows(2).all(|pair| pair[1] >= pair[0] - 1e-12), "{family}");
        let short = best.mean_log_likelihood() - climbed.mean_log_likelihood();
        assert!(short.abs() < 1e-4, "{family}: {short}");
    }
}

#[test]
fn gradient_steps_that_are_far_too_long_leave_a_mixture() {
    let data = blobs();
    for subject in devices() {
        for family in CovarianceType::ALL {
            let rule = Update::Gradient { learning_rate: 1e3, momentum: 0.9 };
            let result = fitted(&subject.device, &data.samples, &options(&data, family, rule));
            let (mixture, what) = (&result.mixture, format!("{}, {family}", subject.name));
            let parameters = mixture.weights().iter().chain(mixture.means()).chain(mixture.covariances().values());
            assert!(parameters.chain(&result.lower_bounds).all(|x| x.is_finite()), "{what}: {mixture:?}");
            assert_eq!(result.lower_bounds.len(), 20, "{what}");
            assert!(
                (mixture.weights().sum() - 1.0).abs() < 1e-12 && mixture.weights().iter().all(|w| *w > 0.0),
                "{what}"
            );
        }
    }
}

#[test]
fn extrapolation_never_lowers_the_bound_and_reaches_the_optimum_in_fewer_passes() {
    // Heavy overlap: EM is slow.
    let mut data = Blobs::new(3_000, 2, 3).make();
    let mean = data.samples.mean_axis(Axis(0)).unwrap();
    data.samples = (&data.samples - &mean) * 0.2 + &mean;
    let noise = Blobs::new(3_000, 2, 1).make();
    data.samples += &noise.samples;
    for family in CovarianceType::ALL {
        // A repair may lower the bound.
        let on_collapse = OnCollapse::Error;
        let long = |update| FitOptions { tol: 1e-9, max_iter: 20_000, on_collapse, ..options(&data, family, update) };
        let em = fitted(&Device::cpu(), &data.samples, &long(Update::Em));
        let fast = fitted(&Device::cpu(), &data.samples, &long(Update::Squarem));
        assert!(fast.converged && em.converged);
        // EM's own steps may: the floor is added to what maximises the likelihood.
        let largest_fall = fast.lower_bounds.windows(2).map(|pair| pair[0] - pair[1]).fold(0.0, f64::max);
        assert!(largest_fall < 1e-8, "{family}: {largest_fall:e}");
        assert!(fast.lower_bound > em.lower_bound - 1e-6, "{family}: {} {}", fast.lower_bound, em.lower_bound);
        assert!(fast.n_iter <= em.n_iter + 3, "{family}: {} {}", fast.n_iter, em.n_iter);
    }
}

#[test]
fn stepwise_em_follows_from_its_seed_and_polishing_ends_where_em_does() {
    let data = blobs();
    for subject in devices() {
        let stepwise = options(&data, CovarianceType::Full, STEPWISE);
        let one = fitted(&subject.device, &data.samples, &stepwise);
        assert_eq!(one.mixture, fitted(&subject.device, &data.samples, &stepwise).mixture, "{}", subject.name);
        let other = FitOptions { seed: 1, ..stepwise };
        assert_ne!(one.mixture, fitted(&subject.device, &data.samples, &other).mixture, "{}", subject.name);

        let long = |update| FitOptions { tol: 1e-6, max_iter: 500, ..options(&data, CovarianceType::Full, update) };
        let em = fitted(&subject.device, &data.samples, &long(Update::Em));
        let polished = fitted(&subject.device, &data.samples, &long(POLISHED));
        assert!(polished.converged);
        assert!((polished.lower_bound - em.lower_bound).abs() < 1e-4, "{}", subject.name);
    }
}

#[test]
fn a_batch_of_all_samples_with_a_first_step_of_1_is_em() {
    // (t + 2)^-decay is below 1: the first step goes 2^-0.7 of the way in statistics, which for one component is known.
    let samples = ndarray::array![[0.0], [2.0], [4.0]];
    let start =
        Mixture::new(ndarray::arr1(&[1.0]), ndarray::array![[0.0]], CovarianceArray::Diag(ndarray::array![[1.0]]));
    let options = FitOptions {
        covariance_type: CovarianceType::Diag,
        warm_start: Some(WarmStart { mixture: start.unwrap(), lower_bound: None }),
        update: Update::Stepwise { batch_size: 3, decay: 0.7, polish: false },
        max_iter: 1,
        floor: Floor::Absolute(0.0),
        ..FitOptions::new(1)
    };
    let gamma = 2.0_f64.powf(-0.7);
    for subject in devices() {
        let mixture = fitted(&subject.device, &samples, &options).mixture;
        // Moments about 0: the mean goes from 0 to 2, and the second moment from 1 to 20 / 3.
        let (mean, second) = (2.0 * gamma, 1.0 + gamma * (20.0 / 3.0 - 1.0));
        assert!((mixture.means()[[0, 0]] - mean).abs() < 1e-5, "{}", subject.name);
        assert!((mixture.covariances().values()[0] - (second - mean * mean)).abs() < 1e-5, "{}", subject.name);
    }
}

#[test]
fn every_rule_resumes_with_the_same_bits_from_any_epoch() {
    let data = blobs();
    let points: Points = points(&data.samples, None);
    let device = Device::cpu();
    for update in ALL {
        let options = FitOptions { max_iter: 9, ..options(&data, CovarianceType::Tied, update) };
        let through = fit(&points, &device, &options).unwrap();
        for stop in 1..9 {
            let mut fitting = Fitting::new(&points, &device, &options).unwrap();
            (0..stop).for_each(|_| assert!(fitting.epoch().unwrap().is_some()));
            let mut resumed = Fitting::resume(&points, &device, &options, fitting.state()).unwrap();
            while resumed.epoch().unwrap().is_some() {}
            let resumed = resumed.finish().unwrap();
            assert_eq!(resumed.mixture, through.mixture, "{} stopped at {stop}", update.name());
            assert_eq!(resumed.lower_bounds, through.lower_bounds);
        }
    }
}

#[test]
fn progress_says_what_each_epoch_did() {
    let data = blobs();
    let kinds = |update| {
        let mut kinds = Vec::new();
        let options = FitOptions { max_iter: 6, ..options(&data, CovarianceType::Full, update) };
        fit_observed(&points(&data.samples, None), &Device::cpu(), &options, &mut |step| {
            kinds.push(step.kind);
            ControlFlow::Continue(())
        })
        .unwrap();
        kinds
    };
    assert!(kinds(GRADIENT).iter().all(|kind| *kind == StepKind::Gradient));
    assert!(kinds(STEPWISE).iter().all(|kind| *kind == StepKind::Stepwise));
    assert_eq!(kinds(Update::Squarem)[..2], [StepKind::Em, StepKind::Em]);
    assert!(kinds(Update::Squarem)[2..].contains(&StepKind::Extrapolated));
}

#[test]
fn numbers_out_of_range_are_errors_that_name_them() {
    let data = blobs();
    let bad = [
        (Update::Damped { learning_rate: 0.0 }, "the learning rate is 0"),
        (Update::Damped { learning_rate: 1.5 }, "the learning rate is 1.5"),
        (Update::Gradient { learning_rate: f64::NAN, momentum: 0.0 }, "the learning rate is NaN"),
        (Update::Gradient { learning_rate: 0.1, momentum: 1.0 }, "the momentum is 1"),
        (Update::Stepwise { batch_size: 0, decay: 0.7, polish: false }, "the batch size is 0"),
        (Update::Stepwise { batch_size: 9, decay: 0.5, polish: false }, "the decay is 0.5"),
    ];
    for (update, message) in bad {
        let options = options(&data, CovarianceType::Full, update);
        let error = fit(&points(&data.samples, None), &Device::cpu(), &options).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

/// A climb can be looked at: what a rule remembers is part of it.
#[test]
fn the_state_of_a_fit_tells_what_its_rule_remembers() {
    let data = blobs();
    let points = points(&data.samples, None);
    let (device, options) = (Device::cpu(), options(&data, CovarianceType::Full, Update::Squarem));
    let mut fitting = Fitting::new(&points, &device, &options).unwrap();
    fitting.epoch().unwrap();
    let remembered = |state: FitState| state.restarts[0].as_ref().unwrap().history.earlier.len();
    assert_eq!(remembered(fitting.state()), 1);
    fitting.epoch().unwrap();
    assert_eq!(remembered(fitting.state()), 2);
}
