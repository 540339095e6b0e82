//! `mixtura predict`: the component, the posterior probabilities or the log-density of every sample.

mod answers;
mod outliers;
mod quantile;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressFinish};
use mixtura::io::{BadRows, Beside, Columns, Dimensions, Keep, Model, Stream};
use mixtura::ranks::Ranks;
use mixtura::{Advice, Device, Mixture, Points};
use serde::Serialize;

use self::answers::{Answer, Answers, Question, Samples};
use self::outliers::{Limit, Lowest};
use self::quantile::Numbers;
use super::Usage;
use super::inputs::{Along, DataArgs, DeviceArgs, bad_rows_parser, check_table, read_model};
use super::interrupt;
use super::missing;
use super::output::OutputArgs;
use super::ranks::{agreed, notes_of_all};
use super::tables::{Table, is_standard_output};

/// Posterior probabilities that are computed at a time, at most.
const MOST_VALUES: usize = 1 << 21;

/// Print the component of every sample
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura predict model.json data.csv > labels.txt\n  \
    mixtura predict model.json samples.npy --proba --out proba.npy\n  \
    mixtura predict model.json data.parquet --append --out labelled.parquet\n  \
    mixtura predict model.json data.parquet --lowest 100 --out outliers.csv\n  \
    tail -f log.csv | mixtura predict model.json - --log-density --bad-rows nan")]
pub(crate) struct PredictArgs {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    data: DataArgs,

    /// Seed of the choice of rows (--sample)
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Posterior probability of every component, in place of the most probable component
    #[arg(long, conflicts_with_all = ["log_density", "means"])]
    proba: bool,

    /// Log-density of the mixture at every sample, in place of the most probable component
    #[arg(long, conflicts_with = "means")]
    log_density: bool,

    /// Mean of the most probable component, in place of its number
    #[arg(long)]
    means: bool,

    /// Write all columns of the data, too, in the types that they have, before the result; to .npy and raw files, which
    /// hold numbers alone, those that the model uses
    #[arg(long)]
    append: bool,

    /// Write the number of the row among all rows, from 0, before the result
    #[arg(long)]
    row_number: bool,

    /// Write the N rows of lowest log-density alone, the lowest first, with all their columns
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(conflicts_with_all = ["proba", "means", "below"])]
    lowest: Option<u64>,

    /// Write the rows below this log-density alone, with all their columns; or a share of all rows, such as 0.1%: those
    /// of lowest log-density, for which the data are read twice
    #[arg(long, value_name = "LOG-DENSITY|SHARE", allow_negative_numbers = true, conflicts_with_all = ["proba", "means"])]
    below: Option<Limit>,

    /// Rows that cannot be read, because a cell is no number: error; skip, leave them out; or nan, answer them with NaN,
    /// and the label -1. They are counted, and the first is named
    #[arg(long, value_name = "WAY", value_parser = bad_rows_parser(), default_value = BadRows::default().name())]
    bad_rows: BadRows,

    /// Write to this file: .npy, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .feather, .f32 or .f64; - for
    /// lines on standard output below a header [default: without one]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write the names of the columns above lines on standard output
    #[arg(long, conflicts_with = "out")]
    header_out: bool,

    #[command(flatten)]
    device: DeviceArgs,
}

/// What becomes of the answers for a chunk.
enum Sorting {
    /// All are written.
    All,
    /// Those below a log-density.
    Below(f64),
    /// So many of the lowest, in the end.
    Lowest(Lowest),
    /// None: they tell a quantile.
    Numbers(Numbers),
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

/// A pass over the samples of this rank, chunk by chunk.
struct Pass<'a> {
    mixture: &'a Mixture,
    device: &'a Device,
    question: Question,
    answers: &'a mut Answers,
    sorting: Sorting,
    /// Whether rows come one by one, and answers are waited for.
    at_once: bool,
}

impl Pass<'_> {
    fn chunk(&mut self, chunk: &Points, beside: &Beside) -> mixtura::Result<()> {
        let n = chunk.n_samples();
        let k = self.mixture.n_components();
        let most = if self.question == Question::Probabilities { (MOST_VALUES / k).max(1) } else { usize::MAX };
        let mut backend = self.device.load(chunk)?;
        for start in (0..n).step_by(most.min(n)) {
            let rows = start..start.saturating_add(most).min(n);
            let mut answer = self.question.ask(&mut *backend, self.mixture, rows.clone())?;
            let beside = beside.slice(rows.clone());
            answer.forget(beside.bad.iter().copied());
            self.sort(answer, &Samples { chunk, rows }, beside)?;
        }
        if self.at_once { self.answers.flush() } else { Ok(()) }
    }

    fn sort(&mut self, answer: Answer, samples: &Samples, beside: Beside) -> mixtura::Result<()> {
        match (&mut self.sorting, &answer) {
            (Sorting::Below(limit), Answer::LogDensities(densities)) => {
                let low: Vec<usize> = (0..densities.len()).filter(|row| densities[*row] < *limit).collect();
                let answer = Answer::LogDensities(low.iter().map(|row| densities[*row]).collect());
                self.answers.write(&answer, Some(samples), &beside.take(&low))
            }
            (Sorting::Lowest(lowest), Answer::LogDensities(densities)) => {
                lowest.add(densities, &beside);
                Ok(())
            }
            (Sorting::Numbers(numbers), Answer::LogDensities(densities)) => {
                densities.iter().try_for_each(|density| numbers.add(*density)).map_err(temporary)
            }
            _ => self.answers.write(&answer, Some(samples), &beside),
        }
    }
}

/// The error for a temporary file.
fn temporary(source: std::io::Error) -> mixtura::Error {
    mixtura::Error::Write { path: std::env::temp_dir(), source }
}

impl PredictArgs {
    pub(crate) fn run(self, output: &OutputArgs, ranks: &Ranks) -> anyhow::Result<()> {
        let mut answers = agreed(ranks, self.answers(output, ranks))?;
        let open = || Ok((read_model(&self.model, &self.data)?, self.device.open(ranks)?));
        let (model, device) = agreed(ranks, open())?;
        let sorting = agreed(ranks, self.sorting(&model, &device, &mut answers, ranks))?;
        let Model { mixture, feature_names, .. } = model;
        let along = self.along(&answers);
        let features = Columns::of_model(feature_names.as_deref());
        let data = self.data.stream_along(ranks, &features, self.seed, &along)?;

        let (question, at_once) = (self.question(), along.at_once);
        let mut pass = Pass { mixture: &mixture, device: &device, question, answers: &mut answers, sorting, at_once };
        let predicted = match data {
            Some(data) => self.predict(data, &mut pass, output, ranks),
            None => Ok((0, Vec::new())),
        };
        let (n_here, notes) = agreed(ranks, predicted)?;
        if let Sorting::Lowest(lowest) = pass.sorting
            && let Some((densities, beside)) = lowest.finish()
        {
            answers.write(&Answer::LogDensities(densities), None, &beside)?;
        }
        output.notes(&notes_of_all(ranks, &notes)?);
        output.distrust(&device);
        let n_samples = ranks.reduce(Ok(n_here), |one, other| Ok(one + other), interrupt::asked())?;
        // A rank without samples leaves no file.
        let finished = if n_here > 0 { answers.finish(n_here) } else { Ok(()) };
        agreed(ranks, finished)?;
        match (&self.out, n_samples) {
            (Some(out), Some(n_samples)) if !is_standard_output(out) => {
                output.made(&Made { n_samples, out, parts: ranks.size() }, &[&part_of(out, ranks)])
            }
            _ => Ok(()),
        }
    }

    fn question(&self) -> Question {
        match () {
            () if self.proba => Question::Probabilities,
            () if self.means => Question::Means,
            () if self.log_density || self.seeks_outliers() => Question::LogDensities,
            () => Question::Labels,
        }
    }

    fn seeks_outliers(&self) -> bool {
        self.lowest.is_some() || self.below.is_some()
    }

    /// What goes along with the samples into a table.
    fn along(&self, answers: &Answers) -> Along {
        let keep = match answers.cells().filter(|_| self.append || self.seeks_outliers()) {
            Some(cells) => Keep::Rows(cells),
            None => Keep::Nothing,
        };
        let at_once = self.data.are_live() && self.lowest.is_none();
        Along { keep, number_rows: self.row_number, bad_rows: self.bad_rows, at_once }
    }

    /// What becomes of the answers; for a share of all rows, after a pass that finds their limit.
    fn sorting(&self, model: &Model, device: &Device, answers: &mut Answers, ranks: &Ranks) -> anyhow::Result<Sorting> {
        if self.seeks_outliers() && ranks.size() > 1 {
            let problem = format!("{} processes cannot tell together which rows are the lowest", ranks.size());
            return Err(Usage { problem, remedy: "look for outliers in one process".into() }.into());
        }
        let share = match (self.lowest, self.below) {
            (Some(n), _) => return Ok(Sorting::Lowest(Lowest::new(usize::try_from(n).unwrap_or(usize::MAX)))),
            (_, Some(Limit::LogDensity(limit))) => return Ok(Sorting::Below(limit)),
            (_, Some(Limit::Share(share))) => share,
            _ => return Ok(Sorting::All),
        };
        if self.data.are_live() {
            let problem = "a share of all rows is found in a first pass, and a pipe can be read once".to_owned();
            return Err(Usage { problem, remedy: "save the data as a file, or give a log-density".into() }.into());
        }
        let features = Columns::of_model(model.feature_names.as_deref());
        let along = Along { bad_rows: self.bad_rows, ..Along::default() };
        let Some(data) = self.data.stream_along(ranks, &features, self.seed, &along)? else {
            return Ok(Sorting::All);
        };
        data.check_features(model.mixture.n_features())?;
        let sorting = Sorting::Numbers(Numbers::new().map_err(temporary)?);
        let (mixture, question) = (&model.mixture, Question::LogDensities);
        let mut pass = Pass { mixture, device, question, answers, sorting, at_once: false };
        data.for_each(&mut |_, chunk, beside| pass.chunk(chunk, beside))?;
        match pass.sorting {
            Sorting::Numbers(numbers) => Ok(Sorting::Below(numbers.quantile(share).map_err(temporary)?)),
            other => Ok(other),
        }
    }

    /// Predicts the samples of this rank; gives their number, and notes that nobody saw yet.
    fn predict(
        &self,
        data: Stream,
        pass: &mut Pass,
        output: &OutputArgs,
        ranks: &Ranks,
    ) -> anyhow::Result<(usize, Vec<Advice>)> {
        data.check_features(pass.mixture.n_features())?;
        let is_file = self.out.as_deref().is_some_and(|out| !is_standard_output(out));
        let bar = if output.quiet || !is_file { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let bar = bar.with_finish(ProgressFinish::AndClear);
        // What is known before anything is written is said before it, but for what other ranks may say, too.
        let early = if ranks.size() == 1 { data.notes() } else { Vec::new() };
        output.notes(&early);
        let (mut n_samples, mut without_values) = (0, 0);
        let (_, mut notes) = data.for_each(&mut |_, chunk, beside| {
            pass.chunk(chunk, beside)?;
            n_samples += chunk.n_samples();
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
            Some(out) if ranks.size() == 1 || !is_standard_output(out) => Some(part_of(out, ranks)),
            None if ranks.size() == 1 => None,
            _ => {
                let problem = format!("{} processes cannot share standard output", ranks.size());
                return Err(
                    Usage { problem, remedy: "give a file (--out): each of them writes a part of it".into() }.into()
                );
            }
        };
        if let Some(path) = &out {
            let inputs = [self.data.files()?, vec![self.model.clone()]].concat();
            check_table("--out", path, &inputs)?;
        }
        let is_printed = out.as_deref().is_none_or(is_standard_output);
        if output.json && is_printed {
            let of_table = [
                (self.append, "--append"),
                (self.row_number, "--row-number"),
                (self.lowest.is_some(), "--lowest"),
                (self.below.is_some(), "--below"),
                (self.header_out, "--header-out"),
                (self.out.is_some(), "--out -"),
            ];
            if let Some((_, flag)) = of_table.iter().find(|(is_given, _)| *is_given) {
                let problem = format!("{flag} writes a table, and --json prints none");
                return Err(Usage { problem, remedy: "write the table to a file (--out)".into() }.into());
            }
            return Ok(Answers::Printed { n: 0 });
        }
        let is_wide = self.proba || self.means || self.append || self.row_number;
        let dimensions = if is_wide { Dimensions::Two } else { Dimensions::One };
        let table = Box::new(Table::new(out.as_deref(), self.header_out, dimensions)?);
        if self.seeks_outliers() && table.cells().is_none() {
            let problem = "rows are written with all their columns, and this file holds numbers alone".to_owned();
            return Err(
                Usage { problem, remedy: "give a file that ends in .csv, .tsv, .parquet or .arrow".into() }.into()
            );
        }
        Ok(Answers::Table { table, features: self.append })
    }
}
