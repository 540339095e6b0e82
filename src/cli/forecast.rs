//! How far a fit is, and how long it will take from here, where that can be known.

use std::collections::BTreeMap;

use mixtura::fit::{Progress, StepKind};
use mixtura::{FitOptions, Update};

/// Changes of the lower bound that have to shrink, one after the other, before they are believed to go on so.
const SHRINKING: usize = 4;

/// What is known of the epochs of all restarts so far.
pub(crate) struct Forecast {
    n_init: usize,
    max_iter: usize,
    tol: f64,
    /// Whether changes of the lower bound shrink at a rate: extrapolations gain by fits and starts.
    has_rate: bool,
    restarts: BTreeMap<usize, Climb>,
}

/// A restart.
#[derive(Default)]
struct Climb {
    epochs: usize,
    /// Those on all samples that this run did, and their time.
    timed: usize,
    seconds: f64,
    /// Changes of the lower bound since one last grew.
    changes: Vec<f64>,
    is_over: bool,
}

impl Forecast {
    pub(crate) fn new(options: &FitOptions) -> Self {
        let FitOptions { n_init, max_iter, tol, update, .. } = *options;
        Forecast { n_init, max_iter, tol, has_rate: update == Update::Em, restarts: BTreeMap::new() }
    }

    /// Hears of an epoch.
    pub(crate) fn hear(&mut self, step: &Progress) {
        let climb = self.restarts.entry(step.restart).or_default();
        climb.epochs = step.epoch;
        climb.is_over = step.is_last;
        if step.share > 1 {
            return;
        }
        climb.timed += 1;
        climb.seconds += step.seconds;
        let shrinks = climb.changes.last().is_none_or(|before| step.change < *before);
        if !shrinks || step.kind != StepKind::Em {
            climb.changes.clear();
        }
        climb.changes.extend(Some(step.change).filter(|change| change.is_finite()));
    }

    /// Epochs of all restarts, at most.
    pub(crate) fn most_epochs(&self) -> u64 {
        self.n_init as u64 * self.max_iter as u64
    }

    /// How many of those are done, or left out as a restart needed fewer.
    pub(crate) fn epochs_done(&self) -> u64 {
        let before = self.restarts.keys().next().map_or(0, |first| first * self.max_iter);
        let of = |climb: &Climb| if climb.is_over { self.max_iter } else { climb.epochs };
        (before + self.restarts.values().map(of).sum::<usize>()) as u64
    }

    /// Seconds that the epochs to come will take; `None` where nobody knows.
    pub(crate) fn seconds_left(&self, step: &Progress) -> Option<f64> {
        let climb = self.restarts.get(&step.restart)?;
        let has_turns = self.restarts.iter().any(|(number, other)| *number != step.restart && !other.is_over);
        if step.share > 1 || has_turns || climb.seconds == 0.0 {
            return None;
        }
        let left = self.epochs_left(climb)? as f64 * climb.seconds / climb.timed as f64;
        let (over, to_come) = (self.restarts.values().filter(|climb| climb.is_over), self.n_init - step.restart - 1);
        let seconds: Vec<f64> = over.map(|climb| climb.seconds).collect();
        match (to_come, seconds.len()) {
            (0, _) => Some(left),
            (_, 0) => None,
            (_, n) => Some(left + to_come as f64 * seconds.iter().sum::<f64>() / n as f64),
        }
    }

    fn epochs_left(&self, climb: &Climb) -> Option<usize> {
        let most = self.max_iter.saturating_sub(climb.epochs);
        if climb.is_over || self.tol == 0.0 {
            return Some(if climb.is_over { 0 } else { most });
        }
        let (_, last) = climb.changes.split_at_checked(climb.changes.len().checked_sub(SHRINKING)?)?;
        let (first, last) = (*last.first()?, *last.last()?);
        if !self.has_rate || last <= 0.0 {
            return None;
        }
        let log_rate = (last / first).ln() / (SHRINKING - 1) as f64;
        let epochs = ((self.tol / last).ln() / log_rate).ceil().max(1.0);
        Some(most.min(epochs as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A forecast after epochs of a second each, whose changes have these values, in each of so many restarts.
    fn after(changes: &[f64], restarts: usize, options: &FitOptions) -> (Option<f64>, u64) {
        let mut forecast = Forecast::new(options);
        let mut left = None;
        for restart in 0..restarts {
            for (i, change) in changes.iter().enumerate() {
                let is_last = restart + 1 < restarts && i + 1 == changes.len();
                let mut step = Progress::of_epoch(100, i + 1, -1.0, *change, 1.0);
                (step.restart, step.is_last) = (restart, is_last);
                forecast.hear(&step);
                left = forecast.seconds_left(&step);
            }
        }
        (left, forecast.epochs_done())
    }

    fn options(tol: f64, n_init: usize) -> FitOptions {
        FitOptions { tol, n_init, ..FitOptions::new(2) }
    }

    #[test]
    fn changes_that_shrink_reach_the_tolerance_in_a_time_that_is_known() {
        let halves = [f64::INFINITY, 8.0, 4.0, 2.0, 1.0];
        // 1 halves seven times until it is below 0.01, and never reaches 1e-300 within 100 epochs.
        assert_eq!(after(&halves, 1, &options(0.01, 1)), (Some(7.0), 5));
        assert_eq!(after(&halves, 1, &options(1e-300, 1)), (Some(95.0), 5));
        assert_eq!(after(&halves, 1, &options(0.0, 1)), (Some(95.0), 5));
    }

    #[test]
    fn restarts_to_come_take_as_long_as_those_that_are_over() {
        let halves = [f64::INFINITY, 8.0, 4.0, 2.0, 1.0];
        // The first restart took five epochs, and so will the third.
        assert_eq!(after(&halves, 2, &options(0.01, 3)), (Some(7.0 + 5.0), 105));
        assert_eq!(after(&halves, 1, &options(0.01, 3)).0, None);
    }

    #[test]
    fn nothing_is_said_where_nobody_knows() {
        for changes in [&[f64::INFINITY, 2.0, 1.0][..], &[f64::INFINITY, 1.0, 2.0, 4.0, 8.0], &[4.0, 2.0, 1.0, -1.0]] {
            assert_eq!(after(changes, 1, &options(0.01, 1)).0, None, "{changes:?}");
        }
        let squared = FitOptions { update: Update::Squarem, ..options(0.01, 1) };
        assert_eq!(after(&[16.0, 8.0, 4.0, 2.0, 1.0], 1, &squared).0, None);
    }
}
