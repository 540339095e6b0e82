//! How a model was fitted, as model files keep it.

use serde::{Deserialize, Serialize};

use crate::device::choice::DeviceInfo;
use crate::fit::floor::Floor;

/// How a model was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitRecord {
    /// The device, where it is known.
    pub device: Option<DeviceInfo>,
    /// N, where it is known.
    pub n_samples: Option<usize>,
    /// Sum of the sample weights, where it is known.
    pub total_weight: Option<f64>,
    /// The initialisation: its name, or `model` for one continued from a model.
    pub init: String,
    /// Seed of all random choices, where it is known.
    pub seed: Option<u64>,
    /// Tolerance of the lower bound.
    pub tol: f64,
    /// Floor of variances, added to the diagonal of every covariance.
    #[serde(flatten)]
    pub floor: Floor,
    /// Most epochs.
    pub max_iter: usize,
    /// Restarts.
    pub n_init: usize,
    /// Whether the fit converged.
    pub converged: bool,
    /// Epochs.
    pub n_iter: usize,
    /// Last lower bound; `None` if there was no epoch.
    pub lower_bound: Option<f64>,
    /// Lower bound of every epoch, where they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lower_bounds: Vec<f64>,
    /// Total log-likelihood of the samples; `None` if the fit was interrupted, or it is not known.
    pub log_likelihood: Option<f64>,
}
