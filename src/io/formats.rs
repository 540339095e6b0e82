//! Opening a table, in whatever format it is.

use super::chunks::Table;
use super::columns::Selection;
use super::source::{Format, Source};
use super::{arrow, malformed, npy, npz, parquet, raw, text};
use crate::error::Result;

/// Reads what comes before the rows, and finds the selected columns.
pub(super) fn open(source: Source, selection: &Selection) -> Result<Table> {
    match source.format {
        Format::Npy => npy::open(source, selection),
        Format::Npz => npz::open(source, selection),
        Format::Parquet => parquet::open(source, selection),
        Format::ArrowFile | Format::ArrowStream => arrow::open(source, selection),
        Format::Raw(precision) => raw::open(source, precision, selection),
        Format::Text(preferred) => text::open(source, preferred, selection),
        Format::FirstFeather => Err(malformed(
            source.name,
            "this is Feather of version 1, which is not read",
            "write it again with pyarrow: feather.write_feather(feather.read_table(old), new)",
        )),
    }
}
