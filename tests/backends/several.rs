//! Several devices that share the samples: of one arithmetic they give the same bits, whoever takes what; of two, the
//! same model but for single precision.

use std::sync::LazyLock;

use mixtura::device::{Answer, Assignment, Task};
use mixtura::fit::{Fitting, Search, WarmStart};
use mixtura::{CovarianceType, Device, DeviceChoice, Error, Fit, FitOptions, Mixture, Points, Summary, Update, fit};
use ndarray::{Array1, Array2, s};

use crate::common::compare::{DOUBLE, Distance, SINGLE, epochs, points, to_mixture, to_model};
use crate::common::data::Blobs;

const D: usize = 8;

/// Samples of clusters that overlap, in a few portions of which the last is no whole block, with weights, some of them
/// zero.
static SAMPLES: LazyLock<(Array2<f32>, Array1<f64>)> = LazyLock::new(|| {
    let n = 3 * mixtura::data::block_rows(D) + 501;
    let number = |i: usize, j: usize| ((i * D + j) as f64 * 0.618_033_988_749_895).fract() as f32;
    let samples = Array2::from_shape_fn((n, D), |(i, j)| {
        let noise = number(i, j) + number(i * 7 + 1, j) + number(i * 31 + 5, j * 3);
        noise + (i % 3 * (j % 4)) as f32 * 0.75
    });
    (samples, Array1::from_shape_fn(n, |i| (i % 5) as f64 * 0.25))
});

fn samples() -> Points<'static> {
    let (samples, weights) = &*SAMPLES;
    Points::new(samples).unwrap().with_weights(weights).unwrap()
}

fn open(choice: &str) -> Device {
    let Ok(choice) = choice.parse::<DeviceChoice>();
    Device::open(&choice).unwrap_or_else(|error| panic!("{error}"))
}

/// The lists of devices under test that have a graphics adapter among them; none where these tests are to do without.
fn with_adapters(lists: &'static [&'static str]) -> Vec<(&'static str, Device)> {
    let has_software = super::common::devices::devices().iter().any(|subject| subject.name.starts_with("software"));
    lists.iter().filter(|_| has_software).map(|list| (*list, open(list))).collect()
}

/// All that a fit finds.
fn found(fit: &Fit) -> (&Mixture, &[f64], f64, Vec<String>, usize) {
    let repairs = fit.repairs.iter().map(ToString::to_string).collect();
    (&fit.mixture, &fit.lower_bounds, fit.log_likelihood, repairs, fit.initialisation.rounds)
}

/// A fit of two restarts that begin with k-means, and one of which a component has no samples and is repaired, by two
/// rules.
fn fits(points: &Points, family: CovarianceType) -> Vec<FitOptions> {
    let options = FitOptions { covariance_type: family, max_iter: 2, tol: 0.0, ..FitOptions::new(3) };
    let start = fit(points, &Device::cpu(), &FitOptions { max_iter: 0, ..options.clone() }).unwrap().mixture;
    let mut means = start.means().clone();
    means.row_mut(1).fill(-300.0);
    let mixture = Mixture::new(start.weights().clone(), means, start.covariances().clone()).unwrap();
    let warm_start = Some(WarmStart { mixture, lower_bound: None });
    let repaired = FitOptions { update: Update::Squarem, max_iter: 4, warm_start, ..options.clone() };
    vec![FitOptions { n_init: 2, ..options }, repaired]
}

/// The samples as a file that stays on disk.
#[cfg(feature = "io")]
fn on_disk(directory: &std::path::Path) -> mixtura::io::Dataset {
    use mixtura::io::{Dataset, Selection};

    let (samples, weights) = &*SAMPLES;
    let path = directory.join("samples.f32");
    let mut bytes = Vec::with_capacity(samples.len() * 5);
    for (row, weight) in samples.rows().into_iter().zip(weights) {
        row.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
        bytes.extend((*weight as f32).to_le_bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    let selection = Selection { dims: Some(D + 1), weights: Some(D.to_string()), ..Selection::default() };
    Dataset::open(&[path], &selection, 1 << 20).unwrap()
}

#[test]
fn two_cpus_give_the_bits_of_one_in_every_family() {
    let two = open("cpu,cpu");
    let points = samples();
    for family in CovarianceType::ALL {
        for options in fits(&points, family) {
            let expected = fit(&points, &Device::cpu(), &options).unwrap();
            assert_eq!(expected.repairs.is_empty(), options.warm_start.is_none());
            let fit = fit(&points, &two, &options).unwrap();
            assert_eq!(found(&fit), found(&expected), "{family}, {}", options.update.name());
        }
    }
}

#[cfg(feature = "io")]
#[test]
fn two_cpus_give_the_bits_of_one_from_disk() {
    let directory = tempfile::tempdir().unwrap();
    let on_disk = on_disk(directory.path());
    let (points, two) = (samples(), open("cpu,cpu"));
    for family in [CovarianceType::Tied, CovarianceType::Spherical] {
        for options in fits(&points, family) {
            let expected = fit(&points, &Device::cpu(), &options).unwrap();
            let fit = fit(&on_disk, &two, &options).unwrap();
            assert_eq!(found(&fit), found(&expected), "{family}, {}", options.update.name());
        }
    }
}

#[test]
fn devices_of_one_arithmetic_give_the_same_bits_again_and_again_in_memory_and_from_disk() {
    let points = samples();
    let options = FitOptions { covariance_type: CovarianceType::Diag, max_iter: 3, tol: 0.0, ..FitOptions::new(3) };
    for (name, device) in with_adapters(&["software,software", "software,software,software"]) {
        let first = fit(&points, &device, &options).unwrap();
        assert_eq!(found(&fit(&points, &device, &options).unwrap()), found(&first), "{name}");
        assert_eq!(found(&fit(&points, &open("software,software"), &options).unwrap()), found(&first), "{name}");
        #[cfg(feature = "io")]
        {
            let directory = tempfile::tempdir().unwrap();
            let on_disk = on_disk(directory.path());
            assert_eq!(found(&fit(&on_disk, &device, &options).unwrap()), found(&first), "{name}, from disk");
        }
        // Where there is room for two portions of four on each, or for none.
        for memory in [40 << 20, 1 << 20] {
            let limited = fit(&points, &device.clone().with_memory(memory), &options).unwrap();
            let difference = limited.mean_log_likelihood() - first.mean_log_likelihood();
            assert!(difference.abs() < 1e-6, "{name}, {}: {difference:e}", limited.home.reason);
        }
    }
}

#[test]
fn a_cpu_beside_an_adapter_finds_what_the_cpu_finds_in_every_family() {
    let points = samples();
    for (name, device) in with_adapters(&["cpu,software", "software,cpu-f32,cpu"]) {
        let families = if name == "cpu,software" { &CovarianceType::ALL[..] } else { &[CovarianceType::Tied] };
        for &family in families {
            for options in fits(&points, family) {
                let expected = fit(&points, &Device::cpu(), &options).unwrap();
                let found = fit(&points, &device, &options).unwrap();
                let what = format!("{name}, {family}, {}", options.update.name());
                assert_eq!(found.repairs.len(), expected.repairs.len(), "{what}");
                let (one, other) = (expected.mean_log_likelihood(), found.mean_log_likelihood());
                Distance::between((&to_model(&expected.mixture), one), (&found.mixture, other))
                    .assert_within(SINGLE, &what);
            }
        }
    }
}

#[test]
fn epochs_on_two_kinds_of_devices_are_those_of_the_oracle() {
    let data = Blobs::new(mixtura::data::block_rows(D) + 20_000, D, 3).make();
    let (points, weights) = (points(&data.samples, None), vec![1.0; data.samples.nrows()]);
    let mut lists = vec![("cpu,cpu", open("cpu,cpu"), DOUBLE), ("cpu,cpu-f32", open("cpu,cpu-f32"), SINGLE)];
    lists.extend(with_adapters(&["cpu,software"]).into_iter().map(|(name, device)| (name, device, SINGLE)));
    for family in [CovarianceType::Full, CovarianceType::Tied] {
        let start = data.start(family);
        let (last, _) = start.epochs(&data.samples, &weights, 1e-6, 3);
        let expected = last.mean_log_likelihood(&data.samples, &weights);
        for (name, device, tolerance) in &lists {
            // Both have a portion, whatever was measured.
            let mut record = device.record();
            if let [one, other] = &mut record.teams[..] {
                (one.share, other.share) = (500, 500);
            }
            let mut backend = device.clone().with_shares_of(&record).load(&points).unwrap();
            let (found, _) = epochs(&mut *backend, &to_mixture(&start), 1e-6, 3);
            let bound = backend.log_likelihood(found.quadratics()).unwrap() / weights.len() as f64;
            Distance::between((&last, expected), (&found, bound))
                .assert_within(*tolerance, &format!("{name}, {family}"));
        }
    }
}

#[test]
fn what_is_said_of_samples_is_what_one_device_says_of_each() {
    let points = samples();
    let options = FitOptions { covariance_type: CovarianceType::Full, max_iter: 1, ..FitOptions::new(3) };
    let mixture = fit(&points, &Device::cpu(), &options).unwrap().mixture;
    let model = mixture.quadratics();
    let block = mixtura::data::block_rows(D);
    // Across the ends of portions.
    let ranges = [block - 700..block + 900, 0..3, points.n_samples() - 2..points.n_samples(), 5..5];
    let mut lists = vec![("cpu,cpu", "cpu")];
    lists.extend(with_adapters(&["software,software"]).iter().map(|(list, _)| (*list, "software")));
    for (list, one) in lists {
        let (one, list) = (open(one), open(list));
        let (mut expected, mut found) = (one.load(&points).unwrap(), list.load(&points).unwrap());
        for rows in ranges.clone() {
            assert_eq!(found.assess(model, rows.clone()).unwrap(), expected.assess(model, rows.clone()).unwrap());
            let responsibilities = found.responsibilities(model, rows.clone()).unwrap();
            assert_eq!(responsibilities, expected.responsibilities(model, rows).unwrap());
        }
        let all = expected.assess(model, 0..points.n_samples()).unwrap();
        let mut next = 0;
        found
            .assess_each(model, &mut |first, chunk, assessment| {
                assert_eq!(first, next);
                next += chunk.n_samples();
                assert_eq!(assessment.labels, all.labels.slice(s![first..next]));
                Ok(())
            })
            .unwrap();
        assert_eq!(next, points.n_samples());
        let few = Points::new(SAMPLES.0.slice(s![..100, ..])).unwrap();
        assert_eq!(list.predict(&mixture, &few).unwrap(), one.predict(&mixture, &few).unwrap());
    }
}

/// Data that count the passes over them.
#[cfg(feature = "io")]
struct Counted<'d>(&'d dyn mixtura::Data, std::sync::atomic::AtomicUsize);

#[cfg(feature = "io")]
impl mixtura::Data for Counted<'_> {
    fn summary(&self) -> &Summary {
        self.0.summary()
    }

    fn home(&self) -> mixtura::data::Home {
        self.0.home()
    }

    fn for_each_chunk(&self, visit: &mut mixtura::data::Visit) -> mixtura::Result<()> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0.for_each_chunk(visit)
    }
}

#[cfg(feature = "io")]
#[test]
fn a_pass_reads_a_file_once_however_many_devices_there_are() {
    use std::sync::atomic::Ordering;

    let directory = tempfile::tempdir().unwrap();
    let on_disk = on_disk(directory.path());
    let (options, mut lists) =
        (FitOptions { max_iter: 2, tol: 0.0, n_init: 2, ..FitOptions::new(3) }, vec!["cpu,cpu,cpu"]);
    lists.extend(with_adapters(&["cpu,software"]).iter().map(|(list, _)| *list));
    for list in lists {
        let counted = Counted(&on_disk, Default::default());
        let mut fitting = Fitting::new(&counted, &open(list), &options).unwrap();
        assert_eq!(counted.1.swap(0, Ordering::Relaxed), 0, "{list}");
        let mut passes = Vec::new();
        while fitting.epoch().unwrap().is_some() {
            passes.push(counted.1.swap(0, Ordering::Relaxed));
        }
        // Samples to choose centres from, the clusters, and the first epoch; then one pass for an epoch of both restarts.
        assert_eq!(passes, [3, 0, 1, 0], "{list}");
    }
}

#[test]
fn a_fit_that_goes_on_with_the_shares_of_its_record_gives_the_same_bits() {
    let points = samples();
    for (name, device) in with_adapters(&["cpu,software"]) {
        let options = FitOptions { max_iter: 4, tol: 0.0, ..FitOptions::new(3) };
        // As if it had been measured on another day.
        let mut record = device.record();
        (record.teams[0].share, record.teams[1].share) = (510, 490);
        let began_on = device.clone().with_shares_of(&record);
        assert_eq!(began_on.record().teams, record.teams);
        let mut fitting = Fitting::new(&points, &began_on, &options).unwrap();
        fitting.epoch().unwrap();
        let (state, record) = (fitting.state(), began_on.record());
        while fitting.epoch().unwrap().is_some() {}
        let expected = fitting.finish().unwrap();

        // In another order, and with more of one kind.
        for other in ["software,cpu", "cpu,software,software"] {
            let device = open(other).with_shares_of(&record);
            assert!(device.record().computes_like(&record), "{name}, {other}");
            let mut resumed = Fitting::resume(&points, &device, &options, state.clone()).unwrap();
            while resumed.epoch().unwrap().is_some() {}
            assert_eq!(found(&resumed.finish().unwrap()), found(&expected), "{name}, {other}");
        }
        assert!(!open("cpu").record().computes_like(&record));
        assert!(!open("software,software").with_shares_of(&record).record().computes_like(&record));
    }
    let one = Device::cpu().record();
    assert!(open("cpu,cpu").record().computes_like(&one) && one.computes_like(&open("cpu,cpu").record()));
}

#[test]
fn answers_of_devices_of_different_arithmetic_combine() {
    let (samples, weights) = &*SAMPLES;
    let (n, cut) = (6000, 2500);
    let part = |rows: std::ops::Range<usize>| {
        let points = Points::new(samples.slice(s![rows.clone(), ..])).unwrap();
        points.with_weights(weights.slice(s![rows])).unwrap()
    };
    let (whole, parts) = (part(0..n), [part(0..cut), part(cut..n)]);
    let own = [Summary::of(&parts[0]), Summary::of_part(cut, &parts[1])];
    let summary = own[0].clone().combine(&own[1]).unwrap();
    let shard = |i: usize| mixtura::data::Shard::new(&parts[i], &own[i], &summary).unwrap();
    let shards = [shard(0), shard(1)];
    let mut pairs = vec![["cpu", "cpu-f32"], ["cpu-f32", "cpu"]];
    if !with_adapters(&["software"]).is_empty() {
        pairs.extend([["cpu", "software"], ["software", "cpu-f32"]]);
    }
    for family in CovarianceType::ALL {
        let options = FitOptions { covariance_type: family, max_iter: 3, tol: 0.0, ..FitOptions::new(3) };
        let expected = fit(&whole, &Device::cpu(), &options).unwrap();
        for pair in &pairs {
            let devices = pair.map(open);
            let answer = |tasks: &[Task]| -> Vec<Answer> {
                let answers = |i: usize| devices[i].load(&shards[i]).unwrap().run(tasks).unwrap();
                answers(0).into_iter().zip(answers(1)).map(|(one, other)| one.combine(other).unwrap()).collect()
            };
            let mut search = Search::new(&summary, &options).unwrap();
            loop {
                let tasks = search.wants().unwrap();
                if tasks.is_empty() {
                    break;
                }
                search.takes(answer(&tasks)).unwrap();
            }
            let score = answer(&[search.score_task().unwrap()]).remove(0);
            let found = search.finish(score).unwrap();
            let (one, other) = (expected.mean_log_likelihood(), found.mean_log_likelihood());
            Distance::between((&to_model(&expected.mixture), one), (&found.mixture, other))
                .assert_within(SINGLE.times(10.0), &format!("{pair:?}, {family}"));
        }
    }
}

#[test]
fn lists_that_name_no_devices_are_refused_in_two_lines() {
    let refused = |list: &str, said: &str| {
        let Ok(choice) = list.parse::<DeviceChoice>();
        let error = Device::open(&choice).map(|device| device.info().clone()).unwrap_err().to_string();
        assert!(error.contains(said) && error.lines().count() == 2, "{list}: {error}");
    };
    refused("cpu,,cpu", "the list of devices is without a name in one of its places");
    refused("cpu,", "without a name");
    refused("auto,cpu", "with auto");
    refused("cpu,no such device", "no such device");
    if with_adapters(&["software"]).is_empty() {
        return;
    }
    let Ok(choice) = "cpu,software".parse::<DeviceChoice>();
    let error = Device::open_in(&choice, Some(mixtura::device::Precision::Double)).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { name: "the precision", .. }), "{error}");
    let is_hardware = |listed: &mixtura::device::Listed| listed.info.device_type.ends_with("-gpu");
    if !mixtura::device::devices().iter().any(is_hardware) {
        refused("gpu:all", "no hardware graphics adapter was found; there is adapter 0");
        refused("cpu,gpu:all", "no hardware graphics adapter was found");
    }
}

#[test]
fn several_devices_are_described_as_one() {
    let info = open("cpu,cpu").info().clone();
    assert_eq!((info.backend.as_str(), info.device_type.as_str(), info.teams.len()), ("cpu", "cpu", 1));
    assert!(info.name.starts_with("2 x "), "{info:?}");
    assert!(info.teams[0].devices == 2 && info.teams[0].share == 1000, "{info:?}");
    for (_, device) in with_adapters(&["cpu,software"]) {
        let info = device.info();
        assert_eq!(info.teams.iter().map(|team| team.share).sum::<u32>(), 1000);
        assert!(info.backend.starts_with("cpu+") && info.device_type == "cpu+software", "{info:?}");
        assert_eq!(info.precision, mixtura::device::Precision::Single);
        assert!(info.name.contains(" % of the samples) and "), "{info:?}");
    }
}

#[test]
fn stepwise_em_wants_one_device() {
    let points = Points::new(SAMPLES.0.slice(s![..3000, ..])).unwrap();
    let update = Update::Stepwise { batch_size: 100, decay: 0.7, polish: false };
    let error = fit(&points, &open("cpu,cpu"), &FitOptions { update, ..FitOptions::new(2) }).unwrap_err().to_string();
    assert!(error.contains("stepwise EM") && error.contains("one device"), "{error}");
}

#[test]
fn a_pass_that_is_stopped_has_no_answers_and_the_next_one_has_all() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let (points, stop) = (samples(), AtomicBool::new(false));
    let mixture = fit(&points, &Device::cpu(), &FitOptions { max_iter: 0, ..FitOptions::new(3) }).unwrap().mixture;
    let watched = mixtura::data::Watched::new(&points, &stop, &|_| {});
    let mut backend = open("cpu,cpu").load(&watched).unwrap();
    let expected = backend.moments(&mixture, Assignment::Soft).unwrap();
    stop.store(true, Ordering::Relaxed);
    assert!(matches!(backend.moments(&mixture, Assignment::Soft), Err(Error::Interrupted)));
    stop.store(false, Ordering::Relaxed);
    assert_eq!(backend.moments(&mixture, Assignment::Soft).unwrap(), expected);
}

#[test]
fn devices_that_share_incomplete_samples_sum_what_one_sums() {
    let (mut samples, weights) = SAMPLES.clone();
    // Of every second sample a value is missing, of one feature after another.
    (0..samples.nrows()).step_by(2).for_each(|row| samples[[row, row / 2 % D]] = f32::NAN);
    let points = Points::with_missing(samples, None).unwrap().with_weights(weights).unwrap();
    let devices = with_adapters(&["cpu,software"]).into_iter().chain([("cpu,cpu", open("cpu,cpu"))]);
    for (list, device) in devices {
        for family in [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag, CovarianceType::Spherical] {
            let options = FitOptions { covariance_type: family, max_iter: 0, ..FitOptions::new(3) };
            let mixture = fit(&points, &Device::cpu(), &options).unwrap().mixture;
            let moments = |device: &Device| device.load(&points).unwrap().moments(&mixture, Assignment::Soft).unwrap();
            let (one, several) = (moments(&Device::cpu()), moments(&device));
            let numbers = |moments: &mixtura::Moments| -> Vec<f64> {
                let sums = moments.counts.iter().chain(&moments.first).chain(moments.second.values());
                sums.map(|sum| sum / moments.total_weight).collect()
            };
            for (a, b) in numbers(&several).iter().zip(numbers(&one)) {
                assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{list}, {family}: {a} in place of {b}");
            }
            let difference = several.log_likelihood - one.log_likelihood;
            assert!(difference.abs() <= 1e-5 * one.total_weight, "{list}, {family}: {difference}");
        }
    }
}
