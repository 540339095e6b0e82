//! The first candidates: the best of all components, and the first neighbours.

use rayon::prelude::*;

use super::greatest::{Greatest, Keep};
use super::{Pool, none_of};
use crate::data::points::Points;
use crate::data::source::check_stop;
use crate::device::candidates::Candidates;
use crate::device::cpu::CpuBackend;
use crate::device::cpu::e_step::LogDensities;
use crate::device::cpu::parameters::Parameters;
use crate::device::cpu::posterior::Posterior;
use crate::device::cpu::real::Real;
use crate::device::cpu::tile::Tile;
use crate::device::truncated::Truncated;
use crate::error::Result;

/// Components whose log-densities are at hand at the same time.
const BATCH: usize = 64;

/// Candidates of all samples from one dense pass. Neighbours are the components that explain the mean of another best.
///
/// # Errors
/// [`Error::Interrupted`](crate::Error::Interrupted).
pub(super) fn candidates<T: Real>(
    backend: &CpuBackend<T>,
    points: &Points,
    task: &Truncated,
    parameters: &Parameters<T>,
) -> Result<Candidates> {
    let k = parameters.k;
    let all: Vec<u32> = (0..k as u32).collect();
    let batches: Vec<Parameters<T>> = all
        .chunks(BATCH)
        .map(|batch| {
            let mut chosen = none_of(parameters);
            chosen.choose(parameters, batch);
            chosen
        })
        .collect();
    let (per_sample, per_component) = (task.width.0.min(k), task.width.1.min(k));
    let of_samples = best(backend, points, &batches, per_sample)?;
    let means = Points::trusted(task.quadratics.means().view(), None::<ndarray::Array1<f64>>, None);
    let mut of_components = best(backend, &means, &batches, per_component)?;
    for (own, list) in of_components.chunks_exact_mut(per_component).enumerate() {
        // A narrow neighbour may explain a mean better than the component whose it is.
        let own = own as u32;
        let place = list.iter().position(|other| *other == own).unwrap_or(per_component - 1);
        list[..=place].rotate_right(1);
        list[0] = own;
    }
    Candidates::new((per_sample, of_samples), (per_component, of_components))
}

/// The components that explain each sample best: `[n, count]`.
fn best<T: Real>(
    backend: &CpuBackend<T>,
    points: &Points,
    batches: &[Parameters<T>],
    count: usize,
) -> Result<Vec<u32>> {
    let (arch, d) = (backend.arch, backend.coordinates.shift.len());
    let capacity = Tile::<T>::capacity(d);
    let mut found = vec![0; points.n_samples() * count];
    let pool = Pool::new();
    let scratch = || (Tile::<T>::new(arch, d), Posterior::new(arch, BATCH, d), Greatest::new(arch, count, d));
    found.par_chunks_mut(capacity * count).enumerate().for_each(|(i, found)| {
        if backend.is_stopped() {
            return;
        }
        pool.with(scratch, |(tile, posterior, greatest)| {
            let start = i * capacity;
            tile.load(arch, points, (start..start + found.len() / count).into(), &backend.coordinates);
            greatest.clear();
            for (i, parameters) in batches.iter().enumerate() {
                arch.dispatch(LogDensities { parameters, tile, posterior });
                arch.dispatch(Keep { greatest, from: posterior, first: i * BATCH, width: tile.width });
            }
            for (i, found) in found.chunks_exact_mut(count).enumerate() {
                found.iter_mut().enumerate().for_each(|(place, to)| *to = greatest.whose(place, i) as u32);
            }
        });
    });
    check_stop(backend.data.stop())?;
    Ok(found)
}
