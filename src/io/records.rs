//! Records out to a Parquet file: columns whose values are of any kind, and may be missing.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};

use super::batches::BatchWriter;
use super::output::Destination;
use crate::error::Result;

/// The values of a column, one for each record; what is missing is null.
#[derive(Debug, Clone, PartialEq)]
pub enum Records {
    /// Words.
    Text(Vec<Option<String>>),
    /// Whole numbers.
    Integers(Vec<Option<i64>>),
    /// Numbers.
    Numbers(Vec<Option<f64>>),
    /// Yes or no.
    Flags(Vec<Option<bool>>),
}

impl Records {
    fn array(&self) -> ArrayRef {
        match self {
            Records::Text(values) => Arc::new(StringArray::from_iter(values)),
            Records::Integers(values) => Arc::new(Int64Array::from(values.clone())),
            Records::Numbers(values) => Arc::new(Float64Array::from(values.clone())),
            Records::Flags(values) => Arc::new(BooleanArray::from(values.clone())),
        }
    }
}

/// Writes columns of names, all of as many records, to a Parquet file.
///
/// # Errors
/// [`Write`](crate::Error::Write), also where columns are of different lengths.
pub fn save_records(to: &Destination, columns: &[(&str, Records)]) -> Result<()> {
    let arrays = columns.iter().map(|(name, values)| (*name, values.array(), true));
    let batch = RecordBatch::try_from_iter_with_nullable(arrays);
    let batch = batch.map_err(|error| to.fail(std::io::Error::other(error)))?;
    BatchWriter::save(to.create()?, &batch)
}
