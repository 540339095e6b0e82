//! `mixtura predict`: the component, the posterior probabilities or the log-density of every sample.

use std::ops::Range;
use std::path::PathBuf;

use clap::Args;
use mixtura::io::{Cell, Destination, TableFormat, TableWriter, load_model};
use mixtura::{Backend, Device, Mixture};

use super::inputs::{DataArgs, DeviceArgs};

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

    /// Write to this .npy or .csv file [default: lines on standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    device: DeviceArgs,
}

/// What is asked of every sample.
enum Quantity {
    Label,
    LogDensity,
    Responsibilities,
}

impl PredictArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (to, format) = match &self.out {
            Some(path) => {
                let format = TableFormat::of(path)?;
                (Destination::new(path)?, format)
            }
            None => (Destination::standard_output(), TableFormat::Lines),
        };
        let quantity = match (self.proba, self.log_density) {
            (true, _) => Quantity::Responsibilities,
            (_, true) => Quantity::LogDensity,
            _ => Quantity::Label,
        };
        let model = load_model(&self.model)?;
        let device = Device::open(&self.device.device)?;
        let data = self.data.read(model.feature_names.as_deref(), None)?;
        data.check_features(model.mixture.n_features())?;

        let mut backend = device.load(data.points()).map_err(|error| data.locate(error))?;
        let output = Table { to, format, mixture: &model.mixture, backend: &mut *backend };
        Ok(match quantity {
            Quantity::Label => output.write(&[], &["label"].map(str::to_owned), |backend, mixture, rows| {
                Ok(backend.assess(mixture, rows)?.labels.iter().map(|&label| label as i64).collect())
            }),
            Quantity::LogDensity => output.write(&[], &["log_density"].map(str::to_owned), |backend, mixture, rows| {
                Ok(backend.assess(mixture, rows)?.log_densities.to_vec())
            }),
            Quantity::Responsibilities => {
                let k = model.mixture.n_components();
                let header: Vec<String> = (0..k).map(|k| format!("p{k}")).collect();
                output.write(&[k], &header, |backend, mixture, rows| {
                    Ok(backend.responsibilities(mixture, rows)?.into_iter().collect())
                })
            }
        }?)
    }
}

/// A table with a row for each of a backend's samples.
struct Table<'a> {
    to: Destination,
    format: TableFormat,
    mixture: &'a Mixture,
    backend: &'a mut dyn Backend,
}

impl Table<'_> {
    /// Writes the table block by block, so that it is never in memory as a whole.
    fn write<T: Cell>(
        self,
        row_shape: &[usize],
        header: &[String],
        values: impl Fn(&mut dyn Backend, &Mixture, Range<usize>) -> mixtura::Result<Vec<T>>,
    ) -> mixtura::Result<()> {
        let n = self.backend.n_samples();
        let shape = [&[n], row_shape].concat();
        let mut writer = TableWriter::create(&self.to, self.format, &shape, header)?;
        let block = BLOCK_ROWS.min(BLOCK_VALUES / self.mixture.n_components()).max(1);
        for start in (0..n).step_by(block) {
            writer.write_rows(&values(self.backend, self.mixture, start..(start + block).min(n))?)?;
        }
        writer.finish()
    }
}
