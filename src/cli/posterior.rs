//! Arguments that say how exactly the posterior of a sample is found.

use clap::{Args, ValueEnum};
use mixtura::fit::Posterior;

use super::Usage;

/// How the posterior of a sample is found.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ways to fit")]
pub(crate) struct PosteriorArgs {
    /// Components that the posterior of a sample is of, in an epoch: for thousands of components, on the CPU and samples
    /// in memory, those few that explain it best [default: exact]
    #[arg(long, value_enum, value_name = "KIND")]
    posterior: Option<Kind>,

    /// Components that a sample may belong to where posteriors are truncated [default: 3]
    #[arg(long, value_name = "N")]
    candidates: Option<usize>,

    /// Neighbours of a component, itself included, among which better candidates are looked for [default: 15]
    #[arg(long, value_name = "N")]
    neighbours: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// All components
    Exact,
    /// The best of those that were looked at
    Truncated,
}

impl PosteriorArgs {
    /// The kind asked for, if one is.
    ///
    /// # Errors
    /// Numbers that have no meaning for it.
    pub(crate) fn posterior(&self) -> Result<Option<Posterior>, Usage> {
        let Posterior::Truncated { candidates, neighbours } = Posterior::TRUNCATED else { return Ok(None) };
        for (flag, number) in [("--candidates", self.candidates), ("--neighbours", self.neighbours)] {
            if number.is_some() && self.posterior != Some(Kind::Truncated) {
                let problem = format!("{flag} has no meaning without --posterior truncated");
                return Err(Usage { problem, remedy: "add --posterior truncated, or leave it out".into() });
            }
        }
        Ok(self.posterior.map(|kind| match kind {
            Kind::Exact => Posterior::Exact,
            Kind::Truncated => Posterior::Truncated {
                candidates: self.candidates.unwrap_or(candidates),
                neighbours: self.neighbours.unwrap_or(neighbours),
            },
        }))
    }
}
