//! The setting of a fit: all that its restarts share.

use ndarray::Array1;

use crate::data::draw::Thinning;
use crate::data::points::check_weight_sum;
use crate::data::summary::Summary;
use crate::device::sums::Sums;
use crate::device::task::Answer;
use crate::error::{Error, Result};
use crate::fit::collapse::Repair;
use crate::fit::floor;
use crate::fit::options::FitOptions;
use crate::fit::update::Update;
use crate::model::m_step::MStep;
use crate::model::statistics::Statistics;

/// Options, and what is known of the data.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) options: FitOptions,
    pub(crate) summary: Summary,
    pub(crate) m_step: MStep,
    /// Squared robust scales of the features, in which steps are measured: `[D]`.
    pub(crate) units: Array1<f64>,
    /// Samples that it is about, of all.
    pub(crate) thinning: Thinning,
}

impl Setting {
    /// The setting for samples with a summary.
    ///
    /// # Errors
    /// Options that do not fit the data.
    pub(crate) fn new(summary: &Summary, options: &FitOptions) -> Result<Self> {
        options.check()?;
        if summary.n_effective() < options.n_components {
            return Err(Error::TooFewSamples { n_samples: summary.n_effective(), n_components: options.n_components });
        }
        check_weight_sum(summary.total_weight())?;
        if let Some(feature) = summary.without_values() {
            return Err(Error::NoValues { feature: summary.feature(feature) });
        }
        options.covariance_type.check_room(options.n_components, summary.n_features())?;
        let units = match options.update {
            Update::Gradient { .. } | Update::Squarem => floor::units(summary),
            Update::Em | Update::Damped { .. } | Update::Stepwise { .. } => Array1::zeros(0),
        };
        let m_step = MStep::new(options.floor.of_features(summary));
        let thinning = Thinning::new(options.seed, 0);
        Ok(Setting { options: options.clone(), summary: summary.clone(), m_step, units, thinning })
    }

    /// One of so many samples belongs to it; 1 where all do.
    pub(crate) fn share(&self) -> usize {
        self.thinning.share()
    }

    /// Repairs as they are told.
    pub(crate) fn told(&self, repairs: &[Repair]) -> Vec<Repair> {
        repairs.iter().map(|repair| repair.told(self.share(), |row| self.thinning.row(row))).collect()
    }

    /// The number of restarts.
    pub(crate) fn n_restarts(&self) -> usize {
        if self.options.warm_start.is_some() { 1 } else { self.options.n_init }
    }

    /// The sums of an answer, which must be those of all samples, under K components and with the statistics asked for.
    ///
    /// # Errors
    /// [`Error::Parts`].
    pub(crate) fn complete(&self, answer: Answer, k: usize, statistics: Option<Statistics>) -> Result<Sums> {
        let sums = answer.sums()?;
        sums.check_complete(k, statistics, &self.summary)?;
        Ok(sums)
    }
}
