//! Summary of samples, before any model: one value, made in one pass, that combines over parts of the data.

use std::sync::{Arc, OnceLock};

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::data::feature_moments::Accumulator;
use crate::data::kept_rows::{DrawnRows, SpacedRows};
use crate::data::missing::Holes;
use crate::data::samples::Samples;
use crate::data::spread::{Spread, scales};
use crate::data::total::Total;
use crate::error::{Error, Feature, Result};

/// Summary statistics of samples: how many there are, their weight, and where the values of each feature lie.
///
/// The summaries of the parts of a data set combine to that of the whole; the chunks that samples come in make no
/// difference to it.
///
/// ```
/// use mixtura::{Points, Summary};
/// use ndarray::array;
///
/// let (first, last) = (Points::new(array![[0.0], [1.0]])?, Points::new(array![[5.0]])?);
/// let mut summary = Summary::of(&first);
/// summary = summary.combine(&Summary::of_part(2, &last))?;
/// assert_eq!((summary.n_samples(), summary.total_weight()), (3, 3.0));
/// assert_eq!((summary.mean(), summary.median()), (&array![2.0], &array![1.0]));
/// # Ok::<(), mixtura::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    /// Number of the first sample among those of all parts.
    first: usize,
    n_samples: usize,
    n_effective: usize,
    weights: Total,
    feature_names: Option<Vec<String>>,
    /// Samples of positive weight in each part, with the number of its first sample.
    parts: Vec<(usize, usize)>,
    features: Arc<Features>,
}

/// The features of the samples; of all parts, where the summary is that of a part among them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Features {
    d: usize,
    spaced_rows: SpacedRows,
    drawn_rows: DrawnRows,
    accumulator: Accumulator,
    holes: Holes,
    /// Found when they are asked for.
    #[serde(skip)]
    found: Found,
}

#[derive(Debug, Clone, Default)]
struct Found {
    medians: OnceLock<(Array1<f64>, Array1<f64>)>,
    scale: OnceLock<Array1<f64>>,
    spreads: OnceLock<Vec<Spread>>,
    moments: OnceLock<(Array1<f64>, Array1<f64>)>,
}

impl Summary {
    /// The summary of no samples, of features that may have names.
    pub fn new(n_features: usize, feature_names: Option<Vec<String>>) -> Self {
        Self::begin(0, n_features, feature_names.as_deref())
    }

    /// The summary of no samples yet, of a part whose first sample is to have the given number among all.
    pub fn begin(first: usize, n_features: usize, feature_names: Option<&[String]>) -> Self {
        let (d, feature_names) = (n_features, feature_names.map(<[String]>::to_vec));
        let accumulator = Accumulator::new(first);
        let (spaced_rows, drawn_rows) = Default::default();
        let (holes, found) = Default::default();
        let features = Features { d, spaced_rows, drawn_rows, accumulator, holes, found };
        Summary {
            first,
            n_samples: 0,
            n_effective: 0,
            weights: Total::default(),
            feature_names,
            parts: vec![(first, 0)],
            features: Arc::new(features),
        }
    }

    /// Takes the samples that follow, with their weights `[N]`.
    pub(crate) fn add_samples(&mut self, samples: &Samples, weights: Option<ArrayView1<f64>>) {
        let next = self.first + self.n_samples;
        let features = Arc::make_mut(&mut self.features);
        features.found = Found::default();
        features.spaced_rows.add(next, samples);
        features.drawn_rows.add(next, samples, weights);
        features.accumulator.add(samples, weights);
        features.holes.add(samples);
        let n = samples.dim().0;
        let n_effective = weights.map_or(n, |weights| weights.iter().filter(|weight| **weight > 0.0).count());
        self.n_samples += n;
        self.n_effective += n_effective;
        if let Some((_, effective)) = self.parts.last_mut() {
            *effective += n_effective;
        }
        match weights {
            Some(weights) => weights.iter().for_each(|weight| self.weights.add(*weight)),
            None => self.weights.add(n as f64),
        }
    }

    /// The summary of these samples and of the part that follows them.
    ///
    /// # Errors
    /// [`Error::Parts`] if another part follows, or its features are others.
    pub fn combine(mut self, following: &Summary) -> Result<Self> {
        let end = self.first + self.n_samples;
        if following.first != end {
            let problem = format!("a part begins with sample {}, where sample {end} is the next", following.first);
            return Err(Error::Parts { problem });
        }
        let features = |summary: &Summary| (summary.features.d, summary.feature_names.clone());
        if features(&self) != features(following) {
            let problem = format!("the part that begins with sample {end} has other features than those before");
            return Err(Error::Parts { problem });
        }
        let features = Arc::make_mut(&mut self.features);
        features.found = Found::default();
        features.spaced_rows.append(&following.features.spaced_rows);
        features.drawn_rows.append(&following.features.drawn_rows);
        features.accumulator.append(following.features.accumulator.clone(), features.d);
        features.holes.append(&following.features.holes);
        self.n_samples += following.n_samples;
        self.n_effective += following.n_effective;
        self.weights.append(following.weights);
        self.parts.extend_from_slice(&following.parts);
        Ok(self)
    }

    /// The summary of a part among all: numbers and weight are its own, and all else is of the whole, so that devices
    /// place and scale its features as they do those of the whole.
    ///
    /// # Errors
    /// [`Error::Parts`] if the whole has no such part.
    pub fn within(&self, whole: &Summary) -> Result<Summary> {
        let end = whole.first + whole.n_samples;
        let bounds = whole.parts.iter().map(|(first, _)| *first).chain([end]);
        let mut bounds = bounds.skip_while(|bound| *bound != self.first);
        if bounds.next().is_none() || bounds.next() != Some(self.first + self.n_samples) {
            let (n, first) = (self.n_samples, self.first);
            let problem = format!("the summary of all samples has no part of {n} from sample {first} on");
            return Err(Error::Parts { problem });
        }
        Ok(Summary { parts: whole.parts.clone(), features: whole.features.clone(), ..self.clone() })
    }

    /// The same without what is known of the features: all that [`Summary::within`] asks of a part.
    #[must_use]
    pub fn without_features(&self) -> Summary {
        let nothing = Self::begin(self.first, self.n_features(), None);
        Summary { features: nothing.features, ..self.clone() }
    }

    /// The summary of some of the samples, in numbers and weight; all else is of the whole.
    pub(crate) fn of_batch(&self, n_samples: usize, n_effective: usize, total_weight: f64) -> Summary {
        let mut weights = Total::default();
        weights.add(total_weight);
        Summary { first: 0, n_samples, n_effective, weights, parts: Vec::new(), ..self.clone() }
    }

    /// The same of samples at a place among all: the number of the first, and of those of positive weight before it.
    pub(crate) fn at(self, first: usize, effective_before: usize) -> Summary {
        Summary { first, parts: vec![(0, effective_before)], ..self }
    }

    /// Number of the first sample among those of all parts.
    pub fn first(&self) -> usize {
        self.first
    }

    /// Number of samples of positive weight in the parts before this one.
    pub(crate) fn effective_before(&self) -> usize {
        self.parts.iter().filter(|(first, _)| *first < self.first).map(|(_, effective)| effective).sum()
    }

    /// N, the number of samples.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// D, the number of features.
    pub fn n_features(&self) -> usize {
        self.features.d
    }

    /// The names of the features, if they have any.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.feature_names.as_deref()
    }

    /// A feature as errors name it.
    pub fn feature(&self, index: usize) -> Feature {
        Feature { index, name: self.feature_names.as_ref().map(|names| names[index].clone()) }
    }

    /// Number of samples whose weight is not zero.
    pub fn n_effective(&self) -> usize {
        self.n_effective
    }

    /// The sum of the sample weights; N where there are none.
    pub fn total_weight(&self) -> f64 {
        self.weights.value()
    }

    /// The values that are missing; of all parts, where the summary is that of a part among them.
    pub fn holes(&self) -> &Holes {
        &self.features.holes
    }

    /// The first feature of which no sample of any weight has a value.
    pub(crate) fn without_values(&self) -> Option<usize> {
        match self.holes().is_none() {
            true => None,
            false => self.features.accumulator.without_values(self.n_features()),
        }
    }

    /// Weighted mean of every feature, of the values that are there; 0 where there are none: `[D]`.
    pub fn mean(&self) -> &Array1<f64> {
        &self.moments().0
    }

    /// Weighted variance of every feature, of the values that are there: `[D]`.
    pub fn variance(&self) -> &Array1<f64> {
        &self.moments().1
    }

    /// Median of every feature, of some thousand rows, evenly spaced: `[D]`. A few values far from the others do not
    /// move it, so that sums of values relative to it keep the digits of the bulk.
    pub fn median(&self) -> &Array1<f64> {
        &self.medians().0
    }

    /// Median absolute deviation of every feature from its median, of the same rows: `[D]`.
    pub fn deviation(&self) -> &Array1<f64> {
        &self.medians().1
    }

    /// Robust scale of every feature, which a few values far from the others do not move: the standard deviation of the
    /// values within ten median absolute deviations of the median, of some thousand rows, drawn at random, with their
    /// weights. Where more than half of the values are equal, the deviations are those of the others; 0 for a constant
    /// feature: `[D]`.
    pub fn scale(&self) -> &Array1<f64> {
        self.features.found.scale.get_or_init(|| scales(self.spreads(), || self.variance().clone()))
    }

    /// Where the values of every feature lie: `[D]`.
    pub(crate) fn spreads(&self) -> &[Spread] {
        self.features.found.spreads.get_or_init(|| self.features.drawn_rows.spreads())
    }

    fn medians(&self) -> &(Array1<f64>, Array1<f64>) {
        self.features.found.medians.get_or_init(|| {
            let (medians, deviations) = self.features.spaced_rows.medians();
            (medians.into(), deviations.into())
        })
    }

    fn moments(&self) -> &(Array1<f64>, Array1<f64>) {
        let Features { accumulator, d, found, .. } = &*self.features;
        found.moments.get_or_init(|| accumulator.moments(*d))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Array2, ShapeBuilder, array, s};

    use super::*;
    use crate::data::points::Points;

    #[test]
    fn scales_do_not_depend_on_the_order_of_rows() {
        // Every second row belongs to a cluster of its own.
        let alternating =
            Array2::from_shape_fn((20_000, 1), |(i, _)| (i % 2) as f64 * 1.5 + (i as f64 * 0.618).fract());
        let sorted = Array2::from_shape_fn((20_000, 1), |(i, _)| alternating[[2 * (i % 10_000) + i / 10_000, 0]]);
        let [a, b] = [&alternating, &sorted].map(|samples| Summary::of(&Points::new(samples).unwrap()).scale()[0]);
        let deviation = (1.0_f64 / 12.0 + 0.75 * 0.75).sqrt();
        assert!((a / b - 1.0).abs() < 0.03 && (a / deviation - 1.0).abs() < 0.03, "{a} {b} {deviation}");
    }

    #[test]
    fn moments_of_features_do_not_depend_on_layout_or_offset() {
        let rows = array![[1e8 + 1.0, 0.0], [1e8 + 3.0, 0.0], [1e8 + 8.0, 6.0]];
        let columns = Array::from_shape_fn((3, 2).f(), |i| rows[i]);
        for values in [rows, columns] {
            let points = Points::new(values).unwrap().with_weights(array![1.0, 1.0, 2.0]).unwrap();
            let summary = Summary::of(&points);
            assert_eq!((summary.mean(), summary.variance()), (&array![1e8 + 5.0, 3.0], &array![9.5, 9.0]));
        }
    }

    /// Samples of which one feature is constant, and their weights, some of them zero.
    fn samples() -> (Array2<f64>, Array1<f64>) {
        let samples = Array2::from_shape_fn((20_000, 3), |(i, d)| match d {
            0 => 1e8 + (i as f64 * 0.618).fract(),
            1 => 7.25,
            _ => i as f64,
        });
        (samples, Array1::from_shape_fn(20_000, |i| (i % 3) as f64 * 0.1))
    }

    /// All that a summary tells.
    fn facts(summary: &Summary) -> (usize, usize, f64, Vec<Array1<f64>>) {
        let Summary { n_samples, n_effective, .. } = *summary;
        let arrays = [summary.mean(), summary.variance(), summary.median(), summary.deviation(), summary.scale()];
        (n_samples, n_effective, summary.total_weight(), arrays.map(Clone::clone).to_vec())
    }

    #[test]
    fn chunks_make_no_difference() {
        let (samples, weights) = samples();
        for weighted in [true, false] {
            let points = |rows: std::ops::Range<usize>| {
                let part = Points::new(samples.slice(s![rows.clone(), ..])).unwrap();
                if weighted { part.with_weights(weights.slice(s![rows])).unwrap() } else { part }
            };
            let whole = Summary::of(&points(0..20_000));
            assert_eq!(whole.variance()[1], 0.0);
            let mut chunked = Summary::new(3, None);
            let mut first = 0;
            for rows in [2, 4095, 4097, 2, 9000, 2804] {
                chunked.add(&points(first..first + rows));
                first += rows;
            }
            assert_eq!(facts(&chunked), facts(&whole));
        }
    }

    #[test]
    fn parts_of_whole_units_combine_to_the_bits_of_the_whole() {
        let (samples, weights) = samples();
        let points = |rows: std::ops::Range<usize>| {
            let part = Points::new(samples.slice(s![rows.clone(), ..])).unwrap();
            part.with_weights(weights.slice(s![rows])).unwrap()
        };
        let whole = Summary::of(&points(0..20_000));
        for cuts in [vec![4096], vec![8192, 12_288], vec![4096, 8192, 16_384]] {
            let mut summary: Option<Summary> = None;
            let ends = cuts.iter().copied().chain([20_000]);
            for (first, end) in [0].into_iter().chain(cuts.clone()).zip(ends) {
                let part = Summary::of_part(first, &points(first..end));
                summary = Some(match summary.take() {
                    Some(before) => before.combine(&part).unwrap(),
                    None => part,
                });
            }
            let summary = summary.unwrap();
            assert_eq!(facts(&summary), facts(&whole), "{cuts:?}");
            let last = *cuts.last().unwrap();
            let part = Summary::of_part(last, &points(last..20_000)).within(&summary).unwrap();
            let before = (0..last).filter(|i| i % 3 != 0).count();
            assert_eq!((part.n_samples(), part.effective_before()), (20_000 - last, before));
            assert_eq!(part.scale(), whole.scale());
            let numbers = Summary::of_part(last, &points(last..20_000)).without_features();
            assert_eq!(facts(&numbers.within(&summary).unwrap()), facts(&part));
        }
        let part = |first| Summary::of_part(first, &points(0..10));
        assert!(matches!(part(0).combine(&part(9)), Err(Error::Parts { .. })));
    }
}
