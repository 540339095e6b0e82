//! Rows of numbers as vector kernels like them: every row begins on a cache line of its own.

use std::marker::PhantomData;

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};

use super::real::Real;

/// A cache line.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
struct Line([u8; LINE]);

const LINE: usize = 64;

/// Rows of equal length.
#[derive(Debug)]
pub(super) struct Rows<T> {
    lines: Vec<Line>,
    /// Numbers from one row to the next.
    stride: usize,
    number: PhantomData<T>,
}

impl<T: Real> Rows<T> {
    /// Zeros.
    pub(super) fn new(rows: usize, length: usize) -> Self {
        // An odd number of lines: rows a power of two apart would share the same few places of a cache.
        let lines = (length * size_of::<T>()).div_ceil(LINE) | 1;
        Rows { lines: vec![Line([0; LINE]); rows * lines], stride: lines * LINE / size_of::<T>(), number: PhantomData }
    }

    /// Numbers from one row to the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// All rows, one after another.
    pub(super) fn all(&self) -> &[T] {
        cast_slice(&self.lines)
    }

    pub(super) fn all_mut(&mut self) -> &mut [T] {
        cast_slice_mut(&mut self.lines)
    }

    /// The rows, each with what pads it.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        let stride = self.stride;
        self.all_mut().chunks_exact_mut(stride)
    }

    pub(super) fn row(&self, i: usize) -> &[T] {
        &self.all()[i * self.stride..][..self.stride]
    }

    pub(super) fn row_mut(&mut self, i: usize) -> &mut [T] {
        let stride = self.stride;
        &mut self.all_mut()[i * stride..][..stride]
    }
}
