//! The samples that candidates are fitted to: all of them, or at first a level.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::data::drawn::Level;
use crate::data::home::Home;
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::backend::Backend;
use crate::device::open::Device;
use crate::error::Result;
use crate::select::options::SelectOptions;
use crate::select::selection::Whole;

/// A part of the samples on which candidates are compared first has at least this many, and 20 (D + 1) for each component.
const LEAST_PART: usize = 50_000;
const OF_A_COMPONENT: usize = 20;

/// Most levels: the coarsest has one of 64 samples.
const MOST_LEVELS: u32 = 3;

/// What puts all samples wherever passes over them are made.
pub(crate) type Load<'d> = Box<dyn Fn() -> Result<Box<dyn Backend + 'd>> + 'd>;

/// All samples: where passes over them are made, and what can be drawn of them.
pub(crate) struct Source<'d> {
    pub(crate) summary: Summary,
    pub(crate) device: Device,
    pub(crate) stop: &'d AtomicBool,
    pub(crate) load: Load<'d>,
    /// The samples, unless they are with several workers.
    pub(crate) here: Option<Arc<dyn Data + 'd>>,
}

impl<'d> Source<'d> {
    /// Samples that are here, on a device.
    pub(crate) fn here(data: Arc<dyn Data + 'd>, stop: &'d AtomicBool, device: &Device) -> Self {
        let (shared, on) = (data.clone(), device.clone());
        let load = Box::new(move || on.load_shared(shared.clone()));
        Source { summary: data.summary().clone(), device: device.clone(), stop, load, here: Some(data) }
    }

    /// The level on which candidates are compared first; none where all are fitted in full, or a part is too small to
    /// tell.
    fn level(&self, options: &SelectOptions) -> Result<Option<Arc<Level<'d>>>> {
        let Some(data) = self.here.as_ref().filter(|_| !options.exhaustive) else { return Ok(None) };
        let most = options.components.iter().copied().max().unwrap_or_default();
        let least = LEAST_PART.max(OF_A_COMPONENT.saturating_mul(data.n_features() + 1).saturating_mul(most));
        let n = self.summary.n_effective();
        let depth = (1..=MOST_LEVELS).take_while(|depth| n >> (2 * depth) >= least).last();
        let Some(depth) = depth else { return Ok(None) };
        let level = Level::all(data, options.fit.seed, depth, data.room())?.pop();
        Ok(level.filter(|level| level.summary().total_weight() > 0.0))
    }
}

/// The samples that candidates are fitted to now, which are on the device while passes over them are made.
pub(crate) struct Ground<'d> {
    source: Source<'d>,
    level: Option<Arc<Level<'d>>>,
    loaded: Option<Box<dyn Backend + 'd>>,
    home: Home,
}

impl<'d> Ground<'d> {
    /// A level of the samples, or all of them.
    ///
    /// # Errors
    /// Those of the data and the device.
    pub(crate) fn new(source: Source<'d>, options: &SelectOptions) -> Result<Self> {
        let level = source.level(options)?;
        let mut ground = Ground { source, level, loaded: None, home: Home::elsewhere() };
        ground.home = ground.backend()?.home();
        Ok(ground)
    }

    /// The samples on the device.
    ///
    /// # Errors
    /// As [`Device::load`].
    pub(crate) fn backend(&mut self) -> Result<&mut (dyn Backend + 'd)> {
        let loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => match &self.level {
                Some(level) => self.source.device.load_shared(level.clone())?,
                None => (self.source.load)()?,
            },
        };
        Ok(&mut **self.loaded.insert(loaded))
    }

    /// Gives back what the device holds.
    pub(crate) fn rest(&mut self) {
        self.loaded = None;
    }

    /// Goes on to all samples.
    pub(crate) fn rise(&mut self) -> Result<()> {
        // There may be no room for both.
        self.rest();
        self.level = None;
        self.home = self.backend()?.home();
        Ok(())
    }

    /// Where the samples are.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// Cancellation flag.
    pub(crate) fn stop(&self) -> &'d AtomicBool {
        self.source.stop
    }

    /// Summary of the samples.
    pub(crate) fn summary(&self) -> &Summary {
        self.level.as_ref().map_or(&self.source.summary, |level| level.summary())
    }

    /// One of so many samples is here.
    pub(crate) fn share(&self) -> usize {
        self.level.as_ref().map_or(1, |level| level.draw().share())
    }

    /// All samples, beside those here.
    pub(crate) fn whole(&self) -> Whole {
        let all = &self.source.summary;
        Whole { weight: all.total_weight(), n: all.n_effective(), n_part: self.summary().n_effective() }
    }
}
