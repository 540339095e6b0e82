//! Processes that share a command, as `mpirun` starts them: the first one speaks, the others answer.

use mixtura::data::memory_for_samples;
use mixtura::ranks::{Ranks, launched};
use mixtura::{Advice, DeviceChoice, Error};

use super::interrupt;
use super::output::OutputArgs;

/// The end of a process whose first rank says why.
#[derive(Debug, thiserror::Error)]
#[error("the first rank says what went wrong")]
pub(crate) struct Followed;

/// Joins the processes that were started together; all but the first one are quiet.
pub(crate) fn join(output: &mut OutputArgs) -> anyhow::Result<Ranks> {
    let ranks = Ranks::join()?;
    output.quiet |= !ranks.is_first();
    if let (1, Some(size)) = (ranks.size(), launched()) {
        output.warnings(&[Advice::from(format!(
            "{size} processes were started together, and each does all of the work: this program was built without MPI \
             (--features mpi)"
        ))]);
    }
    Ok(ranks)
}

/// The outcome of this rank, if all succeeded; otherwise the error of the first that failed.
pub(crate) fn agreed<T>(ranks: &Ranks, mine: anyhow::Result<T>) -> anyhow::Result<T> {
    if ranks.size() == 1 {
        return mine;
    }
    let told = mine.as_ref().map(drop).map_err(|error| told(ranks, error));
    match (mine, ranks.agree(told, interrupt::asked())) {
        // With its own exit status.
        (Err(error), _) if ranks.is_first() => Err(error),
        (Ok(value), Ok(())) => Ok(value),
        (Err(error), Ok(())) => Err(error),
        (_, Err(error)) => Err(error.into()),
    }
}

/// An error, for the other ranks.
fn told(ranks: &Ranks, error: &anyhow::Error) -> Error {
    let (problem, remedy) = match error.downcast_ref::<Error>() {
        Some(error) => (error.problem(), error.remedy()),
        None => {
            let text = error.to_string();
            let (problem, remedy) = text.split_once('\n').unwrap_or((&text, ""));
            (problem.to_owned(), remedy.into())
        }
    };
    Error::Rank { rank: ranks.rank(), problem, remedy }
}

/// The error that a command ends with: what the first rank tells, the others keep to themselves.
pub(crate) fn spoken(ranks: &Ranks, error: anyhow::Error) -> anyhow::Error {
    let is_told = matches!(error.downcast_ref(), Some(Error::Rank { .. } | Error::Interrupted));
    match (ranks.is_first(), is_told) {
        (true, _) => error,
        (false, true) => Followed.into(),
        (false, false) => {
            ranks.leave();
            error
        }
    }
}

/// Notes of all ranks, each of them once: for the first rank.
pub(crate) fn notes_of_all(ranks: &Ranks, mine: &[Advice]) -> mixtura::Result<Vec<Advice>> {
    let add = |mut all: Vec<Advice>, more: Vec<Advice>| {
        more.into_iter().for_each(|note| {
            if !all.contains(&note) {
                all.push(note)
            }
        });
        Ok(all)
    };
    Ok(ranks.reduce(Ok(mine.to_vec()), add, interrupt::asked())?.unwrap_or_default())
}

/// Bytes of memory that the samples of this rank may take: ranks of one machine share it.
pub(crate) fn memory(ranks: &Ranks) -> u64 {
    memory_for_samples() / ranks.on_machine().1 as u64
}

/// The device that this rank takes: of several adapters, ranks of one machine take one each.
pub(crate) fn device(ranks: &Ranks, choice: &DeviceChoice) -> DeviceChoice {
    let (number, count) = ranks.on_machine();
    if count == 1 || !matches!(choice, DeviceChoice::Auto | DeviceChoice::Gpu) {
        return choice.clone();
    }
    let devices = mixtura::device::devices();
    let is_discrete = |kind: &str| kind == "discrete-gpu";
    let adapters: Vec<_> = devices.iter().filter(|listed| is_discrete(&listed.info.device_type)).collect();
    let takes_them = *choice == DeviceChoice::Gpu
        || devices.iter().any(|listed| listed.auto && is_discrete(&listed.info.device_type));
    match adapters.get(number % adapters.len().max(1)) {
        Some(adapter) if adapters.len() > 1 && takes_them => DeviceChoice::Adapter(adapter.device.clone()),
        _ => choice.clone(),
    }
}
