//! The samples: N x D values that were checked once, with an optional weight for each sample.

use std::ops::Range;
use std::sync::OnceLock;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix1, ShapeError, concatenate, s};
use rayon::prelude::*;

use crate::data::missing::Missing;
use crate::data::samples::Samples;
use crate::data::summary::Summary;
use crate::data::total::Total;
use crate::error::{Error, Feature, Result};

/// Larger magnitudes are refused: the sums of squares that every pass forms would leave the range of f64.
pub const LARGEST_VALUE: f64 = 1e100;

/// Rows that one task of a parallel pass over the samples takes at a time.
const ROWS_PER_TASK: usize = 16_384;

/// Validated samples: at least one row and one column, every value finite or, where that is asked for, missing; weights
/// finite and not negative.
///
/// ```
/// use mixtura::Points;
/// use ndarray::array;
///
/// let points = Points::new(array![[0.0, 1.0], [2.0, 3.0]])?.with_weights(array![1.0, 2.5])?;
/// assert_eq!((points.n_samples(), points.n_features()), (2, 2));
/// assert_eq!(points.total_weight(), 3.5);
/// # Ok::<(), mixtura::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Points<'a> {
    samples: Samples<'a>,
    weights: Option<CowArray<'a, f64, Ix1>>,
    /// Summed when it is asked for: chunks of samples often are not.
    total_weight: OnceLock<f64>,
    summary: OnceLock<Box<Summary>>,
    feature_names: Option<Vec<String>>,
}

impl<'a> Points<'a> {
    /// Checks N x D samples, given as an f32 or f64 array or view.
    ///
    /// # Errors
    /// [`Error::EmptyData`], [`Error::NonFinite`] or [`Error::TooLarge`], which name the first place.
    pub fn new(samples: impl Into<Samples<'a>>) -> Result<Self> {
        Self::check(samples.into(), None, Missing::Error)
    }

    /// [`Points::new`] for samples of which values may be missing: those that are not a number (NaN). They are integrated
    /// out ([`Missing::Marginalize`]).
    ///
    /// # Errors
    /// [`Error::EmptyData`], [`Error::NonFinite`] for infinities, or [`Error::TooLarge`], which name the first place.
    pub fn with_missing(samples: impl Into<Samples<'a>>, feature_names: Option<Vec<String>>) -> Result<Self> {
        Self::check(samples.into(), feature_names, Missing::Marginalize)
    }

    /// [`Points::new`] for columns that have names; errors and model files then carry them.
    ///
    /// # Errors
    /// As [`Points::new`], and [`Error::Shape`] if there is not one name for each column.
    pub fn with_names(samples: impl Into<Samples<'a>>, feature_names: Vec<String>) -> Result<Self> {
        Self::check(samples.into(), Some(feature_names), Missing::Error)
    }

    /// Points whose values, weights and names were checked before, or need no check.
    pub(crate) fn trusted(
        samples: impl Into<Samples<'a>>,
        weights: Option<impl Into<CowArray<'a, f64, Ix1>>>,
        feature_names: Option<Vec<String>>,
    ) -> Self {
        let (samples, weights) = (samples.into(), weights.map(Into::into));
        Points { samples, weights, total_weight: OnceLock::new(), summary: OnceLock::new(), feature_names }
    }

    fn check(samples: Samples<'a>, feature_names: Option<Vec<String>>, missing: Missing) -> Result<Self> {
        let (n_samples, n_features) = samples.dim();
        if n_samples == 0 || n_features == 0 {
            return Err(Error::EmptyData { n_samples, n_features });
        }
        if let Some(names) = &feature_names
            && names.len() != n_features
        {
            return Err(Error::Shape {
                name: "the list of feature names",
                expected: vec![n_features],
                found: vec![names.len()],
            });
        }
        let points = Self::trusted(samples, None::<Array1<f64>>, feature_names);
        points.check_values(missing)?;
        Ok(points)
    }

    /// The same points, whose summary is known: they are all of the samples that it is of.
    pub(crate) fn with_summary(self, summary: &Summary) -> Self {
        Points { summary: OnceLock::from(Box::new(summary.clone())), ..self }
    }

    /// The same points, their columns so named.
    #[cfg(feature = "io")]
    pub(crate) fn with_feature_names(self, feature_names: Option<Vec<String>>) -> Self {
        Points { feature_names, summary: OnceLock::new(), ..self }
    }

    /// Gives each sample a weight: a weight of w counts the sample w times in every sum.
    ///
    /// # Errors
    /// [`Error::WeightCount`], [`Error::BadWeight`] or [`Error::WeightSum`].
    pub fn with_weights(self, weights: impl Into<CowArray<'a, f64, Ix1>>) -> Result<Self> {
        let points = self.with_weights_of_part(weights)?;
        check_weight_sum(points.total_weight())?;
        Ok(points)
    }

    /// [`Points::with_weights`] for a part of the samples, which may have no weight at all.
    ///
    /// # Errors
    /// [`Error::WeightCount`] or [`Error::BadWeight`].
    pub fn with_weights_of_part(mut self, weights: impl Into<CowArray<'a, f64, Ix1>>) -> Result<Self> {
        let weights = weights.into();
        if weights.len() != self.n_samples() {
            return Err(Error::WeightCount { expected: self.n_samples(), found: weights.len() });
        }
        check_weights(weights.view())?;
        self.weights = Some(weights);
        (self.total_weight, self.summary) = Default::default();
        Ok(self)
    }

    /// N, the number of rows.
    pub fn n_samples(&self) -> usize {
        self.samples.dim().0
    }

    /// D, the number of columns.
    pub fn n_features(&self) -> usize {
        self.samples.dim().1
    }

    /// The values.
    pub fn samples(&self) -> &Samples<'a> {
        &self.samples
    }

    /// The sample weights, if any were given: `[N]`.
    pub fn weights(&self) -> Option<ArrayView1<'_, f64>> {
        self.weights.as_ref().map(|w| w.view())
    }

    /// The sum of the sample weights; N where there are none.
    pub fn total_weight(&self) -> f64 {
        *self.total_weight.get_or_init(|| match &self.weights {
            None => self.n_samples() as f64,
            Some(weights) => {
                let mut total = Total::default();
                weights.iter().for_each(|weight| total.add(*weight));
                total.value()
            }
        })
    }

    /// The names of the columns, if they have any.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.feature_names.as_deref()
    }

    /// A column as errors name it.
    pub(crate) fn feature(&self, index: usize) -> Feature {
        Feature { index, name: self.feature_names.as_ref().map(|names| names[index].clone()) }
    }

    /// Number of samples whose weight is not zero.
    pub fn n_effective(&self) -> usize {
        match &self.weights {
            Some(weights) => weights.iter().filter(|w| **w > 0.0).count(),
            None => self.n_samples(),
        }
    }

    /// The given rows as f64: [rows, D].
    pub(crate) fn rows(&self, rows: &[usize]) -> Array2<f64> {
        match &self.samples {
            Samples::F32(values) => values.select(Axis(0), rows).mapv(f64::from),
            Samples::F64(values) => values.select(Axis(0), rows),
        }
    }

    /// Copies of the given rows as f64, with their weights: a subsample.
    pub(crate) fn select(&self, rows: &[usize]) -> Points<'static> {
        let weights: Option<Array1<f64>> = self.weights.as_ref().map(|w| w.select(Axis(0), rows));
        Points::trusted(self.rows(rows), weights, self.feature_names.clone())
    }

    /// Copies of the given rows in the precision they are in, with their weights.
    pub(crate) fn picked(&self, rows: &[usize]) -> Points<'static> {
        let samples: Samples = match &self.samples {
            Samples::F32(values) => picked(values.view(), rows).into(),
            Samples::F64(values) => picked(values.view(), rows).into(),
        };
        let weights: Option<Array1<f64>> = self.weights.as_ref().map(|w| w.select(Axis(0), rows));
        Points::trusted(samples, weights, self.feature_names.clone())
    }

    /// The same samples as f64, `map(feature, value)` in the place of every value.
    pub(crate) fn mapped(&self, map: impl Fn(usize, f64) -> f64) -> Points<'static> {
        let mut values = self.to_f64();
        values.indexed_iter_mut().for_each(|((_, feature), x)| *x = map(feature, *x));
        Points::trusted(values, self.weights.as_ref().map(|weights| weights.to_owned().into_owned()), None)
    }

    /// Whether some value is as `test(feature, value)` says.
    pub(crate) fn any(&self, test: impl Fn(usize, f64) -> bool) -> bool {
        let mut found = false;
        self.for_each_row(0..self.n_samples(), |_, row| {
            found = found || row.iter().enumerate().any(|(feature, x)| test(feature, *x));
        });
        found
    }

    /// All values as f64.
    pub(crate) fn to_f64(&self) -> Array2<f64> {
        match &self.samples {
            Samples::F32(values) => values.mapv(f64::from),
            Samples::F64(values) => values.to_owned(),
        }
    }

    /// A range of the samples.
    pub(crate) fn slice(&self, rows: Range<usize>) -> Points<'_> {
        let samples: Samples = match &self.samples {
            Samples::F32(values) => values.slice(s![rows.clone(), ..]).into(),
            Samples::F64(values) => values.slice(s![rows.clone(), ..]).into(),
        };
        let weights = self.weights.as_ref().map(|weights| weights.slice(s![rows]));
        Points::trusted(samples, weights, self.feature_names.clone())
    }

    /// A copy.
    pub(crate) fn copied<'c>(&self) -> Points<'c> {
        let samples: Samples = match &self.samples {
            Samples::F32(values) => values.to_owned().into_owned().into(),
            Samples::F64(values) => values.to_owned().into_owned().into(),
        };
        let weights = self.weights.as_ref().map(|weights| weights.to_owned().into_owned());
        Points::trusted(samples, weights, self.feature_names.clone())
    }

    /// Points that follow each other, as one.
    ///
    /// # Errors
    /// [`Error::Parts`] of those that have other features.
    pub(crate) fn joined(mut pieces: Vec<Points<'a>>) -> Result<Points<'a>> {
        if pieces.len() == 1 {
            return Ok(pieces.remove(0));
        }
        let wrong = |error: ShapeError| Error::Parts { problem: format!("pieces of samples differ: {error}") };
        let is_single = |points: &Points| matches!(points.samples, Samples::F32(_));
        let samples: Samples = if pieces.iter().all(is_single) {
            let values = pieces.iter().filter_map(|points| match &points.samples {
                Samples::F32(values) => Some(values.view()),
                Samples::F64(_) => None,
            });
            concatenate(Axis(0), &values.collect::<Vec<_>>()).map_err(wrong)?.into()
        } else {
            let values: Vec<_> = pieces.iter().map(Points::to_f64).collect();
            let views: Vec<_> = values.iter().map(|values| values.view()).collect();
            concatenate(Axis(0), &views).map_err(wrong)?.into()
        };
        let is_weighted = pieces.iter().any(|points| points.weights.is_some());
        let weights = || pieces.iter().flat_map(|points| (0..points.n_samples()).map(|row| points.weight(row)));
        let weights: Option<Array1<f64>> = is_weighted.then(|| weights().collect());
        let names = pieces.first().and_then(|points| points.feature_names.clone());
        Ok(Points::trusted(samples, weights, names))
    }

    /// Every `step`-th sample, from sample `first` on.
    pub(crate) fn every(&self, first: usize, step: usize) -> Points<'_> {
        let samples: Samples = match &self.samples {
            Samples::F32(values) => values.slice(s![first..;step, ..]).into(),
            Samples::F64(values) => values.slice(s![first..;step, ..]).into(),
        };
        let weights = self.weights.as_ref().map(|weights| weights.slice(s![first..;step]));
        Points::trusted(samples, weights, self.feature_names.clone())
    }

    /// Calls `visit(row, values)` for each of the given rows in order, the values widened to f64.
    pub(crate) fn for_each_row(&self, rows: Range<usize>, visit: impl FnMut(usize, &[f64])) {
        self.samples.for_each_row(rows, visit);
    }

    /// Weight of one sample.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[row])
    }

    /// Their summary, made when it is first asked for, in one pass over them.
    pub fn summary(&self) -> &Summary {
        self.summary.get_or_init(|| Box::new(Summary::of(self)))
    }

    fn tasks(&self) -> Vec<Range<usize>> {
        let n = self.n_samples();
        (0..n).step_by(ROWS_PER_TASK).map(|start| start..(start + ROWS_PER_TASK).min(n)).collect()
    }

    /// Checks that every value can be squared, or may be missing.
    pub(crate) fn check_values(&self, missing: Missing) -> Result<()> {
        /// The bad values of some rows: how many are not finite, the first of them, and the first too large.
        #[derive(Default)]
        struct Bad {
            count: usize,
            non_finite: Option<(usize, usize, f64)>,
            too_large: Option<(usize, usize, f64)>,
        }
        let bad = self
            .tasks()
            .into_par_iter()
            .map(|rows| {
                let mut bad = Bad::default();
                self.for_each_row(rows, |i, row| {
                    // One test for the usual case; NaN fails it too.
                    if row.iter().all(|x| x.abs() <= LARGEST_VALUE) {
                        return;
                    }
                    for (d, &x) in row.iter().enumerate() {
                        if x.is_nan() && missing == Missing::Marginalize {
                            continue;
                        }
                        if !x.is_finite() {
                            bad.count += 1;
                            bad.non_finite.get_or_insert((i, d, x));
                        } else if x.abs() > LARGEST_VALUE {
                            bad.too_large.get_or_insert((i, d, x));
                        }
                    }
                });
                bad
            })
            .collect::<Vec<_>>()
            .into_iter()
            .fold(Bad::default(), |a, b| Bad {
                count: a.count + b.count,
                non_finite: a.non_finite.or(b.non_finite),
                too_large: a.too_large.or(b.too_large),
            });
        if let Some((row, d, value)) = bad.non_finite {
            return Err(Error::NonFinite { row, feature: self.feature(d), value, count: bad.count });
        }
        if let Some((row, d, value)) = bad.too_large {
            return Err(Error::TooLarge { row, feature: self.feature(d), value });
        }
        Ok(())
    }
}

impl Summary {
    /// The summary of all samples.
    pub fn of(points: &Points) -> Self {
        Self::of_part(0, points)
    }

    /// The summary of a part of the samples; its first sample has the given number among all.
    pub fn of_part(first: usize, points: &Points) -> Self {
        let mut summary = Self::begin(first, points.n_features(), points.feature_names());
        summary.add(points);
        summary
    }

    /// Takes the samples that follow.
    pub fn add(&mut self, points: &Points) {
        self.add_samples(points.samples(), points.weights());
    }
}

/// Copies of rows, many of them and short.
fn picked<T: Copy>(values: ArrayView2<T>, rows: &[usize]) -> Array2<T> {
    let d = values.ncols();
    let mut picked = Vec::with_capacity(rows.len() * d);
    for row in rows {
        match values.row(*row).to_slice() {
            Some(row) => picked.extend_from_slice(row),
            None => picked.extend(values.row(*row)),
        }
    }
    Array2::from_shape_vec((rows.len(), d), picked).expect("every row has a value for each feature")
}

/// Checks that weights are finite and not negative.
pub(crate) fn check_weights(weights: ArrayView1<f64>) -> Result<()> {
    match weights.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w >= 0.0)) {
        Some((row, &value)) => Err(Error::BadWeight { row, value }),
        None => Ok(()),
    }
}

/// Checks that weights have a sum to divide by.
pub(crate) fn check_weight_sum(sum: f64) -> Result<()> {
    if sum > 0.0 && sum.is_finite() { Ok(()) } else { Err(Error::WeightSum { sum }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_first_bad_value_is_named_and_all_are_counted() {
        let mut values = Array2::<f64>::zeros((50_000, 3));
        values[[40_001, 2]] = f64::NAN;
        values[[40_001, 1]] = f64::INFINITY;
        values[[49_999, 0]] = f64::NAN;
        match Points::new(values) {
            Err(Error::NonFinite { row: 40_001, feature, count: 3, .. }) => assert_eq!(feature.index, 1),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn weights_must_be_finite_and_not_all_zero() {
        let points = || Points::new(array![[1.0f32], [2.0]]).unwrap();
        assert!(matches!(points().with_weights(array![1.0]), Err(Error::WeightCount { expected: 2, found: 1 })));
        assert!(matches!(points().with_weights(array![1.0, -1.0]), Err(Error::BadWeight { row: 1, .. })));
        assert!(matches!(points().with_weights(array![f64::NAN, 1.0]), Err(Error::BadWeight { row: 0, .. })));
        assert!(matches!(points().with_weights(array![0.0, 0.0]), Err(Error::WeightSum { .. })));
        assert_eq!(points().with_weights_of_part(array![0.0, 0.0]).unwrap().total_weight(), 0.0);
    }
}
