//! Backends: passes over samples that a device has loaded.

use std::ops::Range;
use std::sync::Arc;

use ndarray::Array2;

use crate::data::home::{Home, Place};
use crate::data::points::Points;
use crate::data::subsample::thinned_places;
use crate::data::summary::Summary;
use crate::device::assessment::{Assessment, VisitAssessed};
use crate::device::blocks::LostDigits;
use crate::device::choice::DeviceInfo;
use crate::device::task::{Answer, Assignment, SumsTask, Task, unexpected};
use crate::error::{Error, Result};
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;
use crate::model::quadratics::Quadratics;

/// A hard assignment is to the first of the components whose log-density is below the greatest by no more than this
/// times (1 + the magnitude of that): of equals the first, however a device rounds.
pub(crate) const HARD_SLACK: f64 = 1e-5;

/// The time that a kernel of a device takes.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelTime {
    /// Name of the kernel.
    pub kernel: &'static str,
    /// Seconds in one E pass with the sums of the M step.
    pub seconds: f64,
}

#[cfg(feature = "gpu")]
impl KernelTime {
    /// The time with that of another part of the same pass.
    pub(crate) fn plus(&self, more: &KernelTime) -> KernelTime {
        KernelTime { kernel: self.kernel, seconds: self.seconds + more.seconds }
    }
}

/// Samples on a device, and the passes over them.
///
/// The same model, samples and device give the same bits, whatever the number of threads.
///
/// Only devices of this crate are backends; whoever computes elsewhere answers tasks ([`Search`](crate::fit::Search)).
pub trait Backend: sealed::Sealed + Send {
    /// The device.
    fn info(&self) -> &DeviceInfo;

    /// Summary of the samples.
    fn summary(&self) -> &Summary;

    /// Where the samples stay.
    fn home(&self) -> Home;

    /// Whether samples move in every pass, so that several tasks are cheaper in one.
    fn moves_samples(&self) -> bool {
        self.home().place == Place::Disk
    }

    /// Whether it answers [`Task::Truncated`]: the processor does, for samples that memory holds.
    fn truncates(&self) -> bool {
        false
    }

    /// Answers tasks, in one pass over all samples.
    ///
    /// # Errors
    /// [`Error::FeatureCount`], or what the device reports. A pass that is stopped has no answers.
    fn run(&mut self, tasks: &[Task]) -> Result<Vec<Answer>>;

    /// Gives back the memory that nothing but passes needs: the next one makes it anew.
    fn rest(&mut self) {}

    /// Log-densities and labels of a range of samples.
    ///
    /// # Errors
    /// As [`Backend::run`].
    fn assess(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Assessment>;

    /// Log-densities and labels of all samples, with the samples, in one pass over them: `visit(first, samples,
    /// assessment)` for one part after another, `first` being the number of its first sample.
    ///
    /// # Errors
    /// As [`Backend::run`], and what the visitor returns, which ends the pass.
    fn assess_each(&mut self, model: &Quadratics, visit: &mut VisitAssessed) -> Result<()>;

    /// Posterior probabilities of the components for a range of samples: `[n, K]`.
    ///
    /// # Errors
    /// As [`Backend::run`].
    fn responsibilities(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Array2<f64>>;

    /// The time of each kernel in a pass like that of [`Backend::moments`], by the device's own clock; nothing where
    /// the device has no kernels or no such clock.
    ///
    /// # Errors
    /// As [`Backend::run`].
    fn kernel_times(&mut self, mixture: &Mixture) -> Result<Vec<KernelTime>> {
        check_features(mixture.quadratics(), self.n_features())?;
        Ok(Vec::new())
    }

    /// Tunes the device for passes like that of [`Backend::moments`] now, unless it is not to be tuned, or was
    /// ([`Tune`](crate::device::Tune)).
    ///
    /// # Errors
    /// As [`Backend::run`].
    fn tune(&mut self, mixture: &Mixture) -> Result<()> {
        check_features(mixture.quadratics(), self.n_features())
    }

    /// N.
    fn n_samples(&self) -> usize {
        self.summary().n_samples()
    }

    /// D.
    fn n_features(&self) -> usize {
        self.summary().n_features()
    }

    /// One E pass and the sums of the M step, over all samples.
    ///
    /// # Errors
    /// As [`Backend::run`].
    fn moments(&mut self, mixture: &Mixture, assignment: Assignment) -> Result<Moments> {
        self.moments_under(mixture.quadratics(), assignment, mixture.covariance_type())
    }

    /// The same under any model: the moments of a family.
    ///
    /// # Errors
    /// As [`Backend::run`].
    fn moments_under(
        &mut self,
        model: &Arc<Quadratics>,
        assignment: Assignment,
        family: CovarianceType,
    ) -> Result<Moments> {
        self.moments_of(SumsTask::new(model, assignment, family, self.summary()), family)
    }

    /// The moments of a family, by a task.
    ///
    /// # Errors
    /// As [`Backend::run`].
    #[doc(hidden)]
    fn moments_of(&mut self, task: SumsTask, family: CovarianceType) -> Result<Moments> {
        let (total_weight, model) = (self.summary().total_weight(), task.quadratics.clone());
        match only(self.run(&[Task::Sums(task.clone())])?)?.sums()?.moments(family, model.means(), total_weight) {
            Ok(moments) => Ok(moments),
            Err(LostDigits) => {
                let sums = only(self.run(&[Task::Sums(task.directly())])?)?.sums()?;
                sums.moments(family, model.means(), total_weight).map_err(|LostDigits| unexpected())
            }
        }
    }

    /// Copies as f64, with their weights, of at most `count` samples of positive weight, evenly thinned, so that no
    /// period in the data falls in step.
    ///
    /// # Errors
    /// As [`Backend::run`].
    fn thinned(&mut self, count: usize) -> Result<Points<'static>> {
        let places = thinned_places(self.summary().n_effective(), count);
        let (n, d, may_lack) = (places.len(), self.n_features(), !self.summary().holes().is_none());
        only(self.run(&[Task::Samples(Arc::new(places))])?)?.samples()?.into_points(n, d, may_lack)
    }

    /// Total log-likelihood of all samples: the sum of weight times log p(x_n).
    ///
    /// # Errors
    /// As [`Backend::run`].
    fn log_likelihood(&mut self, model: &Arc<Quadratics>) -> Result<f64> {
        let total_weight = self.summary().total_weight();
        Ok(only(self.run(&[Task::Sums(SumsTask::log_likelihood(model))])?)?.sums()?.log_likelihood(total_weight))
    }
}

pub(crate) mod sealed {
    /// Marks the devices of this crate.
    pub trait Sealed {}
}

/// The answer to the only task.
fn only(answers: Vec<Answer>) -> Result<Answer> {
    answers.into_iter().next().ok_or_else(unexpected)
}

/// The check that every pass begins with.
pub(crate) fn check_features(model: &Quadratics, n_features: usize) -> Result<()> {
    if model.n_features() == n_features {
        Ok(())
    } else {
        Err(Error::FeatureCount { expected: model.n_features(), found: n_features })
    }
}
