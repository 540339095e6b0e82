//! The assessment of samples by their candidates alone.
//!
//! As in the E step, samples of one best component are taken together, and see the candidates of any of them; so a pass
//! over all samples costs no more than an epoch.

use std::ops::Range;

use ndarray::Array1;
use rayon::prelude::*;

use super::greatest::{Greatest, Keep};
use super::lists::Lists;
use super::members::Members;
use super::{Pool, none_of, touch};
use crate::data::points::Points;
use crate::data::source::check_stop;
use crate::device::assessment::Assessment;
use crate::device::candidates::Candidates;
use crate::device::cpu::CpuBackend;
use crate::device::cpu::e_step::LogDensities;
use crate::device::cpu::parameters::Parameters;
use crate::device::cpu::posterior::{Assess, Posterior};
use crate::device::cpu::real::Real;
use crate::device::cpu::tile::{Chosen, Tile};
use crate::error::{Error, Result};

/// Components whose log-densities are at hand at the same time.
const BATCH: usize = 64;

/// Working memory of a thread.
struct Scratch<T> {
    tile: Tile<T>,
    posterior: Posterior<T>,
    greatest: Greatest<T>,
    chosen: Parameters<T>,
    known: Members,
    seen: Vec<u32>,
}

/// Log-densities and labels of a chunk that begins at a place among the samples, by the samples' candidates.
///
/// # Errors
/// [`Error::Parts`] for candidates of others; [`Error::Interrupted`].
pub(in crate::device::cpu) fn assess<T: Real>(
    backend: &CpuBackend<T>,
    parameters: &Parameters<T>,
    candidates: &Candidates,
    first: usize,
    chunk: &Points,
) -> Result<Assessment> {
    let (n, k, d, width) = (chunk.n_samples(), parameters.k, parameters.d, candidates.per_sample());
    if first + n > candidates.n_samples() || k != candidates.n_components() {
        return Err(Error::Parts { problem: "candidates are those of other samples, or of another model".to_owned() });
    }
    let of_sample = |row: u32| &candidates.of_samples()[(first + row as usize) * width..][..width];
    let order = Lists::new(n, k, |row| Some(of_sample(row as u32)[0]));
    let pool = Pool::new();
    let scratch = || Scratch {
        tile: Tile::new(backend.arch, d),
        posterior: Posterior::new(backend.arch, BATCH.min(k), d),
        greatest: Greatest::new(backend.arch, width.min(k), d),
        chosen: none_of(parameters),
        known: Members::new(k),
        seen: Vec::new(),
    };
    let capacity = Tile::<T>::capacity(d);
    let tiles = |component| {
        let places = order.places(component);
        places.clone().step_by(capacity).map(move |start| start..(start + capacity).min(places.end))
    };
    let pieces: Vec<_> = (0..k).flat_map(tiles).collect();
    let assess_piece = |places: Range<usize>| {
        let rows: Vec<u32> = order.items(places).collect();
        if backend.is_stopped() {
            return Vec::new();
        }
        pool.with(scratch, |scratch| {
            let Scratch { tile, posterior, greatest, chosen, known, seen } = scratch;
            known.extend(rows.iter().flat_map(|row| of_sample(*row)));
            seen.clear();
            known.drain(|component| seen.push(component));
            touch(chunk, 0, &rows);
            tile.load(backend.arch, chunk, Chosen::Any(0, &rows), &backend.coordinates);
            greatest.clear();
            for (batch, components) in seen.chunks(BATCH).enumerate() {
                chosen.choose(parameters, components);
                backend.arch.dispatch(LogDensities { parameters: chosen, tile, posterior });
                let (from, first) = (&*posterior, batch * BATCH);
                backend.arch.dispatch(Keep { greatest, from, first, width: tile.width });
            }
            backend.arch.dispatch(Assess { posterior: greatest.finish(), width: tile.width });
            let found = rows.iter().enumerate().map(|(i, row)| {
                let log_density = greatest.posterior.maxima.row(0)[i].to_f64() + parameters.reference;
                (*row, log_density, seen[greatest.whose(0, i)])
            });
            found.collect::<Vec<_>>()
        })
    };
    let found: Vec<Vec<(u32, f64, u32)>> = pieces.into_par_iter().map(assess_piece).collect();
    check_stop(backend.data.stop())?;
    let mut assessment = Assessment { log_densities: Array1::zeros(n), labels: Array1::zeros(n) };
    for (row, log_density, label) in found.into_iter().flatten() {
        assessment.log_densities[row as usize] = log_density;
        assessment.labels[row as usize] = label as usize;
    }
    Ok(assessment)
}
