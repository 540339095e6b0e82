//! What every backend can do with the samples it has loaded.

use std::ops::Range;

use ndarray::{Array1, Array2};

use crate::data::Home;
use crate::data::points::Points;
use crate::device::choice::DeviceInfo;
use crate::error::{Error, Result};
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

/// How a sample is shared out among the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// By the posterior probabilities of the components, as EM does.
    Soft,
    /// Wholly to the component of the greatest posterior probability, as k-means does.
    Hard,
}

/// A hard assignment is to the first of the components whose log-density is below the greatest by no more than this times
/// (1 + the magnitude of that): of equals the first, however a device rounds.
pub(crate) const HARD_SLACK: f64 = 1e-5;

/// Log-density and most probable component of each of some samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// log p(x_n): `[n]`.
    pub log_densities: Array1<f64>,
    /// Most probable component, the lowest index among equals: `[n]`.
    pub labels: Array1<usize>,
}

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

/// What is done with each part of the samples and what a model says of it.
pub type VisitAssessed<'v> = dyn FnMut(usize, &Points, &Assessment) -> Result<()> + 'v;

/// Samples on a device, and the passes over them.
///
/// The same model, samples and device give the same bits, whatever the number of threads.
pub trait Backend: Send {
    /// The device.
    fn info(&self) -> &DeviceInfo;

    /// N.
    fn n_samples(&self) -> usize;

    /// D.
    fn n_features(&self) -> usize;

    /// Where the samples stay.
    fn home(&self) -> Home;

    /// One E pass and the sums of the M step, over all samples.
    ///
    /// # Errors
    /// [`Error::FeatureCount`], or what the device reports.
    fn moments(&mut self, mixture: &Mixture, assignment: Assignment) -> Result<Moments>;

    /// Total log-likelihood of all samples: the sum of weight times log p(x_n).
    ///
    /// # Errors
    /// As [`Backend::moments`].
    fn log_likelihood(&mut self, mixture: &Mixture) -> Result<f64>;

    /// Log-densities and labels of a range of samples.
    ///
    /// # Errors
    /// As [`Backend::moments`].
    fn assess(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Assessment>;

    /// Log-densities and labels of all samples, with the samples, in one pass over them: `visit(first, samples, assessment)`
    /// for one part after another, `first` being the number of its first sample.
    ///
    /// # Errors
    /// As [`Backend::moments`], and what the visitor returns, which ends the pass.
    fn assess_each(&mut self, mixture: &Mixture, visit: &mut VisitAssessed) -> Result<()>;

    /// Posterior probabilities of the components for a range of samples: `[n, K]`.
    ///
    /// # Errors
    /// As [`Backend::moments`].
    fn responsibilities(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Array2<f64>>;

    /// The time of each kernel in a pass like that of [`Backend::moments`], by the device's own clock; nothing where the
    /// device has no kernels or no such clock.
    ///
    /// # Errors
    /// As [`Backend::moments`].
    fn kernel_times(&mut self, mixture: &Mixture) -> Result<Vec<KernelTime>> {
        check_features(mixture, self.n_features())?;
        Ok(Vec::new())
    }
}

/// The check that every pass begins with.
pub(crate) fn check_features(mixture: &Mixture, n_features: usize) -> Result<()> {
    if mixture.n_features() == n_features {
        Ok(())
    } else {
        Err(Error::FeatureCount { expected: mixture.n_features(), found: n_features })
    }
}
