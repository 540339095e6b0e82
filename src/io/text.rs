//! Tables from text files: .csv and .tsv, with a header or without.
//!
//! Lines are read in blocks. Blocks without quotes are cut safely at line feeds, so several are parsed at once; from a block
//! with quotes on, rows are read one after another until a row ends with a block.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::path::PathBuf;
use std::sync::Arc;

use csv::ByteRecord;
use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::chunks::{Chunk, Table};
use super::columns::{Picked, Selection};
use super::lines::Lines;
use super::malformed;
use super::source::Source;
use crate::error::{Error, Result};

/// Cells that stand for a missing value: no number, but no name of a column either.
const MISSING: [&str; 6] = ["NA", "N/A", "null", "None", "?", "-"];

/// Longest piece of a cell that an error shows.
const SHOWN: usize = 40;

/// Bytes of a block: the first one is small, for it is parsed row by row.
const FIRST_BLOCK: usize = 1 << 14;
const BLOCK: usize = 1 << 20;

/// Blocks for each thread that are parsed at once.
const BLOCKS_PER_THREAD: usize = 2;

/// About as many bytes as a number takes, with what separates it from the next.
const BYTES_PER_NUMBER: usize = 8;

/// Rows of a chunk where they are read one after another.
const CHUNK: usize = 1 << 16;

/// Reads up to the first row of numbers, and finds the selected columns; the others may hold anything.
pub(super) fn open(source: Source, delimiter: u8, selection: &Selection) -> Result<Table> {
    let blocks = Blocks { reader: source.reader, size: FIRST_BLOCK };
    let mut rows = Rows::new(&source.name, delimiter, Feed::new(Vec::new(), Some(blocks)), 1);
    if !rows.advance()? {
        return Err(malformed(source.name, "the file is empty", "give at least one row of numbers"));
    }
    let n_columns = rows.record.len();
    let header = header(&rows.record, selection, &source.name);
    let picked = selection.find(&source.name, header.as_deref(), n_columns)?;
    if header.is_some() && !rows.advance()? {
        return Err(malformed(
            source.name,
            "there is a header but no row of numbers",
            "give at least one row of numbers",
        ));
    }
    rows.is_ahead = true;
    let names = header.as_ref().map(|names| picked.features.iter().map(|&column| names[column].clone()).collect());
    let layout = Arc::new(Layout { name: source.name, delimiter, header, n_columns, picked: picked.clone() });
    let chunks = TextChunks { layout, state: State::Rows(Box::new(rows)), parsed: VecDeque::new() };
    Ok(Table { picked, names, n_rows: None, chunks: Box::new(chunks) })
}

/// What all rows have in common.
struct Layout {
    name: String,
    delimiter: u8,
    header: Option<Vec<String>>,
    n_columns: usize,
    picked: Picked,
}

/// The rows of a file, in chunks.
struct TextChunks {
    layout: Arc<Layout>,
    state: State,
    /// Chunks that were parsed at once, or the error that ends them.
    parsed: VecDeque<Result<Chunk>>,
}

enum State {
    /// Row by row.
    Rows(Box<Rows>),
    /// Block by block, from this line on.
    Blocks(Blocks, u64),
    End,
}

impl Iterator for TextChunks {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(chunk) = self.parsed.pop_front() {
                if chunk.is_err() {
                    self.state = State::End;
                    self.parsed.clear();
                }
                return Some(chunk);
            }
            match std::mem::replace(&mut self.state, State::End) {
                State::End => return None,
                State::Rows(mut rows) => {
                    let chunk = self.layout.chunk(&mut rows, CHUNK);
                    let is_over = chunk.as_ref().is_ok_and(|chunk| chunk.samples.dim().0 == 0);
                    if !is_over {
                        self.parsed.push_back(chunk);
                        self.state = rows.into_state();
                    }
                }
                State::Blocks(blocks, line) => {
                    if let Err(error) = self.parse_blocks(blocks, line) {
                        self.parsed
                            .push_back(Err(Error::Read { path: PathBuf::from(&self.layout.name), source: error }));
                    }
                }
            }
        }
    }
}

impl TextChunks {
    /// Parses a few blocks without quotes.
    fn parse_blocks(&mut self, mut blocks: Blocks, mut line: u64) -> io::Result<()> {
        let most = BLOCKS_PER_THREAD * rayon::current_num_threads();
        let mut plain = Vec::with_capacity(most);
        let mut quoted = None;
        let mut is_over = false;
        while plain.len() < most && quoted.is_none() && !is_over {
            match blocks.next()? {
                None => is_over = true,
                Some(block) => {
                    let from = line;
                    line += block.iter().filter(|&&byte| byte == b'\n').count() as u64;
                    match block.contains(&b'"') {
                        true => quoted = Some((block, from)),
                        false => plain.push((block, from)),
                    }
                }
            }
        }
        let layout = &self.layout;
        let parse = |(block, line): (Vec<u8>, u64)| {
            let feed = Feed::new(block, None);
            layout.chunk(&mut Rows::new(&layout.name, layout.delimiter, feed, line), usize::MAX)
        };
        self.parsed.extend(plain.into_par_iter().map(parse).collect::<Vec<_>>());
        self.state = match quoted {
            _ if is_over => State::End,
            None => State::Blocks(blocks, line),
            Some((block, line)) => {
                let feed = Feed::new(block, Some(blocks));
                State::Rows(Box::new(Rows::new(&self.layout.name, self.layout.delimiter, feed, line)))
            }
        };
        Ok(())
    }
}

impl Layout {
    /// The next rows, at most so many.
    fn chunk(&self, rows: &mut Rows, most: usize) -> Result<Chunk> {
        let mut lines = Lines::default();
        let mut values = Vec::with_capacity(BLOCK / BYTES_PER_NUMBER);
        let mut weights = Vec::new();
        let mut n = 0;
        while n < most && !rows.is_at_end_of_block() && rows.advance()? {
            if rows.record.len() != self.n_columns {
                let problem = format!("this row has {} cells, the first one has {}", rows.record.len(), self.n_columns);
                return Err(malformed(rows.place(), problem, "give every row the same number of cells"));
            }
            for &column in &self.picked.features {
                values.push(rows.number(column, self.header.as_deref())?);
            }
            if let Some(column) = self.picked.weights {
                weights.push(rows.number(column, self.header.as_deref())?);
            }
            lines.push(n, rows.line());
            n += 1;
        }
        let values =
            Array2::from_shape_vec((n, self.picked.features.len()), values).expect("each row gave one value a feature");
        let weights = self.picked.weights.map(|_| Array1::from(weights));
        Ok(Chunk { samples: values.into(), weights, lines: Some(lines) })
    }
}

/// Blocks of whole lines.
struct Blocks {
    reader: Box<dyn BufRead + Send>,
    size: usize,
}

impl Blocks {
    /// The next block, which ends with a line feed even if the file does not.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = Vec::with_capacity(self.size + self.size / 16);
        self.reader.by_ref().take(self.size as u64).read_to_end(&mut block)?;
        self.size = BLOCK;
        if block.is_empty() {
            return Ok(None);
        }
        if block.last() != Some(&b'\n') {
            self.reader.read_until(b'\n', &mut block)?;
            if block.last() != Some(&b'\n') {
                block.push(b'\n');
            }
        }
        Ok(Some(block))
    }
}

/// What rows are read from: a block, and the next one when more is asked for.
struct Feed {
    block: io::Cursor<Vec<u8>>,
    blocks: Option<Blocks>,
    /// Bytes given out so far.
    given: u64,
}

impl Feed {
    fn new(block: Vec<u8>, blocks: Option<Blocks>) -> Self {
        Feed { block: io::Cursor::new(block), blocks, given: 0 }
    }

    fn is_at_end_of_block(&self) -> bool {
        self.block.position() == self.block.get_ref().len() as u64
    }
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.block.read(out)?;
            if n > 0 || out.is_empty() {
                self.given += n as u64;
                return Ok(n);
            }
            match self.blocks.as_mut().map_or(Ok(None), Blocks::next)? {
                Some(block) => self.block = io::Cursor::new(block),
                None => return Ok(0),
            }
        }
    }
}

/// The first row, if it is a header: if a cell that would have to be a number is text.
fn header(first: &ByteRecord, selection: &Selection, name: &str) -> Option<Vec<String>> {
    let is_missing = |cell: &[u8]| MISSING.iter().any(|text| text.as_bytes().eq_ignore_ascii_case(cell));
    let is_text = |cell: &[u8]| {
        let cell = cell.trim_ascii();
        !cell.is_empty() && !is_missing(cell) && parse(cell).is_none()
    };
    let is_header = match selection.find(name, None, first.len()) {
        Ok(Picked { features, weights }) => features.into_iter().chain(weights).any(|column| is_text(&first[column])),
        // Columns are asked for by name, so there has to be a header.
        Err(_) => first.iter().any(is_text),
    };
    is_header.then(|| first.iter().map(|cell| String::from_utf8_lossy(cell.trim_ascii()).into_owned()).collect())
}

fn parse(cell: &[u8]) -> Option<f64> {
    fast_float2::parse(cell.trim_ascii()).ok()
}

/// The rows of a text file, one after another, blank lines left out.
struct Rows {
    name: String,
    reader: csv::Reader<Feed>,
    record: ByteRecord,
    /// Line that the reader counts as its first.
    first_line: u64,
    /// Whether the record was not asked for yet.
    is_ahead: bool,
}

impl Rows {
    fn new(name: &str, delimiter: u8, feed: Feed, first_line: u64) -> Self {
        // A line feed alone ends a record (the carriage return before it is trimmed like a blank), and blocks end with
        // one: so the line just read is always the one before the reader's.
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(feed);
        Rows { name: name.to_owned(), reader, record: ByteRecord::new(), first_line, is_ahead: false }
    }

    /// Goes on to the next row; `false` at the end.
    fn advance(&mut self) -> Result<bool> {
        if std::mem::take(&mut self.is_ahead) {
            return Ok(true);
        }
        loop {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) if self.record.len() == 1 && self.is_blank() => {}
                Ok(more) => return Ok(more),
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    /// Whether the line holds nothing but white space. An empty cell in quotes is not blank.
    fn is_blank(&self) -> bool {
        !self.record[0].is_empty() && self.record[0].trim_ascii().is_empty()
    }

    fn next_line(&self) -> u64 {
        self.first_line + self.reader.position().line() - 1
    }

    /// Whether the last row ended where a block ended: what follows can be parsed on its own.
    fn is_at_end_of_block(&self) -> bool {
        let feed = self.reader.get_ref();
        !self.is_ahead && feed.is_at_end_of_block() && self.reader.position().byte() == feed.given
    }

    /// How to go on.
    fn into_state(self) -> State {
        if !self.is_at_end_of_block() {
            return State::Rows(Box::new(self));
        }
        let line = self.next_line();
        self.reader.into_inner().blocks.map_or(State::End, |blocks| State::Blocks(blocks, line))
    }

    /// Line of the row, from 1.
    fn line(&self) -> u64 {
        self.next_line() - 1
    }

    fn place(&self) -> String {
        format!("{}:{}", self.name, self.line())
    }

    fn number(&self, column: usize, header: Option<&[String]>) -> Result<f64> {
        let cell = &self.record[column];
        parse(cell).ok_or_else(|| {
            let text = String::from_utf8_lossy(cell.trim_ascii());
            let problem = match text.char_indices().nth(SHOWN) {
                _ if text.is_empty() => "is empty".to_owned(),
                Some((end, _)) => format!("is '{}...', not a number", &text[..end]),
                None => format!("is '{text}', not a number"),
            };
            let name = header.map_or(String::new(), |names| format!(" ({})", names[column]));
            let remedy = "fill in or remove such rows, or choose other columns (--columns)";
            malformed(self.place(), format!("column {column}{name} {problem}"), remedy)
        })
    }

    fn fail(&self, error: csv::Error) -> Error {
        let problem = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(source) => Error::Read { path: PathBuf::from(&self.name), source },
            _ => malformed(&self.name, problem, "write the file again, one row of numbers on each line"),
        }
    }
}
