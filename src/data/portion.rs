//! Portions of the samples: what one of several devices takes at a time.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::data::home::Home;
use crate::data::pass::pass;
use crate::data::points::Points;
use crate::data::source::{Data, Visit, block_rows, check_stop};
use crate::data::summary::Summary;
use crate::error::{Error, Result};

/// Portions of samples that are many: enough to be handed to whoever is free.
const PORTIONS: usize = 32;

/// Blocks of a portion, at most: several portions of samples on disk are in memory at a time.
const MOST_BLOCKS: usize = 4;

/// A portion of the samples: consecutive whole blocks, which know their place among all.
pub(crate) struct Portion<'d> {
    /// Its number among the portions.
    pub(crate) index: usize,
    points: Points<'d>,
    summary: Summary,
    home: Home,
    /// All samples, whose flag stops work on these.
    whole: Arc<dyn Data + 'd>,
}

impl Data for Portion<'_> {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn home(&self) -> Home {
        self.home.clone()
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        visit(self.summary.first(), &self.points)
    }

    fn slice(&self, rows: Range<usize>) -> Option<Points<'_>> {
        Data::slice(&self.points, rows)
    }

    fn stop(&self) -> &AtomicBool {
        self.whole.stop()
    }
}

/// Samples of a portion, all but the last: a power of two of blocks. It follows from N and D alone, so that sums do not
/// depend on who takes how many portions.
pub(crate) fn portion_rows(n_samples: usize, n_features: usize) -> usize {
    let block = block_rows(n_features);
    n_samples.div_ceil(block).div_ceil(PORTIONS).next_power_of_two().min(MOST_BLOCKS) * block
}

/// Whether memory holds the samples, so that portions of them can be had without a pass.
pub(crate) fn are_in_memory(data: &dyn Data) -> bool {
    let n = data.n_samples();
    if n == 0 {
        return false;
    }
    // What is there must be what the summary says; of others a pass says what is wrong.
    let is_one = |points: Points| points.n_features() == data.n_features();
    data.slice(n - 1..n).is_some_and(is_one) && data.slice(n..n + 1).is_none()
}

/// Calls `visit` with every portion in turn, in one pass; samples that memory does not hold are copied.
///
/// # Errors
/// Those of the data and of the visitor.
pub(crate) fn for_each_portion<'d>(data: &'d dyn Data, visit: &mut dyn FnMut(Portion<'d>) -> Result<()>) -> Result<()> {
    let (n, rows) = (data.n_samples(), portion_rows(data.n_samples(), data.n_features()));
    let mut cutting = Cutting::new(data);
    if are_in_memory(data) {
        return (0..n).step_by(rows).try_for_each(|start| {
            check_stop(data.stop())?;
            let points = data.slice(start..(start + rows).min(n)).ok_or_else(gone)?;
            visit(cutting.portion(points))
        });
    }
    let (mut pieces, mut waiting) = (Vec::new(), 0);
    pass(data, &mut |_, chunk| {
        let mut done = 0;
        while done < chunk.n_samples() {
            let more = (rows - waiting).min(chunk.n_samples() - done);
            pieces.push(chunk.slice(done..done + more).copied());
            done += more;
            waiting += more;
            if waiting == rows {
                visit(cutting.portion(Points::joined(std::mem::take(&mut pieces))?))?;
                waiting = 0;
            }
        }
        Ok(())
    })?;
    if waiting > 0 { visit(cutting.portion(Points::joined(pieces)?)) } else { Ok(()) }
}

/// All portions.
///
/// # Errors
/// As [`for_each_portion`].
pub(crate) fn portions(data: &dyn Data) -> Result<Vec<Portion<'_>>> {
    let mut portions = Vec::new();
    for_each_portion(data, &mut |portion| {
        portions.push(portion);
        Ok(())
    })?;
    Ok(portions)
}

/// Copies of all portions, of data that are shared.
///
/// # Errors
/// As [`for_each_portion`].
pub(crate) fn copied_portions<'d>(data: &Arc<dyn Data + 'd>) -> Result<Vec<Portion<'d>>> {
    let mut portions = Vec::new();
    for_each_portion(&**data, &mut |Portion { index, points, summary, home, .. }| {
        portions.push(Portion { index, points: points.copied(), summary, home, whole: data.clone() });
        Ok(())
    })?;
    Ok(portions)
}

fn gone() -> Error {
    Error::Parts { problem: "samples that were in memory are there no more".to_owned() }
}

/// How far the samples were cut into portions.
struct Cutting<'d> {
    data: &'d dyn Data,
    index: usize,
    /// Number of the first sample of the next portion among all, and of those of positive weight before it.
    first: usize,
    effective: usize,
}

impl<'d> Cutting<'d> {
    fn new(data: &'d dyn Data) -> Self {
        let summary = data.summary();
        Cutting { data, index: 0, first: summary.first(), effective: summary.effective_before() }
    }

    /// The portion of these points, which follow those before.
    fn portion(&mut self, points: Points<'d>) -> Portion<'d> {
        let (n, n_effective) = (points.n_samples(), points.n_effective());
        let batch = self.data.summary().of_batch(n, n_effective, points.total_weight());
        let summary = batch.at(self.first, self.effective);
        let (home, whole) = (self.data.home(), Arc::new(self.data));
        let portion = Portion { index: self.index, points, summary, home, whole };
        (self.index, self.first, self.effective) = (self.index + 1, self.first + n, self.effective + n_effective);
        portion
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;

    /// The same samples, of which nothing is said but in passes of chunks of one block.
    struct Passing<'p>(&'p Points<'p>);

    impl Data for Passing<'_> {
        fn summary(&self) -> &Summary {
            self.0.summary()
        }

        fn home(&self) -> Home {
            Data::home(self.0)
        }

        fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
            let (n, rows) = (self.0.n_samples(), block_rows(self.0.n_features()));
            (0..n).step_by(rows).try_for_each(|first| visit(first, &self.0.slice(first..(first + rows).min(n))))
        }
    }

    #[test]
    fn portions_are_a_power_of_two_of_blocks_and_some_thirty_of_many_samples() {
        for d in [1, 16, 1000] {
            let block = block_rows(d);
            for blocks in [1, 2, 20, 32, 33, 64, 100, 1000] {
                let rows = portion_rows(blocks * block - 1, d);
                assert!((rows / block).is_power_of_two() && rows <= MOST_BLOCKS * block && rows.is_multiple_of(block));
                let portions = (blocks * block).div_ceil(rows);
                assert!(portions >= blocks.min(PORTIONS / 2 + 1), "{blocks}: {portions}");
            }
        }
    }

    #[test]
    fn portions_are_the_same_in_memory_and_of_a_pass() {
        let d = 1500;
        let n = 40 * block_rows(d) + 77;
        let samples = Array2::from_shape_fn((n, d), |(i, j)| (i * j % 7) as f32);
        let weights = Array1::from_shape_fn(n, |i| (i % 3) as f64);
        let points = Points::new(samples).unwrap().with_weights(weights).unwrap();
        let facts = |data: &dyn Data| {
            let mut facts = Vec::new();
            for_each_portion(data, &mut |portion| {
                let (first, before) = (portion.summary.first(), portion.summary.effective_before());
                let sum = portion.points.to_f64().sum();
                facts.push((portion.index, first, before, portion.n_samples(), portion.total_weight(), sum));
                Ok(())
            })
            .unwrap();
            facts
        };
        let (in_memory, passing) = (facts(&points), facts(&Passing(&points)));
        assert_eq!(in_memory, passing);
        assert_eq!(in_memory.len(), 21);
        let before: Vec<usize> = in_memory.iter().map(|(_, first, ..)| first - first.div_ceil(3)).collect();
        assert_eq!(in_memory.iter().map(|(_, _, before, ..)| *before).collect::<Vec<_>>(), before);
    }
}
