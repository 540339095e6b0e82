//! Rows that cannot be read, because of a cell that is no number, or none that can be squared.

use ndarray::{ArrayView2, Axis};

use crate::data::missing::Missing;
use crate::data::points::LARGEST_VALUE;
use crate::data::samples::Samples;
use crate::error::Error;

/// What is done about such rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum BadRows {
    /// They are an error.
    #[default]
    Error,
    /// They are left out, counted, and the first of them is named.
    Skip,
    /// They stay, among [`Beside::bad`](super::Beside::bad), for answers that are not a number; likewise.
    Nan,
}

impl BadRows {
    /// All ways.
    pub const ALL: [Self; 3] = [BadRows::Error, BadRows::Skip, BadRows::Nan];

    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            BadRows::Error => "error",
            BadRows::Skip => "skip",
            BadRows::Nan => "nan",
        }
    }
}

/// Bad rows that were found in a chunk while it was parsed, and what is wrong with the first.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<usize>,
    pub(super) first: Option<Error>,
}

impl Found {
    pub(super) fn add(&mut self, row: usize, problem: impl FnOnce() -> Error) {
        self.rows.push(row);
        self.first.get_or_insert_with(problem);
    }
}

/// Bad rows up to now.
#[derive(Debug, Default)]
pub(super) struct Tally {
    count: usize,
    first: Option<String>,
}

impl Tally {
    /// Counts rows; `problem` says what is wrong with the first of them.
    pub(super) fn add(&mut self, n: usize, problem: impl FnOnce() -> Error) {
        if n > 0 {
            self.count += n;
            self.first.get_or_insert_with(|| problem().problem());
        }
    }

    /// What there is to say about them.
    pub(super) fn line(&self, way: BadRows) -> Option<String> {
        let first = self.first.as_ref()?;
        let rows = if self.count == 1 { "1 row".to_owned() } else { format!("{} rows", self.count) };
        let what = match (way, self.count) {
            (BadRows::Nan, 1) => "has no answer",
            (BadRows::Nan, _) => "have no answer",
            (_, 1) => "is left out",
            _ => "are left out",
        };
        let which = if self.count == 1 { "" } else { "the first: " };
        Some(format!("{rows} {what}; {which}{first}"))
    }
}

/// The first bad value of a row: its feature, and what it is.
pub(super) fn bad_value(samples: &Samples, row: usize, missing: Missing) -> Option<(usize, f64)> {
    let is_bad = |x: &f64| !(x.abs() <= LARGEST_VALUE || x.is_nan() && missing == Missing::Marginalize);
    match samples {
        Samples::F32(values) => values.row(row).iter().map(|x| f64::from(*x)).enumerate().find(|(_, x)| is_bad(x)),
        Samples::F64(values) => values.row(row).iter().copied().enumerate().find(|(_, x)| is_bad(x)),
    }
}

/// The rows with such a value, in order.
pub(super) fn rows_with_bad_values(samples: &Samples, missing: Missing) -> Vec<usize> {
    fn suspects<T: Copy + Into<f64>>(values: ArrayView2<T>) -> Vec<usize> {
        let is_good = |x: &T| (*x).into().abs() <= LARGEST_VALUE;
        let rows = values.axis_iter(Axis(0)).enumerate();
        rows.filter(|(_, row)| !row.iter().all(is_good)).map(|(row, _)| row).collect()
    }
    let mut rows = match samples {
        Samples::F32(values) => suspects(values.view()),
        Samples::F64(values) => suspects(values.view()),
    };
    rows.retain(|&row| bad_value(samples, row, missing).is_some());
    rows
}
