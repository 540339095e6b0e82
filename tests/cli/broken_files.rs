//! Every table cut short anywhere, and with bits turned over anywhere.

use std::fs;

use mixtura::Error;
use mixtura::io::{Columns, Dataset, Selection};

use crate::support::Place;

/// What a file holds, as text, or the error.
fn read(place: &Place, name: &str) -> Result<String, Error> {
    let (mut selection, is_npz) = (Selection::default(), name.ends_with(".npz"));
    selection.member = is_npz.then(|| "x".to_owned());
    if ["table.feather", "stream.arrow"].contains(&name) {
        // Others hold text.
        selection.columns = Columns::Listed("b,a".to_owned());
    }
    let read = Dataset::read(&place.path(name), &selection)?;
    let points = read.points().expect("in memory");
    assert!(points.n_samples() > 0 && points.n_features() > 0, "{name}: nothing was read");
    Ok(format!("{:?} {:?} {:?}", points.samples(), points.weights(), points.feature_names()))
}

/// The problem with a file is one line that names it.
fn assert_names(error: &Error, name: &str, what: &str) {
    let said = error.problem();
    assert!(said.contains(name) && !said.contains('\n'), "{name}, {what}: {said}");
}

/// Cuts a table short at every byte, and changes every byte. Whether the table as it is can be read is given.
fn break_everywhere(name: &str, is_read: bool) {
    let place = Place::new();
    let whole = fs::read(format!("{}/tests/cli/tables/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    place.write(name, &whole);
    let expected = read(&place, name).map_err(|error| error.to_string());
    assert_eq!(expected.is_ok(), is_read, "{name}: {expected:?}");
    let mut refused = 0;
    for end in 0..whole.len() {
        place.write(name, &whole[..end]);
        match read(&place, name) {
            // By its format a stream may end after any batch, without a mark.
            Ok(found) => assert!(name == "stream.arrow" || Ok(found) == expected, "{name} to {end}"),
            Err(error) => {
                assert_names(&error, name, &format!("to {end}"));
                refused += 1;
            }
        }
    }
    assert!(refused + 32 > whole.len(), "{name}: {refused} of {} cuts were refused", whole.len());
    for at in 0..whole.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            place.write(name, changed);
            if let Err(error) = read(&place, name) {
                assert_names(&error, name, &format!("{change:#x} at {at}"));
            }
        }
    }
}

#[test]
fn a_broken_parquet_file_is_an_error_that_names_it_or_has_values() {
    break_everywhere("missing.parquet", false);
    break_everywhere("single.parquet", true);
}

#[test]
fn a_broken_feather_file_is_an_error_that_names_it_or_has_values() {
    break_everywhere("missing.feather", false);
    break_everywhere("table.feather", true);
}

#[test]
fn a_broken_arrow_stream_or_npz_archive_is_an_error_that_names_it_or_has_values() {
    break_everywhere("stream.arrow", true);
    break_everywhere("two.npz", true);
}
