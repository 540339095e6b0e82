//! Values far from all others: they may take a component of their own or widen one, but the bulk is found as without them.

use std::collections::HashMap;

use mixtura::{CovarianceType, FitOptions, fit};
use ndarray::Array2;
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

use crate::common::compare::points;
use crate::common::devices::devices;

fn normal(random: &mut impl Rng) -> f64 {
    StandardNormal.sample(random)
}

/// The share of samples whose label is that of most of their cluster, where no two clusters share that label.
fn agreement(labels: &[usize], clusters: &[usize]) -> f64 {
    let mut counts: HashMap<(usize, usize), usize> = HashMap::new();
    for pair in clusters.iter().zip(labels) {
        *counts.entry((*pair.0, *pair.1)).or_default() += 1;
    }
    let n_clusters = clusters.iter().max().unwrap() + 1;
    let mut taken = Vec::new();
    let mut right = 0;
    for cluster in 0..n_clusters {
        let own = counts.iter().filter(|((of, _), _)| *of == cluster);
        let ((_, label), count) = own.max_by_key(|(_, count)| **count).unwrap();
        if taken.contains(label) {
            return 0.0;
        }
        taken.push(*label);
        right += count;
    }
    right as f64 / labels.len() as f64
}

#[test]
fn one_far_value_among_two_thousand_leaves_two_clusters_as_they_are() {
    for seed in 0..2 {
        let mut random = Pcg64::seed_from_u64(seed);
        let clusters: Vec<usize> = (0..2000).map(|_| random.random_range(0..2)).collect();
        let bulk: Vec<f64> = clusters.iter().map(|cluster| normal(&mut random) + 8.0 * *cluster as f64).collect();
        for far in [1e3, 1e5, 1e6, 1e7, 1e9, -1e9] {
            let samples = Array2::from_shape_fn((2001, 1), |(n, _)| bulk.get(n).copied().unwrap_or(far));
            for subject in devices() {
                let what = format!("{far:e}, seed {seed}, {}", subject.name);
                let options = FitOptions { seed, ..FitOptions::new(3) };
                let fitted = fit(&points(&samples, None), &subject.device, &options).unwrap();
                let mixture = &fitted.mixture;
                let labels = subject.device.predict(mixture, &points(&samples, None)).unwrap();
                let agreement = agreement(&labels.to_vec()[..2000], &clusters);
                assert!(agreement > 0.98, "{what}: {agreement}");
                for place in [0.0, 8.0] {
                    let near = (0..mixture.n_components()).filter(|k| (mixture.means()[[*k, 0]] - place).abs() < 0.5);
                    let spread = near.map(|k| mixture.covariances().entry(k, 0, 0).sqrt()).collect::<Vec<_>>();
                    assert!(spread.iter().any(|s| (s - 1.0).abs() < 0.2), "{what}: {place}: {spread:?}");
                }
            }
        }
    }
}

#[test]
fn sentinels_in_one_of_two_features_leave_two_clusters_as_they_are() {
    for seed in 0..2 {
        for share in [0.01, 0.05] {
            let mut random = Pcg64::seed_from_u64(seed);
            let n = 2000;
            let clusters: Vec<usize> = (0..n).map(|_| random.random_range(0..2)).collect();
            let mut samples = Array2::from_shape_fn((n, 2), |(i, _)| normal(&mut random) + 6.0 * clusters[i] as f64);
            let spoiled: Vec<bool> = (0..n).map(|_| random.random::<f64>() < share).collect();
            for (row, _) in spoiled.iter().enumerate().filter(|(_, spoiled)| **spoiled) {
                samples[[row, 1]] = -9999.0;
            }
            for subject in devices() {
                for family in [CovarianceType::Full, CovarianceType::Diag] {
                    let options = FitOptions { seed, covariance_type: family, ..FitOptions::new(3) };
                    let fitted = fit(&points(&samples, None), &subject.device, &options).unwrap();
                    let labels = subject.device.predict(&fitted.mixture, &points(&samples, None)).unwrap();
                    let of_bulk = |of: &[usize]| -> Vec<usize> {
                        of.iter().zip(&spoiled).filter(|(_, spoiled)| !**spoiled).map(|(label, _)| *label).collect()
                    };
                    let agreement = agreement(&of_bulk(&labels.to_vec()), &of_bulk(&clusters));
                    assert!(agreement > 0.98, "{share}, seed {seed}, {family}, {}: {agreement}", subject.name);
                }
            }
        }
    }
}
