//! `mixtura score`: how well a model describes samples.

use std::path::PathBuf;

use clap::Args;
use mixtura::io::{Columns, load_model};
use serde::Serialize;

use super::format::aligned;
use super::inputs::{DataArgs, DeviceArgs};
use super::output::OutputArgs;

/// Print the log-likelihood, AIC and BIC of samples
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mixtura score model.json held-out.csv --json")]
pub(crate) struct ScoreArgs {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    data: DataArgs,

    /// Sample weights: a column of the data, by name or index, or else a file with one weight for each row
    #[arg(long, value_name = "COLUMN-or-FILE")]
    weights: Option<String>,

    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, Serialize)]
struct Score {
    n_samples: usize,
    log_likelihood: f64,
    mean_log_likelihood: f64,
    aic: f64,
    bic: f64,
}

impl ScoreArgs {
    pub(crate) fn run(self, output: &OutputArgs) -> anyhow::Result<()> {
        let model = load_model(&self.model)?;
        let device = self.device.open()?;
        let data = self.data.stream(&Columns::of_model(model.feature_names.as_deref()), self.weights.as_deref(), 0)?;
        data.check_features(model.mixture.n_features())?;

        let (mut total, mut weight) = (0.0, 0.0);
        let (n_samples, notes) = data.for_each_chunk(&mut |_, chunk| {
            total += device.log_likelihood(&model.mixture, chunk)?;
            weight += chunk.total_weight();
            Ok(())
        })?;
        output.notes(&notes);
        output.distrust(&device);
        let score = Score {
            n_samples,
            log_likelihood: total,
            mean_log_likelihood: total / weight,
            aic: model.mixture.aic(total),
            bic: model.mixture.bic(total, weight),
        };
        output.result(&score, || score.table())
    }
}

impl Score {
    fn table(&self) -> String {
        let rows = [
            ("samples", self.n_samples.to_string()),
            ("log-likelihood", format!("{:.6} (mean {:.6})", self.log_likelihood, self.mean_log_likelihood)),
            ("BIC, AIC", format!("{:.4}, {:.4}", self.bic, self.aic)),
        ];
        aligned(&rows.map(|(name, value)| vec![name.to_owned(), value]), 2)
    }
}
