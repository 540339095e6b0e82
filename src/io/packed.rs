//! Whole numbers below 2^24 as text: four characters of base64 each, three bytes of the number.

use std::fmt::{self, Display, Formatter};

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Characters of a number.
const LENGTH: usize = 4;

/// Numbers that are written one after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed<'n>(pub(super) &'n [u32]);

impl Display for Packed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chunks(1024).try_for_each(|numbers| {
            let digits = |x: &u32| [18, 12, 6, 0].map(|shift| char::from(DIGITS[(*x >> shift & 63) as usize]));
            f.write_str(&numbers.iter().flat_map(digits).collect::<String>())
        })
    }
}

impl Serialize for Packed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Numbers that were read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unpacked(pub(super) Vec<u32>);

impl<'de> Deserialize<'de> for Unpacked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Unpacked;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("numbers in base64, four characters each")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Unpacked, E> {
        let mut values = [None; 256];
        (0..).zip(DIGITS).for_each(|(value, digit)| values[usize::from(*digit)] = Some(value));
        let (numbers, []) = text.as_bytes().as_chunks::<LENGTH>() else {
            return Err(E::invalid_length(text.len(), &self));
        };
        let number = |digits: &[u8; LENGTH]| {
            digits.iter().try_fold(0_u32, |number, digit| Some(number << 6 | values[usize::from(*digit)]?))
        };
        let numbers: Option<Vec<u32>> = numbers.iter().map(number).collect();
        numbers.map(Unpacked).ok_or_else(|| E::custom("a character that is none of base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_four_characters_and_come_back() {
        let numbers: Vec<u32> = (0..3000).map(|i| i * 5581 % (1 << 24)).chain([0, 1, (1 << 24) - 1]).collect();
        let json = serde_json::to_string(&Packed(&numbers)).unwrap();
        assert_eq!(json.len(), 4 * numbers.len() + 2);
        assert_eq!(serde_json::from_str::<Unpacked>(&json).unwrap().0, numbers);
        assert_eq!(serde_json::to_string(&Packed(&[0, 63, 64, (1 << 24) - 1])).unwrap(), "\"AAAAAAA/AABA////\"");
    }

    #[test]
    fn what_is_no_such_text_is_refused() {
        for json in ["\"AAA\"", "\"AA=A\"", "\"AAAAAA\"", "[1]", "\"\u{e4}AA\"", "1"] {
            assert!(serde_json::from_str::<Unpacked>(json).is_err(), "{json}");
        }
    }
}
