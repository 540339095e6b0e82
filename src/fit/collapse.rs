//! Components that collapse, and what is done about them.
//!
//! A component collapses when too few samples are left to it for a covariance of its own, or when its covariance loses
//! rank. It begins anew where the model explains the samples worst, or it is dropped; the others keep what they have.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Remedy to use for components that collapse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OnCollapse {
    /// Let it begin anew at the samples that the model explains worst, at most twice; then leave it or, where it has no
    /// covariance, drop it. One that alone explains such a sample stays where it is.
    #[default]
    Repair,
    /// Go on without it.
    Drop,
    /// End the fit with an error, if it has no covariance.
    Error,
}

impl OnCollapse {
    /// All of them.
    pub const ALL: [OnCollapse; 3] = [OnCollapse::Repair, OnCollapse::Drop, OnCollapse::Error];

    /// Its name, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            OnCollapse::Repair => "repair",
            OnCollapse::Drop => "drop",
            OnCollapse::Error => "error",
        }
    }
}

impl Display for OnCollapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OnCollapse {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|remedy| remedy.name() == name).ok_or_else(|| Error::InvalidOption {
            name: "what to do about a collapse",
            value: name.to_owned(),
            expected: "repair, drop or error",
        })
    }
}

/// How a component collapsed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Collapse {
    /// Fewer samples than its covariance needs were left to it.
    TooFewSamples {
        /// How many, by their responsibilities.
        samples: f64,
        /// How many it needs.
        needed: usize,
    },
    /// Its covariance is not positive definite.
    NotPositiveDefinite {
        /// The feature at which that was found.
        feature: usize,
    },
}

/// Remedy that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Remedy {
    /// It began anew at this sample.
    MovedTo {
        /// The sample's row.
        row: usize,
    },
    /// It stays where it is: it has this sample, which no other component would explain.
    KeptAt {
        /// The sample's row.
        row: usize,
    },
    /// It was dropped; the numbers of those after it are one less from there on.
    Dropped,
}

/// A component that collapsed, and what was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Repair {
    /// Samples that the epoch was on: one of so many; 1 where it was all of them.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub share: usize,
    /// The epoch of the restart, from 1; 0 for its initialisation.
    pub epoch: usize,
    /// The component.
    pub component: usize,
    /// How it collapsed.
    pub collapse: Collapse,
    /// The remedy.
    pub remedy: Remedy,
}

/// The share of all samples.
pub(crate) fn all() -> usize {
    1
}

/// Whether a share is that of all samples.
pub(crate) fn is_all(share: &usize) -> bool {
    *share == 1
}

impl Repair {
    /// The same repair as it is told: in an epoch on one of `share` samples, with the numbers that rows have among all.
    pub(crate) fn told(self, share: usize, row: impl Fn(usize) -> usize) -> Self {
        let remedy = match self.remedy {
            Remedy::MovedTo { row: drawn } => Remedy::MovedTo { row: row(drawn) },
            Remedy::KeptAt { row: drawn } => Remedy::KeptAt { row: row(drawn) },
            Remedy::Dropped => Remedy::Dropped,
        };
        Repair { share, remedy, ..self }
    }

    /// Whether the component is not what an epoch without repairs had made of it.
    pub(crate) fn changes_model(&self) -> bool {
        !matches!(self.remedy, Remedy::KeptAt { .. })
    }
}

impl Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repair { share, epoch, component, collapse, remedy } = self;
        match epoch {
            0 => write!(f, "initialisation")?,
            epoch => write!(f, "epoch {epoch}")?,
        }
        match share {
            1 => write!(f, ": ")?,
            share => write!(f, " on 1/{share} of the samples: ")?,
        }
        match collapse {
            Collapse::TooFewSamples { samples, needed } => {
                write!(f, "component {component} had {samples:.3} samples of the {needed} that it needs, ")?;
            }
            Collapse::NotPositiveDefinite { feature } => {
                write!(f, "component {component} collapsed along feature {feature}, ")?;
            }
        }
        match remedy {
            Remedy::MovedTo { row } => write!(f, "and began anew at row {row}"),
            Remedy::KeptAt { row } => write!(f, "and stays, for no other would explain row {row}"),
            Remedy::Dropped => write!(f, "and was dropped"),
        }
    }
}
