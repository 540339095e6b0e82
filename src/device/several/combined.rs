//! Answers for portions, combined in the order of the data whenever they come.

use std::collections::{HashMap, VecDeque};

use crate::device::task::{Answer, unexpected};
use crate::error::Result;

/// The answers so far.
pub(super) struct Combined<'t> {
    /// The team of each portion.
    teams: &'t [usize],
    of_teams: Vec<OfTeam>,
}

/// Those of a team: in one arithmetic, they are combined before those of others join them.
#[derive(Default)]
struct OfTeam {
    /// Portions whose answers were not combined yet, in order.
    due: VecDeque<usize>,
    /// Answers for those of them that came before their turn.
    early: HashMap<usize, Vec<Answer>>,
    sum: Option<Vec<Answer>>,
}

impl<'t> Combined<'t> {
    /// No answers yet, for portions of the given teams.
    pub(super) fn new(teams: &'t [usize]) -> Self {
        let mut of_teams: Vec<OfTeam> = Vec::new();
        for (portion, team) in teams.iter().enumerate() {
            of_teams.resize_with(of_teams.len().max(team + 1), OfTeam::default);
            of_teams[*team].due.push_back(portion);
        }
        Combined { teams, of_teams }
    }

    /// Takes the answers for a portion, to all tasks.
    ///
    /// # Errors
    /// As [`Answer::combine`].
    pub(super) fn take(&mut self, portion: usize, answers: Vec<Answer>) -> Result<()> {
        let of_team = &mut self.of_teams[self.teams[portion]];
        of_team.early.insert(portion, answers);
        while let Some(answers) = of_team.due.front().and_then(|next| of_team.early.remove(next)) {
            of_team.due.pop_front();
            of_team.sum = Some(joined(of_team.sum.take(), answers)?);
        }
        Ok(())
    }

    /// The answers for all portions.
    ///
    /// # Errors
    /// As [`Answer::combine`].
    pub(super) fn finish(self) -> Result<Vec<Answer>> {
        let mut all = None;
        for sum in self.of_teams.into_iter().filter_map(|of_team| of_team.sum) {
            all = Some(joined(all, sum)?);
        }
        all.ok_or_else(unexpected)
    }
}

/// The answers so far and those that follow.
fn joined(before: Option<Vec<Answer>>, answers: Vec<Answer>) -> Result<Vec<Answer>> {
    match before {
        None => Ok(answers),
        Some(before) => before.into_iter().zip(answers).map(|(one, other)| one.combine(other)).collect(),
    }
}
