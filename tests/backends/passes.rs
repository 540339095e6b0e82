//! How often a fit passes over its samples: once in an epoch, twice in one with repairs, wherever they are.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mixtura::data::{Home, Place, Visit};
use mixtura::device::Assignment;
use mixtura::fit::{Fitting, OnCollapse, WarmStart};
use mixtura::io::{Dataset, Selection};
use mixtura::select::{SelectOptions, select};
use mixtura::{CovarianceType, Data, Error, FitOptions, Mixture, Points, Summary, fit};
use ndarray::Array2;

use crate::common::compare::{points, to_mixture};
use crate::common::data::Blobs;
use crate::common::devices::devices;

/// Data whose passes are counted, and which may say that work on them should stop, but let every pass go through.
struct Counted<'d> {
    data: &'d dyn Data,
    passes: AtomicUsize,
    stop: AtomicBool,
}

impl<'d> Counted<'d> {
    fn new(data: &'d dyn Data) -> Self {
        Counted { data, passes: AtomicUsize::new(0), stop: AtomicBool::new(false) }
    }

    /// Passes since this was asked last.
    fn passes(&self) -> usize {
        self.passes.swap(0, Ordering::Relaxed)
    }
}

impl Data for Counted<'_> {
    fn summary(&self) -> &Summary {
        self.data.summary()
    }

    fn home(&self) -> Home {
        self.data.home()
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> mixtura::Result<()> {
        self.passes.fetch_add(1, Ordering::Relaxed);
        self.data.for_each_chunk(visit)
    }

    fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

const D: usize = 3;

/// Samples of clusters that touch, and a start of which two components have no samples.
fn samples_and_start(family: CovarianceType) -> (Array2<f64>, Mixture) {
    let data = Blobs::new(2 * mixtura::data::block_rows(D) / 64 + 17, D, 4).make();
    let start = to_mixture(&data.start(family));
    let mut means = start.means().clone();
    means.row_mut(1).fill(-3000.0);
    means.row_mut(3).fill(5000.0);
    (data.samples, Mixture::new(start.weights().clone(), means, start.covariances().clone()).unwrap())
}

/// The samples as a file that stays on disk.
fn on_disk(samples: &Array2<f64>, directory: &std::path::Path) -> Dataset {
    let path = directory.join("samples.f64");
    fs::write(&path, samples.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    let selection = Selection { dims: Some(D), ..Selection::default() };
    Dataset::open(&[path], &selection, 1 << 10).unwrap()
}

#[test]
fn an_epoch_is_one_pass_and_one_with_repairs_two_wherever_samples_are() {
    for family in CovarianceType::ALL {
        let (samples, mixture) = samples_and_start(family);
        let directory = tempfile::tempdir().unwrap();
        let (in_memory, on_disk) = (points(&samples, None), on_disk(&samples, directory.path()));
        for subject in devices() {
            let mut homes: Vec<(&dyn Data, _)> =
                vec![(&in_memory, subject.device.clone()), (&on_disk, subject.device.clone())];
            if subject.device.info().backend != "cpu" {
                homes.extend(
                    [&in_memory as &dyn Data, &on_disk].map(|data| (data, subject.device.clone().with_memory(1 << 18))),
                );
            }
            for (data, device) in homes {
                let counted = Counted::new(data);
                let warm_start = Some(WarmStart { mixture: mixture.clone(), lower_bound: None });
                let options =
                    FitOptions { covariance_type: family, tol: 0.0, max_iter: 6, warm_start, ..FitOptions::new(4) };
                let mut fitting = Fitting::new(&counted, &device, &options).unwrap();
                let place = fitting.home().place;
                // What is on the device is fetched from elsewhere only to begin components anew.
                let expected = if place == Place::Device { 0 } else { 1 };
                counted.passes();
                let what = format!("{family}, {place}, {}", subject.name);
                let mut repairs = Vec::new();
                while let Some(step) = fitting.epoch().unwrap() {
                    let passes = expected + usize::from(!step.repairs.is_empty());
                    assert_eq!(counted.passes(), passes, "epoch {}, {what}", step.epoch);
                    repairs.push(step.repairs.len());
                }
                assert_eq!(repairs[0], 2, "{what}");
                assert!(repairs.ends_with(&[0]), "{what}: {repairs:?}");
            }
        }
    }
}

#[test]
fn repairs_are_the_same_wherever_samples_are() {
    let (samples, mixture) = samples_and_start(CovarianceType::Full);
    let directory = tempfile::tempdir().unwrap();
    let (in_memory, on_disk) = (points(&samples, None), on_disk(&samples, directory.path()));
    let warm_start = Some(WarmStart { mixture, lower_bound: None });
    let options = FitOptions { tol: 0.0, max_iter: 2, warm_start, ..FitOptions::new(4) };
    for subject in devices() {
        let places = |data: &dyn Data, device: &mixtura::Device| {
            let result = mixtura::fit(data, device, &options).unwrap();
            result.repairs.iter().map(|repair| (repair.epoch, repair.component, repair.remedy)).collect::<Vec<_>>()
        };
        let expected = places(&in_memory, &subject.device);
        assert_eq!(expected.len(), 2);
        let through = subject.device.clone().with_memory(1 << 18);
        for found in [places(&on_disk, &subject.device), places(&in_memory, &through), places(&on_disk, &through)] {
            assert_eq!(found, expected, "{}", subject.name);
        }
    }
}

#[test]
fn a_pass_that_is_stopped_never_gives_the_sums_of_a_part() {
    let data = Blobs::new(3_000, D, 4).make();
    let points: Points = points(&data.samples, None);
    let mixture = to_mixture(&data.truth);
    for subject in devices() {
        let stopped = Counted::new(&points);
        let mut backend = subject.device.load(&stopped).unwrap();
        stopped.stop.store(true, Ordering::Relaxed);
        match backend.moments(&mixture, Assignment::Soft) {
            // What is on the device already is summed at once.
            Ok(moments) => assert!((moments.counts.sum() - 3_000.0).abs() < 1e-2, "{}", subject.name),
            Err(error) => assert!(matches!(error, Error::Interrupted), "{}: {error}", subject.name),
        }
        match backend.assess(mixture.quadratics(), 0..3_000) {
            Ok(assessment) => assert!(assessment.log_densities.iter().all(|x| *x < 0.0), "{}", subject.name),
            Err(error) => assert!(matches!(error, Error::Interrupted), "{}: {error}", subject.name),
        }
    }
}

#[test]
fn what_collapses_and_is_dropped_costs_no_pass() {
    let (samples, mixture) = samples_and_start(CovarianceType::Diag);
    let points = points(&samples, None);
    let counted = Counted::new(&points);
    let warm_start = Some(WarmStart { mixture, lower_bound: None });
    let options = FitOptions {
        covariance_type: CovarianceType::Diag,
        on_collapse: OnCollapse::Drop,
        tol: 0.0,
        max_iter: 3,
        warm_start,
        ..FitOptions::new(4)
    };
    let device = mixtura::Device::cpu();
    let mut fitting = Fitting::new(&counted, &device, &options).unwrap();
    counted.passes();
    while let Some(step) = fitting.epoch().unwrap() {
        assert_eq!(counted.passes(), 1, "{:?}", step.repairs);
    }
}

#[test]
fn an_epoch_of_several_restarts_on_disk_reads_the_file_once_and_finds_what_each_finds_alone() {
    const RESTARTS: usize = 4;
    let data = Blobs::new(2 * mixtura::data::block_rows(D) / 64 + 17, D, 6).make();
    let directory = tempfile::tempdir().unwrap();
    let on_disk = on_disk(&data.samples, directory.path());
    for subject in devices() {
        let options = FitOptions { n_init: RESTARTS, max_iter: 5, tol: 0.0, ..FitOptions::new(6) };
        let counted = Counted::new(&on_disk);
        let mut fitting = Fitting::new(&counted, &subject.device.clone().with_memory(1 << 18), &options).unwrap();
        counted.passes();
        let mut bounds = vec![Vec::new(); RESTARTS];
        let mut passes = Vec::new();
        while let Some(step) = fitting.epoch().unwrap() {
            assert!(step.repairs.is_empty(), "{}", subject.name);
            bounds[step.restart].push(step.lower_bound);
            passes.push(counted.passes());
        }
        // Samples to choose centres from, the clusters, and the first epoch; then one pass for an epoch of all restarts.
        let mut expected = vec![0; 5 * RESTARTS];
        expected[0] = 3;
        (1..5).for_each(|epoch| expected[epoch * RESTARTS] = 1);
        assert_eq!(passes, expected, "{}", subject.name);
        let result = fitting.finish().unwrap();
        // What each is worth, and the best.
        assert_eq!(counted.passes(), 2, "{}", subject.name);

        // In memory restarts follow each other.
        let points = points(&data.samples, None);
        let device = match subject.device.info().backend.as_str() {
            "cpu" => subject.device.clone(),
            _ => subject.device.clone().with_memory(1 << 18),
        };
        let mut alone = Fitting::new(&points, &device, &options).unwrap();
        let mut one_by_one = vec![Vec::new(); RESTARTS];
        while let Some(step) = alone.epoch().unwrap() {
            one_by_one[step.restart].push(step.lower_bound);
        }
        assert_eq!(bounds, one_by_one, "{}", subject.name);
        assert_eq!(result.mixture, alone.finish().unwrap().mixture, "{}", subject.name);
    }
}

#[test]
fn candidates_of_a_choice_share_their_passes_over_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let (samples, _) = samples_and_start(CovarianceType::Full);
    let dataset = on_disk(&samples, directory.path());
    let counted = Counted::new(&dataset);
    for subject in devices() {
        // An adapter does not hold them either.
        let (is_cpu, device) = (subject.device.info().backend == "cpu", subject.device.clone());
        let device = if is_cpu { device } else { device.with_memory(1 << 18) };
        let options = SelectOptions { exhaustive: true, ..SelectOptions::new([2, 4]) };
        let mut most = 0;
        for family in CovarianceType::ALL {
            for k in [2, 4] {
                fit(&counted, &device, &options.fit_of(k, family)).unwrap();
                most = most.max(counted.passes());
            }
        }
        let selection = select(&counted, &device, &options).unwrap();
        let passes = counted.passes();
        assert!(selection.candidates.iter().all(|candidate| candidate.scored().is_some()));
        // All eight on the processor; on an adapter four at a time, and the next as soon as one is over.
        let turns = if is_cpu { 1 } else { 3 };
        assert!(passes <= turns * most, "{}: {passes} passes, and {most} of the longest fit", subject.name);
        // Where there is room for one alone, it is the turn of one after another, with the same results.
        let alone = select(&counted, &device, &SelectOptions { sums_memory: 0, ..options }).unwrap();
        assert!(counted.passes() > passes, "{}", subject.name);
        for (a, b) in selection.candidates.iter().zip(&alone.candidates) {
            assert_eq!(a.scored().unwrap().fit.mixture, b.scored().unwrap().fit.mixture, "{}", subject.name);
        }
    }
}
