//! The first lines of a text: what separates their cells, and whether they are text that can be read.

use csv::ByteRecord;

use super::super::delimiter::Delimiter;
use super::super::foreign::own_document;
use super::super::malformed;
use super::feed::{COMMENT, Shape, is_blank, prepared, rows_reader, uncommented};
use super::literal::{has_decimal_comma, parse};
use crate::error::Result;

/// Most rows that are looked at to tell what the columns are.
const PREVIEW: usize = 100;

/// The first rows of some lines.
pub(super) fn preview(lines: &[u8], delimiter: Delimiter) -> Vec<ByteRecord> {
    let lines = prepared(lines.to_vec(), delimiter, Shape::default(), false);
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

/// The comments before the first row, cut into cells.
pub(super) fn comments_above(lines: &[u8], delimiter: Delimiter, cells: usize) -> Vec<ByteRecord> {
    let lines = lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.take_while(|line| line[0] == COMMENT).map(|line| uncommented(line, delimiter, cells)).collect()
}

/// Whether all `cells` cells of the first row are in quotes, and those of no other row are.
pub(super) fn is_first_row_quoted(lines: &[u8], cells: usize) -> bool {
    let lines = lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut quotes = lines
        .filter(|line| line.first().is_some_and(|first| *first != COMMENT))
        .map(|line| line.iter().filter(|byte| **byte == b'"').count());
    let first = quotes.next().unwrap_or(0);
    let mut others = quotes.peekable();
    cells > 0 && first == 2 * cells && others.peek().is_some() && others.all(|quotes| quotes < first)
}

/// The delimiter that makes these lines rows of one length, and their cells numbers; the preferred one where several
/// do, or none.
pub(super) fn guess_delimiter(lines: &[u8], preferred: Delimiter) -> Delimiter {
    let mut best = (0.0, preferred);
    // Tabs that cut all rows alike are no blanks: two of them may have an empty cell between them.
    let by_tabs = preview(lines, Delimiter::TAB);
    let has_tabs = by_tabs.iter().all(|row| row.len() > 1 && row.len() == by_tabs[0].len());
    let usual = Delimiter::USUAL.into_iter().filter(|delimiter| !(has_tabs && *delimiter == Delimiter::Blanks));
    for delimiter in [preferred].into_iter().chain(usual) {
        let score = score(delimiter, &preview(lines, delimiter));
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}

/// How well rows look that were cut so.
fn score(delimiter: Delimiter, rows: &[ByteRecord]) -> f64 {
    let width = rows.last().map_or(0, ByteRecord::len);
    if width < 2 {
        return 0.0;
    }
    let alike = rows.iter().filter(|row| row.len() == width).count() as f64 / rows.len() as f64;
    // The first row may be names.
    let cells = || if rows.len() > 1 { &rows[1..] } else { rows }.iter().flatten();
    let is_number = |cell: &&[u8]| parse(cell).is_some() || delimiter != Delimiter::COMMA && has_decimal_comma(cell);
    let numbers = cells().filter(is_number).count() as f64 / cells().count().max(1) as f64;
    alike * (0.5 + numbers)
}

/// Checks that a file begins like text of a kind that can be read.
pub(super) fn check_text(name: &str, lines: &[u8]) -> Result<()> {
    if let Some(encoding) = wide_encoding(lines) {
        let remedy = format!("write it as UTF-8, for example: iconv -f {encoding} -t UTF-8 old.csv > new.csv");
        return Err(malformed(name, format!("the text is {encoding}, which is not read"), remedy));
    }
    if lines.contains(&0) {
        let remedy = "give tables as .npy, .npz, .parquet, .arrow, .csv or .tsv, with that extension";
        return Err(malformed(name, "this is no text: it holds bytes that are zero", remedy));
    }
    let alone = |pair: &[u8]| pair[0] == b'\r' && pair[1] != b'\n' && pair[1] != b'\r';
    if !lines.contains(&b'"') && lines.windows(2).any(alone) {
        let remedy = "make them line feeds, for example: tr '\\r' '\\n' < old.csv > new.csv";
        return Err(malformed(name, "some of its lines end in carriage returns alone", remedy));
    }
    if let Some((what, remedy)) = own_document(lines).filter(|_| lines.trim_ascii().starts_with(b"{")) {
        return Err(malformed(name, format!("this is {what}"), remedy));
    }
    let kind = match lines.trim_ascii() {
        [b'{' | b'[', ..] => Some("JSON"),
        [b'<', next, ..] if next.is_ascii_alphabetic() || b"!?".contains(next) => Some("HTML or XML"),
        _ => None,
    };
    if let Some(kind) = kind {
        return Err(malformed(name, format!("this looks like {kind}, not like rows of cells"), "write it as .csv"));
    }
    Ok(())
}

/// The encoding of text of more than one byte for each character.
fn wide_encoding(text: &[u8]) -> Option<&'static str> {
    let marks: [(&[u8], &str); 4] =
        [(b"\xff\xfe\0\0", "UTF-32"), (b"\0\0\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")];
    if let Some((_, encoding)) = marks.iter().find(|(mark, _)| text.starts_with(mark)) {
        return Some(encoding);
    }
    let zeros = |offset: usize| text.iter().skip(offset).step_by(2).take(64).filter(|byte| **byte == 0).count();
    let all = text.len().div_ceil(2).min(64);
    match (zeros(0), zeros(1)) {
        (0, many) if 2 * many > all => Some("UTF-16LE"),
        (many, 0) if 2 * many > all => Some("UTF-16BE"),
        _ => None,
    }
}

/// The delimiter that a first line such as `sep=;` tells, as spreadsheets write it; the line becomes an empty one.
pub(super) fn told_delimiter(lines: &mut Vec<u8>) -> Option<Delimiter> {
    let end = lines.iter().position(|byte| *byte == b'\n')?;
    let line = lines[..end].trim_ascii_end();
    let &[byte] = line.strip_prefix(b"sep=").or(line.strip_prefix(b"SEP="))? else { return None };
    lines.drain(..end);
    Some(Delimiter::Character(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rows_tell_the_delimiter() {
        let semicolon = Delimiter::Character(b';');
        for (lines, expected) in [
            ("a,b\n1,2\n3,4\n", Delimiter::COMMA),
            ("1.5, 2.5\n3.5, 4.5\n", Delimiter::COMMA),
            ("a\tb\n1\t2\n", Delimiter::TAB),
            ("name\tx\nParis, FR\t1.5\nBonn, DE\t2.5\n", Delimiter::TAB),
            ("a;b\n1,5;2,5\n3,5;4,5\n", semicolon),
            ("1,5;2,5\n3,5;4,5\n", semicolon),
            ("a;b\n1.234,56;2.345,67\n", semicolon),
            ("a|b\n1|2\n", Delimiter::Character(b'|')),
            ("1\t\t3\n4\t\t6\n", Delimiter::TAB),
            ("# x y\n1.0e0 2.0e0\n3.0e0 4.0e0\n", Delimiter::Blanks),
            ("  1.0   2.0\n 10.0  20.0\n", Delimiter::Blanks),
            ("city,x\nNew York,1.0\nLos Angeles,2.0\n", Delimiter::COMMA),
            ("\"weight, kg\";b\n1;2\n", semicolon),
            ("a\n1\n2\n", Delimiter::COMMA),
            ("1,2\n3,4,5\n", Delimiter::COMMA),
            ("", Delimiter::COMMA),
        ] {
            assert_eq!(guess_delimiter(lines.as_bytes(), Delimiter::COMMA), expected, "{lines}");
        }
        assert_eq!(guess_delimiter(b"1,2\t3,4\n5,6\t7,8\n", Delimiter::TAB), Delimiter::TAB);
    }

    #[test]
    fn comments_above_the_rows_are_cut_into_cells() {
        let above = |text: &str, delimiter| {
            let comments = comments_above(text.as_bytes(), delimiter, 2);
            let cells = |comment: &ByteRecord| {
                comment.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect::<Vec<_>>()
            };
            comments.iter().map(|comment| cells(comment).join("|")).collect::<Vec<_>>()
        };
        assert_eq!(above("# made, by\n\n# x,y\r\n1,2\n# z,w\n", Delimiter::COMMA), ["made| by", "x|y"]);
        assert!(above("1,2\n# x,y\n", Delimiter::COMMA).is_empty());
        assert_eq!(above("#x y\n# x, y\n1 2", Delimiter::Blanks), ["x|y", "x| y"]);
    }

    #[test]
    fn a_first_line_may_tell_the_delimiter() {
        let mut lines = b"sep=;\r\na;b\n".to_vec();
        assert_eq!(told_delimiter(&mut lines), Some(Delimiter::Character(b';')));
        assert_eq!(lines, b"\na;b\n");
        for text in ["sep,a\n1,2\n", "sep=\n1\n", "a;b\n"] {
            assert_eq!(told_delimiter(&mut text.as_bytes().to_vec()), None, "{text}");
        }
    }
}
