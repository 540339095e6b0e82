//! Levels of a data set: a quarter of the samples, a quarter of those, and so on.
//!
//! Of every four consecutive samples one is drawn, by a hash of the seed and of where they stand, so that no period in
//! the data falls in step; of every four of those again one. So levels lie within each other, have the order of the
//! data, and follow from the seed and the numbers of the rows alone, wherever the samples are.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::data::gathered::Gathered;
use crate::data::hash::hash;
use crate::data::home::{Home, Place};
use crate::data::pass::pass;
use crate::data::points::Points;
use crate::data::source::{Data, Visit, block_rows};
use crate::data::summary::Summary;
use crate::error::Result;

/// Samples of which one is drawn.
const DRAWN_OF: usize = 4;

/// Draw of one row of every stretch of `DRAWN_OF` to the power of `depth` rows.
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

    /// The rows drawn of a range of rows. The last stretch, where it is cut short, may have none.
    fn rows(self, range: Range<usize>) -> impl Iterator<Item = usize> {
        let stretches = range.start / self.share()..range.end.div_ceil(self.share());
        stretches.map(move |stretch| self.row(stretch)).filter(move |row| range.contains(row))
    }
}

/// The samples of some data that are drawn, with their weights: copies in memory where there is room, otherwise those
/// that come by in passes over the data.
pub(crate) struct Level<'d> {
    data: &'d dyn Data,
    thinning: Thinning,
    summary: Summary,
    kept: Option<Points<'static>>,
}

impl<'d> Level<'d> {
    /// Levels that draw one of 4, of 16, and so on, all made in one pass over the data; copies take at most `room`
    /// bytes.
    ///
    /// # Errors
    /// Those of the data.
    pub(crate) fn all(data: &'d dyn Data, seed: u64, levels: u32, room: u64) -> Result<Vec<Arc<Self>>> {
        let (d, names) = (data.n_features(), data.feature_names());
        let begun = |depth| Making {
            thinning: Thinning::new(seed, depth),
            summary: Summary::begin(0, d, names),
            kept: Some(Gathered::default()),
        };
        let mut making: Vec<Making> = (1..=levels).map(begun).collect();
        pass(data, &mut |first, chunk| {
            making.iter_mut().for_each(|level| level.visit(first, chunk));
            // The coarser ones take the least room, and are passed over the most.
            let bytes = |level: &Making| level.kept.as_ref().map_or(0, |kept| kept.bytes() as u64);
            while making.iter().map(bytes).sum::<u64>() > room {
                let Some(largest) = making.iter_mut().find(|level| level.kept.is_some()) else { break };
                largest.kept = None;
            }
            Ok(())
        })?;
        Ok(making.into_iter().map(|level| Arc::new(level.finish(data))).collect())
    }

    /// The draw of its samples.
    pub(crate) fn thinning(&self) -> Thinning {
        self.thinning
    }
}

/// A level on the way.
struct Making {
    thinning: Thinning,
    summary: Summary,
    kept: Option<Gathered>,
}

impl Making {
    fn visit(&mut self, first: usize, chunk: &Points) {
        let points = drawn(self.thinning, first, chunk);
        if points.n_samples() > 0 {
            self.summary.add(&points);
            self.kept.iter_mut().for_each(|kept| kept.add(&points));
        }
    }

    fn finish(self, data: &dyn Data) -> Level<'_> {
        let Making { thinning, summary, kept } = self;
        let kept = kept.map(|mut kept| {
            let (samples, weights) = kept.take(summary.n_features());
            Points::trusted(samples, weights, data.feature_names().map(<[String]>::to_vec))
        });
        Level { data, thinning, summary, kept }
    }
}

/// The samples drawn of a chunk, the first of which has the given number.
fn drawn(thinning: Thinning, first: usize, chunk: &Points) -> Points<'static> {
    let rows: Vec<usize> = thinning.rows(first..first + chunk.n_samples()).map(|row| row - first).collect();
    chunk.picked(&rows)
}

impl Data for Level<'_> {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn home(&self) -> Home {
        match &self.kept {
            Some(_) => Home { place: Place::Memory, reason: format!("1/{} of the samples", self.thinning.share()) },
            None => self.data.home(),
        }
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        if let Some(kept) = &self.kept {
            return kept.for_each_chunk(visit);
        }
        let d = self.n_features();
        let (mut repacking, rows) = (Gathered::default(), block_rows(d));
        let (mut first, mut waiting) = (0, 0);
        let mut hand_on = |repacking: &mut Gathered, n: usize| {
            let (samples, weights) = repacking.take(d);
            visit(first, &Points::trusted(samples, weights, None))?;
            first += n;
            Ok(())
        };
        pass(self.data, &mut |start, chunk| {
            let drawn = drawn(self.thinning, start, chunk);
            let mut done = 0;
            while done < drawn.n_samples() {
                let more = (rows - waiting).min(drawn.n_samples() - done);
                repacking.add(&drawn.slice(done..done + more));
                (done, waiting) = (done + more, waiting + more);
                if waiting == rows {
                    hand_on(&mut repacking, rows)?;
                    waiting = 0;
                }
            }
            Ok(())
        })?;
        if waiting > 0 { hand_on(&mut repacking, waiting) } else { Ok(()) }
    }

    fn slice(&self, rows: Range<usize>) -> Option<Points<'_>> {
        self.kept.as_ref().and_then(|kept| Data::slice(kept, rows))
    }

    fn room(&self) -> u64 {
        self.data.room()
    }

    fn stop(&self) -> &AtomicBool {
        self.data.stop()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;

    /// The same samples, in chunks of so many blocks.
    struct InChunks<'p>(&'p Points<'p>, usize);

    impl Data for InChunks<'_> {
        fn summary(&self) -> &Summary {
            self.0.summary()
        }

        fn home(&self) -> Home {
            Home { place: Place::Disk, reason: String::new() }
        }

        fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
            let (n, rows) = (self.0.n_samples(), self.1 * block_rows(self.0.n_features()));
            (0..n).step_by(rows).try_for_each(|first| visit(first, &self.0.slice(first..(first + rows).min(n))))
        }
    }

    /// Chunks of a pass: the number of the first sample, and values and weights.
    fn chunks(data: &dyn Data) -> Vec<(usize, Array2<f64>, Vec<f64>)> {
        let mut chunks = Vec::new();
        pass(data, &mut |first, chunk| {
            let weights = (0..chunk.n_samples()).map(|row| chunk.weight(row)).collect();
            chunks.push((first, chunk.to_f64(), weights));
            Ok(())
        })
        .unwrap();
        chunks
    }

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
    fn levels_are_the_same_in_memory_and_in_passes_whatever_the_chunks() {
        let d = 1000;
        let n = 9 * block_rows(d) + 333;
        let samples = Array2::from_shape_fn((n, d), |(i, j)| (i * 31 % 977 + j % 7) as f32);
        let weights = Array1::from_shape_fn(n, |i| (i % 5) as f64);
        let points = Points::new(samples).unwrap().with_weights(weights).unwrap();
        let whole = points.to_f64();
        for blocks in [1, 4] {
            let data = InChunks(&points, blocks);
            let kept = Level::all(&points, 3, 3, u64::MAX).unwrap();
            let passing = Level::all(&data, 3, 3, 0).unwrap();
            for (kept, passing) in kept.iter().zip(&passing) {
                assert_eq!((kept.home().place, passing.home().place), (Place::Memory, Place::Disk));
                let rows: Vec<usize> = kept.thinning().rows(0..n).collect();
                let joined = |data: &dyn Data| {
                    let (mut values, mut weights) = (Vec::new(), Vec::new());
                    chunks(data).into_iter().for_each(|(_, chunk, of_chunk)| {
                        values.extend(chunk);
                        weights.extend(of_chunk);
                    });
                    (values, weights)
                };
                let expected: Vec<f64> = rows.iter().flat_map(|row| whole.row(*row).to_vec()).collect();
                let weights: Vec<f64> = rows.iter().map(|row| (row % 5) as f64).collect();
                assert_eq!(joined(&**kept), (expected.clone(), weights.clone()));
                assert_eq!(joined(&**passing), (expected, weights));
                let facts = |data: &Level| {
                    let summary = data.summary();
                    let sizes = (summary.n_samples(), summary.n_effective(), summary.total_weight());
                    (sizes, summary.mean().clone(), summary.scale().clone(), summary.median().clone())
                };
                assert_eq!(facts(kept), facts(passing));
            }
        }
    }

    #[test]
    fn where_there_is_little_room_the_coarser_levels_have_it() {
        let points = Points::new(Array2::from_shape_fn((64_000, 1), |(i, _)| i as f64)).unwrap();
        // Of 16,000, 4,000 and 1,000 samples.
        let data = InChunks(&points, 1);
        let levels = Level::all(&data, 0, 3, 50_000).unwrap();
        let places: Vec<Place> = levels.iter().map(|level| level.home().place).collect();
        assert_eq!(places, [Place::Disk, Place::Memory, Place::Memory]);
    }
}
