//! Pruning: passes in which every cell of samples has a list of the components that can matter to it.
//!
//! What is left out is certified. With log rho_k(x) less than the greatest of x by ln(K / delta) or more, all components
//! left out have at most a share delta of x: |change of log L| <= W delta, W being the total weight. That rule is applied
//! to every sample, so that sums do not depend on how long a list is: components that bounds could not exclude have
//! responsibilities of zero, and nothing is carried from one pass to the next but the order of the samples.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::bounds::{Bounds, Cut, Found};
use super::cells::{Block, CELL, Cells, GROUP, Orders};
use super::e_step::LogDensities;
use super::instructions::Instructions;
use super::m_step::AddTile;
use super::parameters::Parameters;
use super::posterior::Respond;
use super::real::Real;
use super::slabs::{Pass, Run, Scratch};
use super::tile::Chosen;
use crate::data::coordinates::Coordinates;
use crate::data::order::MOST_FEATURES;
use crate::data::points::Points;
use crate::device::backend::HARD_SLACK;
use crate::device::numbers::Numbers;
use crate::device::task::{Assignment, Prune, SumsTask};

/// Fewer components than these, and fewer samples, are not worth an order.
const LEAST_COMPONENTS: usize = 48;
const LEAST_ROWS: usize = 16_384;

/// Components left in a cell, as a share of all, from which on dense passes are faster.
const MOST_SHARE: f64 = 0.5;

/// All that pruning needs to know in a pass.
pub(super) struct Pruning<'a, T> {
    parameters: &'a Parameters<T>,
    assignment: Assignment,
    bounds: Bounds,
    cut: f64,
    is_judged: bool,
    arch: Instructions,
    coordinates: &'a Coordinates,
    scale: &'a [f64],
    orders: &'a Orders,
}

/// Lists of a cell and of its group, and memory for finding them.
#[derive(Debug)]
pub(super) struct Lists<T> {
    /// Components of a group.
    of_group: Bounds,
    found: Found,
    /// Components of a cell.
    list: Vec<u32>,
    /// Their parameters.
    parameters: Parameters<T>,
    group: Vec<f64>,
}

impl<T> Lists<T> {
    pub(super) fn new(pruning: &Pruning<T>) -> Self
    where
        T: Clone,
    {
        let (found, list, group) = Default::default();
        Lists { of_group: pruning.bounds.clone(), found, list, parameters: pruning.parameters.clone(), group }
    }
}

impl<'a, T: Real> Pruning<'a, T> {
    /// The pruning of a task; none where it cannot help.
    pub(super) fn new(
        task: &SumsTask,
        parameters: &'a Parameters<T>,
        arch: Instructions,
        (coordinates, scale, orders): (&'a Coordinates, &'a [f64], &'a Orders),
    ) -> Option<Self> {
        let (k, d) = (parameters.k, parameters.d);
        let is_judged = match task.prune {
            Prune::Off => return None,
            Prune::Exact => false,
            Prune::Auto if k < LEAST_COMPONENTS || d > MOST_FEATURES => return None,
            Prune::Auto => true,
        };
        let bounds = Bounds::new(&task.quadratics, coordinates);
        let cut = (k as f64 / T::LEFT_OUT).ln();
        let assignment = task.assignment;
        Some(Pruning { parameters, assignment, bounds, cut, is_judged, arch, coordinates, scale, orders })
    }

    fn cut(&self) -> Cut {
        match self.assignment {
            Assignment::Soft => Cut::By(self.cut),
            Assignment::Hard => Cut::Share(2.0 * HARD_SLACK),
        }
    }

    /// The cells of a block; none where it is not worth having them under this model. That follows from the samples of
    /// the block and the model alone.
    pub(super) fn cells(&self, first: usize, points: &Points, rows: Range<usize>) -> Option<Arc<Cells>> {
        let key = first + rows.start;
        let block = Block { points, rows, coordinates: self.coordinates, scale: self.scale };
        if self.is_judged {
            if block.rows.len() < LEAST_ROWS {
                return None;
            }
            let probe = self.orders.probes.get_or(key, || Cells::probe::<T>(&block));
            let mut found = Found::default();
            let kept = (0..probe.len()).map(|i| {
                self.bounds.within(self.arch, probe.get(i), self.cut(), &mut found);
                found.places.len()
            });
            if kept.sum::<usize>() as f64 > MOST_SHARE * (probe.len() * self.parameters.k) as f64 {
                return None;
            }
        }
        Some(self.orders.cells.get_or(key, || Cells::new::<T>(&block)))
    }
}

impl<T: Real> Pass<T> {
    /// Adds some cells of a block that begins with a row of the chunk.
    pub(super) fn add_cells(
        &self,
        (run, pruning): (&Run<T>, &Pruning<T>),
        cells: &Cells,
        (chunk, start): (&Points, usize),
        range: Range<usize>,
        sums: &mut Numbers,
        scratch: &mut Scratch<T>,
    ) {
        let mut lists = scratch.lists.take().unwrap_or_else(|| Lists::new(pruning));
        let Lists { of_group, found, list, parameters, group } = &mut lists;
        let Scratch { tile, posterior, weighted, .. } = scratch;
        for first in range.clone().step_by(GROUP) {
            let of_this = first..(first + GROUP).min(range.end);
            cells.boxes.join(of_this.clone(), group);
            let (centre, half) = group.split_at(pruning.parameters.d);
            pruning.bounds.within(self.arch, (centre, half), pruning.cut(), found);
            of_group.choose(&pruning.bounds, &found.places);
            for i in of_this {
                if run.data.stop().load(Ordering::Relaxed) {
                    break;
                }
                of_group.within(self.arch, cells.boxes.get(i), pruning.cut(), found);
                list.clear();
                list.extend(found.places.iter().map(|place| of_group.component(*place)));
                parameters.choose(pruning.parameters, list);
                let samples = cells.samples(i);
                chunk.samples().touch(cells.samples(i + 1).iter().map(|place| start + *place as usize));
                tile.load(self.arch, chunk, Chosen::Any(start, samples), run.coordinates);
                self.arch.dispatch(LogDensities { parameters, tile, posterior });
                let (assignment, cut) = (pruning.assignment, T::from_f64(-pruning.cut));
                sums.log_likelihood += self.arch.dispatch(Respond { tile, posterior, assignment, cut });
                sums.pairs += (samples.len() * list.len()) as f64;
                if !run.means.is_empty() {
                    let (r, x, width) = (&posterior.r, &tile.x, tile.width);
                    let (components, means) = (Some(&list[..]), &parameters.means[..]);
                    let sums = sums.numbers_mut();
                    let shape = self.shape;
                    self.arch.dispatch(AddTile { shape, components, r, x, means, width, weighted, sums });
                }
            }
        }
        scratch.lists = Some(lists);
    }
}
