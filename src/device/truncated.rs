//! A pass of EM with truncated posteriors (Hirschberger, Forster and Lücke 2022, IEEE TPAMI 44; Salwig, Kahlke et al.
//! 2026, JMLR 27): a sample belongs to the few components alone that explain it best among those that were looked at.
//!
//! The pass is a function of its task: candidates go in, and better ones come out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::advice::{Advice, Term};
use crate::data::home::Place;
use crate::device::candidates::Candidates;
use crate::device::sums::Sums;
use crate::error::Error;
use crate::model::quadratics::Quadratics;
use crate::model::statistics::Statistics;

/// Asks for sums under truncated posteriors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Truncated {
    pub(crate) quadratics: Arc<Quadratics>,
    pub(crate) statistics: Statistics,
    /// C', and G: candidates of a sample, and neighbours of a component.
    pub(crate) width: (usize, usize),
    /// Where to look; at all components where there are none.
    pub(crate) candidates: Option<Arc<Candidates>>,
    pub(crate) seed: u64,
    /// Epochs before this one.
    pub(crate) epoch: usize,
}

/// The answer: sums whose log-likelihood is the free energy, a lower bound of that of the model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TruncatedSums {
    pub(crate) sums: Sums,
    pub(crate) candidates: Candidates,
}

/// The error of a device that has no truncated posteriors, or of samples in another place than the memory of the CPU.
pub(crate) fn refused(device: &str, place: Place) -> Error {
    let remedy = Advice::from("use ") + Term::Cpu + ", with enough memory for all samples (" + Term::Memory;
    Error::Refused {
        problem: format!(
            "truncated posteriors are found by the CPU alone, for samples in memory; these are on {device}, kept in: {place}"
        ),
        remedy: remedy + "), or exact posteriors",
    }
}
