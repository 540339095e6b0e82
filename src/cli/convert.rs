//! `mixtura convert`: a table in another format.

use std::path::PathBuf;

use clap::Args;
use mixtura::Samples;
use mixtura::io::{Block, Column, Destination, Dimensions, TableFormat, TableWriter};

use super::inputs::{DataArgs, check_output};

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

impl ConvertArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        check_output(&self.out, &self.data.paths().collect::<Vec<_>>())?;
        let format = TableFormat::of(&self.out)?;
        let to = Destination::new(&self.out)?;
        let data = self.data.read(None, None, self.seed)?;
        let points = data.points();
        let block = match points.samples() {
            Samples::F32(values) => Block::from(values.view()),
            Samples::F64(values) => Block::from(values.view()),
        };
        let name = |i: usize| points.feature_names().map_or_else(|| format!("x{i}"), |names| names[i].clone());
        let columns: Vec<Column> = (0..points.n_features()).map(|i| Column::new(name(i), block.cell())).collect();
        let mut writer = TableWriter::create(&to, format, &columns, Dimensions::Two)?;
        writer.write(&[block])?;
        Ok(writer.finish()?)
    }
}
