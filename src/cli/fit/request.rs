//! The arguments of a fit, checked before the data are read.

use std::path::{Path, PathBuf};

use mixtura::fit::{Posterior, Start, WarmStart};
use mixtura::io::{Checkpoint, Columns, Destination, FROM_MODEL, Model, Saved};
use mixtura::ranks::Ranks;
use mixtura::{Device, FitOptions, Update};

use super::FitArgs;
use crate::cli::Usage;
use crate::cli::agreement::agree;
use crate::cli::inputs::{check_distinct, check_output};
use crate::cli::plot::Plot;
use crate::cli::records::Checkpoints;
use crate::cli::trace::Trace;

/// Arguments that go together, places for the results and an open device.
pub(super) struct Request {
    pub(super) options: FitOptions,
    /// The initialisation, as results name it.
    pub(super) init: String,
    pub(super) features: Columns,
    pub(super) destination: Option<Destination>,
    pub(super) trace: Option<Trace>,
    pub(super) plot: Option<Plot>,
    pub(super) checkpoints: Option<Checkpoints>,
    pub(super) resumed: Option<Checkpoint>,
    pub(super) device: Device,
}

impl FitArgs {
    /// Everything that can be refused before the data are read.
    pub(super) fn check(&self, ranks: &Ranks) -> anyhow::Result<Request> {
        let resumed = self.resume.as_deref().map(Checkpoint::load).transpose()?;
        let start = self.init_model.as_deref().map(start_model).transpose()?;
        if let Some(Model { mixture, .. }) = &start {
            let remedy = |_: &_| "leave the flag out, or begin anew without --init-model".into();
            agree("--covariance", self.covariance, mixture.covariance_type(), "the model of --init-model", remedy)?;
        }
        let base = match (&resumed, &start) {
            (Some(checkpoint), _) => self.resumed_options(checkpoint)?,
            (None, Some(Model { mixture, .. })) => {
                let (covariance_type, start) = (mixture.covariance_type(), Start::Auto);
                let n_components = self.components.unwrap_or(mixture.n_components());
                FitOptions { covariance_type, start, ..FitOptions::new(n_components) }
            }
            (None, None) => FitOptions {
                covariance_type: self.covariance.unwrap_or_default(),
                start: Start::Auto,
                ..FitOptions::new(self.components.unwrap_or_default())
            },
        };
        let mut features = Columns::All;
        let mixture = start.map(|model| {
            features = Columns::of_model(model.feature_names.as_deref());
            model.mixture
        });
        let options = FitOptions {
            tol: self.tol.unwrap_or(base.tol),
            floor: self.collapse.floor().unwrap_or(base.floor),
            on_collapse: self.collapse.on_collapse().unwrap_or(base.on_collapse),
            max_iter: self.max_iter.unwrap_or(base.max_iter),
            n_init: self.n_init.unwrap_or(base.n_init),
            init: self.init.unwrap_or(base.init),
            seed: self.seed.unwrap_or(base.seed),
            start: self.start.unwrap_or(base.start),
            update: self.update.update()?.unwrap_or(base.update),
            prune: self.prune.unwrap_or(base.prune),
            posterior: self.posterior.posterior()?.unwrap_or(base.posterior),
            warm_start: mixture.map(|mixture| WarmStart { mixture, lower_bound: None }),
            ..base
        };
        options.check()?;
        let resumed = resumed.map(|checkpoint| {
            let state = checkpoint.state.under(&options, checkpoint.options.tol);
            Checkpoint { state, ..checkpoint }
        });
        if ranks.size() > 1 && matches!(options.update, Update::Stepwise { .. }) {
            let problem = "--update stepwise goes through all samples in order, and ranks share them out".to_owned();
            return Err(Usage { problem, remedy: "choose another update, or one process".into() }.into());
        }
        if ranks.size() > 1 && options.start == Start::CoarseToFine {
            let problem = "--start coarse-to-fine draws from all samples, and ranks share them out".to_owned();
            return Err(Usage { problem, remedy: "choose --start direct, or one process".into() }.into());
        }
        if ranks.size() > 1 && options.posterior != Posterior::Exact {
            let problem = "--posterior truncated has candidates for all samples, and ranks share these out".to_owned();
            return Err(Usage { problem, remedy: "choose --posterior exact, or one process".into() }.into());
        }
        let init = match &resumed {
            Some(checkpoint) => {
                features = Columns::of_model(checkpoint.data.feature_names());
                checkpoint.options.init.clone()
            }
            None => if options.warm_start.is_some() { FROM_MODEL } else { options.init.name() }.to_owned(),
        };
        let mut inputs = self.data.files()?;
        inputs.extend(self.weights.iter().map(PathBuf::from).chain(self.init_model.clone()));
        if let Some(path) = &self.checkpoint {
            // It may take the place of the one that the fit goes on from.
            check_output("--checkpoint", path, &inputs)?;
        }
        inputs.extend(self.resume.clone());
        let outputs = [("--out", &self.out), ("--trace", &self.trace), ("--plot", &self.plot)];
        let outputs = outputs.map(|(flag, path)| (flag, path.as_deref()));
        for (flag, path) in outputs {
            path.map_or(Ok(()), |path| check_output(flag, path, &inputs))?;
        }
        check_distinct(&[&[("--checkpoint", self.checkpoint.as_deref())], &outputs[..]].concat())?;
        let destination = self.out.as_deref().map(Destination::new).transpose()?;
        let trace = self.trace.as_deref().map(Trace::new).transpose()?;
        let plot = self.plot.as_deref().map(Plot::new).transpose()?;
        let checkpoints = self.checkpoint.as_deref();
        let checkpoints = checkpoints.map(|path| Checkpoints::new(path, self.checkpoint_every)).transpose()?;
        let device = self.memory.limit(self.device.open(ranks)?);
        let device = match &resumed {
            Some(checkpoint) => device.with_shares_of(&checkpoint.device),
            None => device,
        };
        Ok(Request { options, init, features, destination, trace, plot, checkpoints, resumed, device })
    }
}

/// The model that a fit starts from: a model, or the best so far of a checkpoint.
fn start_model(path: &Path) -> anyhow::Result<Model> {
    Saved::load(path)?.model().ok_or_else(|| {
        let problem = format!("{}: no restart of this checkpoint has a model yet", path.display());
        Usage { problem, remedy: "go on from it with --resume".into() }.into()
    })
}
