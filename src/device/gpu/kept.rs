//! What runs leave for later ones, in the user's cache directory. Whatever goes wrong there, it is as if they had left
//! nothing.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use wgpu::AdapterInfo;

/// Set to `off`, this variable keeps files from being read and written.
const VARIABLE: &str = "MIXTURA_PIPELINE_CACHE";

/// A text larger than this is none of ours.
const MOST_TEXT_BYTES: u64 = 64 << 10;

/// Small texts about one device, as this version of the program found it.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// `None` where nothing can be kept.
    folder: Option<PathBuf>,
    /// The device, its driver and this program.
    of: u64,
}

impl Kept {
    /// Those about an adapter and its driver.
    pub(super) fn of_adapter(adapter: &AdapterInfo) -> Self {
        let AdapterInfo { name, vendor, device, driver, driver_info, backend, .. } = adapter;
        Self::of(folder(), (name, vendor, device, driver, driver_info, backend.to_str()))
    }

    /// Those about a processor of a name.
    pub(super) fn of_processor(name: &str) -> Self {
        Self::of(folder(), name)
    }

    /// Those in a folder, about what is hashed.
    pub(super) fn of(folder: Option<PathBuf>, device: impl Hash) -> Self {
        Kept { folder, of: hash(&(device, env!("CARGO_PKG_VERSION"))) }
    }

    fn path(&self, kind: &str, about: &impl Hash) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(kind).join(format!("{:016x}-{:016x}", self.of, hash(about))))
    }

    /// The text of a kind about something.
    pub(super) fn read(&self, kind: &str, about: &impl Hash) -> Option<String> {
        let path = self.path(kind, about)?;
        let is_small = fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= MOST_TEXT_BYTES);
        is_small.then(|| fs::read_to_string(path).ok()).flatten()
    }

    /// Keeps a text; where that cannot be done, the next run finds out for itself.
    pub(super) fn write(&self, kind: &str, about: &impl Hash, text: &str) {
        if let Some(path) = self.path(kind, about) {
            let _ = write(&path, text.as_bytes());
        }
    }
}

/// Where files are kept; `None` where that is switched off, or the system says no place.
pub(super) fn folder() -> Option<PathBuf> {
    folder_by(|variable| env::var_os(variable))
}

fn folder_by(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if variable(VARIABLE).is_some_and(|value| value == "off") {
        return None;
    }
    let path = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = if cfg!(windows) {
        path("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        path("HOME").map(|home| home.join("Library/Caches"))
    } else {
        path("XDG_CACHE_HOME").or_else(|| path("HOME").map(|home| home.join(".cache")))
    };
    caches.map(|caches| caches.join("mixtura"))
}

/// Writes a file all at once: who reads it meanwhile finds the old one.
pub(super) fn write(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(contents)?;
    file.persist(path)?;
    Ok(())
}

/// Hash that is the same in all runs of one version of the program.
pub(super) fn hash(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_in_the_users_cache_directory_unless_that_is_switched_off() {
        let root = if cfg!(windows) { "C:\\somewhere" } else { "/somewhere" };
        let all = |_: &str| Some(OsString::from(root));
        assert!(folder_by(all).is_some_and(|path| path.starts_with(root) && path.ends_with("mixtura")));
        assert_eq!(folder_by(|name| if name == VARIABLE { Some("off".into()) } else { all(name) }), None);
        assert_eq!(folder_by(|_| Some("relative".into())), None);
        assert_eq!(folder_by(|_| None), None);
    }

    #[test]
    fn a_text_is_of_one_device_and_of_one_thing() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("not yet there");
        let (mine, other) = (Kept::of(Some(folder.clone()), 1), Kept::of(Some(folder.clone()), 2));
        assert_eq!(mine.read("kind", &1), None);
        mine.write("kind", &1, "a text");
        assert_eq!(mine.read("kind", &1).as_deref(), Some("a text"));
        assert_eq!((mine.read("kind", &2), mine.read("other", &1), other.read("kind", &1)), (None, None, None));
        // What is no text, or far too long for one, is nothing.
        for contents in [vec![0xff; 3], vec![b'x'; MOST_TEXT_BYTES as usize + 1]] {
            fs::write(mine.path("kind", &1).unwrap(), contents).unwrap();
            assert_eq!(mine.read("kind", &1), None);
        }
        // Where a folder should be there is a file: nothing is kept, and nobody is told.
        let nowhere = Kept::of(mine.path("kind", &1), 1);
        nowhere.write("kind", &1, "a text");
        assert_eq!((nowhere.read("kind", &1), Kept::of(None, 1).read("kind", &1)), (None, None));
    }
}
