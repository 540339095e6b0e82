//! Tables out to Parquet and Arrow IPC files, a batch of rows after another.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type, Int64Type};
use arrow_array::{ArrayRef, PrimitiveArray, RecordBatch};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use ndarray::{ArrayView2, s};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::cells::{Block, CellType, Column, pieces};
use super::output::{Destination, Output};
use crate::error::Result;

/// Numbers of a batch at most, and of a row group.
const BATCH: usize = 1 << 18;
const ROW_GROUP: usize = 1 << 24;

/// Writes columns of types of their own.
pub(super) struct BatchWriter {
    to: Destination,
    schema: SchemaRef,
    encoder: Encoder,
}

enum Encoder {
    Parquet(Box<ArrowWriter<Output>>),
    Arrow(Box<FileWriter<Output>>),
}

impl BatchWriter {
    /// A Parquet file with these columns.
    pub(super) fn parquet(output: Output, columns: &[Column]) -> Result<Self> {
        Self::parquet_of(output, schema(columns))
    }

    /// Writes all rows of a Parquet file.
    pub(super) fn save(output: Output, rows: &RecordBatch) -> Result<()> {
        let mut writer = Self::parquet_of(output, rows.schema())?;
        writer.encode(rows)?;
        writer.finish()
    }

    fn parquet_of(output: Output, schema: SchemaRef) -> Result<Self> {
        let to = output.destination().clone();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP.div_ceil(schema.fields().len().max(1))))
            .build();
        let writer = ArrowWriter::try_new(output, schema.clone(), Some(properties))
            .map_err(|error| to.fail(parquet_failure(error)))?;
        Ok(BatchWriter { to, schema, encoder: Encoder::Parquet(Box::new(writer)) })
    }

    /// An Arrow IPC file with these columns.
    pub(super) fn arrow(output: Output, columns: &[Column]) -> Result<Self> {
        let (to, schema) = (output.destination().clone(), schema(columns));
        let writer = FileWriter::try_new(output, &schema).map_err(|error| to.fail(arrow_failure(error)))?;
        Ok(BatchWriter { to, schema, encoder: Encoder::Arrow(Box::new(writer)) })
    }

    /// Writes rows, as one batch unless they are many.
    pub(super) fn write(&mut self, blocks: &[Block]) -> Result<()> {
        pieces(blocks, BATCH).try_for_each(|rows| self.write_batch(blocks, rows))
    }

    fn write_batch(&mut self, blocks: &[Block], rows: Range<usize>) -> Result<()> {
        let columns = blocks.iter().flat_map(|block| match block {
            Block::F32(values) => arrays::<Float32Type>(values, &rows),
            Block::F64(values) => arrays::<Float64Type>(values, &rows),
            Block::I64(values) => arrays::<Int64Type>(values, &rows),
        });
        let batch = RecordBatch::try_new(self.schema.clone(), columns.collect());
        self.encode(&batch.map_err(|error| self.to.fail(arrow_failure(error)))?)
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
        let written = match &mut self.encoder {
            Encoder::Parquet(writer) => writer.write(batch).map_err(parquet_failure),
            Encoder::Arrow(writer) => writer.write(batch).map_err(arrow_failure),
        };
        written.map_err(|error| self.to.fail(error))
    }

    /// Puts the complete table in its place.
    pub(super) fn finish(self) -> Result<()> {
        let output = match self.encoder {
            Encoder::Parquet(writer) => writer.into_inner().map_err(parquet_failure),
            Encoder::Arrow(writer) => writer.into_inner().map_err(arrow_failure),
        };
        output.map_err(|error| self.to.fail(error))?.finish()
    }
}

fn schema(columns: &[Column]) -> SchemaRef {
    let kind = |cell: CellType| match cell {
        CellType::F32 => DataType::Float32,
        CellType::F64 => DataType::Float64,
        CellType::I64 => DataType::Int64,
    };
    let fields: Vec<Field> = columns.iter().map(|column| Field::new(&column.name, kind(column.cell), false)).collect();
    Arc::new(Schema::new(fields))
}

/// The columns of a block, for some rows.
fn arrays<T: ArrowPrimitiveType>(values: &ArrayView2<T::Native>, rows: &Range<usize>) -> Vec<ArrayRef> {
    let values = values.slice(s![rows.clone(), ..]);
    let array = |column: ndarray::ArrayView1<T::Native>| -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::from_iter_values(column.iter().copied()))
    };
    values.columns().into_iter().map(array).collect()
}

/// The error of the file itself, out of the wrappers that the libraries put around it.
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
