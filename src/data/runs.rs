//! Sums over runs of blocks of samples, added up along one tree: the same bits, however the blocks come, in chunks of
//! any number of them or from several parts of the data.

use serde::{Deserialize, Serialize};

/// Sums that can be added up.
pub(crate) trait Add {
    /// Adds the sums over the samples that follow.
    fn add(&mut self, following: &Self);
}

/// The sum over a run of blocks: a power of two of them, at a multiple of their number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Run<T> {
    /// Number of its first sample.
    first: usize,
    blocks: usize,
    sum: T,
}

/// Sums over the blocks so far, as few runs as there can be, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Runs<T> {
    /// Samples of a block.
    block: usize,
    runs: Vec<Run<T>>,
}

impl<T: Add> Runs<T> {
    /// No runs yet, of blocks of a number of samples.
    pub(crate) fn new(block: usize) -> Self {
        Runs { block, runs: Vec::new() }
    }

    /// Takes the sum over a run that [`first_run`] gave, behind all others; sums that were added to another go to
    /// `recycle`.
    pub(crate) fn push(&mut self, first: usize, mut blocks: usize, mut sum: T, mut recycle: impl FnMut(T)) {
        let mut start = first;
        while let Some(mut left) = self.runs.pop_if(|left| {
            left.blocks == blocks
                && left.first + blocks * self.block == start
                && left.first.is_multiple_of(2 * blocks * self.block)
        }) {
            left.sum.add(&sum);
            start = left.first;
            recycle(std::mem::replace(&mut sum, left.sum));
            blocks *= 2;
        }
        self.runs.push(Run { first: start, blocks, sum });
    }

    /// Takes the sums over another part of the samples, wherever it lies.
    pub(crate) fn append(&mut self, other: Self) {
        let mut runs = std::mem::take(&mut self.runs);
        runs.extend(other.runs);
        runs.sort_by_key(|run| run.first);
        runs.into_iter().for_each(|run| self.push(run.first, run.blocks, run.sum, drop));
    }

    /// Whether no two runs begin with the same sample.
    pub(crate) fn begin_once(&self) -> bool {
        self.runs.is_sorted_by(|a, b| a.first < b.first)
    }

    #[cfg(test)]
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.runs.iter_mut().map(|run| &mut run.sum)
    }

    /// The sums over the runs, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.runs.iter().map(|run| &run.sum)
    }

    /// The sum over all samples; `None` of none. Sums that were added to another go to `recycle`.
    pub(crate) fn total(self, mut recycle: impl FnMut(T)) -> Option<T> {
        let mut sums = self.runs.into_iter().map(|run| run.sum).rev();
        let last = sums.next()?;
        Some(sums.fold(last, |right, mut sum| {
            sum.add(&right);
            recycle(right);
            sum
        }))
    }
}

/// How many of some blocks, the first of which begins with the given sample, are the first run.
pub(crate) fn first_run(first: usize, block: usize, blocks: usize) -> usize {
    let longest = 1 << blocks.ilog2();
    // A part that does not begin with a block has runs of its own.
    if first == 0 || !first.is_multiple_of(block) {
        longest
    } else {
        longest.min(1 << (first / block).trailing_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sum that tells how it was formed.
    #[derive(Debug, Clone, PartialEq)]
    struct Formula(String);

    impl Add for Formula {
        fn add(&mut self, following: &Self) {
            self.0 = format!("({}{})", self.0, following.0);
        }
    }

    /// The runs of blocks of ten samples, from one to another.
    fn runs(mut from: usize, to: usize, chunk: usize) -> Runs<Formula> {
        let mut runs = Runs::new(10);
        while from < to {
            let end = (from + chunk).min(to);
            while from < end {
                let blocks = first_run(10 * from, 10, end - from);
                let mut formula = Runs::new(10);
                (from..from + blocks).for_each(|i| formula.push(10 * i, 1, Formula(i.to_string()), drop));
                runs.push(10 * from, blocks, formula.total(drop).unwrap(), drop);
                from += blocks;
            }
        }
        runs
    }

    #[test]
    fn the_tree_is_the_same_for_all_chunks_and_parts_in_any_order() {
        let expected = Some(Formula("((((01)(23))((45)(67)))(89))".to_owned()));
        for chunk in 1..=10 {
            assert_eq!(runs(0, 10, chunk).total(drop), expected, "{chunk}");
            for cut in 1..9 {
                for (a, b) in [((0, cut), (cut, 10)), ((cut, 10), (0, cut))] {
                    let mut whole = runs(a.0, a.1, chunk);
                    whole.append(runs(b.0, b.1, chunk));
                    assert_eq!(whole.total(drop), expected, "{chunk} {cut}");
                }
            }
        }
        assert_eq!(Runs::<Formula>::new(10).total(drop), None);
    }

    #[test]
    fn all_sums_but_one_are_handed_back() {
        let mut back = 0;
        assert!(runs(0, 7, 1).total(|_| back += 1).is_some());
        assert_eq!(back, 2);
    }
}
