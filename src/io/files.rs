//! Which files a list of paths stands for.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::malformed;
use super::notes::{About, Note};
use crate::error::{Error, Result};

/// Extensions of the tables that a directory is searched for.
const TABLES: [&str; 12] =
    ["npy", "npz", "parquet", "pq", "arrow", "arrows", "feather", "ipc", "csv", "tsv", "f32", "f64"];
const COMPRESSED: [&str; 2] = ["gz", "zst"];

/// What a list of paths stands for.
pub(super) struct Files {
    pub(super) paths: Vec<PathBuf>,
    /// Directories that name a column, of which nothing is read.
    pub(super) note: Option<Note>,
}

/// The files that paths stand for: files as they are; the tables in directories and below them, and what patterns match, in
/// the order of their names. What is hidden (.name) or marks something (_name) is passed over.
///
/// # Errors
/// [`Error::Read`], or [`Error::Malformed`] for a pattern or directory without files.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    find_files(paths).map(|files| files.paths)
}

pub(super) fn find_files(paths: &[PathBuf]) -> Result<Files> {
    let mut files = Files { paths: Vec::new(), note: None };
    for path in paths {
        match path.to_str().filter(|text| !path.exists() && text.contains(['*', '?', '['])) {
            Some(pattern) => files.add_matches(pattern)?,
            None if path.is_dir() => files.add_directory(path)?,
            None => files.paths.push(path.clone()),
        }
    }
    Ok(files)
}

impl Files {
    fn add_matches(&mut self, pattern: &str) -> Result<()> {
        let found = glob::glob(pattern)
            .map_err(|error| malformed(pattern, format!("this is no pattern: {error}"), "use *, ? and [...]"))?;
        // Who asks for such names gets them.
        let any_name = Path::new(pattern).file_name().is_some_and(is_passed_over);
        let before = self.paths.len();
        // The library sorts them.
        for path in found {
            let path = path.map_err(|error| Error::Read { path: error.path().to_owned(), source: error.into() })?;
            match path.file_name() {
                Some(name) if is_passed_over(name) && !any_name => {}
                _ if path.is_dir() => self.add_tables(&path)?,
                _ => self.paths.push(path),
            }
        }
        match self.paths.len() == before {
            true => Err(malformed(pattern, "no file matches this pattern", "check the path")),
            false => Ok(()),
        }
    }

    fn add_directory(&mut self, directory: &Path) -> Result<()> {
        let before = self.paths.len();
        self.add_tables(directory)?;
        match self.paths.len() == before {
            true => Err(malformed(
                directory.display().to_string(),
                "there is no table in this directory",
                format!("its files should end in one of .{}", TABLES.join(", .")),
            )),
            false => Ok(()),
        }
    }

    /// Adds the tables in a directory and below it.
    fn add_tables(&mut self, directory: &Path) -> Result<()> {
        let entries = WalkDir::new(directory).follow_links(true).sort_by_file_name().into_iter();
        for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_passed_over(entry.file_name())) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(directory).to_owned();
                Error::Read { path, source: io::Error::from(error) }
            })?;
            if entry.file_type().is_file() && is_table(entry.path()) {
                self.note_partitions(directory, &entry);
                self.paths.push(entry.into_path());
            }
        }
        Ok(())
    }

    /// Notes directories such as year=2024 on the way to a file.
    fn note_partitions(&mut self, root: &Path, file: &DirEntry) {
        let root = root.parent().unwrap_or(root);
        let below = file.path().parent().and_then(|parent| parent.strip_prefix(root).ok()).unwrap_or(Path::new(""));
        let columns: Vec<&str> =
            below.iter().filter_map(|name| name.to_str()?.split_once('=')).map(|(name, _)| name).collect();
        if !columns.is_empty() && self.note.is_none() {
            let text = format!(
                "the names of directories tell the values of {}, which are no features; write them into the files as \
                 columns if they are some",
                columns.join(", ")
            );
            self.note = Some(Note::new(About::Partitions, root.join(below).display().to_string(), text));
        }
    }
}

/// Whether a name is one of those that other programs leave beside tables: .name.crc, _SUCCESS, _metadata.
fn is_passed_over(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(['.', '_']))
}

fn is_table(path: &Path) -> bool {
    let has = |path: &Path, extensions: &[&str]| {
        let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
    };
    has(path, &TABLES) || has(path, &COMPRESSED) && has(&path.with_extension(""), &TABLES)
}
