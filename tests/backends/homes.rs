//! Where samples stay during a fit, which is to make no difference: on the device, in memory, or on disk.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use mixtura::data::{Place, Watched, block_rows};
use mixtura::fit::Fitting;
use mixtura::io::{Dataset, Selection};
use mixtura::{CovarianceArray, CovarianceType, Data, Device, Error, Fit, FitOptions, Mixture, Points, fit};
use ndarray::{Array1, Array2};

use super::common::devices::devices;

const D: usize = 40;

/// A few blocks of samples, the last of them not whole, as raw f32 with a column of weights.
fn file_of_blocks(directory: &Path) -> PathBuf {
    let n = 2 * block_rows(D) + 1001;
    let means = Array2::from_shape_fn((3, D), |(k, d)| (k * (d % 5)) as f64);
    let mixture =
        Mixture::new(Array1::from_elem(3, 1.0 / 3.0), means, CovarianceArray::Spherical(Array1::ones(3))).unwrap();
    let (samples, _) = mixture.sample(n, 5);
    let path = directory.join("samples.f32");
    let mut bytes = Vec::with_capacity(n * (D + 1) * 4);
    // Shuffled, so that no block has a component of its own.
    for i in 0..n {
        let row = samples.row(i * 7919 % n);
        row.iter().for_each(|x| bytes.extend((*x as f32).to_le_bytes()));
        bytes.extend(((i % 4) as f32 / 3.0).to_le_bytes());
    }
    fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    path
}

fn open(path: &Path, memory: u64) -> Dataset {
    let selection = Selection { dims: Some(D + 1), weights: Some(D.to_string()), ..Selection::default() };
    Dataset::open(&[path.to_owned()], &selection, memory).unwrap()
}

fn options(family: CovarianceType) -> FitOptions {
    FitOptions { covariance_type: family, max_iter: 3, tol: 0.0, ..FitOptions::new(3) }
}

/// The greatest difference of two fits, relative to the larger of a value and 1.
fn difference(a: &Fit, b: &Fit) -> f64 {
    let values = |fit: &Fit| -> Vec<f64> {
        let Fit { mixture, log_likelihood, .. } = fit;
        let parameters = mixture.weights().iter().chain(mixture.means()).chain(mixture.covariances().values());
        parameters.copied().chain([log_likelihood / fit.total_weight]).collect()
    };
    let relative = |(a, b): (&f64, &f64)| (a - b).abs() / a.abs().max(1.0);
    values(a).iter().zip(&values(b)).map(relative).fold(0.0, f64::max)
}

#[test]
fn samples_on_the_device_in_memory_and_on_disk_give_the_same_model() {
    let directory = tempfile::tempdir().unwrap();
    let path = file_of_blocks(directory.path());
    let (in_memory, on_disk) = (open(&path, u64::MAX), open(&path, 1 << 20));
    assert_eq!((in_memory.home().place, on_disk.home().place), (Place::Memory, Place::Disk));
    let facts = |data: &Dataset| {
        let summary = data.summary();
        let arrays = [summary.mean(), summary.variance(), summary.median(), summary.deviation(), summary.scale()];
        (summary.n_samples(), summary.n_effective(), summary.total_weight(), arrays.map(Clone::clone))
    };
    assert_eq!(facts(&in_memory), facts(&on_disk));
    for subject in devices() {
        for family in [CovarianceType::Tied, CovarianceType::Diag] {
            let fit = |data: &Dataset, device: &Device| fit(data, device, &options(family)).unwrap();
            let expected = fit(&in_memory, &subject.device);
            let from_disk = fit(&on_disk, &subject.device);
            let is_cpu = subject.device.info().backend == "cpu";
            match is_cpu {
                // Sums are formed over the same blocks in the same order.
                true => assert_eq!(from_disk.mixture, expected.mixture, "{family} on {}", subject.name),
                false => {
                    assert_eq!(expected.home.place, Place::Device);
                    let through = subject.device.clone().with_memory(8 << 20);
                    for (data, place) in [(&in_memory, Place::Memory), (&on_disk, Place::Disk)] {
                        let streamed = fit(data, &through);
                        assert_eq!(streamed.home.place, place, "{:?}", streamed.home);
                        let difference = difference(&streamed, &expected);
                        assert!(difference < 1e-6, "{family}, {place}, on {}: {difference}", subject.name);
                    }
                }
            }
            let difference = difference(&from_disk, &expected);
            assert!(difference < 1e-6, "{family} on {}: {difference}", subject.name);
        }
    }
}

#[test]
fn what_is_said_of_samples_does_not_depend_on_where_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let path = file_of_blocks(directory.path());
    let (in_memory, on_disk) = (open(&path, u64::MAX), open(&path, 1 << 20));
    let mixture = fit(&in_memory, &Device::cpu(), &options(CovarianceType::Diag)).unwrap().mixture;
    // Across the end of the first block.
    let rows = block_rows(D) - 700..block_rows(D) + 900;
    for subject in devices() {
        let mut devices = vec![subject.device.clone()];
        if subject.device.info().backend != "cpu" {
            devices.push(subject.device.clone().with_memory(1 << 20));
        }
        let mut whole = subject.device.load(&in_memory).unwrap();
        let expected = whole.assess(mixture.quadratics(), rows.clone()).unwrap();
        let responsibilities = whole.responsibilities(mixture.quadratics(), rows.clone()).unwrap();
        for device in devices {
            let mut backend = device.load(&on_disk).unwrap();
            assert_eq!(backend.assess(mixture.quadratics(), rows.clone()).unwrap(), expected, "{}", subject.name);
            assert_eq!(
                backend.responsibilities(mixture.quadratics(), rows.clone()).unwrap(),
                responsibilities,
                "{}",
                subject.name
            );
        }
    }
}

#[test]
fn a_pass_that_is_stopped_leaves_the_fit_where_it_was() {
    let samples = Array2::from_shape_fn((500, 2), |(i, d)| ((i * (d + 3)) as f64 * 0.618).fract());
    let points = Points::new(samples).unwrap();
    // Load, initialisation and two epochs go through; then the passes are stopped.
    let options = FitOptions { max_iter: 10, tol: 0.0, ..FitOptions::new(2) };
    let stop = AtomicBool::new(false);
    let watcher = |done: usize| assert_eq!(done, 500);
    let watched = Watched::new(&points, &stop, &watcher);
    let device = Device::cpu();
    let mut fitting = Fitting::new(&watched, &device, &options).unwrap();
    fitting.epoch().unwrap();
    fitting.epoch().unwrap();
    let state = fitting.state();
    stop.store(true, Ordering::Relaxed);
    assert!(matches!(fitting.epoch(), Err(Error::Interrupted)));
    assert_eq!(fitting.state(), state);

    let mut resumed = Fitting::resume(&points, &device, &options, state).unwrap();
    while resumed.epoch().unwrap().is_some() {}
    let through = fit(&points, &device, &options).unwrap();
    let resumed = resumed.finish().unwrap();
    assert_eq!((resumed.mixture, resumed.lower_bounds), (through.mixture, through.lower_bounds));
}

#[test]
fn a_file_that_changes_or_vanishes_during_the_fit_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = file_of_blocks(directory.path());
    let bytes = fs::read(&path).unwrap();
    let changes: [&dyn Fn(); 3] = [
        &|| fs::write(&path, &bytes[..bytes.len() / 2 / ((D + 1) * 4) * ((D + 1) * 4)]).unwrap(),
        &|| fs::write(&path, [&bytes[..], &bytes[..]].concat()).unwrap(),
        &|| fs::remove_file(&path).unwrap(),
    ];
    for (change, said) in changes.iter().zip(["changed while it was in use", "changed while", "cannot be read"]) {
        fs::write(&path, &bytes).unwrap();
        let data = open(&path, 1 << 20);
        let device = Device::cpu();
        let mut fitting = Fitting::new(&data, &device, &options(CovarianceType::Diag)).unwrap();
        fitting.epoch().unwrap();
        change();
        let error = fitting.epoch().unwrap_err().to_string();
        assert!(error.contains("samples.f32") && error.contains(said), "{error}");
    }
}
