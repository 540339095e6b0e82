//! Tuning: how a device finds, on the hardware at hand, how to do its passes fastest.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a graphics adapter is tuned. What it finds is remembered, for the adapter, its driver and this version of the
/// program, in the user's cache directory. The CPU needs no tuning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Tune {
    /// The passes are shaped as their vendor's adapters are known to like them, and no other way is tried.
    Off,
    /// Other ways are tried on the same samples, by the adapter's own clock, in at most a tenth of the time that passes
    /// over models of a shape take. Only ways that give the same bits are taken.
    #[default]
    Auto,
    /// All ways are tried before the first pass. Some add in another order: results differ by rounding from those of
    /// other modes, and name what was chosen.
    Full,
}

impl Tune {
    /// All modes.
    pub const ALL: [Tune; 3] = [Tune::Off, Tune::Auto, Tune::Full];

    /// `off`, `auto` or `full`.
    pub fn name(self) -> &'static str {
        match self {
            Tune::Off => "off",
            Tune::Auto => "auto",
            Tune::Full => "full",
        }
    }
}

impl FromStr for Tune {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Tune::ALL.into_iter().find(|tune| tune.name() == text).ok_or("neither off nor auto nor full")
    }
}

/// How an adapter was tuned, where results depend on that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TuningRecord {
    /// Name of the mode.
    pub mode: String,
    /// What was chosen for models of each shape, in words.
    pub choices: BTreeMap<String, String>,
}

impl TuningRecord {
    /// Of a mode that chose nothing yet.
    #[cfg(feature = "gpu")]
    pub(crate) fn new(tune: Tune) -> Self {
        TuningRecord { mode: tune.name().to_owned(), choices: BTreeMap::new() }
    }

    /// Whether both chose alike, as far as both chose.
    pub(crate) fn agrees_with(&self, other: &TuningRecord) -> bool {
        let agrees = |(shape, choice)| other.choices.get(shape).is_none_or(|its| its == choice);
        self.mode == other.mode && self.choices.iter().all(agrees)
    }
}
