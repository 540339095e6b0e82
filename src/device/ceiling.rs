//! The most that a device can do, measured, and the least time that work therefore takes.

use std::time::Instant;

use crate::device::choice::Precision;
use crate::error::Result;
use crate::model::family::CovarianceType;

/// Seconds of work that a clock around it measures well, and that no system takes for a hang.
const LONG_ENOUGH: f64 = 0.03;

/// The shape of the epoch by which ceilings are compared.
const SHAPE: (usize, usize, usize) = (1_000_000, 16, 16);

/// Share of the ceiling that epochs reach: as the compilers of adapters make of the kernels, and as measured on processors.
#[cfg(feature = "gpu")]
const REACHED_BY_ADAPTERS: f64 = 0.4;
const REACHED_BY_PROCESSORS: f64 = 0.85;

/// Runs of that length go on until none was faster for so many seconds: a device that was idle takes up to that long to
/// raise its clock.
const SETTLED: f64 = 0.5;

/// A run is faster if its rate is that many times the best one's before: less is the clock's.
const FASTER: f64 = 1.02;

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

    /// Seconds of the epoch by which devices are compared, of an adapter with this ceiling.
    #[cfg(feature = "gpu")]
    pub(crate) fn adapter_seconds(&self) -> f64 {
        self.epoch_seconds(size_of::<f32>(), REACHED_BY_ADAPTERS)
    }

    /// The same of a processor, in a precision.
    pub(crate) fn processor_seconds(&self, precision: Precision) -> f64 {
        let value_bytes = match precision {
            Precision::Single => size_of::<f32>(),
            Precision::Double => size_of::<f64>(),
        };
        self.epoch_seconds(value_bytes, REACHED_BY_PROCESSORS)
    }

    /// Seconds of the epoch by which devices are compared: those of its arithmetic, or of reading the samples.
    fn epoch_seconds(&self, value_bytes: usize, reached: f64) -> f64 {
        let (n, d, k) = SHAPE;
        let compute = self.compute_seconds(CovarianceType::Full.epoch_flops(n, k, d));
        compute.max(self.traffic_seconds((n * d * value_bytes) as f64)) / reached
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
    let (mut best, mut settled) = (0.0, 0.0);
    while settled < SETTLED {
        let (done, seconds) = timed(amount)?;
        let rate = done / seconds;
        settled = if rate > FASTER * best { 0.0 } else { settled + seconds };
        best = rate.max(best);
        // A faster device has done it too soon for the clock.
        if seconds < LONG_ENOUGH / 2.0 {
            amount *= 2;
        }
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
        let least_runs = (SETTLED / (most as f64 * 0.005) / 2.0) as usize;
        assert!(most <= 8 && amounts.ends_with(&vec![most; least_runs]), "{amounts:?}");
    }

    #[test]
    fn a_device_that_is_slow_at_first_has_the_rate_that_it_rises_to() {
        let started = Instant::now();
        let rate = best_rate(|amount| {
            let milliseconds = if started.elapsed() < Duration::from_millis(400) { 20 } else { 5 };
            std::thread::sleep(Duration::from_millis(milliseconds * amount as u64));
            Ok(amount as f64)
        })
        .unwrap();
        assert!((100.0..=200.0).contains(&rate), "{rate}");
    }

    #[test]
    fn an_epoch_takes_as_long_as_the_slower_of_arithmetic_and_traffic() {
        let at = |gflops, gbytes_per_second| Ceiling { gflops, gbytes_per_second }.epoch_seconds(4, 0.5);
        let (n, d, k) = SHAPE;
        let flops = CovarianceType::Full.epoch_flops(n, k, d);
        assert!((at(1e3, 1e9) - 2.0 * flops / 1e12).abs() < 1e-12);
        assert!((at(1e9, 10.0) - 2.0 * (n * d * 4) as f64 / 1e10).abs() < 1e-12);
    }

    #[test]
    fn work_takes_the_time_that_the_ceiling_leaves() {
        let ceiling = Ceiling { gflops: 50.0, gbytes_per_second: 10.0 };
        assert_eq!((ceiling.compute_seconds(1e11), ceiling.traffic_seconds(1e9)), (2.0, 0.1));
    }
}
