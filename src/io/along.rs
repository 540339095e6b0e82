//! Columns of Parquet and Arrow files that go along with samples.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field, Schema};

use super::company::{Cells, Company};
use super::fields::Fields;
use super::values::Place;

/// Which columns these are.
#[derive(Debug, Clone)]
pub(super) struct Along {
    schema: Schema,
    columns: Vec<Column>,
}

/// A column that goes along.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    /// One of the file, as it is.
    Whole(usize),
    /// One of the numbers of lists.
    Number(Place),
}

impl Along {
    /// Those of some chosen columns; of lists that are chosen whole, the lists, unless cells go along as written.
    pub(super) fn new(
        schema: &Schema,
        offered: &Fields,
        (chosen, places): (&[usize], &[Place]),
        (lengths, singles): (&[Option<usize>], &[bool]),
        cells: Option<Cells>,
    ) -> Self {
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        let mut rest = chosen;
        while let Some(&column) = rest.first() {
            let Place { field, element } = places[column];
            let length = lengths[field].unwrap_or(1);
            let of_file = schema.field(field).clone();
            let is_whole = || {
                cells == Some(Cells::Typed)
                    && element == 0
                    && rest.iter().take(length).copied().eq(column..column + length)
            };
            let name = offered.names().map_or_else(String::new, |names| names[column].clone());
            if lengths[field].is_none() {
                fields.push(of_file.with_name(name));
                columns.push(Column::Whole(field));
                rest = &rest[1..];
            } else if is_whole() {
                fields.push(of_file);
                columns.push(Column::Whole(field));
                rest = &rest[length..];
            } else {
                fields.push(Field::new(name, if singles[field] { DataType::Float32 } else { DataType::Float64 }, true));
                columns.push(Column::Number(places[column]));
                rest = &rest[1..];
            }
        }
        Along { schema: Schema::new_with_metadata(fields, schema.metadata().clone()), columns }
    }

    /// The columns.
    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Columns of the file that are needed for them.
    pub(super) fn fields(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|column| match column {
            Column::Whole(field) => *field,
            Column::Number(place) => place.field,
        })
    }

    /// The company of samples: these columns in batches, one after another.
    pub(super) fn company(&self, batches: Vec<Vec<ArrayRef>>) -> Result<Option<Company>, arrow_schema::ArrowError> {
        if self.columns.is_empty() {
            return Ok(None);
        }
        Company::new(&self.schema, batches).map(Some)
    }
}
