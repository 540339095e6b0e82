//! What tables of typed columns have in common: Parquet, and Arrow IPC files and streams (Feather).

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, Schema};
use ndarray::{Array1, Array2};

use super::chunks::Chunk;
use super::columns::{Picked, Selection};
use super::malformed;
use crate::error::{self, Error};
use crate::points::Samples;

/// The selected columns of a file.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) file: String,
    pub(super) picked: Picked,
    names: Vec<String>,
    /// Whether all features are f32, or narrower.
    single: bool,
}

/// A column's values, widened to one of two types.
pub(super) enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Layout {
    /// Finds the columns and checks that they hold numbers.
    pub(super) fn new(file: String, schema: &Schema, selection: &Selection) -> error::Result<Self> {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let picked = selection.find(&file, Some(&names), names.len())?;
        let kind = |column: usize| schema.field(column).data_type();
        for &column in picked.features.iter().chain(&picked.weights) {
            if !is_number(kind(column)) {
                let numbers: Vec<&str> = (0..names.len())
                    .filter(|other| is_number(kind(*other)))
                    .map(|other| names[other].as_str())
                    .collect();
                let problem = format!("column {column} ({}) holds {}, not numbers", names[column], kind(column));
                let remedy = match numbers.is_empty() {
                    true => "no column of this file holds numbers".to_owned(),
                    false => format!("choose columns of numbers: --columns {}", numbers.join(",")),
                };
                return Err(malformed(file, problem, remedy));
            }
        }
        let single =
            picked.features.iter().all(|&column| matches!(kind(column), DataType::Float16 | DataType::Float32));
        Ok(Layout { file, picked, names, single })
    }

    /// Names of the features.
    pub(super) fn feature_names(&self) -> Vec<String> {
        self.picked.features.iter().map(|&column| self.names[column].clone()).collect()
    }

    /// The selected columns in the order of the file, each once.
    pub(super) fn projection(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self.picked.features.iter().chain(&self.picked.weights).copied().collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// A column's values; `Err` gives the number of nulls, where there are any.
    pub(super) fn values(&self, column: usize, array: &ArrayRef) -> error::Result<Result<Values, usize>> {
        let target = if self.is_single(column) { DataType::Float32 } else { DataType::Float64 };
        let nulls = array.logical_null_count();
        if nulls > 0 {
            return Ok(Err(nulls));
        }
        let numbers = decode(&self.file, || cast(array, &target))?;
        Ok(match target {
            DataType::Float32 => Ok(Values::F32(numbers.as_primitive::<Float32Type>().values().to_vec())),
            _ => Ok(Values::F64(numbers.as_primitive::<Float64Type>().values().to_vec())),
        })
    }

    /// What a column without rows holds.
    pub(super) fn no_values(&self, column: usize) -> Values {
        if self.is_single(column) { Values::F32(Vec::new()) } else { Values::F64(Vec::new()) }
    }

    fn is_single(&self, column: usize) -> bool {
        self.single && self.picked.features.contains(&column)
    }

    /// A chunk from the columns of the projection, in its order.
    pub(super) fn chunk(&self, columns: &[Values]) -> Chunk {
        let projection = self.projection();
        let of = |column: usize| &columns[projection.binary_search(&column).expect("a column of the projection")];
        let features = &self.picked.features;
        let samples = if self.single {
            let columns: Vec<&[f32]> = features.iter().map(|&column| of(column).single()).collect();
            Samples::from(rows(&columns))
        } else {
            let columns: Vec<&[f64]> = features.iter().map(|&column| of(column).double()).collect();
            Samples::from(rows(&columns))
        };
        let weights = self.picked.weights.map(|column| match of(column) {
            // A feature of the same table may hold the weights too.
            Values::F32(values) => values.iter().copied().map(f64::from).collect(),
            Values::F64(values) => Array1::from(values.clone()),
        });
        Chunk { samples, weights, lines: None }
    }

    /// A chunk from a batch that has the columns of the projection; `Err` gives the first column with nulls, and their number.
    pub(super) fn chunk_of_batch(&self, batch: &RecordBatch) -> error::Result<Result<Chunk, (usize, usize)>> {
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (column, array) in self.projection().into_iter().zip(batch.columns()) {
            match self.values(column, array)? {
                Ok(values) => columns.push(values),
                Err(nulls) => return Ok(Err((column, nulls))),
            }
        }
        Ok(Ok(self.chunk(&columns)))
    }

    /// The error for a column with missing values.
    pub(super) fn missing(&self, column: usize, nulls: usize) -> Error {
        let values = if nulls == 1 { "1 value is" } else { &format!("{nulls} values are") };
        let problem = format!("column {column} ({}): {values} missing (null)", self.names[column]);
        malformed(&self.file, problem, "fill in or remove such rows, or choose other columns (--columns)")
    }
}

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is decoding a file: a panic then is an error of that file, which the library reports, and a panic
/// hook may pass over it.
pub fn is_decoding() -> bool {
    DECODING.get()
}

/// Runs a decoder. The arrow and parquet crates panic on some broken files.
pub(super) fn decode<T, E: Display>(file: &str, decoder: impl FnOnce() -> Result<T, E>) -> error::Result<T> {
    DECODING.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(decoder));
    DECODING.set(false);
    match outcome {
        Ok(decoded) => decoded.map_err(|error| broken(file, &error)),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(broken(file, &message.unwrap_or("it cannot be decoded")))
        }
    }
}

/// The error for a file that is not what its format says.
pub(super) fn broken(file: &str, error: &dyn Display) -> Error {
    malformed(file, format!("the file is broken: {error}"), "copy or write it again")
}

impl Values {
    fn single(&self) -> &[f32] {
        match self {
            Values::F32(values) => values,
            Values::F64(_) => unreachable!("columns of single precision are not widened"),
        }
    }

    fn double(&self) -> &[f64] {
        match self {
            Values::F64(values) => values,
            Values::F32(_) => unreachable!("columns of double precision are widened"),
        }
    }

    /// Adds the values of the same column that follow.
    pub(super) fn extend(&mut self, more: Values) {
        match (self, more) {
            (Values::F32(values), Values::F32(more)) => values.extend(more),
            (Values::F64(values), Values::F64(more)) => values.extend(more),
            _ => unreachable!("a column has one type"),
        }
    }
}

fn is_number(kind: &DataType) -> bool {
    match kind {
        DataType::Boolean => true,
        DataType::Dictionary(_, values) => is_number(values),
        kind => kind.is_numeric(),
    }
}

/// Columns side by side.
fn rows<T: Copy + Default>(columns: &[&[T]]) -> Array2<T> {
    let n = columns.first().map_or(0, |column| column.len());
    let mut rows = Array2::default((n, columns.len()));
    for (mut to, from) in rows.columns_mut().into_iter().zip(columns) {
        to.iter_mut().zip(*from).for_each(|(to, from)| *to = *from);
    }
    rows
}
