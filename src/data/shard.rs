//! A part of the samples, which knows its place among all.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use crate::data::home::Home;
use crate::data::points::Points;
use crate::data::source::{Data, Visit};
use crate::data::summary::Summary;
use crate::error::Result;

/// A part of the samples, held by one of several workers. Its answers to tasks combine with those of the other parts.
///
/// Where parts are made of whole blocks ([`block_rows`](crate::data::block_rows)) the CPU sums them to the bits of the
/// whole.
///
/// ```
/// use mixtura::data::Shard;
/// use mixtura::device::Backend;
/// use mixtura::fit::Search;
/// use mixtura::{Device, FitOptions, Points, Summary};
/// use ndarray::array;
///
/// let parts = [Points::new(array![[0.0], [0.2], [0.1]])?, Points::new(array![[5.0], [5.2], [5.1]])?];
/// let summaries = [Summary::of(&parts[0]), Summary::of_part(3, &parts[1])];
/// let summary = summaries[0].clone().combine(&summaries[1])?;
/// let shards = [Shard::new(&parts[0], &summaries[0], &summary)?, Shard::new(&parts[1], &summaries[1], &summary)?];
///
/// let mut search = Search::new(&summary, &FitOptions::new(2))?;
/// loop {
///     let tasks = search.wants()?;
///     if tasks.is_empty() {
///         break;
///     }
///     let [one, other] = shards.each_ref().map(|shard| Device::cpu().load(shard)?.run(&tasks));
///     let both = one?.into_iter().zip(other?).map(|(one, other)| one.combine(other));
///     search.takes(both.collect::<mixtura::Result<_>>()?)?;
/// }
/// assert!(search.state().best_so_far().is_some_and(|best| best.converged));
/// # Ok::<(), mixtura::Error>(())
/// ```
pub struct Shard<'d> {
    data: &'d dyn Data,
    summary: Summary,
}

impl<'d> Shard<'d> {
    /// A part of the samples that `whole` summarises, with its own summary ([`Summary::of_part`]).
    ///
    /// # Errors
    /// [`Error::Parts`](crate::Error::Parts) if the whole has no such part.
    pub fn new(data: &'d dyn Data, summary: &Summary, whole: &Summary) -> Result<Self> {
        Ok(Self::within(data, &summary.within(whole)?))
    }

    /// A part whose summary is that among all ([`Summary::within`]).
    pub fn within(data: &'d dyn Data, summary: &Summary) -> Self {
        Shard { data, summary: summary.clone() }
    }
}

impl Data for Shard<'_> {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn home(&self) -> Home {
        self.data.home()
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        // The samples may have their numbers among all already.
        let mut start = None;
        self.data.for_each_chunk(&mut |first, chunk| {
            visit(self.summary.first() + first - *start.get_or_insert(first), chunk)
        })
    }

    fn slice(&self, rows: Range<usize>) -> Option<Points<'_>> {
        self.data.slice(rows)
    }

    fn room(&self) -> u64 {
        self.data.room()
    }

    fn stop(&self) -> &AtomicBool {
        self.data.stop()
    }
}
