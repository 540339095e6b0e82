//! `mixtura predict`: the component, the posterior probabilities or the log-density of every sample.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressFinish};
use mixtura::device::Backend;
use mixtura::io::{Block, CellType, Column, Columns, Dimensions, Model, load_model};
use mixtura::{Mixture, Points};
use ndarray::{Array1, Array2};
use serde::Serialize;

use super::Usage;
use super::inputs::{DataArgs, DeviceArgs, check_output};
use super::output::{OutputArgs, failure, print};
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

    /// Write to this file: .npy, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .feather, .f32 or .f64
    /// [default: lines on standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    device: DeviceArgs,
}

/// Answers for some samples.
enum Answer {
    Labels(Array1<i64>),
    LogDensities(Array1<f64>),
    Probabilities(Array2<f64>),
}

/// Where answers go.
enum Answers {
    /// A table, before whose columns those that the model uses are put where it is asked.
    Table { table: Box<Table>, append: bool, out: Option<PathBuf> },
    /// One JSON object on standard output, with the number of answers up to now.
    Printed { n: usize },
}

/// The JSON object, for answers in a file.
#[derive(Debug, Serialize)]
struct Made<'a> {
    n_samples: usize,
    out: &'a Path,
}

impl Answers {
    /// Adds the answers for some rows of a chunk.
    fn write(&mut self, answer: &Answer, chunk: &Points, rows: Range<usize>) -> mixtura::Result<()> {
        match self {
            Answers::Table { table, append: true, .. } => {
                table.write(&[columns(chunk), answer.columns()].concat(), &[block(chunk, rows), answer.block()])
            }
            Answers::Table { table, .. } => table.write(&answer.columns(), &[answer.block()]),
            Answers::Printed { n } => {
                let begin = if *n == 0 { format!("{{\"{}\":[", answer.name()) } else { ",".to_owned() };
                *n += rows.len();
                let items = answer.items().map_err(|error| failure(error.into()))?;
                std::io::stdout().lock().write_all((begin + &items).as_bytes()).map_err(failure)
            }
        }
    }

    fn finish(self, n_samples: usize, output: &OutputArgs) -> anyhow::Result<()> {
        match self {
            Answers::Table { table, out, .. } => {
                table.finish()?;
                out.map_or(Ok(()), |out| output.made(&Made { n_samples, out: &out }))
            }
            Answers::Printed { .. } => print(&format!("],\"n_samples\":{n_samples}}}\n")),
        }
    }
}

impl Answer {
    /// Their name in JSON.
    fn name(&self) -> &'static str {
        match self {
            Answer::Labels(_) => "labels",
            Answer::LogDensities(_) => "log_densities",
            Answer::Probabilities(_) => "probabilities",
        }
    }

    /// The columns of a table of them.
    fn columns(&self) -> Vec<Column> {
        match self {
            Answer::Labels(_) => vec![Column::new("label", CellType::I64)],
            Answer::LogDensities(_) => vec![Column::new("log_density", CellType::F64)],
            Answer::Probabilities(all) => {
                (0..all.ncols()).map(|k| Column::new(format!("p{k}"), CellType::F64)).collect()
            }
        }
    }

    /// The items of a JSON list of them, without its brackets.
    fn items(&self) -> serde_json::Result<String> {
        let list = match self {
            Answer::Labels(labels) => serde_json::to_string(&labels.to_vec())?,
            Answer::LogDensities(log_densities) => serde_json::to_string(&log_densities.to_vec())?,
            Answer::Probabilities(all) => {
                serde_json::to_string(&all.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>())?
            }
        };
        Ok(list[1..list.len() - 1].to_owned())
    }

    fn block(&self) -> Block<'_> {
        match self {
            Answer::Labels(labels) => labels.into(),
            Answer::LogDensities(log_densities) => log_densities.into(),
            Answer::Probabilities(probabilities) => probabilities.into(),
        }
    }
}

impl PredictArgs {
    pub(crate) fn run(self, output: &OutputArgs) -> anyhow::Result<()> {
        if let Some(path) = &self.out {
            let inputs = [self.data.files()?, vec![self.model.clone()]].concat();
            check_output("--out", path, &inputs)?;
        }
        let mut answers = self.answers(output)?;
        let Model { mixture, feature_names, .. } = load_model(&self.model)?;
        let device = self.device.open()?;
        let data = self.data.stream(&Columns::of_model(feature_names.as_deref()), None, 0)?;
        data.check_features(mixture.n_features())?;

        let most_rows = if self.proba { (MOST_VALUES / mixture.n_components()).max(1) } else { usize::MAX };
        let bar = if output.quiet || self.out.is_none() { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let bar = bar.with_finish(ProgressFinish::AndClear);
        output.notes(&data.notes());
        let known = data.notes().len();
        let (n_samples, notes) = data.for_each_chunk(&mut |first, chunk| {
            let n = chunk.n_samples();
            let mut backend = device.load(chunk)?;
            for start in (0..n).step_by(most_rows.min(n)) {
                let rows = start..start.saturating_add(most_rows).min(n);
                let answer = self.answer(&mut *backend, &mixture, rows.clone())?;
                answers.write(&answer, chunk, rows)?;
            }
            bar.set_message(format!("{} samples", first + n));
            bar.tick();
            Ok(())
        })?;
        output.notes(&notes[known..]);
        output.distrust(&device);
        answers.finish(n_samples, output)
    }

    /// Where the answers go.
    fn answers(&self, output: &OutputArgs) -> anyhow::Result<Answers> {
        if output.json && self.out.is_none() {
            if self.append {
                let problem = "--append writes a table, and --json prints none".to_owned();
                return Err(Usage { problem, remedy: "write the table to a file (--out)" }.into());
            }
            return Ok(Answers::Printed { n: 0 });
        }
        let dimensions = if self.proba || self.append { Dimensions::Two } else { Dimensions::One };
        let table = Box::new(Table::new(self.out.as_deref(), dimensions)?);
        Ok(Answers::Table { table, append: self.append, out: self.out.clone() })
    }

    fn answer(&self, backend: &mut dyn Backend, mixture: &Mixture, rows: Range<usize>) -> mixtura::Result<Answer> {
        Ok(match (self.proba, self.log_density) {
            (true, _) => Answer::Probabilities(backend.responsibilities(mixture.quadratics(), rows)?),
            (_, true) => Answer::LogDensities(backend.assess(mixture.quadratics(), rows)?.log_densities),
            _ => Answer::Labels(backend.assess(mixture.quadratics(), rows)?.labels.mapv(|label| label as i64)),
        })
    }
}
