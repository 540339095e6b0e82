//! How well a model describes samples that pass by once, block after block.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::points::Points;
use crate::data::runs::{Add, Runs};
use crate::data::source::block_rows;
use crate::device::open::Device;
use crate::error::Result;
use crate::model::mixture::Mixture;

/// Log-likelihood of samples that pass by, taken block by block ([`block_rows`]) and summed along one tree: neither threads
/// nor the parts that the samples come in make a difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    n_samples: usize,
    runs: Runs<Sum>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Sum {
    log_likelihood: f64,
    weight: f64,
}

impl Add for Sum {
    fn add(&mut self, following: &Self) {
        self.log_likelihood += following.log_likelihood;
        self.weight += following.weight;
    }
}

impl Score {
    /// The score of no samples yet, of D features.
    pub fn new(n_features: usize) -> Self {
        Score { n_samples: 0, runs: Runs::new(block_rows(n_features)) }
    }

    /// Takes the next samples, which begin with a block; the first one has the given number.
    ///
    /// # Errors
    /// As [`Device::log_likelihood`].
    pub fn add(&mut self, device: &Device, mixture: &Mixture, first: usize, samples: &Points) -> Result<()> {
        let (n, rows) = (samples.n_samples(), block_rows(samples.n_features()));
        let sum = |i: usize| {
            let block = samples.slice(i * rows..((i + 1) * rows).min(n));
            let log_likelihood = device.log_likelihood(mixture, &block);
            let log_likelihood = log_likelihood.map_err(|error| error.behind(i * rows))?;
            Ok(Sum { log_likelihood, weight: block.total_weight() })
        };
        let blocks = 0..n.div_ceil(rows);
        // A block alone does not keep many threads of a processor busy.
        let sums: Vec<Sum> = match device.info().backend == "cpu" {
            true => blocks.into_par_iter().map(sum).collect::<Result<_>>()?,
            false => blocks.map(sum).collect::<Result<_>>()?,
        };
        self.n_samples += n;
        sums.into_iter().enumerate().for_each(|(i, sum)| self.runs.push(first + i * rows, 1, sum, drop));
        Ok(())
    }

    /// This score, and that of another part.
    #[must_use]
    pub fn combine(mut self, other: Self) -> Self {
        self.n_samples += other.n_samples;
        self.runs.append(other.runs);
        self
    }

    /// N.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// The log-likelihood, and the sum of the weights.
    pub fn total(self) -> (f64, f64) {
        let Sum { log_likelihood, weight } = self.runs.total(drop).unwrap_or_default();
        (log_likelihood, weight)
    }
}
