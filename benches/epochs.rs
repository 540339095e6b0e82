//! Milliseconds per epoch (E pass, M pass and solve; upload and compilation are not in it) on each device.
//!
//! `cargo bench --bench epochs [-- DEVICES [CASES]]` takes a comma-separated list of devices as `--device` spells them
//! (default `cpu`, and `software` with the feature `gpu`), and cases as `NxDxKxFAMILY` (default: a few).

use std::time::Instant;

use mixtura::{Assignment, CovarianceArray, CovarianceType, Device, DeviceChoice, Mixture, Points, Precision};
use ndarray::{Array1, Array2, Array3};

const CASES: &str = "1000000x2x8xfull,200000x16x16xfull,200000x16x16xtied,200000x16x16xdiag,200000x16x16xspherical,\
                     50000x32x32xfull";

/// Epochs timed, after one that is not.
const EPOCHS: usize = 5;

fn main() {
    // Cargo adds a flag of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let default = if cfg!(feature = "gpu") { "cpu,software" } else { "cpu" };
    let devices: Vec<Device> = arguments
        .next()
        .unwrap_or_else(|| default.to_owned())
        .split(',')
        .map(|choice| {
            let (choice, precision) = match choice.strip_suffix("-f32") {
                Some(choice) => (choice, Some(Precision::Single)),
                None => (choice, None),
            };
            let Ok(choice) = choice.parse::<DeviceChoice>();
            let device = Device::open(&choice).unwrap_or_else(|error| panic!("{error}"));
            match precision {
                Some(precision) => device.with_precision(precision).unwrap_or_else(|error| panic!("{error}")),
                None => device,
            }
        })
        .collect();
    let cases = arguments.next().unwrap_or_else(|| CASES.to_owned());
    println!("| N, D, K, family | device | ms per epoch, median (least to most) | useful GFLOP/s |");
    println!("| --- | --- | --- | --- |");
    for case in cases.split(',') {
        let parts: Vec<&str> = case.split('x').collect();
        let &[n, d, k, family] = parts.as_slice() else { panic!("{case} is not NxDxKxFAMILY") };
        let number = |text: &str| -> usize { text.parse().unwrap_or_else(|_| panic!("{text} in {case} is no number")) };
        let (n, d, k) = (number(n), number(d), number(k));
        let family: CovarianceType = family.parse().unwrap_or_else(|error| panic!("{error}"));
        let truth = model(k, d, family);
        let (samples, _) = truth.sample(n, 0);
        let points = Points::new(samples).expect("samples are finite");
        for device in &devices {
            let times = epochs(device, &points, truth.clone());
            let median = times[EPOCHS / 2];
            let rate = useful_flops(n, d, k, family) / (median * 1e6);
            println!(
                "| {n}, {d}, {k}, {family} | {} | {median:.1} ({:.1} to {:.1}) | {rate:.1} |",
                device.info().name,
                times[0],
                times[EPOCHS - 1],
            );
        }
    }
}

/// Milliseconds of each epoch, in ascending order.
fn epochs(device: &Device, points: &Points, mut mixture: Mixture) -> Vec<f64> {
    let mut backend = device.load(points).unwrap_or_else(|error| panic!("{error}"));
    let mut epoch = || {
        let started = Instant::now();
        let moments = backend.moments(&mixture, Assignment::Soft).unwrap_or_else(|error| panic!("{error}"));
        mixture = moments.maximize(1e-6).unwrap_or_else(|error| panic!("{error}"));
        started.elapsed().as_secs_f64() * 1e3
    };
    epoch();
    let mut times: Vec<f64> = (0..EPOCHS).map(|_| epoch()).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Components on a coarse grid, close enough to overlap.
fn model(k: usize, d: usize, family: CovarianceType) -> Mixture {
    let means = Array2::from_shape_fn((k, d), |(k, i)| ((k * 7 + i * 5 + k * i) % 11) as f64 * 0.4);
    let matrix = Array2::from_shape_fn((d, d), |(i, j)| if i == j { 1.0 } else { 0.3 / (1 + i.abs_diff(j)) as f64 });
    let covariances = match family {
        CovarianceType::Full => CovarianceArray::Full(Array3::from_shape_fn((k, d, d), |(_, i, j)| matrix[[i, j]])),
        CovarianceType::Tied => CovarianceArray::Tied(matrix),
        CovarianceType::Diag => CovarianceArray::Diag(Array2::ones((k, d))),
        CovarianceType::Spherical => CovarianceArray::Spherical(Array1::ones(k)),
    };
    Mixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances).unwrap_or_else(|error| panic!("{error}"))
}

/// Floating-point operations that an epoch needs: 2 N K F for the E step of full covariances and again for the M step,
/// F = D (D + 3) / 2 + 1; 8 N K D for diagonal and 4 N K D for spherical ones; for tied ones whitening, distances, and
/// first moments.
fn useful_flops(n: usize, d: usize, k: usize, family: CovarianceType) -> f64 {
    let (n, d, k) = (n as f64, d as f64, k as f64);
    match family {
        CovarianceType::Full => 4.0 * n * k * (d * (d + 3.0) / 2.0 + 1.0),
        CovarianceType::Tied => n * d * (d + 1.0) + 4.0 * n * k * d,
        CovarianceType::Diag => 8.0 * n * k * d,
        CovarianceType::Spherical => 4.0 * n * k * d,
    }
}
