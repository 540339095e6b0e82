//! A pass against one that is written down as the method is: sample by sample, in f64, and without the kernels.

use ndarray::{Array1, Array2};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::device::task::{Assignment, Task};
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;

const N: usize = 900;
const K: usize = 40;
const D: usize = 3;

/// Samples with weights, some of them zero, and a model that has nothing to do with them.
fn case(family: CovarianceType) -> (Points<'static>, Mixture) {
    let mut random = Pcg64::seed_from_u64(1);
    let mut uniform = |n: usize, d: usize, side: f64| Array2::from_shape_fn((n, d), |_| side * random.random::<f64>());
    let (samples, means, spreads) = (uniform(N, D, 10.0), uniform(K, D, 10.0), uniform(K, D, 1.0));
    let weights = Array1::from_shape_fn(N, |n| [1.0, 0.5, 0.0, 2.0][n % 4]);
    let covariances = match family {
        CovarianceType::Full => CovarianceArray::Full(ndarray::Array3::from_shape_fn((K, D, D), |(k, i, j)| {
            if i == j { 1.0 + spreads[[k, i]] } else { 0.3 * spreads[[k, 0]] }
        })),
        CovarianceType::Tied => {
            CovarianceArray::Tied(Array2::from_shape_fn((D, D), |(i, j)| if i == j { 1.5 } else { 0.4 }))
        }
        CovarianceType::Diag => CovarianceArray::Diag(spreads + 0.5),
        CovarianceType::Spherical => CovarianceArray::Spherical(spreads.column(0).mapv(|x| x + 0.5)),
    };
    let shares = Array1::from_shape_fn(K, |k| 1.0 + (k % 3) as f64);
    let mixture = Mixture::new(&shares / shares.sum(), means, covariances).unwrap();
    (Points::new(samples).unwrap().with_weights(weights).unwrap(), mixture)
}

/// log (w_k p_k(x)), by elimination on the covariance.
fn log_density(mixture: &Mixture, k: usize, x: &[f64]) -> f64 {
    let mut a: [[f64; D + 1]; D] = std::array::from_fn(|i| {
        std::array::from_fn(|j| match j {
            D => x[i] - mixture.means()[[k, i]],
            j => mixture.covariances().entry(k, i, j),
        })
    });
    let (mut log_determinant, mut solved) = (0.0, 0.0);
    for i in 0..D {
        log_determinant += a[i][i].ln();
        solved += a[i][D] * a[i][D] / a[i][i];
        let pivot = a[i];
        for row in &mut a[i + 1..] {
            let factor = row[i] / pivot[i];
            row.iter_mut().zip(pivot).for_each(|(x, above)| *x -= factor * above);
        }
    }
    let normaliser = D as f64 * (2.0 * std::f64::consts::PI).ln();
    mixture.weights()[k].ln() - 0.5 * (normaliser + log_determinant + solved)
}

fn pass(points: &Points, mixture: &Mixture, width: (usize, usize), candidates: Option<&Candidates>) -> TruncatedSums {
    let task = Truncated {
        quadratics: mixture.quadratics().clone(),
        statistics: mixture.covariance_type().statistics(),
        width,
        candidates: candidates.map(|candidates| Arc::new(candidates.clone())),
        seed: 7,
        epoch: 3,
    };
    match CpuBackend::new(points).run(&[Task::Truncated(Arc::new(task))]).unwrap().remove(0) {
        crate::device::task::Answer::Truncated(truncated) => *truncated,
        _ => unreachable!("the answer is to the task"),
    }
}

fn rows(points: &Points) -> Vec<Vec<f64>> {
    points.to_f64().outer_iter().map(|row| row.to_vec()).collect()
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{what}: {found}, and not {expected}");
}

#[test]
fn sums_are_those_of_posteriors_over_the_candidates_alone() {
    for family in CovarianceType::ALL {
        let (points, mixture) = case(family);
        let given = scattered();
        let TruncatedSums { sums, candidates } = pass(&points, &mixture, (3, 5), Some(&given));
        sums.check().unwrap();
        let moments = sums.moments(family, mixture.means(), points.summary().total_weight()).unwrap();
        let (mut free_energy, mut counts) = (0.0, vec![0.0; K]);
        let (mut first, mut second) = (Array2::zeros((K, D)), vec![Array2::<f64>::zeros((D, D)); K]);
        for (n, x) in rows(&points).iter().enumerate() {
            let own = &candidates.of_samples()[3 * n..3 * n + 3];
            let densities: Vec<f64> = own.iter().map(|k| log_density(&mixture, *k as usize, x).exp()).collect();
            let (sum, weight) = (densities.iter().sum::<f64>(), points.weight(n));
            free_energy += weight * sum.ln();
            for (k, density) in own.iter().map(|k| *k as usize).zip(densities) {
                let r = weight * density / sum;
                counts[k] += r;
                for i in 0..D {
                    first[[k, i]] += r * (x[i] - mixture.means()[[k, i]]);
                    for j in 0..D {
                        second[k][[i, j]] += r * (x[i] - mixture.means()[[k, i]]) * (x[j] - mixture.means()[[k, j]]);
                    }
                }
            }
        }
        close(moments.log_likelihood, free_energy, "the free energy");
        for k in 0..K {
            close(moments.counts[k], counts[k], "a count");
            for i in 0..D {
                close(moments.first[[k, i]], first[[k, i]], "a first moment");
            }
        }
        let expected = CovarianceArray::of_moments(family, K, D, |k, i, j| second[k][[i, j]]);
        moments.second.values().iter().zip(expected.values()).for_each(|(a, b)| close(*a, *b, "a second moment"));
    }
}

/// Candidates that have nothing to do with the samples either.
fn scattered() -> Candidates {
    let of_samples = (0..3 * N).map(|i| (i * 7919 % 104_729 % K) as u32).collect();
    let of_components = (0..5 * K).map(|i| if i % 5 == 0 { i / 5 } else { i * i % K } as u32).collect();
    Candidates::new((3, of_samples), (5, of_components)).unwrap()
}

#[test]
fn candidates_are_at_least_as_good_as_those_before_and_the_neighbours_of_the_best() {
    for family in CovarianceType::ALL {
        let (points, mixture) = case(family);
        let given = scattered();
        let found = pass(&points, &mixture, (3, 5), Some(&given)).candidates;
        for (n, x) in rows(&points).iter().enumerate() {
            let (before, after) = (&given.of_samples()[3 * n..][..3], &found.of_samples()[3 * n..][..3]);
            if points.weight(n) == 0.0 {
                assert_eq!(before, after);
                continue;
            }
            let mut seen: Vec<u32> = given.neighbours(before[0]).iter().chain(before).copied().collect();
            seen.sort_unstable();
            seen.dedup();
            let mut best: Vec<f64> = seen.iter().map(|k| log_density(&mixture, *k as usize, x)).collect();
            best.sort_by(|a, b| b.total_cmp(a));
            let own: Vec<f64> = after.iter().map(|k| log_density(&mixture, *k as usize, x)).collect();
            for (own, best) in own.iter().zip(&best) {
                assert!(own - best >= -1e-9, "{family}, sample {n}: {own} is less than {best}");
            }
            assert!(own.is_sorted_by(|a, b| a >= b) && after[0] != after[1] && after[1] != after[2]);
        }
    }
}

#[test]
fn the_first_candidates_are_the_best_of_all_components_and_stay_it() {
    for family in CovarianceType::ALL {
        let (points, mixture) = case(family);
        let found = pass(&points, &mixture, (2, 4), None).candidates;
        for (n, x) in rows(&points).iter().enumerate().filter(|(n, _)| points.weight(*n) > 0.0) {
            let mut all: Vec<(f64, u32)> = (0..K).map(|k| (log_density(&mixture, k, x), k as u32)).collect();
            all.sort_by(|a, b| b.0.total_cmp(&a.0));
            assert_eq!(found.of_samples()[2 * n..][..2], [all[0].1, all[1].1], "{family}, sample {n}");
        }
        let own: Vec<u32> = (0..K as u32).map(|k| found.neighbours(k)[0]).collect();
        assert_eq!(own, (0..K as u32).collect::<Vec<_>>());
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let (points, mixture) = case(CovarianceType::Full);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| pass(&points, &mixture, (3, 5), None))
    };
    let (one, four) = (with(1), with(4));
    assert_eq!(one.candidates, four.candidates);
    assert_eq!(one.sums, four.sums);
}

#[test]
fn with_all_components_as_candidates_sums_are_those_of_exact_posteriors() {
    for family in CovarianceType::ALL {
        let (points, mixture) = case(family);
        let exact = CpuBackend::new(&points).moments(&mixture, Assignment::Soft).unwrap();
        let sums = pass(&points, &mixture, (K, K), None).sums;
        let found = sums.moments(family, mixture.means(), points.summary().total_weight()).unwrap();
        close(found.log_likelihood, exact.log_likelihood, "the log-likelihood");
        found.counts.iter().zip(&exact.counts).for_each(|(a, b)| close(*a, *b, "a count"));
        found.first.iter().zip(&exact.first).for_each(|(a, b)| close(*a, *b, "a first moment"));
        let second = found.second.values().iter().zip(exact.second.values());
        second.for_each(|(a, b)| close(*a, *b, "a second moment"));
    }
}

#[test]
fn in_single_precision_candidates_and_sums_are_the_same_but_for_rounding() {
    for family in CovarianceType::ALL {
        let (points, mixture) = case(family);
        let task = |candidates: Option<Arc<Candidates>>| {
            let (quadratics, statistics) = (mixture.quadratics().clone(), family.statistics());
            let task = Truncated { quadratics, statistics, width: (3, 5), candidates, seed: 7, epoch: 3 };
            [Task::Truncated(Arc::new(task))]
        };
        let on = |precision| {
            let mut backend = crate::device::cpu::load(Arc::new(&points), precision).unwrap();
            match backend.run(&task(None)).unwrap().remove(0) {
                crate::device::task::Answer::Truncated(truncated) => *truncated,
                _ => unreachable!("the answer is to the task"),
            }
        };
        let (double, single) = (on(Precision::Double), on(Precision::Single));
        let same = double.candidates.of_samples().iter().zip(single.candidates.of_samples()).filter(|(a, b)| a == b);
        assert!(same.count() > 3 * N - 20, "{family}");
        let moments = |sums: Sums| sums.moments(family, mixture.means(), points.summary().total_weight()).unwrap();
        let (double, single) = (moments(double.sums), moments(single.sums));
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-3 * (1.0 + a.abs()), "{family}: {a} {b}");
        close(double.log_likelihood, single.log_likelihood);
        double.counts.iter().zip(&single.counts).for_each(|(a, b)| close(*a, *b));
        double.first.iter().zip(&single.first).for_each(|(a, b)| close(*a, *b));
        double.second.values().iter().zip(single.second.values()).for_each(|(a, b)| close(*a, *b));
    }
}

#[test]
fn samples_are_assessed_by_their_candidates_and_those_of_their_like() {
    for family in CovarianceType::ALL {
        let (points, mixture) = case(family);
        let candidates = pass(&points, &mixture, (3, 5), None).candidates;
        let backend = CpuBackend::new(&points);
        let parameters = backend.parameters(mixture.quadratics()).unwrap();
        // A chunk that begins after the first sample.
        let (first, chunk) = (100, points.slice(100..N));
        let assessment = assess(&backend, &parameters, &candidates, first, &chunk).unwrap();
        for (n, x) in rows(&points).iter().enumerate().skip(first) {
            let of_all: Vec<f64> = (0..K).map(|k| log_density(&mixture, k, x)).collect();
            let own: Vec<f64> = candidates.of_samples()[3 * n..][..3].iter().map(|k| of_all[*k as usize]).collect();
            let sum = |log_densities: &[f64]| log_densities.iter().map(|l| l.exp()).sum::<f64>().ln();
            let (found, label) = (assessment.log_densities[n - first], assessment.labels[n - first]);
            let what = format!("{family}, sample {n}: {found}");
            // Three of the components that were seen, and these were the own ones and others.
            assert!(found >= sum(&own) - 1e-9 && found <= sum(&of_all) + 1e-9, "{what}");
            // Every component was looked at before.
            let best = of_all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            close(of_all[label], best, &what);
        }
    }
    let (points, mixture) = case(CovarianceType::Diag);
    let candidates = pass(&points, &mixture, (3, 5), None).candidates;
    let backend = CpuBackend::new(&points);
    let parameters = backend.parameters(mixture.quadratics()).unwrap();
    assert!(matches!(assess(&backend, &parameters, &candidates, 1, &points), Err(Error::Parts { .. })));
}
