//! What separates the cells of text: told by the user, or by the first rows.

use std::fmt;
use std::str::FromStr;

use csv::ByteRecord;

use super::feed::preview;
use super::text::parse;

/// What stands between the cells of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// This character.
    Character(u8),
    /// Blanks and tabs, any number of them.
    Blanks,
}

impl Delimiter {
    pub(super) const COMMA: Self = Delimiter::Character(b',');
    pub(super) const TAB: Self = Delimiter::Character(b'\t');

    /// What tables use, the most frequent first.
    const USUAL: [Self; 5] =
        [Self::COMMA, Self::TAB, Delimiter::Character(b';'), Delimiter::Character(b'|'), Delimiter::Blanks];

    /// The character that separates cells once blanks are made one.
    pub(super) fn byte(self) -> u8 {
        match self {
            Delimiter::Character(byte) => byte,
            Delimiter::Blanks => b' ',
        }
    }

    /// The delimiter that makes these lines rows of one length, and their cells numbers; the preferred one where several do,
    /// or none.
    pub(super) fn of(lines: &[u8], preferred: Self) -> Self {
        let mut best = (0.0, preferred);
        // Tabs that cut all rows alike are no blanks: two of them may have an empty cell between them.
        let by_tabs = preview(lines, Self::TAB);
        let has_tabs = by_tabs.iter().all(|row| row.len() > 1 && row.len() == by_tabs[0].len());
        let usual = Self::USUAL.into_iter().filter(|delimiter| !(has_tabs && *delimiter == Delimiter::Blanks));
        for delimiter in [preferred].into_iter().chain(usual) {
            let score = delimiter.score(&preview(lines, delimiter));
            if score > best.0 {
                best = (score, delimiter);
            }
        }
        best.1
    }

    /// How well rows look that were cut so.
    fn score(self, rows: &[ByteRecord]) -> f64 {
        let width = rows.last().map_or(0, ByteRecord::len);
        if width < 2 {
            return 0.0;
        }
        let alike = rows.iter().filter(|row| row.len() == width).count() as f64 / rows.len() as f64;
        // The first row may be names.
        let cells = || if rows.len() > 1 { &rows[1..] } else { rows }.iter().flatten();
        let is_number = |cell: &&[u8]| parse(cell).is_some() || self != Self::COMMA && has_decimal_comma(cell);
        let numbers = cells().filter(is_number).count() as f64 / cells().count().max(1) as f64;
        alike * (0.5 + numbers)
    }
}

impl FromStr for Delimiter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part_of_cells = |byte: u8| byte.is_ascii_alphanumeric() || b".+-\"#\r\n".contains(&byte);
        match (text, text.as_bytes()) {
            ("tab" | r"\t", _) => Ok(Self::TAB),
            ("blanks" | "space" | " ", _) => Ok(Delimiter::Blanks),
            (_, &[byte]) if byte.is_ascii() && !part_of_cells(byte) => Ok(Delimiter::Character(byte)),
            _ => Err("not a delimiter: one character such as , or ; or else tab, or blanks"),
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Delimiter::Character(b'\t') => f.write_str("tab"),
            Delimiter::Character(byte) => write!(f, "{}", char::from(*byte)),
            Delimiter::Blanks => f.write_str("blanks"),
        }
    }
}

/// Whether a cell is a number with a decimal comma, and points or blanks between its thousands if anything.
pub(super) fn has_decimal_comma(cell: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(cell) else { return false };
    let Some((whole, fraction)) = text.trim().split_once(',') else { return false };
    let digits: String = whole.chars().filter(|c| !matches!(c, '.' | ' ' | '\'' | '\u{a0}')).collect();
    !fraction.is_empty() && parse(format!("{digits}.{fraction}").as_bytes()).is_some()
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
            assert_eq!(Delimiter::of(lines.as_bytes(), Delimiter::COMMA), expected, "{lines}");
        }
        assert_eq!(Delimiter::of(b"1,2\t3,4\n5,6\t7,8\n", Delimiter::TAB), Delimiter::TAB);
    }

    #[test]
    fn a_delimiter_is_one_character_or_a_word() {
        for (text, delimiter) in [(";", Delimiter::Character(b';')), ("tab", Delimiter::TAB), (" ", Delimiter::Blanks)]
        {
            assert_eq!(text.parse(), Ok(delimiter));
        }
        for delimiter in Delimiter::USUAL {
            assert_eq!(delimiter.to_string().parse(), Ok(delimiter));
        }
        for text in ["", ",,", "a", "1", ".", "-", "\"", "#", "ö"] {
            assert!(text.parse::<Delimiter>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_decimal_comma_is_known_from_others() {
        for text in ["1,5", "-1.234,56", "1 234,5", "+1,5e3"] {
            assert!(has_decimal_comma(text.as_bytes()), "{text}");
        }
        for text in ["1.5", "1,234,567", "a,5", "1,", ",", "1,x"] {
            assert!(!has_decimal_comma(text.as_bytes()), "{text}");
        }
    }
}
