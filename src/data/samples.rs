//! Values of samples, in the precision and the memory layout they came in.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, CowArray, Ix2, s};

/// N x D values in the precision they came in, borrowed or owned, in any memory layout.
#[derive(Debug, Clone)]
pub enum Samples<'a> {
    /// Single precision.
    F32(CowArray<'a, f32, Ix2>),
    /// Double precision.
    F64(CowArray<'a, f64, Ix2>),
}

impl Samples<'_> {
    /// D, the number of columns.
    pub fn n_features(&self) -> usize {
        self.dim().1
    }

    /// Whether some value is not a number.
    pub(crate) fn has_nan(&self) -> bool {
        // In memory order, whatever the layout: a sum would be as quick, but infinities cancel.
        match self {
            Samples::F32(values) => values.iter().any(|x| x.is_nan()),
            Samples::F64(values) => values.iter().any(|x| x.is_nan()),
        }
    }

    /// Calls `visit(row, values)` for each of the given rows in order, the values widened to f64.
    pub(crate) fn for_each_row(&self, rows: Range<usize>, mut visit: impl FnMut(usize, &[f64])) {
        let mut buffer = vec![0.0; self.dim().1];
        match self {
            Samples::F32(values) => {
                for (i, row) in rows.clone().zip(values.slice(s![rows, ..]).rows()) {
                    buffer.iter_mut().zip(row).for_each(|(to, from)| *to = f64::from(*from));
                    visit(i, &buffer);
                }
            }
            Samples::F64(values) => {
                for (i, row) in rows.clone().zip(values.slice(s![rows, ..]).rows()) {
                    match row.as_slice() {
                        Some(row) => visit(i, row),
                        None => {
                            buffer.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
                            visit(i, &buffer);
                        }
                    }
                }
            }
        }
    }

    /// One sample: `[D]`.
    pub(crate) fn row(&self, i: usize) -> Vec<f64> {
        match self {
            Samples::F32(values) => values.row(i).iter().map(|x| f64::from(*x)).collect(),
            Samples::F64(values) => values.row(i).to_vec(),
        }
    }

    /// One value.
    #[inline]
    pub(crate) fn value(&self, row: usize, feature: usize) -> f64 {
        match self {
            Samples::F32(values) => f64::from(values[[row, feature]]),
            Samples::F64(values) => values[[row, feature]],
        }
    }

    /// Reads the first and the last value of each of the given rows, so that they are in cache when their turn comes: reads that wait for none
    /// before them overlap.
    pub(crate) fn touch(&self, rows: impl Iterator<Item = usize>) {
        // A row may begin on one cache line and end on the next.
        let ends = [0, self.dim().1 - 1];
        let all = match self {
            Samples::F32(values) => rows.fold(0, |all, row| {
                ends.iter().fold(all, |all, feature| all ^ u64::from(values[[row, *feature]].to_bits()))
            }),
            Samples::F64(values) => {
                rows.fold(0, |all, row| ends.iter().fold(all, |all, feature| all ^ values[[row, *feature]].to_bits()))
            }
        };
        std::hint::black_box(all);
    }

    /// N and D.
    pub(crate) fn dim(&self) -> (usize, usize) {
        match self {
            Samples::F32(values) => values.dim(),
            Samples::F64(values) => values.dim(),
        }
    }
}

macro_rules! samples_from {
    ($($element:ty => $variant:ident),*) => {$(
        impl From<Array2<$element>> for Samples<'_> {
            fn from(values: Array2<$element>) -> Self {
                Samples::$variant(values.into())
            }
        }
        impl<'a> From<ArrayView2<'a, $element>> for Samples<'a> {
            fn from(values: ArrayView2<'a, $element>) -> Self {
                Samples::$variant(values.into())
            }
        }
        impl<'a> From<&'a Array2<$element>> for Samples<'a> {
            fn from(values: &'a Array2<$element>) -> Self {
                values.view().into()
            }
        }
    )*};
}
samples_from!(f32 => F32, f64 => F64);
