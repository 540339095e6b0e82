//! The backend of backends.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array1, Array2, s};

use super::Several;
use super::combined::Combined;
use super::resident::Resident;
use super::serving::{Take, Wanted, Work};
use super::streamed;
use crate::data::home::Home;
use crate::data::portion::{Portion, are_in_memory, copied_portions, portion_rows, portions};
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::assessment::{Assessment, VisitAssessed};
use crate::device::backend::sealed::Sealed;
use crate::device::backend::{Backend, KernelTime, check_features};
use crate::device::choice::DeviceInfo;
use crate::device::task::{Answer, Task};
use crate::device::truncated::refused;
use crate::error::{Error, Result};
use crate::model::mixture::Mixture;
use crate::model::quadratics::Quadratics;

/// Work on some samples of a portion, counted from its first.
type WorkOnRows<'w, T> = dyn Fn(&mut dyn Backend, Range<usize>) -> Result<T> + Sync + 'w;

/// Samples on several devices, or on their way to them, and the passes over them.
pub(super) struct Together<'d> {
    several: Several,
    info: DeviceInfo,
    data: Arc<dyn Data + 'd>,
    /// The team of each portion.
    teams: Vec<usize>,
    /// The portions, where each stays on a device; otherwise they move in every pass.
    pub(super) resident: Option<Resident<'d>>,
}

impl<'d> Together<'d> {
    /// Puts samples on the devices, if memory holds them and each portion finds room.
    ///
    /// # Errors
    /// As [`Single::load`](crate::device::single::Single::load).
    pub(super) fn load(several: &Several, data: &'d dyn Data) -> Result<Self> {
        Self::with(several, Arc::new(data), || portions(data))
    }

    /// The same of samples that are shared: portions that stay are copies.
    ///
    /// # Errors
    /// As [`Together::load`].
    pub(super) fn load_shared(several: &Several, data: Arc<dyn Data + 'd>) -> Result<Self> {
        Self::with(several, data.clone(), || copied_portions(&data))
    }

    fn with(
        several: &Several,
        data: Arc<dyn Data + 'd>,
        portions: impl FnOnce() -> Result<Vec<Portion<'d>>>,
    ) -> Result<Self> {
        let teams = several.assigned(data.n_samples().div_ceil(portion_rows(data.n_samples(), data.n_features())));
        let resident = match are_in_memory(&*data) {
            true => Resident::load(several, portions()?, &teams)?,
            false => None,
        };
        Ok(Together { info: several.info(), several: several.clone(), data, teams, resident })
    }

    /// Does work on the portions wanted, by whoever is free, and takes what comes of it, in any order.
    pub(super) fn each<T: Send>(&mut self, is_wanted: &Wanted, work: &Work<T>, take: &mut Take<T>) -> Result<()> {
        let Together { several, data, teams, resident, .. } = self;
        match resident {
            Some(resident) => resident.each(several, is_wanted, work, take),
            None => streamed::each(several, &**data, teams, is_wanted, work, take),
        }
    }

    /// The samples of a portion, by their places among all here.
    fn rows(&self, portion: usize) -> Range<usize> {
        let (n, rows) = (self.data.n_samples(), portion_rows(self.data.n_samples(), self.data.n_features()));
        (portion * rows).min(n)..((portion + 1) * rows).min(n)
    }

    /// Does work on the portions that have some of the given rows: `work(backend, rows)`, the rows being counted from the
    /// portion's first; `take(places, result)` takes what comes of it, with the places of these rows among those given.
    fn each_of<T: Send>(
        &mut self,
        rows: &Range<usize>,
        work: &WorkOnRows<T>,
        take: &mut (dyn FnMut(Range<usize>, T) + Send),
    ) -> Result<()> {
        let portions: Vec<Range<usize>> = (0..self.teams.len()).map(|portion| self.rows(portion)).collect();
        let here = |portion: usize| {
            let all = &portions[portion];
            rows.start.clamp(all.start, all.end)..rows.end.clamp(all.start, all.end)
        };
        self.each(
            &|portion| !here(portion).is_empty(),
            &|portion, backend| {
                let (rows, first) = (here(portion), portions[portion].start);
                work(backend, rows.start - first..rows.end - first)
            },
            &mut |portion, result| {
                let found = here(portion);
                take(found.start - rows.start..found.end - rows.start, result);
                Ok(())
            },
        )
    }
}

impl Sealed for Together<'_> {}

impl Backend for Together<'_> {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn summary(&self) -> &Summary {
        self.data.summary()
    }

    fn home(&self) -> Home {
        let (n, devices) = (self.teams.len(), self.several.members.len());
        let portions = format!("{n} portion{}", if n == 1 { "" } else { "s" });
        match &self.resident {
            Some(resident) => Home {
                place: resident.place().unwrap_or(self.data.home().place),
                reason: format!("{portions} on {devices} devices"),
            },
            None => {
                let home = self.data.home();
                let moved = format!("{portions} are handed to {devices} devices in every pass");
                let reasons = [home.reason, moved].into_iter().filter(|reason| !reason.is_empty());
                Home { place: home.place, reason: reasons.collect::<Vec<_>>().join("; ") }
            }
        }
    }

    fn moves_samples(&self) -> bool {
        self.resident.is_none()
    }

    fn run(&mut self, tasks: &[Task]) -> Result<Vec<Answer>> {
        if tasks.iter().any(|task| matches!(task, Task::Steps(_))) {
            return Err(Error::InvalidOption {
                name: "the device of stepwise EM",
                value: self.info.name.clone(),
                expected: "one device alone: stepwise EM goes through the samples in order, and no two devices share them",
            });
        }
        if tasks.iter().any(|task| matches!(task, Task::Truncated(_))) {
            return Err(refused(&self.info.name, self.home().place));
        }
        let teams = self.teams.clone();
        let mut combined = Combined::new(&teams);
        self.each(&|_| true, &|_, backend| backend.run(tasks), &mut |portion, answers| {
            combined.take(portion, answers)
        })?;
        combined.finish()
    }

    fn assess(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Assessment> {
        check_features(model, self.n_features())?;
        let (mut log_densities, mut labels) = (Array1::zeros(rows.len()), Array1::zeros(rows.len()));
        self.each_of(&rows, &|backend, rows| backend.assess(model, rows), &mut |places, assessed: Assessment| {
            log_densities.slice_mut(s![places.clone()]).assign(&assessed.log_densities);
            labels.slice_mut(s![places]).assign(&assessed.labels);
        })?;
        Ok(Assessment { log_densities, labels })
    }

    fn assess_each(&mut self, model: &Quadratics, visit: &mut VisitAssessed) -> Result<()> {
        check_features(model, self.n_features())?;
        // In the order of the data, one portion after another.
        match &mut self.resident {
            Some(resident) => resident.in_order(|backend| backend.assess_each(model, visit)),
            None => streamed::in_order(&self.several, &*self.data, &self.teams, &mut |backend| {
                backend.assess_each(model, visit)
            }),
        }
    }

    fn responsibilities(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Array2<f64>> {
        check_features(model, self.n_features())?;
        let mut responsibilities = Array2::zeros((rows.len(), model.n_components()));
        self.each_of(&rows, &|backend, rows| backend.responsibilities(model, rows), &mut |places, found| {
            responsibilities.slice_mut(s![places, ..]).assign(&found);
        })?;
        Ok(responsibilities)
    }

    fn kernel_times(&mut self, mixture: &Mixture) -> Result<Vec<KernelTime>> {
        check_features(mixture.quadratics(), self.n_features())?;
        let mut times: Vec<KernelTime> = Vec::new();
        let take: &mut Take<Vec<KernelTime>> = &mut |_, more| {
            for time in more {
                match times.iter_mut().find(|sum| sum.kernel == time.kernel) {
                    Some(sum) => sum.seconds += time.seconds,
                    None => times.push(time),
                }
            }
            Ok(())
        };
        self.each(&|_| true, &|_, backend| backend.kernel_times(mixture), take)?;
        Ok(times)
    }

    fn tune(&mut self, mixture: &Mixture) -> Result<()> {
        check_features(mixture.quadratics(), self.n_features())?;
        self.each(&|_| true, &|_, backend| backend.tune(mixture), &mut |_, ()| Ok(()))
    }
}
