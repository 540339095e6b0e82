//! Text on its way to its rows: whole lines, a block after another.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::ByteRecord;

use super::super::delimiter::Delimiter;
use super::arrivals::Arrivals;
use super::literal::parse;

/// First byte of a comment line.
pub(super) const COMMENT: u8 = b'#';

/// Error values of spreadsheets, in several languages: they stand in place of a number.
const ERRORS: [&str; 15] = [
    "#N/A", "#NA", "#N/D", "#NV", "#REF!", "#BEZUG!", "#VALUE!", "#WERT!", "#VALEUR!", "#DIV/0!", "#NUM!", "#ZAHL!",
    "#NAME?", "#NULL!", "#SPILL!",
];

/// Bytes of a block: the first one is small, for it is parsed row by row.
const FIRST_BLOCK: usize = 1 << 14;
const BLOCK: usize = 1 << 20;

/// Lines of the first block at least, however long they are: the first rows tell what the columns are.
const FIRST_LINES: usize = 8;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Blocks of whole lines.
pub(super) struct Blocks {
    reader: Reader,
    delimiter: Delimiter,
    shape: Shape,
    /// Comments so far that look like samples.
    commented: Arc<AtomicUsize>,
}

/// Where they come from.
enum Reader {
    /// Text that is there.
    Whole(Box<dyn BufRead + Send>),
    /// Text that is still being written.
    Live(Arrivals),
}

/// Form of the rows, by which a line that begins with # is told to be a row or a comment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shape {
    /// Cells of a row; 0 where it is not known.
    pub(super) cells: usize,
    /// Whether the first cells are labels and not numbers.
    pub(super) has_labels: bool,
}

impl Shape {
    /// The shape of the first rows.
    pub(super) fn of(rows: &[ByteRecord]) -> Self {
        let cells = rows.last().map_or(0, ByteRecord::len);
        let mut labels = rows.iter().skip(1).map(|row| &row[0]);
        let has_labels = cells > 1 && rows.len() > 1 && labels.all(|cell| !cell.is_empty() && parse(cell).is_none());
        Shape { cells, has_labels }
    }

    /// Whether a line that begins with # is a row: a spreadsheet's error, a cell behind other rows of one, or a label
    /// and numbers. (A number behind the # is one that was taken out, unless all rows have labels.)
    fn holds(self, line: &[u8], delimiter: Delimiter, is_below: bool) -> bool {
        let row: Vec<&[u8]> = line.split(|byte| *byte == delimiter.byte()).map(<[u8]>::trim_ascii).collect();
        if is_error(row[0]) {
            return true;
        }
        let begins_word = row[0].get(1).is_some_and(|next| !next.is_ascii_whitespace());
        if self.cells == 1 {
            return is_below && begins_word;
        }
        let is_label = row[0].len() == 1 || begins_word && (self.has_labels || parse(&row[0][1..]).is_none());
        let is_number = |cell: &&[u8]| cell.is_empty() || parse(cell).is_some();
        row.len() == self.cells && is_label && row[1..].iter().all(is_number)
    }
}

/// Whether a cell is a spreadsheet's error.
pub(super) fn is_error(cell: &[u8]) -> bool {
    ERRORS.iter().any(|error| error.as_bytes() == cell)
}

impl Blocks {
    /// The first block, without a byte order mark, and those after it, whose delimiter is not known yet; `at_once`,
    /// blocks of what is there.
    pub(super) fn open(reader: Box<dyn BufRead + Send>, at_once: bool) -> io::Result<(Vec<u8>, Self)> {
        let mut reader = if at_once { Reader::Live(Arrivals::new(reader)) } else { Reader::Whole(reader) };
        let mut block = reader.first()?;
        if block.last().is_some_and(|last| *last != b'\n') {
            block.push(b'\n');
        }
        if block.starts_with(MARK) {
            block.drain(..MARK.len());
        }
        let commented = Arc::new(AtomicUsize::new(0));
        Ok((block, Blocks { reader, delimiter: Delimiter::COMMA, shape: Shape::default(), commented }))
    }

    /// Blocks of text with this delimiter.
    pub(super) fn with_delimiter(self, delimiter: Delimiter) -> Self {
        Blocks { delimiter, ..self }
    }

    /// Expects rows of this shape from now on; gives the count of comments that look like samples.
    pub(super) fn expect(&mut self, shape: Shape) -> Arc<AtomicUsize> {
        self.shape = shape;
        self.commented.clone()
    }

    /// The next block, which ends with a line feed even if the file does not.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = match &mut self.reader {
            Reader::Whole(reader) => read_lines(reader, BLOCK)?,
            Reader::Live(arrivals) => arrivals.lines(BLOCK)?,
        };
        if block.is_empty() {
            return Ok(None);
        }
        if block.last() != Some(&b'\n') {
            block.push(b'\n');
        }
        let block = prepared(block, self.delimiter, self.shape, true);
        self.look_for_comments(&block);
        Ok(Some(block))
    }

    /// Whether the next block need not be waited for.
    pub(super) fn is_here(&mut self) -> io::Result<bool> {
        match &mut self.reader {
            Reader::Whole(_) => Ok(true),
            Reader::Live(arrivals) => arrivals.is_here(),
        }
    }

    /// Whether some comments of a block look like samples.
    pub(super) fn has_comments(&self, block: &[u8]) -> bool {
        self.look_for_comments(block);
        self.commented.load(Ordering::Relaxed) > 0
    }

    /// Counts the comments of a block that look like samples.
    pub(super) fn look_for_comments(&self, block: &[u8]) {
        if self.shape.cells == 0 || memchr::memchr(COMMENT, block).is_none() {
            return;
        }
        for line in block.split(|byte| *byte == b'\n').filter(|line| line.first() == Some(&COMMENT)) {
            let comment = uncommented(line, self.delimiter, self.shape.cells);
            if comment.len() == self.shape.cells && comment.iter().any(|cell| parse(cell).is_some()) {
                self.commented.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Reader {
    fn first(&mut self) -> io::Result<Vec<u8>> {
        let reader = match self {
            Reader::Whole(reader) => reader,
            Reader::Live(arrivals) => return arrivals.first(FIRST_BLOCK, FIRST_LINES),
        };
        let mut block = read_lines(reader, FIRST_BLOCK)?;
        let mut lines = block.iter().filter(|byte| **byte == b'\n').count();
        while lines < FIRST_LINES && reader.read_until(b'\n', &mut block)? > 0 {
            lines += 1;
        }
        Ok(block)
    }
}

/// A block of whole lines as it is parsed: blanks made one where they separate cells, left out between a separator and
/// a quote, and rows that begin with # in quotes, so that they do not pass for comments. `is_below` says that there are
/// rows above the block.
pub(super) fn prepared(block: Vec<u8>, delimiter: Delimiter, shape: Shape, is_below: bool) -> Vec<u8> {
    let block = separated(block, delimiter);
    // Most blocks hold neither, and are searched at the speed of memory.
    let block = if memchr::memchr(b'"', &block).is_some() { unspaced(block, delimiter) } else { block };
    match memchr::memchr(COMMENT, &block) {
        Some(_) if shape.cells > 0 => rescued(block, delimiter, shape, is_below),
        _ => block,
    }
}

/// The next lines: about `size` bytes, up to the end of a line.
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

/// The cells of a comment, cut at the delimiter or, if only they give the number of cells of a row, at commas or
/// blanks.
pub(super) fn uncommented(line: &[u8], delimiter: Delimiter, cells: usize) -> ByteRecord {
    let start = line.iter().take_while(|byte| **byte == COMMENT).count();
    let text = line[start..].trim_ascii();
    let cut = |delimiter| {
        let text = separated(text.to_vec(), delimiter);
        rows_reader(delimiter, text.as_slice()).into_byte_records().next().and_then(Result::ok).unwrap_or_default()
    };
    let others =
        if delimiter == Delimiter::Blanks { [Delimiter::COMMA, delimiter] } else { [delimiter, Delimiter::Blanks] };
    let fits = |delimiter: &Delimiter| cut(*delimiter).len() == cells;
    cut(others.into_iter().find(fits).unwrap_or(delimiter))
}

/// Text without blanks between a separator and a quote, which would not be one then. What stands in quotes stays as it
/// is. (A block that begins in the middle of them is taken to begin outside, up to the quote that closes them.)
fn unspaced(block: Vec<u8>, delimiter: Delimiter) -> Vec<u8> {
    let Delimiter::Character(separator) = delimiter else { return block };
    let mut text = Vec::with_capacity(block.len());
    // Whether this is in quotes, and where the cell begins.
    let (mut is_quoted, mut start) = (false, 0);
    for byte in block {
        if byte == b'"' {
            if !is_quoted
                && start > 0
                && text[start - 1] == separator
                && text[start..].iter().all(|blank| *blank == b' ')
            {
                text.truncate(start);
            }
            // A second one in a row opens again what the first has closed.
            is_quoted = !is_quoted && (text.len() == start || text.last() == Some(&b'"'));
        }
        text.push(byte);
        if !is_quoted && (byte == separator || byte == b'\n') {
            start = text.len();
        }
    }
    text
}

/// Lines of which those are in quotes that begin with # and are rows.
fn rescued(block: Vec<u8>, delimiter: Delimiter, shape: Shape, mut is_below: bool) -> Vec<u8> {
    let mut lines = Vec::with_capacity(block.len() + 2);
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        let is_comment = line.first() == Some(&COMMENT);
        if is_comment && !line.contains(&b'"') && shape.holds(line, delimiter, is_below) {
            let end = line.iter().position(|byte| *byte == delimiter.byte() || byte.is_ascii_whitespace());
            let (cell, rest) = line.split_at(end.unwrap_or(line.len()));
            lines.extend([b"\"", cell, b"\"", rest].concat());
        } else {
            lines.extend_from_slice(line);
        }
        is_below |= !is_comment && !line.trim_ascii().is_empty();
    }
    lines
}

/// Byte source of the row parser: a block, and the next one when more is asked for.
pub(super) struct Feed {
    block: io::Cursor<Vec<u8>>,
    pub(super) blocks: Option<Blocks>,
    /// Bytes given out so far.
    pub(super) given: u64,
    /// Whether more was asked for than there is. As every line ends with a line feed, that is in the middle of a quote.
    pub(super) is_over: bool,
}

impl Feed {
    pub(super) fn new(block: Vec<u8>, blocks: Option<Blocks>) -> Self {
        Feed { block: io::Cursor::new(block), blocks, given: 0, is_over: false }
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
                None => {
                    self.is_over = true;
                    return Ok(0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str, cells: usize) -> usize {
        let (first, mut blocks) = Blocks::open(Box::new(io::Cursor::new(text.as_bytes().to_vec())), false).unwrap();
        let count = blocks.expect(Shape { cells, has_labels: false });
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
        let rescue = |text: &str, cells, has_labels| {
            let shape = Shape { cells, has_labels };
            String::from_utf8(rescued(text.as_bytes().to_vec(), Delimiter::COMMA, shape, false)).unwrap()
        };
        for (text, cells, expected) in [
            ("1\n#N/A\r\n2\n", 1, "1\n\"#N/A\"\r\n2\n"),
            ("#x\n1\n#none\n# end\n", 1, "#x\n1\n\"#none\"\n# end\n"),
            ("#REF!,3\n#,6\n", 2, "\"#REF!\",3\n\"#\",6\n"),
            ("#one,2\n#chrom,start\n", 2, "\"#one\",2\n#chrom,start\n"),
            ("#1,2\n# one,2\n#one\n#one,2,3\n", 2, "#1,2\n# one,2\n#one\n#one,2,3\n"),
        ] {
            assert_eq!(rescue(text, cells, false), expected);
        }
        assert_eq!(rescue("n0,2\n#1,2\n# 1,2\n", 2, true), "n0,2\n\"#1\",2\n# 1,2\n");
    }

    #[test]
    fn blanks_before_a_quote_are_left_out() {
        let text = |text: &str| String::from_utf8(unspaced(text.as_bytes().to_vec(), Delimiter::COMMA)).unwrap();
        assert_eq!(text("\"a\",  \"b, c\"\n1, 2\n"), "\"a\",\"b, c\"\n1, 2\n");
        assert_eq!(text("a \"b\"\n \"c\"\n"), "a \"b\"\n \"c\"\n");
        // What is in quotes may look alike, and a quote in a word opens nothing.
        assert_eq!(text("\"a, \"\"b\"\"\",  \"c\"\n"), "\"a, \"\"b\"\"\",\"c\"\n");
        assert_eq!(text("5\" tall, \"b\"\n1, \"c\"\n"), "5\" tall,\"b\"\n1,\"c\"\n");
        assert_eq!(text("\"two\nlines, \"\"x\", \"y\"\n"), "\"two\nlines, \"\"x\",\"y\"\n");
    }

    #[test]
    fn the_first_block_holds_some_lines_however_long_they_are() {
        let line = "1,".repeat(FIRST_BLOCK) + "2\n";
        let text = line.repeat(20);
        let (first, mut blocks) = Blocks::open(Box::new(io::Cursor::new(text.clone().into_bytes())), false).unwrap();
        assert_eq!(first.len(), FIRST_LINES * line.len());
        let mut all = first;
        while let Some(block) = blocks.next().unwrap() {
            all.extend(block);
        }
        assert!(all == text.as_bytes());
    }
}
