//! The connection of a rank to the others.

use crate::error::Result;

/// Connection of a rank to the others. Messages of one rank to another arrive in the order in which they were sent.
pub trait Link: Send + Sync {
    /// Number of this rank, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks.
    fn size(&self) -> usize;

    /// Number of this rank among those of its machine, and how many these are.
    fn on_machine(&self) -> (usize, usize);

    /// Sends a message to another rank, which may take as long as that rank needs to receive it.
    ///
    /// # Errors
    /// That the connection is lost.
    fn send(&self, to: usize, message: &[u8]) -> Result<()>;

    /// The next message of another rank, if it has arrived.
    ///
    /// # Errors
    /// That the connection is lost.
    fn receive(&self, from: usize) -> Result<Option<Vec<u8>>>;
}
