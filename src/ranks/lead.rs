//! The samples of all ranks, as the first one sees them: a backend.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use ndarray::Array2;

use super::follow::{Order, Reply, Share};
use super::team::Ranks;
use crate::data::home::Home;
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::assessment::{Assessment, VisitAssessed};
use crate::device::backend::Backend;
use crate::device::backend::sealed::Sealed;
use crate::device::choice::DeviceInfo;
use crate::device::open::Device;
use crate::device::task::{Answer, Task};
use crate::error::{Error, Result};
use crate::model::quadratics::Quadratics;

/// The first rank, which others [`follow`](super::follow) until this value ends.
pub struct Leading<'r> {
    ranks: &'r Ranks,
}

impl<'r> Leading<'r> {
    /// Begins to lead.
    pub fn new(ranks: &'r Ranks) -> Self {
        Leading { ranks }
    }

    /// Has all ranks put their samples on a device: this one on `device`, the others on what they know by its name.
    /// `share` is what this rank has of the samples, and `summary` that of all. A process alone puts them there.
    ///
    /// # Errors
    /// That of any rank.
    pub fn load<'d>(
        &self,
        share: Share<'d>,
        summary: &Summary,
        (device, name): (&Device, &str),
        stop: &'d AtomicBool,
    ) -> Result<Box<dyn Backend + 'd>>
    where
        'r: 'd,
    {
        if let (1, Some(data)) = (self.ranks.size(), share.data) {
            return device.load(data);
        }
        self.order(Order::Load(name.to_owned()))?;
        let (own, moves) = match share.load(device) {
            Ok(own) => (own, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let moves = moves.map(|()| own.as_ref().is_some_and(|backend| backend.moves_samples()));
        let moves_samples = self.ranks.reduce(moves, |one, other| Ok(one || other), stop)?.unwrap_or(false);
        let home = share.data.map_or_else(Home::elsewhere, Data::home);
        let reason = format!("on {} ranks; on the first, {}", self.ranks.size(), home.reason);
        Ok(Box::new(Lead {
            ranks: self.ranks,
            device: device.clone(),
            share,
            own,
            summary: summary.clone(),
            home: Home { reason, ..home },
            moves_samples,
            stop,
        }))
    }

    fn order(&self, order: Order) -> Result<()> {
        self.ranks.broadcast(Some(Ok(order))).map(drop)
    }
}

impl Drop for Leading<'_> {
    /// Those who follow are let go.
    fn drop(&mut self) {
        if self.ranks.size() > 1 && !self.ranks.is_abandoned() {
            // Who cannot be told is gone.
            let _gone = self.order(Order::End);
        }
    }
}

/// The samples of all ranks: tasks are answered by all of them.
struct Lead<'d> {
    ranks: &'d Ranks,
    device: Device,
    share: Share<'d>,
    /// The part of the first rank, loaded.
    own: Option<Box<dyn Backend + 'd>>,
    summary: Summary,
    home: Home,
    moves_samples: bool,
    stop: &'d AtomicBool,
}

impl Sealed for Lead<'_> {}

impl Backend for Lead<'_> {
    fn info(&self) -> &DeviceInfo {
        self.device.info()
    }

    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn home(&self) -> Home {
        self.home.clone()
    }

    fn moves_samples(&self) -> bool {
        self.moves_samples
    }

    fn run(&mut self, tasks: &[Task]) -> Result<Vec<Answer>> {
        self.ranks.broadcast(Some(Ok(Order::Answer(tasks.to_vec()))))?;
        let answers = self.share.answer(self.own.as_mut(), tasks);
        let reply = answers.map(|answers| Reply { answers, distrust: Vec::new() });
        let nobody = || Error::Parts { problem: "no rank has samples".to_owned() };
        let Reply { answers, distrust } = self.ranks.reduce(reply, Reply::combine, self.stop)?.ok_or_else(nobody)?;
        self.ranks.warn(distrust);
        answers.ok_or_else(nobody)
    }

    fn assess(&mut self, _: &Quadratics, _: Range<usize>) -> Result<Assessment> {
        Err(on_its_own())
    }

    fn assess_each(&mut self, _: &Quadratics, _: &mut VisitAssessed) -> Result<()> {
        Err(on_its_own())
    }

    fn responsibilities(&mut self, _: &Quadratics, _: Range<usize>) -> Result<Array2<f64>> {
        Err(on_its_own())
    }
}

/// Samples do not travel, and neither does what is as large.
fn on_its_own() -> Error {
    Error::Parts { problem: "each rank assesses its own samples: their answers are not gathered".to_owned() }
}
