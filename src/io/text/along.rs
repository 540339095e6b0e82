//! Columns of text that go along with samples.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::{DataType, Field, Schema};
use csv::ByteRecord;
use ndarray::ArrayView2;

use super::super::columns::{Picked, Selection};
use super::super::company::{Cells, Company, Keep};
use super::super::encoding::nameless;
use super::super::fields::Fields;
use super::judgement::is_missing;
use super::literal::parse;

/// Which columns these are, and what becomes of their cells.
pub(super) struct Along {
    schema: Schema,
    columns: Vec<(usize, Cell)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// Text, as it is written.
    Text,
    /// The number that it is as this feature.
    Feature(usize),
    /// A number, or nothing.
    Number,
}

impl Along {
    /// Those of a selection. Where nothing else says what they hold, the first rows do.
    pub(super) fn new(selection: &Selection, picked: &Picked, fields: &Fields, below: &[ByteRecord]) -> Self {
        let cell = |column: usize| match selection.keep {
            Keep::Rows(Cells::Typed) => {
                picked.features.iter().position(|feature| *feature == column).map_or(Cell::Text, Cell::Feature)
            }
            Keep::Chosen(Cells::Typed) if holds_numbers(column, below) => Cell::Number,
            _ => Cell::Text,
        };
        let columns: Vec<(usize, Cell)> = picked.company.iter().map(|&column| (column, cell(column))).collect();
        let name = |column: usize| fields.names().map_or_else(|| nameless(column), |names| names[column].clone());
        let kind = |cell: Cell| if cell == Cell::Text { DataType::LargeUtf8 } else { DataType::Float64 };
        let fields = columns.iter().map(|&(column, cell)| Field::new(name(column), kind(cell), true));
        Along { schema: Schema::new(fields.collect::<Vec<_>>()), columns }
    }

    /// Begins rows of these columns.
    pub(super) fn begin(&self) -> Rows {
        let begin = |(_, cell): &(usize, Cell)| match cell {
            Cell::Text => Some(Builder::Text(LargeStringBuilder::new())),
            Cell::Number => Some(Builder::Numbers(Vec::new())),
            Cell::Feature(_) => None,
        };
        Rows(self.columns.iter().map(begin).collect())
    }

    /// Adds a row, which may be short of cells; `Err` gives the column of a cell that should be a number.
    pub(super) fn push(&self, rows: &mut Rows, record: &ByteRecord) -> Result<(), usize> {
        let mut outcome = Ok(());
        for ((column, _), builder) in self.columns.iter().zip(&mut rows.0) {
            let cell = record.get(*column).unwrap_or_default();
            match builder {
                Some(Builder::Text(texts)) => texts.append_value(text(cell)),
                Some(Builder::Numbers(numbers)) => match parse(cell) {
                    None if !is_missing(cell) => {
                        outcome = outcome.and(Err(*column));
                        numbers.push(None);
                    }
                    number => numbers.push(number),
                },
                None => {}
            }
        }
        outcome
    }

    /// The company of samples with these features.
    pub(super) fn finish(&self, rows: Rows, features: ArrayView2<f64>) -> Option<Company> {
        if self.columns.is_empty() {
            return None;
        }
        let array = |((_, cell), builder): (&(usize, Cell), Option<Builder>)| -> ArrayRef {
            match (builder, cell) {
                (Some(Builder::Text(mut texts)), _) => Arc::new(texts.finish()),
                (Some(Builder::Numbers(numbers)), _) => Arc::new(Float64Array::from(numbers)),
                (None, Cell::Feature(feature)) => {
                    Arc::new(Float64Array::from_iter_values(features.column(*feature).iter().copied()))
                }
                (None, _) => unreachable!("only features have no builder"),
            }
        };
        let batch = self.columns.iter().zip(rows.0).map(array).collect();
        Some(Company::new(&self.schema, vec![batch]).expect("columns of these types, with a cell for every row"))
    }
}

/// Rows that are being put together.
pub(super) struct Rows(Vec<Option<Builder>>);

enum Builder {
    Text(LargeStringBuilder),
    Numbers(Vec<Option<f64>>),
}

/// Whether a column of some rows holds numbers, and nothing else that is there.
fn holds_numbers(column: usize, rows: &[ByteRecord]) -> bool {
    let cells = || rows.iter().filter_map(|row| row.get(column));
    cells().any(|cell| parse(cell).is_some()) && cells().all(|cell| parse(cell).is_some() || is_missing(cell))
}

/// A cell as it is written, in whatever encoding; a carriage return before the line feed is no part of it.
fn text(cell: &[u8]) -> Cow<'_, str> {
    let cell = cell.strip_suffix(b"\r").unwrap_or(cell);
    match std::str::from_utf8(cell) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(cell.iter().map(|byte| char::from(*byte)).collect()),
    }
}
