//! Ranks: processes that share one task, each with its own samples and its own devices. Samples stay where they are:
//! tasks go down a tree of ranks, from the first one on, and answers come up it, combined on the way in the order of
//! the samples, so that any number of ranks gives the same bits on the CPU.
//!
//! What carries the messages is a [`Link`]; with the feature `mpi` that is MPI, and [`Ranks::join`] joins the processes
//! that `mpirun` or `srun` started.

mod alone;
mod follow;
mod lead;
mod link;
#[cfg(feature = "mpi")]
mod mpi;
mod share;
mod team;
#[cfg(test)]
mod tests;

pub use self::follow::{Share, follow};
pub use self::lead::Leading;
pub use self::link::Link;
pub use self::share::{share_rows, share_summary};
pub use self::team::{Ranks, end_abandoned, launched, speaks};
