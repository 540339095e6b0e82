//! `mixtura convert`: a table in another format.

use std::path::{Path, PathBuf};

use clap::Args;
use mixtura::io::Dimensions;
use serde::Serialize;

use super::inputs::{DataArgs, check_output};
use super::output::OutputArgs;
use super::tables::{Table, block, columns};

/// Write a table in another format
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura convert data.csv data.parquet\n  \
    mixtura convert part-*.parquet start.csv --columns price,amount --head 1000")]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    data: DataArgs,

    /// File to write: .npy, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .feather, .f32 or .f64
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// Seed of the choice of rows (--sample)
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// The JSON object.
#[derive(Debug, Serialize)]
struct Made<'a> {
    n_samples: usize,
    n_features: usize,
    out: &'a Path,
}

impl ConvertArgs {
    pub(crate) fn run(self, output: &OutputArgs) -> anyhow::Result<()> {
        check_output("OUT", &self.out, &self.data.files()?)?;
        let mut table = Table::new(Some(&self.out), Dimensions::Two)?;
        let data = self.data.stream(None, None, self.seed)?;
        let n_features = data.n_features();
        let (n_samples, notes) =
            data.for_each_chunk(&mut |_, chunk| table.write(&columns(chunk), &[block(chunk, 0..chunk.n_samples())]))?;
        table.finish()?;
        output.notes(&notes);
        output.made(&Made { n_samples, n_features, out: &self.out })
    }
}
