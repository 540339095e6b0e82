//! Output files: written beside their place and renamed when complete, so that no file is ever half-written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Stdout, Write};
use std::path::{Path, PathBuf};

use super::unfinished::Unfinished;
use crate::error::{Error, Result};

/// Bytes written at a time.
const BUFFER: usize = 1 << 18;

/// A place where a file can be written: checked before the work begins whose result goes there.
#[derive(Debug, Clone)]
pub struct Destination {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// A file, new or to be replaced, at this path once links are followed.
    File(PathBuf),
    /// A device or pipe, which is written to as it is.
    Special,
    StandardOutput,
}

impl Destination {
    /// Checks that a file can be made at this path; makes none yet.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn new(path: &Path) -> Result<Self> {
        let destination = Destination { path: path.to_owned(), kind: Self::kind(path) };
        if path.is_dir() {
            return Err(destination.fail(io::ErrorKind::IsADirectory.into()));
        }
        if let Kind::File(target) = &destination.kind {
            beside(target).map_err(|error| destination.fail(error))?;
        }
        Ok(destination)
    }

    /// Standard output.
    pub fn standard_output() -> Self {
        Destination { path: PathBuf::from("standard output"), kind: Kind::StandardOutput }
    }

    fn kind(path: &Path) -> Kind {
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => Kind::Special,
            // The file that a link leads to is replaced, not the link.
            Ok(_) => Kind::File(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())),
            Err(_) => Kind::File(path.to_owned()),
        }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts writing.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn create(&self) -> Result<Output> {
        let (sink, unfinished) = self.open().map_err(|error| self.fail(error))?;
        Ok(Output { to: self.clone(), writer: BufWriter::with_capacity(BUFFER, sink), unfinished })
    }

    fn open(&self) -> io::Result<(Sink, Option<Unfinished>)> {
        Ok(match &self.kind {
            Kind::File(target) => {
                let (file, unfinished) = beside(target)?;
                (Sink::File(file), Some(unfinished))
            }
            Kind::Special => (Sink::File(OpenOptions::new().write(true).open(&self.path)?), None),
            Kind::StandardOutput => (Sink::StandardOutput(io::stdout()), None),
        })
    }

    /// The error for a failed write to this place.
    pub(super) fn fail(&self, source: io::Error) -> Error {
        Error::Write { path: self.path.clone(), source }
    }
}

/// A new file in the same directory, which vanishes unless it is renamed.
fn beside(target: &Path) -> io::Result<(File, Unfinished)> {
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::metadata(directory)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mixtura-");
    // The usual permissions of a new file, in place of a temporary file's narrower ones.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // The kind alone: the message would name the temporary file.
    Unfinished::create(&builder, directory).map_err(|error| error.kind().into())
}

/// A file being written; without [`Output::finish`] it vanishes.
pub struct Output {
    to: Destination,
    writer: BufWriter<Sink>,
    unfinished: Option<Unfinished>,
}

enum Sink {
    File(File),
    StandardOutput(Stdout),
}

impl Output {
    /// Puts the complete file in its place.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(mut self) -> Result<()> {
        self.writer.flush().map_err(|error| self.to.fail(error))?;
        let Output { to, writer, unfinished } = self;
        drop(writer);
        match (unfinished, &to.kind) {
            (Some(file), Kind::File(target)) => file.finish(target).map_err(|error| to.fail(error)),
            _ => Ok(()),
        }
    }

    /// Where it goes.
    pub(super) fn destination(&self) -> &Destination {
        &self.to
    }

    /// The error for a failed write to this file.
    pub(super) fn fail(&self, source: io::Error) -> Error {
        self.to.fail(source)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// An error for pipes and standard output.
impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.writer.seek(to)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::File(file) => file.write(bytes),
            Sink::StandardOutput(output) => output.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::File(file) => file.flush(),
            Sink::StandardOutput(output) => output.flush(),
        }
    }
}

impl Seek for Sink {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Sink::File(file) => file.seek(to),
            Sink::StandardOutput(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_complete_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let destination = Destination::new(&path).unwrap();
        let mut abandoned = destination.create().unwrap();
        abandoned.write_all(b"half").unwrap();
        drop(abandoned);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

        let mut output = destination.create().unwrap();
        output.write_all(b"whole").unwrap();
        assert!(!path.exists());
        output.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn places_where_no_file_can_be_are_refused_beforehand() {
        let directory = tempfile::tempdir().unwrap();
        for path in [directory.path().to_owned(), directory.path().join("missing").join("out")] {
            assert!(matches!(Destination::new(&path), Err(Error::Write { .. })), "{}", path.display());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_a_device_is_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let (link, file) = (directory.path().join("link"), directory.path().join("file"));
        fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut output = Destination::new(&link).unwrap().create().unwrap();
        output.write_all(b"new").unwrap();
        output.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");

        Destination::new(Path::new("/dev/null")).unwrap().create().unwrap().finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
