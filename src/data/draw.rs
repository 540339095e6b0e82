//! Draws: which rows of a data set belong to a part of it.
//!
//! Rows are drawn by a hash of the seed and of where they stand, so that no period in the data falls in step, and a part
//! follows from the seed and the numbers of the rows alone, wherever the samples are.

use std::fmt::{self, Display};
use std::ops::Range;

use crate::data::hash::hash;

/// Samples of which one is drawn.
const DRAWN_OF: usize = 4;

/// A rule by which rows belong to a part of the samples; displayed, it names the part.
pub(crate) trait Draw: Display + Copy + Send + Sync {
    /// Those of a range of rows that belong to it, in ascending order.
    fn rows(self, range: Range<usize>) -> impl Iterator<Item = usize>;
}

/// Draw of one row of every stretch of `DRAWN_OF` to the power of `depth` rows: of every four consecutive samples one is
/// drawn, of every four of those again one, and so on. So draws lie within each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thinning {
    seed: u64,
    depth: u32,
}

impl Thinning {
    /// All rows, for a depth of 0.
    pub(crate) fn new(seed: u64, depth: u32) -> Self {
        Thinning { seed, depth }
    }

    /// Rows of a stretch: one of so many is drawn.
    pub(crate) fn share(self) -> usize {
        DRAWN_OF.pow(self.depth)
    }

    /// The row drawn of a stretch, which is the number of that row among those drawn.
    pub(crate) fn row(self, stretch: usize) -> usize {
        (0..self.depth).rev().fold(stretch, |stretch, depth| {
            let drawn = hash(hash(self.seed ^ u64::from(depth) << 56) ^ stretch as u64) % DRAWN_OF as u64;
            DRAWN_OF * stretch + drawn as usize
        })
    }
}

impl Draw for Thinning {
    /// The last stretch, where it is cut short, may have none.
    fn rows(self, range: Range<usize>) -> impl Iterator<Item = usize> {
        let stretches = range.start / self.share()..range.end.div_ceil(self.share());
        stretches.map(move |stretch| self.row(stretch)).filter(move |row| range.contains(row))
    }
}

impl Display for Thinning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "1/{} of the samples", self.share())
    }
}

/// One of several folds, or the samples of all others: of as many consecutive samples as there are folds each fold has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fold {
    /// Of all draws by it.
    pub(crate) seed: u64,
    /// Which one, from 0, and of how many.
    pub(crate) number: usize,
    pub(crate) of: usize,
    /// Whether it is the fold itself; otherwise it is all the others.
    pub(crate) is_held_out: bool,
}

/// Draws of folds are others than those of levels.
const OF_FOLDS: u64 = 0xf01d;

impl Draw for Fold {
    fn rows(self, range: Range<usize>) -> impl Iterator<Item = usize> {
        let Fold { seed, number, of, is_held_out } = self;
        let seed = hash(seed ^ OF_FOLDS);
        range.filter(move |row| {
            let turn = hash(seed ^ (row / of) as u64) % of as u64;
            ((row + turn as usize) % of == number) == is_held_out
        })
    }
}

impl Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Fold { number, of, is_held_out, .. } = self;
        write!(f, "{} {} of {of}", if *is_held_out { "fold" } else { "all but fold" }, number + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_every_stretch_one_row_is_drawn_and_coarser_draws_lie_within_finer_ones() {
        for seed in [0, 1, 77] {
            let rows = |depth| Thinning::new(seed, depth).rows(0..10_000).collect::<Vec<_>>();
            assert_eq!(rows(0), (0..10_000).collect::<Vec<_>>());
            for depth in 1..=3 {
                let (fine, coarse, share) = (rows(depth - 1), rows(depth), 4_usize.pow(depth));
                let stretches: Vec<usize> = coarse.iter().map(|row| row / share).collect();
                // The last stretch of 64 has 16 rows.
                let whole = 10_000 / share;
                assert_eq!(stretches[..whole], (0..whole).collect::<Vec<_>>());
                assert!(coarse.iter().all(|row| fine.binary_search(row).is_ok()));
                let numbered: Vec<usize> = (0..coarse.len()).map(|i| Thinning::new(seed, depth).row(i)).collect();
                assert_eq!(numbered, coarse);
            }
        }
        let [one, other] = [0, 1].map(|seed| Thinning::new(seed, 1).rows(0..10_000).collect::<Vec<_>>());
        assert_ne!(one, other);
    }

    #[test]
    fn every_place_in_a_stretch_is_drawn_as_often() {
        let mut counts = [0; 64];
        Thinning::new(5, 3).rows(0..64 * 64_000).for_each(|row| counts[row % 64] += 1);
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn every_row_is_in_one_fold_and_in_the_training_samples_of_all_others() {
        for (seed, of, n) in [(0, 2, 101), (1, 5, 1000), (9, 7, 40)] {
            let fold = |number, is_held_out| Fold { seed, number, of, is_held_out };
            let mut times = vec![0; n];
            for number in 0..of {
                let held_out: Vec<usize> = fold(number, true).rows(0..n).collect();
                let others: Vec<usize> = fold(number, false).rows(0..n).collect();
                assert!(held_out.len().abs_diff(n / of) <= 1, "{}", held_out.len());
                let mut all = [held_out.clone(), others].concat();
                all.sort_unstable();
                assert_eq!(all, (0..n).collect::<Vec<_>>());
                // In chunks the same.
                let cut = (0..n).step_by(13).flat_map(|first| fold(number, true).rows(first..(first + 13).min(n)));
                assert_eq!(cut.collect::<Vec<_>>(), held_out);
                held_out.into_iter().for_each(|row| times[row] += 1);
            }
            assert!(times.iter().all(|times| *times == 1));
        }
    }

    #[test]
    fn a_period_in_the_rows_is_spread_over_all_folds() {
        let fold = Fold { seed: 3, number: 1, of: 4, is_held_out: true };
        let mut counts = [0; 4];
        fold.rows(0..40_000).for_each(|row| counts[row % 4] += 1);
        assert!(counts.iter().all(|count| (2300..2700).contains(count)), "{counts:?}");
    }
}
