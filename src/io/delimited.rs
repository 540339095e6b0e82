//! Tables out as text: numbers with a separator between them, a line for each row.

use std::io::{self, Write};
use std::ops::Range;

use rayon::prelude::*;

use super::cells::{Block, Column, each, pieces};
use super::compression::{Compression, Compressor};
use super::output::{Destination, Output};
use crate::error::Result;

/// Values that one thread turns into text at a time.
const PIECE: usize = 1 << 14;

/// Writes numbers as text.
pub(super) struct TextWriter {
    to: Destination,
    output: Compressor,
    separator: u8,
}

impl TextWriter {
    /// Lines with nothing above them.
    pub(super) fn create(output: Output, separator: u8, compression: Compression) -> Result<Self> {
        let to = output.destination().clone();
        let output = Compressor::new(output, compression).map_err(|error| to.fail(error))?;
        Ok(TextWriter { to, output, separator })
    }

    /// Lines below a header.
    pub(super) fn with_header(
        output: Output,
        separator: u8,
        compression: Compression,
        columns: &[Column],
    ) -> Result<Self> {
        let mut writer = Self::create(output, separator, compression)?;
        // Names may hold separators and quotes, so the csv crate writes them.
        // In quotes, one that begins with # is no comment.
        let is_comment = columns.first().is_some_and(|column| column.name.starts_with('#'));
        let quotes = if is_comment { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut names = csv::WriterBuilder::new().delimiter(separator).quote_style(quotes).from_writer(Vec::new());
        let written = names.write_record(columns.iter().map(|column| &column.name));
        let header = written.map_err(io::Error::from).and_then(|()| names.into_inner().map_err(|e| e.into_error()));
        let written = header.and_then(|header| writer.output.write_all(&header));
        written.map_err(|error| writer.to.fail(error))?;
        Ok(writer)
    }

    /// Writes rows, made into text side by side.
    pub(super) fn write(&mut self, blocks: &[Block]) -> Result<()> {
        let pieces: Vec<Range<usize>> = pieces(blocks, PIECE).collect();
        for several in pieces.chunks(4 * rayon::current_num_threads()) {
            let texts: Vec<Vec<u8>> =
                several.par_iter().map(|rows| text(blocks, rows.clone(), self.separator)).collect();
            let written = texts.iter().try_for_each(|text| self.output.write_all(text));
            written.map_err(|error| self.to.fail(error))?;
        }
        Ok(())
    }

    /// Puts the complete table in its place.
    pub(super) fn finish(self) -> Result<()> {
        self.output.finish().map_err(|error| self.to.fail(error))?.finish()
    }
}

/// The lines of some rows.
fn text(blocks: &[Block], rows: Range<usize>, separator: u8) -> Vec<u8> {
    let mut text = Vec::new();
    for row in rows {
        let start = text.len();
        for block in blocks {
            each!(block, values => for value in values.row(row) {
                if text.len() > start {
                    text.push(separator);
                }
                // A float's debug form is the shortest that reads back as the same, with an exponent where it is long.
                write!(text, "{value:?}").expect("a vector takes what is written");
            });
        }
        text.push(b'\n');
    }
    text
}
