//! A table while it is read: the selected columns, a chunk of rows after another.

use ndarray::Array1;

use super::bad_rows::Found;
use super::columns::Picked;
use super::company::Beside;
use super::lines::Lines;
use super::notes::Note;
use crate::data::samples::Samples;
use crate::error::Result;

/// Consecutive rows of a table.
pub(super) struct Chunk {
    /// The features: n x D.
    pub(super) samples: Samples<'static>,
    /// The column of weights, if one is selected: `[n]`.
    pub(super) weights: Option<Array1<f64>>,
    /// What goes along with the samples.
    pub(super) beside: Beside,
    /// Rows that cannot be read, where that is no error.
    pub(super) bad: Found,
    /// Lines of the rows, in text files.
    pub(super) lines: Option<Lines>,
    /// Notes about the rows.
    pub(super) notes: Vec<Note>,
}

/// An open table.
pub(super) struct Table {
    /// The columns selected, by index in the file.
    pub(super) picked: Picked,
    /// Number of rows, where the file says it before they are read.
    pub(super) n_rows: Option<usize>,
    /// Rows that were left out, of those before the first that is wanted.
    pub(super) left_out: usize,
    /// All other rows, in order.
    pub(super) chunks: Chunks,
}

pub(super) type Chunks = Box<dyn Iterator<Item = Result<Chunk>> + Send>;

impl Table {
    /// The table of an empty file.
    pub(super) fn nothing() -> Self {
        let (features, company, notes) = (Vec::new(), Vec::new(), Vec::new());
        let picked = Picked { features, weights: None, company, names: None, header: None, notes };
        Table { picked, n_rows: Some(0), left_out: 0, chunks: Box::new(std::iter::empty()) }
    }
}
