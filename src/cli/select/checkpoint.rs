//! Checkpoints of a choice: the fits that are over.

use std::path::Path;
use std::time::{Duration, Instant};

use mixtura::io::{Comparison, Destination, FitsRecord};
use mixtura::select::Trial;

use crate::cli::Usage;

/// A checkpoint is not written more often than this, unless writing one takes longer than a tenth of it.
const EVERY: Duration = Duration::from_secs(5);

/// The checkpoint of a choice.
pub(super) struct CheckpointFile {
    to: Destination,
    n_trials: usize,
    next: Instant,
}

impl CheckpointFile {
    /// Checks that it can be written.
    pub(super) fn new(path: &Path) -> mixtura::Result<Self> {
        Ok(CheckpointFile { to: Destination::new(path)?, n_trials: 0, next: Instant::now() + EVERY })
    }

    pub(super) fn path(&self) -> &Path {
        self.to.path()
    }

    /// Writes it where more fits are over, if it is time.
    pub(super) fn after_pass(
        &mut self,
        trials: &[Trial],
        comparison: impl Fn(&[Trial]) -> Comparison,
    ) -> mixtura::Result<()> {
        let begun = Instant::now();
        if trials.len() > self.n_trials && begun >= self.next {
            self.save(&comparison(trials))?;
            self.n_trials = trials.len();
            self.next = Instant::now() + EVERY.max(10 * begun.elapsed());
        }
        Ok(())
    }

    pub(super) fn save(&self, comparison: &Comparison) -> mixtura::Result<()> {
        comparison.save(&self.to)
    }
}

/// Fits that go on must be like those that are over.
pub(super) fn check_fits(now: &FitsRecord, before: &FitsRecord) -> Result<(), Usage> {
    let texts = |fits: &FitsRecord| {
        let FitsRecord { init, seed, tol, floor, on_collapse, max_iter, n_init, .. } = fits;
        [
            ("--init", init.name().to_owned()),
            ("--seed", seed.to_string()),
            ("--tol", tol.to_string()),
            ("the covariance floor", floor.to_string()),
            ("--on-collapse", on_collapse.to_string()),
            ("--max-iter", max_iter.to_string()),
            ("--n-init", n_init.to_string()),
        ]
    };
    let differs = texts(now).into_iter().zip(texts(before)).find(|(now, before)| now != before);
    let problem = match differs {
        Some(((flag, now), (_, before))) => format!("{flag} is {now}, but the fits of --resume have {before}"),
        None if now == before => return Ok(()),
        None => "the fits of --resume were done in another way".to_owned(),
    };
    Err(Usage { problem, remedy: "give what they have, or begin anew without --resume".into() })
}
