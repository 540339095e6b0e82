//! Data in, results and models out. Each format has a file of its own; everything is checked as it is read, and every
//! message names the file and the place in it.

mod columns;
mod dataset;
mod document;
mod lines;
mod model;
mod nested;
mod npy;
mod output;
mod source;
mod table;
mod text;

pub use columns::{Columns, Selection};
pub use dataset::Dataset;
pub use model::{FitRecord, Model, load_model, save_model};
pub use nested::Nested;
pub use output::{Destination, Output};
pub use table::{Cell, TableFormat, TableWriter};

use crate::error::Error;

/// The error for contents that are not what they should be.
fn malformed(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::Malformed { place: place.into(), problem: problem.into(), remedy: remedy.into() }
}
