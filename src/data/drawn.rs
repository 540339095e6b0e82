//! Parts of a data set: the samples that a draw takes of it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::data::draw::{Draw, Thinning};
use crate::data::gathered::Gathered;
use crate::data::home::{Home, Place};
use crate::data::pass::pass;
use crate::data::points::Points;
use crate::data::source::{Data, Visit, block_rows};
use crate::data::summary::Summary;
use crate::error::Result;

/// The samples of some data that are drawn, with their weights: copies in memory where there is room, otherwise those
/// that come by in passes over the data.
pub(crate) struct Drawn<'d, D> {
    data: Arc<dyn Data + 'd>,
    draw: D,
    summary: Summary,
    kept: Option<Points<'static>>,
}

/// A level of a data set: a quarter of the samples, a quarter of those, and so on.
pub(crate) type Level<'d> = Drawn<'d, Thinning>;

impl<'d> Level<'d> {
    /// Levels that draw one of 4, of 16, and so on; copies take at most `room` bytes.
    ///
    /// # Errors
    /// Those of the data.
    pub(crate) fn all(data: &Arc<dyn Data + 'd>, seed: u64, levels: u32, room: u64) -> Result<Vec<Arc<Self>>> {
        Drawn::by(data, (1..=levels).map(|depth| Thinning::new(seed, depth)), room)
    }
}

impl<'d, D: Draw> Drawn<'d, D> {
    /// What each of some draws takes of the data, those that take most first, all in one pass over them; copies take at
    /// most `room` bytes.
    ///
    /// # Errors
    /// Those of the data.
    pub(crate) fn by(
        data: &Arc<dyn Data + 'd>,
        draws: impl IntoIterator<Item = D>,
        room: u64,
    ) -> Result<Vec<Arc<Self>>> {
        let (d, names) = (data.n_features(), data.feature_names());
        let begun = |draw| Making { draw, summary: Summary::begin(0, d, names), kept: Some(Gathered::default()) };
        let mut making: Vec<Making<D>> = draws.into_iter().map(begun).collect();
        pass(&**data, &mut |first, chunk| {
            making.iter_mut().for_each(|part| part.visit(first, chunk));
            // Smaller ones take less room, and are often passed over more.
            let bytes = |part: &Making<D>| part.kept.as_ref().map_or(0, |kept| kept.bytes() as u64);
            while making.iter().map(bytes).sum::<u64>() > room {
                let Some(largest) = making.iter_mut().find(|part| part.kept.is_some()) else { break };
                largest.kept = None;
            }
            Ok(())
        })?;
        Ok(making.into_iter().map(|part| Arc::new(part.finish(data))).collect())
    }

    /// The draw of its samples.
    pub(crate) fn draw(&self) -> D {
        self.draw
    }
}

/// A part on the way.
struct Making<D> {
    draw: D,
    summary: Summary,
    kept: Option<Gathered>,
}

impl<D: Draw> Making<D> {
    fn visit(&mut self, first: usize, chunk: &Points) {
        let points = drawn(self.draw, first, chunk);
        if points.n_samples() > 0 {
            self.summary.add(&points);
            self.kept.iter_mut().for_each(|kept| kept.add(&points));
        }
    }

    fn finish<'d>(self, data: &Arc<dyn Data + 'd>) -> Drawn<'d, D> {
        let Making { draw, summary, kept } = self;
        let kept = kept.map(|mut kept| {
            let (samples, weights) = kept.take(summary.n_features());
            Points::trusted(samples, weights, data.feature_names().map(<[String]>::to_vec))
        });
        Drawn { data: data.clone(), draw, summary, kept }
    }
}

/// The samples drawn of a chunk, the first of which has the given number.
fn drawn(draw: impl Draw, first: usize, chunk: &Points) -> Points<'static> {
    let rows: Vec<usize> = draw.rows(first..first + chunk.n_samples()).map(|row| row - first).collect();
    chunk.picked(&rows)
}

impl<D: Draw> Data for Drawn<'_, D> {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn home(&self) -> Home {
        match &self.kept {
            Some(_) => Home { place: Place::Memory, reason: self.draw.to_string() },
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
        pass(&*self.data, &mut |start, chunk| {
            let drawn = drawn(self.draw, start, chunk);
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
    fn levels_are_the_same_in_memory_and_in_passes_whatever_the_chunks() {
        let d = 1000;
        let n = 9 * block_rows(d) + 333;
        let samples = Array2::from_shape_fn((n, d), |(i, j)| (i * 31 % 977 + j % 7) as f32);
        let weights = Array1::from_shape_fn(n, |i| (i % 5) as f64);
        let points = Points::new(samples).unwrap().with_weights(weights).unwrap();
        let whole = points.to_f64();
        for blocks in [1, 4] {
            let data = InChunks(&points, blocks);
            let [points, data] = [Arc::new(&points) as Arc<dyn Data>, Arc::new(&data)];
            let kept = Level::all(&points, 3, 3, u64::MAX).unwrap();
            let passing = Level::all(&data, 3, 3, 0).unwrap();
            for (kept, passing) in kept.iter().zip(&passing) {
                assert_eq!((kept.home().place, passing.home().place), (Place::Memory, Place::Disk));
                let rows: Vec<usize> = kept.draw().rows(0..n).collect();
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
        let levels = Level::all(&(Arc::new(&data) as Arc<dyn Data>), 0, 3, 50_000).unwrap();
        let places: Vec<Place> = levels.iter().map(|level| level.home().place).collect();
        assert_eq!(places, [Place::Disk, Place::Memory, Place::Memory]);
    }
}
