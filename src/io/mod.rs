//! Data in, results and models out. Each format has a file of its own; everything is checked as it is read, and every
//! message names the file and the place in it.
//!
//! ```
//! use mixtura::io::{Dataset, Destination, Model, Selection, load_model, save_model};
//! use mixtura::{Data, Device, FitOptions, fit};
//!
//! let directory = tempfile::tempdir()?;
//! let table = directory.path().join("table.csv");
//! std::fs::write(&table, "length,width\n1.0,2.0\n1.5,2.5\n2.5,2.0\n")?;
//!
//! let data = Dataset::read(&table, &Selection::default())?;
//! let result = fit(&data, &Device::cpu(), &FitOptions::new(1))?;
//!
//! let feature_names = data.feature_names().map(<[String]>::to_vec);
//! let model = Model { mixture: result.mixture, feature_names, fit: None };
//! let file = directory.path().join("model.json");
//! save_model(&Destination::new(&file)?, &model)?;
//! assert_eq!(load_model(&file)?, model);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod along;
mod arrow;
mod arrow_lengths;
mod bad_rows;
mod batches;
mod cells;
mod checkpoint;
mod chunks;
mod columnar;
mod columns;
mod company;
mod comparison;
mod compression;
mod cutting;
mod data_record;
mod dataset;
mod delimited;
mod delimiter;
mod document;
mod encoding;
mod even;
mod fields;
mod files;
mod filling;
mod fit_record;
mod foreign;
mod formats;
mod gunzip;
mod lines;
mod model;
mod nested;
mod notes;
mod npy;
mod npz;
mod numbers;
mod origin;
mod output;
mod packed;
mod parquet;
mod raw;
mod records;
mod restart_record;
mod rows;
mod saved;
mod source;
mod spelling;
mod stream;
mod stretch;
mod table;
mod text;
mod unfinished;
mod values;
mod widening;

pub use bad_rows::BadRows;
pub use cells::{Block, CellType, Column, Dimensions};
pub use checkpoint::{Checkpoint, FROM_MODEL, OptionsRecord};
pub use columnar::is_decoding;
pub use columns::{Columns, Header, Selection};
pub use company::{Beside, Cells, Company, Keep};
pub use comparison::{Comparison, FitsRecord};
pub use compression::Compression;
pub use cutting::count_rows;
pub use data_record::DataRecord;
pub use dataset::Dataset;
pub use delimiter::Delimiter;
pub use files::files;
pub use fit_record::FitRecord;
pub use model::{Model, load_model, save_model};
pub use nested::Nested;
pub use output::{Destination, Output};
pub use records::{Records, save_records};
pub use saved::Saved;
pub use stream::{Stream, VisitBoth};
pub use stretch::Stretch;
pub use table::{TableFormat, TableWriter};
pub use unfinished::discard_unfinished;

use crate::advice::Advice;
use crate::error::Error;

/// The error for contents that are not what they should be.
fn malformed(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<Advice>) -> Error {
    Error::Malformed { place: place.into(), problem: problem.into(), remedy: remedy.into() }
}
