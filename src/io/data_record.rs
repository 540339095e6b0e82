//! Records of data, by which checkpoints recognise them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::malformed;
use crate::advice::{Advice, Term};
use crate::data::summary::Summary;
use crate::error::Result;

/// Sums of weights in another order differ by this much, relative to the sum.
const ROUNDING: f64 = 1e-9;

/// Record of data, by which they are recognised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataRecord {
    pub(super) n_samples: usize,
    pub(super) n_features: usize,
    pub(super) total_weight: f64,
    pub(super) feature_names: Option<Vec<String>>,
    pub(super) medians: Vec<f64>,
    pub(super) deviations: Vec<f64>,
}

impl DataRecord {
    /// The record of the data with a summary: their extents, and medians of some of their rows.
    pub fn of(summary: &Summary) -> Self {
        DataRecord {
            n_samples: summary.n_samples(),
            n_features: summary.n_features(),
            total_weight: summary.total_weight(),
            feature_names: summary.feature_names().map(<[String]>::to_vec),
            medians: summary.median().to_vec(),
            deviations: summary.deviation().to_vec(),
        }
    }

    /// Whether there is one number of each kind for each feature.
    ///
    /// # Errors
    /// That there is not, in words.
    pub(super) fn check_lengths(&self) -> std::result::Result<(), String> {
        let features = [self.medians.len(), self.deviations.len()];
        let names = self.feature_names.as_ref().map_or(self.n_features, Vec::len);
        match features == [self.n_features; 2] && names == self.n_features {
            true => Ok(()),
            false => Err("data: there is not one median, deviation and name for each feature".to_owned()),
        }
    }

    /// The names of the features, if they have any.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.feature_names.as_deref()
    }

    /// Checks that what a file keeps belongs to data with a summary: `kept` calls it a checkpoint, say.
    ///
    /// # Errors
    /// [`Malformed`](crate::Error::Malformed) says what differs.
    pub(super) fn check(&self, path: &Path, kept: &str, summary: &Summary) -> Result<()> {
        match self.difference(&DataRecord::of(summary)) {
            None => Ok(()),
            Some(difference) => {
                let problem = format!("this {kept} belongs to other data: {difference}");
                let remedy = "give the data, columns and weights that it began with, or begin anew without ";
                Err(malformed(path.display().to_string(), problem, Advice::from(remedy) + Term::Resume))
            }
        }
    }

    /// The first difference of other data, in words; `None` if they are the same.
    fn difference(&self, other: &DataRecord) -> Option<String> {
        let feature = |i: usize| match &other.feature_names {
            Some(names) => format!("feature {i} ({})", names[i]),
            None => format!("feature {i}"),
        };
        if self.n_features != other.n_features {
            return Some(format!("{} features, and here there are {}", self.n_features, other.n_features));
        }
        if self.n_samples != other.n_samples {
            return Some(format!("{} samples, and here there are {}", self.n_samples, other.n_samples));
        }
        if self.feature_names != other.feature_names {
            return Some("features of other names".to_owned());
        }
        if (self.total_weight - other.total_weight).abs() > ROUNDING * self.total_weight {
            return Some(format!("a total weight of {}, and here it is {}", self.total_weight, other.total_weight));
        }
        let values = |data: &DataRecord| -> Vec<[f64; 2]> {
            data.medians.iter().zip(&data.deviations).map(|(median, deviation)| [*median, *deviation]).collect()
        };
        let differs = values(self).iter().zip(&values(other)).position(|(a, b)| a != b)?;
        Some(format!("other values of {}", feature(differs)))
    }
}
