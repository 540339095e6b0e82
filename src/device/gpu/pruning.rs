//! Whether a pass leaves components out, and the copy of the samples, in order, that such passes go over. All others go
//! over the samples as they came, and know nothing of an order.

use super::GpuBackend;
use super::e_step::{Gaps, Layout};
use super::order::probe;
use super::samples::DeviceSamples;
use crate::data::order::MOST_FEATURES;
use crate::data::source::block_rows;
use crate::device::cpu::{Boxes, keeps_at_most};
use crate::device::prune::LEAST_ROWS;
use crate::device::task::{SumsTask, unexpected};
use crate::error::{Error, Result};

/// Components left to a group of samples, as a share of all, from which on dense passes may be faster: they take several
/// at a time. On an H200 the M step's time of a share s is that of a dense one times 0.12 + 3.6 s.
const MOST_SHARE: f64 = 0.125;

/// What pruned passes need beside what all do, made when it is first needed.
#[derive(Default)]
pub(super) struct Pruning {
    probe: Option<Boxes>,
    copy: InOrder,
}

/// The samples in order.
#[derive(Default)]
enum InOrder {
    #[default]
    NotYet,
    There(Box<DeviceSamples>),
    NoRoom,
}

impl Pruning {
    /// That of samples which are in order already, if they are.
    pub(super) fn of(ordered: Option<DeviceSamples>) -> Self {
        Pruning { probe: None, copy: ordered.map_or(InOrder::NotYet, |samples| InOrder::There(Box::new(samples))) }
    }

    /// The samples in order, if there is room for them.
    fn samples(&self) -> Option<&DeviceSamples> {
        if let InOrder::There(samples) = &self.copy { Some(samples) } else { None }
    }
}

impl GpuBackend<'_> {
    /// The samples that passes of a layout go over.
    pub(super) fn samples_of(&self, layout: &Layout) -> &DeviceSamples {
        let arranged =
            self.arranged.as_ref().filter(|_| layout.gaps == Gaps::OfTiles).map(|arranged| &arranged.samples);
        arranged.or(self.pruning.samples().filter(|_| layout.prunes)).unwrap_or(&self.samples)
    }

    /// Whether a task is done by a pruned pass: where it may be, and the samples stay on the device; and, if that is to
    /// be judged, where boxes around groups of the first block say that it is worth it. That follows from the samples
    /// and the model alone.
    pub(super) fn prunes(&mut self, task: &SumsTask) -> Result<bool> {
        let (model, d) = (&task.quadratics, self.samples.n_features);
        let Some(is_judged) = task.prune.is_judged(model.n_components(), d) else { return Ok(false) };
        if d > MOST_FEATURES || !self.samples.stay() {
            return Ok(false);
        }
        if is_judged {
            if self.samples.n_samples.min(block_rows(d)) < LEAST_ROWS {
                return Ok(false);
            }
            let boxes = match self.pruning.probe.take() {
                Some(boxes) => boxes,
                None => self.probe()?,
            };
            let is_worth_it = keeps_at_most(MOST_SHARE, &boxes, model, task.assignment, &self.samples.coordinates);
            self.pruning.probe = Some(boxes);
            if !is_worth_it {
                return Ok(false);
            }
        }
        if let InOrder::NotYet = self.pruning.copy {
            self.pruning.copy = match self.samples.in_order(&self.gpu, &*self.data, self.budget)? {
                Some(samples) => InOrder::There(Box::new(samples)),
                None => InOrder::NoRoom,
            };
        }
        Ok(self.pruning.samples().is_some())
    }

    /// The boxes around some groups of the first block.
    fn probe(&self) -> Result<Boxes> {
        let mut found = None;
        let passed = self.data.for_each_chunk(&mut |_, chunk| {
            let block = chunk.slice(0..chunk.n_samples().min(block_rows(self.samples.n_features)));
            found = Some(probe(&*self.data, &block, &self.samples.coordinates));
            // What follows is none of its business.
            Err(Error::Interrupted)
        });
        match found {
            Some(boxes) => Ok(boxes),
            None => passed.and(Err(unexpected())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{Array1, Array2};

    use super::*;
    use crate::data::points::Points;
    use crate::device::backend::Backend;
    use crate::device::gpu::context::tests::open;
    use crate::device::prune::Prune;
    use crate::device::sums::Sums;
    use crate::device::task::{Assignment, Task};
    use crate::model::covariance::CovarianceArray;
    use crate::model::family::CovarianceType;
    use crate::model::mixture::Mixture;

    /// A grid of components, as wide as it is fine times a factor, and samples of them in no order.
    fn grid(n: usize, width: f64) -> (Mixture, Points<'static>) {
        let means = Array2::from_shape_fn((64, 2), |(k, i)| (k >> (3 * i) & 7) as f64);
        let covariances = CovarianceArray::diagonal(CovarianceType::Full, 64, &Array1::from_elem(2, width * width));
        let mixture = Mixture::new(Array1::from_elem(64, 1.0 / 64.0), means, covariances).unwrap();
        let points = Points::new(mixture.sample(n, 3).0).unwrap();
        (mixture, points)
    }

    fn sums(backend: &mut dyn Backend, mixture: &Mixture, prune: Prune) -> Sums {
        let (model, summary) = (mixture.quadratics(), backend.summary());
        let task = SumsTask::new(model, Assignment::Soft, CovarianceType::Full, summary).pruned(prune);
        backend.run(&[Task::Sums(task)]).unwrap().remove(0).sums().unwrap()
    }

    #[test]
    fn what_is_no_pruned_pass_knows_nothing_of_the_order() {
        let Some(gpu) = open() else { return };
        let (mixture, points) = grid(10_001, 0.1);
        let load = || gpu.load(Arc::new(&points), None).unwrap();
        let (mut fresh, mut used) = (load(), load());
        assert!(sums(&mut used, &mixture, Prune::Exact).evaluated() < 0.3);
        assert_eq!(sums(&mut used, &mixture, Prune::Off), sums(&mut fresh, &mixture, Prune::Off));
        assert_eq!(sums(&mut used, &mixture, Prune::Exact), sums(&mut load(), &mixture, Prune::Exact));
        let model = mixture.quadratics();
        for rows in [0..10_001, 300..5_000] {
            let (a, b) = (used.assess(model, rows.clone()).unwrap(), fresh.assess(model, rows.clone()).unwrap());
            assert_eq!((a.labels, a.log_densities), (b.labels, b.log_densities));
            assert_eq!(
                used.responsibilities(model, rows.clone()).unwrap(),
                fresh.responsibilities(model, rows).unwrap()
            );
        }
    }

    #[test]
    fn auto_prunes_where_that_is_clearly_worth_it() {
        let Some(gpu) = open() else { return };
        for (n, width, prunes) in [(60_000, 0.1, true), (60_000, 1.0, false), (10_000, 0.1, false)] {
            let (mixture, points) = grid(n, width);
            let mut backend = gpu.load(Arc::new(&points), None).unwrap();
            let share = sums(&mut backend, &mixture, Prune::Auto).evaluated();
            assert_eq!(share < 1.0, prunes, "{n}, {width}: {share}");
            assert!(!prunes || share <= MOST_SHARE);
        }
    }

    #[test]
    fn samples_that_have_no_room_for_a_copy_in_order_or_do_not_stay_meet_all_components() {
        let Some(gpu) = open() else { return };
        let (mixture, points) = grid(60_000, 0.1);
        let bytes = 60_000_u64.next_multiple_of(256) * 12;
        for (budget, stays, prunes) in
            [(2 * bytes, true, true), (2 * bytes - 1, true, false), (bytes - 1, false, false)]
        {
            let mut backend = gpu.load(Arc::new(&points), Some(budget)).unwrap();
            assert_eq!(backend.moves_samples(), !stays);
            assert_eq!(sums(&mut backend, &mixture, Prune::Exact).evaluated() < 1.0, prunes);
        }
    }
}
