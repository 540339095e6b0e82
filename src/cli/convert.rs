//! `mixtura convert`: a table in another format.

use std::path::PathBuf;

use clap::Args;
use mixtura::Samples;
use mixtura::io::{Cell, Destination, TableFormat, TableWriter};

use super::inputs::{DataArgs, check_output};

/// Write a table in another format
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura convert data.csv data.parquet\n  \
    mixtura convert part-*.parquet start.csv --columns price,amount --head 1000")]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    data: DataArgs,

    /// File to write: .npy, .csv, .tsv, .parquet, .arrow, .feather, .f32 or .f64
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// Seed of the choice of rows (--sample)
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl ConvertArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        check_output(&self.out, &self.data.paths().collect::<Vec<_>>())?;
        let extension = self.out.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let format = match extension {
            "f32" | "f64" => TableFormat::Raw,
            _ => TableFormat::of(&self.out)?,
        };
        let to = Destination::new(&self.out)?;
        let data = self.data.read(None, None, self.seed)?;
        let points = data.points();
        let table =
            Table { to, format, shape: [points.n_samples(), points.n_features()], names: points.feature_names() };
        match (points.samples(), extension) {
            (Samples::F32(values), "f64") => table.write(values.iter().map(|x| f64::from(*x))),
            (Samples::F64(values), "f32") => table.write(values.iter().map(|x| *x as f32)),
            (Samples::F32(values), _) => table.write(values.iter().copied()),
            (Samples::F64(values), _) => table.write(values.iter().copied()),
        }
    }
}

struct Table<'a> {
    to: Destination,
    format: TableFormat,
    shape: [usize; 2],
    names: Option<&'a [String]>,
}

impl Table<'_> {
    fn write<T: Cell>(self, values: impl Iterator<Item = T>) -> anyhow::Result<()> {
        let names =
            self.names.map_or_else(|| (0..self.shape[1]).map(|i| format!("x{i}")).collect(), <[String]>::to_vec);
        let mut writer = TableWriter::create(&self.to, self.format, &self.shape, &names)?;
        writer.write_rows(values)?;
        Ok(writer.finish()?)
    }
}
