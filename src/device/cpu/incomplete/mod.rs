//! Passes over samples some of whose values are missing.
//!
//! Where features are independent within components a mask leaves out what is missing. Otherwise samples of which the same
//! features are there are complete data of fewer features, which the kernels pass over as they are, and what is expected of
//! the others follows from the model.

mod groups;
mod impute;
mod masked;
mod sums;

use std::ops::Range;

use ndarray::{Array1, Array2, s};
use rayon::prelude::*;

use super::CpuBackend;
use super::e_step::LogDensities;
use super::instructions::Instructions;
use super::parameters::Parameters;
use super::posterior::{Assess, Posterior, Respond};
use super::real::Real;
use super::tile::Tile;
use crate::data::coordinates::Coordinates;
use crate::data::points::Points;
use crate::data::source::check_stop;
use crate::device::assessment::Assessment;
use crate::error::Result;
use crate::model::quadratics::Quadratics;
#[cfg(feature = "gpu")]
pub(crate) use groups::Groups;
#[cfg(not(feature = "gpu"))]
use groups::Groups;
pub(super) use groups::KeptGroups;
use groups::Piece;
pub use impute::{Imputation, impute};
use masked::{MaskedLogDensities, MaskedParameters, MaskedTile};
pub(super) use sums::{IncompleteJob, RandomIncompleteJob};

/// A piece of a group, and the model of the features that it has.
struct Marginalised<T> {
    points: Points<'static>,
    coordinates: Coordinates,
    parameters: Parameters<T>,
}

impl<T: Real> Marginalised<T> {
    /// `None` where no feature is there.
    fn new(piece: &Piece, chunk: &Points, model: &Quadratics, coordinates: &Coordinates) -> Result<Option<Self>> {
        if piece.pattern.observed.is_empty() {
            return Ok(None);
        }
        let (points, coordinates) = (piece.points(chunk), piece.coordinates(coordinates));
        let parameters = Parameters::new(&model.marginal(piece.pattern)?, &coordinates);
        Ok(Some(Marginalised { points, coordinates, parameters }))
    }

    /// Calls `visit(rows, tile, posterior)` with the log-densities of every tile.
    fn for_each_tile(&self, arch: Instructions, mut visit: impl FnMut(Range<usize>, &mut Tile<T>, &mut Posterior<T>)) {
        let Parameters { k, d, .. } = self.parameters;
        let (mut tile, mut posterior) = (Tile::new(arch, d), Posterior::new(arch, k, d));
        let n = self.points.n_samples();
        for start in (0..n).step_by(Tile::<T>::capacity(d)) {
            let rows = start..(start + Tile::<T>::capacity(d)).min(n);
            tile.load(arch, &self.points, rows.clone().into(), &self.coordinates);
            let (parameters, posterior) = (&self.parameters, &mut posterior);
            arch.dispatch(LogDensities { parameters, tile: &tile, posterior });
            visit(rows, &mut tile, posterior);
        }
    }
}

impl<T: Real> MaskedParameters<T> {
    /// Calls `visit(rows, tile, posterior)` with the log-densities of every tile of some rows.
    fn for_each_tile(
        &self,
        backend: &CpuBackend<T>,
        chunk: &Points,
        rows: Range<usize>,
        mut visit: impl FnMut(Range<usize>, &mut MaskedTile<T>, &mut Posterior<T>),
    ) {
        let (arch, d) = (backend.arch, self.d);
        let (mut tile, mut posterior) = (MaskedTile::new(arch, d), Posterior::new(arch, self.k, d));
        for start in rows.clone().step_by(Tile::<T>::capacity(d)) {
            let rows = start..(start + Tile::<T>::capacity(d)).min(rows.end);
            tile.load(arch, chunk, rows.clone().into(), &backend.coordinates);
            let posterior = &mut posterior;
            arch.dispatch(MaskedLogDensities { parameters: self, tile: &tile, posterior });
            visit(rows, &mut tile, posterior);
        }
    }
}

/// Log-densities and labels of some rows of a chunk.
pub(super) fn assess<T: Real>(
    backend: &CpuBackend<T>,
    model: &Quadratics,
    chunk: &Points,
    rows: Range<usize>,
) -> Result<Assessment> {
    let (arch, first) = (backend.arch, rows.start);
    let mut assessment = Assessment { log_densities: Array1::zeros(rows.len()), labels: Array1::zeros(rows.len()) };
    if let Some(parameters) = MaskedParameters::new(model, &backend.coordinates) {
        let of_part = |part: Range<usize>| {
            let mut found = Vec::with_capacity(part.len());
            parameters.for_each_tile(backend, chunk, part, |rows, tile, posterior| {
                arch.dispatch(Assess { posterior, width: tile.tile.width });
                let density = |n: usize| posterior.maxima.row(0)[n].to_f64() + parameters.reference;
                found.extend((0..rows.len()).map(|n| (density(n), posterior.labels[n])));
            });
            found
        };
        each_part(backend, rows, of_part, |rows, found: Vec<(f64, usize)>| {
            for (row, (log_density, label)) in rows.zip(found) {
                (assessment.log_densities[row - first], assessment.labels[row - first]) = (log_density, label);
            }
        })?;
        return Ok(assessment);
    }
    let of_piece = |piece: &Piece| -> Result<Vec<(f64, usize)>> {
        let Some(marginal) = Marginalised::<T>::new(piece, chunk, model, &backend.coordinates)? else {
            let weights = model.shares();
            // Of equals the first.
            let best = (1..weights.len()).fold(0, |best, k| if weights[k] > weights[best] { k } else { best });
            return Ok(vec![(0.0, best); piece.n_rows()]);
        };
        let mut found = Vec::with_capacity(piece.n_rows());
        marginal.for_each_tile(arch, |rows, tile, posterior| {
            arch.dispatch(Assess { posterior, width: tile.width });
            let density = |n: usize| posterior.maxima.row(0)[n].to_f64() + marginal.parameters.reference;
            found.extend((0..rows.len()).map(|n| (density(n), posterior.labels[n])));
        });
        Ok(found)
    };
    each_piece(backend, chunk, rows, of_piece, |piece, found| {
        for (row, (log_density, label)) in piece.rows().zip(found) {
            (assessment.log_densities[row - first], assessment.labels[row - first]) = (log_density, label);
        }
    })?;
    Ok(assessment)
}

/// Posterior probabilities of the components for some rows of a chunk: `[n, K]`.
pub(super) fn responsibilities<T: Real>(
    backend: &CpuBackend<T>,
    model: &Quadratics,
    chunk: &Points,
    rows: Range<usize>,
) -> Result<Array2<f64>> {
    let (k, first, arch) = (model.n_components(), rows.start, backend.arch);
    let mut responsibilities = Array2::zeros((rows.len(), k));
    let respond = |found: &mut Array2<f64>, rows: Range<usize>, tile: &mut Tile<T>, posterior: &mut Posterior<T>| {
        tile.weights.row_mut(0).fill(T::from_f64(1.0));
        arch.dispatch(Respond { posterior, tile, cut: T::LEAST_EXPONENT });
        for (n, row) in rows.enumerate() {
            let mut sample = found.row_mut(row);
            sample.iter_mut().enumerate().for_each(|(k, r)| *r = posterior.r.row(k)[n].to_f64());
            let sum = sample.sum();
            sample /= sum;
        }
    };
    if let Some(parameters) = MaskedParameters::new(model, &backend.coordinates) {
        let of_part = |part: Range<usize>| {
            let (mut found, first) = (Array2::zeros((part.len(), k)), part.start);
            parameters.for_each_tile(backend, chunk, part, |rows, tile, posterior| {
                respond(&mut found, rows.start - first..rows.end - first, &mut tile.tile, posterior);
            });
            found
        };
        each_part(backend, rows, of_part, |rows, found: Array2<f64>| {
            responsibilities.slice_mut(s![rows.start - first..rows.end - first, ..]).assign(&found);
        })?;
        return Ok(responsibilities);
    }
    let of_piece = |piece: &Piece| -> Result<Array2<f64>> {
        let mut found = Array2::zeros((piece.n_rows(), k));
        let Some(marginal) = Marginalised::<T>::new(piece, chunk, model, &backend.coordinates)? else {
            let weights = model.shares();
            found.rows_mut().into_iter().for_each(|mut row| row.assign(&weights));
            return Ok(found);
        };
        marginal.for_each_tile(arch, |rows, tile, posterior| respond(&mut found, rows, tile, posterior));
        Ok(found)
    };
    each_piece(backend, chunk, rows, of_piece, |piece, found| {
        for (row, found) in piece.rows().zip(found.rows()) {
            responsibilities.row_mut(row - first).assign(&found);
        }
    })?;
    Ok(responsibilities)
}

/// Does something with every piece of some rows, side by side, and takes what comes of it in order.
fn each_piece<T: Real, R: Send>(
    backend: &CpuBackend<T>,
    chunk: &Points,
    rows: Range<usize>,
    work: impl Fn(&Piece) -> Result<R> + Sync,
    mut take: impl FnMut(&Piece, R),
) -> Result<()> {
    let groups = Groups::of(chunk, rows);
    let units = groups.units();
    let of_unit = |unit: &Vec<Piece>| -> Result<Vec<R>> {
        check_stop(backend.data.stop())?;
        unit.iter().map(&work).collect()
    };
    let found = units.par_iter().map(of_unit).collect::<Result<Vec<_>>>()?;
    for (unit, found) in units.iter().zip(found) {
        unit.iter().zip(found).for_each(|(piece, found)| take(piece, found));
    }
    Ok(())
}

/// Rows of a part that one thread works on.
const PART: usize = 8192;

/// Does something with parts of some rows, side by side, and takes what comes of it in order.
fn each_part<T: Real, R: Send>(
    backend: &CpuBackend<T>,
    rows: Range<usize>,
    work: impl Fn(Range<usize>) -> R + Sync,
    mut take: impl FnMut(Range<usize>, R),
) -> Result<()> {
    let parts: Vec<Range<usize>> =
        rows.clone().step_by(PART).map(|start| start..(start + PART).min(rows.end)).collect();
    let of_part = |part: &Range<usize>| check_stop(backend.data.stop()).map(|()| work(part.clone()));
    let found = parts.par_iter().map(of_part).collect::<Result<Vec<R>>>()?;
    parts.into_iter().zip(found).for_each(|(part, found)| take(part, found));
    Ok(())
}
