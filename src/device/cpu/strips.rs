//! Samples as the kernels take them: strips of a few vectors, feature by feature.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::instructions::Instructions;
use super::real::Real;
use super::rows::Rows;

/// Vectors of a strip. With the six outputs of the E step's kernel they make twelve sums in registers: enough to hide
/// the latency of a multiply-add, and few enough for the sixteen registers of AVX2.
pub(super) const VECTORS: usize = 2;

/// A feature of a strip, or what a strip's samples are to one component.
pub(super) type Cell<T, S> = [<T as Real>::Vector<S>; VECTORS];

/// Strips one after another, each with all its features.
#[derive(Debug)]
pub(super) struct Strips<T>(Rows<T>);

impl<T: Real> Strips<T> {
    /// Zeros, for a number of samples.
    pub(super) fn new(arch: Instructions, n_features: usize, samples: usize) -> Self {
        let width = arch.dispatch(StripWidth::<T>(PhantomData));
        Strips(Rows::new(samples / width, n_features * width))
    }

    /// Samples of a strip.
    #[inline(always)]
    pub(super) fn width<S: Simd>() -> usize {
        VECTORS * size_of::<T::Vector<S>>() / size_of::<T>()
    }

    /// The features of each strip, and what pads them.
    #[inline(always)]
    pub(super) fn iter<S: Simd>(&self) -> impl Iterator<Item = &[Cell<T, S>]> {
        let stride = self.0.stride() * size_of::<T>() / size_of::<T::Vector<S>>();
        T::vectors::<S>(self.0.all()).chunks_exact(stride).map(|strip| strip.as_chunks().0)
    }

    #[inline(always)]
    pub(super) fn iter_mut<S: Simd>(&mut self) -> impl Iterator<Item = &mut [Cell<T, S>]> {
        let stride = self.0.stride() * size_of::<T>() / size_of::<T::Vector<S>>();
        T::vectors_mut::<S>(self.0.all_mut()).chunks_exact_mut(stride).map(|strip| strip.as_chunks_mut().0)
    }

    /// Copies the features of a sample.
    #[inline(always)]
    pub(super) fn sample<S: Simd>(&self, i: usize, to: &mut [f64]) {
        let width = Self::width::<S>();
        let strip = self.0.row(i / width)[..to.len() * width].chunks_exact(width);
        to.iter_mut().zip(strip).for_each(|(to, feature)| *to = feature[i % width].to_f64());
    }

    /// All numbers, and how many of them lie between a strip and the next.
    #[inline(always)]
    pub(super) fn numbers_mut(&mut self) -> (&mut [T], usize) {
        let stride = self.0.stride();
        (self.0.all_mut(), stride)
    }
}

/// Cells of a row of numbers, one for each strip.
#[inline(always)]
pub(super) fn cells<T: Real, S: Simd>(row: &[T]) -> &[Cell<T, S>] {
    T::vectors::<S>(row).as_chunks().0
}

#[inline(always)]
pub(super) fn cells_mut<T: Real, S: Simd>(row: &mut [T]) -> &mut [Cell<T, S>] {
    T::vectors_mut::<S>(row).as_chunks_mut().0
}

/// Asks for the width of a strip.
struct StripWidth<T>(PhantomData<T>);

impl<T: Real> WithSimd for StripWidth<T> {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        Strips::<T>::width::<S>()
    }
}
