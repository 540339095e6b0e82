//! Delimiters: the characters between the cells of text.

use std::fmt;
use std::str::FromStr;

/// Delimiter between the cells of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delimiter {
    /// This character.
    Character(u8),
    /// Blanks and tabs, any number of them.
    Blanks,
}

impl Delimiter {
    pub(super) const COMMA: Self = Delimiter::Character(b',');
    pub(super) const TAB: Self = Delimiter::Character(b'\t');

    /// Delimiters that tables use, the most frequent first.
    pub(super) const USUAL: [Self; 5] =
        [Self::COMMA, Self::TAB, Delimiter::Character(b';'), Delimiter::Character(b'|'), Delimiter::Blanks];

    /// The character that separates cells once blanks are made one.
    pub(super) fn byte(self) -> u8 {
        match self {
            Delimiter::Character(byte) => byte,
            Delimiter::Blanks => b' ',
        }
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
