//! Whether passes leave out components that cannot matter to some samples.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

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
    /// They are where that is faster: with many components of few features, on the CPU.
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

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Prune::Off => "off",
            Prune::Exact => "exact",
            Prune::Auto => "auto",
        }
    }
}
