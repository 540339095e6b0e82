//! Tables out to Parquet and Arrow IPC files, a batch of rows after another.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch, make_array};
use arrow_data::transform::MutableArrayData;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use ndarray::{ArrayView2, s};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use super::cells::{Block, CellType, Column, pieces};
use super::company::Company;
use super::output::{Destination, Output};
use crate::error::Result;

/// Numbers of a batch at most, and of a row group, which also ends at so many bytes.
const BATCH: usize = 1 << 18;
const ROW_GROUP: usize = 1 << 24;
const ROW_GROUP_BYTES: usize = 1 << 27;

/// Writes columns of types of their own.
pub(super) struct BatchWriter {
    to: Destination,
    schema: SchemaRef,
    encoder: Encoder,
}

enum Encoder {
    Parquet(Box<RowGroups>),
    Arrow(Box<FileWriter<Output>>),
}

impl BatchWriter {
    /// A Parquet file with these columns, behind those of a company.
    pub(super) fn parquet(output: Output, company: Option<&Company>, columns: &[Column]) -> Result<Self> {
        Self::parquet_of(output, schema(company, columns))
    }

    /// Writes all rows of a Parquet file.
    pub(super) fn save(output: Output, rows: &RecordBatch) -> Result<()> {
        let mut writer = Self::parquet_of(output, rows.schema())?;
        writer.encode(rows)?;
        writer.finish()
    }

    fn parquet_of(output: Output, schema: SchemaRef) -> Result<Self> {
        let to = output.destination().clone();
        let groups = RowGroups::new(output, &schema).map_err(|error| to.fail(parquet_failure(error)))?;
        Ok(BatchWriter { to, schema, encoder: Encoder::Parquet(Box::new(groups)) })
    }

    /// An Arrow IPC file, likewise. What dictionaries stand for is written out, for all batches of a file would have to
    /// share them.
    pub(super) fn arrow(output: Output, company: Option<&Company>, columns: &[Column]) -> Result<Self> {
        let (to, schema) = (output.destination().clone(), unpacked_schema(&schema(company, columns)));
        let writer = FileWriter::try_new(output, &schema).map_err(|error| to.fail(arrow_failure(error)))?;
        Ok(BatchWriter { to, schema, encoder: Encoder::Arrow(Box::new(writer)) })
    }

    /// Writes rows, behind their company if they have any, as one batch unless they are many.
    pub(super) fn write(&mut self, company: Option<&Company>, blocks: &[Block]) -> Result<()> {
        let Some(company) = company else {
            return pieces(blocks, BATCH).try_for_each(|rows| self.write_batch(Vec::new(), blocks, rows));
        };
        let mut first = 0;
        for batch in company.batches() {
            let rows = first..first + batch.num_rows();
            first = rows.end;
            self.write_batch(batch.columns().to_vec(), blocks, rows)?;
        }
        Ok(())
    }

    fn write_batch(&mut self, mut columns: Vec<ArrayRef>, blocks: &[Block], rows: Range<usize>) -> Result<()> {
        columns.extend(blocks.iter().flat_map(|block| match block {
            Block::F32(values) => arrays::<Float32Type>(values, &rows),
            Block::F64(values) => arrays::<Float64Type>(values, &rows),
            Block::I64(values) => arrays::<Int64Type>(values, &rows),
        }));
        if let Encoder::Arrow(_) = self.encoder {
            let unpacked = columns.iter().map(unpacked).collect::<Result<_, ArrowError>>();
            columns = unpacked.map_err(|error| self.to.fail(arrow_failure(error)))?;
        }
        let batch = RecordBatch::try_new(self.schema.clone(), columns);
        self.encode(&batch.map_err(|error| self.to.fail(arrow_failure(error)))?)
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
        let written = match &mut self.encoder {
            Encoder::Parquet(groups) => groups.write(batch).map_err(parquet_failure),
            Encoder::Arrow(writer) => writer.write(batch).map_err(arrow_failure),
        };
        written.map_err(|error| self.to.fail(error))
    }

    /// Puts the complete table in its place.
    pub(super) fn finish(self) -> Result<()> {
        let output = match self.encoder {
            Encoder::Parquet(groups) => groups.finish().map_err(parquet_failure),
            Encoder::Arrow(writer) => writer.into_inner().map_err(arrow_failure),
        };
        output.map_err(|error| self.to.fail(error))?.finish()
    }
}

/// The row groups of a Parquet file, whose columns are encoded side by side.
struct RowGroups {
    file: SerializedFileWriter<Output>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// The columns of the group at work, and its rows.
    columns: Vec<ArrowColumnWriter>,
    n_rows: usize,
    most_rows: usize,
}

impl RowGroups {
    fn new(output: Output, schema: &SchemaRef) -> parquet::errors::Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let writer = ArrowWriter::try_new(output, schema.clone(), Some(properties))?;
        let (file, factory) = writer.into_serialized_writer()?;
        let most_rows = ROW_GROUP.div_ceil(schema.fields().len().max(1));
        Ok(RowGroups { file, factory, schema: schema.clone(), columns: Vec::new(), n_rows: 0, most_rows })
    }

    fn write(&mut self, batch: &RecordBatch) -> parquet::errors::Result<()> {
        let mut first = 0;
        while first < batch.num_rows() {
            if self.columns.is_empty() {
                self.columns = self.factory.create_column_writers(self.file.flushed_row_groups().len())?;
            }
            let n = (batch.num_rows() - first).min(self.most_rows - self.n_rows);
            let rows = batch.slice(first, n);
            let columns = self.schema.fields().par_iter().zip(rows.columns());
            let leaves: Vec<_> =
                columns.map(|(field, array)| compute_leaves(field, array)).collect::<parquet::errors::Result<_>>()?;
            let leaves: Vec<ArrowLeafColumn> = leaves.into_iter().flatten().collect();
            self.columns.par_iter_mut().zip(&leaves).try_for_each(|(column, leaf)| column.write(leaf))?;
            (first, self.n_rows) = (first + n, self.n_rows + n);
            let bytes: usize = self.columns.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum();
            if self.n_rows == self.most_rows || bytes > ROW_GROUP_BYTES {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn end_group(&mut self) -> parquet::errors::Result<()> {
        let columns = std::mem::take(&mut self.columns).into_par_iter().map(ArrowColumnWriter::close);
        let chunks = columns.collect::<parquet::errors::Result<Vec<_>>>()?;
        self.n_rows = 0;
        let mut group = self.file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close().map(drop)
    }

    fn finish(mut self) -> parquet::errors::Result<Output> {
        if self.n_rows > 0 {
            self.end_group()?;
        }
        self.file.into_inner()
    }
}

/// The schema with what dictionaries stand for in their place.
fn unpacked_schema(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Dictionary(_, values) => field.as_ref().clone().with_data_type(values.as_ref().clone()),
        _ => field.as_ref().clone(),
    };
    let fields: Vec<Field> = schema.fields().iter().map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// What a dictionary's keys stand for; that may be more text than an array of its type holds.
fn unpacked(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let DataType::Dictionary(..) = array.data_type() else { return Ok(array.clone()) };
    let dictionary = array.as_any_dictionary();
    let values = dictionary.values().to_data();
    let mut copy = MutableArrayData::new(vec![&values], true, array.len());
    // Without values all are null.
    let is_empty = dictionary.values().is_empty();
    let keys = if is_empty { vec![0; array.len()] } else { dictionary.normalized_keys() };
    for (row, key) in keys.into_iter().enumerate() {
        match array.is_valid(row) {
            true => copy.try_extend(0, key, key + 1)?,
            false => copy.try_extend_nulls(1)?,
        }
    }
    Ok(make_array(copy.freeze()))
}

/// The columns of a company, and behind them others.
fn schema(company: Option<&Company>, columns: &[Column]) -> SchemaRef {
    let kind = |cell: CellType| match cell {
        CellType::F32 => DataType::Float32,
        CellType::F64 => DataType::Float64,
        CellType::I64 => DataType::Int64,
    };
    let (along, metadata) = company.map_or_else(Default::default, |company| {
        let fields = company.schema().fields().iter().map(|field| field.as_ref().clone());
        (fields.collect::<Vec<Field>>(), company.schema().metadata().clone())
    });
    let others = columns.iter().map(|column| Field::new(&column.name, kind(column.cell), false));
    Arc::new(Schema::new_with_metadata(along.into_iter().chain(others).collect::<Vec<Field>>(), metadata))
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
