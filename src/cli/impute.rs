//! `mixtura impute`: missing values filled in.

use std::path::PathBuf;

use clap::Args;
use mixtura::Points;
use mixtura::data::{Missing, Samples};
use mixtura::device::{Imputation, impute};
use mixtura::io::{Beside, Block, CellType, Column, Columns, Company, Dimensions, Keep};
use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use super::inputs::{DataArgs, check_table, read_model};
use super::output::OutputArgs;
use super::tables::{Table, is_standard_output};

/// The column of the numbers of draws.
const DRAW: &str = "draw";

/// Fill in missing values by what the others say, under a model
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura impute model.json data.csv --out filled.csv\n  \
    mixtura impute model.json data.parquet --draw 5 --seed 1 --out imputations.parquet")]
pub(crate) struct ImputeArgs {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    data: DataArgs,

    /// Draw the missing values so often, in place of their means: tables of all rows one below the other, with the number
    /// of the draw in a first column
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    draw: Option<u32>,

    /// Seed of draws, and of the choice of rows (--sample)
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Write all columns to this file, with the values that were missing: .csv or .tsv (also with .gz or .zst), .parquet,
    /// .arrow or .feather; to .npy, .f32 and .f64, and without this to standard output, those that the model uses. - stands
    /// for standard output below a header
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The JSON object.
#[derive(Debug, Serialize)]
struct Made<'a> {
    n_samples: usize,
    n_features: usize,
    n_filled: usize,
    out: Option<&'a std::path::Path>,
}

impl ImputeArgs {
    pub(crate) fn run(mut self, output: &OutputArgs) -> anyhow::Result<()> {
        let model = read_model(&self.model, &self.data)?;
        let mut inputs = self.data.files()?;
        inputs.push(self.model.clone());
        self.out.as_deref().map_or(Ok(()), |out| check_table("--out", out, &inputs))?;
        // Whoever fills in holes has some.
        self.data.missing = Missing::Marginalize;
        let features = Columns::of_model(model.feature_names.as_deref());
        let mut table = Table::new(self.out.as_deref(), false, Dimensions::Two)?;
        let (mut n_samples, mut n_features, mut n_filled) = (0, 0, 0);
        for draw in 0..self.draw.unwrap_or(1) as usize {
            // A table keeps all columns, where it is not lines on standard output.
            let keep = match table.cells().filter(|_| self.out.is_some()) {
                Some(cells) => Keep::Rows(cells),
                None => Keep::Nothing,
            };
            let data = self.data.stream(&features, keep, self.seed)?;
            n_features = data.n_features();
            data.check_features(model.mixture.n_features())?;
            let how = match self.draw {
                None => Imputation::Mean,
                Some(_) => Imputation::Draw { seed: self.seed, number: draw },
            };
            let (n, notes) = data.for_each(&mut |first, chunk, beside| {
                if draw == 0 {
                    n_filled += chunk.summary().holes().n_values();
                }
                let filled = impute(&model.mixture, chunk, first, how)?;
                let draw = self.draw.map(|_| draw as i64);
                match company_of(chunk, beside, filled.view()) {
                    Some(company) => {
                        let company = draw.map_or_else(|| company.clone(), |draw| company.behind(DRAW, draw));
                        table.write(Some(&company), &[], &[])
                    }
                    None => write(&mut table, chunk, filled.view(), draw),
                }
            })?;
            if draw == 0 {
                output.notes(&notes);
                n_samples = n;
            }
        }
        table.finish()?;
        match &self.out {
            Some(out) if !is_standard_output(out) => {
                output.made(&Made { n_samples, n_features, n_filled, out: Some(out) }, &[out])
            }
            _ => Ok(()),
        }
    }
}

/// All columns of the rows, with what was filled in; none where features have no columns of their own.
fn company_of(chunk: &Points, beside: &Beside, filled: ArrayView2<f64>) -> Option<Company> {
    let (company, names) = beside.company.as_ref().zip(chunk.feature_names())?;
    let is_missing = |row: usize, feature: usize| match chunk.samples() {
        Samples::F32(values) => values[[row, feature]].is_nan(),
        Samples::F64(values) => values[[row, feature]].is_nan(),
    };
    company.filled(names, is_missing, filled)
}

/// Writes the features of some rows, with the number of their draw before them where there is one.
fn write(table: &mut Table, chunk: &Points, filled: ArrayView2<f64>, draw: Option<i64>) -> mixtura::Result<()> {
    let draw = draw.map(|draw| Array2::from_elem((filled.nrows(), 1), draw));
    let draw = draw.as_ref().map(|draw| draw.view());
    let name = |i: usize| chunk.feature_names().map_or_else(|| format!("x{i}"), |names| names[i].clone());
    let of_features = (0..filled.ncols()).map(|i| Column::new(name(i), CellType::F64));
    let of_draw = draw.iter().map(|_| Column::new(DRAW, CellType::I64));
    let columns: Vec<Column> = of_draw.chain(of_features).collect();
    let blocks: Vec<Block> = draw.map(Block::I64).into_iter().chain([Block::F64(filled)]).collect();
    table.write(None, &columns, &blocks)
}
