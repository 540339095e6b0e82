//! Portions that move: one reader hands them, in every pass, to whoever is free.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::Several;
use super::serving::{Outcome, Take, Wanted, Work, lock, serve_all};
use crate::data::portion::{Portion, for_each_portion};
use crate::data::source::Data;
use crate::device::backend::Backend;
use crate::error::{Error, Result};

/// Does work on the portions wanted, in one pass over the data.
pub(super) fn each<T: Send>(
    several: &Several,
    data: &dyn Data,
    teams: &[usize],
    is_wanted: &Wanted,
    work: &Work<T>,
    take: &mut Take<T>,
) -> Result<()> {
    let mut take_one = |portion, result| take(portion, result);
    let outcome = Outcome::new(&mut take_one);
    let line = Line::new(several);
    let read = thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let _end = OnDrop(|| line.end());
            for_each_portion(data, &mut |portion| match is_wanted(portion.index) {
                true => line.put(teams[portion.index], portion),
                false => Ok(()),
            })
        });
        serve_all(&several.members, &|mine| {
            // Whoever panics keeps nobody waiting.
            let _stop = OnDrop(|| {
                if thread::panicking() {
                    line.stop()
                }
            });
            let has_mine = |team: &usize| several.teams[*team].iter().any(|member| mine.contains(member));
            let of_mine: Vec<usize> = (0..several.teams.len()).filter(has_mine).collect();
            while let Some((team, portion)) = line.next(&of_mine) {
                let Some(member) = several.teams[team].iter().find(|member| mine.contains(member)) else { return };
                let index = portion.index;
                let result = on(several, *member, portion, |backend| work(index, backend));
                outcome.take(index, result);
                if outcome.has_failed() {
                    line.stop();
                }
            }
        });
        match reading.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    // Of a pass that ended early the reader does not know why.
    outcome.finish()?;
    read
}

/// Does work on one portion after another, in the order of the data.
pub(super) fn in_order(
    several: &Several,
    data: &dyn Data,
    teams: &[usize],
    work: &mut dyn FnMut(&mut dyn Backend) -> Result<()>,
) -> Result<()> {
    for_each_portion(data, &mut |portion| {
        let Some(member) = several.teams[teams[portion.index]].first().copied() else { return Ok(()) };
        on(several, member, portion, |backend| work(backend))
    })
}

/// Does work on a portion that a member has for that long.
fn on<T>(
    several: &Several,
    member: usize,
    portion: Portion,
    work: impl FnOnce(&mut dyn Backend) -> Result<T>,
) -> Result<T> {
    let on_member = || {
        let mut backend = several.members[member].load(Arc::new(portion), None)?;
        let result = work(&mut *backend);
        backend.rest();
        result
    };
    on_member().map_err(|error| several.named(member, error))
}

/// Portions that wait for their teams, as many of each as it has members.
struct Line<'d> {
    state: Mutex<State<'d>>,
    has_changed: Condvar,
    room: Vec<usize>,
}

struct State<'d> {
    waiting: Vec<VecDeque<Portion<'d>>>,
    /// No more come.
    has_ended: bool,
    /// No more are wanted.
    is_stopped: bool,
}

impl<'d> Line<'d> {
    fn new(several: &Several) -> Self {
        let room: Vec<usize> = several.teams.iter().map(Vec::len).collect();
        let waiting = room.iter().map(|_| VecDeque::new()).collect();
        let state = State { waiting, has_ended: false, is_stopped: false };
        Line { state: Mutex::new(state), has_changed: Condvar::new(), room }
    }

    /// Has a portion wait for its team, when there is room.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when no more are wanted.
    fn put(&self, team: usize, portion: Portion<'d>) -> Result<()> {
        let is_full = |state: &mut State| !state.is_stopped && state.waiting[team].len() >= self.room[team];
        let state = self.has_changed.wait_while(lock(&self.state), is_full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.is_stopped {
            return Err(Error::Interrupted);
        }
        state.waiting[team].push_back(portion);
        self.has_changed.notify_all();
        Ok(())
    }

    /// The next portion for one of some teams; `None` when there are no more.
    fn next(&self, teams: &[usize]) -> Option<(usize, Portion<'d>)> {
        let is_empty = |state: &State| teams.iter().all(|team| state.waiting[*team].is_empty());
        let must_wait =
            |state: &mut State| !teams.is_empty() && !state.is_stopped && !state.has_ended && is_empty(state);
        let state = self.has_changed.wait_while(lock(&self.state), must_wait);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.is_stopped {
            return None;
        }
        let next = teams.iter().find_map(|team| Some((*team, state.waiting[*team].pop_front()?)));
        self.has_changed.notify_all();
        next
    }

    fn end(&self) {
        lock(&self.state).has_ended = true;
        self.has_changed.notify_all();
    }

    fn stop(&self) {
        lock(&self.state).is_stopped = true;
        self.has_changed.notify_all();
    }
}

/// Does something in the end, however that comes.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
