//! Files of nothing but little-endian numbers, row after row.

use super::chunks::{Chunk, Table};
use super::columns::{MOST_COLUMNS, Selection};
use super::encoding::{self, Blocks, Encoding, Kind};
use super::fields::Fields;
use super::malformed;
use super::source::Source;
use crate::advice::{Advice, Term};
use crate::data::source::block_rows;
use crate::device::choice::Precision;
use crate::error::{Error, Result};

/// Opens the file; the selection says how many numbers a row has.
pub(super) fn open(source: Source, precision: Precision, selection: &Selection) -> Result<Table> {
    let Source { name, mut reader, file, part, .. } = source;
    let Some(d) = selection.dims else {
        let problem = "a file of raw numbers does not say how many columns it has";
        return Err(malformed(name, problem, Advice::from("give their number: ") + Term::Dims));
    };
    if !(1..=MOST_COLUMNS).contains(&d) {
        let problem = format!("no table has {d} columns");
        let remedy = Advice::from(format!("give their number, 1 to {MOST_COLUMNS}: ")) + Term::Dims;
        return Err(malformed(name, problem, remedy));
    }
    let kind = match precision {
        Precision::Single => Kind::F32,
        Precision::Double => Kind::F64,
    };
    let encoding = Encoding { kind, big_endian: false };
    let row_bytes = (d * encoding.size()) as u64;
    let picked = selection.find(&name, &Fields::nameless(d))?;
    let n_rows = file.as_ref().and_then(|file| file.metadata().ok()).filter(|found| found.is_file());
    let n_rows = n_rows.map(|found| (found.len() / row_bytes) as usize);
    let of_chunks = picked.clone();
    let mut left_out = 0;
    if let Some(file) = file.filter(|_| part.unwanted > 0) {
        left_out = part.unwanted.min(n_rows.unwrap_or(0));
        reader = Source::from(file, left_out as u64 * row_bytes)
            .map_err(|source| Error::Read { path: name.clone().into(), source })?;
    }
    let mut total = left_out as u64 * row_bytes;
    let read = move |most: usize| -> Result<Chunk> {
        let read = encoding.read(&mut *reader, most * d);
        let found = read.map_err(|source| Error::Read { path: name.clone().into(), source })?;
        total += found.bytes as u64;
        if !(found.bytes as u64).is_multiple_of(row_bytes) {
            let problem = format!("{total} bytes are not whole rows of {d} {} numbers", precision.name());
            let remedy = Advice::from("check ") + Term::Dims;
            let remedy = remedy + " and the extension, .f32 or .f64, or copy the file again";
            return Err(malformed(&name, problem, remedy));
        }
        Ok(encoding::chunk(found.numbers, d, &of_chunks, Vec::new()))
    };
    let chunks = Blocks { rows: block_rows(d), read, is_over: false };
    Ok(Table { picked, n_rows, left_out, chunks: Box::new(chunks) })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Dataset;
    use super::*;

    #[test]
    fn numbers_of_columns_that_no_table_has_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("samples.f64");
        fs::write(&file, [0; 48]).unwrap();
        let read = |d| Dataset::read(&file, &Selection { dims: Some(d), ..Selection::default() });
        assert!(read(3).is_ok());
        for d in [0, MOST_COLUMNS + 1, usize::MAX] {
            let error = read(d).unwrap_err().to_string();
            assert!(error.contains(&format!("no table has {d} columns")), "{error}");
        }
    }
}
