//! Missing values: what is done about them, and how many there are.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::data::hash::hash;
use crate::data::samples::Samples;
use crate::error::{Error, Result};

/// What is done about values that are missing: not a number (NaN), nulls of Parquet and Arrow files, and cells of text that
/// are empty or say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Missing {
    /// They are an error.
    #[default]
    Error,
    /// They are integrated out: a sample counts by the values that it has (Ghahramani and Jordan 1994). That is right where
    /// values are missing at random, given those that are there (Rubin 1976).
    Marginalize,
}

impl Missing {
    /// Both.
    pub const ALL: [Missing; 2] = [Missing::Error, Missing::Marginalize];

    /// Name, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Missing::Error => "error",
            Missing::Marginalize => "marginalize",
        }
    }
}

impl Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Missing {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|missing| missing.name() == name);
        found.ok_or_else(|| Error::InvalidOption {
            name: "the way with missing values",
            value: name.to_owned(),
            expected: "error or marginalize",
        })
    }
}

/// Patterns that are told apart; of more it is known that they are more.
const MOST_PATTERNS: usize = 65_536;

/// The values that are missing of some samples.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holes {
    /// How many of each feature: `[D]`; none at all where this is empty.
    of_features: Vec<usize>,
    n_rows: usize,
    n_rows_without_values: usize,
    /// Hashes of the patterns of features that are missing of a sample.
    patterns: BTreeSet<u64>,
}

impl Holes {
    /// Takes more samples.
    pub(crate) fn add(&mut self, samples: &Samples) {
        let (n, d) = samples.dim();
        if !samples.has_nan() {
            return;
        }
        self.of_features.resize(d, 0);
        samples.for_each_row(0..n, |_, row| {
            let (mut pattern, mut count) = (0, 0);
            for (feature, _) in row.iter().enumerate().filter(|(_, x)| x.is_nan()) {
                self.of_features[feature] += 1;
                pattern = hash(pattern ^ feature as u64);
                count += 1;
            }
            if count > 0 {
                self.n_rows += 1;
                self.n_rows_without_values += usize::from(count == d);
                if self.patterns.len() <= MOST_PATTERNS {
                    self.patterns.insert(pattern);
                }
            }
        });
    }

    /// Takes those of another part.
    pub(crate) fn append(&mut self, other: &Self) {
        self.of_features.resize(self.of_features.len().max(other.of_features.len()), 0);
        self.of_features.iter_mut().zip(&other.of_features).for_each(|(all, more)| *all += more);
        self.n_rows += other.n_rows;
        self.n_rows_without_values += other.n_rows_without_values;
        for pattern in &other.patterns {
            if self.patterns.len() <= MOST_PATTERNS {
                self.patterns.insert(*pattern);
            }
        }
    }

    /// Whether no value is missing.
    pub fn is_none(&self) -> bool {
        self.n_rows == 0
    }

    /// How many values are missing.
    pub fn n_values(&self) -> usize {
        self.of_features.iter().sum()
    }

    /// How many values of a feature are missing.
    pub fn of_feature(&self, feature: usize) -> usize {
        self.of_features.get(feature).copied().unwrap_or(0)
    }

    /// How many samples lack a value.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many samples have no value at all.
    pub fn n_rows_without_values(&self) -> usize {
        self.n_rows_without_values
    }

    /// How many sets of features are missing of a sample; of very many at least so many.
    pub fn n_patterns(&self) -> usize {
        self.patterns.len()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn holes_are_counted_by_value_row_feature_and_pattern_in_parts_and_in_all() {
        let nan = f64::NAN;
        let all = array![[1.0, nan, 2.0], [nan, nan, nan], [1.0, 2.0, 3.0], [0.0, nan, 1.0], [nan, 1.0, 1.0]];
        let mut holes = Holes::default();
        holes.add(&all.view().into());
        assert_eq!((holes.n_values(), holes.n_rows(), holes.n_rows_without_values()), (6, 4, 1));
        assert_eq!([0, 1, 2].map(|feature| holes.of_feature(feature)), [2, 3, 1]);
        assert_eq!(holes.n_patterns(), 3);
        let mut parts = Holes::default();
        for rows in [0..2, 2..3, 3..5] {
            let mut part = Holes::default();
            part.add(&all.slice(ndarray::s![rows, ..]).into());
            parts.append(&part);
        }
        assert_eq!(parts, holes);
        let mut none = Holes::default();
        none.add(&array![[1.0], [2.0]].into());
        assert!(none.is_none() && none == Holes::default());
    }
}
