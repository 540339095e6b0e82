//! Fits whose samples are held by several workers, which answer tasks: on the CPU to the bits of the fit in one piece.

use std::thread;

use mixtura::data::{Shard, block_rows};
use mixtura::device::{Answer, Backend, Task};
use mixtura::fit::{Search, WarmStart};
use mixtura::{CovarianceType, Data, Device, Error, Fit, FitOptions, Mixture, Points, Summary, Update, fit};
use ndarray::{Array1, Array2, s};

use crate::common::data::Blobs;

const D: usize = 64;

/// Samples of clusters that overlap, in a few blocks of which the last is not whole, with weights, some of them zero.
fn samples() -> (Array2<f32>, Array1<f64>) {
    let n = 3 * block_rows(D) + 501;
    let number = |i: usize, j: usize| ((i * 64 + j) as f64 * 0.618_033_988_749_895).fract() as f32;
    let samples = Array2::from_shape_fn((n, D), |(i, j)| number(i, j) + (i % 3 * (j % 4)) as f32 * 0.75);
    (samples, Array1::from_shape_fn(n, |i| (i % 5) as f64 * 0.25))
}

/// Answers tasks from shards that begin with the given blocks, each on a thread of its own; what goes to and from them is
/// written down and read again.
struct Executor<'d> {
    shards: Vec<Box<dyn Backend + 'd>>,
}

impl Executor<'_> {
    fn answer(&mut self, tasks: &[Task]) -> Result<Vec<Answer>, Error> {
        let tasks = postcard::to_stdvec(tasks).unwrap();
        let of_shards: Vec<Vec<u8>> = thread::scope(|scope| {
            let work = |shard| {
                let tasks = &tasks;
                scope.spawn(move || {
                    let shard: &mut Box<dyn Backend> = shard;
                    let tasks: Vec<Task> = postcard::from_bytes(tasks).unwrap();
                    postcard::to_stdvec(&shard.run(&tasks).unwrap()).unwrap()
                })
            };
            let working: Vec<_> = self.shards.iter_mut().map(work).collect();
            working.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let of_shards = of_shards.iter().map(|answers| postcard::from_bytes::<Vec<Answer>>(answers).unwrap());
        let combined = of_shards.map(Ok).reduce(|all: Result<Vec<Answer>, Error>, more| {
            all?.into_iter().zip(more?).map(|(one, other)| one.combine(other)).collect()
        });
        combined.unwrap()
    }

    /// A whole fit.
    fn fit(&mut self, summary: &Summary, options: &FitOptions) -> Fit {
        let mut search = Search::new(summary, options).unwrap();
        loop {
            let tasks = search.wants().unwrap();
            if tasks.is_empty() {
                break;
            }
            let answers = self.answer(&tasks).unwrap();
            search.takes(answers).unwrap();
        }
        let answer = self.answer(&[search.score_task().unwrap()]).unwrap().remove(0);
        search.finish(answer).unwrap()
    }
}

/// The parts that begin with the given samples, and where they begin.
fn parts<'s>(samples: &'s Array2<f32>, weights: &'s Array1<f64>, firsts: &[usize]) -> Vec<(usize, Points<'s>)> {
    let ends = firsts.iter().skip(1).copied().chain([samples.nrows()]);
    let part = |(&first, end): (&usize, usize)| {
        let points = Points::new(samples.slice(s![first..end, ..])).unwrap();
        (first, points.with_weights(weights.slice(s![first..end])).unwrap())
    };
    firsts.iter().zip(ends).map(part).collect()
}

/// Does something with an executor over the parts, and the summary of all.
fn with_parts<'p, T>(
    parts: &'p [(usize, Points)],
    device: &Device,
    work: impl FnOnce(&mut Executor, &Summary) -> T,
) -> T {
    let summaries: Vec<Summary> = parts.iter().map(|(first, points)| Summary::of_part(*first, points)).collect();
    let summary = summaries.iter().cloned().reduce(|all, more| all.combine(&more).unwrap()).unwrap();
    let shard = |((_, points), own): (&'p (usize, Points), &Summary)| Shard::new(points, own, &summary).unwrap();
    let shards: Vec<Shard> = parts.iter().zip(&summaries).map(shard).collect();
    let shards = shards.iter().map(|shard| device.load(shard).unwrap()).collect();
    work(&mut Executor { shards }, &summary)
}

/// All that a fit finds.
fn found(fit: &Fit) -> (&Mixture, &[f64], f64, Vec<String>, usize) {
    let repairs = fit.repairs.iter().map(ToString::to_string).collect();
    (&fit.mixture, &fit.lower_bounds, fit.log_likelihood, repairs, fit.initialisation.rounds)
}

/// A fit that begins with k-means, and one of which a component has no samples and is repaired, by two rules.
fn fits(points: &Points, family: CovarianceType) -> Vec<FitOptions> {
    let options = FitOptions { covariance_type: family, max_iter: 3, tol: 0.0, ..FitOptions::new(3) };
    let start = fit(points, &Device::cpu(), &FitOptions { max_iter: 0, ..options.clone() }).unwrap().mixture;
    let mut means = start.means().clone();
    means.row_mut(1).fill(-300.0);
    let mixture = Mixture::new(start.weights().clone(), means, start.covariances().clone()).unwrap();
    let warm_start = Some(WarmStart { mixture, lower_bound: None });
    vec![options.clone(), FitOptions { update: Update::Squarem, max_iter: 5, warm_start, ..options }]
}

#[test]
fn parts_of_whole_blocks_give_the_bits_of_the_fit_in_one_piece() {
    let (samples, weights) = samples();
    let block = block_rows(D);
    let whole = &parts(&samples, &weights, &[0])[0].1;
    for family in CovarianceType::ALL {
        for options in fits(whole, family) {
            let expected = fit(whole, &Device::cpu(), &options).unwrap();
            assert_eq!(expected.repairs.is_empty(), options.warm_start.is_none());
            for firsts in [&[0][..], &[0, block], &[0, 2 * block], &[0, block, 2 * block, 3 * block]] {
                let parts = parts(&samples, &weights, firsts);
                let fit = with_parts(&parts, &Device::cpu(), |executor, summary| executor.fit(summary, &options));
                assert_eq!(found(&fit), found(&expected), "{family}, {firsts:?}, {}", options.update.name());
            }
        }
    }
}

#[test]
fn parts_of_any_size_give_the_same_model_but_for_rounding_on_every_device() {
    // Features that do not follow from each other: on others single precision alone differs by a hundredth of a nat.
    let samples = Blobs::new(5000, 4, 3).make().samples.mapv(|x| x as f32);
    let weights = Array1::from_shape_fn(5000, |i| (i % 5) as f64 * 0.25);
    let whole = &parts(&samples, &weights, &[0])[0].1;
    for subject in super::common::devices::devices() {
        for init in [mixtura::Init::KMeans, mixtura::Init::Random, mixtura::Init::RandomFromData] {
            let options = FitOptions { max_iter: 4, tol: 0.0, init, n_init: 2, ..FitOptions::new(3) };
            let expected = fit(whole, &subject.device, &options).unwrap();
            let parts = parts(&samples, &weights, &[0, 2, 4000, 4998]);
            let fit = with_parts(&parts, &subject.device, |executor, summary| executor.fit(summary, &options));
            let difference = fit.mean_log_likelihood() - expected.mean_log_likelihood();
            let most = if subject.is_double() { 1e-9 } else { 1e-3 };
            assert!(difference.abs() < most, "{init:?}, {}: {difference:e}", subject.name);
        }
    }
}

#[test]
fn answers_that_miss_a_part_or_have_one_twice_are_refused() {
    let (samples, weights) = samples();
    let (samples, weights) = (samples.slice(s![..3000, ..4]).to_owned(), weights.slice(s![..3000]).to_owned());
    let parts = parts(&samples, &weights, &[0, 1000, 2000]);
    let options = FitOptions { init: mixtura::Init::Random, ..FitOptions::new(2) };
    with_parts(&parts, &Device::cpu(), |executor, summary| {
        let mut search = Search::new(summary, &options).unwrap();
        let tasks = search.wants().unwrap();
        let mut answers: Vec<Answer> =
            executor.shards.iter_mut().map(|shard| shard.run(&tasks).unwrap().remove(0)).collect();
        let last = answers.pop().unwrap();
        let two = answers.remove(0).combine(answers.remove(0)).unwrap();
        let refused = |search: &mut Search, answer: &Answer| {
            let error = search.takes(vec![answer.clone()]).unwrap_err();
            assert!(matches!(error, Error::Parts { .. }), "{error}");
        };
        refused(&mut search, &two);
        let three = two.combine(last.clone()).unwrap();
        refused(&mut search, &three.clone().combine(last).unwrap());
        assert!(matches!(search.takes(Vec::new()), Err(Error::Parts { .. })));
        // What was refused changed nothing.
        assert!(search.takes(vec![three]).unwrap().is_empty());
        assert_eq!(search.state().restarts.len(), 1);
    });
    let (whole, own) = (Summary::of(&parts[0].1), Summary::of_part(1000, &parts[1].1));
    assert!(matches!(Shard::new(&parts[1].1, &own, &whole), Err(Error::Parts { .. })));
}

#[test]
fn stepwise_em_has_no_parts() {
    let (samples, weights) = samples();
    let (samples, weights) = (samples.slice(s![..3000, ..4]).to_owned(), weights.slice(s![..3000]).to_owned());
    let parts = parts(&samples, &weights, &[0, 1000]);
    let update = Update::Stepwise { batch_size: 100, decay: 0.7, polish: false };
    let options = FitOptions { update, init: mixtura::Init::RandomFromData, ..FitOptions::new(2) };
    with_parts(&parts, &Device::cpu(), |executor, summary| {
        let mut search = Search::new(summary, &options).unwrap();
        let tasks = search.wants().unwrap();
        let answers = executor.answer(&tasks).unwrap();
        search.takes(answers).unwrap();
        let tasks = search.wants().unwrap();
        let error = executor.answer(&tasks).unwrap_err().to_string();
        assert!(error.contains("stepwise EM"), "{error}");
    });
}

#[test]
fn a_summary_of_parts_in_another_order_is_refused() {
    let points = Points::new(ndarray::array![[0.0], [1.0]]).unwrap();
    let summary = Summary::of_part(2, &points).combine(&Summary::of_part(0, &points));
    assert!(matches!(summary, Err(Error::Parts { .. })));
    assert_eq!(points.n_features(), Data::n_features(&points));
}
