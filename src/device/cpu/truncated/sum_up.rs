//! The M step: the sums of each component over the samples that it is a candidate of. Those over the samples that it
//! explained best before were made where these were at hand.

use rayon::prelude::*;

use super::explore::Explored;
use super::lists::Lists;
use super::{Part, Pool, touch};
use crate::device::cpu::CpuBackend;
use crate::device::cpu::m_step::AddTile;
use crate::device::cpu::parameters::Parameters;
use crate::device::cpu::real::Real;
use crate::device::cpu::rows::Rows;
use crate::device::cpu::tile::{Chosen, Tile};
use crate::device::numbers::{Numbers, Shape};

/// Working memory of a thread.
struct Scratch<T> {
    tile: Tile<T>,
    r: Rows<T>,
    weighted: Rows<T>,
    rows: Vec<u32>,
}

/// Adds the sums over a part.
pub(super) fn add<T: Real>(
    backend: &CpuBackend<T>,
    parameters: &Parameters<T>,
    part: &Part,
    explored: &Explored<T>,
    shape: Shape,
    numbers: &mut Numbers,
) {
    let Explored { order, candidates, r, own, per_sample, .. } = explored;
    let (arch, d, length) = (backend.arch, parameters.d, shape.len());
    for (component, sums) in own {
        let to = &mut numbers.numbers_mut()[component * length..][..length];
        to.iter_mut().zip(sums).for_each(|(to, from)| *to += from);
    }
    let shares = Lists::new(r.len(), parameters.k, |i| (r[i] > T::default()).then_some(candidates[i]));
    let capacity = Tile::<T>::capacity(d);
    let pool = Pool::new();
    let scratch = || Scratch {
        tile: Tile::new(arch, d),
        r: Rows::new(1, capacity),
        weighted: Rows::new(1, 3 * capacity),
        rows: Vec::new(),
    };
    numbers.numbers_mut().par_chunks_mut(length).enumerate().for_each(|(component, sums)| {
        let places = shares.places(component);
        if places.is_empty() || backend.is_stopped() {
            return;
        }
        let means = &parameters.means[component * d..][..d];
        pool.with(scratch, |Scratch { tile, r: r_of_tile, weighted, rows }| {
            for start in places.clone().step_by(capacity) {
                let places = start..(start + capacity).min(places.end);
                rows.clear();
                let row = r_of_tile.row_mut(0);
                row.fill(T::default());
                for (to, share) in row.iter_mut().zip(shares.items(places)) {
                    *to = r[share as usize];
                    rows.push(order.item(share as usize / per_sample));
                }
                touch(part.points, part.rows.start, rows);
                tile.load(arch, part.points, Chosen::Any(part.rows.start, rows), &backend.coordinates);
                let (x, width) = (&tile.x, tile.width);
                arch.dispatch(AddTile { shape, components: None, r: r_of_tile, x, means, width, weighted, sums });
            }
        });
    });
}
