//! Lengths in Arrow IPC files and streams, held to what is there. The arrow crate allocates what a file says, and a
//! damaged length that exceeds all memory would end the process.

use std::fs::File;
use std::io::{self, Cursor, Read};

use arrow_ipc::reader::read_footer_length;
use arrow_ipc::{Buffer, Message, root_as_footer, root_as_message};
use positioned_io::ReadAt;

/// The length of the footer and the magic bytes behind it.
const TRAILER: u64 = 10;

/// Marker before the length of a message's metadata in newer files. Older ones have the length alone.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Bytes before a compressed buffer: its length when decompressed.
const PREFIX: u64 = 8;

/// No compression makes less than one byte of this many. (Zstandard: a block of 128 KiB in four bytes.)
const RATIO: u64 = 1 << 16;

/// Checks the footer of a file, and the messages that it lists.
pub(super) fn check_file(file: &File) -> io::Result<()> {
    let size = file.metadata()?.len();
    let end = size.checked_sub(TRAILER).ok_or_else(|| broken("it ends before its footer"))?;
    let mut trailer = [0; TRAILER as usize];
    file.read_exact_at(end, &mut trailer)?;
    let length = read_footer_length(trailer).map_err(io::Error::other)?;
    let start = end.checked_sub(length as u64).ok_or_else(|| broken("its footer is longer than the file"))?;
    let footer = read_at(file, start, length)?;
    let footer = root_as_footer(&footer).map_err(|error| broken(format!("its footer: {error}")))?;
    for block in footer.dictionaries().iter().chain(&footer.recordBatches()).flatten() {
        let beyond = || broken("its footer points beyond its end");
        let number = |x: i64| u64::try_from(x).map_err(|_| beyond());
        let (start, metadata) = (number(block.offset())?, number(block.metaDataLength().into())?);
        let body = start.checked_add(metadata).ok_or_else(beyond)?;
        let end = body.checked_add(number(block.bodyLength())?).ok_or_else(beyond)?;
        if end > size {
            return Err(beyond());
        }
        let message = read_at(file, start, metadata as usize)?;
        let prefix = if message.starts_with(&CONTINUATION) { 8 } else { 4 };
        let message = message.get(prefix..).ok_or_else(|| broken("a message has no metadata"))?;
        let message = root_as_message(message).map_err(|error| broken(format!("a message: {error}")))?;
        check_message(&message, end - body, |at, prefix| file.read_exact_at(body + at, prefix))?;
    }
    Ok(())
}

fn read_at(file: &File, start: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(start, &mut bytes)?;
    Ok(bytes)
}

/// Checks where the buffers of a message lie in its body, and what lengths the compressed ones say they have.
fn check_message(
    message: &Message,
    body: u64,
    read_at: impl Fn(u64, &mut [u8; PREFIX as usize]) -> io::Result<()>,
) -> io::Result<()> {
    let dictionary = || message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let Some(batch) = message.header_as_record_batch().or_else(dictionary) else { return Ok(()) };
    for buffer in batch.buffers().iter().flatten() {
        let (start, length) =
            extent(buffer, body).ok_or_else(|| broken("a column lies beyond the end of its batch"))?;
        if batch.compression().is_some() && length >= PREFIX {
            let mut prefix = [0; PREFIX as usize];
            read_at(start, &mut prefix)?;
            let decompressed = i64::from_le_bytes(prefix);
            // -1 stands for a buffer that is not compressed.
            if decompressed > 0 && decompressed as u64 / RATIO > length {
                return Err(broken(format!("a column of {length} bytes would decompress into {decompressed}")));
            }
        }
    }
    Ok(())
}

/// Where a buffer begins in its body, and its length, if it lies within.
fn extent(buffer: &Buffer, body: u64) -> Option<(u64, u64)> {
    let (start, length) = (u64::try_from(buffer.offset()).ok()?, u64::try_from(buffer.length()).ok()?);
    (start.checked_add(length)? <= body).then_some((start, length))
}

fn broken(problem: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.into())
}

/// A stream, message by message: each is checked before it is passed on.
pub(super) struct CheckedStream<R> {
    reader: R,
    message: Cursor<Vec<u8>>,
}

impl<R: Read> CheckedStream<R> {
    pub(super) fn new(reader: R) -> Self {
        CheckedStream { reader, message: Cursor::default() }
    }

    /// The next message, or what there is of it: that it is cut short is found out by who reads it.
    fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.append(&mut bytes, 4)?;
        if bytes == CONTINUATION {
            self.append(&mut bytes, 4)?;
        }
        let Some(length) = bytes.last_chunk() else { return Ok(bytes) };
        let length = u64::try_from(i32::from_le_bytes(*length)).unwrap_or(0);
        let start = bytes.len();
        self.append(&mut bytes, length)?;
        let metadata = bytes[start..].to_vec();
        let Ok(message) = root_as_message(&metadata) else { return Ok(bytes) };
        let length = u64::try_from(message.bodyLength()).unwrap_or(0);
        let start = bytes.len();
        self.append(&mut bytes, length)?;
        let body = &bytes[start..];
        if body.len() as u64 == length {
            check_message(&message, length, |at, prefix| body.read_exact_at(at, prefix))?;
        }
        Ok(bytes)
    }

    /// Reads `length` bytes, or as many as there are.
    fn append(&mut self, bytes: &mut Vec<u8>, length: u64) -> io::Result<()> {
        (&mut self.reader).take(length).read_to_end(bytes).map(drop)
    }
}

impl<R: Read> Read for CheckedStream<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.message.position() == self.message.get_ref().len() as u64 {
            self.message = Cursor::new(self.next()?);
        }
        self.message.read(to)
    }
}
