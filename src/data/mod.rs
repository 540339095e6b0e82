//! Samples that can be passed over again and again, wherever they are: in memory, or in files larger than it.

pub(crate) mod chosen;
pub(crate) mod coordinates;
mod feature_moments;
mod kept_rows;
pub(crate) mod points;
pub(crate) mod runs;
pub(crate) mod shard;
pub(crate) mod spread;
pub(crate) mod summary;
mod total;

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicBool, Ordering};

use rand::Rng;
use rand::seq::index;
use serde::{Deserialize, Serialize};

use crate::data::chosen::Choosing;
use crate::data::points::Points;
use crate::data::summary::Summary;
use crate::error::{Error, Result};

/// Values of a block; its rows are a multiple of what any device takes at a time.
const BLOCK_VALUES: usize = 1 << 22;
const BLOCK_ROWS: usize = 4096;

/// Blocks of a chunk of samples that are in memory already.
const BLOCKS_IN_MEMORY: usize = 16;

/// What tells nobody to stop.
pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

/// Where samples stay during a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In the memory of the device that computes.
    Device,
    /// In the memory of the host.
    Memory,
    /// In their files, which every pass reads anew.
    Disk,
    /// With workers that hold a part of them each.
    Elsewhere,
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Device => "on the device",
            Place::Memory => "in memory",
            Place::Disk => "on disk",
            Place::Elsewhere => "elsewhere",
        })
    }
}

/// Where samples stay during a fit, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The place.
    pub place: Place,
    /// The reason, in words; empty where there was no choice.
    pub reason: String,
}

impl Home {
    /// Where samples are that were never here.
    pub(crate) fn elsewhere() -> Self {
        Home { place: Place::Elsewhere, reason: String::new() }
    }
}

/// N x D samples and their weights, which come in chunks, the same in every pass.
///
/// What is computed from them does not depend on where they are: sums are formed over blocks of [`block_rows`] samples,
/// and chunks consist of whole blocks.
pub trait Data: Send + Sync {
    /// What is known of them, found in one pass when the data are opened, or when it is first asked for.
    fn summary(&self) -> &Summary;

    /// Where they are.
    fn home(&self) -> Home;

    /// Calls `visit(first, chunk)` for every chunk in turn, `first` being the number of its first sample. The number of
    /// blocks of every chunk but the last is the same power of two.
    ///
    /// # Errors
    /// What the visitor returns, which ends the pass; or that the samples cannot be read again.
    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()>;

    /// What says, when it is true, that work on these samples should end as soon as it can. Long work asks it often.
    fn stop(&self) -> &AtomicBool {
        &NEVER
    }

    /// N, the number of samples.
    fn n_samples(&self) -> usize {
        self.summary().n_samples()
    }

    /// D, the number of features.
    fn n_features(&self) -> usize {
        self.summary().n_features()
    }

    /// The sum of the sample weights; N where there are none.
    fn total_weight(&self) -> f64 {
        self.summary().total_weight()
    }

    /// The names of the features, if they have any.
    fn feature_names(&self) -> Option<&[String]> {
        self.summary().feature_names()
    }
}

/// What is done with each chunk.
pub type Visit<'v> = dyn FnMut(usize, &Points) -> Result<()> + 'v;

/// Samples of D features that are summed as one block.
pub fn block_rows(n_features: usize) -> usize {
    (BLOCK_VALUES / n_features.max(1) / BLOCK_ROWS).max(1) * BLOCK_ROWS
}

impl Data for Points<'_> {
    fn summary(&self) -> &Summary {
        self.summary()
    }

    fn home(&self) -> Home {
        Home { place: Place::Memory, reason: String::new() }
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        let (n, rows) = (self.n_samples(), BLOCKS_IN_MEMORY * block_rows(self.n_features()));
        if n <= rows {
            return visit(0, self);
        }
        (0..n).step_by(rows).try_for_each(|first| visit(first, &self.slice(first..(first + rows).min(n))))
    }
}

/// Data whose passes are watched: after every chunk, the watcher hears how many samples of the pass are done. All work on
/// them ends with [`Error::Interrupted`] soon after `stop` has become true, which any thread may see to.
///
/// ```
/// use mixtura::{Device, Error, FitOptions, Points, Watched, fit};
/// use ndarray::array;
/// use std::sync::atomic::AtomicBool;
///
/// let points = Points::new(array![[0.0], [0.2], [5.0], [5.2]])?;
/// let stop = AtomicBool::new(true);
/// let watched = Watched::new(&points, &stop, &|_| {});
/// assert!(matches!(fit(&watched, &Device::cpu(), &FitOptions::new(2), &mut |_| {}), Err(Error::Interrupted)));
/// # Ok::<(), mixtura::Error>(())
/// ```
pub struct Watched<'d> {
    data: &'d dyn Data,
    stop: &'d AtomicBool,
    watcher: &'d Watcher<'d>,
}

/// What hears that so many samples of a pass are done.
pub type Watcher<'w> = dyn Fn(usize) + Sync + 'w;

impl<'d> Watched<'d> {
    /// Has the passes over data watched.
    pub fn new(data: &'d dyn Data, stop: &'d AtomicBool, watcher: &'d Watcher<'d>) -> Self {
        Watched { data, stop, watcher }
    }
}

/// Ends work that should stop.
pub(crate) fn check_stop(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}

impl Data for Watched<'_> {
    fn summary(&self) -> &Summary {
        self.data.summary()
    }

    fn home(&self) -> Home {
        self.data.home()
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        check_stop(self.stop)?;
        self.data.for_each_chunk(&mut |first, chunk| {
            visit(first, chunk)?;
            check_stop(self.stop)?;
            (self.watcher)(first + chunk.n_samples());
            Ok(())
        })
    }

    fn stop(&self) -> &AtomicBool {
        self.stop
    }
}

/// Random places among the samples of positive weight, in order: all of them if there are no more than `count`.
pub(crate) fn choose(summary: &Summary, count: usize, random: &mut impl Rng) -> Vec<usize> {
    let n = summary.n_effective();
    if n <= count {
        return (0..n).collect();
    }
    let mut places = index::sample(random, n, count).into_vec();
    places.sort_unstable();
    places
}

/// Copies as f64, with their weights, of at most so many samples of positive weight: one from each of equal stretches of
/// them, at a place in it that moves on by the golden ratio, so that no period in the data falls in step.
///
/// # Errors
/// That the samples cannot be read again, or that the pass is stopped.
pub fn thinned(data: &dyn Data, count: usize) -> Result<Points<'static>> {
    let (n, golden) = (data.summary().n_effective(), 0.618_033_988_749_895);
    let place = |i: usize| ((i as f64 + (i as f64 * golden).fract()) * n as f64 / count as f64) as usize;
    let places: Vec<usize> = if n <= count { (0..n).collect() } else { (0..count).map(place).collect() };
    let mut choosing = Choosing::new(&places, 0);
    data.for_each_chunk(&mut |_, chunk| {
        choosing.visit(chunk);
        Ok(())
    })?;
    choosing.finish().into_points(places.len())
}
