//! The options of a fit that goes on from a checkpoint: its own, but for those that only say when it ends.

use std::borrow::Cow;
use std::fmt::Display;
use std::path::Path;

use mixtura::device::Prune;
use mixtura::fit::{Floor, Start};
use mixtura::io::{Checkpoint, FROM_MODEL, OptionsRecord};
use mixtura::{FitOptions, Init};

use super::FitArgs;
use crate::cli::Usage;
use crate::cli::agreement::agree;
use crate::cli::words::in_shell;

const CHECKPOINT: &str = "the checkpoint of --resume";

/// What is left where the start of a fit would be another.
fn begin_anew<T>(_: &T) -> Cow<'static, str> {
    "leave the flag out, or begin anew without --resume".into()
}

impl FitArgs {
    /// The options of a checkpoint, which arguments must agree with, but for the tolerance, the most epochs and more
    /// restarts.
    pub(super) fn resumed_options(&self, checkpoint: &Checkpoint) -> anyhow::Result<FitOptions> {
        let recorded = &checkpoint.options;
        let path = in_shell(&self.resume.as_deref().unwrap_or(Path::new("")).to_string_lossy());
        let begin_from_model =
            |flags: &str| format!("leave the flag out, or begin from its model: --init-model {path}{flags}").into();
        let with = |flag: &'static str| move |given: &dyn Display| begin_from_model(&format!(" {flag} {given}"));

        agree("--components", self.components, recorded.n_components, CHECKPOINT, |k| with("-k")(k))?;
        agree("--covariance", self.covariance, recorded.covariance_type, CHECKPOINT, begin_anew)?;
        agree("--init", self.init.map(Init::name), &recorded.init, CHECKPOINT, begin_anew)?;
        self.check_restarts(checkpoint)?;
        let by_floor = |floor: &Floor| match floor {
            Floor::Absolute(floor) => with("--reg-covar")(floor),
            Floor::Relative(share) => with("--floor")(share),
            _ => begin_anew(floor),
        };
        agree("the covariance floor", self.collapse.floor(), recorded.floor, CHECKPOINT, by_floor)?;
        let on_collapse = self.collapse.on_collapse();
        agree("--on-collapse", on_collapse, recorded.on_collapse, CHECKPOINT, |way| with("--on-collapse")(way))?;
        agree("--seed", self.seed, recorded.seed, CHECKPOINT, |_| begin_anew(&()))?;
        let start = self.start.filter(|start| *start != Start::Auto);
        agree("--start", start.map(Start::name), recorded.start.name(), CHECKPOINT, begin_anew)?;
        let other_way = |flag: &str, given: &str, found: &str| Usage {
            problem: format!("{flag} is {given}, but {CHECKPOINT} has {found}, or other numbers for it"),
            remedy: begin_from_model(", with these flags"),
        };
        if let Some(update) = self.update.update()?
            && update != recorded.update
        {
            return Err(other_way("--update", update.name(), recorded.update.name()).into());
        }
        let prune = self.prune.map(Prune::name);
        agree("--prune", prune, recorded.prune.name(), CHECKPOINT, |prune| with("--prune")(prune))?;
        if let Some(posterior) = self.posterior.posterior()?
            && posterior != recorded.posterior
        {
            return Err(other_way("--posterior", posterior.name(), recorded.posterior.name()).into());
        }
        let OptionsRecord { covariance_type, tol, floor, on_collapse, max_iter, n_init, seed, .. } = *recorded;
        let OptionsRecord { start, update, prune, posterior, .. } = *recorded;
        Ok(FitOptions {
            covariance_type,
            tol,
            floor,
            on_collapse,
            max_iter,
            n_init,
            // One that was continued from a model has its start behind it.
            init: recorded.init.parse().unwrap_or_default(),
            seed,
            start,
            update,
            prune,
            posterior,
            ..FitOptions::new(recorded.n_components)
        })
    }

    /// Restarts that have begun stay; others may follow, where they have an initialisation to begin with.
    fn check_restarts(&self, checkpoint: &Checkpoint) -> Result<(), Usage> {
        let Checkpoint { options, state, .. } = checkpoint;
        let begun = state.first + state.restarts.len();
        match self.n_init {
            Some(n) if n < begun => Err(Usage {
                problem: format!("--n-init is {n}, but {begun} restarts of {CHECKPOINT} have begun"),
                remedy: format!("give --n-init {begun} or more, or begin anew without --resume").into(),
            }),
            Some(n) if n > 1 && options.init == FROM_MODEL => Err(Usage {
                problem: format!("--n-init is {n}, but {CHECKPOINT} began from a model, which is one start"),
                remedy: begin_anew(&()),
            }),
            _ => Ok(()),
        }
    }
}
