//! Each pass of each family on each device, and whole fits from ten thousand to ten million samples.
//!
//! `cargo bench --bench passes [-- FILTER]`; the environment variable `MIXTURA_BENCH_DEVICES` lists the devices (default
//! `cpu,cpu-f32`). The throughput is of samples.
//!
//! The passes stand for the kernels: `e_step` runs the kernels of log-densities and their sums, `e_and_m_step` those and
//! the kernels of moments, `labels` what prediction adds. On a GPU, `mixtura bench --profile` takes single kernels apart.

use divan::{Bencher, counter::ItemsCount};
use mixtura::device::Assignment;
use mixtura::{CovarianceType, Device, DeviceChoice, FitOptions, Points, fit};

#[path = "../src/cli/bench/synthetic.rs"]
mod synthetic;

/// Samples of a pass: so few that a sample of the benchmark is short, and more than caches hold.
const N: usize = 100_000;

/// D and K: what most users have, a middling and a large one, and an odd one.
const SHAPES: [(usize, usize); 5] = [(2, 8), (4, 4), (7, 5), (16, 16), (32, 32)];

const FAMILIES: [CovarianceType; 4] =
    [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag, CovarianceType::Spherical];

fn main() {
    divan::main();
}

/// A device, D, K and a family, by the name that is printed.
fn cases() -> impl Iterator<Item = String> {
    devices().flat_map(|device| {
        SHAPES.into_iter().flat_map(move |(d, k)| {
            let device = device.clone();
            FAMILIES.into_iter().map(move |family| format!("{device} D={d} K={k} {family}"))
        })
    })
}

fn devices() -> impl Iterator<Item = String> {
    let devices = std::env::var("MIXTURA_BENCH_DEVICES").unwrap_or_else(|_| "cpu,cpu-f32".to_owned());
    devices.split(',').map(str::to_owned).collect::<Vec<_>>().into_iter()
}

fn open(name: &str) -> Device {
    let Ok(choice) = name.parse::<DeviceChoice>();
    Device::open(&choice).unwrap_or_else(|error| panic!("{error}"))
}

/// Times what `pass` does with N samples on a device.
fn bench(
    bencher: Bencher,
    case: &str,
    mut pass: impl FnMut(&mut dyn mixtura::device::Backend, &mixtura::Mixture) -> mixtura::Result<()>,
) {
    let parts: Vec<&str> = case.split(' ').collect();
    let number = |i: usize| parts[i][2..].parse::<usize>().expect("cases have numbers there");
    let mixture = synthetic::mixture(number(2), number(1), parts[3].parse().expect("a family")).expect("it is valid");
    let points = Points::new(mixture.sample(N, 0).0).expect("samples are finite");
    let mut backend = open(parts[0]).load(&points).unwrap_or_else(|error| panic!("{error}"));
    bencher
        .counter(ItemsCount::new(N))
        .bench_local(|| pass(&mut *backend, &mixture).unwrap_or_else(|error| panic!("{error}")));
}

#[divan::bench(args = cases(), max_time = 1)]
fn e_step(bencher: Bencher, case: &str) {
    bench(bencher, case, |backend, mixture| backend.log_likelihood(mixture.quadratics()).map(drop));
}

#[divan::bench(args = cases(), max_time = 1)]
fn e_and_m_step(bencher: Bencher, case: &str) {
    bench(bencher, case, |backend, mixture| backend.moments(mixture, Assignment::Soft).map(drop));
}

#[divan::bench(args = cases(), max_time = 1)]
fn labels(bencher: Bencher, case: &str) {
    bench(bencher, case, |backend, mixture| backend.assess(mixture.quadratics(), 0..N).map(drop));
}

/// From samples in memory to a fitted model: initialisation and ten epochs, eight full components of four features.
#[divan::bench(args = fits(), sample_count = 3, sample_size = 1)]
fn end_to_end(bencher: Bencher, case: &str) {
    let (device, n) = case.split_once(" N=").expect("cases have a number there");
    let n: usize = n.parse().expect("cases have a number there");
    let mixture = synthetic::mixture(8, 4, CovarianceType::Full).expect("it is valid");
    let points = Points::new(mixture.sample(n, 0).0).expect("samples are finite");
    let device = open(device);
    let options = FitOptions { max_iter: 10, tol: 0.0, ..FitOptions::new(8) };
    bencher
        .counter(ItemsCount::new(n))
        .bench_local(|| fit(&points, &device, &options).unwrap_or_else(|error| panic!("{error}")));
}

fn fits() -> impl Iterator<Item = String> {
    devices().flat_map(|device| [10_000, 100_000, 1_000_000, 10_000_000].map(|n| format!("{device} N={n}")))
}
