//! `mixtura predict`: the component, the posterior probabilities or the log-density of every sample.

use std::ops::Range;
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressFinish};
use mixtura::io::{Block, CellType, Column, Dimensions, Model, load_model};
use mixtura::{Backend, Mixture};
use ndarray::{Array1, Array2};

use super::inputs::{DataArgs, DeviceArgs, check_output, tell_distrust};
use super::tables::{Table, block, columns};

/// Posterior probabilities that are computed at a time, at most.
const MOST_VALUES: usize = 1 << 21;

/// Print the component of every sample
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura predict model.json data.csv > labels.txt\n  \
    mixtura predict model.json samples.npy --proba --out proba.npy\n  \
    mixtura predict model.json data.parquet --append --out labelled.parquet")]
pub(crate) struct PredictArgs {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    data: DataArgs,

    /// Posterior probability of every component, in place of the most probable component
    #[arg(long, conflicts_with = "log_density")]
    proba: bool,

    /// Log-density of the mixture at every sample, in place of the most probable component
    #[arg(long)]
    log_density: bool,

    /// Write the columns that the model uses, too, before the result
    #[arg(long)]
    append: bool,

    /// Write to this file: .npy, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .feather, .f32 or .f64 [default:
    /// lines on standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    device: DeviceArgs,

    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// What is said of some samples.
enum Answer {
    Labels(Array1<i64>),
    LogDensities(Array1<f64>),
    Probabilities(Array2<f64>),
}

impl Answer {
    fn block(&self) -> Block<'_> {
        match self {
            Answer::Labels(labels) => labels.into(),
            Answer::LogDensities(log_densities) => log_densities.into(),
            Answer::Probabilities(probabilities) => probabilities.into(),
        }
    }
}

impl PredictArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if let Some(path) = &self.out {
            let inputs = [self.data.files()?, vec![self.model.clone()]].concat();
            check_output("--out", path, &inputs)?;
        }
        let dimensions = if self.proba || self.append { Dimensions::Two } else { Dimensions::One };
        let mut table = Table::new(self.out.as_deref(), dimensions)?;
        let Model { mixture, feature_names, .. } = load_model(&self.model)?;
        let device = self.device.open()?;
        let data = self.data.stream(feature_names.as_deref(), None, 0)?;
        data.check_features(mixture.n_features())?;

        let answers = self.columns(mixture.n_components());
        let most_rows = if self.proba { (MOST_VALUES / mixture.n_components()).max(1) } else { usize::MAX };
        let bar = if self.quiet || self.out.is_none() { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let bar = bar.with_finish(ProgressFinish::AndClear);
        data.for_each_chunk(&mut |first, chunk| {
            let n = chunk.n_samples();
            let mut backend = device.load(chunk)?;
            for start in (0..n).step_by(most_rows.min(n)) {
                let rows = start..start.saturating_add(most_rows).min(n);
                let answer = self.answer(&mut *backend, &mixture, rows.clone())?;
                if self.append {
                    let all = [columns(chunk), answers.clone()].concat();
                    table.write(&all, &[block(chunk, rows), answer.block()])?;
                } else {
                    table.write(&answers, &[answer.block()])?;
                }
            }
            bar.set_message(format!("{} samples", first + n));
            bar.tick();
            Ok(())
        })?;
        if !self.quiet {
            tell_distrust(&device);
        }
        Ok(table.finish()?)
    }

    /// The columns of the answers.
    fn columns(&self, k: usize) -> Vec<Column> {
        match (self.proba, self.log_density) {
            (true, _) => (0..k).map(|k| Column::new(format!("p{k}"), CellType::F64)).collect(),
            (_, true) => vec![Column::new("log_density", CellType::F64)],
            _ => vec![Column::new("label", CellType::I64)],
        }
    }

    fn answer(&self, backend: &mut dyn Backend, mixture: &Mixture, rows: Range<usize>) -> mixtura::Result<Answer> {
        Ok(match (self.proba, self.log_density) {
            (true, _) => Answer::Probabilities(backend.responsibilities(mixture, rows)?),
            (_, true) => Answer::LogDensities(backend.assess(mixture, rows)?.log_densities),
            _ => Answer::Labels(backend.assess(mixture, rows)?.labels.mapv(|label| label as i64)),
        })
    }
}
