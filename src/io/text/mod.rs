//! Tables from text files: .csv, .tsv and others, with a header or without.
//!
//! Lines are read in blocks. Blocks without quotes are cut safely at line feeds, so several are parsed at once; from a
//! block with quotes on, rows are read one after another until a row ends with a block.

mod along;
mod arrivals;
mod feed;
mod header;
mod judgement;
mod literal;
mod preview;
mod rows;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::ByteRecord;
use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::bad_rows::{BadRows, Found};
use super::chunks::{Chunk, Table};
use super::columns::{Header, Picked, Selection, choice_of};
use super::company::Beside;
use super::delimiter::Delimiter;
use super::fields::Fields;
use super::lines::Lines;
use super::malformed;
use super::notes::{About, Note};
use super::source::Source;
use crate::advice::{Advice, Term};
use crate::data::missing::Missing;
use crate::error::{Error, Result};
use along::Along;
use feed::{Blocks, Feed, Shape, prepared};
use header::Top;
use judgement::is_missing;
use literal::{has_decimal_comma, is_rounded, parse};
use preview::{check_text, comments_above, guess_delimiter, is_first_row_quoted, preview, told_delimiter};
use rows::Rows;

/// Longest piece of a cell that an error shows.
const SHOWN: usize = 40;

/// Blocks for each thread that are parsed at once.
const BLOCKS_PER_THREAD: usize = 2;

/// About as many bytes as a block has, and as a number takes, with what separates it from the next.
const BYTES_PER_BLOCK: usize = 1 << 20;
const BYTES_PER_NUMBER: usize = 8;

/// Rows of a chunk where they are read one after another.
const CHUNK: usize = 1 << 16;

/// Reads up to the first row of numbers, and finds the selected columns; the others may hold anything. The delimiter is
/// the preferred one unless the selection or the first rows tell another.
pub(super) fn open(source: Source, preferred: Delimiter, selection: &Selection) -> Result<Table> {
    let Source { name, reader, file, part, .. } = source;
    let fail = |source| Error::Read { path: PathBuf::from(&name), source };
    let is_whole = file.is_some_and(|file| file.metadata().is_ok_and(|found| found.is_file()));
    let (mut lines, blocks) = Blocks::open(reader, selection.at_once && !is_whole).map_err(fail)?;
    check_text(&name, &lines)?;
    let told = told_delimiter(&mut lines);
    let delimiter = selection.delimiter.or(told).unwrap_or_else(|| guess_delimiter(&lines, preferred));
    let mut blocks = blocks.with_delimiter(delimiter);
    // Rows that begin with # tell more of the rows' shape, and that which others of them are rows.
    let shape = Shape::of(&preview(&lines, delimiter));
    let lines = prepared(lines, delimiter, shape, false);
    let shape = Shape::of(&preview(&lines, delimiter));
    let lines = prepared(lines, delimiter, shape, false);

    let rows = preview(&lines, delimiter);
    let comments = comments_above(&lines, delimiter, shape.cells);
    let Some(first) = rows.first() else {
        let problem = if comments.is_empty() { "the file is empty" } else { "every line is a comment (#)" };
        return if part.is_one_of_several { Ok(Table::nothing()) } else { Err(no_rows(name, problem)) };
    };
    let is_quoted = is_first_row_quoted(&lines, first.len());
    let top = Top { rows: &rows, comments: &comments, is_quoted, delimiter, earlier: part.earlier.as_ref() };
    let found = header::find(&top, selection, &name);
    let below = &rows[usize::from(found.is_row)..];
    let fields = match &found.names {
        Some(names) => {
            let is_empty = |column: &usize| {
                below.iter().all(|row| row.get(*column).is_none_or(|cell| cell.trim_ascii().is_empty()))
            };
            Fields::named(names.clone()).with_empty((0..names.len()).filter(is_empty).collect())
        }
        None => Fields::nameless(first.len()),
    };
    let mut picked = selection.find(&name, &fields)?;
    picked.notes.extend(found.notes);

    let commented = blocks.expect(Shape { cells: fields.len(), ..shape });
    let mut rows = Rows::new(&name, delimiter, Feed::new(lines.clone(), Some(blocks)), 1);
    if !rows.advance()? || found.is_row && !rows.advance()? {
        let problem = match rows.blocks().is_some_and(|blocks| blocks.has_comments(&lines)) {
            true => "below the header every line is a comment (#)",
            false => "there is a header but no row of numbers",
        };
        let empty = Table { n_rows: Some(0), left_out: 0, chunks: Box::new(std::iter::empty()), picked };
        return if part.is_one_of_several { Ok(empty) } else { Err(no_rows(name, problem)) };
    }
    rows.is_ahead = true;
    rows.look_for_comments(&lines);
    let may_be_names = !found.is_row && selection.header == Header::Auto;
    let first_line = may_be_names.then(|| rows.line());
    let holds_number =
        |column: &usize| below.iter().any(|row| row.get(*column).is_some_and(|cell| parse(cell).is_some()));
    let numeric = picked.features.iter().copied().filter(holds_number).collect();
    let layout = Layout {
        name,
        delimiter,
        along: Along::new(selection, &picked, &fields, below),
        fields,
        picked: picked.clone(),
        numeric,
        commented,
        first_line,
        missing: selection.missing,
        bad_rows: selection.bad_rows,
    };
    let chunks = TextChunks { layout: Arc::new(layout), state: State::Rows(Box::new(rows)), parsed: VecDeque::new() };
    Ok(Table { picked, n_rows: None, left_out: 0, chunks: Box::new(chunks) })
}

fn no_rows(name: String, problem: &str) -> Error {
    malformed(name, problem, "give at least one row of numbers")
}

/// Layout of the rows of a text.
struct Layout {
    name: String,
    delimiter: Delimiter,
    fields: Fields,
    picked: Picked,
    /// The features that hold a number in one of the first rows, at least.
    numeric: Vec<usize>,
    along: Along,
    /// Comments so far that look like samples.
    commented: Arc<AtomicUsize>,
    /// Line of the first row, where it may be names nevertheless.
    first_line: Option<u64>,
    missing: Missing,
    bad_rows: BadRows,
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
                        self.state = go_on(rows);
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
        // What is there is parsed before more is waited for.
        while plain.len() < most && quoted.is_none() && !is_over && (plain.is_empty() || blocks.is_here()?) {
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

/// How to go on after some rows.
fn go_on(rows: Box<Rows>) -> State {
    if !rows.is_at_end_of_block() {
        return State::Rows(rows);
    }
    let line = rows.next_line();
    rows.into_blocks().map_or(State::End, |blocks| State::Blocks(blocks, line))
}

impl Layout {
    /// The next rows, at most `most`.
    fn chunk(&self, rows: &mut Rows, most: usize) -> Result<Chunk> {
        let mut lines = Lines::default();
        let mut values = Vec::with_capacity(BYTES_PER_BLOCK / BYTES_PER_NUMBER);
        let mut weights = Vec::new();
        let mut along = self.along.begin();
        let mut bad = Found::default();
        let mut rounded = None;
        let mut n = 0;
        let n_features = self.picked.features.len();
        while n < most && !rows.is_at_end_of_block() && rows.advance()? {
            let parsed = self.numbers(&rows.record, &mut values, &mut rounded);
            let pushed = self.along.push(&mut along, &rows.record).map_err(Some);
            if let Err(bad_cell) = parsed.and(pushed) {
                let problem = || bad_cell.map_or_else(|| self.ragged(rows), |column| self.no_number(rows, column));
                if self.bad_rows == BadRows::Error {
                    return Err(problem());
                }
                bad.add(n, problem);
                values.truncate(n * n_features);
                values.resize((n + 1) * n_features, f64::NAN);
                values.extend(self.picked.weights.map(|_| 0.0));
            }
            if self.picked.weights.is_some() {
                weights.extend(values.pop());
            }
            lines.push(n, rows.line());
            n += 1;
        }
        let values = Array2::from_shape_vec((n, n_features), values).expect("each row gave one value a feature");
        let weights = self.picked.weights.map(|_| Array1::from(weights));
        let beside = Beside { company: self.along.finish(along, values.view()), ..Beside::default() };
        Ok(Chunk { samples: values.into(), weights, beside, bad, lines: Some(lines), notes: self.notes(rounded) })
    }

    /// The features of a row, and its weight; `Err` gives the column of a cell that is no number, or none where there
    /// are too few cells, or too many.
    fn numbers(
        &self,
        record: &ByteRecord,
        values: &mut Vec<f64>,
        rounded: &mut Option<usize>,
    ) -> std::result::Result<(), Option<usize>> {
        if record.len() != self.fields.len() {
            return Err(None);
        }
        for &column in self.picked.features.iter().chain(&self.picked.weights) {
            let cell = &record[column];
            let number = match parse(cell) {
                Some(number) => number,
                None if self.may_lack(column) && is_missing(cell) => f64::NAN,
                None => return Err(Some(column)),
            };
            if is_rounded(cell, number) {
                rounded.get_or_insert(column);
            }
            values.push(number);
        }
        Ok(())
    }

    /// Whether values of a column may be missing: those of weights may not.
    fn may_lack(&self, column: usize) -> bool {
        self.missing == Missing::Marginalize && self.picked.weights != Some(column)
    }

    /// The error for a row of another number of cells than the first one.
    fn ragged(&self, rows: &Rows) -> Error {
        let (found, expected) = (rows.record.len(), self.fields.len());
        let mut problem = format!("this row has {found} cells, the first one has {expected}");
        let is_decimal = expected == 1 && has_decimal_comma(&rows.record.iter().collect::<Vec<_>>().join(&b','));
        let say = |before: &str, after: &str| Advice::from(before) + Term::Delimiter + after;
        let is_joined = rows.record.iter().any(|cell| cell.contains(&b'\n'));
        let remedy = match expected {
            _ if is_joined => "close the quote that joins several lines into this row".into(),
            _ if is_decimal => {
                problem += ", unless its comma is a decimal one";
                "write numbers with decimal points".into()
            }
            1 => say("separate names and numbers alike (", " says how), or remove a title above both"),
            _ => say("give every row the same number of cells, or say what separates them (", ")"),
        };
        malformed(rows.place(), problem, remedy)
    }

    /// Notes about some rows.
    fn notes(&self, rounded: Option<usize>) -> Vec<Note> {
        let name = |column: usize| self.fields.names().map(|names| names[column].as_str());
        let mut notes: Vec<Note> = rounded.map(|column| Note::rounded(&self.name, name(column))).into_iter().collect();
        if self.commented.load(Ordering::Relaxed) > 0 {
            let text = "lines that begin with # are comments; some of them look like samples, and are left out";
            notes.push(Note::new(About::Comments, &self.name, text));
        }
        notes
    }

    /// The error for a cell that is no number.
    fn no_number(&self, rows: &Rows, column: usize) -> Error {
        let cell = rows.record[column].trim_ascii();
        let text = String::from_utf8_lossy(cell);
        let text = match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text.into_owned(),
        };
        let names = self.fields.names();
        let name = names.map_or(String::new(), |names| format!(" ({})", names[column]));
        // Where nothing separates cells, commas may do.
        let decimal_comma = self.fields.len() > 1 && has_decimal_comma(cell);
        let problem = match text.as_str() {
            "" => "is empty".to_owned(),
            text if decimal_comma => format!("is '{text}', a number with a decimal comma"),
            text => format!("is '{text}', not a number"),
        };
        // A column without any number is not one of samples.
        let is_text = !self.numeric.is_empty() && !self.numeric.contains(&column) && !is_missing(cell);
        let fill_in = Advice::from("fill in or remove such rows, or ");
        let others = fill_in.clone() + "choose other columns (" + Term::Columns + ")";
        let is_hole = is_missing(cell) && self.picked.weights != Some(column);
        let remedy = if is_hole && self.fields.len() > 1 && self.first_line != Some(rows.line()) {
            fill_in + "integrate out what is missing (" + Term::Marginalize + ")"
        } else if decimal_comma {
            self.with_decimal_points(cell).into()
        } else if self.first_line == Some(rows.line()) {
            Advice::from("if this row is the names of the columns: ") + Term::Header(true) + "; otherwise " + others
        } else if self.fields.len() == 1 {
            fill_in + "say what separates the cells (" + Term::Delimiter + ")"
        } else if is_text && self.picked.weights != Some(column) {
            Advice::from("choose columns of numbers: ") + self.choice(self.numeric.clone())
        } else if let Some(numbers) = self.columns_of_numbers(rows) {
            fill_in + "choose other columns: " + numbers
        } else {
            others
        };
        malformed(rows.place(), format!("column {column}{name} {problem}"), remedy)
    }

    /// The choice of the columns that hold numbers in this row, if they are fewer than those that are chosen.
    fn columns_of_numbers(&self, rows: &Rows) -> Option<Term> {
        let holds_number = |column: &usize| parse(&rows.record[*column]).is_some();
        let numbers: Vec<usize> = self.picked.features.iter().copied().filter(holds_number).collect();
        (!numbers.is_empty()).then(|| self.choice(numbers))
    }

    /// The choice of these columns, by name, or else by index.
    fn choice(&self, columns: Vec<usize>) -> Term {
        let name =
            |column: usize| self.fields.names().map_or_else(|| column.to_string(), |names| names[column].clone());
        choice_of(columns.into_iter().map(name).collect())
    }

    /// How a cell with a decimal comma becomes a number.
    fn with_decimal_points(&self, cell: &[u8]) -> &'static str {
        match self.delimiter != Delimiter::COMMA && !cell.contains(&b'.') {
            true => "write numbers with decimal points, for example: tr , . < old.csv > new.csv",
            false => "write numbers with decimal points, and without separators of thousands",
        }
    }
}
