//! Compressed text on its way out.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use zstd::stream::write::Encoder;

use super::output::Output;

/// How text is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, .gz.
    Gzip,
    /// Zstandard, .zst.
    Zstandard,
}

/// The sink of text: plain, or compressed on its way to the file.
pub(super) enum Compressor {
    Plain(Output),
    Gzip(GzEncoder<Output>),
    Zstandard(Encoder<'static, Output>),
}

impl Compressor {
    pub(super) fn new(output: Output, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Compressor::Plain(output),
            Compression::Gzip => Compressor::Gzip(GzEncoder::new(output, flate2::Compression::default())),
            Compression::Zstandard => Compressor::Zstandard(Encoder::new(output, zstd::DEFAULT_COMPRESSION_LEVEL)?),
        })
    }

    /// Writes what is left, and gives the file back.
    pub(super) fn finish(self) -> io::Result<Output> {
        match self {
            Compressor::Plain(output) => Ok(output),
            Compressor::Gzip(encoder) => encoder.finish(),
            Compressor::Zstandard(encoder) => encoder.finish(),
        }
    }
}

impl Write for Compressor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressor::Plain(output) => output.write(bytes),
            Compressor::Gzip(encoder) => encoder.write(bytes),
            Compressor::Zstandard(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Compressor::Plain(output) => output.flush(),
            Compressor::Gzip(encoder) => encoder.flush(),
            Compressor::Zstandard(encoder) => encoder.flush(),
        }
    }
}
