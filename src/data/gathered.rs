//! Samples put together, some rows at a time.

use ndarray::{Array1, Array2, ArrayView2};

use crate::data::points::Points;
use crate::data::samples::Samples;

/// Rows put together, in the precision they came in; in f64 as soon as there are any of it.
#[derive(Default)]
pub(crate) struct Gathered {
    values: Values,
    weights: Option<Vec<f64>>,
}

#[derive(Default)]
enum Values {
    #[default]
    None,
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Gathered {
    /// Bytes of what is here.
    pub(crate) fn bytes(&self) -> usize {
        let weights = self.weights.as_ref().map_or(0, Vec::len) * size_of::<f64>();
        weights
            + match &self.values {
                Values::None => 0,
                Values::F32(values) => values.len() * size_of::<f32>(),
                Values::F64(values) => values.len() * size_of::<f64>(),
            }
    }

    /// Puts more rows to those that are here.
    pub(crate) fn add(&mut self, more: &Points) {
        self.values = match (std::mem::take(&mut self.values), more.samples()) {
            (Values::None, Samples::F32(more)) => extended(Vec::new(), more.view(), |x| x, Values::F32),
            (Values::None, Samples::F64(more)) => extended(Vec::new(), more.view(), |x| x, Values::F64),
            (Values::F32(all), Samples::F32(more)) => extended(all, more.view(), |x| x, Values::F32),
            (Values::F64(all), Samples::F64(more)) => extended(all, more.view(), |x| x, Values::F64),
            (Values::F64(all), Samples::F32(more)) => extended(all, more.view(), f64::from, Values::F64),
            (Values::F32(all), Samples::F64(more)) => {
                extended(all.into_iter().map(f64::from).collect(), more.view(), |x| x, Values::F64)
            }
        };
        if let Some(more) = more.weights() {
            self.weights.get_or_insert_default().extend(more);
        }
    }

    /// The rows, of D features.
    pub(crate) fn take(&mut self, d: usize) -> (Samples<'static>, Option<Array1<f64>>) {
        let Gathered { values, weights } = std::mem::take(self);
        let fit = "every row has a value for each feature";
        let n = |values: usize| values.checked_div(d).unwrap_or(0);
        let samples = match values {
            Values::None => Array2::<f64>::zeros((0, d)).into(),
            Values::F32(values) => Array2::from_shape_vec((n(values.len()), d), values).expect(fit).into(),
            Values::F64(values) => Array2::from_shape_vec((n(values.len()), d), values).expect(fit).into(),
        };
        (samples, weights.map(Array1::from))
    }
}

fn extended<T, U: Copy>(
    mut all: Vec<T>,
    more: ArrayView2<U>,
    convert: impl Fn(U) -> T,
    made: fn(Vec<T>) -> Values,
) -> Values {
    all.reserve(more.len());
    match more.as_slice() {
        Some(more) => all.extend(more.iter().map(|x| convert(*x))),
        None => all.extend(more.iter().map(|x| convert(*x))),
    }
    made(all)
}
