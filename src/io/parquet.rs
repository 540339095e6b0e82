//! Parquet files: the selected columns, some rows of a row group after others, its columns decoded side by side.

use std::fs::File;
use std::io::{self, BufReader};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use positioned_io::{Cursor, RandomAccessFile, ReadAt};
use rayon::prelude::*;

use super::chunks::{Chunk, Table};
use super::columnar::{Layout, broken, decode, list_length};
use super::columns::Selection;
use super::source::Source;
use super::values::Decoded;
use crate::error::{Error, Result};

/// Rows decoded at a time, and how often before they are handed on.
const BATCH: usize = 1 << 16;
const BATCHES: usize = 4;

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
    let chunks = RowGroups { table, groups, columns: Vec::new() };
    Ok(Table { picked, n_rows, left_out, chunks: Box::new(chunks) })
}

struct ParquetTable {
    file: SharedFile,
    metadata: ArrowReaderMetadata,
    layout: Layout,
}

/// Row groups, one after another, some rows at a time.
struct RowGroups {
    table: ParquetTable,
    /// Those that follow.
    groups: Range<usize>,
    /// The columns of the one at work.
    columns: Vec<Column>,
}

impl RowGroups {
    fn chunk(&mut self) -> Result<Option<Chunk>> {
        loop {
            if self.columns.is_empty() {
                let Some(group) = self.groups.next() else { return Ok(None) };
                let columns = self.table.layout.projection().into_iter();
                self.columns = columns.map(|column| self.table.column(group, column)).collect::<Result<_>>()?;
            }
            let layout = &self.table.layout;
            let pieces = self.columns.par_iter_mut().map(|column| column.next(layout)).collect::<Result<Vec<_>>>()?;
            let n = pieces.first().map_or(0, |piece| piece.n);
            if pieces.iter().any(|piece| piece.n != n) {
                return Err(broken(&layout.file, &"its columns have different lengths"));
            }
            if n < BATCHES * BATCH {
                self.columns.clear();
            }
            if n == 0 {
                continue;
            }
            if let Some((column, _)) = layout.projection().into_iter().zip(&pieces).find(|(_, piece)| piece.nulls > 0) {
                return Err(self.table.missing(column));
            }
            let (values, arrays): (Vec<_>, Vec<_>) =
                pieces.into_iter().map(|piece| (piece.values, piece.arrays)).unzip();
            return layout.chunk(n, &values, &arrays).map(Some);
        }
    }
}

impl Iterator for RowGroups {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        self.chunk().transpose()
    }
}

/// A column of a row group, on its way by.
struct Column {
    /// Its number in the file.
    number: usize,
    place: String,
    batches: ParquetRecordBatchReader,
}

/// Some rows of a column.
#[derive(Default)]
struct Piece {
    n: usize,
    nulls: usize,
    /// The values of features and weights.
    values: Option<Decoded>,
    /// The arrays of what goes along.
    arrays: Vec<ArrayRef>,
}

impl Column {
    fn next(&mut self, layout: &Layout) -> Result<Piece> {
        let mut piece = Piece::default();
        let (is_decoded, goes_along) = (layout.is_decoded(self.number), layout.goes_along(self.number));
        for _ in 0..BATCHES {
            let Some(batch) = decode(&self.place, || self.batches.next().transpose())? else { break };
            let array = batch.column(0);
            piece.n += array.len();
            if is_decoded {
                match layout.values(self.number, array)? {
                    Err(nulls) => piece.nulls += nulls,
                    Ok(more) => match &mut piece.values {
                        Some(values) => values.extend(more),
                        None => piece.values = Some(more),
                    },
                }
            }
            if goes_along {
                piece.arrays.push(array.clone());
            }
        }
        Ok(piece)
    }
}

impl ParquetTable {
    fn column(&self, group: usize, number: usize) -> Result<Column> {
        let place = format!("{}, row group {group}", self.layout.file);
        let batches = decode(&place, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(ProjectionMask::roots(self.metadata.parquet_schema(), [number]))
                .with_batch_size(BATCH)
                .build()
        })?;
        Ok(Column { number, place, batches })
    }

    /// The error for a column with nulls, all of them counted.
    fn missing(&self, number: usize) -> Error {
        let groups = (0..self.metadata.metadata().num_row_groups()).into_par_iter();
        let of_group = |group: usize| -> Result<usize> {
            let mut column = self.column(group, number)?;
            let mut nulls = 0;
            loop {
                let piece = column.next(&self.layout)?;
                nulls += piece.nulls;
                if piece.n < BATCHES * BATCH {
                    return Ok(nulls);
                }
            }
        };
        let nulls = groups.map(of_group).sum::<Result<usize>>();
        nulls.map_or_else(|error| error, |nulls| self.layout.missing(number, nulls))
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
