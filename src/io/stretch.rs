//! A stretch of the rows of a data set.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::columns::Selection;
use crate::error::{Error, Result};

/// A stretch of the rows of a data set: those of consecutive samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Rows of each file.
    pub(super) files: Vec<usize>,
    /// The stretch, among the rows of all files.
    pub(super) rows: Range<usize>,
    /// Samples before it, which are those of the rows before it that the selection takes.
    pub(super) first: usize,
}

impl Stretch {
    /// Number of its first sample.
    pub fn first(&self) -> usize {
        self.first
    }

    /// Number of its rows.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Checks the number of weights of all rows.
    pub(super) fn check_weights(&self, found: usize, selection: &Selection) -> Result<()> {
        let n_rows: usize = self.files.iter().sum();
        let needed = selection.head.map_or(n_rows, |head| n_rows.min(head));
        match found < needed || found > n_rows && selection.head.is_none() {
            true => Err(Error::WeightCount { expected: needed, found }),
            false => Ok(()),
        }
    }

    /// The file that a row is in, and the number of that file's first row.
    pub(super) fn file_of(&self, row: usize) -> (usize, usize) {
        let mut first = 0;
        for (i, n) in self.files.iter().enumerate() {
            if row < first + n {
                return (i, first);
            }
            first += n;
        }
        (self.files.len(), first)
    }
}
