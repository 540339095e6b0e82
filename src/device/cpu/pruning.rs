//! Pruning: passes in which every cell of samples has a list of the components that can matter to it.
//!
//! What is left out is certified. With log rho_k(x) less than the greatest of x by ln(K / delta) or more, all components
//! left out have at most a share delta of x: |change of log L| <= W delta, W being the total weight. That rule is applied
//! to every sample, so that sums do not depend on how long a list is: components that bounds could not exclude have
//! responsibilities of zero, and nothing is carried from one pass to the next but the order of the samples.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array1;
use rayon::prelude::*;

use super::assign::{AddAssigned, Assign};
use super::bounds::{Bounds, Cut, Found};
use super::cells::{Block, Boxes, Cells, GROUP, Orders};
use super::e_step::LogDensities;
use super::instructions::Instructions;
use super::m_step::AddTile;
use super::parameters::Parameters;
use super::posterior::{Assess, Posterior, Respond};
use super::real::Real;
use super::rows::Rows;
use super::scratch::{Lists, Scratch};
use super::tile::{Chosen, Tile};
use crate::data::coordinates::Coordinates;
use crate::data::points::Points;
use crate::device::assessment::Assessment;
use crate::device::backend::HARD_SLACK;
use crate::device::numbers::{Numbers, Shape};
use crate::device::prune::{LEAST_ROWS, Prune};
use crate::device::task::Assignment;
use crate::model::quadratics::Quadratics;

/// Components left in a cell, as a share of all, from which on dense passes are faster. Where samples go to one component
/// alone, components that are left out save less.
const MOST_SHARE: f64 = 0.5;
const MOST_SHARE_OF_HARD: f64 = 0.25;

/// So far below the greatest, all of K components together have at most the share of a sample that may be left out.
fn least_below<T: Real>(k: usize) -> f64 {
    (k as f64 / T::LEFT_OUT).ln()
}

/// How far below the greatest a log-density may be and still matter, by an assignment; by this for soft ones.
fn cut(assignment: Assignment, by: f64) -> Cut {
    match assignment {
        Assignment::Soft => Cut::By(by),
        Assignment::Hard => Cut::Share(HARD_SHARE),
    }
}

/// How far below the greatest, as a share of it, a component of a hard assignment may be: twice what rounding may hide.
pub(crate) const HARD_SHARE: f64 = 2.0 * HARD_SLACK;

/// The same for soft ones of K components in single precision.
#[cfg(feature = "gpu")]
pub(crate) fn least_below_single(k: usize) -> f64 {
    least_below::<f32>(k)
}

/// Whether no more than a share of the components can matter in boxes, in the mean, in single precision.
#[cfg(feature = "gpu")]
pub(crate) fn keeps_at_most(
    share: f64,
    boxes: &Boxes,
    model: &Quadratics,
    assignment: Assignment,
    coordinates: &Coordinates,
) -> bool {
    let cut = cut(assignment, least_below_single(model.n_components()));
    has_within(share, &Bounds::new(model, coordinates), super::instructions::instructions(), boxes, cut)
}

/// Whether no more than a share of the components come near enough to the greatest in boxes, in the mean.
fn has_within(share: f64, bounds: &Bounds, arch: Instructions, boxes: &Boxes, cut: Cut) -> bool {
    let mut found = Found::default();
    let mut left = share * (boxes.len() * bounds.n_components()) as f64;
    (0..boxes.len()).all(|i| {
        bounds.within(arch, boxes.get(i), cut, &mut found);
        left -= found.places.len() as f64;
        left >= 0.0
    })
}

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

impl<'a, T: Real> Pruning<'a, T> {
    /// The pruning of a pass; none where it cannot help.
    pub(super) fn new(
        prune: Prune,
        (model, assignment): (&Quadratics, Assignment),
        parameters: &'a Parameters<T>,
        arch: Instructions,
        (coordinates, scale, orders): (&'a Coordinates, &'a [f64], &'a Orders),
    ) -> Option<Self> {
        let is_judged = prune.is_judged(parameters.k, parameters.d)?;
        let bounds = Bounds::new(model, coordinates);
        let cut = least_below::<T>(parameters.k);
        Some(Pruning { parameters, assignment, bounds, cut, is_judged, arch, coordinates, scale, orders })
    }

    fn cut(&self) -> Cut {
        cut(self.assignment, self.cut)
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
            let most = match self.assignment {
                Assignment::Soft => MOST_SHARE,
                Assignment::Hard => MOST_SHARE_OF_HARD,
            };
            if !has_within(most, &self.bounds, self.arch, &probe, self.cut()) {
                return None;
            }
        }
        Some(self.orders.cells.get_or(key, || Cells::new::<T>(&block)))
    }
}

/// A cell whose log-densities are known.
struct Known<'a, T> {
    tile: &'a Tile<T>,
    posterior: &'a mut Posterior<T>,
    weighted: &'a mut Rows<T>,
    sample: &'a mut [f64],
    /// Its samples, as places in the block.
    samples: &'a [u32],
    /// The components that can matter to them, and their means.
    components: &'a [u32],
    means: &'a [T],
}

impl<T: Real> Pruning<'_, T> {
    /// Visits some cells of a block, which begins with a row of the chunk, with their log-densities.
    fn each(
        &self,
        cells: &Cells,
        range: Range<usize>,
        (chunk, start): (&Points, usize),
        stop: &AtomicBool,
        scratch: &mut Scratch<T>,
        mut visit: impl FnMut(Known<T>),
    ) {
        let Scratch { tile, posterior, weighted, sample, lists } = scratch;
        let Lists { of_group, found, list, parameters, group } =
            lists.get_or_insert_with(|| Lists::new(&self.bounds, self.parameters));
        for first in range.clone().step_by(GROUP) {
            let of_this = first..(first + GROUP).min(range.end);
            cells.boxes.join(of_this.clone(), group);
            let (centre, half) = group.split_at(self.parameters.d);
            self.bounds.within(self.arch, (centre, half), self.cut(), found);
            of_group.choose(&self.bounds, &found.places);
            for i in of_this {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                of_group.within(self.arch, cells.boxes.get(i), self.cut(), found);
                list.clear();
                list.extend(found.places.iter().map(|place| of_group.component(*place)));
                parameters.choose(self.parameters, list);
                let samples = cells.samples(i);
                chunk.samples().touch(cells.samples(i + 1).iter().map(|place| start + *place as usize));
                tile.load(self.arch, chunk, Chosen::Any(start, samples), self.coordinates);
                self.arch.dispatch(LogDensities { parameters, tile, posterior });
                let (components, means) = (&list[..], &parameters.means[..]);
                visit(Known { tile, posterior, weighted, sample, samples, components, means });
            }
        }
    }

    /// Log-densities and labels of the samples of a block.
    pub(super) fn assess(&self, cells: &Cells, block: (&Points, usize), stop: &AtomicBool) -> Assessment {
        let n = cells.order.len();
        let (mut log_densities, mut labels) = (Array1::zeros(n), Array1::zeros(n));
        let ranges: Vec<_> = (0..cells.boxes.len()).step_by(GROUP).collect();
        let scratch = || Scratch::new(self.arch, self.parameters.k, self.parameters.d);
        let assessed = ranges.into_par_iter().map_init(scratch, |scratch, first| {
            let mut assessed = Vec::new();
            let range = first..(first + GROUP).min(cells.boxes.len());
            self.each(cells, range, block, stop, scratch, |Known { posterior, tile, samples, components, .. }| {
                self.arch.dispatch(Assess { posterior, width: tile.width });
                let found = posterior.maxima.row(0).iter().zip(&posterior.labels);
                assessed
                    .extend(found.take(samples.len()).map(|(log_density, label)| (*log_density, components[*label])));
            });
            assessed
        });
        let assessed: Vec<Vec<(T, u32)>> = assessed.collect();
        for (place, (log_density, label)) in cells.order.iter().zip(assessed.iter().flatten()) {
            log_densities[*place as usize] = log_density.to_f64() + self.parameters.reference;
            labels[*place as usize] = *label as usize;
        }
        Assessment { log_densities, labels }
    }

    /// Adds some cells of a block that begins with a row of the chunk: their log-likelihood, and sums of a shape.
    pub(super) fn add(
        &self,
        (cells, range): (&Cells, Range<usize>),
        block: (&Points, usize),
        stop: &AtomicBool,
        shape: Option<Shape>,
        sums: &mut Numbers,
        scratch: &mut Scratch<T>,
    ) {
        let cut = T::from_f64(-self.cut);
        let is_hard = self.assignment == Assignment::Hard;
        self.each(cells, range, block, stop, scratch, |cell| {
            let Known { tile, posterior, weighted, sample, samples, components, means } = cell;
            sums.pairs += (samples.len() * components.len()) as f64;
            sums.log_likelihood += match is_hard {
                true => self.arch.dispatch(Assign { posterior, tile }),
                false => self.arch.dispatch(Respond { posterior, tile, cut }),
            };
            let Some(shape) = shape else { return };
            let (components, sums) = (Some(components), sums.numbers_mut());
            if is_hard {
                let labels = &posterior.labels;
                self.arch.dispatch(AddAssigned { shape, components, labels, tile, means, sample, sums });
            } else {
                let (r, x, width) = (&posterior.r, &tile.x, tile.width);
                self.arch.dispatch(AddTile { shape, components, r, x, means, width, weighted, sums });
            }
        });
    }
}
