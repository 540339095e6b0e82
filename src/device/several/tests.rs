//! Whoever takes what: adapters that are busy, or lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ndarray::Array2;

use super::Several;
use crate::data::points::Points;
use crate::data::source::block_rows;
use crate::device::backend::Backend;
use crate::device::choice::DeviceChoice;
use crate::device::several::together::Together;
use crate::device::single::Single;
use crate::device::task::Assignment;
use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

const D: usize = 64;

/// Two software adapters, unless the tests are to do without.
fn two() -> Option<Several> {
    let devices = std::env::var("MIXTURA_TEST_DEVICES").unwrap_or_else(|_| "software".to_owned());
    let has_software = devices.split(',').any(|choice| choice.trim() == "software");
    let open = || Single::open(&DeviceChoice::Software).unwrap().remove(0);
    has_software.then(|| Several::new(vec![open(), open()]).unwrap())
}

fn gpu(several: &Several, member: usize) -> &crate::device::gpu::Gpu {
    match &several.members[member] {
        Single::Gpu(gpu, _) => gpu,
        Single::Cpu(_) => unreachable!("all are adapters"),
    }
}

/// Samples in some portions, and a model of them.
fn samples(blocks: usize) -> (Points<'static>, Mixture) {
    let number = |i: usize, j: usize| ((i * D + j) as f64 * 0.618_033_988_749_895).fract() as f32;
    let samples = Array2::from_shape_fn((blocks * block_rows(D), D), |(i, j)| number(i, j) + (i % 2) as f32);
    let means = Array2::from_shape_fn((2, D), |(k, _)| k as f64 + 0.5);
    let covariances = CovarianceArray::diagonal(CovarianceType::Spherical, 2, &ndarray::Array1::from_elem(D, 0.1));
    let mixture = Mixture::new(ndarray::array![0.5, 0.5], means, covariances).unwrap();
    (Points::new(samples).unwrap(), mixture)
}

/// The moments of every portion, in order; `finished` counts them.
fn moments(together: &mut Together, mixture: &Mixture, finished: &AtomicUsize) -> Result<Vec<Moments>> {
    let mut found = BTreeMap::new();
    let work = |_: usize, backend: &mut dyn Backend| {
        let moments = backend.moments(mixture, Assignment::Soft);
        finished.fetch_add(1, Ordering::SeqCst);
        moments
    };
    together.each(&|_| true, &work, &mut |portion, moments| {
        found.insert(portion, moments);
        Ok(())
    })?;
    Ok(found.into_values().collect())
}

#[test]
fn a_device_that_is_done_takes_over_what_waits_for_a_busy_one_and_the_bits_stay() {
    let Some(several) = two() else { return };
    let (points, mixture) = samples(6);
    let mut together = Together::load(&several, &points).unwrap();
    let held = |together: &Together| together.resident.as_ref().unwrap().held_by(0);
    assert_eq!(held(&together), [0, 2, 4]);
    let expected = moments(&mut together, &mixture, &AtomicUsize::new(0)).unwrap();
    let mut together = Together::load(&several, &points).unwrap();

    let finished = AtomicUsize::new(0);
    thread::scope(|scope| {
        let busy = gpu(&several, 0).turn();
        let found = scope.spawn(|| moments(&mut together, &mixture, &finished).unwrap());
        // The other's own, and one of two that wait here while the first of this one is under way.
        while finished.load(Ordering::SeqCst) < 4 {
            thread::sleep(Duration::from_millis(10));
        }
        drop(busy);
        assert!(found.join().unwrap() == expected);
    });
    assert_eq!(held(&together), [0, 2]);
    assert!(moments(&mut together, &mixture, &finished).unwrap() == expected);
}

#[test]
fn a_device_that_is_lost_is_named_and_told_from_others_of_its_name() {
    let Some(several) = two() else { return };
    let (points, mixture) = samples(4);
    let mut together = Together::load(&several, &points).unwrap();
    let all_held = |together: &Together| {
        let resident = together.resident.as_ref().unwrap();
        [resident.held_by(0), resident.held_by(1)].concat().len()
    };
    moments(&mut together, &mixture, &AtomicUsize::new(0)).unwrap();
    gpu(&several, 1).lose();
    let error = together.moments(&mixture, Assignment::Soft).unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. } | Error::Device { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&gpu(&several, 1).info().name) && text.contains("device 2 of the 2 in use"), "{text}");
    assert_eq!((text.lines().count(), all_held(&together)), (2, 4));
}
