//! Entropies of posteriors, from the sums of a pass under the final model: no sample is looked at by itself.

use std::sync::Arc;

use ndarray::Zip;

use crate::data::summary::Summary;
use crate::device::task::{Answer, Assignment, SumsTask, Task};
use crate::error::{Error, Result};
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

/// What a last pass tells of a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LastPass {
    pub(crate) log_likelihood: f64,
    /// - sum of r ln r, weights included.
    pub(crate) of_posterior: f64,
    /// - sum of ln r of the most probable component of each sample.
    pub(crate) of_labels: f64,
    /// Weight of the component that has least of it.
    pub(crate) smallest: f64,
}

/// The tasks of that pass: sums under the posterior, and the log-likelihood of samples that belong to one component each.
pub(crate) fn tasks(mixture: &Mixture, summary: &Summary) -> [Task; 2] {
    let (model, family) = (mixture.quadratics(), mixture.covariance_type());
    let labels = SumsTask { assignment: Assignment::Hard, ..SumsTask::log_likelihood(model) };
    [Task::Sums(SumsTask::new(model, Assignment::Soft, family, summary).directly()), Task::Sums(labels)]
}

impl LastPass {
    /// From the answers to those tasks.
    ///
    /// # Errors
    /// [`Error::Parts`] for answers to others.
    pub(crate) fn of([sums, labels]: [Answer; 2], mixture: &Arc<Mixture>, summary: &Summary) -> Result<Self> {
        let (family, k, total) = (mixture.covariance_type(), mixture.n_components(), summary.total_weight());
        let (sums, labels) = (sums.sums()?, labels.sums()?);
        sums.check_complete(k, Some(family.statistics()), summary)?;
        labels.check_complete(k, None, summary)?;
        let lost = |_| Error::Parts { problem: "sums of a last pass lost their digits".to_owned() };
        let moments = sums.moments(family, mixture.means(), total).map_err(lost)?;
        let log_likelihood = moments.log_likelihood;
        // Neither is negative but for rounding.
        Ok(LastPass {
            log_likelihood,
            of_posterior: (log_likelihood - complete(mixture, &moments)).max(0.0),
            of_labels: (log_likelihood - labels.log_likelihood(total)).max(0.0),
            smallest: moments.counts.iter().copied().fold(f64::INFINITY, f64::min),
        })
    }
}

/// The expected complete log-likelihood: sum of r_nk ln (w_k p_k(x_n)), which the log-likelihood exceeds by the entropy of
/// the posterior. In moments about the means it is sum over k of N_k c_k - tr (S_k Sigma_k^-1) / 2, c_k being the
/// logarithm of w_k p_k at the mean.
fn complete(mixture: &Mixture, moments: &Moments) -> f64 {
    let constants = mixture.quadratics().constants();
    // A component of no weight has no samples.
    let of_means = Zip::from(&moments.counts).and(constants).fold(0.0, |sum, count, constant| match *count > 0.0 {
        true => sum + count * constant,
        false => sum,
    });
    // In all four shapes the products of what is there.
    let precisions = mixture.precisions();
    let of_distances: f64 = precisions.values().iter().zip(moments.second.values()).map(|(a, b)| a * b).sum();
    of_means - 0.5 * of_distances
}
