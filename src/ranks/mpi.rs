//! The link over MPI.

use ::mpi::Threading;
use ::mpi::environment::Universe;
use ::mpi::topology::SimpleCommunicator;
use ::mpi::traits::{Communicator, Destination, Source};

use super::link::Link;
use crate::error::{Error, Result};

/// Bytes of a message of MPI, at most: it counts them in 32 bits.
const MOST: usize = 1 << 30;

/// The processes that were started together. MPI ends with this value.
pub(super) struct World {
    _universe: Universe,
    on_machine: (usize, usize),
}

impl World {
    /// Joins them.
    ///
    /// # Errors
    /// That MPI does not start.
    pub(super) fn join() -> Result<Self> {
        let failed = |problem: &str| Error::Rank {
            rank: 0,
            problem: problem.to_owned(),
            remedy: "check the installation of MPI, or start one process without it".into(),
        };
        // One thread at a time sends and receives.
        let started = ::mpi::initialize_with_threading(Threading::Serialized);
        let (universe, threading) = started.ok_or_else(|| failed("MPI does not start"))?;
        if threading < Threading::Funneled {
            return Err(failed("this MPI allows no threads"));
        }
        let world = universe.world();
        let machine = world.split_shared(world.rank());
        Ok(World { on_machine: (index(machine.rank()), index(machine.size())), _universe: universe })
    }
}

fn world() -> SimpleCommunicator {
    SimpleCommunicator::world()
}

/// Numbers of ranks are not negative.
fn index(rank: i32) -> usize {
    usize::try_from(rank).unwrap_or(0)
}

/// Ends all ranks at once.
pub(super) fn abort(status: i32) -> ! {
    world().abort(status)
}

impl Link for World {
    fn rank(&self) -> usize {
        index(world().rank())
    }

    fn size(&self) -> usize {
        index(world().size())
    }

    fn on_machine(&self) -> (usize, usize) {
        self.on_machine
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<()> {
        let world = world();
        let other = world.process_at_rank(to as i32);
        other.send(&(message.len() as u64));
        message.chunks(MOST).for_each(|piece| other.send(piece));
        Ok(())
    }

    fn receive(&self, from: usize) -> Result<Option<Vec<u8>>> {
        let world = world();
        let other = world.process_at_rank(from as i32);
        let Some((begin, _)) = other.immediate_matched_probe() else { return Ok(None) };
        let mut length = 0_u64;
        begin.matched_receive_into(&mut length);
        let mut message = vec![0_u8; length as usize];
        for piece in message.chunks_mut(MOST) {
            other.receive_into(piece);
        }
        Ok(Some(message))
    }
}
