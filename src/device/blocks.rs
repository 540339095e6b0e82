//! Sums along the tree of blocks of samples, as the CPU makes them, and the moments that they come to.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::data::runs::Runs;
use crate::device::numbers::{Numbers, Shape};
use crate::device::plausible::{check_counts, check_finite};
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::moments::Moments;
use crate::model::statistics::Statistics;

/// Sums along the tree of the blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Blocks {
    pub(crate) runs: Runs<Numbers>,
    /// Means of the model in the coordinates of the pass, as rounded to its precision; none where only the
    /// log-likelihood is wanted: `[K, D]`.
    pub(crate) means: Vec<f64>,
    /// The same in units of the features.
    pub(crate) origins: Array2<f64>,
    /// Of the coordinates: `[D]`.
    pub(crate) shift: Vec<f64>,
    pub(crate) scale: Vec<f64>,
    /// Reference: the number subtracted from every log-density.
    pub(crate) reference: f64,
    pub(crate) single_precision: bool,
    /// Second moments that were wanted; without any, the log-likelihood alone was summed.
    pub(crate) statistics: Option<Statistics>,
    /// Where second moments are to be found from it.
    pub(crate) scatter: Option<Scatter>,
    /// Variances of the model `[K, D]`, where samples count for the features that they have alone.
    pub(crate) variances: Option<Array2<f64>>,
}

/// The scatter of all samples about the origin of the coordinates: sum of w (x - shift)(x - shift)^T.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scatter {
    pub(crate) runs: Runs<Numbers>,
    /// The least share of it that must be left within components.
    pub(crate) least_share: f64,
}

/// Second moments were found as a difference that lost too many digits: they are to be summed themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LostDigits;

impl Blocks {
    /// Whether these are sums under the same model, in the same arithmetic.
    pub(super) fn is_summed_like(&self, other: &Blocks) -> bool {
        // Counted by feature, sums about the same means do not tell in which precision they were made, and could not be combined
        // otherwise: what is left of them are moments of an M step.
        let by_feature = self.variances.is_some() && other.variances.is_some();
        (by_feature || self.single_precision == other.single_precision)
            && (&self.origins, &self.scale) == (&other.origins, &other.scale)
            && self.scatter.is_some() == other.scatter.is_some()
    }

    /// Whether the means of the model may be these, of which sums in single precision know what rounding left.
    pub(super) fn is_about(&self, means: &Array2<f64>) -> bool {
        let is_near = |((k, i), own): ((usize, usize), &f64)| {
            let most = f64::from(f32::EPSILON) * ((own - self.shift[i]).abs() + self.scale[i].recip());
            (own - means[[k, i]]).abs() <= most
        };
        match self.single_precision {
            true => self.origins.indexed_iter().all(is_near),
            false => self.origins == *means,
        }
    }

    pub(super) fn append(mut self: Box<Self>, other: Blocks) -> Box<Self> {
        self.runs.append(other.runs);
        self.single_precision |= other.single_precision;
        if let (Some(to), Some(from)) = (&mut self.scatter, other.scatter) {
            to.runs.append(from.runs);
        }
        self
    }

    /// Log-densities that were evaluated.
    pub(super) fn pairs(&self) -> f64 {
        self.runs.iter().map(|sums| sums.pairs).sum()
    }

    /// The log-likelihood of samples of the given total weight.
    pub(super) fn log_likelihood(self, total_weight: f64) -> f64 {
        self.runs.total(drop).map_or(0.0, |sums| sums.log_likelihood) + self.reference * total_weight
    }

    /// Whether these are sums under K components of D features, with the statistics that were asked for.
    pub(super) fn has_shape(&self, k: usize, d: usize, statistics: Option<Statistics>) -> bool {
        let second = match (statistics, &self.scatter) {
            (Some(Statistics::Pooled), Some(_)) => None,
            (Some(Statistics::Pooled), None) => Some(Statistics::Triangles),
            (statistics, _) => statistics,
        };
        let by_feature = self.variances.is_some();
        let second = if by_feature { Some(Statistics::Diagonals) } else { second };
        let expected = Shape { k, d, second, by_feature };
        let is_good = |sums: &Numbers, expected: Shape| sums.shape == expected && sums.numbers.len() == expected.len();
        let of_all = Shape { k: 1, d, second: Some(Statistics::Triangles), by_feature: false };
        self.origins.dim() == (k, d)
            && self.means.len() == k * d
            && [self.shift.len(), self.scale.len()] == [d, d]
            && self.statistics == statistics
            && self.variances.as_ref().is_none_or(|variances| variances.dim() == (k, d))
            && (statistics.is_none() || self.runs.iter().all(|sums| is_good(sums, expected)))
            && self.scatter.iter().flat_map(|scatter| scatter.runs.iter()).all(|sums| is_good(sums, of_all))
            && self.runs.begin_once()
    }

    pub(super) fn check(&self, total_weight: f64) -> Result<(), String> {
        let mut counts = 0.0;
        for sums in self.runs.iter() {
            check_finite("the log-likelihood", [&sums.log_likelihood])?;
            check_finite("a sum", &sums.numbers)?;
            counts += sums.components().map(|(count, ..)| count).sum::<f64>();
        }
        // Where only the log-likelihood was wanted there are no counts.
        if counts == 0.0 && self.statistics.is_none() { Ok(()) } else { check_counts(counts, total_weight) }
    }

    pub(super) fn moments(
        self,
        family: CovarianceType,
        means: &Array2<f64>,
        total_weight: f64,
    ) -> Result<Moments, LostDigits> {
        let (k, d) = self.origins.dim();
        let none = || Numbers::zero(Shape { k, d, second: None, by_feature: false });
        let sums = self.runs.total(drop).unwrap_or_else(none);
        let (counts, mut first) = (sums.counts(), sums.first(&self.scale));
        let counted_by_feature = self.variances.as_ref().zip(sums.of_features());
        let second = match (self.scatter, counted_by_feature) {
            (_, Some((variances, of_features))) => {
                let own = sums.second(CovarianceType::Diag, &self.means, &self.scale);
                let scaled = by_feature((&counts, &of_features), (first, &own), variances, family);
                first = scaled.0;
                scaled.1
            }
            (None, None) => sums.second(family, &self.means, &self.scale),
            (Some(scatter), None) => {
                let within = scatter.within(&self.shift, &self.origins, &first, &counts).ok_or(LostDigits)?;
                CovarianceArray::from_entries(family, k, d, |_, i, j| within[[i, j]], |_| 0.0)
            }
        };
        let moments = Moments {
            total_weight,
            log_likelihood: sums.log_likelihood + self.reference * total_weight,
            counts,
            first,
            origins: self.origins,
            second,
            single_precision: self.single_precision,
        };
        // Passes in single precision know the means as rounded to it only.
        Ok(if self.single_precision { moments.about(means) } else { moments })
    }
}

impl Scatter {
    /// Second moments within components, summed, about the origins o_k, from the scatter T of all samples about the
    /// origin c of the coordinates: with v = o - c, the sum over k of r (x - o)(x - o)^T is T - sum_k (v first^T +
    /// first v^T + N_k v v^T), first = sum of r (x - o). `None` where the difference is so much smaller than T that it
    /// has lost digits.
    fn within(
        self,
        shift: &[f64],
        origins: &Array2<f64>,
        first: &Array2<f64>,
        counts: &Array1<f64>,
    ) -> Option<Array2<f64>> {
        let d = shift.len();
        let sums = self.runs.total(drop)?;
        let scatter = sums.second(Statistics::Pooled.family(), &vec![0.0; d], &vec![1.0; d]);
        let scatter = Array2::from_shape_fn((d, d), |(i, j)| scatter.entry(0, i, j));
        let offsets = origins - &Array1::from(shift.to_vec());
        let mut second = scatter.clone();
        for ((v, first), count) in offsets.outer_iter().zip(first.outer_iter()).zip(counts) {
            for ((i, j), x) in second.indexed_iter_mut() {
                *x -= v[i] * first[j] + first[i] * v[j] + count * (v[i] * v[j]);
            }
        }
        let keeps_digits = |(left, all): (&f64, &f64)| *left >= self.least_share * all;
        second.diag().iter().zip(scatter.diag()).all(keeps_digits).then_some(second)
    }
}

/// Moments whose solution are the means and variances of the samples that have a feature, m_kd / N_kd and S_kd / N_kd, as if
/// the others of a component had these as well; of spherical components sum S_kd / sum N_kd. A feature that no sample of a
/// component has keeps its mean and its variance. Moments of different features are those of features that say nothing of
/// each other.
fn by_feature(
    (counts, of_features): (&Array1<f64>, &Array2<f64>),
    (first, second): (Array2<f64>, &CovarianceArray),
    variances: &Array2<f64>,
    family: CovarianceType,
) -> (Array2<f64>, CovarianceArray) {
    let (k, d) = first.dim();
    let shifts = Array2::from_shape_fn((k, d), |(k, i)| match of_features[[k, i]] {
        weight if weight > 0.0 => first[[k, i]] / weight,
        _ => 0.0,
    });
    // Sums of squares about the new means.
    let squares = |k: usize, i: usize| second.entry(k, i, i) - shifts[[k, i]] * first[[k, i]];
    let variance = |k: usize, i: usize| match of_features[[k, i]] {
        weight if weight > 0.0 => squares(k, i).max(0.0) / weight,
        _ => variances[[k, i]],
    };
    let pooled: Option<Array1<f64>> = (family == CovarianceType::Spherical).then(|| {
        let of_component = |k: usize| {
            let weight = of_features.row(k).sum();
            let squares: f64 = (0..d).map(|i| squares(k, i).max(0.0)).sum();
            if weight > 0.0 { squares / weight } else { variances[[k, 0]] }
        };
        (0..k).map(of_component).collect()
    });
    let moments = CovarianceArray::of_moments(family, k, d, |k, i, j| {
        let about_new = match &pooled {
            _ if i != j => 0.0,
            Some(pooled) => pooled[k],
            None => variance(k, i),
        };
        counts[k] * (about_new + shifts[[k, i]] * shifts[[k, j]])
    });
    let first = Array2::from_shape_fn((k, d), |(k, i)| counts[k] * shifts[[k, i]]);
    (first, moments)
}
