//! Text on its way to its rows: whole lines, a block after another.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::ByteRecord;

use super::delimiter::Delimiter;
use super::malformed;
use super::text::parse;
use crate::error::Result;

/// What a line begins with that is no row.
const COMMENT: u8 = b'#';

/// Bytes of a block: the first one is small, for it is parsed row by row.
const FIRST_BLOCK: usize = 1 << 14;
const BLOCK: usize = 1 << 20;

/// Lines of the first block at least, however long they are: the first rows tell what the columns are.
const FIRST_LINES: usize = 8;

/// Most rows that are looked at to tell what the columns are.
const PREVIEW: usize = 100;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Blocks of whole lines.
pub(super) struct Blocks {
    reader: Box<dyn BufRead + Send>,
    delimiter: Delimiter,
    commented: Option<Commented>,
}

/// Counts comments that look like samples.
#[derive(Clone)]
struct Commented {
    cells: usize,
    count: Arc<AtomicUsize>,
}

impl Blocks {
    /// The first block, without a byte order mark, and those after it, whose delimiter is not known yet.
    pub(super) fn open(mut reader: Box<dyn BufRead + Send>) -> io::Result<(Vec<u8>, Self)> {
        let mut block = read_lines(&mut reader, FIRST_BLOCK)?;
        let mut lines = block.iter().filter(|byte| **byte == b'\n').count();
        while lines < FIRST_LINES && reader.read_until(b'\n', &mut block)? > 0 {
            lines += 1;
        }
        if block.last().is_some_and(|last| *last != b'\n') {
            block.push(b'\n');
        }
        if block.starts_with(MARK) {
            block.drain(..MARK.len());
        }
        Ok((block, Blocks { reader, delimiter: Delimiter::COMMA, commented: None }))
    }

    /// Blocks of text with this delimiter.
    pub(super) fn with_delimiter(self, delimiter: Delimiter) -> Self {
        Blocks { delimiter, ..self }
    }

    /// Counts, from now on, comments that have so many cells, some of which are numbers.
    pub(super) fn count_comments(&mut self, cells: usize) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        self.commented = Some(Commented { cells, count: count.clone() });
        count
    }

    /// The next block, which ends with a line feed even if the file does not.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = read_lines(&mut self.reader, BLOCK)?;
        if block.is_empty() {
            return Ok(None);
        }
        if block.last() != Some(&b'\n') {
            block.push(b'\n');
        }
        let block = separated(block, self.delimiter);
        self.look_for_comments(&block);
        Ok(Some(block))
    }

    /// Counts the comments of a block.
    pub(super) fn look_for_comments(&self, block: &[u8]) {
        let Some(Commented { cells, count }) = &self.commented else { return };
        // Most blocks hold no comment, and are searched at the speed of memory.
        if memchr::memchr(COMMENT, block).is_none() {
            return;
        }
        for line in block.split(|byte| *byte == b'\n').filter(|line| line.first() == Some(&COMMENT)) {
            let comment = uncommented(line, self.delimiter);
            if comment.len() == *cells && comment.iter().any(|cell| parse(cell).is_some()) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// About so many bytes, up to the end of a line.
fn read_lines(reader: &mut Box<dyn BufRead + Send>, size: usize) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(size + size / 16);
    reader.take(size as u64).read_to_end(&mut block)?;
    if block.last().is_some_and(|last| *last != b'\n') {
        reader.read_until(b'\n', &mut block)?;
    }
    Ok(block)
}

/// Lines whose cells have one character between them.
pub(super) fn separated(block: Vec<u8>, delimiter: Delimiter) -> Vec<u8> {
    if delimiter != Delimiter::Blanks {
        return block;
    }
    let mut lines = Vec::with_capacity(block.len());
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        let start = lines.len();
        for word in line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()) {
            if lines.len() > start {
                lines.push(delimiter.byte());
            }
            lines.extend_from_slice(word);
        }
        lines.push(b'\n');
    }
    lines
}

/// A reader of rows: of every line but comments, with as many cells as it has. (A line feed alone ends a row, and the
/// carriage return before it is trimmed like a blank.)
pub(super) fn rows_reader<R: Read>(delimiter: Delimiter, reader: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter.byte())
        .has_headers(false)
        .flexible(true)
        .comment(Some(COMMENT))
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(reader)
}

/// Whether a row is a line of nothing but white space. An empty cell in quotes is not blank.
pub(super) fn is_blank(row: &ByteRecord) -> bool {
    row.len() == 1 && !row[0].is_empty() && row[0].trim_ascii().is_empty()
}

/// The first rows of some lines.
pub(super) fn preview(lines: &[u8], delimiter: Delimiter) -> Vec<ByteRecord> {
    let lines = separated(lines.to_vec(), delimiter);
    let mut rows: Vec<ByteRecord> = rows_reader(delimiter, lines.as_slice())
        .into_byte_records()
        .map_while(std::result::Result::ok)
        .filter(|row| !is_blank(row))
        .take(PREVIEW + 1)
        .collect();
    // A row in quotes may go on behind these lines.
    if rows.len() > PREVIEW || rows.len() > 1 && lines.contains(&b'"') {
        rows.pop();
    }
    rows
}

/// The last comment before the first row, cut into cells.
pub(super) fn comment_above(lines: &[u8], delimiter: Delimiter) -> Option<ByteRecord> {
    let lines = lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.take_while(|line| line[0] == COMMENT).last().map(|line| uncommented(line, delimiter))
}

fn uncommented(line: &[u8], delimiter: Delimiter) -> ByteRecord {
    let start = line.iter().take_while(|byte| **byte == COMMENT).count();
    // Tabs, if they separate cells, stand between them only.
    let text = separated(line[start..].trim_ascii().to_vec(), delimiter);
    rows_reader(delimiter, text.as_slice())
        .into_byte_records()
        .next()
        .and_then(std::result::Result::ok)
        .unwrap_or_default()
}

/// Checks that a file begins like text of a kind that can be read.
pub(super) fn check_text(name: &str, lines: &[u8]) -> Result<()> {
    let zeros = |offset: usize| lines.iter().skip(offset).step_by(2).take(64).filter(|byte| **byte == 0).count();
    if lines.starts_with(b"\xff\xfe") || lines.starts_with(b"\xfe\xff") || zeros(0).abs_diff(zeros(1)) > 16 {
        let remedy = "write it as UTF-8, for example: iconv -f UTF-16 -t UTF-8 old.csv > new.csv";
        return Err(malformed(name, "the text is UTF-16, which is not read", remedy));
    }
    if lines.contains(&0) {
        let remedy = "give tables as .npy, .npz, .parquet, .arrow, .csv or .tsv, with that extension";
        return Err(malformed(name, "this is no text: it holds bytes that are zero", remedy));
    }
    let body = lines.strip_suffix(b"\n").unwrap_or(lines);
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    if body.contains(&b'\r') && !body.contains(&b'\n') {
        let remedy = "make them line feeds, for example: tr '\\r' '\\n' < old.csv > new.csv";
        return Err(malformed(name, "its lines end in carriage returns alone", remedy));
    }
    Ok(())
}

/// What rows are read from: a block, and the next one when more is asked for.
pub(super) struct Feed {
    block: io::Cursor<Vec<u8>>,
    pub(super) blocks: Option<Blocks>,
    /// Bytes given out so far.
    pub(super) given: u64,
}

impl Feed {
    pub(super) fn new(block: Vec<u8>, blocks: Option<Blocks>) -> Self {
        Feed { block: io::Cursor::new(block), blocks, given: 0 }
    }

    pub(super) fn is_at_end_of_block(&self) -> bool {
        self.block.position() == self.block.get_ref().len() as u64
    }
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.block.read(out)?;
            if n > 0 || out.is_empty() {
                self.given += n as u64;
                return Ok(n);
            }
            match self.blocks.as_mut().map_or(Ok(None), Blocks::next)? {
                Some(block) => self.block = io::Cursor::new(block),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str, cells: usize) -> usize {
        let (first, mut blocks) = Blocks::open(Box::new(io::Cursor::new(text.as_bytes().to_vec()))).unwrap();
        let count = blocks.count_comments(cells);
        blocks.look_for_comments(&first);
        while blocks.next().unwrap().is_some() {}
        count.load(Ordering::Relaxed)
    }

    #[test]
    fn comments_that_look_like_samples_are_counted() {
        assert_eq!(counted("#1,2\n3,4\n# 5,6\n#x,y\n7,#8\n## 9,9\n# done\n#\n#", 2), 3);
        assert_eq!(counted("1,2\n", 2), 0);
        let long = "0.5,0.25\n".repeat(400_000) + "#1,2\n";
        assert_eq!(counted(&long, 2), 1);
    }

    #[test]
    fn the_last_comment_above_the_rows_is_found() {
        let above = |text: &str| {
            let comment = comment_above(text.as_bytes(), Delimiter::COMMA)?;
            Some(comment.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect::<Vec<_>>().join("|"))
        };
        assert_eq!(above("# made, by\n\n# x,y\r\n1,2\n# z,w\n"), Some("x|y".to_owned()));
        assert_eq!(above("1,2\n# x,y\n"), None);
        assert_eq!(above("#\n1,2"), Some(String::new()));
    }

    #[test]
    fn the_first_block_holds_some_lines_however_long_they_are() {
        let line = "1,".repeat(FIRST_BLOCK) + "2\n";
        let text = line.repeat(20);
        let (first, mut blocks) = Blocks::open(Box::new(io::Cursor::new(text.clone().into_bytes()))).unwrap();
        assert_eq!(first.len(), FIRST_LINES * line.len());
        let mut all = first;
        while let Some(block) = blocks.next().unwrap() {
            all.extend(block);
        }
        assert!(all == text.as_bytes());
    }
}
