//! The answer of a pass that an M step needs: sums over samples, which combine over parts, and become moments in the
//! end.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::data::summary::Summary;
use crate::device::blocks::{Blocks, LostDigits};
use crate::device::plausible::{check_counts, check_finite};
use crate::error::{Error, Result};
use crate::model::family::CovarianceType;
use crate::model::moments::Moments;
use crate::model::statistics::Statistics;

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
    /// Log-densities that were evaluated, of so many: samples times components.
    evaluated: f64,
    all: f64,
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

impl Sums {
    pub(crate) fn of_blocks(summary: &Summary, blocks: Blocks) -> Self {
        let (n_samples, total_weight) = (summary.n_samples(), summary.total_weight());
        let (evaluated, all) = (blocks.pairs(), n_samples as f64 * blocks.origins.nrows() as f64);
        Sums { n_samples, total_weight, evaluated, all, made: Made::Blocks(Box::new(blocks)) }
    }

    #[cfg(any(feature = "gpu", test))]
    pub(crate) fn of_moments(summary: &Summary, moments: Moments, reference: f64) -> Self {
        let (n_samples, total_weight) = (summary.n_samples(), summary.total_weight());
        let all = n_samples as f64 * moments.counts.len() as f64;
        Sums { n_samples, total_weight, evaluated: all, all, made: Made::Moments(Box::new(moments), reference) }
    }

    /// The same sums, for which so many log-densities were evaluated.
    #[cfg(feature = "gpu")]
    pub(crate) fn of_pairs(self, evaluated: f64) -> Self {
        Sums { evaluated, ..self }
    }

    /// Samples that went in.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Share of the log-densities of all samples and components that were evaluated: what pruning left.
    pub fn evaluated(&self) -> f64 {
        if self.all > 0.0 { self.evaluated / self.all } else { 1.0 }
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
        self.check_evaluated()?;
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

    /// Checks that samples met components, and no more of them than there are.
    fn check_evaluated(&self) -> Result<(), String> {
        let Sums { evaluated, all, n_samples, .. } = *self;
        // Devices may count in single precision.
        match evaluated >= 0.0 && evaluated <= 1.001 * all && (evaluated > 0.0 || all == 0.0) {
            true => Ok(()),
            false => Err(format!("{evaluated} of {all} log-densities of {n_samples} samples were evaluated")),
        }
    }

    /// The sums over these samples and over another part. Those of devices that sum differently are finished first, to
    /// moments about the means of the model.
    ///
    /// # Errors
    /// [`Error::Parts`] if they were made for different models.
    pub fn combine(self, other: Sums) -> Result<Self> {
        let (n_samples, total_weight) = (self.n_samples + other.n_samples, self.total_weight + other.total_weight);
        let (evaluated, all) = (self.evaluated + other.evaluated, self.all + other.all);
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
        Ok(Sums { n_samples, total_weight, evaluated, all, made })
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

fn unlike() -> Error {
    let problem = "sums over samples of which values are missing, of devices that round means differently".to_owned();
    Error::Parts { problem }
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
                Some(_) if blocks.variances.is_some() => return Err(unlike()),
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

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::data::points::Points;
    use crate::device::backend::Backend;
    use crate::device::cpu::CpuBackend;
    use crate::device::numbers::Numbers;
    use crate::device::task::{Assignment, SumsTask, Task};
    use crate::model::covariance::CovarianceArray;
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
        let lies: [Lie; 10] = [
            (|sums| sums.n_samples = 3, "those of 3 samples, and there are 4"),
            (|sums| sums.evaluated = 0.0, "0 of 8 log-densities of 4 samples"),
            (|sums| sums.evaluated = 9.0, "9 of 8 log-densities"),
            (|sums| sums.evaluated = f64::NAN, "NaN of 8 log-densities"),
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
