//! Samples that can be passed over again and again, wherever they are: in memory, or in files larger than it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::home::{Home, Place};
use crate::data::points::Points;
use crate::data::summary::Summary;
use crate::error::{Error, Result};
use crate::memory::memory_for_samples;

/// Values of a block; its rows are a multiple of what any device takes at a time.
const BLOCK_VALUES: usize = 1 << 22;
const BLOCK_ROWS: usize = 4096;

/// Blocks of a chunk of samples that are in memory already.
const BLOCKS_IN_MEMORY: usize = 16;

/// Cancellation flag that is never set.
pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

/// N x D samples and their weights, which come in chunks, the same in every pass.
///
/// Results do not depend on where they are: sums are formed over blocks of [`block_rows`] samples,
/// and chunks consist of whole blocks.
pub trait Data: Send + Sync {
    /// Their summary, made in one pass when the data are opened, or when it is first asked for.
    fn summary(&self) -> &Summary;

    /// Where they are.
    fn home(&self) -> Home;

    /// Calls `visit(first, chunk)` for every chunk in turn, `first` being the number of its first sample. The number of
    /// blocks of every chunk but the last is the same power of two. Every sample of the summary comes by once: a pass
    /// in which one did not is an [`Error::Parts`] for whoever wanted it.
    ///
    /// # Errors
    /// The visitor's error, which ends the pass; or that the samples cannot be read again.
    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()>;

    /// A range of the samples, counted from the first here, without a pass: where memory holds them, and there are so
    /// many.
    #[allow(unused_variables)]
    fn slice(&self, rows: Range<usize>) -> Option<Points<'_>> {
        None
    }

    /// Bytes of memory that copies of some of the samples may take.
    fn room(&self) -> u64 {
        memory_for_samples()
    }

    /// Cancellation flag: once it is set, work on these samples ends as soon as it can. Long work polls it often.
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

/// What is borrowed are data, too.
impl<T: Data + ?Sized> Data for &T {
    fn summary(&self) -> &Summary {
        (**self).summary()
    }

    fn home(&self) -> Home {
        (**self).home()
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        (**self).for_each_chunk(visit)
    }

    fn slice(&self, rows: Range<usize>) -> Option<Points<'_>> {
        (**self).slice(rows)
    }

    fn room(&self) -> u64 {
        (**self).room()
    }

    fn stop(&self) -> &AtomicBool {
        (**self).stop()
    }
}

/// Visitor of chunks.
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

    fn slice(&self, rows: Range<usize>) -> Option<Points<'_>> {
        (rows.end <= self.n_samples()).then(|| self.slice(rows))
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        let (n, rows) = (self.n_samples(), BLOCKS_IN_MEMORY * block_rows(self.n_features()));
        if n <= rows {
            return visit(0, self);
        }
        (0..n).step_by(rows).try_for_each(|first| visit(first, &self.slice(first..(first + rows).min(n))))
    }
}

/// Ends work that should stop.
pub(crate) fn check_stop(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}
