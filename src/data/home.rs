//! Where samples stay during a fit.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

/// Where samples stay during a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Place {
    /// In the memory of the device that computes.
    Device,
    /// In the memory of the host.
    Memory,
    /// In their files, which every pass reads anew.
    Disk,
    /// With workers that hold a part of them each.
    Elsewhere,
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Device => "on the device",
            Place::Memory => "in memory",
            Place::Disk => "on disk",
            Place::Elsewhere => "elsewhere",
        })
    }
}

/// Where samples stay during a fit, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The place.
    pub place: Place,
    /// The reason, in words; empty where there was no choice.
    pub reason: String,
}

impl Home {
    /// Where samples are that were never here.
    pub(crate) fn elsewhere() -> Self {
        Home { place: Place::Elsewhere, reason: String::new() }
    }
}
