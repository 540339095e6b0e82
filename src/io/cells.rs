//! Parts of tables on their way out: columns with a name and a type, and blocks of values side by side.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// The dimensions of a NumPy array. Other formats have columns, and no need to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dimensions {
    /// `[n]`, where the table has one column: a value for each row.
    One,
    /// `[n, columns]`, even if that is `[n, 1]`.
    Two,
}

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CellType {
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Integers.
    I64,
}

impl CellType {
    /// The type that holds the values of both types, in formats that have one type only.
    pub(super) fn common(self, other: CellType) -> CellType {
        if self == other { self } else { CellType::F64 }
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, in formats with names.
    pub name: String,
    /// The type of its values.
    pub cell: CellType,
}

impl Column {
    /// A column of this name and type.
    pub fn new(name: impl Into<String>, cell: CellType) -> Self {
        Column { name: name.into(), cell }
    }
}

/// Some columns of one type, side by side, for some rows.
#[derive(Debug, Clone, Copy)]
pub enum Block<'a> {
    /// Single precision.
    F32(ArrayView2<'a, f32>),
    /// Double precision.
    F64(ArrayView2<'a, f64>),
    /// Integers.
    I64(ArrayView2<'a, i64>),
}

macro_rules! block_from {
    ($($element:ty => $variant:ident),*) => {$(
        impl<'a> From<ArrayView2<'a, $element>> for Block<'a> {
            fn from(values: ArrayView2<'a, $element>) -> Self {
                Block::$variant(values)
            }
        }
        impl<'a> From<&'a Array2<$element>> for Block<'a> {
            fn from(values: &'a Array2<$element>) -> Self {
                values.view().into()
            }
        }
        /// One column.
        impl<'a> From<&'a Array1<$element>> for Block<'a> {
            fn from(values: &'a Array1<$element>) -> Self {
                values.view().insert_axis(Axis(1)).into()
            }
        }
    )*};
}
block_from!(f32 => F32, f64 => F64, i64 => I64);

/// The same for the values of a block, whatever their type.
macro_rules! each {
    ($block:expr, $values:ident => $body:expr) => {
        match $block {
            $crate::io::cells::Block::F32($values) => $body,
            $crate::io::cells::Block::F64($values) => $body,
            $crate::io::cells::Block::I64($values) => $body,
        }
    };
}
pub(super) use each;

impl Block<'_> {
    /// The type of the values.
    pub fn cell(&self) -> CellType {
        match self {
            Block::F32(_) => CellType::F32,
            Block::F64(_) => CellType::F64,
            Block::I64(_) => CellType::I64,
        }
    }

    /// Rows and columns.
    pub fn dim(&self) -> (usize, usize) {
        each!(self, values => values.dim())
    }
}

/// Ranges of rows of blocks side by side, each of about `values` values.
pub(super) fn pieces(blocks: &[Block], values: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let n = blocks.first().map_or(0, |block| block.dim().0);
    let width: usize = blocks.iter().map(|block| block.dim().1).sum();
    pieces_of(0..n, width, values)
}

/// Pieces of rows of so many cells, each of about `values` cells.
pub(super) fn pieces_of(rows: Range<usize>, width: usize, values: usize) -> impl Iterator<Item = Range<usize>> {
    let size = (values / width.max(1)).max(1);
    let end = rows.end;
    rows.step_by(size).map(move |start| start..end.min(start.saturating_add(size)))
}
