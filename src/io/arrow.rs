//! Arrow IPC files (Feather) and streams, a batch after another.

use std::io::BufReader;

use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::ArrowError;

use super::arrow_lengths::{CheckedStream, check_file};
use super::chunks::{Chunk, Table};
use super::columnar::{Layout, decode, list_length};
use super::columns::Selection;
use super::source::{Format, Source};
use crate::error;

/// Opens the file or stream and finds the columns.
pub(super) fn open(source: Source, selection: &Selection) -> error::Result<Table> {
    let name = source.name.clone();
    if source.format == Format::ArrowStream {
        // A stream passes by once: all its columns are decoded, and the others dropped.
        let mut reader = decode(&name, || StreamReader::try_new(CheckedStream::new(source.reader), None))?;
        let schema = reader.schema();
        let mut first = None;
        let layout = Layout::new(name.clone(), &schema, selection, |column| {
            if first.is_none() {
                first = decode(&name, || reader.next().transpose())?;
            }
            Ok(first.as_ref().and_then(|batch| list_length(batch.column(column))))
        })?;
        let projection = layout.projection();
        let batches = first.map(Ok).into_iter().chain(reader);
        return Ok(table(layout, batches.map(move |batch| batch?.project(&projection))));
    }
    let file = source.into_file()?;
    decode(&name, || check_file(&file))?;
    let schema = decode(&name, || FileReader::try_new(BufReader::new(&file), None))?.schema();
    let layout = Layout::new(name.clone(), &schema, selection, |column| {
        let mut batches = decode(&name, || FileReader::try_new(BufReader::new(&file), Some(vec![column])))?;
        let first = decode(&name, || batches.next().transpose())?;
        Ok(first.and_then(|batch| list_length(batch.column(0))))
    })?;
    let reader = decode(&name, || FileReader::try_new(BufReader::new(file), Some(layout.projection())))?;
    Ok(table(layout, reader))
}

fn table(layout: Layout, batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static) -> Table {
    Table { picked: layout.picked.clone(), n_rows: None, left_out: 0, chunks: Box::new(Batches { layout, batches }) }
}

/// Batches, as chunks.
struct Batches<I> {
    layout: Layout,
    batches: I,
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>>> Batches<I> {
    fn batch(&mut self) -> error::Result<Option<RecordBatch>> {
        decode(&self.layout.file, || self.batches.next().transpose())
    }

    fn chunk(&mut self) -> error::Result<Option<Chunk>> {
        let Some(batch) = self.batch()? else { return Ok(None) };
        match self.layout.chunk_of_batch(&batch)? {
            Ok(chunk) => Ok(Some(chunk)),
            Err((column, mut nulls)) => {
                // The rest is only counted.
                let place = self.layout.projection().binary_search(&column).expect("a column of the projection");
                while let Some(batch) = self.batch()? {
                    nulls += batch.column(place).logical_null_count();
                }
                Err(self.layout.missing(column, nulls))
            }
        }
    }
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>>> Iterator for Batches<I> {
    type Item = error::Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        self.chunk().transpose()
    }
}
