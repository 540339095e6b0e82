//! Values of the columns of Parquet and Arrow files, and where they are.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array};
use arrow_schema::DataType;
use ndarray::Array2;

/// A column of numbers: one of the file, or every number of that place in one of lists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) field: usize,
    pub(super) element: usize,
}

/// A column's values, widened to one of two types; those of lists one after another.
pub(super) enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// The values of a part of a column, and whether some are not those of the file, because no double is.
pub(super) struct Decoded {
    pub(super) values: Values,
    pub(super) rounded: bool,
}

/// Whether the numbers of a column are f32, or narrower.
pub(super) fn is_single(kind: &DataType) -> bool {
    let kind = match kind {
        DataType::FixedSizeList(of, _) | DataType::List(of) | DataType::LargeList(of) => of.data_type(),
        kind => kind,
    };
    matches!(kind, DataType::Float16 | DataType::Float32)
}

/// Every so manieth value of a column, from one on.
pub(super) type Strided<'a, T> = (&'a [T], usize, usize);

pub(super) trait Widened<'a> {
    fn single(self) -> Strided<'a, f32>;
    fn double(self) -> Strided<'a, f64>;
}

impl<'a> Widened<'a> for (&'a Values, usize, usize) {
    fn single(self) -> Strided<'a, f32> {
        match self {
            (Values::F32(values), first, step) => (values, first, step),
            (Values::F64(_), ..) => unreachable!("columns of single precision are not widened"),
        }
    }

    fn double(self) -> Strided<'a, f64> {
        match self {
            (Values::F64(values), first, step) => (values, first, step),
            (Values::F32(_), ..) => unreachable!("columns of double precision are widened"),
        }
    }
}

impl Decoded {
    /// Adds the values of the same column that follow.
    pub(super) fn extend(&mut self, more: Decoded) {
        self.rounded |= more.rounded;
        match (&mut self.values, more.values) {
            (Values::F32(values), Values::F32(more)) => values.extend(more),
            (Values::F64(values), Values::F64(more)) => values.extend(more),
            _ => unreachable!("a column has one type"),
        }
    }
}

/// Columns side by side.
pub(super) fn rows<T: Copy + Default>(n: usize, columns: &[Strided<T>]) -> Array2<T> {
    let mut rows = Array2::default((n, columns.len()));
    for (mut to, (values, first, step)) in rows.columns_mut().into_iter().zip(columns) {
        to.iter_mut().zip(values.iter().skip(*first).step_by(*step)).for_each(|(to, from)| *to = *from);
    }
    rows
}

/// Every so manieth value, from one on, as an array.
pub(super) fn strided(values: &Values, first: usize, step: usize) -> ArrayRef {
    match values {
        Values::F32(values) => {
            Arc::new(Float32Array::from_iter_values(values.iter().skip(first).step_by(step).copied()))
        }
        Values::F64(values) => {
            Arc::new(Float64Array::from_iter_values(values.iter().skip(first).step_by(step).copied()))
        }
    }
}
