//! The answer of a pass that an M step needs: sums over samples, which combine over parts, and become moments in the
//! end.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::data::runs::{Add, Runs};
use crate::data::summary::Summary;
use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::moments::Moments;
use crate::model::statistics::Statistics;

/// By how much sums may be off: a share of the total weight, or of what they should be.
pub(crate) const TOLERANCE: f64 = 1e-3;

/// Shape of a pass: for each of K components its count, D first moments, and second moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) k: usize,
    pub(crate) d: usize,
    /// Lower triangles row by row, or diagonals; `None` where they are found otherwise.
    pub(crate) second: Option<Statistics>,
}

impl Shape {
    /// Sums of a component.
    pub(crate) fn per_component(self) -> usize {
        let second = match self.second {
            Some(Statistics::Triangles | Statistics::Pooled) => self.d * (self.d + 1) / 2,
            Some(Statistics::Diagonals) => self.d,
            None => 0,
        };
        1 + self.d + second
    }

    /// All sums.
    pub(crate) fn len(self) -> usize {
        self.k * self.per_component()
    }
}

/// Sums over some samples, in f64 and in the coordinates of the pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    shape: Shape,
    /// In the order of [`Shape`]: r, r (x - mean) and r (x - mean) x^T, the diagonal of r (x - mean) (x - mean)^T.
    numbers: Vec<f64>,
    pub(crate) log_likelihood: f64,
}

impl Add for Numbers {
    fn add(&mut self, following: &Self) {
        self.numbers.iter_mut().zip(&following.numbers).for_each(|(to, from)| *to += from);
        self.log_likelihood += following.log_likelihood;
    }
}

impl Numbers {
    pub(crate) fn zero(shape: Shape) -> Self {
        Numbers { shape, numbers: vec![0.0; shape.len()], log_likelihood: 0.0 }
    }

    pub(crate) fn clear(&mut self) {
        self.numbers.fill(0.0);
        self.log_likelihood = 0.0;
    }

    /// In the order of [`Shape`].
    pub(crate) fn numbers_mut(&mut self) -> &mut [f64] {
        &mut self.numbers
    }

    fn components(&self) -> impl ExactSizeIterator<Item = (&f64, &[f64], &[f64])> {
        self.numbers.chunks_exact(self.shape.per_component()).map(|numbers| {
            let (count, sums) = numbers.split_first().expect("the count comes first");
            let (first, second) = sums.split_at(self.shape.d);
            (count, first, second)
        })
    }

    /// N_k: `[K]`.
    fn counts(&self) -> Array1<f64> {
        self.components().map(|(count, ..)| *count).collect()
    }

    /// Sum of r (x - mean), in units of the features, which the coordinates multiply by `scale`: `[K, D]`.
    fn first(&self, scale: &[f64]) -> Array2<f64> {
        let mut first = Array2::zeros((self.shape.k, self.shape.d));
        for (mut to, (_, from, _)) in first.outer_iter_mut().zip(self.components()) {
            to.iter_mut().zip(from).zip(scale).for_each(|((to, from), scale)| *to = from / scale);
        }
        first
    }

    /// Second moments about the means `[K, D]` of the pass, in the shape of a family and in units of the features.
    fn second(&self, family: CovarianceType, means: &[f64], scale: &[f64]) -> CovarianceArray {
        let Shape { k, d, second } = self.shape;
        let components: Vec<_> = self.components().collect();
        CovarianceArray::of_moments(family, k, d, |k, i, j| {
            let (_, first, sums) = components[k];
            if second == Some(Statistics::Diagonals) {
                return sums[i] / (scale[i] * scale[i]);
            }
            // Sums were of r (x - mean) x^T.
            let (row, column) = (i.max(j), i.min(j));
            let about_zero = sums[row * (row + 1) / 2 + column];
            (about_zero - first[row] * means[k * d + column]) / (scale[i] * scale[j])
        })
    }
}

/// Sums over samples under a model, of all or of a part: what a pass answers to
/// [`Task::Sums`](crate::device::Task::Sums).
///
/// Sums of parts combine; on the CPU, those of parts of whole blocks ([`block_rows`](crate::data::block_rows)) to the
/// bits of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Samples that went in, and their weight.
    n_samples: usize,
    total_weight: f64,
    made: Made,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Made {
    /// On the CPU, block by block.
    Blocks(Box<Blocks>),
    /// On another device: moments about the means of the model, in the shape of their statistics, and with a
    /// log-likelihood that lacks the reference.
    Moments(Box<Moments>, f64),
    /// The log-likelihood alone, of parts whose devices sum differently.
    LogLikelihood(f64),
    /// Moments of parts whose devices sum differently, of which one lost digits.
    LostDigits,
}

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

impl Sums {
    pub(crate) fn of_blocks(summary: &Summary, blocks: Blocks) -> Self {
        let (n_samples, total_weight) = (summary.n_samples(), summary.total_weight());
        Sums { n_samples, total_weight, made: Made::Blocks(Box::new(blocks)) }
    }

    #[cfg(any(feature = "gpu", test))]
    pub(crate) fn of_moments(summary: &Summary, moments: Moments, reference: f64) -> Self {
        let (n_samples, total_weight) = (summary.n_samples(), summary.total_weight());
        Sums { n_samples, total_weight, made: Made::Moments(Box::new(moments), reference) }
    }

    /// Samples that went in.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Checks that these are the sums of all samples, whose summary is given, under a model of K components with the
    /// statistics that were asked for; whoever made them may be anywhere.
    ///
    /// # Errors
    /// [`Error::Parts`].
    pub(crate) fn check_complete(&self, k: usize, statistics: Option<Statistics>, all: &Summary) -> Result<()> {
        let wrong = |problem: String| Err(Error::Parts { problem });
        if self.n_samples != all.n_samples() {
            return wrong(format!(
                "the sums are those of {} samples, and there are {}",
                self.n_samples,
                all.n_samples()
            ));
        }
        let has_shape = match &self.made {
            Made::Blocks(blocks) => blocks.has_shape(k, all.n_features(), statistics),
            Made::Moments(moments, _) => moments.has_shape(k, all.n_features(), statistics),
            Made::LogLikelihood(_) => statistics.is_none(),
            Made::LostDigits => statistics == Some(Statistics::Pooled),
        };
        if !has_shape {
            return wrong("sums have the shape of another model".to_owned());
        }
        self.check_numbers(all.total_weight()).or_else(|problem| wrong(format!("sums are wrong: {problem}")))
    }

    /// Checks the sums of a device for the samples that it has.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.check_numbers(self.total_weight)
    }

    /// Checks that the counts sum to a total weight, and that all sums are numbers; otherwise says what is wrong.
    fn check_numbers(&self, total_weight: f64) -> Result<(), String> {
        match &self.made {
            Made::Blocks(blocks) => blocks.check(total_weight),
            Made::Moments(moments, reference) => {
                check_finite("the log-likelihood", [&moments.log_likelihood, reference])?;
                check_finite("a count", &moments.counts)?;
                check_finite("a first moment", &moments.first)?;
                check_finite("a second moment", moments.second.values())?;
                check_counts(moments.counts.sum(), total_weight)
            }
            Made::LogLikelihood(log_likelihood) => check_finite("the log-likelihood", [log_likelihood]),
            Made::LostDigits => Ok(()),
        }
    }

    /// The sums over these samples and over another part. Those of devices that sum differently are finished first, to
    /// moments about the means of the model.
    ///
    /// # Errors
    /// [`Error::Parts`] if they were made for different models.
    pub fn combine(self, other: Sums) -> Result<Self> {
        let (n_samples, total_weight) = (self.n_samples + other.n_samples, self.total_weight + other.total_weight);
        let made = match (self.made, other.made) {
            (Made::Blocks(one), Made::Blocks(other)) if one.is_summed_like(&other) => Made::Blocks(one.append(*other)),
            (Made::Moments(one, reference), Made::Moments(other, its)) if reference == its => {
                Made::Moments(Box::new(one.combine(&other).map_err(|_| differ())?), reference)
            }
            (one, its) => {
                let about = one.means().or(its.means()).cloned();
                let finished = (
                    one.finished(about.as_ref(), self.total_weight)?,
                    its.finished(about.as_ref(), other.total_weight)?,
                );
                match finished {
                    (Made::Moments(one, _), Made::Moments(other, _)) => {
                        Made::Moments(Box::new(one.combine(&other).map_err(|_| differ())?), 0.0)
                    }
                    (Made::LostDigits, Made::LostDigits | Made::Moments(..))
                    | (Made::Moments(..), Made::LostDigits) => Made::LostDigits,
                    (one, other) => match (one.alone(), other.alone()) {
                        (Some(one), Some(other)) => Made::LogLikelihood(one + other),
                        _ => return Err(differ()),
                    },
                }
            }
        };
        Ok(Sums { n_samples, total_weight, made })
    }

    /// The log-likelihood of samples of the given total weight.
    pub(crate) fn log_likelihood(self, total_weight: f64) -> f64 {
        match self.made {
            Made::Blocks(blocks) => blocks.log_likelihood(total_weight),
            Made::Moments(moments, reference) => moments.log_likelihood + reference * total_weight,
            Made::LogLikelihood(log_likelihood) => log_likelihood,
            // Whoever wants the log-likelihood alone has no second moments, and so none that lost digits.
            Made::LostDigits => f64::NAN,
        }
    }

    /// The moments about the means of the model, `[K, D]`, of samples of the given total weight.
    pub(crate) fn moments(
        self,
        family: CovarianceType,
        means: &Array2<f64>,
        total_weight: f64,
    ) -> Result<Moments, LostDigits> {
        match self.made {
            Made::Blocks(blocks) => blocks.moments(family, means, total_weight),
            Made::Moments(mut moments, reference) => {
                moments.second = moments.second.into_family(family);
                moments.total_weight = total_weight;
                moments.log_likelihood += reference * total_weight;
                Ok(*moments)
            }
            // Refused before, for they are no moments.
            Made::LogLikelihood(_) => Ok(Moments::zero(family, means.clone())),
            Made::LostDigits => Err(LostDigits),
        }
    }
}

fn differ() -> Error {
    Error::Parts { problem: "sums of different models, or of different tasks".to_owned() }
}

impl Made {
    /// The means of the model `[K, D]`, where they are known exactly.
    fn means(&self) -> Option<&Array2<f64>> {
        match self {
            Made::Blocks(blocks) if !blocks.single_precision => Some(&blocks.origins),
            Made::Moments(moments, _) => Some(&moments.origins),
            _ => None,
        }
    }

    /// What sums of other devices combine with: moments about the means of the model, without a reference, or the
    /// log-likelihood, of samples of the given total weight.
    fn finished(self, means: Option<&Array2<f64>>, total_weight: f64) -> Result<Made> {
        Ok(match self {
            Made::Blocks(blocks) => match blocks.statistics {
                None => Made::LogLikelihood(blocks.log_likelihood(total_weight)),
                Some(statistics) => {
                    let fits = |means: &&Array2<f64>| {
                        let (k, d) = means.dim();
                        blocks.has_shape(k, d, Some(statistics)) && blocks.is_about(means)
                    };
                    let means = means.filter(fits).ok_or_else(differ)?;
                    match blocks.moments(statistics.family(), means, total_weight) {
                        // Like those of other devices, which are without it.
                        Ok(moments) => Made::Moments(Box::new(Moments { total_weight: 0.0, ..moments }), 0.0),
                        Err(LostDigits) => Made::LostDigits,
                    }
                }
            },
            Made::Moments(mut moments, reference) => {
                moments.log_likelihood += reference * total_weight;
                Made::Moments(moments, 0.0)
            }
            made @ (Made::LogLikelihood(_) | Made::LostDigits) => made,
        })
    }

    /// The log-likelihood, of what is finished, where it may have been wanted alone.
    fn alone(&self) -> Option<f64> {
        match self {
            Made::LogLikelihood(log_likelihood) => Some(*log_likelihood),
            Made::Moments(moments, _) => Some(moments.log_likelihood),
            Made::Blocks(_) | Made::LostDigits => None,
        }
    }
}

impl Blocks {
    /// Whether these are sums under the same model, in the same arithmetic.
    fn is_summed_like(&self, other: &Blocks) -> bool {
        self.single_precision == other.single_precision
            && (&self.origins, &self.scale) == (&other.origins, &other.scale)
            && self.scatter.is_some() == other.scatter.is_some()
    }

    /// Whether the means of the model may be these, of which sums in single precision know what rounding left.
    fn is_about(&self, means: &Array2<f64>) -> bool {
        let is_near = |((k, i), own): ((usize, usize), &f64)| {
            let most = f64::from(f32::EPSILON) * ((own - self.shift[i]).abs() + self.scale[i].recip());
            (own - means[[k, i]]).abs() <= most
        };
        match self.single_precision {
            true => self.origins.indexed_iter().all(is_near),
            false => self.origins == *means,
        }
    }

    fn append(mut self: Box<Self>, other: Blocks) -> Box<Self> {
        self.runs.append(other.runs);
        if let (Some(to), Some(from)) = (&mut self.scatter, other.scatter) {
            to.runs.append(from.runs);
        }
        self
    }

    /// The log-likelihood of samples of the given total weight.
    fn log_likelihood(self, total_weight: f64) -> f64 {
        self.runs.total(drop).map_or(0.0, |sums| sums.log_likelihood) + self.reference * total_weight
    }

    /// Whether these are sums under K components of D features, with the statistics that were asked for.
    fn has_shape(&self, k: usize, d: usize, statistics: Option<Statistics>) -> bool {
        let second = match (statistics, &self.scatter) {
            (Some(Statistics::Pooled), Some(_)) => None,
            (Some(Statistics::Pooled), None) => Some(Statistics::Triangles),
            (statistics, _) => statistics,
        };
        let expected = Shape { k, d, second };
        let is_good = |sums: &Numbers, expected: Shape| sums.shape == expected && sums.numbers.len() == expected.len();
        let of_all = Shape { k: 1, d, second: Some(Statistics::Triangles) };
        self.origins.dim() == (k, d)
            && self.means.len() == k * d
            && [self.shift.len(), self.scale.len()] == [d, d]
            && self.statistics == statistics
            && (statistics.is_none() || self.runs.iter().all(|sums| is_good(sums, expected)))
            && self.scatter.iter().flat_map(|scatter| scatter.runs.iter()).all(|sums| is_good(sums, of_all))
            && self.runs.begin_once()
    }

    fn check(&self, total_weight: f64) -> Result<(), String> {
        let mut counts = 0.0;
        for sums in self.runs.iter() {
            check_finite("the log-likelihood", [&sums.log_likelihood])?;
            check_finite("a sum", &sums.numbers)?;
            counts += sums.components().map(|(count, ..)| count).sum::<f64>();
        }
        // Where only the log-likelihood was wanted there are no counts.
        if counts == 0.0 && self.statistics.is_none() { Ok(()) } else { check_counts(counts, total_weight) }
    }

    fn moments(self, family: CovarianceType, means: &Array2<f64>, total_weight: f64) -> Result<Moments, LostDigits> {
        let (k, d) = self.origins.dim();
        let sums = self.runs.total(drop).unwrap_or_else(|| Numbers::zero(Shape { k, d, second: None }));
        let (counts, first) = (sums.counts(), sums.first(&self.scale));
        let second = match self.scatter {
            None => sums.second(family, &self.means, &self.scale),
            Some(scatter) => {
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

fn check_counts(found: f64, expected: f64) -> Result<(), String> {
    match (found - expected).abs() <= TOLERANCE * expected {
        true => Ok(()),
        false => {
            let share = found / expected;
            Err(format!("the counts of the components sum to {share:.4} of the total weight {expected:?}"))
        }
    }
}

/// Checks that numbers are finite; otherwise says which is not.
pub(crate) fn check_finite<'a>(what: &str, numbers: impl IntoIterator<Item = &'a f64>) -> Result<(), String> {
    match numbers.into_iter().find(|x| !x.is_finite()) {
        None => Ok(()),
        Some(x) => Err(format!("{what} is {x}")),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::data::points::Points;
    use crate::device::backend::Backend;
    use crate::device::cpu::CpuBackend;
    use crate::device::task::{Assignment, SumsTask, Task};
    use crate::model::mixture::Mixture;

    /// Four samples, and their sums under two components of a family, as written down by the CPU.
    fn sums(family: CovarianceType) -> (Summary, Sums) {
        let points = Points::new(array![[0.0, 1.0], [1.0, 0.0], [5.0, 6.0], [6.0, 5.0]]).unwrap();
        let covariances = CovarianceArray::diagonal(family, 2, &array![1.0, 1.0]);
        let mixture = Mixture::new(array![0.5, 0.5], array![[0.0, 0.0], [6.0, 6.0]], covariances).unwrap();
        let task = SumsTask::new(mixture.quadratics(), Assignment::Soft, family, points.summary());
        let answer = CpuBackend::new(&points).run(&[Task::Sums(task)]).unwrap().remove(0);
        (points.summary().clone(), answer.sums().unwrap())
    }

    fn blocks(sums: &mut Sums) -> &mut Blocks {
        match &mut sums.made {
            Made::Blocks(blocks) => blocks,
            _ => unreachable!("the CPU sums blocks"),
        }
    }

    #[test]
    fn sums_of_all_samples_are_taken_in_every_family() {
        for family in CovarianceType::ALL {
            let (summary, sums) = sums(family);
            sums.check_complete(2, Some(family.statistics()), &summary).unwrap();
        }
    }

    #[test]
    fn sums_that_a_worker_spoiled_are_refused() {
        type Lie = (fn(&mut Sums), &'static str);
        let lies: [Lie; 7] = [
            (|sums| sums.n_samples = 3, "those of 3 samples, and there are 4"),
            (|sums| blocks(sums).means.truncate(1), "another model"),
            (|sums| blocks(sums).shift.push(0.0), "another model"),
            (|sums| blocks(sums).runs.iter_mut().for_each(|sums| sums.numbers.truncate(3)), "another model"),
            (|sums| blocks(sums).runs.iter_mut().for_each(|sums| sums.shape.k = 1), "another model"),
            (|sums| blocks(sums).runs.iter_mut().for_each(|sums| sums.numbers[1] = f64::NAN), "a sum is NaN"),
            (|sums| blocks(sums).runs.iter_mut().for_each(Numbers::clear), "0.0000 of the total weight 4.0"),
        ];
        for (lie, said) in lies {
            let (summary, mut sums) = sums(CovarianceType::Full);
            lie(&mut sums);
            let error = sums.check_complete(2, Some(Statistics::Triangles), &summary).unwrap_err().to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
        let (summary, sums) = sums(CovarianceType::Full);
        assert!(sums.check_complete(3, Some(Statistics::Triangles), &summary).is_err());
        assert!(sums.check_complete(2, Some(Statistics::Diagonals), &summary).is_err());
        assert!(sums.check_complete(2, None, &summary).is_err());
    }

    #[test]
    fn digits_that_a_part_lost_beside_another_device_are_lost_for_all_and_wanted_directly() {
        let (summary, blocks) = sums(CovarianceType::Tied);
        let lost = || Sums { made: Made::LostDigits, ..blocks.clone() };
        let (means, all) = (array![[0.0, 0.0], [6.0, 6.0]], summary.total_weight());
        let moments = blocks.clone().moments(CovarianceType::Tied, &means, all).unwrap();
        let moments = || Sums::of_moments(&summary, Moments { total_weight: 0.0, ..moments.clone() }, 0.0);
        for (one, other) in [(lost(), moments()), (moments(), lost()), (lost(), lost())] {
            let both = one.combine(other).unwrap();
            assert_eq!(both.n_samples, 8);
            assert_eq!(both.moments(CovarianceType::Tied, &means, 2.0 * all), Err(LostDigits));
        }
        let log_likelihood = Sums { made: Made::LogLikelihood(-1.0), ..blocks.clone() };
        assert!(matches!(lost().combine(log_likelihood), Err(Error::Parts { .. })));
        // Blocks and moments are finished alike.
        let both = blocks.clone().combine(moments()).unwrap().moments(CovarianceType::Tied, &means, 2.0 * all).unwrap();
        let twice = blocks.moments(CovarianceType::Tied, &means, all).unwrap().scaled(2.0);
        assert_eq!(both, twice);
    }

    #[test]
    fn sums_of_another_model_are_refused_whoever_made_them() {
        let (summary, blocks) = sums(CovarianceType::Full);
        let zero = Moments::zero(CovarianceType::Full, array![[0.0, 0.0], [6.0, 7.0]]);
        let other = Sums::of_moments(&summary, zero, 0.0);
        assert!(matches!(blocks.clone().combine(other.clone()), Err(Error::Parts { .. })));
        assert!(matches!(other.combine(blocks), Err(Error::Parts { .. })));
    }

    #[test]
    fn the_sums_of_a_part_that_answered_twice_are_refused() {
        let (summary, part) = sums(CovarianceType::Diag);
        let mut twice = part.clone().combine(part).unwrap();
        twice.n_samples = 4;
        blocks(&mut twice).runs.iter_mut().for_each(|sums| sums.numbers.iter_mut().for_each(|x| *x *= 0.5));
        assert!(twice.check_complete(2, Some(Statistics::Diagonals), &summary).is_err());
    }
}
