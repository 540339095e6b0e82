//! Decompressing gzip: members one after another, as bgzip and `cat` leave them, and zeros behind them, as tapes do.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The first byte of a member.
const MAGIC: u8 = 0x1f;

/// The contents of all members.
pub(super) struct Gunzip<R> {
    /// `None` at the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gunzip<R> {
    pub(super) fn new(reader: R) -> Self {
        Gunzip { member: Some(GzDecoder::new(reader)) }
    }

    /// The member that begins here, if one does.
    fn next_member(mut reader: R) -> io::Result<Option<GzDecoder<R>>> {
        loop {
            let bytes = reader.fill_buf()?;
            match bytes.first() {
                None => return Ok(None),
                Some(&MAGIC) => return Ok(Some(GzDecoder::new(reader))),
                Some(0) => {
                    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                    reader.consume(zeros);
                }
                Some(_) => {
                    let problem = "there is something else behind its gzip data";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
                }
            }
        }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(buffer).map_err(in_words)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            if let Some(member) = self.member.take() {
                self.member = Self::next_member(member.into_inner())?;
            }
        }
        Ok(0)
    }
}

/// The library speaks of streams and headers, not of what became of the file.
fn in_words(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), "it is cut short: it ends in the middle of its gzip data")
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            io::Error::new(io::ErrorKind::InvalidData, format!("its gzip data are damaged: {error}"))
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn member(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> io::Result<String> {
        io::read_to_string(Gunzip::new(bytes))
    }

    #[test]
    fn members_are_joined_and_zeros_behind_them_passed_over() {
        let two = [member("one "), member("two")].concat();
        assert_eq!(read(&two).unwrap(), "one two");
        assert_eq!(read(&[two.clone(), vec![0; 700]].concat()).unwrap(), "one two");
        assert_eq!(read(&[two, vec![0; 9], member("!")].concat()).unwrap(), "one two!");
    }

    #[test]
    fn a_cut_or_continued_file_is_an_error_that_says_so() {
        let whole = member(&"0.5,0.25\n".repeat(999));
        for length in [whole.len() - 1, whole.len() - 8, whole.len() / 2, 5] {
            let error = read(&whole[..length]).unwrap_err().to_string();
            assert!(error.contains("cut short"), "{length}: {error}");
        }
        let error = read(&[whole.clone(), b"more".to_vec()].concat()).unwrap_err().to_string();
        assert!(error.contains("something else behind"), "{error}");
        let mut damaged = whole;
        damaged[20] ^= 0x55;
        damaged[25] ^= 0x55;
        assert!(read(&damaged).unwrap_err().to_string().contains("damaged"));
    }
}
