//! A tile: a few samples, feature by feature, that stay in cache while all components pass over them.

use std::ops::Range;

use ndarray::ArrayView2;
use pulp::{Simd, WithSimd};

use super::instructions::Instructions;
use super::real::Real;
use super::rows::Rows;
use super::strips::Strips;
use crate::data::coordinates::Coordinates;
use crate::data::points::Points;
use crate::data::samples::Samples;

/// Tiles hold a multiple of this many samples, so that every row of a tile is whole vectors of every instruction set.
const ALIGNMENT: usize = 32;

/// Samples of a tile, the last ones padded with samples of weight zero.
#[derive(Debug)]
pub(super) struct Tile<T> {
    /// Samples, padding included.
    pub(super) width: usize,
    /// Values in the backend's coordinates.
    pub(super) x: Strips<T>,
    /// Sample weights: one row.
    pub(super) weights: Rows<T>,
}

impl<T: Real> Tile<T> {
    /// Samples per tile: enough that the sums of a component are added up seldom, few enough that the tile stays in a
    /// level-2 cache.
    pub(super) fn capacity(n_features: usize) -> usize {
        let bytes = (196_608 / n_features).clamp(512, 1536);
        bytes / size_of::<T>() / ALIGNMENT * ALIGNMENT
    }

    pub(super) fn new(arch: Instructions, n_features: usize) -> Self {
        let width = Self::capacity(n_features);
        Tile { width, x: Strips::new(arch, n_features, width), weights: Rows::new(1, width) }
    }

    /// Takes some samples, at most [`Tile::capacity`] of them.
    pub(super) fn load(&mut self, arch: Instructions, points: &Points, chosen: Chosen, coordinates: &Coordinates) {
        let n = chosen.len();
        self.width = n.next_multiple_of(ALIGNMENT);
        let weights = &mut self.weights.row_mut(0)[..self.width];
        weights[n..].fill(T::default());
        match points.weights() {
            None => weights[..n].fill(T::from_f64(1.0)),
            Some(all) => {
                weights.iter_mut().zip(0..n).for_each(|(weight, i)| *weight = T::from_f64(all[chosen.row(i)]));
            }
        }
        let x = &mut self.x;
        match points.samples() {
            Samples::F32(values) => arch.dispatch(Transpose { values: values.view(), chosen, coordinates, x }),
            Samples::F64(values) => arch.dispatch(Transpose { values: values.view(), chosen, coordinates, x }),
        }
    }
}

/// Samples of a chunk that a tile takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chosen<'a> {
    /// Consecutive ones: the first, and how many.
    Run(usize, usize),
    /// Any: the place of each behind a first one.
    Any(usize, &'a [u32]),
}

impl From<Range<usize>> for Chosen<'_> {
    fn from(rows: Range<usize>) -> Self {
        Chosen::Run(rows.start, rows.len())
    }
}

impl Chosen<'_> {
    #[inline(always)]
    fn row(self, i: usize) -> usize {
        match self {
            Chosen::Run(first, _) => first + i,
            Chosen::Any(first, places) => first + places[i] as usize,
        }
    }

    fn len(self) -> usize {
        match self {
            Chosen::Run(_, count) => count,
            Chosen::Any(_, places) => places.len(),
        }
    }
}

/// Turns samples into strips, in the backend's coordinates.
struct Transpose<'a, E, T> {
    values: ArrayView2<'a, E>,
    chosen: Chosen<'a>,
    coordinates: &'a Coordinates,
    x: &'a mut Strips<T>,
}

impl<E: Copy + Into<f64>, T: Real> WithSimd for Transpose<'_, E, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Transpose { values, chosen, coordinates, x } = self;
        let (d, n) = (values.ncols(), chosen.len());
        let width = Strips::<T>::width::<S>();
        let (out, stride) = x.numbers_mut();
        let Some(all) = values.to_slice() else {
            for i in 0..n {
                for (feature, x) in values.row(chosen.row(i)).indexed_iter() {
                    out[i / width * stride + feature * width + i % width] =
                        T::from_f64(coordinates.map(feature, (*x).into()));
                }
            }
            return;
        };
        let sample = |i: usize| &all[chosen.row(i) * d..][..d];
        for (strip, first) in out.chunks_exact_mut(stride).zip((0..n).step_by(width)) {
            let count = width.min(n - first);
            let groups = count / GROUP * GROUP;
            for i in (0..groups).step_by(GROUP) {
                let samples = std::array::from_fn(|j| sample(first + i + j));
                turn::<E, T, GROUP>(samples, coordinates, &mut strip[i..], width);
            }
            for i in groups..count {
                turn::<E, T, 1>([sample(first + i)], coordinates, &mut strip[i..], width);
            }
        }
    }
}

/// Samples turned together, and features: blocks of so few numbers are turned in registers.
const GROUP: usize = 4;

/// Turns N samples into columns of rows that lie `width` apart, in order of their lines in memory.
#[inline(always)]
fn turn<E: Copy + Into<f64>, T: Real, const N: usize>(
    samples: [&[E]; N],
    coordinates: &Coordinates,
    out: &mut [T],
    width: usize,
) {
    let d = coordinates.shift.len();
    let mut first = 0;
    macro_rules! features {
        ($count:expr) => {{
            turn_block::<E, T, N, { $count }>(samples, coordinates, first, out, width);
            first += $count;
        }};
    }
    while first + GROUP <= d {
        features!(GROUP);
    }
    match d - first {
        3 => features!(3),
        2 => features!(2),
        1 => features!(1),
        _ => {}
    }
    debug_assert_eq!(first, d);
}

/// Turns F features of N samples.
#[inline(always)]
fn turn_block<E: Copy + Into<f64>, T: Real, const N: usize, const F: usize>(
    samples: [&[E]; N],
    Coordinates { shift, scale }: &Coordinates,
    first: usize,
    out: &mut [T],
    width: usize,
) {
    let shift: &[f64; F] = shift[first..][..F].try_into().expect("F features");
    let scale: &[f64; F] = scale[first..][..F].try_into().expect("F features");
    let block: [&[E; F]; N] = std::array::from_fn(|n| (&samples[n][first..][..F]).try_into().expect("F features"));
    for i in 0..F {
        let to: &mut [T; N] = (&mut out[(first + i) * width..][..N]).try_into().expect("N samples");
        *to = std::array::from_fn(|n| T::from_f64((block[n][i].into() - shift[i]) * scale[i]));
    }
}
