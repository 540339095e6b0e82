//! The trace of a fit: a row for every epoch of every restart, as .csv or .json.

use std::path::Path;

use mixtura::Error;
use mixtura::fit::{Progress, Repair};
use mixtura::io::{Destination, Output};
use serde::Serialize;

use super::Usage;

/// Where the trace goes.
pub(crate) struct Trace {
    to: Destination,
    format: Format,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Csv,
    Json,
}

/// The columns of the table, and the names in the objects.
const COLUMNS: [&str; 9] =
    ["restart", "samples", "epoch", "step", "lower_bound", "change", "repairs", "evaluated", "seconds"];

/// An epoch as it is written. What is not finite has no value: null, or an empty cell.
#[derive(Debug, Serialize)]
struct Row {
    restart: usize,
    /// Samples that the epoch was on: all of them, or those of a level.
    samples: usize,
    epoch: usize,
    step: &'static str,
    lower_bound: Option<f64>,
    change: Option<f64>,
    /// A sentence for each component that collapsed; empty where none did.
    repairs: String,
    /// Share of all log-densities that were evaluated.
    evaluated: f64,
    seconds: f64,
}

impl From<&Progress> for Row {
    fn from(progress: &Progress) -> Self {
        let finite = |x: f64| Some(x).filter(|x| x.is_finite());
        Row {
            restart: progress.restart,
            samples: progress.n_samples,
            epoch: progress.epoch,
            step: progress.kind.name(),
            lower_bound: finite(progress.lower_bound),
            change: finite(progress.change),
            repairs: progress.repairs.iter().map(Repair::to_string).collect::<Vec<_>>().join("; "),
            evaluated: progress.evaluated,
            seconds: progress.seconds,
        }
    }
}

impl Trace {
    /// Checks that it can be written.
    pub(crate) fn new(path: &Path) -> anyhow::Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let format = match extension.as_deref() {
            Some("csv") => Format::Csv,
            Some("json") => Format::Json,
            _ => {
                let problem = format!("--trace is {}, which is neither .csv nor .json", path.display());
                return Err(Usage { problem, remedy: "give a file that ends in .csv or .json" }.into());
            }
        };
        Ok(Trace { to: Destination::new(path)?, format })
    }

    pub(crate) fn path(&self) -> &Path {
        self.to.path()
    }

    /// Writes the epochs.
    pub(crate) fn save(&self, steps: &[Progress]) -> mixtura::Result<()> {
        let rows = steps.iter().map(Row::from);
        let mut output = self.to.create()?;
        let written = match self.format {
            Format::Csv => write_csv(&mut output, rows),
            Format::Json => serde_json::to_writer(&mut output, &rows.collect::<Vec<_>>()).map_err(Into::into),
        };
        written.map_err(|source| Error::Write { path: self.path().to_owned(), source })?;
        output.finish()
    }
}

fn write_csv(output: &mut Output, mut rows: impl Iterator<Item = Row>) -> std::io::Result<()> {
    // The header is there even where there was no epoch.
    let mut table = csv::WriterBuilder::new().has_headers(false).from_writer(output);
    table.write_record(COLUMNS)?;
    rows.try_for_each(|row| table.serialize(row))?;
    table.flush()
}
