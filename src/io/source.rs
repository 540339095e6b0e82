//! Opening a file or standard input, and telling its compression and format.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::delimiter::Delimiter;
use super::foreign::foreign;
use super::gunzip::Gunzip;
use super::malformed;
use crate::device::choice::Precision;
use crate::error::{Error, Result};

/// Bytes read at a time: more than enough to tell a format by.
const BUFFER: usize = 1 << 16;

const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// How a table is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Npz,
    Parquet,
    ArrowFile,
    ArrowStream,
    /// Little-endian numbers and nothing else.
    Raw(Precision),
    /// Text, with the delimiter that its extension tells of.
    Text(Delimiter),
    /// Version 1 of Feather, which is another format than Arrow's.
    FirstFeather,
}

/// Magic bytes of the formats that have any.
const MAGIC: [(&[u8], Format); 6] = [
    (b"\x93NUMPY", Format::Npy),
    (b"PK\x03\x04", Format::Npz),
    (b"PAR1", Format::Parquet),
    (b"ARROW1", Format::ArrowFile),
    (b"FEA1", Format::FirstFeather),
    (b"\xff\xff\xff\xff", Format::ArrowStream),
];

/// Formats with the extensions of Arrow, beside Arrow's file format.
const OF_ARROW: [Format; 2] = [Format::ArrowStream, Format::FirstFeather];

/// A file among those of a data set.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) is_one_of_several: bool,
    /// The names of all columns of an earlier file, `Some(None)` where it has none.
    pub(super) earlier: Option<Option<Vec<String>>>,
    /// Rows before the first that is wanted: formats that can leave them out do.
    pub(super) unwanted: usize,
}

/// An open file or standard input, with the name that errors give it.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) format: Format,
    /// The contents, no longer compressed.
    pub(super) reader: Box<dyn BufRead + Send>,
    /// The file, if its contents are not compressed.
    pub(super) file: Option<File>,
    pub(super) part: Part,
}

impl Source {
    /// Opens a file, or standard input for `-`. What gzip or Zstandard compressed is decompressed.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let fail = |source| Error::Read { path: path.to_owned(), source };
        let (name, mut reader, mut file): (String, Box<dyn BufRead + Send>, Option<File>) = if path == Path::new("-") {
            ("standard input".to_owned(), Box::new(BufReader::with_capacity(BUFFER, io::stdin())), None)
        } else {
            let file = File::open(path).map_err(fail)?;
            let reader = BufReader::with_capacity(BUFFER, file.try_clone().map_err(fail)?);
            // What is no file, a pipe for one, can be read from front to back only.
            let is_file = file.metadata().map_err(fail)?.is_file();
            (path.display().to_string(), Box::new(reader), is_file.then_some(file))
        };
        let start = reader.fill_buf().map_err(fail)?;
        let mut inner = path;
        let stem;
        if start.starts_with(GZIP_MAGIC) || start.starts_with(ZSTD_MAGIC) {
            reader = match start.starts_with(GZIP_MAGIC) {
                true => Box::new(BufReader::with_capacity(BUFFER, Gunzip::new(reader))),
                false => {
                    let decoder = zstd::Decoder::with_buffer(reader).map_err(fail)?;
                    Box::new(BufReader::with_capacity(BUFFER, decoder))
                }
            };
            file = None;
            stem = path.with_extension("");
            inner = &stem;
        }
        let start = reader.fill_buf().map_err(fail)?;
        let format = format(inner, start);
        check_start(&name, format, start)?;
        Ok(Source { name, format, reader, file, part: Part::default() })
    }

    /// Contents that are no file.
    pub(super) fn of_contents(name: String, format: Format, contents: impl Read + Send + 'static) -> Self {
        let reader = Box::new(BufReader::with_capacity(BUFFER, contents));
        Source { name, format, reader, file: None, part: Part::default() }
    }

    /// Contents of a file from a byte on.
    pub(super) fn from(mut file: File, start: u64) -> io::Result<Box<dyn BufRead + Send>> {
        file.seek(SeekFrom::Start(start))?;
        Ok(Box::new(BufReader::with_capacity(BUFFER, file)))
    }

    /// As [`Source::into_file`] for a reader from which some bytes, the first ones, were read already: of a temporary
    /// copy they are zero.
    pub(super) fn into_rest(self, already: u64) -> Result<File> {
        if self.file.is_some() {
            return self.into_file();
        }
        let Source { name, reader, .. } = self;
        let rest = io::repeat(0).take(already).chain(reader);
        Self::of_contents(name, self.format, rest).into_file()
    }

    /// A file of the contents, for formats that are not read from front to back: the file itself, or a temporary copy
    /// of what came compressed or from standard input.
    pub(super) fn into_file(self) -> Result<File> {
        let Source { name, mut reader, file, .. } = self;
        let file = file.map_or_else(
            || {
                let mut copy = tempfile::tempfile()?;
                io::copy(&mut reader, &mut copy)?;
                Ok(copy)
            },
            Ok,
        );
        let rewound = file.and_then(|mut file| file.rewind().map(|()| file));
        rewound.map_err(|source| Error::Read { path: name.into(), source })
    }
}

/// The extension tells the format where it can; otherwise the first bytes do.
fn format(path: &Path, start: &[u8]) -> Format {
    let by_start = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, format)| *format);
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("npy") => Format::Npy,
        Some("npz") => Format::Npz,
        Some("parquet" | "pq") => Format::Parquet,
        Some("arrow" | "feather" | "ipc" | "arrows") => {
            by_start.filter(|format| OF_ARROW.contains(format)).unwrap_or(Format::ArrowFile)
        }
        Some("f32") => Format::Raw(Precision::Single),
        Some("f64") => Format::Raw(Precision::Double),
        extension => {
            let delimiter = if extension == Some("tsv") { Delimiter::TAB } else { Delimiter::COMMA };
            by_start.unwrap_or(Format::Text(delimiter))
        }
    }
}

/// Checks that a file does not begin like one of a kind that is not read, or of another kind than its extension says.
fn check_start(name: &str, format: Format, start: &[u8]) -> Result<()> {
    if let Some((what, remedy)) = foreign(start).filter(|_| !matches!(format, Format::Raw(_))) {
        return Err(malformed(name, format!("this is {what}"), remedy));
    }
    let expected = match format {
        Format::Parquet => b"PAR1".as_slice(),
        Format::ArrowFile => b"ARROW1",
        _ => return Ok(()),
    };
    let is_text = start.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let kind = match MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, Format::Parquet)) => "Parquet",
        Some((_, Format::Npy | Format::Npz)) => "a NumPy array",
        Some(_) => "Arrow",
        None if is_text => "text",
        None => return Ok(()),
    };
    if start.len() < expected.len() || start.starts_with(expected) {
        return Ok(());
    }
    let problem = format!("this is {kind}, and not what its extension says");
    Err(malformed(name, problem, "give it the extension of what it holds, such as .parquet, .arrow or .csv"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_tells_the_format_and_otherwise_the_first_bytes_do() {
        let told = |path: &str, start: &[u8]| format(Path::new(path), start);
        let (comma, tab) = (Format::Text(Delimiter::COMMA), Format::Text(Delimiter::TAB));
        assert_eq!(told("x.npy", b"1,2"), Format::Npy);
        assert_eq!(told("x.CSV", b"1\t2"), comma);
        assert_eq!(told("x.tsv", b"1,2"), tab);
        assert_eq!(told("-", b"\x93NUMPY\x01\x00"), Format::Npy);
        assert_eq!(told("x", b"PAR1"), Format::Parquet);
        assert_eq!(told("x.feather", b"ARROW1"), Format::ArrowFile);
        assert_eq!(told("x.arrow", b"\xff\xff\xff\xff"), Format::ArrowStream);
        assert_eq!(told("x.feather", b"FEA1"), Format::FirstFeather);
        assert_eq!(told("x.f32", b"\xff\xff\xff\xff"), Format::Raw(Precision::Single));
        assert_eq!(told("-", b"1,2\t"), comma);
        assert_eq!(told("-", b""), comma);
    }
}
