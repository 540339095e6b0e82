//! Numbers as they are written in text.

/// From here on a double may not be the integer that was written: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The number in a cell, if it is one.
pub(super) fn parse(cell: &[u8]) -> Option<f64> {
    fast_float2::parse(cell.trim_ascii()).ok()
}

/// Whether a cell is an integer, and another than this double.
pub(super) fn is_rounded(cell: &[u8], number: f64) -> bool {
    if number.abs() < EXACT {
        return false;
    }
    let text = std::str::from_utf8(cell.trim_ascii()).unwrap_or_default();
    text.parse::<i128>().is_ok_and(|integer| number as i128 != integer)
}

/// Whether a cell would be a number without separators of thousands, a sign of a currency or another sign for minus.
pub(super) fn is_like_number(text: &str) -> bool {
    let is_extra = |c: char| matches!(c, '$' | '€' | '£' | ',' | '\'' | ' ' | '\u{a0}' | '\u{202f}');
    let digits = text.replace(is_extra, "").replace('\u{2212}', "-");
    digits != text && parse(digits.as_bytes()).is_some() || has_decimal_comma(text.as_bytes())
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
    fn integers_that_no_double_is_are_known() {
        let rounded = |text: &str| is_rounded(text.as_bytes(), parse(text.as_bytes()).unwrap());
        for text in ["9007199254740993", " -9007199254740993 ", "12345678901234567890123"] {
            assert!(rounded(text), "{text}");
        }
        for text in ["9007199254740994", "1e300", "9007199254740993.5", "123", "0.1"] {
            assert!(!rounded(text), "{text}");
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

    #[test]
    fn numbers_that_are_written_otherwise_are_known() {
        for text in ["1,5", "1.234,5", "1 000", "$5", "\u{2212}1.5", "1,234.5"] {
            assert!(is_like_number(text), "{text}");
        }
        for text in ["1.5", "a,5", "5kg", "50%", "2020-01-01", ","] {
            assert!(!is_like_number(text), "{text}");
        }
    }
}
