//! Parquet files: the selected columns, a row group after another, its columns decoded side by side.

use std::fs::File;
use std::io::{self, BufReader};
use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use positioned_io::{Cursor, RandomAccessFile, ReadAt};
use rayon::prelude::*;

use super::chunks::{Chunk, Table};
use super::columnar::{Decoded, Layout, decode, list_length};
use super::columns::Selection;
use super::source::Source;
use crate::error::{Error, Result};

/// Rows decoded at a time.
const BATCH: usize = 1 << 16;

/// Rows that are looked at to see how long lists are, the first of which may be missing.
const FIRST_ROWS: usize = 1000;

/// Opens the file and finds the columns.
pub(super) fn open(source: Source, selection: &Selection) -> Result<Table> {
    let (name, unwanted) = (source.name.clone(), source.part.unwanted);
    let file =
        SharedFile::new(source.into_file()?).map_err(|source| Error::Read { path: name.clone().into(), source })?;
    let metadata = decode(&name, || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))?;
    let layout = Layout::new(name.clone(), metadata.schema(), selection, |column| {
        let mut batches = decode(&name, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata.clone())
                .with_projection(ProjectionMask::roots(metadata.parquet_schema(), [column]))
                .with_limit(FIRST_ROWS)
                .build()
        })?;
        let first = decode(&name, || batches.next().transpose())?;
        Ok(first.and_then(|batch| list_length(batch.column(0))))
    })?;
    let picked = layout.picked.clone();
    let rows_of_group = |group: usize| usize::try_from(metadata.metadata().row_group(group).num_rows()).unwrap_or(0);
    let (mut groups, mut left_out) = (0..metadata.metadata().num_row_groups(), 0);
    while groups.len() > 1 && left_out + rows_of_group(groups.start) <= unwanted {
        left_out += rows_of_group(groups.start);
        groups.start += 1;
    }
    let n_rows = usize::try_from(metadata.metadata().file_metadata().num_rows()).ok();
    let table = ParquetTable { file, metadata, layout };
    let chunks = groups.map(move |group| table.row_group(group));
    Ok(Table { picked, n_rows, left_out, chunks: Box::new(chunks) })
}

struct ParquetTable {
    file: SharedFile,
    metadata: ArrowReaderMetadata,
    layout: Layout,
}

impl ParquetTable {
    fn row_group(&self, group: usize) -> Result<Chunk> {
        let columns: Vec<_> = self
            .layout
            .projection()
            .into_par_iter()
            .map(|column| self.column(group, column).map(|values| (column, values)))
            .collect::<Result<_>>()?;
        let mut values = Vec::with_capacity(columns.len());
        for (column, found) in columns {
            match found {
                Ok(found) => values.push(found),
                Err(_) => return Err(self.missing(column)),
            }
        }
        Ok(self.layout.chunk(&values))
    }

    /// A column of a row group; `Err` gives its number of nulls, where there are any.
    fn column(&self, group: usize, column: usize) -> Result<std::result::Result<Decoded, usize>> {
        let place = format!("{}, row group {group}", self.layout.file);
        let mut batches = decode(&place, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(ProjectionMask::roots(self.metadata.parquet_schema(), [column]))
                .with_batch_size(BATCH)
                .build()
        })?;
        let mut values: Option<Decoded> = None;
        let mut nulls = 0;
        while let Some(batch) = decode(&place, || batches.next().transpose())? {
            match self.layout.values(column, batch.column(0))? {
                Err(more) => nulls += more,
                Ok(more) => match &mut values {
                    Some(values) => values.extend(more),
                    None => values = Some(more),
                },
            }
        }
        Ok(if nulls > 0 { Err(nulls) } else { Ok(values.unwrap_or_else(|| self.layout.no_values(column))) })
    }

    /// The error for a column with nulls, all of them counted.
    fn missing(&self, column: usize) -> Error {
        let groups = (0..self.metadata.metadata().num_row_groups()).into_par_iter();
        let nulls = groups
            .map(|group| -> Result<usize> { Ok(self.column(group, column)?.err().unwrap_or(0)) })
            .sum::<Result<usize>>();
        nulls.map_or_else(|error| error, |nulls| self.layout.missing(column, nulls))
    }
}

/// A file that several threads read at once. (Clones of a [`File`] would share one cursor.)
#[derive(Debug, Clone)]
struct SharedFile {
    file: Arc<RandomAccessFile>,
    length: u64,
}

impl SharedFile {
    fn new(file: File) -> io::Result<Self> {
        Ok(SharedFile { length: file.metadata()?.len(), file: Arc::new(RandomAccessFile::try_new(file)?) })
    }
}

impl Length for SharedFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for SharedFile {
    type T = BufReader<Cursor<Arc<RandomAccessFile>>>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(Cursor::new_pos(self.file.clone(), start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        // Broken metadata may ask for more than there is, and than there is memory.
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            let problem = format!("{length} bytes from {start} on are beyond the end of the file, {}", self.length);
            return Err(ParquetError::EOF(problem));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(start, &mut bytes)?;
        Ok(bytes.into())
    }
}
