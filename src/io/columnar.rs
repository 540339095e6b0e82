//! Tables of typed columns: the common part of Parquet, and of Arrow IPC files and streams (Feather).

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait, RecordBatch};
use arrow_schema::{DataType, Schema};
use ndarray::Array1;

use super::along::{Along, Column};
use super::bad_rows::{BadRows, Found};
use super::chunks::Chunk;
use super::columns::{MOST_COLUMNS, Picked, Selection, choice_of};
use super::company::Beside;
use super::fields::Fields;
use super::malformed;
use super::notes::Note;
use super::values::{Decoded, Place, Strided, Values, Widened, is_single, rows, strided};
use super::widening::{doubles, singles};
use crate::advice::{Advice, Term};
use crate::data::missing::Missing;
use crate::data::samples::Samples;
use crate::error::{self, Error};

/// The selected columns of a file.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) file: String,
    pub(super) picked: Picked,
    fields: Vec<Field>,
    /// Where every feature is.
    features: Vec<Place>,
    weights: Option<Place>,
    along: Along,
    /// Whether all features are f32, or narrower.
    single: bool,
    may_lack: bool,
    missing: Missing,
}

/// A column of the file.
#[derive(Debug, Clone)]
struct Field {
    name: String,
    kind: DataType,
    /// Numbers in each of its lists, if it holds lists.
    length: Option<usize>,
    /// Whether its numbers are kept as f32: not where they are features beside others of f64.
    single: bool,
}

impl Layout {
    /// Finds the columns and checks that they hold numbers. `length_of` tells how many numbers the lists of a column
    /// hold, where the schema does not say it; `None` where there are no lists to look at.
    pub(super) fn new(
        file: String,
        schema: &Schema,
        selection: &Selection,
        mut length_of: impl FnMut(usize) -> error::Result<Option<usize>>,
    ) -> error::Result<Self> {
        let mut fields = Vec::with_capacity(schema.fields().len());
        for (i, field) in schema.fields().iter().enumerate() {
            let kind = field.data_type().clone();
            let length = match &kind {
                DataType::FixedSizeList(of, length) if is_number(of.data_type()) => usize::try_from(*length).ok(),
                DataType::List(of) | DataType::LargeList(of) if is_number(of.data_type()) => length_of(i)?,
                _ => None,
            };
            fields.push(Field { name: field.name().clone(), kind, length, single: false });
        }
        let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        let lengths: Vec<Option<usize>> = fields.iter().map(|field| field.length).collect();
        if lengths.iter().flatten().sum::<usize>() > MOST_COLUMNS {
            let problem = format!("the lists of its columns hold more than {MOST_COLUMNS} numbers in every row");
            let remedy = Advice::from("choose other columns (") + Term::Columns + "), or write it again";
            return Err(malformed(file, problem, remedy));
        }
        let places: Vec<Place> = lengths
            .iter()
            .enumerate()
            .flat_map(|(field, length)| (0..length.unwrap_or(1)).map(move |element| Place { field, element }))
            .collect();
        let written = index_names(schema);
        let is_index = |place: &Place| written.contains(&names[place.field]);
        let index = (0..places.len()).filter(|i| is_index(&places[*i])).collect();
        let offered = Fields::with_lists(names, &lengths).with_index(index);
        let picked = selection.find(&file, &offered)?;

        let features: Vec<Place> = picked.features.iter().map(|&column| places[column]).collect();
        let weights = picked.weights.map(|column| places[column]);
        for &Place { field, .. } in features.iter().chain(&weights) {
            let Field { name, kind, length, .. } = &fields[field];
            if length.is_none() && !is_number(kind) {
                let problem = format!("column {field} ({name}) holds {kind}, not numbers");
                let names = offered.names().unwrap_or_default();
                let is_weights = |column: &usize| picked.weights == Some(*column);
                let numbers: Vec<String> = offered
                    .all()
                    .into_iter()
                    .filter(|column| !is_weights(column) && fields[places[*column].field].holds_numbers())
                    .map(|column| names[column].clone())
                    .collect();
                let remedy = match numbers.is_empty() {
                    true => "no column of this file holds numbers".into(),
                    false => Advice::from("choose columns of numbers: ") + choice_of(numbers),
                };
                return Err(malformed(file, problem, remedy));
            }
        }
        let single = features.iter().all(|place| fields[place.field].is_single());
        for (i, field) in fields.iter_mut().enumerate() {
            field.single = field.is_single() && (single || features.iter().all(|place| place.field != i));
        }
        let singles: Vec<bool> = fields.iter().map(|field| field.single).collect();
        let along =
            Along::new(schema, &offered, (&picked.company, &places), (&lengths, &singles), selection.keep.cells());
        // Where rows may be bad, those with nulls are.
        let may_lack = selection.missing == Missing::Marginalize || selection.bad_rows != BadRows::Error;
        Ok(Layout { file, picked, fields, features, weights, along, single, may_lack, missing: selection.missing })
    }

    /// The columns that are read, in the order of the file, each once.
    pub(super) fn projection(&self) -> Vec<usize> {
        let numbers = self.features.iter().chain(&self.weights).map(|place| place.field);
        let mut columns: Vec<usize> = numbers.chain(self.along.fields()).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// A column's values; `Err` gives the number of nulls, where there are any.
    pub(super) fn values(&self, column: usize, array: &ArrayRef) -> error::Result<Result<Decoded, usize>> {
        let lists = self.fields[column].length.map(|length| self.numbers_of_lists(column, array, length));
        let array = match lists.transpose()? {
            None => array,
            Some(Ok(numbers)) => &numbers.clone(),
            Some(Err(nulls)) => return Ok(Err(nulls)),
        };
        let nulls = array.logical_null_count();
        if nulls > 0 && !self.may_lack(column) {
            return Ok(Err(nulls));
        }
        let mut values = match self.is_single(column) {
            true => Values::F32(decode(&self.file, || Ok::<_, Error>(singles(array)))?),
            false => Values::F64(decode(&self.file, || Ok::<_, Error>(doubles(array)))?),
        };
        if let Some(there) = array.logical_nulls().filter(|_| nulls > 0) {
            let missing = (0..array.len()).filter(|row| there.is_null(*row));
            match &mut values {
                Values::F32(values) => missing.for_each(|row| values[row] = f32::NAN),
                Values::F64(values) => missing.for_each(|row| values[row] = f64::NAN),
            }
        }
        Ok(Ok(Decoded { values, rounded: rounds(array) }))
    }

    /// Whether values of a column may be missing: those of weights may not.
    fn may_lack(&self, column: usize) -> bool {
        self.may_lack && self.weights.is_none_or(|place| place.field != column)
    }

    /// The numbers of lists, one list after another; `Err` gives the number of lists that are null.
    fn numbers_of_lists(
        &self,
        column: usize,
        lists: &ArrayRef,
        length: usize,
    ) -> error::Result<Result<ArrayRef, usize>> {
        let nulls = lists.logical_null_count();
        if nulls > 0 {
            return Ok(Err(nulls));
        }
        match lists.data_type() {
            DataType::List(_) => self.even(column, lists.as_list::<i32>(), length).map(Ok),
            DataType::LargeList(_) => self.even(column, lists.as_list::<i64>(), length).map(Ok),
            _ => Ok(Ok(lists.as_fixed_size_list().values().clone())),
        }
    }

    /// The numbers of lists that must have one length.
    fn even<O: OffsetSizeTrait>(
        &self,
        column: usize,
        lists: &GenericListArray<O>,
        length: usize,
    ) -> error::Result<ArrayRef> {
        if let Some(other) = (0..lists.len()).map(|row| length_at(lists, row)).find(|n| *n != length) {
            let name = &self.fields[column].name;
            let problem =
                format!("column {column} ({name}): a list of {other} numbers, and the first one has {length}");
            let remedy = Advice::from("give lists of one length, or choose other columns (");
            return Err(malformed(&self.file, problem, remedy + Term::Columns + ")"));
        }
        let offsets = lists.value_offsets();
        let (start, end) = (offsets[0].as_usize(), offsets[lists.len()].as_usize());
        Ok(lists.values().slice(start, end - start))
    }

    fn is_single(&self, column: usize) -> bool {
        self.fields[column].single
    }

    /// Whether a column holds features or weights.
    pub(super) fn is_decoded(&self, column: usize) -> bool {
        self.features.iter().chain(&self.weights).any(|place| place.field == column)
    }

    /// Whether a column goes along with the samples.
    pub(super) fn goes_along(&self, column: usize) -> bool {
        self.along.fields().any(|field| field == column)
    }

    /// What goes along with samples, from arrays of the columns of the projection.
    fn beside(&self, arrays: &[Vec<ArrayRef>]) -> error::Result<Beside> {
        let projection = self.projection();
        let of_batch = |batch: usize| -> error::Result<Vec<ArrayRef>> {
            let place = |field: usize| projection.binary_search(&field).expect("a column of the projection");
            let array = |field: usize| &arrays[place(field)][batch];
            let column = |column: &Column| match *column {
                Column::Whole(field) => Ok(array(field).clone()),
                Column::Number(Place { field, element }) => match self.values(field, array(field))? {
                    Ok(Decoded { values, .. }) => Ok(strided(&values, element, self.length(field))),
                    Err(nulls) => Err(self.missing(field, nulls)),
                },
            };
            self.along.columns().iter().map(column).collect()
        };
        let n_batches = arrays.iter().map(Vec::len).max().unwrap_or(0);
        let batches = (0..n_batches).map(of_batch).collect::<error::Result<_>>()?;
        let company = self.along.company(batches).map_err(|error| broken(&self.file, &error))?;
        Ok(Beside { company, ..Beside::default() })
    }

    /// Numbers in each list of a column; 1 where it holds none.
    fn length(&self, field: usize) -> usize {
        self.fields[field].length.unwrap_or(1)
    }

    /// A chunk of n rows from columns of the projection, in its order: values of those that are decoded, and arrays, of
    /// the same rows, of those that go along.
    pub(super) fn chunk(
        &self,
        n: usize,
        columns: &[Option<Decoded>],
        arrays: &[Vec<ArrayRef>],
    ) -> error::Result<Chunk> {
        let projection = self.projection();
        let of = |place: Place| {
            let column = projection.binary_search(&place.field).expect("a column of the projection");
            let decoded = columns[column].as_ref().expect("columns of features and weights are decoded");
            (&decoded.values, place.element, self.length(place.field))
        };
        let samples = if self.single {
            let columns: Vec<Strided<f32>> = self.features.iter().map(|&place| of(place).single()).collect();
            Samples::from(rows(n, &columns))
        } else {
            let columns: Vec<Strided<f64>> = self.features.iter().map(|&place| of(place).double()).collect();
            Samples::from(rows(n, &columns))
        };
        let weights = self.weights.map(|place| match of(place) {
            // A feature of the same table may hold the weights too.
            (Values::F32(values), first, step) => {
                values.iter().skip(first).step_by(step).copied().map(f64::from).collect::<Array1<f64>>()
            }
            (Values::F64(values), first, step) => values.iter().skip(first).step_by(step).copied().collect(),
        });
        let is_rounded = |column: &Option<Decoded>| column.as_ref().is_some_and(|column| column.rounded);
        let rounded = projection.iter().zip(columns).find(|(_, column)| is_rounded(column));
        let notes = rounded.map(|(column, _)| Note::rounded(&self.file, Some(&self.fields[*column].name)));
        let (beside, bad) = (self.beside(arrays)?, Found::default());
        Ok(Chunk { samples, weights, beside, bad, lines: None, notes: notes.into_iter().collect() })
    }

    /// A chunk from a batch that has the columns of the projection; `Err` gives the first column with nulls, and their
    /// number.
    pub(super) fn chunk_of_batch(&self, batch: &RecordBatch) -> error::Result<Result<Chunk, (usize, usize)>> {
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (column, array) in self.projection().into_iter().zip(batch.columns()) {
            if !self.is_decoded(column) {
                columns.push(None);
                continue;
            }
            match self.values(column, array)? {
                Ok(values) => columns.push(Some(values)),
                Err(nulls) => return Ok(Err((column, nulls))),
            }
        }
        let arrays: Vec<Vec<ArrayRef>> = batch.columns().iter().map(|array| vec![array.clone()]).collect();
        self.chunk(batch.num_rows(), &columns, &arrays).map(Ok)
    }

    /// The error for a column with missing values.
    pub(super) fn missing(&self, column: usize, nulls: usize) -> Error {
        let values = if nulls == 1 { "1 value is" } else { &format!("{nulls} values are") };
        let problem = format!("column {column} ({}): {values} missing (null)", self.fields[column].name);
        let remedy = Advice::from("fill in or remove such rows, choose other columns (") + Term::Columns + ")";
        // Weights are never missing, and neither are lists.
        let is_weights = self.weights.is_some_and(|place| place.field == column);
        let remedy = match is_weights || self.missing == Missing::Marginalize {
            true => remedy,
            false => remedy + ", or integrate out what is missing (" + Term::Marginalize + ")",
        };
        malformed(&self.file, problem, remedy)
    }
}

impl Field {
    fn holds_numbers(&self) -> bool {
        self.length.is_some() || is_number(&self.kind)
    }

    fn is_single(&self) -> bool {
        is_single(&self.kind)
    }
}

/// Numbers in the first list of an array; `None` where it has none.
pub(super) fn list_length(lists: &dyn Array) -> Option<usize> {
    let first = (0..lists.len()).find(|row| lists.is_valid(*row))?;
    match lists.data_type() {
        DataType::List(_) => Some(length_at(lists.as_list::<i32>(), first)),
        DataType::LargeList(_) => Some(length_at(lists.as_list::<i64>(), first)),
        _ => None,
    }
}

fn length_at<O: OffsetSizeTrait>(lists: &GenericListArray<O>, row: usize) -> usize {
    lists.value_length(row).as_usize()
}

/// Names of the columns that pandas wrote its index to: it says so in the file.
fn index_names(schema: &Schema) -> Vec<String> {
    let pandas = schema.metadata().get("pandas").and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let columns = pandas.as_ref().and_then(|pandas| pandas["index_columns"].as_array());
    // An index of consecutive numbers has no column, and is described instead of named.
    columns.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Whether some integers of an array are not what they become as doubles.
fn rounds(array: &ArrayRef) -> bool {
    match array.data_type() {
        DataType::Int64 => {
            array.as_primitive::<Int64Type>().values().iter().any(|&x| x as f64 as i128 != i128::from(x))
        }
        DataType::UInt64 => {
            array.as_primitive::<UInt64Type>().values().iter().any(|&x| x as f64 as u128 != u128::from(x))
        }
        _ => false,
    }
}

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is decoding a file: a panic then is an error of that file, which the library reports, and a
/// panic hook may pass over it.
pub fn is_decoding() -> bool {
    DECODING.get()
}

/// Runs a decoder. The arrow and parquet crates panic on some broken files.
pub(super) fn decode<T, E: Display>(file: &str, decoder: impl FnOnce() -> Result<T, E>) -> error::Result<T> {
    DECODING.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(decoder));
    DECODING.set(false);
    match outcome {
        Ok(decoded) => decoded.map_err(|error| broken(file, &error)),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(broken(file, &message.unwrap_or("it cannot be decoded")))
        }
    }
}

/// The error for a file that is not what its format says.
pub(super) fn broken(file: &str, error: &dyn Display) -> Error {
    malformed(file, format!("the file is broken: {error}"), "copy or write it again")
}

fn is_number(kind: &DataType) -> bool {
    match kind {
        DataType::Boolean => true,
        DataType::Dictionary(_, values) => is_number(values),
        kind => kind.is_numeric(),
    }
}
