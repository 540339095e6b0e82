//! Tables from text files: .csv and .tsv, with a header or without.

use std::io::Read;
use std::path::PathBuf;

use csv::ByteRecord;
use ndarray::{Array1, Array2};

use super::columns::{Picked, Selection};
use super::lines::Lines;
use super::malformed;
use super::source::Source;
use crate::error::{Error, Result};

/// Cells that stand for a missing value: no number, but no name of a column either.
const MISSING: [&str; 6] = ["NA", "N/A", "null", "None", "?", "-"];

/// Longest piece of a cell that an error shows.
const SHOWN: usize = 40;

/// The selected columns of a text file.
pub(super) struct TextTable {
    pub(super) values: Array2<f64>,
    pub(super) weights: Option<Array1<f64>>,
    pub(super) header: Option<Vec<String>>,
    pub(super) picked: Picked,
    pub(super) lines: Lines,
}

/// Reads the selected columns; the others may hold anything.
pub(super) fn read(source: Source, delimiter: u8, selection: &Selection) -> Result<TextTable> {
    let mut rows = Rows::new(source, delimiter);
    if !rows.advance()? {
        return Err(malformed(rows.name, "the file is empty", "give at least one row of numbers"));
    }
    let n_columns = rows.record.len();
    let header = header(&rows.record, selection, &rows.name);
    let picked = selection.find(&rows.name, header.as_deref(), n_columns)?;
    let mut more = if header.is_some() { rows.advance()? } else { true };
    if !more {
        return Err(malformed(
            rows.name,
            "there is a header but no row of numbers",
            "give at least one row of numbers",
        ));
    }

    let mut lines = Lines::default();
    let mut values = Vec::new();
    let mut weights = Vec::new();
    let mut n = 0;
    while more {
        if rows.record.len() != n_columns {
            let problem = format!("this row has {} cells, the first one has {n_columns}", rows.record.len());
            return Err(malformed(rows.place(), problem, "give every row the same number of cells"));
        }
        for &column in &picked.features {
            values.push(rows.number(column, header.as_deref())?);
        }
        if let Some(column) = picked.weights {
            weights.push(rows.number(column, header.as_deref())?);
        }
        lines.push(n, rows.line());
        n += 1;
        more = rows.advance()?;
    }
    let values = Array2::from_shape_vec((n, picked.features.len()), values).expect("each row gave one value a feature");
    let weights = picked.weights.map(|_| weights.into());
    Ok(TextTable { values, weights, header, picked, lines })
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
    std::str::from_utf8(cell.trim_ascii()).ok()?.parse().ok()
}

/// The rows of a text file, one after another, blank lines left out.
struct Rows {
    name: String,
    reader: csv::Reader<Box<dyn Read>>,
    record: ByteRecord,
}

impl Rows {
    fn new(source: Source, delimiter: u8) -> Self {
        // A line feed alone ends a record (the carriage return before it is trimmed like a blank), and one is put
        // after the last record: so the line just read is always the one before the reader's.
        let text: Box<dyn Read> = Box::new(source.reader.chain(&b"\n"[..]));
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(text);
        Rows { name: source.name, reader, record: ByteRecord::new() }
    }

    /// Goes on to the next row; `false` at the end.
    fn advance(&mut self) -> Result<bool> {
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

    fn line(&self) -> u64 {
        self.reader.position().line() - 1
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
