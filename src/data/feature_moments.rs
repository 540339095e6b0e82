//! Means and variances of features, over units of rows that add up along one tree.

use std::ops::Range;

use ndarray::{Array1, ArrayView1, Zip};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::runs::{Add, Runs, first_run};
use crate::data::samples::Samples;

/// Rows of a unit, which stay in a cache while they are passed over twice; blocks of samples are whole units.
const UNIT: usize = 4096;

/// Numbers summed side by side.
const LANES: usize = 32;

/// Weight of some samples, the weighted mean of each feature `[D]`, and the weighted sum of squares about it `[D]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FeatureMoments {
    weight: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
    /// Weight of the samples that have a value of each feature: `[D]`; where all of them have, nothing.
    of_features: Option<Vec<f64>>,
}

impl FeatureMoments {
    /// Weight of the samples that have a value of a feature.
    fn weight_of(&self, feature: usize) -> f64 {
        self.of_features.as_ref().map_or(self.weight, |weights| weights[feature])
    }

    /// The same sums of these samples and of those that follow, of which values are missing.
    fn add_incomplete(&mut self, following: &Self) {
        let d = self.mean.len();
        let weights = (0..d).map(|i| (self.weight_of(i), following.weight_of(i))).collect::<Vec<_>>();
        for (i, (own, more)) in weights.iter().enumerate().filter(|(_, (_, more))| *more > 0.0) {
            let share = more / (own + more);
            let delta = following.mean[i] - self.mean[i];
            self.mean[i] += share * delta;
            self.squares[i] += following.squares[i] + own * share * delta * delta;
        }
        self.of_features = Some(weights.into_iter().map(|(own, more)| own + more).collect());
        self.weight += following.weight;
    }
}

impl Add for FeatureMoments {
    /// Chan, Golub and LeVeque 1979.
    fn add(&mut self, following: &Self) {
        if self.of_features.is_some() || following.of_features.is_some() {
            self.add_incomplete(following);
        } else if following.weight > 0.0 {
            let share = following.weight / (self.weight + following.weight);
            let common = self.weight * share;
            let sums = self.mean.iter_mut().zip(&mut self.squares);
            for ((mean, squares), (other, more)) in sums.zip(following.mean.iter().zip(&following.squares)) {
                let delta = other - *mean;
                *mean += share * delta;
                *squares += more + common * delta * delta;
            }
            self.weight += following.weight;
        }
    }
}

/// The moments of the samples that came by, the last of which may be no whole unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Accumulator {
    units: Runs<FeatureMoments>,
    waiting: Waiting,
    /// Number of the sample behind those in the units.
    next: usize,
}

/// Samples that wait for the rest of their unit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Waiting {
    values: Vec<f64>,
    weights: Option<Vec<f64>>,
}

impl Accumulator {
    /// Of no samples; the first that comes has the given number.
    pub(crate) fn new(first: usize) -> Self {
        Accumulator { units: Runs::new(UNIT), waiting: Waiting::default(), next: first }
    }

    /// Takes the samples that follow.
    pub(crate) fn add(&mut self, samples: &Samples, weights: Option<ArrayView1<f64>>) {
        let (n, d) = samples.dim();
        let n_waiting = self.waiting.values.len() / d;
        let mut done = 0;
        if n_waiting > 0 {
            done = n.min(UNIT - n_waiting);
            self.waiting.add(samples, weights, 0..done);
            if n_waiting + done == UNIT {
                self.push_waiting(d);
            }
        }
        let whole = done + (n - done) / UNIT * UNIT;
        let units: Vec<Range<usize>> = (done..whole).step_by(UNIT).map(|start| start..start + UNIT).collect();
        let moments: Vec<FeatureMoments> = units.into_par_iter().map(|rows| of_rows(samples, weights, rows)).collect();
        self.push(&moments);
        self.waiting.add(samples, weights, whole..n);
    }

    /// Takes the samples of the part that follows.
    pub(crate) fn append(&mut self, mut other: Self, d: usize) {
        self.push_waiting(d);
        other.push_waiting(d);
        self.units.append(other.units);
        self.next = other.next;
    }

    /// The first feature of which no sample of any weight has a value, where values are missing.
    pub(crate) fn without_values(&self, d: usize) -> Option<usize> {
        let mut whole = self.clone();
        whole.push_waiting(d);
        let FeatureMoments { weight, of_features, .. } = whole.units.total(drop)?;
        of_features.filter(|_| weight > 0.0)?.iter().position(|weight| *weight <= 0.0)
    }

    /// Mean and variance of every feature: (`[D]`, `[D]`).
    pub(crate) fn moments(&self, d: usize) -> (Array1<f64>, Array1<f64>) {
        let mut whole = self.clone();
        whole.push_waiting(d);
        let none = || FeatureMoments { weight: 0.0, mean: vec![0.0; d], squares: vec![0.0; d], of_features: None };
        let FeatureMoments { weight, mean, squares, of_features } = whole.units.total(drop).unwrap_or_else(none);
        let (mean, mut variance) = (Array1::from(mean), Array1::from(squares));
        match of_features {
            None => variance /= weight,
            // A feature without any value has no variance.
            Some(weights) => {
                variance.zip_mut_with(&Array1::from(weights), |x, weight| *x /= weight.max(f64::MIN_POSITIVE))
            }
        }
        // What the rounding of the mean makes of a constant feature is no variance.
        Zip::from(&mut variance).and(&mean).for_each(|variance, mean| {
            if *variance <= (8.0 * f64::EPSILON * mean).powi(2) {
                *variance = 0.0;
            }
        });
        (mean, variance)
    }

    /// Takes units that follow.
    fn push(&mut self, mut units: &[FeatureMoments]) {
        while !units.is_empty() {
            let run = first_run(self.next, UNIT, units.len());
            let (now, later) = units.split_at(run);
            let mut sums = Runs::new(UNIT);
            now.iter().enumerate().for_each(|(i, unit)| sums.push(i * UNIT, 1, unit.clone(), drop));
            if let Some(sum) = sums.total(drop) {
                self.units.push(self.next, run, sum, drop);
            }
            self.next += run * UNIT;
            units = later;
        }
    }

    fn push_waiting(&mut self, d: usize) {
        let Waiting { values, weights } = std::mem::take(&mut self.waiting);
        if !values.is_empty() {
            self.push(&[of_values(&values, weights.as_deref(), d)]);
        }
    }
}

impl Waiting {
    fn add(&mut self, samples: &Samples, weights: Option<ArrayView1<f64>>, rows: Range<usize>) {
        if let Some(weights) = weights {
            self.weights.get_or_insert_default().extend(rows.clone().map(|row| weights[row]));
        }
        samples.for_each_row(rows, |_, x| self.values.extend_from_slice(x));
    }
}

/// The moments of some rows.
fn of_rows(samples: &Samples, weights: Option<ArrayView1<f64>>, rows: Range<usize>) -> FeatureMoments {
    let d = samples.dim().1;
    let values = rows.start * d..rows.end * d;
    let own: Option<Vec<f64>> = weights.map(|weights| rows.clone().map(|row| weights[row]).collect());
    let in_order = match samples {
        Samples::F32(all) => all.as_slice().map(|all| of_values(&all[values], own.as_deref(), d)),
        Samples::F64(all) => all.as_slice().map(|all| of_values(&all[values], own.as_deref(), d)),
    };
    in_order.unwrap_or_else(|| {
        let mut copy = Waiting::default();
        copy.add(samples, weights, rows);
        of_values(&copy.values, own.as_deref(), d)
    })
}

/// The moments of rows that lie one after another: the mean about the first row, so that that of a constant feature is
/// the constant to the last bit, and then squares about the mean.
fn of_values<E: Copy + Into<f64>>(values: &[E], weights: Option<&[f64]>, d: usize) -> FeatureMoments {
    if values.iter().any(|x| (*x).into().is_nan()) {
        return of_incomplete(values, weights, d);
    }
    let first: Vec<f64> = values[..d].iter().map(|x| (*x).into()).collect();
    let weight = weights.map_or((values.len() / d) as f64, |weights| weights.iter().sum());
    if weight <= 0.0 {
        return FeatureMoments { weight: 0.0, squares: vec![0.0; d], mean: first, of_features: None };
    }
    let shift = sums(values, weights, &first, |x| x);
    let mean: Vec<f64> = first.iter().zip(shift).map(|(first, sum)| first + sum / weight).collect();
    let squares = sums(values, weights, &mean, |x| x * x);
    FeatureMoments { weight, mean, squares, of_features: None }
}

/// The same of rows some of whose values are missing, feature by feature.
fn of_incomplete<E: Copy + Into<f64>>(values: &[E], weights: Option<&[f64]>, d: usize) -> FeatureMoments {
    let weight_of = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let n = values.len() / d;
    let mut moments = FeatureMoments {
        weight: (0..n).map(weight_of).sum(),
        mean: vec![0.0; d],
        squares: vec![0.0; d],
        of_features: Some(vec![0.0; d]),
    };
    let column =
        |i: usize| (0..n).map(move |row| (values[row * d + i].into(), weight_of(row))).filter(|(x, _)| !x.is_nan());
    for i in 0..d {
        let Some((first, _)) = column(i).next() else { continue };
        let weight: f64 = column(i).map(|(_, weight)| weight).sum();
        let shift: f64 = column(i).map(|(x, weight)| weight * (x - first)).sum();
        let mean = if weight > 0.0 { first + shift / weight } else { first };
        let squares = column(i).map(|(x, weight)| weight * (x - mean) * (x - mean)).sum();
        (moments.mean[i], moments.squares[i]) = (mean, squares);
        if let Some(weights) = &mut moments.of_features {
            weights[i] = weight;
        }
    }
    moments
}

/// Sums of weight times term(x - origin): `[D]`.
fn sums<E: Copy + Into<f64>>(
    values: &[E],
    weights: Option<&[f64]>,
    origin: &[f64],
    term: impl Fn(f64) -> f64,
) -> Vec<f64> {
    let d = origin.len();
    let Some(weights) = weights else { return side_by_side(values, origin, term) };
    let mut sums = vec![0.0; d];
    for (values, weight) in values.chunks_exact(d).zip(weights) {
        for ((sum, x), origin) in sums.iter_mut().zip(values).zip(origin) {
            *sum += weight * term((*x).into() - origin);
        }
    }
    sums
}

/// Sums over rows of equal weight, some rows at once where these are short.
fn side_by_side<E: Copy + Into<f64>>(values: &[E], origin: &[f64], term: impl Fn(f64) -> f64) -> Vec<f64> {
    let d = origin.len();
    let origins: Vec<f64> = origin.iter().copied().cycle().take(d * LANES.div_ceil(d)).collect();
    let mut sums = vec![0.0; origins.len()];
    for values in values.chunks(origins.len()) {
        for ((sum, x), origin) in sums.iter_mut().zip(values).zip(&origins) {
            *sum += term((*x).into() - origin);
        }
    }
    let (first, rest) = sums.split_at_mut(d);
    rest.chunks(d).for_each(|more| first.iter_mut().zip(more).for_each(|(sum, more)| *sum += more));
    sums.truncate(d);
    sums
}
