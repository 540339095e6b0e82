//! The E step: what samples see, and the best of it.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::greatest::{Greatest, Keep, SumRows};
use super::lists::Lists;
use super::members::Members;
use super::similar::{Comparison, Pair, Similar};
use super::{Part, Pool, none_of, touch};
use crate::data::coordinates::Coordinates;
use crate::device::candidates::Candidates;
use crate::device::cpu::CpuBackend;
use crate::device::cpu::e_step::LogDensities;
use crate::device::cpu::m_step::AddTile;
use crate::device::cpu::parameters::Parameters;
use crate::device::cpu::posterior::{Posterior, Respond};
use crate::device::cpu::real::Real;
use crate::device::cpu::rows::Rows;
use crate::device::cpu::tile::{Chosen, Tile};
use crate::device::numbers::Shape;
use crate::device::truncated::Truncated;

/// Tiles of one component that are done one after another.
const TILES: usize = 16;

/// Components whose log-densities are at hand at the same time: so many rows of a tile stay in cache.
const BATCH: usize = 64;

/// A tile looks for neighbours until it sees so many times as many components as a single sample has for its candidates.
const ENOUGH: usize = 2;

/// Components drawn at random that a tile sees beside those that it knows.
const DRAWN: u64 = 1;

/// What the E step found for the samples of a part that have weight.
pub(super) struct Explored<T> {
    /// The samples by their best components before.
    pub(super) order: Lists,
    /// The candidates of each, in that order, and what they have of it, but for what is in sums already: `[n, C']`.
    pub(super) candidates: Vec<u32>,
    pub(super) r: Vec<T>,
    /// Sums of components over samples that they explained best before, and still are candidates of.
    pub(super) own: Vec<(usize, Vec<f64>)>,
    pub(super) per_sample: usize,
    /// Less the reference of the parameters.
    pub(super) free_energy: f64,
    /// Number of log-densities that were evaluated.
    pub(super) evaluated: f64,
}

/// The E step of a pass.
pub(super) struct Explorer<'e, 'd, T> {
    backend: &'e CpuBackend<'d, T>,
    task: &'e Truncated,
    parameters: &'e Parameters<T>,
    before: &'e Candidates,
    /// Of the sums of one component.
    shape: Shape,
    pool: Pool<Scratch<T>>,
}

/// Working memory of a thread.
struct Scratch<T> {
    tile: Tile<T>,
    posterior: Posterior<T>,
    greatest: Greatest<T>,
    chosen: Parameters<T>,
    rows: Vec<u32>,
    known: Members,
    seen: Vec<u32>,
    /// Sums of log-densities of the components seen.
    sums: Vec<f64>,
    comparison: Comparison,
    /// What the component of a tile has of its samples, and scratch for their sums.
    own: Rows<T>,
    weighted: Rows<T>,
}

/// Some samples of one component, and places for what they find.
struct Piece<'o, T> {
    component: u32,
    places: Range<usize>,
    candidates: &'o mut [u32],
    r: &'o mut [T],
}

/// What a piece comes to.
struct Found {
    component: usize,
    free_energy: f64,
    evaluated: f64,
    pairs: Vec<Pair>,
    /// Sums of the component.
    own: Vec<f64>,
}

impl<'e, 'd, T: Real> Explorer<'e, 'd, T> {
    pub(super) fn new(
        backend: &'e CpuBackend<'d, T>,
        task: &'e Truncated,
        parameters: &'e Parameters<T>,
        before: &'e Candidates,
        shape: Shape,
    ) -> Self {
        Explorer { backend, task, parameters, before, shape, pool: Pool::new() }
    }

    /// The E step for a part: writes the candidates of its samples, and compares components.
    pub(super) fn explore(&self, part: &Part, after: &[AtomicU32], similar: &mut Similar) -> Explored<T> {
        let (k, per_sample) = (self.parameters.k, self.before.per_sample());
        let best = |i: usize| {
            let row = part.rows.start + i;
            (part.points.weight(row) > 0.0).then(|| self.before.of_samples()[row * per_sample])
        };
        let order = Lists::new(part.rows.len(), k, best);
        let n = order.n_items() * per_sample;
        let (mut candidates, mut r) = (vec![0; n], vec![T::default(); n]);
        let (mut candidates_left, mut r_left) = (&mut candidates[..], &mut r[..]);
        let length = TILES * Tile::<T>::capacity(self.parameters.d);
        let mut pieces = Vec::new();
        for component in 0..k {
            let places = order.places(component);
            for start in places.clone().step_by(length) {
                let places = start..(start + length).min(places.end);
                let candidates = candidates_left.split_off_mut(..places.len() * per_sample).unwrap_or_default();
                let r = r_left.split_off_mut(..places.len() * per_sample).unwrap_or_default();
                pieces.push(Piece { component: component as u32, places, candidates, r });
            }
        }
        let explore = |piece: Piece<T>| {
            self.pool.with(|| self.scratch(), |scratch| self.piece(part, &order, piece, after, scratch))
        };
        let found: Vec<_> = pieces.into_par_iter().map(explore).collect();
        let (mut free_energy, mut evaluated, mut own) = (0.0, 0.0, Vec::with_capacity(found.len()));
        for Found { component, free_energy: of_piece, evaluated: in_piece, pairs, own: sums } in found {
            free_energy += of_piece;
            evaluated += in_piece;
            similar.add(component, pairs);
            own.push((component, sums));
        }
        Explored { order, candidates, r, own, per_sample, free_energy, evaluated }
    }

    fn scratch(&self) -> Scratch<T> {
        let (arch, k, d) = (self.backend.arch, self.parameters.k, self.parameters.d);
        Scratch {
            tile: Tile::new(arch, d),
            posterior: Posterior::new(arch, BATCH.min(k), d),
            greatest: Greatest::new(arch, self.before.per_sample().min(k), d),
            chosen: none_of(self.parameters),
            rows: Vec::new(),
            known: Members::new(k),
            seen: Vec::new(),
            sums: Vec::new(),
            comparison: Comparison::new(k),
            own: Rows::new(1, Tile::<T>::capacity(d)),
            weighted: Rows::new(1, 3 * Tile::<T>::capacity(d)),
        }
    }

    /// The E step for a piece.
    fn piece(
        &self,
        part: &Part,
        order: &Lists,
        piece: Piece<T>,
        after: &[AtomicU32],
        scratch: &mut Scratch<T>,
    ) -> Found {
        let Piece { component, places, candidates, r } = piece;
        let (capacity, per_sample) = (Tile::<T>::capacity(self.parameters.d), self.before.per_sample());
        let (mut free_energy, mut evaluated, mut own) = (0.0, 0.0, vec![0.0; self.shape.len()]);
        let tiles = candidates.chunks_mut(capacity * per_sample).zip(r.chunks_mut(capacity * per_sample));
        for (start, (candidates, r)) in places.clone().step_by(capacity).zip(tiles) {
            if self.backend.is_stopped() {
                break;
            }
            scratch.rows.clear();
            scratch.rows.extend(order.items(start..(start + capacity).min(places.end)));
            let coordinates: &Coordinates = &self.backend.coordinates;
            let rows = Chosen::Any(part.rows.start, &scratch.rows);
            touch(part.points, part.rows.start, &scratch.rows);
            scratch.tile.load(self.backend.arch, part.points, rows, coordinates);
            self.look_around(part, component, scratch);
            self.assess(scratch);
            evaluated += (scratch.rows.len() * scratch.seen.len()) as f64;
            let weights = scratch.tile.weights.row(0)[..scratch.tile.width].iter();
            let weight = weights.map(|weight| weight.to_f64()).sum();
            scratch.comparison.add(component, &scratch.seen, &scratch.sums, weight);
            free_energy += self.respond(scratch);
            let Scratch { greatest, rows, seen, own: of_component, .. } = scratch;
            let of_component = of_component.row_mut(0);
            of_component.fill(T::default());
            let found = candidates.chunks_mut(per_sample).zip(r.chunks_mut(per_sample));
            for (i, (row, (candidates, r))) in rows.iter().zip(found).enumerate() {
                let count = greatest.posterior.k;
                for place in 0..count {
                    candidates[place] = seen[greatest.whose(place, i)];
                    r[place] = greatest.posterior.r.row(place)[i];
                }
                // What hides in the rounding of sums is not worth a sample's way there.
                let least = r[0] * T::from_f64(T::LEFT_OUT);
                r[1..].iter_mut().filter(|r| **r < least).for_each(|r| *r = T::default());
                let last = candidates[count - 1];
                candidates[count..].fill(last);
                let to = &after[(part.rows.start + *row as usize) * per_sample..][..per_sample];
                to.iter().zip(&*candidates).for_each(|(to, from)| to.store(*from, Ordering::Relaxed));
                if let Some(place) = candidates[..count].iter().position(|candidate| *candidate == component) {
                    of_component[i] = std::mem::take(&mut r[place]);
                }
            }
            self.add_own(component, scratch, &mut own);
        }
        Found { component: component as usize, free_energy, evaluated, pairs: scratch.comparison.finish(), own }
    }

    /// Adds what the component of a tile has of its samples, for these are at hand.
    fn add_own(&self, component: u32, scratch: &mut Scratch<T>, sums: &mut [f64]) {
        let Scratch { tile, own: r, weighted, .. } = scratch;
        let d = self.parameters.d;
        let means = &self.parameters.means[component as usize * d..][..d];
        let (shape, x, width) = (self.shape, &tile.x, tile.width);
        self.backend.arch.dispatch(AddTile { shape, components: None, r, x, means, width, weighted, sums });
    }

    /// What the samples of a tile see: their candidates, and some drawn at random; then the neighbours of the tile's
    /// component, and of the candidates of one sample after another, from any of them on, until that is enough. Where it
    /// is too few for candidates, the first of all components.
    fn look_around(&self, part: &Part, component: u32, scratch: &mut Scratch<T>) {
        let Scratch { rows, known, seen, greatest, .. } = scratch;
        let (k, per_sample) = (self.parameters.k, self.before.per_sample());
        let candidates =
            |row: u32| &self.before.of_samples()[(part.rows.start + row as usize) * per_sample..][..per_sample];
        let first = part.rows.start + rows[0] as usize;
        let draw = |i: u64| draw([self.task.seed, self.task.epoch as u64, first as u64, i]);
        known.extend(rows.iter().flat_map(|row| candidates(*row)));
        (0..DRAWN).for_each(|i| known.insert((draw(i) % k as u64) as u32));
        known.extend(self.before.neighbours(component));
        let enough = ENOUGH * per_sample * self.before.per_component();
        let (before, after) = rows.split_at((draw(DRAWN) % rows.len() as u64) as usize);
        for row in after.iter().chain(before) {
            if known.len() >= enough {
                break;
            }
            candidates(*row).iter().for_each(|head| known.extend(self.before.neighbours(*head)));
        }
        seen.clear();
        known.drain(|component| seen.push(component));
        let mut next = 0;
        while seen.len() < greatest.posterior.k {
            if let Err(place) = seen.binary_search(&next) {
                seen.insert(place, next);
            }
            next += 1;
        }
    }

    /// Log-densities of what a tile sees, of which the greatest are kept.
    fn assess(&self, scratch: &mut Scratch<T>) {
        let Scratch { tile, posterior, greatest, chosen, seen, sums, .. } = scratch;
        let arch = self.backend.arch;
        greatest.clear();
        sums.clear();
        for (batch, components) in seen.chunks(BATCH).enumerate() {
            chosen.choose(self.parameters, components);
            arch.dispatch(LogDensities { parameters: chosen, tile, posterior });
            arch.dispatch(Keep { greatest, from: posterior, first: batch * BATCH, width: tile.width });
            arch.dispatch(SumRows { from: posterior, tile, sums });
        }
    }

    /// Turns the greatest log-densities into responsibilities times weight; yields their free energy.
    fn respond(&self, scratch: &mut Scratch<T>) -> f64 {
        let Scratch { tile, greatest, .. } = scratch;
        self.backend.arch.dispatch(Respond { posterior: greatest.finish(), tile, cut: T::LEAST_EXPONENT })
    }
}

/// A number that follows from others, as if at random (SplitMix64).
fn draw(from: [u64; 4]) -> u64 {
    from.into_iter().fold(0, |state: u64, x| {
        let mut z = (state ^ x).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}
