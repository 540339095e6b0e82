//! The link of a process without others.

use super::link::Link;
use crate::error::{Error, Result};

/// The only rank.
pub(super) struct Alone;

impl Link for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn on_machine(&self) -> (usize, usize) {
        (0, 1)
    }

    fn send(&self, to: usize, _: &[u8]) -> Result<()> {
        Err(nobody(to))
    }

    fn receive(&self, from: usize) -> Result<Option<Vec<u8>>> {
        Err(nobody(from))
    }
}

fn nobody(rank: usize) -> Error {
    Error::Parts { problem: format!("there is no rank {rank}") }
}
