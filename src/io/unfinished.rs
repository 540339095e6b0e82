//! Files that are being written, listed, so that a program that is told to stop leaves none of them behind.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, PathPersistError, TempPath};

/// The files of this process.
static FILES: Files = Files::new();

/// Removes all files that were begun and not finished, for a program that is about to exit. As long as what it returns
/// lives, no file is begun or finished, and who tries to waits: nothing appears, or goes wrong, between this and the
/// exit.
///
/// Further writes to such a file are lost; its [`Output::finish`](super::Output::finish) is an error.
pub fn discard_unfinished() -> impl Drop {
    FILES.discard()
}

/// Unfinished files, by path. They vanish when they are taken out of the map.
struct Files(Mutex<BTreeMap<PathBuf, TempPath>>);

impl Files {
    const fn new() -> Self {
        Files(Mutex::new(BTreeMap::new()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, TempPath>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new file, on the list as soon as it is there.
    fn create(&'static self, builder: &Builder, directory: &Path) -> io::Result<(File, Unfinished)> {
        let mut files = self.lock();
        let (file, temporary) = builder.tempfile_in(directory)?.into_parts();
        let path = temporary.to_path_buf();
        files.insert(path.clone(), temporary);
        Ok((file, Unfinished { files: self, path }))
    }

    /// Removes all of them, and holds the list.
    fn discard(&self) -> MutexGuard<'_, BTreeMap<PathBuf, TempPath>> {
        let mut files = self.lock();
        files.clear();
        files
    }
}

/// An unfinished file; it vanishes unless it is finished.
pub(super) struct Unfinished {
    files: &'static Files,
    path: PathBuf,
}

impl Unfinished {
    /// Makes a file in a directory.
    pub(super) fn create(builder: &Builder, directory: &Path) -> io::Result<(File, Self)> {
        FILES.create(builder, directory)
    }

    /// Gives the file its name.
    pub(super) fn finish(self, name: &Path) -> io::Result<()> {
        let mut files = self.files.lock();
        let file = files.remove(&self.path).ok_or(io::ErrorKind::NotFound)?;
        file.persist(name).map_err(|PathPersistError { error, .. }| error)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone from the list and from the disk at once, as anyone sees it who holds the list.
        let mut files = self.files.lock();
        drop(files.remove(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_are_listed_until_they_are_finished_dropped_or_discarded() {
        // The list of the process also has the files of other tests.
        static LIST: Files = Files::new();
        let directory = tempfile::tempdir().unwrap();
        let names = || fs::read_dir(directory.path()).unwrap().count();
        let create = || LIST.create(&Builder::new(), directory.path()).unwrap().1;
        let (finished, dropped, discarded) = (create(), create(), create());
        assert_eq!((names(), LIST.lock().len()), (3, 3));
        finished.finish(&directory.path().join("whole")).unwrap();
        assert_eq!((names(), LIST.lock().len()), (3, 2));
        drop(dropped);
        assert_eq!((names(), LIST.lock().len()), (2, 1));
        drop(LIST.discard());
        assert_eq!((names(), LIST.lock().len()), (1, 0));
        assert!(discarded.finish(&directory.path().join("late")).is_err());
        assert!(directory.path().join("whole").exists() && names() == 1);
    }
}
