//! Tables out to Parquet and Arrow IPC files, a batch of rows after another.

use std::io;
use std::sync::Arc;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, PrimitiveArray, RecordBatch};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::output::{Destination, Output};
use super::table::Cell;
use crate::error::Result;

/// Numbers of a batch, and of a row group.
const BATCH: usize = 1 << 18;
const ROW_GROUP: usize = 1 << 24;

/// Writes columns of one type.
pub(super) struct BatchWriter<T> {
    to: Destination,
    schema: SchemaRef,
    encoder: Encoder,
    /// Rows that wait for their batch.
    waiting: Vec<T>,
}

enum Encoder {
    Parquet(Box<ArrowWriter<Output>>),
    Arrow(Box<FileWriter<Output>>),
}

impl<T: Cell> BatchWriter<T> {
    /// A Parquet file with columns of these names.
    pub(super) fn parquet(output: Output, names: &[String]) -> Result<Self> {
        let (to, schema) = (output.destination().clone(), schema::<T>(names));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP.div_ceil(names.len())))
            .build();
        let writer = ArrowWriter::try_new(output, schema.clone(), Some(properties))
            .map_err(|error| to.fail(parquet_failure(error)))?;
        Ok(BatchWriter { to, schema, encoder: Encoder::Parquet(Box::new(writer)), waiting: Vec::new() })
    }

    /// An Arrow IPC file with columns of these names.
    pub(super) fn arrow(output: Output, names: &[String]) -> Result<Self> {
        let (to, schema) = (output.destination().clone(), schema::<T>(names));
        let writer = FileWriter::try_new(output, &schema).map_err(|error| to.fail(arrow_failure(error)))?;
        Ok(BatchWriter { to, schema, encoder: Encoder::Arrow(Box::new(writer)), waiting: Vec::new() })
    }

    /// Writes whole rows, given in row-major order.
    pub(super) fn write_rows(&mut self, values: impl IntoIterator<Item = T>) -> Result<()> {
        let full = BATCH.next_multiple_of(self.schema.fields().len());
        for value in values {
            self.waiting.push(value);
            if self.waiting.len() == full {
                self.write_batch()?;
            }
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<()> {
        let d = self.schema.fields().len();
        let column = |i: usize| -> ArrayRef {
            Arc::new(PrimitiveArray::<T::Arrow>::from_iter_values(self.waiting.iter().skip(i).step_by(d).copied()))
        };
        let batch = RecordBatch::try_new(self.schema.clone(), (0..d).map(column).collect());
        self.waiting.clear();
        let written = batch.map_err(arrow_failure).and_then(|batch| match &mut self.encoder {
            Encoder::Parquet(writer) => writer.write(&batch).map_err(parquet_failure),
            Encoder::Arrow(writer) => writer.write(&batch).map_err(arrow_failure),
        });
        written.map_err(|error| self.to.fail(error))
    }

    /// Puts the complete table in its place.
    pub(super) fn finish(mut self) -> Result<()> {
        if !self.waiting.is_empty() {
            self.write_batch()?;
        }
        let output = match self.encoder {
            Encoder::Parquet(writer) => writer.into_inner().map_err(parquet_failure),
            Encoder::Arrow(writer) => writer.into_inner().map_err(arrow_failure),
        };
        output.map_err(|error| self.to.fail(error))?.finish()
    }
}

fn schema<T: Cell>(names: &[String]) -> SchemaRef {
    let fields: Vec<Field> = names.iter().map(|name| Field::new(name, T::Arrow::DATA_TYPE, false)).collect();
    Arc::new(Schema::new(fields))
}

/// What went wrong with the file, without what the libraries put around it.
fn parquet_failure(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}

fn arrow_failure(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}
