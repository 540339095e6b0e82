//! Opening a file or standard input, and telling its format.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::error::{Error, Result};

/// The first bytes of every .npy file.
const NPY_MAGIC: &[u8] = b"\x93NUMPY";

/// Bytes read at a time: more than enough of a text file to tell its delimiter.
const BUFFER: usize = 1 << 16;

/// How a table is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Text { delimiter: u8 },
}

/// An open file or standard input, with the name that errors give it.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) reader: Box<dyn BufRead>,
}

impl Source {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let fail = |source| Error::Read { path: path.to_owned(), source };
        let (name, mut reader): (String, Box<dyn BufRead>) = if path.as_os_str() == "-" {
            ("standard input".to_owned(), Box::new(BufReader::with_capacity(BUFFER, io::stdin())))
        } else {
            let file = File::open(path).map_err(fail)?;
            (path.display().to_string(), Box::new(BufReader::with_capacity(BUFFER, file)))
        };
        let format = format(path, reader.fill_buf().map_err(fail)?);
        Ok(Source { name, format, reader })
    }
}

/// The extension tells the format where it can; otherwise the first bytes do.
fn format(path: &Path, start: &[u8]) -> Format {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("npy") => Format::Npy,
        _ if start.starts_with(NPY_MAGIC) => Format::Npy,
        Some("csv") => Format::Text { delimiter: b',' },
        Some("tsv") => Format::Text { delimiter: b'\t' },
        _ => {
            let line =
                start.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
            let tabs = line.contains(&b'\t') && !line.contains(&b',');
            Format::Text { delimiter: if tabs { b'\t' } else { b',' } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_tells_the_format_and_otherwise_the_first_bytes_do() {
        let told = |path: &str, start: &[u8]| format(Path::new(path), start);
        let (comma, tab) = (Format::Text { delimiter: b',' }, Format::Text { delimiter: b'\t' });
        assert_eq!(told("x.npy", b"1,2"), Format::Npy);
        assert_eq!(told("x.CSV", b"1\t2"), comma);
        assert_eq!(told("x.tsv", b"1,2"), tab);
        assert_eq!(told("-", b"\x93NUMPY\x01\x00"), Format::Npy);
        assert_eq!(told("-", b"\n1\t2\n3,4"), tab);
        assert_eq!(told("-", b"1,2\t"), comma);
        assert_eq!(told("-", b""), comma);
    }
}
