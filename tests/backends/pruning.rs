//! Passes that leave components out, held to passes in which every component meets every sample.

use mixtura::device::Prune;
use mixtura::fit::{Fitting, Floor, OnCollapse, Progress, WarmStart};
use mixtura::{CovarianceType, Data, Device, Fit, FitOptions, Points};
use ndarray::{Array1, Array2};

use super::common::devices::devices;

const K: usize = 60;

/// Samples in sixty clusters that touch each other, and some between them.
fn samples(n: usize, d: usize) -> Array2<f64> {
    let noise = |row: usize, feature: usize, step: f64| ((row * (feature + 1)) as f64 * step).fract();
    Array2::from_shape_fn((n, d), |(row, feature)| {
        let cluster = row * 7919 % 64;
        let place = 3.0 * ((cluster >> (2 * (feature % 3))) % 4) as f64;
        let sum: f64 =
            [0.618_033_988, 0.414_213_562, 0.732_050_807].iter().map(|step| noise(row, feature, *step)).sum();
        place + sum - 1.5
    })
}

fn options(family: CovarianceType, prune: Prune) -> FitOptions {
    FitOptions { covariance_type: family, prune, max_iter: 4, tol: 0.0, seed: 3, ..FitOptions::new(K) }
}

/// A fit, and the least share of all log-densities that an epoch of it evaluated.
fn fitted(data: &dyn Data, device: &Device, options: &FitOptions) -> (Fit, f64) {
    let mut fitting = Fitting::new(data, device, options).unwrap();
    let mut share = 1.0_f64;
    while let Some(Progress { evaluated, .. }) = fitting.epoch().unwrap() {
        share = share.min(evaluated);
    }
    (fitting.finish().unwrap(), share)
}

#[test]
fn a_pruned_fit_is_the_dense_one_for_every_family_dimension_and_device() {
    for subject in devices() {
        let is_cpu = subject.device.info().backend == "cpu";
        let tolerance = if !subject.is_double() { 2e-5 } else { 1e-11 };
        for d in if is_cpu { vec![1, 2, 3, 7, 11] } else { vec![1, 3, 8] } {
            let points = Points::new(samples(12_345, d)).unwrap();
            for family in CovarianceType::ALL {
                let (dense, all) = fitted(&points, &subject.device, &options(family, Prune::Off));
                let (pruned, share) = fitted(&points, &subject.device, &options(family, Prune::Exact));
                let what = format!("{family}, D = {d}, on {}", subject.name);
                assert_eq!(all, 1.0, "{what}");
                // Of groups of 256 each has samples of several clusters.
                if (2..=3).contains(&d) {
                    assert!(share < if is_cpu { 0.6 } else { 0.8 }, "{what}: {share}");
                    let pruning = pruned.pruning.unwrap();
                    assert!(pruning.bound <= 12_345.0 * 1e-9 && pruning.bytes_per_sample <= 17.0, "{pruning:?}");
                }
                assert_eq!(dense.n_iter, pruned.n_iter);
                for (a, b) in dense.lower_bounds.iter().zip(&pruned.lower_bounds) {
                    assert!((a - b).abs() <= tolerance * (1.0 + a.abs()), "{what}: {a} and {b}");
                }
                let labels = |fit: &Fit| {
                    Device::cpu().load(&points).unwrap().assess(fit.mixture.quadratics(), 0..12_345).unwrap().labels
                };
                let (a, b) = (labels(&dense), labels(&pruned));
                let differing = a.iter().zip(&b).filter(|(a, b)| a != b).count();
                assert!(differing <= if !subject.is_double() { 12 } else { 0 }, "{what}: {differing} labels differ");
            }
        }
    }
}

/// An epoch from a model by a pruned pass and by a dense one: within the bound of each other, but for rounding.
#[test]
fn a_pruned_epoch_is_the_dense_one_from_the_same_model_whatever_its_size() {
    for subject in devices() {
        let tolerance = if !subject.is_double() { 1e-5 } else { 1e-11 };
        for (n, d, k) in [(4_097, 1, 48), (12_345, 2, 130), (20_000, 3, 300)] {
            let weights = Array1::from_shape_fn(n, |row| (row % 4) as f64 * 0.5);
            let points = Points::new(samples(n, d)).unwrap().with_weights(weights).unwrap();
            for family in CovarianceType::ALL {
                let start = FitOptions { covariance_type: family, max_iter: 0, seed: 3, ..FitOptions::new(k) };
                let mixture = fitted(&points, &Device::cpu(), &start).0.mixture;
                let warm_start = Some(WarmStart { mixture, lower_bound: None });
                let epoch = |prune| {
                    let options = FitOptions { warm_start: warm_start.clone(), max_iter: 1, prune, ..start.clone() };
                    fitted(&points, &subject.device, &options)
                };
                let ((dense, all), (pruned, share)) = (epoch(Prune::Off), epoch(Prune::Exact));
                let what = format!("{n} x {d}, {k} components, {family}, on {}", subject.name);
                assert!(all == 1.0 && share < 1.0, "{what}: {share}");
                let numbers = |fit: &Fit| -> Vec<f64> {
                    let mixture = &fit.mixture;
                    let weights = mixture.weights().iter().chain(mixture.means());
                    weights.copied().chain(fit.lower_bounds.clone()).collect()
                };
                for (a, b) in numbers(&dense).iter().zip(numbers(&pruned)) {
                    assert!((a - b).abs() <= tolerance * (1.0 + a.abs()), "{what}: {a} and {b}");
                }
                let again = epoch(Prune::Exact).0;
                assert!(again.mixture == pruned.mixture && again.lower_bounds == pruned.lower_bounds, "{what}");
            }
        }
    }
}

#[test]
fn weights_count_in_pruned_passes_and_samples_of_none_change_nothing() {
    let values = samples(9000, 2);
    let weights = Array1::from_shape_fn(9000, |row| (row % 3) as f64);
    let weighted = Points::new(values.clone()).unwrap().with_weights(weights.clone()).unwrap();
    let rows: Vec<usize> = (0..9000).flat_map(|row| std::iter::repeat_n(row, row % 3)).collect();
    let repeated = Points::new(values.select(ndarray::Axis(0), &rows)).unwrap();
    for family in CovarianceType::ALL {
        // Scales of features are those of some rows, and here these are others.
        let floor = Floor::Absolute(1e-3);
        let mixture = fitted(&repeated, &Device::cpu(), &options(family, Prune::Off)).0.mixture;
        let warm_start = Some(WarmStart { mixture, lower_bound: None });
        let options = FitOptions { warm_start, floor, ..options(family, Prune::Exact) };
        let (a, _) = fitted(&weighted, &Device::cpu(), &options);
        let (b, _) = fitted(&repeated, &Device::cpu(), &options);
        assert!((a.lower_bound - b.lower_bound).abs() < 1e-9, "{family}: {} and {}", a.lower_bound, b.lower_bound);
    }
}

#[test]
fn pruned_fits_have_the_same_bits_on_one_thread_on_two_and_after_they_went_on() {
    let points = Points::new(samples(30_000, 3)).unwrap();
    for subject in devices() {
        let options = options(CovarianceType::Full, Prune::Exact);
        let fit = || fitted(&points, &subject.device, &options).0;
        let in_pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(fit);
        let expected = in_pool(1);
        assert_eq!(in_pool(2).mixture, expected.mixture);
        assert_eq!(in_pool(3).lower_bounds, expected.lower_bounds);
        let mut fitting = Fitting::new(&points, &subject.device, &options).unwrap();
        let mut states = vec![];
        while fitting.epoch().unwrap().is_some() {
            states.push(fitting.state());
        }
        for state in states {
            let mut resumed = Fitting::resume(&points, &subject.device, &options, state).unwrap();
            while resumed.epoch().unwrap().is_some() {}
            assert_eq!(resumed.finish().unwrap().mixture, expected.mixture);
        }
    }
}

#[cfg(feature = "io")]
#[test]
fn pruned_fits_have_the_same_bits_in_memory_and_on_disk_over_several_blocks() {
    use mixtura::data::{Place, block_rows};
    use mixtura::io::{Dataset, Selection};
    const D: usize = 8;
    let n = block_rows(D) + 20_001;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("samples.f32");
    let bytes: Vec<u8> = samples(n, D).iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
    std::fs::write(&path, bytes).unwrap();
    let open = |memory| {
        let selection = Selection { dims: Some(D), ..Selection::default() };
        Dataset::open(std::slice::from_ref(&path), &selection, memory).unwrap()
    };
    let (in_memory, on_disk) = (open(u64::MAX), open(1 << 20));
    assert_eq!((in_memory.home().place, on_disk.home().place), (Place::Memory, Place::Disk));
    let options = FitOptions { max_iter: 2, ..options(CovarianceType::Diag, Prune::Exact) };
    let [(a, share), (b, _)] = [&in_memory, &on_disk].map(|data| fitted(data, &Device::cpu(), &options));
    assert_eq!(a.mixture, b.mixture);
    assert!(share < 1.0);
}

#[test]
fn auto_leaves_nothing_out_where_that_is_not_worth_it() {
    // Few components, many features, few samples, and components as wide as all samples.
    let wide = FitOptions { max_iter: 2, ..FitOptions::new(K) };
    let few = FitOptions { n_components: 8, ..wide.clone() };
    for subject in devices() {
        for (n, d, options) in [(40_000, 2, &few), (40_000, 12, &wide), (9_000, 2, &wide)] {
            let points = Points::new(samples(n, d)).unwrap();
            let dense = fitted(&points, &subject.device, &FitOptions { prune: Prune::Off, ..options.clone() });
            let (auto, share) = fitted(&points, &subject.device, options);
            assert_eq!(share, 1.0, "{n} x {d}, on {}", subject.name);
            assert_eq!(auto.mixture, dense.0.mixture, "{n} x {d}, on {}", subject.name);
        }
        let points = Points::new(samples(40_000, 2)).unwrap();
        let share = fitted(&points, &subject.device, &wide).1;
        assert!(share < 0.5, "many components of two features, on {}: {share}", subject.name);
    }
}

#[test]
fn strange_samples_are_pruned_like_all_others() {
    let with = |change: &dyn Fn(usize, usize, f64) -> f64| {
        let mut values = samples(6000, 2);
        values.indexed_iter_mut().for_each(|((row, feature), x)| *x = change(row, feature, *x));
        Points::new(values).unwrap()
    };
    let data = [
        ("a constant feature", with(&|_, feature, x| if feature == 1 { 7.0 } else { x })),
        ("few distinct samples", with(&|_, _, x| x.round())),
        ("all alike", with(&|_, _, _| 1.0)),
        ("one far value", with(&|row, _, x| if row == 17 { 1e9 } else { x })),
        ("large offsets", with(&|_, _, x| x + 1e8)),
        ("tiny values", with(&|_, _, x| x * 1e-150)),
        ("huge values", with(&|_, _, x| x * 1e90)),
    ];
    for subject in devices() {
        let tolerance = if subject.is_double() { 1e-9 } else { 1e-4 };
        for (name, points) in &data {
            for on_collapse in [OnCollapse::Repair, OnCollapse::Drop] {
                let fits = [Prune::Off, Prune::Exact].map(|prune| {
                    let options = FitOptions { on_collapse, ..options(CovarianceType::Full, prune) };
                    fitted(points, &subject.device, &options).0
                });
                let [dense, pruned] = fits;
                let error = (dense.lower_bound - pruned.lower_bound).abs();
                let most = tolerance * (1.0 + dense.lower_bound.abs());
                assert!(error <= most, "{name}, on {}: {error}", subject.name);
                // Where rounding decides what collapses, it may decide otherwise.
                assert!(!subject.is_double() || dense.repairs.len() == pruned.repairs.len(), "{name}");
            }
        }
    }
}
