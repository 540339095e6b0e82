//! Ranks: what one has for all, and what all have for one.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::alone::Alone;
use super::link::Link;
use crate::advice::Advice;
use crate::data::source::{NEVER, check_stop};
use crate::error::{Error, Result};

/// Variables by which those who start several processes tell each of them how many they are.
const SIZES: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];

/// Version of the program: messages are understood by the same one.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Looks for a message without a pause between them, and the pause between those after them.
const EAGER_LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_micros(100);

/// Variables by which they tell each of them which one it is.
const NUMBERS: [&str; 4] = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID"];

/// Whether there are ranks that wait for this one, and will not hear of it.
static LEFT_BEHIND: AtomicBool = AtomicBool::new(false);

/// How many processes were started together, if somebody started several.
pub fn launched() -> Option<usize> {
    let sizes = SIZES.iter().filter_map(|variable| std::env::var(variable).ok()?.trim().parse().ok());
    sizes.into_iter().find(|size| *size > 1)
}

/// Whether this process speaks for those that it was started with, before it has joined them ([`Ranks::join`]): the first
/// one does; all do where the program was built without the feature `mpi`.
pub fn speaks() -> bool {
    let mut numbers = NUMBERS.iter().filter_map(|variable| std::env::var(variable).ok()?.trim().parse::<usize>().ok());
    let is_first = numbers.next().is_none_or(|number| number == 0);
    is_first || launched().is_none() || cfg!(not(feature = "mpi"))
}

/// This process among those that share a task.
///
/// A rank that fails hands its error on in place of an answer, so that all of them end with it.
pub struct Ranks {
    link: Box<dyn Link>,
    /// Whether this rank left the others in the middle of something.
    is_abandoned: AtomicBool,
    /// Warnings of the other ranks' devices.
    warnings: Mutex<Vec<String>>,
    /// Bytes that this rank sent, and received.
    sent: AtomicU64,
    received: AtomicU64,
}

/// The error of a rank.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Failure {
    rank: usize,
    is_interrupted: bool,
    problem: String,
    remedy: Advice,
}

impl Failure {
    fn of(error: Error, rank: usize) -> Self {
        match error {
            Error::Rank { rank, problem, remedy } => Failure { rank, is_interrupted: false, problem, remedy },
            error => {
                let is_interrupted = matches!(error, Error::Interrupted);
                Failure { rank, is_interrupted, problem: error.problem(), remedy: error.remedy() }
            }
        }
    }

    fn into_error(self) -> Error {
        let Failure { rank, is_interrupted, problem, remedy } = self;
        if is_interrupted { Error::Interrupted } else { Error::Rank { rank, problem, remedy } }
    }
}

impl Ranks {
    /// Joins the processes that were started together; alone, where nobody started several, or the program was built
    /// without the feature `mpi`.
    ///
    /// # Errors
    /// That MPI does not start.
    pub fn join() -> Result<Self> {
        #[cfg(feature = "mpi")]
        if let Some(size) = launched() {
            let world = super::mpi::World::join()?;
            return match world.size() {
                1 => Err(Error::Rank {
                    rank: 0,
                    problem: format!("MPI finds one process, where {size} were started"),
                    remedy:
                        "start them by the mpirun of the MPI that the program was built with, or by srun with its plugin pmix"
                            .into(),
                }),
                _ => Self::linked(Box::new(world)),
            };
        }
        Ok(Self::alone())
    }

    /// A process without others.
    pub fn alone() -> Self {
        Self::at(Box::new(Alone))
    }

    /// The rank at the end of a link. All ranks must call this.
    ///
    /// # Errors
    /// That they are programs of different versions, which would not understand each other.
    pub fn linked(link: Box<dyn Link>) -> Result<Self> {
        let ranks = Self::at(link);
        let list = |one: String, other: String| Ok(if one == other { one } else { format!("{one}, {other}") });
        let versions = ranks.all_reduce(Ok(VERSION.to_owned()), list, &NEVER)?;
        match versions == VERSION {
            true => Ok(ranks),
            false => Err(Error::Rank {
                rank: ranks.rank(),
                problem: format!("the ranks are programs of versions {versions}"),
                remedy: "install one version on all machines".into(),
            }),
        }
    }

    fn at(link: Box<dyn Link>) -> Self {
        Ranks {
            link,
            is_abandoned: AtomicBool::new(false),
            warnings: Mutex::default(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    /// Number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.link.rank()
    }

    /// Number of ranks.
    pub fn size(&self) -> usize {
        self.link.size()
    }

    /// Whether this is the first rank, which speaks for all.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Number of this rank among those of its machine, and how many these are.
    pub fn on_machine(&self) -> (usize, usize) {
        self.link.on_machine()
    }

    /// Bytes that this rank sent to others, and received of them, so far.
    pub fn traffic(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }

    /// Warnings of the other ranks' devices, so far.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn warn(&self, more: Vec<String>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        more.into_iter().for_each(|warning| {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        });
    }

    /// What all ranks have, combined in the order of their numbers along a tree: for the first rank, `None` for the
    /// others. All must call this.
    ///
    /// # Errors
    /// That of this rank, or, on the first one, of any. The first rank ends with [`Error::Interrupted`] soon after
    /// `stop` has become true, and leaves the others where they are.
    pub fn reduce<T: Serialize + DeserializeOwned>(
        &self,
        mine: Result<T>,
        combine: impl Fn(T, T) -> Result<T>,
        stop: &AtomicBool,
    ) -> Result<Option<T>> {
        let (rank, size) = (self.rank(), self.size());
        if rank == 0 && matches!(mine, Err(Error::Interrupted)) && size > 1 {
            return Err(self.abandon());
        }
        let mut all = mine.map_err(|error| Failure::of(error, rank));
        let mut step = 1;
        while rank.is_multiple_of(2 * step) && rank + step < size {
            let theirs: Result<T, Failure> = self.receive(rank + step, stop)?;
            all = match (all, theirs) {
                (Ok(mine), Ok(theirs)) => combine(mine, theirs).map_err(|error| Failure::of(error, rank)),
                (Err(failure), _) | (_, Err(failure)) => Err(failure),
            };
            step *= 2;
        }
        if rank > 0 {
            // Its lowest bit is the distance to the rank that waits for it.
            let lowest = 1 << rank.trailing_zeros();
            self.send(rank - lowest, &all)?;
        }
        match all {
            Ok(all) => Ok(Some(all).filter(|_| rank == 0)),
            Err(failure) => Err(failure.into_error()),
        }
    }

    /// What the first rank has, for all. All must call this; the others give nothing.
    ///
    /// # Errors
    /// The error of the first rank.
    pub fn broadcast<T: Serialize + DeserializeOwned>(&self, of_first: Option<Result<T>>) -> Result<T> {
        let (rank, size) = (self.rank(), self.size());
        let outcome: Result<T, Failure> = match of_first {
            Some(outcome) if rank == 0 => outcome.map_err(|error| Failure::of(error, 0)),
            _ if rank > 0 => self.receive(rank - (1 << rank.trailing_zeros()), &NEVER)?,
            _ => return Err(Error::Parts { problem: "the first rank has nothing to tell".to_owned() }),
        };
        let highest = if rank == 0 { size.next_power_of_two() } else { 1 << rank.trailing_zeros() };
        let mut step = highest / 2;
        while step > 0 {
            if rank + step < size {
                self.send(rank + step, &outcome)?;
            }
            step /= 2;
        }
        outcome.map_err(Failure::into_error)
    }

    /// What all ranks have, combined, for all of them. All must call this.
    ///
    /// # Errors
    /// That of the first rank that has one.
    pub fn all_reduce<T: Serialize + DeserializeOwned>(
        &self,
        mine: Result<T>,
        combine: impl Fn(T, T) -> Result<T>,
        stop: &AtomicBool,
    ) -> Result<T> {
        if self.size() == 1 {
            return mine;
        }
        match self.reduce(mine, combine, stop) {
            Err(Error::Interrupted) if self.is_abandoned() => Err(Error::Interrupted),
            outcome if self.rank() == 0 => {
                let nothing = || Error::Parts { problem: "no rank has anything".to_owned() };
                self.broadcast(Some(outcome.and_then(|all| all.ok_or_else(nothing))))
            }
            _ => self.broadcast(None),
        }
    }

    /// The outcome of this rank, if all ranks succeeded. All must call this.
    ///
    /// # Errors
    /// That of the first rank that failed.
    pub fn agree<T>(&self, mine: Result<T>, stop: &AtomicBool) -> Result<T> {
        let (mine, value) = match mine {
            Ok(value) => (Ok(()), Some(value)),
            Err(error) => (Err(error), None),
        };
        self.all_reduce(mine, |(), ()| Ok(()), stop)?;
        value.ok_or_else(|| Error::Parts { problem: "the ranks disagree on who failed".to_owned() })
    }

    fn send<T: Serialize>(&self, to: usize, message: &T) -> Result<()> {
        let bytes = postcard::to_stdvec(message).map_err(|error| Error::Parts { problem: error.to_string() })?;
        self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.link.send(to, &bytes)
    }

    /// Waits for a message; the first rank, until it is to stop.
    fn receive<T: DeserializeOwned>(&self, from: usize, stop: &AtomicBool) -> Result<T> {
        let mut looks = 0;
        let bytes = loop {
            if let Some(bytes) = self.link.receive(from)? {
                break bytes;
            }
            if self.rank() == 0 && check_stop(stop).is_err() {
                return Err(self.abandon());
            }
            looks += 1;
            if looks < EAGER_LOOKS { thread::yield_now() } else { thread::sleep(PAUSE) }
        };
        self.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        postcard::from_bytes(&bytes)
            .map_err(|error| Error::Parts { problem: format!("rank {from} sent what is no message: {error}") })
    }

    /// Notes that others wait for what they will not get ([`end_abandoned`]).
    pub fn leave(&self) {
        self.is_abandoned.store(self.size() > 1, Ordering::Relaxed);
    }

    fn abandon(&self) -> Error {
        self.leave();
        Error::Interrupted
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }
}

impl Drop for Ranks {
    /// A connection to ranks that were abandoned cannot be closed: they would have to take part.
    fn drop(&mut self) {
        if self.is_abandoned() {
            LEFT_BEHIND.store(true, Ordering::Relaxed);
            std::mem::forget(std::mem::replace(&mut self.link, Box::new(Alone)));
        }
    }
}

/// Ends all ranks at once, this process among them, if there are some that wait for this one: what a process has to do
/// in the end that was interrupted.
pub fn end_abandoned(status: u8) {
    #[cfg(feature = "mpi")]
    if LEFT_BEHIND.load(Ordering::Relaxed) {
        super::mpi::abort(status.into());
    }
    #[cfg(not(feature = "mpi"))]
    let _ = (status, LEFT_BEHIND.load(Ordering::Relaxed));
}
