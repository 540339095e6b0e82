//! Data of another's making: fits over them are those over samples in memory, or an error that says what is wrong, and
//! never one of a part of the samples.

use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use mixtura::data::{Home, Place, Shard, Visit, block_rows};
use mixtura::device::{Assignment, Precision};
use mixtura::{CovarianceType, Data, Device, Error, FitOptions, Init, Points, Summary, Update, fit};
use ndarray::{Array2, s};

use crate::common::compare::{Distance, SINGLE, points, to_mixture, to_model};
use crate::common::data::Blobs;
use crate::common::devices::devices;

/// Samples with their summary.
struct Whole {
    samples: Array2<f64>,
    summary: Summary,
}

impl Whole {
    fn new(samples: Array2<f64>) -> Self {
        let summary = Summary::of(&points(&samples, None));
        Whole { samples, summary }
    }
}

const FEW: Blobs = Blobs { n: 5000, d: 4, k: 3, spacing: 4.0, condition: 10.0, last_share: None };

/// Samples of one block.
static SMALL: LazyLock<Whole> = LazyLock::new(|| Whole::new(FEW.make().samples));

/// Features of which a block has few samples.
const WIDE: usize = 256;

/// Samples of a few blocks, the last of which is not whole.
static LARGE: LazyLock<Whole> =
    LazyLock::new(|| Whole::new(Blobs::new(3 * block_rows(WIDE) + 333, WIDE, 3).make().samples));

/// Samples in the given chunks, whatever the summary says.
struct Strange {
    whole: &'static Whole,
    chunks: Vec<Range<usize>>,
    stop: AtomicBool,
    /// Whether what the visitor returns is handed on.
    listens: bool,
}

impl Strange {
    fn new(whole: &'static Whole, chunks: Vec<Range<usize>>) -> Self {
        Strange { whole, chunks, stop: AtomicBool::new(false), listens: true }
    }

    /// Chunks of so many rows, the last of them of fewer.
    fn in_chunks(whole: &'static Whole, rows: usize) -> Self {
        let n = whole.samples.nrows();
        Self::new(whole, (0..n).step_by(rows).map(|first| first..(first + rows).min(n)).collect())
    }
}

impl Data for Strange {
    fn summary(&self) -> &Summary {
        &self.whole.summary
    }

    fn home(&self) -> Home {
        Home { place: Place::Elsewhere, reason: String::new() }
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> mixtura::Result<()> {
        for rows in &self.chunks {
            let visited = visit(rows.start, &Points::new(self.whole.samples.slice(s![rows.clone(), ..]))?);
            if self.listens {
                visited?;
            }
        }
        Ok(())
    }

    fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

fn options(init: Init) -> FitOptions {
    FitOptions { covariance_type: CovarianceType::Diag, init, max_iter: 2, tol: 0.0, ..FitOptions::new(3) }
}

/// The devices, and adapters that hold so many bytes of samples at a time: their name, and whether they are a processor.
fn with_memory(bytes: u64) -> Vec<(String, Device, bool)> {
    let mut all = Vec::new();
    for subject in devices() {
        let is_cpu = subject.device.info().backend == "cpu";
        all.push((subject.name.clone(), subject.device.clone(), is_cpu));
        if !is_cpu {
            all.push((format!("{}, {bytes} bytes", subject.name), subject.device.clone().with_memory(bytes), is_cpu));
        }
    }
    all
}

/// Expects an error about parts, in which something is said.
fn refused<T>(result: mixtura::Result<T>, said: &str, what: &str) {
    match result {
        Err(Error::Parts { problem }) => assert!(problem.contains(said), "{what}: {problem}"),
        Err(other) => panic!("{what}: another error: {other}"),
        Ok(_) => panic!("{what}: an answer"),
    }
}

#[test]
fn chunks_of_any_number_of_whole_blocks_give_the_model_of_the_samples_in_memory() {
    let (block, n) = (block_rows(WIDE), LARGE.samples.nrows());
    let uneven = vec![0..block, block..3 * block, 3 * block..n];
    for (name, device, is_cpu) in with_memory(4 << 20) {
        let fit = |data: &dyn Data| fit(data, &device, &options(Init::Random)).unwrap();
        let expected = fit(&points(&LARGE.samples, None));
        for data in [Strange::in_chunks(&LARGE, block), Strange::new(&LARGE, uneven.clone())] {
            let (found, what) = (fit(&data), format!("{name}, {:?}", data.chunks));
            match is_cpu {
                // Sums are formed over the same blocks in the same order.
                true => assert_eq!(found.mixture, expected.mixture, "{what}"),
                false => Distance::between(
                    (&to_model(&expected.mixture), expected.mean_log_likelihood()),
                    (&found.mixture, found.mean_log_likelihood()),
                )
                .assert_within(SINGLE, &what),
            }
        }
    }
}

#[test]
fn chunks_of_odd_sizes_are_refused_by_every_device() {
    for (name, device, _) in with_memory(1 << 15) {
        for rows in [1, 4095, 4999] {
            let data = Strange::in_chunks(&SMALL, rows);
            for init in [Init::KMeans, Init::Random] {
                let result = fit(&data, &device, &options(init));
                refused(result, &format!("begins with sample {rows}, within a block"), &name);
            }
        }
    }
}

#[test]
fn a_pass_that_leaves_samples_out_or_repeats_them_is_refused_by_every_device() {
    let mixture = to_mixture(&FEW.make().start(CovarianceType::Diag));
    let refused_by_all = |data: &Strange, said: &str| {
        for (name, device, _) in with_memory(1 << 15) {
            let what = format!("{name}, {:?}", data.chunks);
            for update in [Update::Em, Update::Stepwise { batch_size: 500, decay: 0.7, polish: false }] {
                for init in [Init::KMeans, Init::Random] {
                    let options = FitOptions { update, ..options(init) };
                    refused(fit(data, &device, &options), said, &what);
                }
            }
            let moments = device.load(data).and_then(|mut all| all.moments(&mixture, Assignment::Soft));
            refused(moments, said, &what);
            refused(device.log_likelihood(&mixture, data), said, &what);
            refused(device.predict(&mixture, data), said, &what);
            refused(device.predict_proba(&mixture, data), said, &what);
        }
    };
    for (chunk, said) in [(0..4999, "4999 of the 5000 samples"), (0..1, "1 of the 5000"), (0..0, "0 of the 5000")] {
        let chunks = Some(chunk).filter(|chunk| !chunk.is_empty()).into_iter().collect();
        refused_by_all(&Strange::new(&SMALL, chunks), said);
    }
    refused_by_all(
        &Strange::new(&SMALL, Vec::from_iter([(1, 5000)].map(|(first, end)| first..end))),
        "sample 1 where sample 0 was due",
    );
    refused_by_all(&Strange::new(&SMALL, vec![0..5000, 0..5000]), "sample 0 where sample 5000 was due");
    // Errors that the data keep to themselves.
    let deaf =
        Strange { listens: false, ..Strange::new(&SMALL, Vec::from_iter([(1, 5000)].map(|(first, end)| first..end))) };
    refused_by_all(&deaf, "0 of the 5000 samples");
}

#[test]
fn a_block_that_is_left_out_or_repeated_is_refused_by_every_device() {
    let (block, n) = (block_rows(WIDE), LARGE.samples.nrows());
    for (name, device, _) in with_memory(4 << 20) {
        for (chunks, said) in [
            (vec![0..block, 2 * block..n], format!("sample {} where sample {block} was due", 2 * block)),
            (vec![0..block, 0..block, block..n], format!("sample 0 where sample {block} was due")),
        ] {
            let data = Strange::new(&LARGE, chunks);
            refused(fit(&data, &device, &options(Init::Random)), &said, &name);
        }
    }
}

#[test]
fn a_pass_to_more_samples_than_the_summary_has_is_refused_by_every_device() {
    struct Larger(Strange, Summary);

    impl Data for Larger {
        fn summary(&self) -> &Summary {
            &self.1
        }

        fn home(&self) -> Home {
            self.0.home()
        }

        fn for_each_chunk(&self, visit: &mut Visit) -> mixtura::Result<()> {
            self.0.for_each_chunk(visit)
        }
    }

    let fewer = Points::new(SMALL.samples.slice(s![..300, ..])).unwrap();
    let data = Larger(Strange::in_chunks(&SMALL, 5000), Summary::of(&fewer));
    for (name, device, _) in with_memory(1 << 10) {
        refused(fit(&data, &device, &options(Init::Random)), "more than the 300 samples", &name);
    }
}

#[test]
fn data_that_ignore_a_stop_are_left_or_passed_over_to_their_end() {
    let data = Strange { stop: AtomicBool::new(true), ..Strange::in_chunks(&SMALL, 5000) };
    let whole = points(&SMALL.samples, None);
    for (name, device, _) in with_memory(1 << 15) {
        for init in [Init::KMeans, Init::Random] {
            match fit(&data, &device, &options(init)) {
                Err(error) => assert!(matches!(error, Error::Interrupted), "{name}: {error}"),
                Ok(found) => {
                    let expected = fit(&whole, &device, &options(init)).unwrap();
                    // The same chunk.
                    assert_eq!(found.mixture, expected.mixture, "{name}, {init:?}");
                }
            }
        }
    }
}

#[test]
fn what_a_device_says_of_a_part_is_what_it_says_of_its_samples() {
    let first = 1700;
    let parts = [s![..first, ..], s![first.., ..]].map(|part| Points::new(SMALL.samples.slice(part)).unwrap());
    let own = [Summary::of(&parts[0]), Summary::of_part(first, &parts[1])];
    let whole = own[0].clone().combine(&own[1]).unwrap();
    let shard = Shard::new(&parts[1], &own[1], &whole).unwrap();
    let mixture = to_mixture(&FEW.make().start(CovarianceType::Diag));
    for (name, device, _) in with_memory(1 << 15) {
        // A part is shifted and scaled as the whole is: log-densities of some tens are rounded in other places.
        let most = if device.info().precision == Precision::Double { 1e-11 } else { 1e-4 };
        let expected = device.score_samples(&mixture, &parts[1]).unwrap();
        let found = device.score_samples(&mixture, &shard).unwrap();
        assert_eq!(found.len(), 5000 - first);
        let differences = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
        let worst = differences.fold(0.0, |worst, x| if x <= worst { worst } else { x });
        assert!(worst <= most, "{name}: {worst:e}");
        let probabilities = device.predict_proba(&mixture, &shard).unwrap();
        // Each sample's sum to 1; a sample that did not come by has none.
        assert!(probabilities.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-5), "{name}");
    }
}
