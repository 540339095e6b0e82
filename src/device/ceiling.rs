//! The most that a device can do, measured, and the least time that work therefore takes.

use std::time::Instant;

use crate::error::Result;

/// Seconds of work that a clock around it measures well, and that no system takes for a hang.
const LONG_ENOUGH: f64 = 0.03;

/// Runs of that length; the best of them counts.
const RUNS: usize = 5;

/// The most that a device computes and moves, in the precision that its passes have.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Ceiling {
    /// Billions of floating-point operations a second, of multiply-adds on numbers in registers; each counts as two.
    pub gflops: f64,
    /// Billions of bytes a second, of a copy within memory; each byte counts twice, read and written.
    pub gbytes_per_second: f64,
}

impl Ceiling {
    /// The ceiling of several devices like this one.
    #[must_use]
    pub fn times(self, n_devices: usize) -> Self {
        let n = n_devices as f64;
        Ceiling { gflops: n * self.gflops, gbytes_per_second: n * self.gbytes_per_second }
    }

    /// Least seconds for a number of floating-point operations.
    pub fn compute_seconds(&self, flops: f64) -> f64 {
        flops / (self.gflops * 1e9)
    }

    /// Least seconds for a number of bytes, read or written.
    pub fn traffic_seconds(&self, bytes: f64) -> f64 {
        bytes / (self.gbytes_per_second * 1e9)
    }
}

/// Work a second at best: `run` does an amount of work, given in a unit of its own, and returns the work it did. The
/// amount is doubled until it takes long enough.
pub(crate) fn best_rate(mut run: impl FnMut(usize) -> Result<f64>) -> Result<f64> {
    let mut timed = |amount| -> Result<(f64, f64)> {
        let started = Instant::now();
        let done = run(amount)?;
        Ok((done, started.elapsed().as_secs_f64()))
    };
    let mut amount = 1;
    while timed(amount)?.1 < LONG_ENOUGH {
        amount *= 2;
    }
    let mut best: f64 = 0.0;
    for _ in 0..RUNS {
        let (done, seconds) = timed(amount)?;
        best = best.max(done / seconds);
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_is_that_of_runs_long_enough_for_the_clock() {
        let mut amounts = Vec::new();
        let rate = best_rate(|amount| {
            amounts.push(amount);
            std::thread::sleep(Duration::from_millis(5 * amount as u64));
            Ok(amount as f64)
        })
        .unwrap();
        // A unit takes 5 ms at least: sleep may last longer.
        assert!(rate > 0.0 && rate <= 200.0, "{rate}");
        let most = *amounts.last().unwrap();
        assert!(most <= 8 && amounts.ends_with(&[most; RUNS]), "{amounts:?}");
    }

    #[test]
    fn work_takes_the_time_that_the_ceiling_leaves() {
        let ceiling = Ceiling { gflops: 50.0, gbytes_per_second: 10.0 };
        assert_eq!((ceiling.compute_seconds(1e11), ceiling.traffic_seconds(1e9)), (2.0, 0.1));
    }
}
