//! Several devices that share the samples: a backend of backends.
//!
//! Samples are cut into portions, which follow from their numbers alone. Devices of the same arithmetic are a team: a
//! portion of a team's is handed to whoever of it is free, and answers are combined in the order of the data, so that
//! bits do not depend on who took what. Teams have fixed shares of the portions, for their bits differ.

mod combined;
mod resident;
mod serving;
mod shares;
mod streamed;
#[cfg(all(test, feature = "gpu"))]
mod tests;
mod together;

use std::sync::Arc;

use crate::data::source::Data;
use crate::device::backend::Backend;
use crate::device::ceiling::Ceiling;
use crate::device::choice::{DeviceInfo, Precision, Team};
use crate::device::single::Single;
use crate::device::tune::Tune;
use crate::error::{Error, Result};
use shares::{ALL, of_rates};
use together::Together;

/// Several devices.
#[derive(Debug, Clone)]
pub(crate) struct Several {
    members: Vec<Single>,
    /// The members of each team, by their numbers.
    teams: Vec<Vec<usize>>,
    /// The share of each team.
    shares: Vec<u32>,
}

impl Several {
    /// Several devices; where their arithmetic differs, their ceilings are measured, which give them their shares.
    ///
    /// # Errors
    /// What the measurement reports.
    pub(crate) fn new(members: Vec<Single>) -> Result<Self> {
        let mut teams: Vec<Vec<usize>> = Vec::new();
        for (member, single) in members.iter().enumerate() {
            let alike = |team: &&mut Vec<usize>| members[team[0]].info().computes_like(&single.info());
            match teams.iter_mut().find(alike) {
                Some(team) => team.push(member),
                None => teams.push(vec![member]),
            }
        }
        let several = Several { members, shares: vec![ALL; teams.len()], teams }.tuned_in_teams();
        let shares = if several.teams.len() > 1 { of_rates(&several.rates()?) } else { vec![ALL] };
        Ok(Several { shares, ..several })
    }

    /// What a team does in a second, in epochs of one shape, by the ceilings of its members.
    fn rates(&self) -> Result<Vec<f64>> {
        let rate = |member: &usize| Ok(self.members[*member].epoch_seconds()?.recip());
        let of_team = |team: &Vec<usize>| match &self.members[team[0]] {
            // There is one processor, however often it is named.
            Single::Cpu(_) => rate(&team[0]),
            #[cfg(feature = "gpu")]
            Single::Gpu(..) => team.iter().map(rate).sum(),
        };
        self.teams.iter().map(of_team).collect()
    }

    /// The same devices, those of a team tuned together: else one might choose what rounds otherwise.
    fn tuned_in_teams(mut self) -> Self {
        for team in &self.teams {
            for member in &team[1..] {
                self.members[*member] = self.members[*member].clone().tuned_with(&self.members[team[0]]);
            }
        }
        self
    }

    /// The same devices with the shares, and in the order, of a record, if it is one of teams like theirs.
    pub(crate) fn with_shares_of(self, record: &DeviceInfo) -> Self {
        let alike =
            |theirs: &Team| self.teams.iter().position(|team| self.members[team[0]].info().computes_like(&theirs.info));
        let order: Option<Vec<usize>> = record.teams.iter().map(alike).collect();
        let is_whole = |order: &Vec<usize>| (0..self.teams.len()).all(|team| order.contains(&team));
        let sum: u64 = record.teams.iter().map(|team| u64::from(team.share)).sum();
        match order.filter(|order| order.len() == self.teams.len() && is_whole(order) && sum == u64::from(ALL)) {
            Some(order) => {
                let teams = order.into_iter().map(|team| self.teams[team].clone()).collect();
                Several { teams, shares: record.teams.iter().map(|team| team.share).collect(), ..self }
            }
            None => self,
        }
    }

    /// The same devices, computing in the given precision.
    ///
    /// # Errors
    /// As [`Single::with_precision`], and as [`Several::new`].
    pub(crate) fn with_precision(self, precision: Precision) -> Result<Self> {
        Self::new(self.members.into_iter().map(|member| member.with_precision(precision)).collect::<Result<_>>()?)
    }

    /// The same devices, of whose own memory samples may take this many bytes each.
    pub(crate) fn with_memory(self, bytes: u64) -> Self {
        Several { members: self.members.into_iter().map(|member| member.with_memory(bytes)).collect(), ..self }
    }

    /// The same devices, tuned in a mode.
    pub(crate) fn with_tune(self, tune: Tune) -> Self {
        let members = self.members.into_iter().map(|member| member.with_tune(tune)).collect();
        Several { members, ..self }.tuned_in_teams()
    }

    /// What tuning chose so far, or an earlier run, a line for models of each shape.
    pub(crate) fn tuned(&self) -> Vec<String> {
        let of_team = |team: &Vec<usize>| {
            let name = self.members[team[0]].info().name;
            let line = |line: String| if self.teams.len() > 1 { format!("{name}: {line}") } else { line };
            self.members[team[0]].tuned().into_iter().map(line).collect::<Vec<_>>()
        };
        self.teams.iter().flat_map(of_team).collect()
    }

    /// Description of the devices, as one.
    pub(crate) fn info(&self) -> DeviceInfo {
        self.description(Single::info)
    }

    /// Description of the devices for the record of a result: with what was chosen, where results depend on that.
    pub(crate) fn record(&self) -> DeviceInfo {
        self.description(Single::record)
    }

    fn description(&self, of: impl Fn(&Single) -> DeviceInfo) -> DeviceInfo {
        let team = |(team, share): (&Vec<usize>, &u32)| Team {
            info: of(&self.members[team[0]]),
            devices: team.len(),
            share: *share,
        };
        let teams: Vec<Team> = self.teams.iter().zip(&self.shares).map(team).collect();
        let name = |team: &Team| {
            let Team { info: DeviceInfo { name, .. }, devices, share } = team;
            let share = match teams.len() {
                1 => String::new(),
                _ => format!(" ({:.1} % of the samples)", f64::from(*share) * 100.0 / f64::from(ALL)),
            };
            if *devices == 1 { format!("{name}{share}") } else { format!("{devices} x {name}{share}") }
        };
        let precisions = || teams.iter().map(|team| team.info.precision);
        DeviceInfo {
            name: teams.iter().map(name).collect::<Vec<_>>().join(" and "),
            backend: distinct(teams.iter().map(|team| &team.info.backend)),
            device_type: distinct(teams.iter().map(|team| &team.info.device_type)),
            // Sums are no better than the worst of them.
            precision: precisions().find(|precision| *precision == Precision::Single).unwrap_or_default(),
            tuning: None,
            teams,
        }
    }

    /// Measures the most that the devices compute and move together.
    ///
    /// # Errors
    /// As [`Single::ceiling`].
    pub(crate) fn ceiling(&self) -> Result<Ceiling> {
        let mut sum = Ceiling { gflops: 0.0, gbytes_per_second: 0.0 };
        let mut has_processor = false;
        for member in &self.members {
            if matches!(member, Single::Cpu(_)) && std::mem::replace(&mut has_processor, true) {
                continue;
            }
            let Ceiling { gflops, gbytes_per_second } = member.ceiling()?;
            sum = Ceiling { gflops: sum.gflops + gflops, gbytes_per_second: sum.gbytes_per_second + gbytes_per_second };
        }
        Ok(sum)
    }

    /// Puts samples on the devices.
    ///
    /// # Errors
    /// As [`Single::load`].
    pub(crate) fn load<'d>(&self, data: &'d dyn Data) -> Result<Box<dyn Backend + 'd>> {
        Ok(Box::new(Together::load(self, data)?))
    }

    /// The same of samples that are shared: portions that stay are copies.
    ///
    /// # Errors
    /// As [`Single::load`].
    pub(crate) fn load_shared<'d>(&self, data: Arc<dyn Data + 'd>) -> Result<Box<dyn Backend + 'd>> {
        Ok(Box::new(Together::load_shared(self, data)?))
    }

    /// The team of each of some portions.
    fn assigned(&self, portions: usize) -> Vec<usize> {
        shares::assigned(&self.shares, portions)
    }

    /// An error of a member, which says which one it is where others have its name.
    fn named(&self, member: usize, mut error: Error) -> Error {
        let name = self.members[member].info().name;
        let is_alone = self.members.iter().filter(|other| other.info().name == name).count() == 1;
        match &mut error {
            Error::Device { device, .. }
            | Error::DeviceLost { device, .. }
            | Error::OutOfDeviceMemory { device, .. }
            | Error::WrongResults { device, .. }
                if !is_alone && *device == name =>
            {
                *device = format!("{name}, device {} of the {} in use", member + 1, self.members.len());
            }
            _ => {}
        }
        error
    }
}

/// Words without those that are there already: `cpu+vulkan`.
fn distinct<'w>(words: impl Iterator<Item = &'w String>) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for word in words {
        if !distinct.contains(&word.as_str()) {
            distinct.push(word);
        }
    }
    distinct.join("+")
}
