//! What an epoch allocates. A test binary of its own: the allocator counts for the whole process.

use std::alloc::System;

use mixtura::device::Assignment;
use mixtura::{CovarianceArray, CovarianceType, Device, DeviceChoice, Mixture, Points};
use ndarray::{Array1, Array2};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that one epoch on N samples allocates, after others have left their memory for it.
fn bytes_of_an_epoch(n: usize, family: CovarianceType, device: &Device) -> usize {
    const K: usize = 3;
    const D: usize = 4;
    let points = Points::new(Array2::from_shape_fn((n, D), |(i, d)| ((i * D + d) as f64 * 0.618).fract())).unwrap();
    let means = Array2::from_shape_fn((K, D), |(k, d)| (k + d) as f64 / 5.0);
    let start =
        Mixture::new(Array1::from_elem(K, 1.0 / 3.0), means, CovarianceArray::diagonal(family, K, &Array1::ones(D)))
            .unwrap();
    let mut backend = device.load(&points).unwrap();
    let mut epoch = || backend.moments(&start, Assignment::Soft).unwrap().maximize(1e-6).unwrap();
    for _ in 0..5 {
        epoch();
    }
    // The least of a few: a second thread that works at other moments may need memory that the first did not.
    let measured = (0..10).map(|_| {
        let region = Region::new(ALLOCATOR);
        epoch();
        region.change().bytes_allocated
    });
    measured.min().unwrap()
}

#[test]
fn what_an_epoch_allocates_does_not_grow_with_the_number_of_samples() {
    for device in ["cpu", "cpu-f32"] {
        let Ok(choice) = device.parse::<DeviceChoice>();
        let device = Device::open(&choice).unwrap();
        for family in [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag, CovarianceType::Spherical] {
            let (few, many) = (bytes_of_an_epoch(30_000, family, &device), bytes_of_an_epoch(600_000, family, &device));
            // Slack for the queues of the thread pool; a byte for each sample would be many times that.
            assert!(many <= few + 4096, "{family} on {}: {few} and {many} bytes", device.info().name);
        }
    }
}
