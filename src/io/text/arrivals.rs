//! Lines as they come: read by a thread of their own, so that what is there need not wait for what is not.

use std::io::{self, BufRead};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use memchr::{memchr, memchr_iter, memrchr};

/// Pieces that wait, of what is read at a time.
const AHEAD: usize = 16;

/// How long the first lines are waited for once there is one: they tell what the columns are.
const PATIENCE: Duration = Duration::from_millis(40);

/// Text that somebody is still writing.
pub(super) struct Arrivals {
    pieces: Receiver<io::Result<Vec<u8>>>,
    /// What came, and was not given out.
    here: Vec<u8>,
    is_over: bool,
}

impl Arrivals {
    /// Begins to read.
    pub(super) fn new(mut reader: Box<dyn BufRead + Send>) -> Self {
        let (sender, pieces) = sync_channel(AHEAD);
        // It ends with the text, or when nobody wants more.
        thread::spawn(move || {
            loop {
                let piece = match reader.fill_buf() {
                    Ok([]) => return,
                    Ok(bytes) => Ok(bytes.to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let n = piece.as_ref().map_or(0, Vec::len);
                if sender.send(piece).is_err() || n == 0 {
                    return;
                }
                reader.consume(n);
            }
        });
        Arrivals { pieces, here: Vec::new(), is_over: false }
    }

    /// Takes one more piece; `false` where none came in time.
    fn wait(&mut self, time: Option<Duration>) -> io::Result<bool> {
        let piece = match time {
            None => self.pieces.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(time) => self.pieces.recv_timeout(time),
        };
        match piece {
            Ok(piece) => self.here.extend(piece?),
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => self.is_over = true,
        }
        Ok(true)
    }

    /// Waits for a line, or the end.
    fn wait_for_line(&mut self) -> io::Result<()> {
        let mut searched = 0;
        while !self.is_over && memchr(b'\n', &self.here[searched..]).is_none() {
            searched = self.here.len();
            self.wait(None)?;
        }
        Ok(())
    }

    /// The first lines: so many bytes and lines, or what is there a moment after the first.
    pub(super) fn first(&mut self, size: usize, lines: usize) -> io::Result<Vec<u8>> {
        self.wait_for_line()?;
        let end = Instant::now() + PATIENCE;
        let mut is_late = false;
        while !self.is_over && !is_late && (self.here.len() < size || memchr_iter(b'\n', &self.here).count() < lines) {
            is_late = !self.wait(Some(end.saturating_duration_since(Instant::now())))?;
        }
        Ok(self.give())
    }

    /// The lines that are there, about `size` bytes of them; where there is none, waits for one.
    pub(super) fn lines(&mut self, size: usize) -> io::Result<Vec<u8>> {
        self.wait_for_line()?;
        while !self.is_over && self.here.len() < size && self.wait(Some(Duration::ZERO))? {}
        Ok(self.give())
    }

    /// Whether a line is there, or the end.
    pub(super) fn is_here(&mut self) -> io::Result<bool> {
        while !self.is_over && memchr(b'\n', &self.here).is_none() {
            if !self.wait(Some(Duration::ZERO))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn give(&mut self) -> Vec<u8> {
        let end = if self.is_over { self.here.len() } else { memrchr(b'\n', &self.here).map_or(0, |last| last + 1) };
        let rest = self.here.split_off(end);
        std::mem::replace(&mut self.here, rest)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write, pipe};

    use super::*;

    #[test]
    fn lines_are_given_as_they_come_and_halves_are_kept() {
        let (reader, mut writer) = pipe().unwrap();
        let mut arrivals = Arrivals::new(Box::new(BufReader::new(reader)));
        writer.write_all(b"a,b\n1,").unwrap();
        assert_eq!(arrivals.first(100, 8).unwrap(), b"a,b\n", "in spite of the lines that it waited for");
        assert!(!arrivals.is_here().unwrap());
        writer.write_all(b"2\n3,4\n5").unwrap();
        assert_eq!(arrivals.lines(1 << 20).unwrap(), b"1,2\n3,4\n");
        assert!(!arrivals.is_here().unwrap());
        writer.write_all(b",6").unwrap();
        drop(writer);
        assert_eq!(arrivals.lines(1 << 20).unwrap(), b"5,6", "the last line has no end");
        assert!(arrivals.is_here().unwrap());
        assert_eq!(arrivals.lines(1 << 20).unwrap(), b"");
    }

    #[test]
    fn all_bytes_come_through_in_blocks_of_whole_lines() {
        let text: String = (0..300_000).map(|i| format!("{},{}\n", i * 37 % 1001, i)).collect();
        let mut arrivals = Arrivals::new(Box::new(io::Cursor::new(text.clone().into_bytes())));
        let mut all = arrivals.first(1 << 14, 8).unwrap();
        loop {
            let block = arrivals.lines(1 << 20).unwrap();
            if block.is_empty() {
                break;
            }
            assert!(block.ends_with(b"\n") && all.ends_with(b"\n"));
            all.extend(block);
        }
        assert!(all == text.as_bytes());
    }
}
