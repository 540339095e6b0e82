//! Arrays as nested lists, the way JSON holds them.

use std::fmt;

use ndarray::{ArrayBase, ArrayViewD, Axis, Data, Dimension};
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::model::covariance::CovarianceArray;

/// An array that is serialised as nested lists: `[[1.0, 2.0], [3.0, 4.0]]` for a 2 x 2 matrix.
#[derive(Debug, Clone)]
pub struct Nested<'a>(ArrayViewD<'a, f64>);

impl<'a, S: Data<Elem = f64>, D: Dimension> From<&'a ArrayBase<S, D>> for Nested<'a> {
    fn from(array: &'a ArrayBase<S, D>) -> Self {
        Nested(array.view().into_dyn())
    }
}

impl<'a> From<&'a CovarianceArray> for Nested<'a> {
    fn from(array: &'a CovarianceArray) -> Self {
        Nested(array.view())
    }
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.ndim() {
            0 | 1 => serializer.collect_seq(&self.0),
            _ => serializer.collect_seq(self.0.axis_iter(Axis(0)).map(Nested)),
        }
    }
}

/// Nested lists of numbers, read into one row-major vector; all lists of one depth must have the same length.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NestedValues {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

impl<'de> Deserialize<'de> for NestedValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut values = Vec::new();
        let shape = Level(&mut values).deserialize(deserializer)?;
        Ok(NestedValues { shape, values })
    }
}

/// A number, or a list of levels that have one shape: appends its numbers and gives its shape.
struct Level<'a>(&'a mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Vec<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<usize>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = Vec<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a list of numbers")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Vec<usize>, E> {
        self.0.push(value);
        Ok(Vec::new())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Vec<usize>, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Vec<usize>, E> {
        self.visit_f64(value as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<usize>, A::Error> {
        let mut length = 0;
        let mut inner: Option<Vec<usize>> = None;
        while let Some(shape) = list.next_element_seed(Level(self.0))? {
            if inner.as_ref().is_some_and(|inner| *inner != shape) {
                return Err(de::Error::custom("lists of the same depth have different lengths"));
            }
            inner = Some(shape);
            length += 1;
        }
        Ok(std::iter::once(length).chain(inner.unwrap_or_default()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn arrays_are_nested_lists_and_come_back_bit_for_bit() {
        let array =
            Array3::from_shape_fn((2, 3, 2), |(i, j, k)| (i as f64 - 0.1) / (j as f64 + 3.0) * 1e-300 + k as f64);
        let json = serde_json::to_string(&Nested::from(&array)).unwrap();
        let back: NestedValues = serde_json::from_str(&json).unwrap();
        assert_eq!(back.shape, [2, 3, 2]);
        assert_eq!(back.values, array.iter().copied().collect::<Vec<_>>());
    }

    #[test]
    fn ragged_lists_and_other_things_than_numbers_are_refused() {
        for json in ["[[1, 2], [3]]", "[1, [2]]", "[null]", "[\"1\"]", "{}", "[[1], []]"] {
            assert!(serde_json::from_str::<NestedValues>(json).is_err(), "{json}");
        }
    }
}
