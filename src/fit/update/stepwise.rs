//! A pass of stepwise EM (Cappé and Moulines 2009, Journal of the Royal Statistical Society B 71): the sufficient statistics
//! of the model move towards those of one batch after another.
//!
//! Normalised statistics and parameters determine each other: nothing but the model is carried from batch to batch.

use ndarray::Array1;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use crate::data::points::Points;
use crate::data::summary::Summary;
use crate::data::{Data, Home, Visit, check_stop};
use crate::device::Device;
use crate::device::backend::Assignment;
use crate::error::Result;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

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

/// How to step.
pub(crate) struct Stepwise<'a> {
    pub(crate) batch_size: usize,
    pub(crate) decay: f64,
    /// Floors of the variances: `[D]`.
    pub(crate) floors: &'a Array1<f64>,
    pub(crate) seed: u64,
    /// Passes before this one.
    pub(crate) passes: usize,
}

impl Stepwise<'_> {
    /// The model after one pass, and the mean log-likelihood of the samples, each under the model that its batch found.
    ///
    /// # Errors
    /// Those of the data and the device; [`Error::NotPositiveDefinite`](crate::Error::NotPositiveDefinite).
    pub(crate) fn pass(&self, data: &dyn Data, device: &Device, start: &Mixture) -> Result<(Mixture, f64)> {
        let mut random = Pcg64::new(self.seed.into(), self.passes as u128);
        let mut step = self.passes * data.n_samples().div_ceil(self.batch_size);
        let mut mixture = start.clone();
        let (mut log_likelihood, mut total_weight) = (0.0, 0.0);
        data.for_each_chunk(&mut |_, chunk| {
            // Every so many-th sample, so that samples in some order give no batch of one kind only.
            let n_batches = chunk.n_samples().div_ceil(self.batch_size);
            let mut batches: Vec<usize> = (0..n_batches).collect();
            batches.shuffle(&mut random);
            for first in batches {
                check_stop(data.stop())?;
                let points = chunk.every(first, n_batches);
                let batch = Batch { summary: data.summary().of_batch(&points), points };
                if batch.summary.n_effective() > 0 {
                    let moments = device.load(&batch)?.moments(&mixture, Assignment::Soft)?;
                    log_likelihood += moments.log_likelihood;
                    total_weight += moments.total_weight;
                    let gamma = ((step + 2) as f64).powf(-self.decay);
                    let (known, new) = (Moments::of(&mixture, self.floors), moments.normalised());
                    mixture = known.scaled(1.0 - gamma).combine(&new.scaled(gamma))?.maximize_above(self.floors)?;
                }
                step += 1;
            }
            Ok(())
        })?;
        Ok((mixture, log_likelihood / total_weight))
    }
}
