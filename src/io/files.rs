//! Which files a list of paths stands for.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::malformed;
use super::notes::{About, Note, Notes};
use crate::error::{Error, Result};

/// Extensions of the tables that a directory is searched for.
const TABLES: [&str; 12] =
    ["npy", "npz", "parquet", "pq", "arrow", "arrows", "feather", "ipc", "csv", "tsv", "f32", "f64"];
const COMPRESSED: [&str; 2] = ["gz", "zst"];

/// Extensions of files in directories that are passed over, and may be tables: it is said that they are.
const DOUBTFUL: [&str; 15] =
    ["txt", "dat", "data", "tab", "psv", "bz2", "xz", "lz4", "zip", "xls", "xlsx", "parq", "jsonl", "orc", "avro"];

/// How the names of such files begin that are none.
const NO_TABLES: [&str; 4] = ["readme", "license", "notice", "requirements"];

/// How files without an extension begin that may be tables.
const PART: &str = "part";

/// Files that a list of paths stands for.
pub(super) struct Files {
    pub(super) paths: Vec<PathBuf>,
    pub(super) notes: Notes,
}

/// The files that paths stand for: files as they are; the tables in directories and below them, and what patterns
/// match, in the order of their names. What is hidden (.name) or marks something (_name) is passed over.
///
/// # Errors
/// [`Error::Read`], or [`Error::Malformed`] for a pattern or directory without files.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    find_files(paths).map(|files| files.paths)
}

pub(super) fn find_files(paths: &[PathBuf]) -> Result<Files> {
    let mut files = Files { paths: Vec::new(), notes: Notes::default() };
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
        let asked_for: Vec<char> = Path::new(pattern).iter().filter_map(passed_over).collect();
        let is_passed_over = |name: &OsStr| passed_over(name).is_some_and(|begin| !asked_for.contains(&begin));
        let before = self.paths.len();
        // The library sorts them.
        for path in found {
            let path = path.map_err(|error| Error::Read { path: error.path().to_owned(), source: error.into() })?;
            match path.iter().any(is_passed_over) {
                true => {}
                false if path.is_dir() => self.add_tables(&path)?,
                false => self.paths.push(path),
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
        for entry in entries.filter_entry(|entry| entry.depth() == 0 || passed_over(entry.file_name()).is_none()) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(directory).to_owned();
                Error::Read { path, source: io::Error::from(error) }
            })?;
            if !entry.file_type().is_file() {
                continue;
            }
            if is_table(entry.path()) {
                self.note_partitions(directory, &entry);
                self.paths.push(entry.into_path());
            } else if may_be_table(entry.path()) {
                let text = "it may be a table, but is passed over, for its extension is none of those that are read";
                self.notes.add(Note::new(About::PassedOver, entry.path().display().to_string(), text));
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
        if !columns.is_empty() {
            let text = format!(
                "what the names of directories say of {} is not read; write it into the files if it is a feature",
                columns.join(", ")
            );
            self.notes.add(Note::new(About::Partitions, root.join(below).display().to_string(), text));
        }
    }
}

/// How a name begins that is one of those that other programs leave beside tables: .name.crc, _SUCCESS, _metadata.
fn passed_over(name: &OsStr) -> Option<char> {
    // These two are directories, too, but not hidden ones.
    let name = name.to_str().filter(|name| !matches!(*name, "." | ".."))?;
    name.chars().next().filter(|begin| matches!(begin, '.' | '_'))
}

fn is_table(path: &Path) -> bool {
    has_extension(path, &TABLES) || has_extension(path, &COMPRESSED) && has_extension(&path.with_extension(""), &TABLES)
}

fn may_be_table(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    let is_doubtful = has_extension(path, &DOUBTFUL) || has_extension(path, &COMPRESSED);
    let is_part = path.extension().is_none() && name.starts_with(PART);
    (is_doubtful || is_part) && !NO_TABLES.iter().any(|begin| name.starts_with(begin))
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
}
