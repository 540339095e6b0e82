//! Text on its way to its rows: whole lines, a block after another.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::ByteRecord;

use super::delimiter::Delimiter;
use super::literal::parse;

/// What a line begins with that is no row.
pub(super) const COMMENT: u8 = b'#';

/// What spreadsheets write in place of a number.
const ERRORS: [&[u8]; 7] = [b"#N/A", b"#NA", b"#REF!", b"#VALUE!", b"#DIV/0!", b"#NUM!", b"#NAME?"];

/// Bytes of a block: the first one is small, for it is parsed row by row.
const FIRST_BLOCK: usize = 1 << 14;
const BLOCK: usize = 1 << 20;

/// Lines of the first block at least, however long they are: the first rows tell what the columns are.
const FIRST_LINES: usize = 8;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Blocks of whole lines.
pub(super) struct Blocks {
    reader: Box<dyn BufRead + Send>,
    delimiter: Delimiter,
    commented: Option<Commented>,
}

/// Comments among rows of so many cells: those that look like samples are counted.
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

    /// Expects rows of so many cells from now on, and counts comments that look like samples.
    pub(super) fn expect(&mut self, cells: usize) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        self.commented = Some(Commented { cells, count: count.clone() });
        count
    }

    /// A block of whole lines as it is parsed, none of whose rows passes for a comment.
    pub(super) fn prepared(&self, block: Vec<u8>, cells: usize) -> Vec<u8> {
        // Most blocks hold no comment, and are searched at the speed of memory.
        let block = separated(block, self.delimiter);
        if memchr::memchr(COMMENT, &block).is_some() { rescued(block, self.delimiter, cells) } else { block }
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
        let block = self.prepared(block, self.commented.as_ref().map_or(0, |commented| commented.cells));
        self.look_for_comments(&block);
        Ok(Some(block))
    }

    /// Counts the comments of a block.
    pub(super) fn look_for_comments(&self, block: &[u8]) {
        let Some(Commented { cells, count }) = &self.commented else { return };
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

/// The cells of a comment, which may have commas where rows have blanks.
pub(super) fn uncommented(line: &[u8], delimiter: Delimiter) -> ByteRecord {
    let start = line.iter().take_while(|byte| **byte == COMMENT).count();
    let text = line[start..].trim_ascii();
    let has_commas = delimiter == Delimiter::Blanks && text.contains(&b',');
    let delimiter = if has_commas { Delimiter::COMMA } else { delimiter };
    let text = separated(text.to_vec(), delimiter);
    rows_reader(delimiter, text.as_slice())
        .into_byte_records()
        .next()
        .and_then(std::result::Result::ok)
        .unwrap_or_default()
}

/// Lines of which those are in quotes that begin with # and are no comments, so that they are read as rows: a spreadsheet's
/// errors (#N/A), and a word of so many cells, the others of which are numbers (#one,2).
fn rescued(block: Vec<u8>, delimiter: Delimiter, cells: usize) -> Vec<u8> {
    let is_row = |line: &[u8]| {
        let row = line.split(|byte| *byte == delimiter.byte()).map(<[u8]>::trim_ascii).collect::<Vec<_>>();
        let is_number = |cell: &&[u8]| cell.is_empty() || parse(cell).is_some();
        let is_word = row[0].len() > 1 && !row[0][1].is_ascii_whitespace() && parse(&row[0][1..]).is_none();
        ERRORS.contains(&row[0])
            || cells > 1 && row.len() == cells && is_word && row[1..].iter().all(|cell| is_number(&cell))
    };
    if !block.split(|byte| *byte == b'\n').any(|line| line.first() == Some(&COMMENT) && is_row(line)) {
        return block;
    }
    let mut lines = Vec::with_capacity(block.len() + 2);
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&COMMENT) && !line.contains(&b'"') && is_row(line) {
            let first = line.iter().position(|byte| *byte == delimiter.byte() || byte.is_ascii_whitespace());
            let (cell, rest) = line.split_at(first.unwrap_or(line.len()));
            lines.extend([b"\"", cell, b"\"", rest].concat());
        } else {
            lines.extend_from_slice(line);
        }
    }
    lines
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
        let count = blocks.expect(cells);
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
    fn rows_that_begin_like_comments_are_rows() {
        let rescue =
            |text: &str, cells| String::from_utf8(rescued(text.as_bytes().to_vec(), Delimiter::COMMA, cells)).unwrap();
        for (text, cells, expected) in [
            ("1\n#N/A\r\n2\n", 1, "1\n\"#N/A\"\r\n2\n"),
            ("#REF!,3\n", 2, "\"#REF!\",3\n"),
            ("#one,2\n#chrom,start\n", 2, "\"#one\",2\n#chrom,start\n"),
            ("#1,2\n# one,2\n#one\n#one,2,3\n", 2, "#1,2\n# one,2\n#one\n#one,2,3\n"),
        ] {
            assert_eq!(rescue(text, cells), expected);
        }
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
