//! Ranks that are threads.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ndarray::{Array2, array};

use super::*;
use crate::data::points::Points;
use crate::data::shard::Shard;
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::open::Device;
use crate::error::{Error, Result};
use crate::fit::{Fit, FitOptions, FitState, Fitting, Init, Update, fit};
use crate::io::{Dataset, Selection};
use crate::model::family::CovarianceType;
use crate::select::{SelectOptions, Selecting, Selection as Chosen, select};

type Messages = Mutex<VecDeque<Vec<u8>>>;

/// A thread among others.
struct Thread {
    rank: usize,
    /// From each to each.
    messages: Arc<Vec<Vec<Messages>>>,
}

impl Link for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.messages.len()
    }

    fn on_machine(&self) -> (usize, usize) {
        (self.rank, self.size())
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<()> {
        let mut messages = self.messages[self.rank][to].lock().unwrap_or_else(PoisonError::into_inner);
        messages.push_back(message.to_vec());
        Ok(())
    }

    fn receive(&self, from: usize) -> Result<Option<Vec<u8>>> {
        Ok(self.messages[from][self.rank].lock().unwrap_or_else(PoisonError::into_inner).pop_front())
    }
}

/// What `work` gives on every rank, and the messages that nobody took.
fn on_ranks<T: Send>(size: usize, work: impl Fn(&Ranks) -> T + Sync) -> (Vec<T>, usize) {
    let messages: Arc<Vec<Vec<Messages>>> =
        Arc::new((0..size).map(|_| (0..size).map(|_| Messages::default()).collect()).collect());
    let outcomes = thread::scope(|scope| {
        let run = |rank| {
            let link = Box::new(Thread { rank, messages: messages.clone() });
            let work = &work;
            scope.spawn(move || work(&Ranks::linked(link).unwrap()))
        };
        let threads: Vec<_> = (0..size).map(run).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    (outcomes, messages.iter().flatten().map(|messages| messages.lock().unwrap().len()).sum())
}

static GO_ON: AtomicBool = AtomicBool::new(false);

#[test]
fn what_ranks_have_comes_together_in_their_order() {
    for size in 1..=9 {
        let name = |rank: usize| Ok(rank.to_string());
        let (all, left) = on_ranks(size, |ranks| {
            let reduced = ranks.reduce(name(ranks.rank()), |one, other| Ok(one + &other), &GO_ON).unwrap();
            (reduced, ranks.all_reduce(name(ranks.rank()), |one, other| Ok(one + &other), &GO_ON).unwrap())
        });
        let expected: String = (0..size).map(|rank| rank.to_string()).collect();
        for (rank, (reduced, of_all)) in all.iter().enumerate() {
            assert_eq!(reduced.as_ref(), Some(&expected).filter(|_| rank == 0), "{size}");
            assert_eq!(of_all, &expected, "{size}");
        }
        assert_eq!(left, 0);
    }
}

#[test]
fn an_error_of_one_rank_is_the_error_of_all() {
    for (size, failing) in [(2, 0), (2, 1), (5, 3), (8, 6)] {
        let (all, left) = on_ranks(size, |ranks| {
            let wrong =
                Error::Malformed { place: "f.csv:7".into(), problem: "a word".into(), remedy: "a number".into() };
            ranks.agree(if ranks.rank() == failing { Err(wrong) } else { Ok(()) }, &GO_ON).unwrap_err().to_string()
        });
        assert_eq!(all, vec![format!("rank {failing}: f.csv:7: a word\na number"); size]);
        assert_eq!(left, 0);
    }
}

#[test]
fn the_first_rank_does_not_wait_once_it_is_to_stop() {
    let stop = AtomicBool::new(true);
    let (all, _) = on_ranks(2, |ranks| match ranks.rank() {
        // The other one never answers.
        0 => ranks.reduce(Ok(()), |(), ()| Ok(()), &stop).is_err_and(|error| matches!(error, Error::Interrupted)),
        _ => true,
    });
    assert_eq!(all, [true, true]);
}

/// Features of the samples, of which a block has 4096.
const D: usize = 1024;

/// Samples of three clusters in three files, and their weights: two blocks and a part of one.
fn files(folder: &std::path::Path) -> (Vec<PathBuf>, PathBuf, Array2<f32>) {
    let n = 2 * 4096 + 500;
    let noise = |i: usize, d: usize| ((i * D + d) as f64 * 0.618_033_988_749_895).fract() as f32;
    let samples = Array2::from_shape_fn((n, D), |(i, d)| noise(i, d) + (i % 3) as f32 * 0.5);
    let cuts = [0, 1000, 6001, n];
    let paths = cuts.windows(2).enumerate().map(|(i, cut)| {
        let path = folder.join(format!("part-{i}.f32"));
        let rows = samples.slice(ndarray::s![cut[0]..cut[1], ..]);
        std::fs::write(&path, rows.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
        path
    });
    let weights = folder.join("weights.csv");
    std::fs::write(&weights, (0..n).map(|i| format!("{}\n", (i % 4) as f64 * 0.5)).collect::<String>()).unwrap();
    (paths.collect(), weights, samples)
}

fn selection(weights: &std::path::Path) -> Selection {
    Selection { dims: Some(D), weights: Some(weights.display().to_string()), ..Selection::default() }
}

/// What the first rank does with the samples of all, which the others answer for.
fn led<T>(
    ranks: &Ranks,
    paths: &[PathBuf],
    selection: &Selection,
    memory: u64,
    work: impl FnOnce(&Leading, Share, &Summary) -> Result<T>,
) -> Result<Option<T>> {
    let stretch = share_rows(ranks, paths, selection, &GO_ON)?;
    let read = || match stretch.is_empty() {
        true => Ok(None),
        false => Dataset::open_stretch(paths, selection, memory, &stretch, &GO_ON).map(Some),
    };
    let data = ranks.agree(read(), &GO_ON)?;
    let summary = share_summary(ranks, data.as_ref().map(|data| data.summary().clone()), &GO_ON)?;
    let shard = data.as_ref().map(|data| Shard::new(data, data.summary(), &summary)).transpose()?;
    let share = Share { data: shard.as_ref().map(|shard| shard as &dyn Data), locate: &|error| error };
    if !ranks.is_first() {
        follow(ranks, share, &|_| Ok(Device::cpu()))?;
        return Ok(None);
    }
    work(&Leading::new(ranks), share, &summary).map(Some)
}

/// The fit of all ranks, on the first one.
fn fit_on(
    ranks: &Ranks,
    paths: &[PathBuf],
    selection: &Selection,
    memory: u64,
    options: &FitOptions,
) -> Result<Option<Fit>> {
    led(ranks, paths, selection, memory, |leading, share, summary| {
        let device = Device::cpu();
        let load = || leading.load(share, summary, (&device, ""), &GO_ON);
        let mut fitting = Fitting::resume_on(summary, &GO_ON, &device, load, None, options, FitState::default())?;
        while fitting.epoch()?.is_some() {}
        fitting.finish()
    })
}

#[test]
fn ranks_choose_the_model_that_one_process_chooses_by_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, weights, _) = files(folder.path());
    let selection = selection(&weights);
    let fit = FitOptions { max_iter: 3, ..FitOptions::new(1) };
    let families = vec![CovarianceType::Diag, CovarianceType::Spherical];
    let options = SelectOptions { families, fit, ..SelectOptions::new(1..=3) };
    let alone = select(&Dataset::open(&paths, &selection, 1 << 40).unwrap(), &Device::cpu(), &options).unwrap();
    let facts = |chosen: &Chosen| {
        let fits = chosen.candidates.iter().map(|candidate| candidate.scored().unwrap());
        let fits = fits.map(|scored| (scored.fit.mixture.clone(), scored.fit.log_likelihood, scored.entropy));
        (chosen.best_index(), fits.collect::<Vec<_>>())
    };
    for (size, memory) in [(2, 1 << 40), (3, 1 << 20)] {
        let (all, left) = on_ranks(size, |ranks| {
            led(ranks, &paths, &selection, memory, |leading, share, summary| {
                let device = Device::cpu();
                let load = || leading.load(share, summary, (&device, ""), &GO_ON);
                let begin = |options| Selecting::resume_on(summary, &GO_ON, &device, load, None, options, Vec::new());
                // Nobody has all samples to draw folds from.
                let with_folds = SelectOptions { folds: Some(2), ..options.clone() };
                assert!(begin(&with_folds).is_err());
                let mut selecting = begin(&options)?;
                while selecting.pass()?.is_some() {}
                Ok(selecting.finish())
            })
        });
        let chosen = all.into_iter().next().unwrap().unwrap().unwrap();
        assert_eq!(facts(&chosen), facts(&alone), "{size} ranks");
        assert_eq!(left, 0);
    }
}

#[test]
fn any_number_of_ranks_finds_the_bits_of_one_process_in_memory_and_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, weights, _) = files(folder.path());
    let selection = selection(&weights);
    let options = FitOptions {
        covariance_type: CovarianceType::Diag,
        max_iter: 3,
        n_init: 2,
        tol: 0.0,
        update: Update::Squarem,
        ..FitOptions::new(3)
    };
    let whole = Dataset::open(&paths, &selection, u64::MAX).unwrap();
    let expected = fit(&whole, &Device::cpu(), &options).unwrap();
    for (size, memory) in [(1, u64::MAX), (2, u64::MAX), (3, 1 << 20), (5, u64::MAX)] {
        let (fits, left) = on_ranks(size, |ranks| fit_on(ranks, &paths, &selection, memory, &options).unwrap());
        let found = fits[0].as_ref().unwrap();
        assert_eq!(found.mixture, expected.mixture, "{size}");
        assert_eq!((&found.lower_bounds, found.log_likelihood), (&expected.lower_bounds, expected.log_likelihood));
        assert!(fits[1..].iter().all(Option::is_none));
        assert_eq!(left, 0);
    }
}

#[test]
fn a_rank_that_cannot_read_its_samples_ends_all_and_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, weights, _) = files(folder.path());
    let mut contents = std::fs::read(&paths[2]).unwrap();
    contents[40 * D..40 * D + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&paths[2], contents).unwrap();
    let options = FitOptions { init: Init::Random, ..FitOptions::new(2) };
    let (errors, left) =
        on_ranks(2, |ranks| fit_on(ranks, &paths, &selection(&weights), u64::MAX, &options).unwrap_err().to_string());
    let expected = "part-2.f32: row 10, column 0 is NaN, the first of 1 values";
    assert!(errors.iter().all(|error| error.starts_with("rank 1: ") && error.contains(expected)), "{errors:?}");
    assert_eq!(left, 0);
}

#[test]
fn options_that_do_not_fit_the_data_let_the_others_go() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, weights, _) = files(folder.path());
    let options = FitOptions::new(1_000_000);
    let (outcomes, _) = on_ranks(2, |ranks| fit_on(ranks, &paths, &selection(&weights), u64::MAX, &options).is_err());
    assert_eq!(outcomes, [true, false]);
}

#[test]
fn a_process_alone_has_all_samples() {
    let ranks = Ranks::alone();
    let points = Points::new(array![[0.0], [0.1], [5.0], [5.1]]).unwrap();
    let summary = share_summary(&ranks, Some(points.summary().clone()), &GO_ON).unwrap();
    let share = Share { data: Some(&points), locate: &|error| error };
    let leading = Leading::new(&ranks);
    let backend = leading.load(share, &summary, (&Device::cpu(), ""), &GO_ON).unwrap();
    assert_eq!(backend.n_samples(), 4);
}
