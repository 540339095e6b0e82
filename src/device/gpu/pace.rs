//! How many tiles one submission takes: no more than are done in half a second, as the first tile of a pass tells.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wgpu::CommandEncoder;

use super::context::Gpu;
use super::plan::Plan;
use crate::error::Result;

/// Time of a submission. Some systems watch over whole submissions, and kill what takes longer than 2 s.
const MOST_TIME: Duration = Duration::from_millis(500);

/// The pace of a pass: nanoseconds of a tile; 0 as long as it is not known.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicU64);

impl Pace {
    /// Tiles of a submission: one until the pace is known.
    pub(super) fn tiles_at_once(&self, plan: &Plan) -> usize {
        match self.0.load(Ordering::Relaxed) {
            0 => 1,
            nanoseconds => ((MOST_TIME.as_nanos() as u64 / nanoseconds) as usize).clamp(1, plan.tiles_at_once()),
        }
    }

    /// Submits a number of tiles, but not the last ones of a pass; waits for them only to learn the pace.
    pub(super) fn submit(&self, gpu: &Gpu, commands: CommandEncoder, tiles: usize) -> Result<()> {
        if self.0.load(Ordering::Relaxed) > 0 {
            return gpu.submit(commands);
        }
        // Writes before them are none of their work.
        gpu.flush()?;
        let started = Instant::now();
        gpu.submit(commands)?;
        gpu.flush()?;
        let nanoseconds = started.elapsed().as_nanos() as u64 / tiles as u64;
        self.0.store(nanoseconds.max(1), Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wgpu::Limits;

    use super::super::e_step::{Factors, Layout};
    use super::super::tuning::Tuning;
    use super::*;
    use crate::model::statistics::Statistics;

    #[test]
    fn a_submission_takes_one_tile_at_first_and_then_no_more_than_half_a_second() {
        let layout = Layout::new(Factors::Diagonal, Statistics::Diagonals, 1, 1, Tuning::SOFTWARE);
        let plan = Plan::new(layout, &Limits::default(), &[100_000], 1 << 20).unwrap();
        let most = plan.tiles_at_once();
        assert!(most > 10);
        let at = |milliseconds: u64| Pace(AtomicU64::new(milliseconds * 1_000_000)).tiles_at_once(&plan);
        assert_eq!([0, 1, 50, 100, 600].map(at), [1, most, 10, 5, 1]);
    }
}
