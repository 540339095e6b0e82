//! Whether passes leave out components that cannot matter to some samples.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::data::order::MOST_FEATURES;
use crate::error::{Error, Result};

/// Fewer components than these, and fewer samples, are not worth an order.
const LEAST_COMPONENTS: usize = 48;
pub(crate) const LEAST_ROWS: usize = 16_384;

/// Bytes that a sample of D features takes in the copy, in order, that GPUs keep for pruned passes, with its share of the
/// box around its group of 256.
pub(crate) fn bytes_of_a_copy(d: usize) -> f64 {
    ((d + 1) * size_of::<f32>()) as f64 + ((2 * d + 1) * size_of::<f32>()) as f64 / 256.0
}

/// Whether a pass over samples leaves out, cell by cell, components that cannot matter there.
///
/// What is left out is certified: the components that are left out have at most a share of 1e-12 of each sample in f64
/// (1e-9 in f32), so that the log-likelihood changes by no more than the total weight times that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Prune {
    /// Every component meets every sample.
    Off,
    /// Components are left out.
    Exact,
    /// They are where that is faster: with many components of few features.
    #[default]
    Auto,
}

impl FromStr for Prune {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|prune| prune.name() == name).ok_or_else(|| Error::InvalidOption {
            name: "pruning",
            value: name.to_owned(),
            expected: "auto, exact or off",
        })
    }
}

impl Prune {
    /// All three.
    pub const ALL: [Prune; 3] = [Prune::Auto, Prune::Exact, Prune::Off];

    /// Whether passes under K components of D features leave some out only if that is judged to be worth it; `None` where
    /// they never do.
    pub(crate) fn is_judged(self, k: usize, d: usize) -> Option<bool> {
        match self {
            Prune::Off => None,
            Prune::Exact => Some(false),
            Prune::Auto => (k >= LEAST_COMPONENTS && d <= MOST_FEATURES).then_some(true),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Prune::Off => "off",
            Prune::Exact => "exact",
            Prune::Auto => "auto",
        }
    }
}
