//! A component's sums in the features' own units, about the mean of the model.

use ndarray::Array2;

use super::m_step::ComponentSums;
use super::samples::DeviceSamples;
use crate::model::quadratics::Quadratics;

/// The sums of a component over samples on the device. Those that the device makes are about the means as it rounds them:
/// delta is the way from there to the means.
pub(super) struct Component<'s> {
    sums: ComponentSums<'s>,
    /// Weights on the device are those of the samples divided by this; and values multiplied by these: `[D]`.
    unit: f64,
    scale: &'s [f64],
    /// `[D]`
    delta: Vec<f64>,
    /// N, in units of weight.
    pub(super) count: f64,
}

impl<'s> Component<'s> {
    pub(super) fn new(samples: &'s DeviceSamples, model: &Quadratics, k: usize, sums: ComponentSums<'s>) -> Self {
        let (coordinates, unit) = (&samples.coordinates, samples.weight_unit);
        let delta = |(i, mean): (usize, &f64)| {
            // As the device rounds it.
            let rounded = coordinates.map(i, *mean) as f32;
            coordinates.unmap(i, f64::from(rounded)) - mean
        };
        let delta = model.means().row(k).iter().enumerate().map(delta).collect();
        Component { sums, unit, scale: &coordinates.scale, delta, count: unit * sums.count() }
    }

    /// Weight of the samples that have a feature, where that was summed.
    pub(super) fn of_feature(&self, i: usize) -> f64 {
        self.unit * self.sums.of_feature(i)
    }

    /// Sum of r (x - mu) of a feature, over samples of a weight.
    pub(super) fn first(&self, i: usize, weight: f64) -> f64 {
        self.first_on_device(i) + weight * self.delta[i]
    }

    /// Sum of r (x - mu)(x - mu)^T of two features, over samples of a weight: with the device's sums S, f and N about its
    /// means, S + delta f^T + f delta^T + N delta delta^T.
    pub(super) fn second(&self, i: usize, j: usize, weight: f64) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        self.unit * self.sums.second(i, j) / (self.scale[i] * self.scale[j])
            + self.delta[i] * self.first_on_device(j)
            + self.first_on_device(i) * self.delta[j]
            + weight * self.delta[i] * self.delta[j]
    }

    fn first_on_device(&self, i: usize) -> f64 {
        self.unit * self.sums.first(i) / self.scale[i]
    }
}

/// What there is of a component and a feature.
pub(super) type OfFeature<'f> = &'f dyn Fn(usize, usize) -> f64;

/// Whether the variance of some feature in some component, by counts, first and second moments, falls below a thousandth of
/// what it was: digits that it needs were lost beside the old one. A constant feature needs none.
pub(super) fn shrinks(
    (count, first, second): (OfFeature, OfFeature, OfFeature),
    model: &Quadratics,
    constant: &[bool],
) -> bool {
    const LEAST_SHARE: f64 = 1e-3;
    let (k, d) = model.means().dim();
    // Sums that share a variance belong together.
    let shared = model.factors().covariance_type().variances(k, d);
    let (owners, features) = (if shared[0].0.is_some() { k } else { 1 }, if shared[0].1.is_some() { d } else { 1 });
    let mut left = Array2::<f64>::zeros((owners, features));
    let mut before = Array2::<f64>::zeros((owners, features));
    for component in 0..k {
        for (feature, is_constant) in constant.iter().enumerate() {
            let at = [component % owners, feature % features];
            let (count, first) = (count(component, feature), first(component, feature));
            left[at] += second(component, feature);
            if count > 0.0 && !is_constant {
                left[at] -= first * first / count;
                before[at] += count * model.covariances().entry(component, feature, feature);
            }
        }
    }
    before.iter().zip(&left).any(|(before, left)| *before > 0.0 && *left < LEAST_SHARE * before)
}
