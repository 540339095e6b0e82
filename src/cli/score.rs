//! `mixtura score`: how well a model describes samples.

use std::path::PathBuf;

use clap::Args;
use mixtura::Error;
use mixtura::device::Score;
use mixtura::io::Columns;
use mixtura::ranks::Ranks;
use serde::Serialize;

use super::inputs::{DataArgs, DeviceArgs, read_model};
use super::interrupt;
use super::layout::facts;
use super::missing;
use super::output::OutputArgs;
use super::ranks::{agreed, notes_of_all};

/// Print the log-likelihood, AIC and BIC of samples
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mixtura score model.json held-out.csv --json")]
pub(crate) struct ScoreArgs {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    data: DataArgs,

    /// Seed of the choice of rows (--sample)
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Sample weights: a column of the data, by name or index, or else a file with one weight for each row
    #[arg(long, value_name = "COLUMN-or-FILE")]
    weights: Option<String>,

    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, Serialize)]
struct Scored {
    n_samples: usize,
    log_likelihood: f64,
    mean_log_likelihood: f64,
    aic: f64,
    bic: f64,
}

impl ScoreArgs {
    pub(crate) fn run(self, output: &OutputArgs, ranks: &Ranks) -> anyhow::Result<()> {
        let open = || Ok((read_model(&self.model, &self.data)?, self.device.open(ranks)?));
        let (model, device) = agreed(ranks, open())?;
        let mixture = &model.mixture;
        let features = Columns::of_model(model.feature_names.as_deref());
        let data = self.data.stream_share(ranks, &features, self.weights.as_deref(), self.seed)?;
        let score = || {
            let mut score = Score::new(mixture.n_features());
            let Some(data) = data else { return Ok((score, Vec::new())) };
            data.check_features(mixture.n_features())?;
            let mut without_values = 0;
            let (_, mut notes) = data.for_each_chunk(&mut |first, chunk| {
                without_values += chunk.summary().holes().n_rows_without_values();
                score.add(&device, mixture, first, chunk)
            })?;
            notes.extend(missing::rows_without_values(without_values));
            Ok((score, notes))
        };
        let (score, notes) = agreed(ranks, score())?;
        output.notes(&notes_of_all(ranks, &notes)?);
        output.distrust(&device);
        let combine = |one: Score, other: Score| Ok(one.combine(other));
        let Some(score) = ranks.reduce(Ok(score), combine, interrupt::asked())? else { return Ok(()) };
        let n_samples = score.n_samples();
        let (total, weight) = score.total();
        if weight <= 0.0 {
            return Err(Error::WeightSum { sum: weight }.into());
        }
        let score = Scored {
            n_samples,
            log_likelihood: total,
            mean_log_likelihood: total / weight,
            aic: mixture.aic(total),
            bic: mixture.bic(total, weight),
        };
        output.result(&score, || score.table())
    }
}

impl Scored {
    fn table(&self) -> String {
        let rows = [
            ("samples", self.n_samples.to_string()),
            ("log-likelihood", format!("{:.6} (mean {:.6})", self.log_likelihood, self.mean_log_likelihood)),
            ("BIC, AIC", format!("{:.4}, {:.4}", self.bic, self.aic)),
        ];
        facts(&rows)
    }
}
