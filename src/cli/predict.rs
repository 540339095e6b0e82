//! `mixtura predict`: the component, the posterior probabilities or the log-density of every sample.

use std::ffi::OsStr;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressFinish};
use mixtura::device::Backend;
use mixtura::io::{Block, CellType, Column, Columns, Dimensions, Model, Stream};
use mixtura::ranks::Ranks;
use mixtura::{Advice, Device, Mixture, Points};
use ndarray::{Array1, Array2};
use serde::Serialize;

use super::Usage;
use super::inputs::{DataArgs, DeviceArgs, check_output, read_model};
use super::interrupt;
use super::missing;
use super::output::{OutputArgs, failure, print};
use super::ranks::{agreed, notes_of_all};
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
    Table { table: Box<Table>, append: bool },
    /// One JSON object on standard output, with the number of answers up to now.
    Printed { n: usize },
}

/// The JSON object, for answers in a file.
#[derive(Debug, Serialize)]
struct Made<'a> {
    n_samples: usize,
    out: &'a Path,
    /// Files that it stands for, where ranks wrote one each.
    #[serde(skip_serializing_if = "is_one")]
    parts: usize,
}

fn is_one(parts: &usize) -> bool {
    *parts == 1
}

/// The file of this rank: of several, labels.npy becomes labels-00002-of-00004.npy.
fn part_of(out: &Path, ranks: &Ranks) -> PathBuf {
    let name = out.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if ranks.size() == 1 || name.is_empty() {
        return out.to_owned();
    }
    // The extensions are all that follows the first point but one that begins the name.
    let end = name.char_indices().skip(1).find(|(_, char)| *char == '.').map_or(name.len(), |(point, _)| point);
    let (stem, extensions) = name.split_at(end);
    out.with_file_name(format!("{stem}-{:05}-of-{:05}{extensions}", ranks.rank(), ranks.size()))
}

impl Answers {
    /// Adds the answers for some rows of a chunk.
    fn write(&mut self, answer: &Answer, chunk: &Points, rows: Range<usize>) -> mixtura::Result<()> {
        match self {
            Answers::Table { table, append: true } => {
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

    fn finish(self, n_samples: usize) -> anyhow::Result<()> {
        match self {
            Answers::Table { table, .. } => Ok(table.finish()?),
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
    pub(crate) fn run(self, output: &OutputArgs, ranks: &Ranks) -> anyhow::Result<()> {
        let mut answers = agreed(ranks, self.answers(output, ranks))?;
        let open = || Ok((read_model(&self.model, &self.data)?, self.device.open(ranks)?));
        let (Model { mixture, feature_names, .. }, device) = agreed(ranks, open())?;
        let data = self.data.stream_share(ranks, &Columns::of_model(feature_names.as_deref()), None, 0)?;

        let predicted = match data {
            Some(data) => self.predict(data, &mixture, &device, &mut answers, output, ranks),
            None => Ok((0, Vec::new())),
        };
        let (n_here, notes) = agreed(ranks, predicted)?;
        output.notes(&notes_of_all(ranks, &notes)?);
        output.distrust(&device);
        let n_samples = ranks.reduce(Ok(n_here), |one, other| Ok(one + other), interrupt::asked())?;
        // A rank without samples leaves no file.
        let finished = if n_here > 0 { answers.finish(n_here) } else { Ok(()) };
        agreed(ranks, finished)?;
        match (&self.out, n_samples) {
            (Some(out), Some(n_samples)) => {
                output.made(&Made { n_samples, out, parts: ranks.size() }, &[&part_of(out, ranks)])
            }
            _ => Ok(()),
        }
    }

    /// Predicts the samples of this rank; gives their number, and notes that nobody saw yet.
    fn predict(
        &self,
        data: Stream,
        mixture: &Mixture,
        device: &Device,
        answers: &mut Answers,
        output: &OutputArgs,
        ranks: &Ranks,
    ) -> anyhow::Result<(usize, Vec<Advice>)> {
        data.check_features(mixture.n_features())?;
        let most_rows = if self.proba { (MOST_VALUES / mixture.n_components()).max(1) } else { usize::MAX };
        let bar = if output.quiet || self.out.is_none() { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let bar = bar.with_finish(ProgressFinish::AndClear);
        // What is known before anything is written is said before it, but for what other ranks may say, too.
        let early = if ranks.size() == 1 { data.notes() } else { Vec::new() };
        output.notes(&early);
        let (mut n_samples, mut without_values) = (0, 0);
        let (_, mut notes) = data.for_each_chunk(&mut |_, chunk| {
            let n = chunk.n_samples();
            let mut backend = device.load(chunk)?;
            for start in (0..n).step_by(most_rows.min(n)) {
                let rows = start..start.saturating_add(most_rows).min(n);
                let answer = self.answer(&mut *backend, mixture, rows.clone())?;
                answers.write(&answer, chunk, rows)?;
            }
            n_samples += n;
            without_values += chunk.summary().holes().n_rows_without_values();
            bar.set_message(format!("{n_samples} samples"));
            bar.tick();
            Ok(())
        })?;
        let mut notes = notes.split_off(early.len());
        notes.extend(missing::rows_without_values(without_values));
        Ok((n_samples, notes))
    }

    /// Where the answers of this rank go.
    fn answers(&self, output: &OutputArgs, ranks: &Ranks) -> anyhow::Result<Answers> {
        let out = match &self.out {
            Some(out) => Some(part_of(out, ranks)),
            None if ranks.size() > 1 => {
                let problem = format!("{} processes cannot share standard output", ranks.size());
                return Err(
                    Usage { problem, remedy: "give a file (--out): each of them writes a part of it".into() }.into()
                );
            }
            None => None,
        };
        if let Some(path) = &out {
            let inputs = [self.data.files()?, vec![self.model.clone()]].concat();
            check_output("--out", path, &inputs)?;
        }
        if output.json && out.is_none() {
            if self.append {
                let problem = "--append writes a table, and --json prints none".to_owned();
                return Err(Usage { problem, remedy: "write the table to a file (--out)".into() }.into());
            }
            return Ok(Answers::Printed { n: 0 });
        }
        let dimensions = if self.proba || self.append { Dimensions::Two } else { Dimensions::One };
        let table = Box::new(Table::new(out.as_deref(), dimensions)?);
        Ok(Answers::Table { table, append: self.append })
    }

    fn answer(&self, backend: &mut dyn Backend, mixture: &Mixture, rows: Range<usize>) -> mixtura::Result<Answer> {
        Ok(match (self.proba, self.log_density) {
            (true, _) => Answer::Probabilities(backend.responsibilities(mixture.quadratics(), rows)?),
            (_, true) => Answer::LogDensities(backend.assess(mixture.quadratics(), rows)?.log_densities),
            _ => Answer::Labels(backend.assess(mixture.quadratics(), rows)?.labels.mapv(|label| label as i64)),
        })
    }
}
