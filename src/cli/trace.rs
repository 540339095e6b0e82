//! The trace of a fit: a row for every epoch of every restart, as .csv, .json or .parquet.

use std::path::Path;

use mixtura::fit::{Progress, Repair};
use serde::Serialize;

use super::rows::{Field, Rows};

/// Where the trace goes.
pub(crate) struct Trace(Rows);

/// The columns of the table, and the names in the objects.
const FIELDS: [Field; 9] = [
    Field::integers("restart"),
    Field::integers("samples"),
    Field::integers("epoch"),
    Field::text("step"),
    Field::numbers("lower_bound"),
    Field::numbers("change"),
    Field::text("repairs"),
    Field::numbers("evaluated"),
    Field::numbers("seconds"),
];

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
        Rows::new("--trace", path).map(Trace)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes the epochs.
    pub(crate) fn save(&self, steps: &[Progress]) -> mixtura::Result<()> {
        self.0.save(&FIELDS, &steps.iter().map(Row::from).collect::<Vec<_>>())
    }
}
