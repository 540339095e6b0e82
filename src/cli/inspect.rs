//! `mixtura inspect`: a model, or how far a fit is, for people to read.

use std::path::PathBuf;

use clap::Args;
use mixtura::io::{Model, Saved};

use super::components::Extent;
use super::model::{self, ModelReport};
use super::output::OutputArgs;
use super::standing::{self, Standing};

/// Describe a model, or how far the fit of a checkpoint is
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura inspect model.json\n  \
    mixtura inspect model.json --all --covariances\n  \
    mixtura inspect fit.ckpt")]
pub(crate) struct InspectArgs {
    /// Model file, or checkpoint of a fit
    #[arg(value_name = "MODEL-or-CHECKPOINT")]
    file: PathBuf,

    /// Show all components and features, in place of 20 components and the features that there is room for
    #[arg(long)]
    all: bool,

    /// Show covariances, too
    #[arg(long)]
    covariances: bool,
}

impl InspectArgs {
    pub(crate) fn run(self, output: &OutputArgs) -> anyhow::Result<()> {
        let text = |known, model: &Model| {
            let extent = if self.all { Extent::All } else { Extent::Some };
            model::text(known, model, extent, self.covariances)
        };
        let path = self.file.display().to_string();
        match Saved::load(&self.file)? {
            Saved::Model(model) => output.result(&ModelReport::of(&model), || text(vec![("model", path)], &model)),
            Saved::Checkpoint(checkpoint) => {
                let model = checkpoint.best_model();
                let known = [vec![("checkpoint", path)], standing::facts(&checkpoint)].concat();
                output.result(&Standing::of(&checkpoint, model.as_ref()), || match &model {
                    Some(model) => text(known, model),
                    None => super::layout::facts(&known),
                })
            }
        }
    }
}
