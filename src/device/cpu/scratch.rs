//! Working memory of one thread.

use super::bounds::{Bounds, Found};
use super::instructions::Instructions;
use super::parameters::Parameters;
use super::posterior::Posterior;
use super::real::Real;
use super::rows::Rows;
use super::tile::Tile;

/// Memory for a tile, and for all that is found of it.
#[derive(Debug)]
pub(super) struct Scratch<T> {
    pub(super) tile: Tile<T>,
    pub(super) posterior: Posterior<T>,
    pub(super) weighted: Rows<T>,
    /// A sample.
    pub(super) sample: Vec<f64>,
    /// Where passes leave out components.
    pub(super) lists: Option<Lists<T>>,
}

impl<T: Real> Scratch<T> {
    pub(super) fn new(arch: Instructions, k: usize, d: usize) -> Self {
        let (tile, posterior) = (Tile::new(arch, d), Posterior::new(arch, k, d));
        Scratch { tile, posterior, weighted: Self::weighted(d), sample: vec![0.0; d], lists: None }
    }

    /// Memory for some rows of weighted features of a tile.
    pub(super) fn weighted(d: usize) -> Rows<T> {
        Rows::new(1, 3 * Tile::<T>::capacity(d))
    }
}

/// Lists of the components that can matter to a cell and to its group.
#[derive(Debug)]
pub(super) struct Lists<T> {
    /// Those of the group.
    pub(super) of_group: Bounds,
    pub(super) found: Found,
    /// Those of the cell.
    pub(super) list: Vec<u32>,
    /// Their parameters.
    pub(super) parameters: Parameters<T>,
    /// The box around the group.
    pub(super) group: Vec<f64>,
}

impl<T: Real> Lists<T> {
    pub(super) fn new(bounds: &Bounds, parameters: &Parameters<T>) -> Self {
        let (found, list, group) = Default::default();
        Lists { of_group: bounds.clone(), found, list, parameters: parameters.clone(), group }
    }
}
