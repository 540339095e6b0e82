//! Tuning on the samples at hand: changes of the passes are tried one after another, and those that make them faster
//! stay.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::GpuBackend;
use super::change::Change;
use super::e_step::Layout;
use super::pass::{Expected, Pass};
use super::tuner::{Choice, Shape};
use crate::device::task::Assignment;
use crate::device::tune::Tune;
use crate::error::{Error, Result};
use crate::model::quadratics::Quadratics;

/// A change stays if it makes passes this many times as fast: less may be the clock's.
const LEAST_GAIN: f64 = 1.03;

/// Times that the passes before and after a change are measured, in turns; the best of each count. Short passes are
/// measured more often, until all together took long enough.
const ROUNDS: RangeInclusive<usize> = 3..=20;
const LONG_ENOUGH: Duration = Duration::from_millis(100);

/// Tiles that are measured.
const TILES: usize = 8;

/// Most time of trying, as a share of that of the passes: a change gains a tenth, if anything.
const SHARE: f64 = 0.1;

/// Time of the first try, at least: kernels are compiled, buffers made.
const LEAST_TRY: Duration = Duration::from_millis(100);

/// A pass, and what it cost so far.
pub(super) struct Prepared {
    pub(super) pass: Arc<Pass>,
    /// Time that making it took.
    making: Duration,
    /// Time of its work.
    work: Duration,
}

impl Prepared {
    pub(super) fn new(pass: Arc<Pass>, making: Duration) -> Self {
        Prepared { pass, making, work: Duration::ZERO }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.pass.plan().layout
    }

    /// Counts time of its work.
    pub(super) fn count(&mut self, work: Duration) {
        self.work += work;
    }
}

/// Tuning under way.
pub(super) struct UnderWay {
    shape: Shape,
    /// Changes that were not tried yet.
    left: VecDeque<Change>,
    /// The layout with the changes that stay, and what they gain together.
    best: Layout,
    changes: Vec<Change>,
    gain: f64,
    /// Time of all tries, and of the last one.
    spent: Duration,
    last: Duration,
}

impl UnderWay {
    fn new(shape: Shape, tune: Tune, making: Duration) -> Self {
        let left = Change::all(&shape.layout, tune).into();
        let (best, last) = (shape.layout, making.max(LEAST_TRY));
        UnderWay { shape, left, best, changes: Vec::new(), gain: 1.0, spent: Duration::ZERO, last }
    }

    /// Whether passes took so long that another try costs no more than its share.
    fn pays(&self, work: Duration) -> bool {
        self.spent + self.last <= work.mul_f64(SHARE)
    }
}

/// The model by which passes are measured.
#[derive(Clone, Copy)]
pub(super) struct Measured<'m> {
    pub(super) model: &'m Quadratics,
    pub(super) assignment: Assignment,
}

impl GpuBackend<'_> {
    /// Tunes the passes of a shape as far as that was not done, and is to be done by now: of [`Tune::Auto`] one try at a
    /// time, whenever the passes took so long that it pays.
    pub(super) fn tune_in_time(&mut self, shape: &Shape, by: Measured) -> Result<()> {
        if self.gpu.tuner.is_settled(shape) {
            return Ok(());
        }
        if self.gpu.tuner.tune == Tune::Full {
            return self.tune_now(shape, by);
        }
        let Some(prepared) = self.passes.iter().find(|prepared| *prepared.layout() == shape.layout) else {
            return Ok(());
        };
        let (making, work) = (prepared.making, prepared.work);
        let tuning = self.take_tuning(shape, making);
        self.tuning = match tuning.pays(work) {
            true => self.go_on(tuning, by)?,
            false => Some(tuning),
        };
        Ok(())
    }

    /// Tunes the passes of a shape, by the samples that are on the device.
    pub(super) fn tune_now(&mut self, shape: &Shape, by: Measured) -> Result<()> {
        let mut tuning = Some(self.take_tuning(shape, Duration::ZERO));
        while let Some(under_way) = tuning {
            tuning = self.go_on(under_way, by)?;
        }
        Ok(())
    }

    /// Tuning of a shape that is under way, or begins.
    fn take_tuning(&mut self, shape: &Shape, making: Duration) -> UnderWay {
        let under_way = self.tuning.take().filter(|tuning| tuning.shape == *shape);
        under_way.unwrap_or_else(|| UnderWay::new(*shape, self.gpu.tuner.tune, making))
    }

    /// Tries the next change; chooses, and returns nothing, when it was the last.
    fn go_on(&mut self, mut tuning: UnderWay, by: Measured) -> Result<Option<UnderWay>> {
        let started = Instant::now();
        if let Some(change) = tuning.left.pop_front() {
            let before = self.best_pass(&tuning.best)?;
            let changed = change.of(&tuning.best);
            match self.gain_of(&before, &changed, by) {
                Ok(gain) if gain >= LEAST_GAIN => {
                    tuning.best = changed;
                    tuning.gain *= gain;
                    change.join(&mut tuning.changes);
                }
                Err(error @ Error::DeviceLost { .. }) => return Err(error),
                // What a driver refuses, or computes wrongly, is no way to do it.
                Ok(_) | Err(_) => {}
            }
        }
        tuning.last = started.elapsed();
        tuning.spent += tuning.last;
        if !tuning.left.is_empty() {
            return Ok(Some(tuning));
        }
        let UnderWay { shape, changes, gain, .. } = tuning;
        self.gpu.tuner.choose(&shape, Choice { changes, gain, is_remembered: false });
        Ok(None)
    }

    /// The pass of the layout that is the best so far.
    fn best_pass(&self, layout: &Layout) -> Result<Arc<Pass>> {
        match self.passes.iter().find(|prepared| prepared.layout() == layout) {
            Some(prepared) => Ok(prepared.pass.clone()),
            None => self.try_pass(layout),
        }
    }

    /// How many times as fast as before passes are after a change; nothing is gained by one that changes nothing, or bits
    /// which are to stay.
    fn gain_of(&self, before: &Pass, after: &Layout, by: Measured) -> Result<f64> {
        if before.plan().layout.makes_the_same_passes(after) {
            return Ok(1.0);
        }
        let after = self.try_pass(after)?;
        let is_right =
            self.gpu.tuner.tune == Tune::Full || self.first_totals(before, by)? == self.first_totals(&after, by)?;
        if is_right { self.gain(before, &after, by) } else { Ok(1.0) }
    }

    /// The pass of a layout, with kernels that were tried.
    pub(super) fn try_pass(&self, layout: &Layout) -> Result<Arc<Pass>> {
        let pass = Pass::new(&self.gpu, self.samples_of(layout), *layout)?;
        self.gpu.try_kernels(&pass)?;
        Ok(Arc::new(pass))
    }

    /// How many times as fast as before a pass is after a change.
    fn gain(&self, before: &Pass, after: &Pass, by: Measured) -> Result<f64> {
        let (mut least_before, mut least_after) = (f64::INFINITY, f64::INFINITY);
        let started = Instant::now();
        for round in 1..=*ROUNDS.end() {
            least_before = least_before.min(self.seconds(before, by)?);
            least_after = least_after.min(self.seconds(after, by)?);
            if round >= *ROUNDS.start() && started.elapsed() >= LONG_ENOUGH {
                break;
            }
        }
        // A clock that stands still says nothing.
        Ok(if least_after > 0.0 { least_before / least_after } else { 1.0 })
    }

    /// Seconds that a pass takes for a group, in the mean over its first tiles: by the adapter's own clock, or else by
    /// the host's.
    fn seconds(&self, pass: &Pass, by: Measured) -> Result<f64> {
        let tiles = first(pass, by.assignment);
        let groups: u32 = pass.plan().tiles[tiles.clone()].iter().map(|(_, tile)| tile.groups).sum();
        let seconds = if self.gpu.timestamps {
            pass.write_all(&self.gpu, &self.samples, by.model, by.expected())?;
            pass.tile_times(&self.gpu, tiles)?.iter().map(|time| time.seconds).sum()
        } else {
            let started = Instant::now();
            self.first_totals(pass, by)?;
            started.elapsed().as_secs_f64()
        };
        Ok(seconds / f64::from(groups))
    }

    /// The totals of a pass over its first tiles.
    fn first_totals(&self, pass: &Pass, by: Measured) -> Result<Vec<f64>> {
        let tiles = first(pass, by.assignment);
        Ok(pass.sum_tiles(&self.gpu, &self.samples, by.model, by.expected(), tiles)?.numbers)
    }
}

impl Measured<'_> {
    fn expected(&self) -> Expected {
        match self.assignment {
            Assignment::Soft => Expected::Covariances,
            Assignment::Hard => Expected::Nothing,
        }
    }
}

/// The first tiles of a pass.
fn first(pass: &Pass, assignment: Assignment) -> Range<usize> {
    let tiles = pass.tiles(assignment);
    tiles.start..tiles.end.min(tiles.start + TILES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::points::Points;
    use crate::device::backend::Backend;
    use crate::device::cpu::CpuBackend;
    use crate::device::gpu::context::Gpu;
    use crate::device::gpu::context::tests::open;
    use crate::device::gpu::e_step::Factors;
    use crate::device::gpu::kept::Kept;
    use crate::device::gpu::samples::DeviceSamples;
    use crate::device::gpu::trial::{compare, problem};
    use crate::device::gpu::tuner::Tuner;
    use crate::device::gpu::tuning::Tuning;
    use crate::model::family::CovarianceType;
    use crate::model::statistics::Statistics;

    /// The adapter, tuned in a mode, with nothing remembered of earlier runs.
    fn tuned(gpu: &Gpu, tune: Tune) -> Gpu {
        let mut gpu = gpu.clone();
        gpu.tuner = Arc::new(Tuner::new(tune, Kept::of(None, 1)));
        gpu
    }

    fn backend<'d>(gpu: &Gpu, points: &'d Points, layout: Layout) -> GpuBackend<'d> {
        let samples = DeviceSamples::upload(gpu, points, None).unwrap();
        let pass = Arc::new(Pass::new(gpu, &samples, layout).unwrap());
        GpuBackend::of_pass(gpu, points, samples, pass)
    }

    #[test]
    fn every_change_finds_what_the_cpu_finds_and_those_in_order_the_same_bits() {
        let Some(gpu) = open() else { return };
        for (n, d, k) in [(1_500, 3, 7), (600, 9, 5)] {
            for family in CovarianceType::ALL {
                for tuning in [Tuning::NARROW, Tuning::SOFTWARE] {
                    let (mixture, points) = problem(Assignment::Soft, family, k, d, n).unwrap();
                    let factors = Factors::of(mixture.quadratics());
                    let layout = Layout::new(factors, family.statistics(), d, k, tuning);
                    let before = backend(&gpu, &points, layout).moments(&mixture, Assignment::Soft).unwrap();
                    let in_order = Change::all(&layout, Tune::Auto);
                    for change in Change::all(&layout, Tune::Full) {
                        let mut backend = backend(&gpu, &points, change.of(&layout));
                        let mut cpu = CpuBackend::new(&points);
                        compare(&mut backend, &mut cpu, &mixture, Assignment::Soft)
                            .unwrap_or_else(|error| panic!("{change}, {family}, {d}, {k}: {error}"));
                        if in_order.contains(&change) {
                            let after = backend.moments(&mixture, Assignment::Soft).unwrap();
                            assert!(after == before, "{change}, {family}, {d}, {k}, {tuning:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn tuning_is_done_once_and_leaves_all_bits() {
        let Some(gpu) = open() else { return };
        let (mixture, points) = problem(Assignment::Soft, CovarianceType::Full, 9, 8, 20_000).unwrap();
        let moments = |backend: &mut GpuBackend| backend.moments(&mixture, Assignment::Soft).unwrap();
        let before = moments(&mut tuned(&gpu, Tune::Off).load(Arc::new(&points), None).unwrap());

        let gpu = tuned(&gpu, Tune::Auto);
        let mut backend = gpu.load(Arc::new(&points), None).unwrap();
        assert_eq!((moments(&mut backend), gpu.choices()), (before.clone(), Vec::new()));
        backend.tune(&mixture).unwrap();
        let choices = gpu.choices();
        assert!(
            choices.len() == 1 && choices[0].starts_with("full covariance, D = 8, K = 9, N >= 16384: "),
            "{choices:?}"
        );
        assert_eq!(moments(&mut backend), before);
        backend.tune(&mixture).unwrap();
        assert_eq!((moments(&mut gpu.load(Arc::new(&points), None).unwrap()), gpu.choices()), (before, choices));
    }

    #[test]
    fn full_tuning_comes_before_the_first_pass_and_finds_the_same_within_rounding() {
        let Some(gpu) = open() else { return };
        for family in [CovarianceType::Full, CovarianceType::Spherical] {
            let (mixture, points) = problem(Assignment::Soft, family, 5, 12, 3_000).unwrap();
            for (tune, choices) in [(Tune::Off, 0), (Tune::Full, 1)] {
                let gpu = tuned(&gpu, tune);
                let mut backend = gpu.load(Arc::new(&points), None).unwrap();
                compare(&mut backend, &mut CpuBackend::new(&points), &mixture, Assignment::Soft).unwrap();
                assert_eq!(gpu.choices().len(), choices);
            }
        }
    }

    #[test]
    fn tuning_in_time_takes_a_tenth_of_the_time_of_passes() {
        let Some(gpu) = open() else { return };
        let (mixture, points) = problem(Assignment::Soft, CovarianceType::Diag, 2, 2, 1_000).unwrap();
        let gpu = tuned(&gpu, Tune::Auto);
        let mut backend = gpu.load(Arc::new(&points), None).unwrap();
        let changes =
            Change::all(&backend.shape(mixture.quadratics(), Statistics::Diagonals).unwrap().layout, Tune::Auto);
        assert_eq!(changes.len(), 2, "{changes:?}");
        let mut pass_after = |seconds: u64| {
            if seconds > 0 {
                backend.passes[0].count(Duration::from_secs(seconds));
            }
            backend.moments(&mixture, Assignment::Soft).unwrap();
            backend.tuning.as_ref().map(|tuning| tuning.left.len())
        };
        // A pass of no time is none that pays.
        assert_eq!([pass_after(0), pass_after(0)], [None, Some(2)]);
        // As if that had been the pass of an hour; and the next one tried a change.
        assert_eq!(pass_after(3_600), Some(1));
        assert_eq!((pass_after(0), gpu.choices().len()), (None, 1));
    }

    #[test]
    fn another_try_is_worth_no_more_than_its_share() {
        let layout = Layout::new(Factors::Diagonal, Statistics::Diagonals, 2, 2, Tuning::NVIDIA);
        let seconds = Duration::from_secs;
        let mut tuning = UnderWay::new(Shape::new(layout, 4), Tune::Auto, seconds(1));
        assert_eq!([9, 10].map(|work| tuning.pays(seconds(work))), [false, true]);
        (tuning.spent, tuning.last) = (seconds(3), seconds(2));
        assert_eq!([49, 50].map(|work| tuning.pays(seconds(work))), [false, true]);
        let quick = UnderWay::new(Shape::new(layout, 4), Tune::Auto, Duration::ZERO);
        assert!(!quick.pays(Duration::ZERO));
    }
}
