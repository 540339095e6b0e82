//! The rows of a text, one after another.

use std::path::PathBuf;

use csv::ByteRecord;

use super::super::delimiter::Delimiter;
use super::super::malformed;
use super::feed::{Blocks, Feed, is_blank, rows_reader};
use crate::error::{Error, Result};

/// The rows of a text file, one after another, blank lines left out.
pub(super) struct Rows {
    name: String,
    reader: csv::Reader<Feed>,
    pub(super) record: ByteRecord,
    /// Line that the reader counts as its first.
    first_line: u64,
    /// Whether the record was not asked for yet.
    pub(super) is_ahead: bool,
}

impl Rows {
    pub(super) fn new(name: &str, delimiter: Delimiter, feed: Feed, first_line: u64) -> Self {
        // A line feed alone ends a record, and blocks end with one: so the line just read is always the one before the
        // reader's.
        let reader = rows_reader(delimiter, feed);
        Rows { name: name.to_owned(), reader, record: ByteRecord::new(), first_line, is_ahead: false }
    }

    /// Goes on to the next row; `false` at the end.
    pub(super) fn advance(&mut self) -> Result<bool> {
        if std::mem::take(&mut self.is_ahead) {
            return Ok(true);
        }
        loop {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) if self.reader.get_ref().is_over => return Err(self.unclosed()),
                Ok(true) if is_blank(&self.record) => {}
                Ok(more) => return Ok(more),
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    /// Counts the comments that follow the row that was read, in these lines.
    pub(super) fn look_for_comments(&self, lines: &[u8]) {
        let read = usize::try_from(self.reader.position().byte()).unwrap_or(lines.len());
        if let (Some(blocks), Some(rest)) = (&self.reader.get_ref().blocks, lines.get(read..)) {
            blocks.look_for_comments(rest);
        }
    }

    pub(super) fn next_line(&self) -> u64 {
        self.first_line + self.reader.position().line() - 1
    }

    /// Whether the last row ended where a block ended: what follows can be parsed on its own.
    pub(super) fn is_at_end_of_block(&self) -> bool {
        let feed = self.reader.get_ref();
        !self.is_ahead && feed.is_at_end_of_block() && self.reader.position().byte() == feed.given
    }

    /// The blocks that follow.
    pub(super) fn blocks(&self) -> Option<&Blocks> {
        self.reader.get_ref().blocks.as_ref()
    }

    /// The same, when these rows are done.
    pub(super) fn into_blocks(self) -> Option<Blocks> {
        self.reader.into_inner().blocks
    }

    /// Line of the row, from 1.
    pub(super) fn line(&self) -> u64 {
        self.next_line() - 1
    }

    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.name, self.line())
    }

    /// The error for a quote that nothing closes.
    pub(super) fn unclosed(&self) -> Error {
        let first = self.record.position().map_or(1, csv::Position::line);
        let place = format!("{}:{}", self.name, self.first_line + first - 1);
        malformed(place, "a quote in this row is not closed up to the end of the file", "close it, or remove it")
    }

    pub(super) fn fail(&self, error: csv::Error) -> Error {
        let problem = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(source) => Error::Read { path: PathBuf::from(&self.name), source },
            _ => malformed(&self.name, problem, "write the file again, one row of numbers on each line"),
        }
    }
}
