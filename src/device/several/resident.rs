//! Portions that stay: each on the device that took it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Several;
use super::serving::{Outcome, Take, Wanted, Work, lock, serve_all};
use crate::data::home::Place;
use crate::data::portion::Portion;
use crate::device::backend::Backend;
use crate::device::single::Single;
use crate::error::{Error, Result};

/// Portions on the devices that hold them.
pub(super) struct Resident<'d> {
    portions: Vec<Arc<Portion<'d>>>,
    /// The same on their devices, in order.
    held: Vec<Held<'d>>,
}

/// A portion on a device.
struct Held<'d> {
    portion: usize,
    member: usize,
    backend: Box<dyn Backend + 'd>,
}

impl<'d> Resident<'d> {
    /// Deals out the portions of samples in memory, an equal number to each member of a team; `None` where they do not
    /// all find room. The team of each portion is given.
    ///
    /// # Errors
    /// As [`Single::load`].
    pub(super) fn load(several: &Several, portions: Vec<Portion<'d>>, teams: &[usize]) -> Result<Option<Self>> {
        let portions: Vec<Arc<Portion>> = portions.into_iter().map(Arc::new).collect();
        // In turn, so that answers come about in the order of the data.
        let mut dealt: Vec<Vec<usize>> = vec![Vec::new(); several.members.len()];
        let mut next = vec![0; several.teams.len()];
        for (portion, team) in teams.iter().enumerate() {
            let members = &several.teams[*team];
            dealt[members[next[*team] % members.len()]].push(portion);
            next[*team] += 1;
        }
        let mut held = Vec::new();
        let mut take = |_, one| {
            held.push(one);
            Ok(())
        };
        let outcome = Outcome::new(&mut take);
        serve_all(&several.members, &|mine| {
            for member in mine {
                let single = within_limit(&several.members[*member], dealt[*member].len());
                for portion in dealt[*member].iter().take_while(|_| !outcome.has_failed()) {
                    let loaded = hold(&single, *member, *portion, &portions[*portion]);
                    outcome.take(*portion, loaded.map_err(|error| several.named(*member, error)));
                }
            }
        });
        match outcome.finish() {
            Ok(()) => {
                held.sort_by_key(|held: &Held| held.portion);
                Ok(Some(Resident { portions, held }))
            }
            Err(Error::OutOfDeviceMemory { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where the portions are, if all are in one place.
    pub(super) fn place(&self) -> Option<Place> {
        let mut places = self.held.iter().map(|held| held.backend.home().place);
        let first = places.next()?;
        places.all(|place| place == first).then_some(first)
    }

    /// The portions that a member holds.
    #[cfg(all(test, feature = "gpu"))]
    pub(super) fn held_by(&self, member: usize) -> Vec<usize> {
        self.held.iter().filter(|held| held.member == member).map(|held| held.portion).collect()
    }

    /// Does work on the portions wanted, each with the backend that holds it. A member that is done helps one of its team
    /// that has more than one portion waiting: the last of them moves to it, and stays there.
    pub(super) fn each<T: Send>(
        &mut self,
        several: &Several,
        is_wanted: &Wanted,
        work: &Work<T>,
        take: &mut Take<T>,
    ) -> Result<()> {
        let mut take_one = |portion, result| take(portion, result);
        let outcome = Outcome::new(&mut take_one);
        let (wanted, others): (Vec<Held>, _) =
            std::mem::take(&mut self.held).into_iter().partition(|held| is_wanted(held.portion));
        let mut waiting: Vec<VecDeque<Held>> = several.members.iter().map(|_| VecDeque::new()).collect();
        wanted.into_iter().for_each(|held| waiting[held.member].push_back(held));
        let course =
            Course { several, portions: &self.portions, waiting: Mutex::new(waiting), done: Mutex::new(others) };
        serve_all(&several.members, &|mine| course.serve(mine, work, &outcome));
        self.held = course.end();
        outcome.finish()
    }

    /// Does work on one portion after another, in the order of the data.
    pub(super) fn in_order(&mut self, mut work: impl FnMut(&mut dyn Backend) -> Result<()>) -> Result<()> {
        self.held.iter_mut().try_for_each(|held| {
            let result = work(&mut *held.backend);
            held.backend.rest();
            result
        })
    }
}

/// A pass under way.
struct Course<'p, 'd> {
    several: &'p Several,
    portions: &'p [Arc<Portion<'d>>],
    /// Of each member those that it holds and did not come to yet.
    waiting: Mutex<Vec<VecDeque<Held<'d>>>>,
    done: Mutex<Vec<Held<'d>>>,
}

impl<'d> Course<'_, 'd> {
    /// Does the work on what waits for some members, and then helps others.
    fn serve<T>(&self, mine: &[usize], work: &Work<T>, outcome: &Outcome<T>) {
        let mut at_work = mine.to_vec();
        while !at_work.is_empty() {
            at_work.retain(|member| {
                if outcome.has_failed() {
                    return false;
                }
                let held = match self.next(*member) {
                    Ok(Some(held)) => held,
                    Ok(None) => return false,
                    Err((portion, error)) => {
                        outcome.take(portion, Err(self.several.named(*member, error)));
                        return false;
                    }
                };
                // What found no room here is done where it is, and nothing more is taken over.
                let goes_on = held.member == *member;
                self.done_with(held, work, outcome);
                goes_on
            });
        }
    }

    fn done_with<T>(&self, mut held: Held<'d>, work: &Work<T>, outcome: &Outcome<T>) {
        let result = work(held.portion, &mut *held.backend);
        held.backend.rest();
        outcome.take(held.portion, result.map_err(|error| self.several.named(held.member, error)));
        lock(&self.done).push(held);
    }

    /// The next of a member's portions; or the last that waits for another of its team, which moves to it, or stays where
    /// it is if there is no room.
    fn next(&self, member: usize) -> Result<Option<Held<'d>>, (usize, Error)> {
        let single = &self.several.members[member];
        let held = {
            let mut waiting = lock(&self.waiting);
            let own = waiting[member].pop_front();
            // How much room a limit leaves follows from the even split.
            if own.is_some() || single.memory().is_some() {
                return Ok(own);
            }
            let team = self.several.teams.iter().find(|team| team.contains(&member));
            let busiest = team.and_then(|team| team.iter().max_by_key(|other| waiting[**other].len()));
            let busiest = busiest.filter(|other| waiting[**other].len() > 1);
            busiest.and_then(|other| waiting[*other].pop_back())
        };
        let Some(held) = held else { return Ok(None) };
        match hold(single, member, held.portion, &self.portions[held.portion]) {
            Ok(here) => Ok(Some(here)),
            Err(Error::OutOfDeviceMemory { .. }) => Ok(Some(held)),
            Err(error) => {
                let portion = held.portion;
                lock(&self.waiting)[held.member].push_back(held);
                Err((portion, error))
            }
        }
    }

    /// All portions, in order, wherever they are now.
    fn end(self) -> Vec<Held<'d>> {
        let waiting = self.waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut held = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        held.extend(waiting.into_iter().flatten());
        held.sort_by_key(|held| held.portion);
        held
    }
}

/// A member that holds so many portions, each in its part of the memory that is allowed.
fn within_limit(single: &Single, portions: usize) -> Single {
    match single.memory() {
        Some(bytes) => single.clone().with_memory(bytes / portions.max(1) as u64),
        None => single.clone(),
    }
}

/// Puts a portion on a member, to stay there.
fn hold<'d>(single: &Single, member: usize, portion: usize, data: &Arc<Portion<'d>>) -> Result<Held<'d>> {
    let backend = single.load(data.clone(), None)?;
    let home = backend.home();
    if matches!(single, Single::Cpu(_)) || home.place == Place::Device {
        Ok(Held { portion, member, backend })
    } else {
        Err(Error::OutOfDeviceMemory { device: single.info().name, detail: home.reason })
    }
}
