//! Milliseconds per epoch (E pass, M pass and solve; upload and compilation are not in it) on each device.
//!
//! `cargo bench --bench epochs [-- DEVICES [CASES]]` takes a comma-separated list of devices as `--device` spells them
//! (default `cpu`, and `software` with the feature `gpu`), and cases as `NxDxKxFAMILY` (default: a few).

use std::time::Instant;

use mixtura::device::Assignment;
use mixtura::{CovarianceType, Device, DeviceChoice, Mixture, Points};

#[path = "../src/cli/bench/synthetic.rs"]
mod synthetic;

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
            let Ok(choice) = choice.parse::<DeviceChoice>();
            Device::open(&choice).unwrap_or_else(|error| panic!("{error}"))
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
        let truth = synthetic::mixture(k, d, family).unwrap_or_else(|error| panic!("{error}"));
        let (samples, _) = truth.sample(n, 0);
        let points = Points::new(samples).expect("samples are finite");
        for device in &devices {
            let times = epochs(device, &points, truth.clone());
            let median = times[EPOCHS / 2];
            let rate = family.epoch_flops(n, k, d) / (median * 1e6);
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
