//! How exactly an epoch knows the posterior of a sample: of all components, or of a few.

use serde::{Deserialize, Serialize};

use crate::device::backend::Backend;
use crate::device::candidates::{Candidates, MOST_COMPONENTS};
use crate::device::truncated::refused;
use crate::error::{Error, Result};
use crate::fit::collapse::{Remedy, Repair};
use crate::fit::update::Update;

/// How the posterior of a sample is found in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
#[non_exhaustive]
pub enum Posterior {
    /// From the log-densities of all components.
    #[default]
    Exact,
    /// From those of a few candidates, the best that were found so far: variational EM with truncated posteriors
    /// (Hirschberger, Forster and Lücke 2022). An epoch looks at the neighbours of a sample's candidates, and not at
    /// all components; its lower bound is the free energy, which is at most the log-likelihood, and never falls.
    Truncated {
        /// Components that a sample may belong to; as many as there are, or more, are exact posteriors.
        candidates: usize,
        /// Neighbours of a component, itself included, among which better candidates are looked for.
        neighbours: usize,
    },
}

impl Posterior {
    /// Three candidates and fifteen neighbours, with which the method was published.
    pub const TRUNCATED: Posterior = Posterior::Truncated { candidates: 3, neighbours: 15 };

    /// Its name, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Posterior::Exact => "exact",
            Posterior::Truncated { .. } => "truncated",
        }
    }

    /// Candidates of a sample and neighbours of a component, of K components; `None` where posteriors are exact.
    pub(crate) fn width(self, k: usize) -> Option<(usize, usize)> {
        match self {
            Posterior::Truncated { candidates, neighbours } if candidates < k => Some((candidates, neighbours.min(k))),
            _ => None,
        }
    }

    /// Checks its numbers, and that it goes with a rule of update.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], [`Error::Refused`].
    pub(crate) fn check(self, n_components: usize, update: Update) -> Result<()> {
        let Posterior::Truncated { candidates, neighbours } = self else { return Ok(()) };
        let positive = |name, n: usize| match n {
            0 => Err(Error::InvalidOption { name, value: "0".to_owned(), expected: "1 or more" }),
            _ => Ok(()),
        };
        positive("the number of candidates", candidates)?;
        positive("the number of neighbours", neighbours)?;
        if n_components > MOST_COMPONENTS {
            let value = n_components.to_string();
            let (name, expected) = ("the number of components with truncated posteriors", "16777216 at most");
            return Err(Error::InvalidOption { name, value, expected });
        }
        match update {
            Update::Em => Ok(()),
            other => Err(Error::Refused {
                problem: format!("truncated posteriors go with EM, and the update is {}", other.name()),
                remedy: "choose exact posteriors, or EM for the update".into(),
            }),
        }
    }

    /// Checks that a backend finds it.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub(crate) fn check_backend(self, k: usize, backend: &dyn Backend) -> Result<()> {
        if self.width(k).is_none() || backend.truncates() {
            return Ok(());
        }
        if !backend.summary().holes().is_none() {
            let problem = "truncated posteriors need all values of every sample, and some are missing".to_owned();
            let remedy = "choose exact posteriors, or fill in what is missing".into();
            return Err(Error::Refused { problem, remedy });
        }
        Err(refused(&backend.info().name, backend.home().place))
    }
}

/// What truncated posteriors were kept to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Truncation {
    /// Candidates of a sample.
    pub candidates: usize,
    /// Neighbours of a component.
    pub neighbours: usize,
    /// Bytes of candidates that stay from one epoch to the next; an epoch makes as many anew.
    pub bytes_per_sample: usize,
}

impl Truncation {
    pub(crate) fn new((candidates, neighbours): (usize, usize)) -> Self {
        Truncation { candidates, neighbours, bytes_per_sample: candidates * size_of::<u32>() }
    }
}

/// The candidates after repairs of the model, in their order.
pub(crate) fn repaired(candidates: &Candidates, repairs: &[Repair]) -> Candidates {
    let mut candidates = candidates.clone();
    for repair in repairs {
        match repair.remedy {
            Remedy::MovedTo { row } => candidates.move_component(repair.component, row),
            Remedy::Dropped => candidates.drop_component(repair.component),
            Remedy::KeptAt { .. } => {}
        }
    }
    candidates
}
