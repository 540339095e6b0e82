//! `mixtura sample`: samples drawn from a model.

use std::path::{Path, PathBuf};

use clap::Args;
use mixtura::device::Precision;
use mixtura::io::{Block, CellType, Column, Dimensions, TableWriter, load_model};
use ndarray::{Array1, Array2, Zip};
use serde::Serialize;

use super::Usage;
use super::inputs::{check_table, precision_parser};
use super::output::OutputArgs;
use super::tables::{is_standard_output, place};

/// Values that are drawn at a time. While a chunk is written, the next is drawn: two of them, and copies in the types
/// that are written, stay below 64 MiB.
const CHUNK_VALUES: usize = 1 << 21;

/// Draw samples from a model, grouped by component
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mixtura sample model.json -n 1000000 --out samples.npy --labels labels.npy")]
pub(crate) struct SampleArgs {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Number of samples
    #[arg(short = 'n', long = "samples", value_name = "N")]
    samples: usize,

    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Write the samples to this file: .npy, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .feather, .f32 or
    /// .f64; - for lines on standard output below a header
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Write the component of every sample to this file, likewise
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,

    /// Precision of the values in the file; they are drawn in f64
    #[arg(long, value_name = "PRECISION", value_parser = precision_parser(), default_value = "f64")]
    precision: Precision,
}

impl SampleArgs {
    pub(crate) fn run(self, output: &OutputArgs) -> anyhow::Result<()> {
        if self.labels.as_ref() == Some(&self.out) {
            return Err(Usage {
                problem: format!("--out and --labels are both {}", self.out.display()),
                remedy: "write the samples and their components to different files".into(),
            }
            .into());
        }
        for (flag, out) in [("--out", Some(&self.out)), ("--labels", self.labels.as_ref())] {
            if let Some(out) = out {
                check_table(flag, out, std::slice::from_ref(&self.model))?;
            }
        }
        let is_printed = is_standard_output(&self.out) || self.labels.as_deref().is_some_and(is_standard_output);
        if output.json && is_printed {
            let problem = "a table on standard output leaves no room there for JSON".to_owned();
            return Err(Usage { problem, remedy: "write it to a file, or leave out --json".into() }.into());
        }
        let (to, format) = place(&self.out)?;
        let labels_place = self.labels.as_deref().map(place).transpose()?;
        let model = load_model(&self.model)?;

        let d = model.mixture.n_features();
        let names = model.feature_names.unwrap_or_else(|| (0..d).map(|feature| format!("x{feature}")).collect());
        let (single, cell) = match self.precision {
            Precision::Single => (true, CellType::F32),
            Precision::Double => (false, CellType::F64),
        };
        let columns: Vec<Column> = names.into_iter().map(|name| Column::new(name, cell)).collect();
        let mut tables = Tables {
            samples: TableWriter::create(&to, format, &columns, Dimensions::Two)?,
            single,
            labels: match labels_place {
                Some((to, format)) => {
                    let column = Column::new("label", CellType::I64);
                    Some(TableWriter::create(&to, format, &[column], Dimensions::One)?)
                }
                None => None,
            },
        };
        let mut chunks = model.mixture.sample_chunks(self.samples, self.seed, CHUNK_VALUES);
        let mut chunk = chunks.next();
        while let Some((samples, labels)) = chunk {
            let (written, next) = rayon::join(|| tables.write(&samples, &labels), || chunks.next());
            written?;
            chunk = next;
        }
        tables.finish()?;
        let (out, labels) = (self.out.as_path(), self.labels.as_deref());
        let files: Vec<&Path> = [out].into_iter().chain(labels).collect();
        output.made(&Made { n_samples: self.samples, n_features: d, out, labels }, &files)
    }
}

/// The JSON object.
#[derive(Debug, Serialize)]
struct Made<'a> {
    n_samples: usize,
    n_features: usize,
    out: &'a Path,
    labels: Option<&'a Path>,
}

/// The files.
struct Tables {
    samples: TableWriter,
    single: bool,
    labels: Option<TableWriter>,
}

impl Tables {
    fn write(&mut self, samples: &Array2<f64>, labels: &Array1<usize>) -> mixtura::Result<()> {
        if self.single {
            self.samples.write(&[(&Zip::from(samples).par_map_collect(|&x| x as f32)).into()])?;
        } else {
            self.samples.write(&[Block::from(samples)])?;
        }
        match &mut self.labels {
            Some(writer) => writer.write(&[(&labels.mapv(|label| label as i64)).into()]),
            None => Ok(()),
        }
    }

    /// Puts the complete tables in their places, the labels first: where the samples are, all is.
    fn finish(self) -> mixtura::Result<()> {
        self.labels.map_or(Ok(()), TableWriter::finish)?;
        self.samples.finish()
    }
}
