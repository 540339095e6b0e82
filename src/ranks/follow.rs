//! The ranks after the first: they answer.

use serde::{Deserialize, Serialize};

use super::team::Ranks;
use crate::data::source::{Data, NEVER};
use crate::device::backend::Backend;
use crate::device::open::Device;
use crate::device::task::{Answer, Task};
use crate::error::{Error, Result};

/// Order of the first rank.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Put the samples on the device of this name.
    Load(String),
    /// Answer these tasks.
    Answer(Vec<Task>),
    /// Go.
    End,
}

/// What a rank answers; nothing where it has no samples.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) answers: Option<Vec<Answer>>,
    /// Why the CPU has taken the place of its device.
    pub(super) distrust: Vec<String>,
}

impl Reply {
    /// This reply, and that of the ranks that follow.
    pub(super) fn combine(mut self, other: Self) -> Result<Self> {
        self.distrust.extend(other.distrust);
        self.answers = match (self.answers, other.answers) {
            (Some(one), Some(other)) if one.len() == other.len() => {
                Some(one.into_iter().zip(other).map(|(one, other)| one.combine(other)).collect::<Result<_>>()?)
            }
            (Some(one), Some(other)) => {
                let problem = format!("one rank answers {} tasks, another {}", one.len(), other.len());
                return Err(Error::Parts { problem });
            }
            (answers, None) | (None, answers) => answers,
        };
        Ok(self)
    }
}

/// What a rank has of the samples.
#[derive(Clone, Copy)]
pub struct Share<'d> {
    /// Its part of them ([`Shard`](crate::data::Shard)), if it has any.
    pub data: Option<&'d dyn Data>,
    /// Puts the file and line in front of an error about one of them.
    pub locate: &'d (dyn Fn(Error) -> Error + Sync),
}

impl<'d> Share<'d> {
    /// Puts it on a device; whether it moves in every pass.
    pub(super) fn load(&self, device: &Device) -> Result<Option<Box<dyn Backend + 'd>>> {
        self.data.map(|data| device.load(data)).transpose().map_err(self.locate)
    }

    /// Answers tasks.
    pub(super) fn answer(
        &self,
        backend: Option<&mut Box<dyn Backend + 'd>>,
        tasks: &[Task],
    ) -> Result<Option<Vec<Answer>>> {
        backend.map(|backend| backend.run(tasks)).transpose().map_err(self.locate)
    }
}

/// Follows the first rank until it lets go: puts what this rank has of the samples on the devices that `open` opens by
/// the names of [`Leading::load`](super::Leading::load), and answers tasks about them. Without samples it hands on what
/// others answer.
///
/// # Errors
/// That the connection is lost. All other errors go to the first rank, which decides what becomes of them.
pub fn follow(ranks: &Ranks, share: Share, open: &dyn Fn(&str) -> Result<Device>) -> Result<()> {
    let mut loaded: Option<(Device, Option<Box<dyn Backend + '_>>)> = None;
    loop {
        match ranks.broadcast(None)? {
            Order::Load(name) => {
                // There may be no room for the samples twice.
                loaded = None;
                let load = |device: Device| {
                    let backend = share.load(&device)?;
                    let moves = backend.as_ref().is_some_and(|backend| backend.moves_samples());
                    loaded = Some((device, backend));
                    Ok(moves)
                };
                let moves = open(&name).and_then(load);
                answered(ranks.reduce(moves, |one, other| Ok(one || other), &NEVER))?;
            }
            Order::Answer(tasks) => {
                let reply = match &mut loaded {
                    Some((device, backend)) => share.answer(backend.as_mut(), &tasks).map(|answers| Reply {
                        answers,
                        distrust: device.distrust().map(str::to_owned).into_iter().collect(),
                    }),
                    None => Err(Error::Parts { problem: "a task came before the samples were loaded".to_owned() }),
                };
                answered(ranks.reduce(reply, Reply::combine, &NEVER))?;
            }
            Order::End => return Ok(()),
        }
    }
}

/// An error of a rank was sent to the first one; what is left are those of the connection.
fn answered<T>(outcome: Result<Option<T>>) -> Result<()> {
    match outcome {
        Err(error @ Error::Parts { .. }) => Err(error),
        _ => Ok(()),
    }
}
