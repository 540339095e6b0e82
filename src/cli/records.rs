//! Files that a fit leaves: its model, and checkpoints on the way to it.

use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use mixtura::fit::{FitState, Restart};
use mixtura::io::{Checkpoint, DataRecord, Destination, FitRecord, Model, OptionsRecord, save_model};
use mixtura::{Device, Fit, FitOptions, Mixture, Summary};

use super::again;
use super::interrupt::Interrupted;

/// How often a checkpoint is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Interval {
    Epochs(usize),
    Time(Duration),
}

impl FromStr for Interval {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let interval = match text.strip_suffix('s') {
            Some(seconds) => {
                let seconds = seconds.trim().parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                seconds.map(Interval::Time)
            }
            None => text.parse().ok().filter(|epochs| *epochs > 0).map(Interval::Epochs),
        };
        interval.ok_or("not a number of epochs, such as 10, or of seconds, such as 60s")
    }
}

/// The checkpoints of a fit.
pub(crate) struct Checkpoints {
    to: Destination,
    every: Interval,
    epochs: usize,
    last: Instant,
    is_written: bool,
}

impl Checkpoints {
    /// Checks that they can be written.
    pub(crate) fn new(path: &Path, every: Interval) -> mixtura::Result<Self> {
        Ok(Checkpoints { to: Destination::new(path)?, every, epochs: 0, last: Instant::now(), is_written: false })
    }

    /// Writes one if it is time.
    pub(crate) fn after_epoch(&mut self, checkpoint: impl FnOnce() -> Checkpoint) -> mixtura::Result<()> {
        self.epochs += 1;
        let is_time = match self.every {
            Interval::Epochs(epochs) => self.epochs >= epochs,
            Interval::Time(time) => self.last.elapsed() >= time,
        };
        if is_time {
            checkpoint().save(&self.to)?;
            (self.epochs, self.last, self.is_written) = (0, Instant::now(), true);
        }
        Ok(())
    }

    /// The file, if one was written: a short fit ends before it is time.
    pub(crate) fn written(&self) -> Option<&Path> {
        self.is_written.then(|| self.to.path())
    }
}

/// What is left of a fit that was interrupted.
pub(crate) struct Kept {
    pub(crate) interrupted: Interrupted,
    /// The best model so far, if there is any.
    pub(crate) best: Option<Model>,
}

/// Record of a fit, beside its state.
pub(crate) struct Record<'a> {
    pub(crate) device: &'a Device,
    pub(crate) summary: &'a Summary,
    pub(crate) options: &'a FitOptions,
    pub(crate) init: &'a str,
}

impl Record<'_> {
    pub(crate) fn checkpoint(&self, state: &FitState) -> Checkpoint {
        let FitOptions {
            n_components,
            covariance_type,
            seed,
            tol,
            floor,
            on_collapse,
            max_iter,
            update,
            start,
            prune,
            posterior,
            ..
        } = *self.options;
        let n_init = if self.options.warm_start.is_some() { 1 } else { self.options.n_init };
        let init = self.init.to_owned();
        Checkpoint {
            device: self.device.record(),
            data: DataRecord::of(self.summary),
            options: OptionsRecord {
                n_components,
                covariance_type,
                init,
                seed,
                tol,
                floor,
                on_collapse,
                max_iter,
                n_init,
                update,
                start,
                prune,
                posterior,
            },
            state: state.clone(),
        }
    }

    /// A model as it is written.
    pub(crate) fn model(&self, mixture: Mixture, fit: FitRecord) -> Model {
        Model { mixture, feature_names: self.summary.feature_names().map(<[String]>::to_vec), fit: Some(fit) }
    }

    /// How a model was fitted.
    pub(crate) fn of_fit(&self, fit: &Fit) -> FitRecord {
        FitRecord {
            device: Some(self.device.record()),
            n_samples: Some(self.summary.n_samples()),
            total_weight: Some(self.summary.total_weight()),
            init: self.init.to_owned(),
            seed: Some(self.options.seed),
            tol: self.options.tol,
            floor: self.options.floor,
            max_iter: self.options.max_iter,
            n_init: self.options.n_init,
            converged: fit.converged,
            n_iter: fit.lower_bounds.len(),
            lower_bound: fit.lower_bounds.last().copied(),
            lower_bounds: fit.lower_bounds.clone(),
            log_likelihood: Some(fit.log_likelihood),
        }
    }

    /// Keeps what there is of a fit that was interrupted, and says what that is, and how to go on.
    pub(crate) fn keep(
        &self,
        state: &FitState,
        checkpoints: Option<&Checkpoints>,
        model: Option<&Destination>,
        trace: Option<&Path>,
    ) -> mixtura::Result<Kept> {
        let mut kept = String::new();
        let checkpoint = self.checkpoint(state);
        let best = checkpoint.best_model();
        let checkpoints = checkpoints.filter(|_| best.is_some());
        // Where the checkpoint cannot be written, the model may be.
        let mut checkpoint_saved = Ok(());
        if let Some(checkpoints) = checkpoints {
            checkpoint_saved = checkpoint.save(&checkpoints.to);
            kept += &format!("; its checkpoint is {}", checkpoints.to.path().display());
        }
        if let (Some(to), Some(best)) = (model, &best) {
            save_model(to, best)?;
            kept += &format!("; its best model so far is {}", to.path().display());
        }
        kept.extend(trace.map(|trace| format!("; its trace is {}", trace.display())));
        checkpoint_saved?;
        let epochs = state.restarts.iter().flatten().map(Restart::n_epochs).max().unwrap_or(0);
        let after = match epochs {
            0 => "before its first epoch".to_owned(),
            1 => "after 1 epoch".to_owned(),
            n => format!("after {n} epochs"),
        };
        let remedy = match (checkpoints, model) {
            (Some(checkpoints), _) => format!("go on with: {}", again::resuming(checkpoints.to.path())),
            (None, Some(_)) => "a fit with --checkpoint can go on".to_owned(),
            (None, None) => "a fit with --out keeps its model, and one with --checkpoint can go on".to_owned(),
        };
        Ok(Kept { interrupted: Interrupted(format!("the fit was interrupted {after}{kept}\n{remedy}")), best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_number_of_epochs_or_seconds() {
        assert_eq!("10".parse(), Ok(Interval::Epochs(10)));
        assert_eq!("2.5s".parse(), Ok(Interval::Time(Duration::from_millis(2500))));
        for text in ["0", "-1", "", "s", "-1s", "nans", "1h"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }
}
