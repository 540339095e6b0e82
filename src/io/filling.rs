//! Company of samples whose missing values were filled in.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, Int64Array, LargeStringArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use ndarray::ArrayView2;

use super::company::Company;

impl Company {
    /// The same columns, of which features, given by their names, have values `[n, D]` where they were missing; `None` where
    /// a feature has no column of its name. Text stays as it is where it is there; numbers become f64, but for f32.
    pub fn filled(
        &self,
        features: &[String],
        is_missing: impl Fn(usize, usize) -> bool,
        values: ArrayView2<f64>,
    ) -> Option<Self> {
        let places: Option<Vec<usize>> =
            features.iter().map(|feature| self.names().position(|name| name == feature)).collect();
        let places = places?;
        let mut first = 0;
        let batches = self.batches().iter().map(|batch| {
            let mut columns = batch.columns().to_vec();
            for (feature, place) in places.iter().enumerate() {
                let of_row = |row: usize| (is_missing(first + row, feature), values[[first + row, feature]]);
                columns[*place] = filled(&columns[*place], &of_row);
            }
            first += batch.num_rows();
            columns
        });
        let batches: Vec<Vec<ArrayRef>> = batches.collect();
        let mut fields: Vec<Field> = self.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        for place in places {
            let of_filled = |columns: &Vec<ArrayRef>| columns[place].data_type().clone();
            let data_type = batches.first().map_or(DataType::Float64, of_filled);
            fields[place] = fields[place].clone().with_data_type(data_type);
        }
        let schema = Schema::new_with_metadata(fields, self.schema().metadata().clone());
        Some(Company::new(&schema, batches).expect("columns of one type and length in every batch"))
    }

    /// The same columns behind one of a number.
    pub fn behind(&self, name: &str, number: i64) -> Self {
        let column = |batch: &RecordBatch| {
            let numbers: ArrayRef = Arc::new(Int64Array::from_value(number, batch.num_rows()));
            std::iter::once(numbers).chain(batch.columns().iter().cloned()).collect()
        };
        let fields = self.schema().fields().iter().map(|field| field.as_ref().clone());
        let fields: Vec<Field> = std::iter::once(Field::new(name, DataType::Int64, false)).chain(fields).collect();
        let schema = Schema::new_with_metadata(fields, self.schema().metadata().clone());
        Company::new(&schema, self.batches().iter().map(column).collect()).expect("a number for every row")
    }
}

/// A column with values in the place of what is missing: whether that is so in a row, and the value.
fn filled(column: &ArrayRef, of_row: &dyn Fn(usize) -> (bool, f64)) -> ArrayRef {
    let rows = 0..column.len();
    let text = |row: usize, there: Option<&str>| match of_row(row) {
        (true, value) => format!("{value:?}"),
        (false, _) => there.unwrap_or_default().to_owned(),
    };
    match column.data_type() {
        DataType::Utf8 => {
            let cells = column.as_string::<i32>().iter().enumerate();
            Arc::new(LargeStringArray::from_iter_values(cells.map(|(row, cell)| text(row, cell))))
        }
        DataType::LargeUtf8 => {
            let cells = column.as_string::<i64>().iter().enumerate();
            Arc::new(LargeStringArray::from_iter_values(cells.map(|(row, cell)| text(row, cell))))
        }
        DataType::Float32 => Arc::new(rows.map(|row| of_row(row).1 as f32).collect::<Float32Array>()),
        _ => Arc::new(rows.map(|row| of_row(row).1).collect::<Float64Array>()),
    }
}
