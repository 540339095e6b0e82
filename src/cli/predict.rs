//! `mixtura predict`: the component, the posterior probabilities or the log-density of every sample.

use std::ops::Range;
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressFinish};
use mixtura::io::{Block, CellType, Column, Destination, Dimensions, Model, TableFormat, TableWriter, load_model};
use ndarray::{Array1, Array2};

use super::inputs::{DataArgs, DeviceArgs, check_output};

/// Samples that are worked through at a time, and the values of a block at most.
const BLOCK_ROWS: usize = 65_536;
const BLOCK_VALUES: usize = 1 << 22;

/// Print the component of every sample
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura predict model.json data.csv > labels.txt\n  \
    mixtura predict model.json samples.npy --proba --out proba.npy")]
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

    /// Write to this file: .npy, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .feather, .f32 or .f64
    /// [default: lines on standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    device: DeviceArgs,

    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

impl PredictArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (to, format) = match &self.out {
            Some(path) => {
                check_output(path, &self.data.paths().chain([self.model.as_path()]).collect::<Vec<_>>())?;
                let format = TableFormat::of(path)?;
                (Destination::new(path)?, format)
            }
            None => (Destination::standard_output(), TableFormat::Lines),
        };
        let Model { mixture, feature_names, .. } = load_model(&self.model)?;
        let device = self.device.open()?;
        let data = self.data.read(feature_names.as_deref(), None, 0)?;
        data.check_features(mixture.n_features())?;

        let mut backend = device.load(data.points()).map_err(|error| data.locate(error))?;
        let n = data.points().n_samples();
        let hidden = self.quiet || self.out.is_none();
        let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(n as u64) };
        let bar = bar.with_finish(ProgressFinish::AndClear);
        let table = Table { to, format, n, k: mixture.n_components(), bar };
        match (self.proba, self.log_density) {
            (true, _) => table.write_probabilities(|rows| backend.responsibilities(&mixture, rows))?,
            (_, true) => {
                table.write("log_density", CellType::F64, |rows| Ok(backend.assess(&mixture, rows)?.log_densities))?
            }
            _ => table.write("label", CellType::I64, |rows| {
                Ok(backend.assess(&mixture, rows)?.labels.mapv(|label| label as i64))
            })?,
        }
        Ok(())
    }
}

/// A table with a row for each of n samples, written block by block, so that it is never in memory as a whole.
struct Table {
    to: Destination,
    format: TableFormat,
    n: usize,
    k: usize,
    bar: ProgressBar,
}

impl Table {
    /// One value for each sample.
    fn write<T>(
        self,
        name: &str,
        cell: CellType,
        mut values: impl FnMut(Range<usize>) -> mixtura::Result<Array1<T>>,
    ) -> mixtura::Result<()>
    where
        for<'a> Block<'a>: From<&'a Array1<T>>,
    {
        let mut writer = TableWriter::create(&self.to, self.format, &[Column::new(name, cell)], Dimensions::One)?;
        self.blocks().try_for_each(|rows| writer.write(&[(&values(rows)?).into()]))?;
        writer.finish()
    }

    /// One value for each sample and component.
    fn write_probabilities(
        self,
        mut values: impl FnMut(Range<usize>) -> mixtura::Result<Array2<f64>>,
    ) -> mixtura::Result<()> {
        let columns: Vec<Column> = (0..self.k).map(|k| Column::new(format!("p{k}"), CellType::F64)).collect();
        let mut writer = TableWriter::create(&self.to, self.format, &columns, Dimensions::Two)?;
        self.blocks().try_for_each(|rows| writer.write(&[(&values(rows)?).into()]))?;
        writer.finish()
    }

    /// The samples in blocks, the bar going on with each.
    fn blocks(&self) -> impl Iterator<Item = Range<usize>> {
        let size = BLOCK_ROWS.min(BLOCK_VALUES / self.k).max(1);
        let blocks = (0..self.n).step_by(size).map(move |start| start..(start + size).min(self.n));
        blocks.inspect(|rows| self.bar.set_position(rows.start as u64))
    }
}
