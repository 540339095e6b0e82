//! What must hold of every pass on every device, whatever the data.

use std::collections::HashSet;

use mixtura::device::{Assignment, Backend};
use mixtura::{CovarianceType, Device, Mixture, Moments, Points};
use ndarray::{Array1, Array2, Axis, concatenate, s};

use crate::common::compare::{Distance, Tolerance, epochs, points, to_mixture, to_model};
use crate::common::data::{Blobs, Data, permutation, sample_weights};
use crate::common::devices::{Subject, devices};

const REG_COVAR: f64 = 1e-6;

/// An odd number of samples, so that no tile and no group of any backend is full.
fn blobs() -> Data {
    Blobs::new(3_001, 3, 4).make()
}

/// Calls `check` for every device and family, with a start for the data.
fn for_each_case(data: &Data, check: impl Fn(&Subject, &Mixture)) {
    for subject in devices() {
        for family in CovarianceType::ALL {
            check(subject, &to_mixture(&data.start(family)));
        }
    }
}

fn moments(device: &Device, points: &Points, mixture: &Mixture) -> Moments {
    device.load(points).unwrap().moments(mixture, Assignment::Soft).unwrap()
}

/// Fails unless two moments give the same next model and lower bound.
fn assert_equivalent(a: &Moments, b: &Moments, tolerance: Tolerance, what: &str) {
    let (expected, found) = (a.maximize(REG_COVAR).unwrap(), b.maximize(REG_COVAR).unwrap());
    Distance::between((&to_model(&expected), a.lower_bound()), (&found, b.lower_bound()))
        .assert_within(tolerance, what);
}

/// What the order of the same additions, or where the origin lies, may change in one pass: chunks of the data may not
/// change a result by more than a millionth, and f64 leaves far less.
fn reordering(subject: &Subject) -> Tolerance {
    let most = if subject.is_double() { 1e-12 } else { 1e-6 };
    Tolerance { log_likelihood: most, weights: most, means: most, covariances: most }
}

#[test]
fn the_log_likelihood_never_falls_beyond_rounding() {
    let data = blobs();
    let points = points(&data.samples, None);
    for_each_case(&data, |subject, start| {
        let mut backend = subject.device.load(&points).unwrap();
        // The floor is not part of what EM maximises: without it, each epoch must climb.
        let (_, bounds) = epochs(&mut *backend, start, 0.0, 60);
        let rounding = subject.tolerance.log_likelihood;
        let fall = bounds.windows(2).map(|pair| pair[0] - pair[1]).fold(f64::NEG_INFINITY, f64::max);
        assert!(fall <= rounding, "{}, {}: fell by {fall}", subject.name, start.covariance_type());
        assert!(bounds[59] > bounds[0]);
    });
}

#[test]
fn log_densities_and_responsibilities_are_the_oracles() {
    let data = blobs();
    let points = points(&data.samples, None);
    for_each_case(&data, |subject, start| {
        let expected = to_model(start).posterior(&data.samples);
        let mut backend = subject.device.load(&points).unwrap();
        let assessment = backend.assess(start.quadratics(), 0..3_001).unwrap();
        let responsibilities = backend.responsibilities(start.quadratics(), 0..3_001).unwrap();
        // Of one sample, not a mean over many: a few units in the last place of a term of up to 100 nats.
        let most = if subject.is_double() { 1e-11 } else { 1e-4 };
        for n in 0..3_001 {
            let error = (assessment.log_densities[n] - expected.log_densities[n]).abs();
            assert!(error <= most, "{}, sample {n}: log-density {error} off", subject.name);
            for k in 0..4 {
                let error = (responsibilities[[n, k]] - expected.responsibilities[k][n]).abs();
                assert!(error <= most, "{}, sample {n}, component {k}: responsibility {error} off", subject.name);
            }
        }
    });
}

#[test]
fn responsibilities_sum_to_one_and_their_greatest_is_the_label() {
    let data = blobs();
    let points = points(&data.samples, None);
    for_each_case(&data, |subject, start| {
        let labels = subject.device.predict(start, &points).unwrap();
        let responsibilities = subject.device.predict_proba(start, &points).unwrap();
        assert_eq!((labels.len(), responsibilities.dim()), (3_001, (3_001, 4)));
        for (label, row) in labels.iter().zip(responsibilities.outer_iter()) {
            // Four additions of numbers up to one, in f64 on either device's side.
            assert!((row.sum() - 1.0).abs() <= 1e-12 && row.iter().all(|r| (0.0..=1.0).contains(r)), "{row}");
            assert!(row.iter().all(|r| *r <= row[*label]), "{}: label {label} of {row}", subject.name);
        }
        assert_eq!(labels.iter().collect::<HashSet<_>>().len(), 4, "every blob is found");
    });
}

#[test]
fn the_log_likelihood_is_the_weighted_sum_of_the_log_densities() {
    let data = blobs();
    let weights = sample_weights(3_001);
    let points = points(&data.samples, Some(&weights));
    for_each_case(&data, |subject, start| {
        let mut backend = subject.device.load(&points).unwrap();
        let log_densities = backend.assess(start.quadratics(), 0..3_001).unwrap().log_densities;
        let expected: f64 = log_densities.iter().zip(&weights).map(|(l, weight)| l * weight).sum();
        let found = backend.log_likelihood(start.quadratics()).unwrap();
        let of_moments = backend.moments(start, Assignment::Soft).unwrap().log_likelihood;
        for found in [found, of_moments] {
            let error = (found - expected).abs() / points.total_weight();
            assert!(error <= subject.tolerance.log_likelihood, "{}: {found}, {expected}", subject.name);
        }
    });
}

#[test]
fn samples_are_assessed_alike_in_parts_and_as_a_whole() {
    let data = blobs();
    let points = points(&data.samples, None);
    for_each_case(&data, |subject, start| {
        let mut backend = subject.device.load(&points).unwrap();
        let whole = backend.assess(start.quadratics(), 0..3_001).unwrap();
        let all = backend.responsibilities(start.quadratics(), 0..3_001).unwrap();
        for rows in [0..0, 0..1, 7..7, 255..257, 256..1_024, 1_000..2_777, 3_000..3_001, 3_001..3_001] {
            let part = backend.assess(start.quadratics(), rows.clone()).unwrap();
            assert_eq!(part.labels, whole.labels.slice(s![rows.clone()]), "{}, {rows:?}", subject.name);
            assert_eq!(part.log_densities, whole.log_densities.slice(s![rows.clone()]), "{}, {rows:?}", subject.name);
            let part = backend.responsibilities(start.quadratics(), rows.clone()).unwrap();
            assert_eq!(part, all.slice(s![rows.clone(), ..]), "{}, {rows:?}", subject.name);
        }
    });
}

#[test]
fn a_hard_assignment_gives_each_sample_to_its_label() {
    let data = blobs();
    let weights = sample_weights(3_001);
    let points = points(&data.samples, Some(&weights));
    for_each_case(&data, |subject, start| {
        let mut backend = subject.device.load(&points).unwrap();
        let labels = backend.assess(start.quadratics(), 0..3_001).unwrap().labels;
        let moments = backend.moments(start, Assignment::Hard).unwrap();
        let mut counts = [0.0; 4];
        let mut first = Array2::<f64>::zeros((4, 3));
        for n in 0..3_001 {
            counts[labels[n]] += weights[n];
            let deviation = &data.samples.row(n) - &start.means().row(labels[n]);
            first.row_mut(labels[n]).scaled_add(weights[n], &deviation);
        }
        for k in 0..4 {
            let most = reordering(subject).weights * points.total_weight();
            assert!((moments.counts[k] - counts[k]).abs() <= most, "{}: {:?}", subject.name, moments.counts);
            for i in 0..3 {
                // Standard deviations are about 1/2 here, and twice the allowance covers them.
                assert!((moments.first[[k, i]] - first[[k, i]]).abs() <= 2.0 * most, "{}", subject.name);
            }
        }
    });
}

#[test]
fn the_order_of_the_samples_does_not_matter() {
    let data = blobs();
    let order = permutation(3_001);
    let weights = sample_weights(3_001);
    let permuted = data.samples.select(Axis(0), &order);
    let permuted_weights: Vec<f64> = order.iter().map(|&n| weights[n]).collect();
    for_each_case(&data, |subject, start| {
        let a = moments(&subject.device, &points(&data.samples, Some(&weights)), start);
        let b = moments(&subject.device, &points(&permuted, Some(&permuted_weights)), start);
        assert_equivalent(&a, &b, reordering(subject), &format!("{}, {}", subject.name, start.covariance_type()));
    });
}

#[test]
fn the_order_of_the_components_does_not_matter() {
    let data = blobs();
    let points = points(&data.samples, None);
    let order = [2, 0, 3, 1];
    for_each_case(&data, |subject, start| {
        let mut start = to_model(start);
        start.weights = vec![0.1, 0.2, 0.3, 0.4];
        let mut permuted = start.clone();
        for (to, from) in order.into_iter().enumerate() {
            permuted.weights[to] = start.weights[from];
            permuted.means[to] = start.means[from].clone();
            permuted.covariances[to] = start.covariances[from].clone();
        }
        let (start, permuted) = (to_mixture(&start), to_mixture(&permuted));
        let a = moments(&subject.device, &points, &start);
        let b = moments(&subject.device, &points, &permuted);
        let mut expected = to_model(&a.maximize(REG_COVAR).unwrap());
        let original = expected.clone();
        for (to, from) in order.into_iter().enumerate() {
            expected.weights[to] = original.weights[from];
            expected.means[to] = original.means[from].clone();
            expected.covariances[to] = original.covariances[from].clone();
        }
        Distance::between((&expected, a.lower_bound()), (&b.maximize(REG_COVAR).unwrap(), b.lower_bound()))
            .assert_within(reordering(subject), &subject.name);
        let labels = subject.device.predict(&start, &points).unwrap();
        let permuted_labels = subject.device.predict(&permuted, &points).unwrap();
        assert!(labels.iter().zip(&permuted_labels).all(|(&a, &b)| order[b] == a));
    });
}

#[test]
fn moments_of_parts_combine_to_those_of_the_whole() {
    let data = blobs();
    let weights = sample_weights(3_001);
    for_each_case(&data, |subject, start| {
        let whole = moments(&subject.device, &points(&data.samples, Some(&weights)), start);
        for bounds in [vec![0, 1_500, 3_001], vec![0, 1, 256, 700, 2_048, 3_001]] {
            let combined = bounds
                .windows(2)
                .map(|rows| {
                    let part = Points::new(data.samples.slice(s![rows[0]..rows[1], ..])).unwrap();
                    let part = part.with_weights(Array1::from(weights[rows[0]..rows[1]].to_vec())).unwrap();
                    moments(&subject.device, &part, start)
                })
                .fold(Moments::zero(start.covariance_type(), start.means().clone()), |sum, part| {
                    sum.combine(&part).unwrap()
                });
            let what = format!("{}, {}, {bounds:?}", subject.name, start.covariance_type());
            assert_equivalent(&whole, &combined, reordering(subject), &what);
        }
    });
}

#[test]
fn combining_moments_is_associative_with_zero_as_its_neutral_element() {
    let data = blobs();
    for_each_case(&data, |subject, start| {
        let part = |rows: std::ops::Range<usize>| {
            moments(&subject.device, &Points::new(data.samples.slice(s![rows, ..])).unwrap(), start)
        };
        let (a, b, c) = (part(0..1_000), part(1_000..1_700), part(1_700..3_001));
        let left = a.clone().combine(&b).unwrap().combine(&c).unwrap();
        let right = a.clone().combine(&b.clone().combine(&c).unwrap()).unwrap();
        // Two additions in f64, in another order.
        let rounding = Tolerance { log_likelihood: 1e-14, weights: 1e-14, means: 1e-14, covariances: 1e-14 };
        assert_equivalent(&left, &right, rounding.times(10.0), &subject.name);
        let zero = Moments::zero(start.covariance_type(), start.means().clone());
        assert_eq!(zero.combine(&a).unwrap(), a);
        assert_eq!(a.clone().combine(&Moments::zero(start.covariance_type(), start.means().clone())).unwrap(), a);
        let elsewhere = Moments::zero(start.covariance_type(), start.means() + 1.0);
        assert!(a.combine(&elsewhere).is_err(), "sums about other origins do not add up");
    });
}

#[test]
fn integer_weights_are_what_repeated_rows_are() {
    let data = blobs();
    let counts: Vec<usize> = (0..3_001).map(|n| n * 7 % 4).collect();
    let rows: Vec<usize> = counts.iter().enumerate().flat_map(|(n, &count)| std::iter::repeat_n(n, count)).collect();
    let repeated = data.samples.select(Axis(0), &rows);
    let weights: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    for_each_case(&data, |subject, start| {
        let a = moments(&subject.device, &points(&repeated, None), start);
        let b = moments(&subject.device, &points(&data.samples, Some(&weights)), start);
        assert_eq!(a.total_weight, b.total_weight);
        // Repeating rows moves the median about which single precision rounds the samples.
        let tolerance = if subject.is_double() { reordering(subject) } else { subject.tolerance };
        assert_equivalent(&a, &b, tolerance, &format!("{}, {}", subject.name, start.covariance_type()));
    });
}

#[test]
fn rows_of_zero_weight_change_nothing() {
    let data = blobs();
    let extra = Array2::from_shape_fn((500, 3), |(n, i)| (n as f64 - 250.0) * (i as f64 + 1.0));
    let padded = concatenate![Axis(0), extra, data.samples];
    let weights: Vec<f64> = (0..3_501).map(|n| if n < 500 { 0.0 } else { 1.0 }).collect();
    for_each_case(&data, |subject, start| {
        let a = moments(&subject.device, &points(&data.samples, None), start);
        let b = moments(&subject.device, &points(&padded, Some(&weights)), start);
        assert_equivalent(&a, &b, reordering(subject), &format!("{}, {}", subject.name, start.covariance_type()));
    });
}

#[test]
fn precision_and_memory_order_of_the_input_do_not_change_a_bit() {
    let data = blobs();
    let single = data.samples.mapv(|x| x as f32);
    let double = single.mapv(f64::from);
    let by_columns = double.t().as_standard_layout().into_owned();
    let spread_out =
        Array2::from_shape_fn((6_002, 6), |(n, i)| if n % 2 + i % 2 == 0 { double[[n / 2, i / 2]] } else { 9e9 });
    for_each_case(&data, |subject, start| {
        let expected = moments(&subject.device, &Points::new(&double).unwrap(), start);
        for points in [
            Points::new(&single).unwrap(),
            Points::new(by_columns.t()).unwrap(),
            Points::new(spread_out.slice(s![..;2, ..;2])).unwrap(),
        ] {
            assert_eq!(moments(&subject.device, &points, start), expected, "{}", subject.name);
        }
    });
}

#[test]
fn two_runs_agree_bit_for_bit() {
    let data = Blobs::new(30_001, 3, 4).make();
    let points = points(&data.samples, None);
    for_each_case(&data, |subject, start| {
        let run = || {
            let mut backend = subject.device.load(&points).unwrap();
            let result = epochs(&mut *backend, start, REG_COVAR, 5);
            (result, backend.assess(start.quadratics(), 0..30_001).unwrap())
        };
        assert!(run() == run(), "{}, {}", subject.name, start.covariance_type());
    });
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let data = Blobs::new(30_001, 3, 4).make();
    let points = points(&data.samples, None);
    for_each_case(&data, |subject, start| {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut backend = subject.device.load(&points).unwrap();
                (epochs(&mut *backend, start, REG_COVAR, 5), backend.assess(start.quadratics(), 0..30_001).unwrap())
            })
        };
        let alone = run(1);
        assert!([2, 5].into_iter().all(|threads| run(threads) == alone), "{}", subject.name);
    });
}

#[test]
fn a_backend_serves_models_of_other_families_and_sizes_in_turn() {
    let data = blobs();
    let points = points(&data.samples, None);
    let other = Blobs::new(10, 3, 7).make();
    for subject in devices() {
        let mut backend = subject.device.load(&points).unwrap();
        let pass = |backend: &mut dyn Backend| -> Vec<Moments> {
            CovarianceType::ALL
                .into_iter()
                .flat_map(|family| [&data, &other].map(|data| to_mixture(&data.start(family))))
                .map(|mixture| backend.moments(&mixture, Assignment::Soft).unwrap())
                .collect()
        };
        assert!(pass(&mut *backend) == pass(&mut *backend), "{}", subject.name);
    }
}
