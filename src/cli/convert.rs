//! `mixtura convert`: a table in another format.

use std::path::Path;

use clap::Args;
use mixtura::io::{Columns, Dimensions, Keep};
use serde::Serialize;

use super::Usage;
use super::inputs::{DataArgs, check_table};
use super::output::OutputArgs;
use super::tables::{Table, block, columns, is_standard_output};

/// The last path is the output, wherever options stand between them.
const PATHS_HELP: &str = "Samples, as for `mixtura fit`, and in the end the file to write: .npy, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .feather, .f32 or .f64; - for standard output";

/// Write a table in another format
#[derive(Debug, Args)]
#[command(override_usage = "mixtura convert [OPTIONS] <DATA>... <OUT>")]
#[command(mut_arg("paths", |paths| paths.value_name("PATH").help(PATHS_HELP)))]
#[command(after_help = "Examples:\n  \
    mixtura convert data.csv data.parquet\n  \
    mixtura convert part-*.parquet start.csv --columns price,amount --head 1000\n  \
    mixtura convert data.csv half.csv --sample 0.5 --seed 1\n  \
    mixtura convert data.csv other-half.csv --sample 0.5 --seed 1 --rest")]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    data: DataArgs,

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
    pub(crate) fn run(mut self, output: &OutputArgs) -> anyhow::Result<()> {
        let Some(out) = self.data.paths.pop().filter(|_| !self.data.paths.is_empty()) else {
            let problem = "there is one path, and two are needed: of the data, and of the file to write".to_owned();
            return Err(Usage { problem, remedy: "mixtura convert <DATA>... <OUT>".into() }.into());
        };
        check_table("OUT", &out, &self.data.files()?)?;
        if output.json && is_standard_output(&out) {
            let problem = "a table on standard output leaves no room there for JSON".to_owned();
            return Err(Usage { problem, remedy: "write it to a file, or leave out --json".into() }.into());
        }
        let mut table = Table::new(Some(&out), true, Dimensions::Two)?;
        let (n_samples, n_features, notes) = match table.cells() {
            Some(cells) => {
                let data = self.data.stream_columns(cells, self.seed)?;
                let mut n_columns = 0;
                let (n, notes) = data.for_each_company(&mut |company| {
                    n_columns = company.names().count();
                    table.write(Some(company), &[], &[])
                })?;
                (n, n_columns, notes)
            }
            // Files of numbers alone.
            None => {
                let data = self.data.stream(&Columns::All, Keep::Nothing, self.seed)?;
                let d = data.n_features();
                let (n, notes) = data.for_each_chunk(&mut |_, chunk| {
                    table.write(None, &columns(chunk), &[block(chunk, 0..chunk.n_samples())])
                })?;
                (n, d, notes)
            }
        };
        table.finish()?;
        output.notes(&notes);
        output.made(&Made { n_samples, n_features, out: &out }, &[&out])
    }
}
