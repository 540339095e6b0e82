//! Chunks of equal size, with what goes along with their samples.

use super::chunks::Chunk;
use super::company::Beside;
use crate::data::gathered::Gathered;
use crate::data::points::Points;
use crate::error::Result;

/// Rows at a time of those that are handed on as they come.
pub(super) const AT_ONCE: usize = usize::MAX;

/// Samples, and what goes along with them.
pub(super) type Passing = (Points<'static>, Beside);

/// Chunks of equal size, of chunks of any size.
pub(super) struct Even<I> {
    pub(super) chunks: I,
    n_features: usize,
    rows: usize,
    gathered: Gathered,
    beside: Beside,
    n_gathered: usize,
    /// A chunk of which the rows from the given one on are left.
    rest: Option<(Passing, usize)>,
}

impl<I: Iterator<Item = Result<Chunk>>> Even<I> {
    pub(super) fn new(chunks: I, n_features: usize, rows: usize) -> Self {
        let (gathered, beside) = (Gathered::default(), Beside::default());
        Even { chunks, n_features, rows, gathered, beside, n_gathered: 0, rest: None }
    }

    fn next_chunk(&mut self) -> Result<Option<Passing>> {
        loop {
            if self.n_gathered == self.rows {
                return Ok(Some(self.take()));
            }
            let ((points, beside), start) = match self.rest.take() {
                Some(rest) => rest,
                None => match self.chunks.next().transpose()? {
                    Some(Chunk { samples, weights, beside, .. }) => {
                        let passing = (Points::trusted(samples, weights, None), beside);
                        match passing.0.n_samples() {
                            0 => continue,
                            _ if self.rows == AT_ONCE => return Ok(Some(passing)),
                            _ => (passing, 0),
                        }
                    }
                    None if self.n_gathered == 0 => return Ok(None),
                    None => return Ok(Some(self.take())),
                },
            };
            let n = (self.rows - self.n_gathered).min(points.n_samples() - start);
            if n == self.rows && n == points.n_samples() {
                return Ok(Some((points, beside)));
            }
            self.gathered.add(&points.slice(start..start + n));
            self.beside.append(beside.slice(start..start + n), self.n_gathered);
            self.n_gathered += n;
            if start + n < points.n_samples() {
                self.rest = Some(((points, beside), start + n));
            }
        }
    }

    fn take(&mut self) -> Passing {
        self.n_gathered = 0;
        let (samples, weights) = self.gathered.take(self.n_features);
        (Points::trusted(samples, weights, None), std::mem::take(&mut self.beside))
    }
}

impl<I: Iterator<Item = Result<Chunk>>> Iterator for Even<I> {
    type Item = Result<Passing>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_chunk().transpose()
    }
}
