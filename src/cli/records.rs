//! Files that a fit leaves: its model, and checkpoints on the way to it.

use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use mixtura::fit::{FitState, Restart};
use mixtura::io::{Checkpoint, DataRecord, Destination, FitRecord, Model, OptionsRecord, save_model};
use mixtura::{Device, Fit, FitOptions, Mixture, Summary};

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
        self.of(fit.converged, &fit.lower_bounds, Some(fit.log_likelihood))
    }

    /// Keeps what there is of a fit that was interrupted, and says what that is.
    pub(crate) fn keep(
        &self,
        state: &FitState,
        checkpoints: Option<&Checkpoints>,
        model: Option<&Destination>,
        trace: Option<&Path>,
    ) -> mixtura::Result<Interrupted> {
        let mut kept = Vec::new();
        let best = state.best_so_far();
        // Where the checkpoint cannot be written, the model may be.
        let mut checkpoint_saved = Ok(());
        if let (Some(checkpoints), Some(_)) = (checkpoints, &best) {
            checkpoint_saved = self.checkpoint(state).save(&checkpoints.to);
            kept.push(format!("its checkpoint is {}", checkpoints.to.path().display()));
        }
        if let (Some(to), Some(Restart { share, mixture, lower_bounds, converged, .. })) = (model, &best) {
            // Lower bounds of a part of the samples are none of all.
            let (converged, lower_bounds) =
                if *share == 1 { (*converged, &lower_bounds[..]) } else { (false, &[][..]) };
            let record = self.of(converged, lower_bounds, None);
            save_model(to, &self.model(mixture.clone(), record))?;
            kept.push(format!("its best model so far is {}", to.path().display()));
        }
        kept.extend(trace.map(|trace| format!("its trace is {}", trace.display())));
        checkpoint_saved?;
        let epochs = state.restarts.iter().flatten().map(Restart::n_epochs).max().unwrap_or(0);
        let after = match epochs {
            0 => "before its first epoch".to_owned(),
            1 => "after 1 epoch".to_owned(),
            n => format!("after {n} epochs"),
        };
        let remedy = match (kept.as_slice(), checkpoints.and(best.as_ref())) {
            ([], _) => "nothing was written".to_owned(),
            (kept, None) => kept.join("; "),
            (kept, Some(_)) => format!("{}; go on with --resume", kept.join("; ")),
        };
        Ok(Interrupted(format!("the fit was interrupted {after}\n{remedy}")))
    }

    fn of(&self, converged: bool, lower_bounds: &[f64], log_likelihood: Option<f64>) -> FitRecord {
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
            converged,
            n_iter: lower_bounds.len(),
            lower_bound: lower_bounds.last().copied(),
            lower_bounds: lower_bounds.to_vec(),
            log_likelihood,
        }
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
