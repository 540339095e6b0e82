//! A pass of stepwise EM (Cappé and Moulines 2009, Journal of the Royal Statistical Society B 71): the sufficient
//! statistics of the model move towards those of one batch after another.
//!
//! Normalised statistics and parameters determine each other: nothing but the model is carried from batch to batch.

use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::data::home::Home;
use crate::data::pass::pass;
use crate::data::points::Points;
use crate::data::source::{Data, Visit, check_stop};
use crate::data::summary::Summary;
use crate::error::{Error, Result};
use crate::model::m_step::MStep;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

/// Asks for a pass of steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Steps {
    pub(crate) start: Mixture,
    pub(crate) m_step: MStep,
    pub(crate) batch_size: usize,
    pub(crate) decay: f64,
    pub(crate) seed: u64,
    /// Passes before this one.
    pub(crate) passes: usize,
}

/// Where a pass of steps ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Stepped {
    /// At a model.
    At {
        /// The model.
        mixture: Mixture,
        /// Mean log-likelihood of the samples, each under the model that its batch found.
        lower_bound: f64,
    },
    /// At a covariance that is not positive definite.
    Collapsed {
        /// The component; `None` for the covariance that all components share.
        component: Option<usize>,
        /// The feature at which the Cholesky factorisation broke down.
        feature: usize,
        /// Whether the covariance came from sums in single precision.
        single_precision: bool,
    },
}

/// The moments of a batch under a model.
pub(crate) type MomentsOf<'m> = dyn Fn(&dyn Data, &Mixture) -> Result<Moments> + 'm;

/// A batch, placed and scaled on the device like all samples: the model is one of them all.
struct Batch<'b> {
    points: Points<'b>,
    summary: Summary,
}

impl Data for Batch<'_> {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn home(&self) -> Home {
        Data::home(&self.points)
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        self.points.for_each_chunk(visit)
    }
}

impl Steps {
    /// The pass; `moments` has the device sum a batch.
    ///
    /// # Errors
    /// Those of the data and the device.
    pub(crate) fn pass(&self, data: &dyn Data, moments: &MomentsOf) -> Result<Stepped> {
        match self.step_through(data, moments) {
            Ok((mixture, lower_bound)) => Ok(Stepped::At { mixture, lower_bound }),
            Err(Error::NotPositiveDefinite { component, feature, single_precision }) => {
                Ok(Stepped::Collapsed { component, feature, single_precision })
            }
            Err(error) => Err(error),
        }
    }

    fn step_through(&self, data: &dyn Data, moments: &MomentsOf) -> Result<(Mixture, f64)> {
        let mut random = Pcg64::new(self.seed.into(), self.passes as u128);
        let mut step = self.passes * data.n_samples().div_ceil(self.batch_size);
        let mut mixture = self.start.clone();
        let (mut log_likelihood, mut total_weight) = (0.0, 0.0);
        pass(data, &mut |_, chunk| {
            // Every so many-th sample, so that samples in some order give no batch of one kind only.
            let n_batches = chunk.n_samples().div_ceil(self.batch_size);
            let mut batches: Vec<usize> = (0..n_batches).collect();
            batches.shuffle(&mut random);
            for first in batches {
                check_stop(data.stop())?;
                let points = chunk.every(first, n_batches);
                let batch = Batch {
                    summary: data.summary().of_batch(points.n_samples(), points.n_effective(), points.total_weight()),
                    points,
                };
                if batch.summary.n_effective() > 0 {
                    let moments = moments(&batch, &mixture)?;
                    log_likelihood += moments.log_likelihood;
                    total_weight += moments.total_weight;
                    let gamma = ((step + 2) as f64).powf(-self.decay);
                    let (known, new) = (self.m_step.moments_of(&mixture), moments.normalised());
                    let mixed = known.scaled(1.0 - gamma).combine(&new.scaled(gamma))?;
                    mixture = self.m_step.solve_from(&mixture, &mixed)?;
                }
                step += 1;
            }
            Ok(())
        })?;
        Ok((mixture, log_likelihood / total_weight))
    }
}
