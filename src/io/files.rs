//! Which files a list of paths stands for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::malformed;
use crate::error::{Error, Result};

/// Extensions of the tables that a directory is searched for.
const TABLES: [&str; 12] =
    ["npy", "npz", "parquet", "pq", "arrow", "arrows", "feather", "ipc", "csv", "tsv", "f32", "f64"];
const COMPRESSED: [&str; 2] = ["gz", "zst"];

/// The files that paths stand for: files as they are; the tables in directories, and what patterns match, in the order of
/// their names.
///
/// # Errors
/// [`Error::Read`], or [`Error::Malformed`] for a pattern or directory without files.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        match path.to_str().filter(|text| !path.exists() && text.contains(['*', '?', '['])) {
            Some(pattern) => files.extend(matches(pattern)?),
            None if path.is_dir() => files.extend(tables(path)?),
            None => files.push(path.clone()),
        }
    }
    Ok(files)
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>> {
    let found = glob::glob(pattern)
        .map_err(|error| malformed(pattern, format!("this is no pattern: {error}"), "use *, ? and [...]"))?;
    // The library sorts them.
    let files = found
        .map(|path| path.map_err(|error| Error::Read { path: error.path().to_owned(), source: error.into() }))
        .collect::<Result<Vec<_>>>()?;
    match files.is_empty() {
        true => Err(malformed(pattern, "no file matches this pattern", "check the path")),
        false => Ok(files),
    }
}

fn tables(directory: &Path) -> Result<Vec<PathBuf>> {
    let fail = |source| Error::Read { path: directory.to_owned(), source };
    let mut files = Vec::new();
    for entry in directory.read_dir().map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_file() && is_table(&path) {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(malformed(
            directory.display().to_string(),
            "there is no table in this directory",
            format!("its files should end in one of .{}", TABLES.join(", .")),
        )),
        false => Ok(files),
    }
}

fn is_table(path: &Path) -> bool {
    let has = |path: &Path, extensions: &[&str]| {
        let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
    };
    has(path, &TABLES) || has(path, &COMPRESSED) && has(&path.with_extension(""), &TABLES)
}
