//! Normalisers of densities feature by feature, for samples of which values are missing.

use ndarray::Array2;

use crate::model::quadratics::Quadratics;

/// What features that are there take from log-densities, in the place of one normaliser for all.
pub(super) struct Normaliser {
    /// What is taken off every log-density beside, and for each feature that is there: `[D]`.
    pub(super) reference: f64,
    of_features: Vec<f64>,
    /// What each feature takes beyond that, as a squared distance does: `[K, D]`.
    pub(super) taken: Array2<f64>,
}

impl Normaliser {
    pub(super) fn of(model: &Quadratics) -> Self {
        let (k, d) = model.means().dim();
        let half = 0.5 * (2.0 * std::f64::consts::PI).ln();
        let taken = Array2::from_shape_fn((k, d), |(k, i)| match model.are_densities() {
            true => half - model.factors().entry(k, i, i).ln(),
            false => 0.0,
        });
        let (shares, log_weights) = (model.shares(), model.log_weights());
        let known = || (0..k).filter(|k| shares[*k] > 0.0);
        let reference = known().map(|k| shares[k] * log_weights[k]).sum();
        // Likewise one standard deviation out.
        let of_feature = |i: usize| -0.5 - known().map(|k| shares[k] * taken[[k, i]]).sum::<f64>();
        let of_features: Vec<f64> = (0..d).map(of_feature).collect();
        let taken = Array2::from_shape_fn((k, d), |(k, i)| 2.0 * (taken[[k, i]] + of_features[i]));
        Normaliser { reference, of_features, taken }
    }

    /// What is taken off the log-densities of all samples together, of which a weight has each feature.
    pub(super) fn of_all(&self, total_weight: f64, weights: &[f64]) -> f64 {
        let of_features: f64 =
            self.of_features.iter().zip(weights).map(|(of_feature, weight)| of_feature * weight).sum();
        self.reference * total_weight + of_features
    }
}
