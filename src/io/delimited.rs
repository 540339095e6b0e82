//! Tables out as text: cells with a separator between them, a line for each row.

use std::io::{self, Write};
use std::ops::Range;

use rayon::prelude::*;

use super::cells::{Block, each, pieces_of};
use super::company::Company;
use super::compression::{Compression, Compressor};
use super::malformed;
use super::output::{Destination, Output};
use super::spelling::{Spelling, spelling};
use crate::error::Result;

/// What begins a comment.
const COMMENT: char = '#';

/// Values that one thread turns into text at a time.
const PIECE: usize = 1 << 14;

/// Writes cells as text.
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
    pub(super) fn with_header(output: Output, separator: u8, compression: Compression, names: &[&str]) -> Result<Self> {
        let mut writer = Self::create(output, separator, compression)?;
        // Names may hold separators and quotes, so the csv crate writes them.
        // In quotes, one that begins with # is no comment.
        let is_comment = names.first().is_some_and(|name| name.starts_with(COMMENT));
        let quotes = if is_comment { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut line = csv::WriterBuilder::new().delimiter(separator).quote_style(quotes).from_writer(Vec::new());
        let written = line.write_record(names);
        let header = written.map_err(io::Error::from).and_then(|()| line.into_inner().map_err(|e| e.into_error()));
        let written = header.and_then(|header| writer.output.write_all(&header));
        written.map_err(|error| writer.to.fail(error))?;
        Ok(writer)
    }

    /// Writes rows, behind their company if they have any, made into text side by side.
    pub(super) fn write(&mut self, company: Option<&Company>, blocks: &[Block]) -> Result<()> {
        let Some(company) = company else {
            let n = blocks.first().map_or(0, |block| block.dim().0);
            return self.write_rows(&[], blocks, 0..n);
        };
        let mut first = 0;
        for batch in company.batches() {
            let spell = |(name, array)| {
                spelling(array).ok_or_else(|| {
                    let problem = format!("column '{name}' holds {}, which has no text", array.data_type());
                    malformed(self.to.path().display().to_string(), problem, "write .parquet or .arrow")
                })
            };
            let spellings = company.names().zip(batch.columns()).map(spell).collect::<Result<Vec<_>>>()?;
            self.write_rows(&spellings, blocks, first..first + batch.num_rows())?;
            first += batch.num_rows();
        }
        Ok(())
    }

    /// Writes some rows; the spellings begin with the first of them.
    fn write_rows(&mut self, spellings: &[Spelling], blocks: &[Block], rows: Range<usize>) -> Result<()> {
        let width = spellings.len() + blocks.iter().map(|block| block.dim().1).sum::<usize>();
        let first = rows.start;
        let pieces: Vec<Range<usize>> = pieces_of(rows, width, PIECE).collect();
        let lines = Lines { spellings, blocks, separator: self.separator };
        for several in pieces.chunks(4 * rayon::current_num_threads()) {
            let texts: Vec<Vec<u8>> = several.par_iter().map(|rows| lines.text(rows.clone(), first)).collect();
            let written = texts.iter().try_for_each(|text| self.output.write_all(text));
            written.map_err(|error| self.to.fail(error))?;
        }
        Ok(())
    }

    /// Hands on what was written up to now.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.output.flush().map_err(|error| self.to.fail(error))
    }

    /// Puts the complete table in its place.
    pub(super) fn finish(self) -> Result<()> {
        self.output.finish().map_err(|error| self.to.fail(error))?.finish()
    }
}

/// Cells side by side.
struct Lines<'a, 's, 'b> {
    spellings: &'a [Spelling<'s>],
    blocks: &'a [Block<'b>],
    separator: u8,
}

impl Lines<'_, '_, '_> {
    /// The lines of some rows, of which the spellings begin with `first`.
    fn text(&self, rows: Range<usize>, first: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for row in rows {
            let mut cells = self.spellings.len();
            for (i, spell) in self.spellings.iter().enumerate() {
                if i > 0 {
                    text.push(self.separator);
                }
                let start = text.len();
                spell(row - first, &mut text);
                // A line of nothing would be none.
                let is_alone = self.spellings.len() == 1 && self.blocks.is_empty();
                if text.len() == start && is_alone || self.needs_quotes(&text[start..], i == 0) {
                    quote(&mut text, start);
                }
            }
            for block in self.blocks {
                each!(block, values => for value in values.row(row) {
                    if cells > 0 {
                        text.push(self.separator);
                    }
                    cells += 1;
                    // A float's debug form is the shortest that reads back as the same, with an exponent where it is long.
                    write!(text, "{value:?}").expect("a vector takes what is written");
                });
            }
            text.push(b'\n');
        }
        text
    }

    /// Whether a cell is to stand in quotes.
    fn needs_quotes(&self, cell: &[u8], begins_line: bool) -> bool {
        begins_line && cell.first() == Some(&(COMMENT as u8))
            || cell.iter().any(|byte| *byte == self.separator || matches!(byte, b'"' | b'\n' | b'\r'))
    }
}

/// Puts quotes around what begins here, and doubles those in it.
fn quote(text: &mut Vec<u8>, start: usize) {
    let cell = text.split_off(start);
    text.push(b'"');
    for byte in cell {
        if byte == b'"' {
            text.push(b'"');
        }
        text.push(byte);
    }
    text.push(b'"');
}
