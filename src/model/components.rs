//! Components taken out of moments, or begun anew in them: the M step that follows makes the model.

use ndarray::{Array2, ArrayView1, Axis};

use crate::model::moments::Moments;

impl Moments {
    /// The same, but for a component that is to have the average covariance of all of them.
    pub(crate) fn with_average_covariance(mut self, component: usize) -> Self {
        if self.covariance_type().is_shared() {
            return self;
        }
        let counts = self.counts.mapv(|count| if count > 0.0 { count } else { 1.0 });
        let means = &self.origins + &(&self.first / &counts.insert_axis(Axis(1)));
        let within = self.clone().about(&means).second;
        let share = self.counts[component] / self.counts.sum();
        let delta = &means.row(component) - &self.origins.row(component);
        self.second.set_share(component, &within, share);
        self.origins.row_mut(component).zip_mut_with(&delta, |origin, delta| *origin += delta);
        self.first.row_mut(component).fill(0.0);
        self
    }

    /// Lets a component begin anew: at a sample, with an average number of samples, and the average covariance.
    pub(crate) fn move_component(&mut self, component: usize, sample: ArrayView1<f64>) {
        let share = (self.counts.len() as f64).recip();
        let counts = self.counts.mapv(|count| if count > 0.0 { count } else { 1.0 });
        let means = &self.origins + &(&self.first / &counts.insert_axis(Axis(1)));
        let about_means = self.clone().about(&means);
        let within = about_means.second.clone();
        if self.covariance_type().is_shared() {
            // What the component had scattered about its old origin is no part of what all share.
            *self = about_means;
        }
        self.second.set_share(component, &within, share);
        self.counts[component] = self.counts.sum() * share;
        self.origins.row_mut(component).assign(&sample);
        self.first.row_mut(component).fill(0.0);
    }

    /// The moments of the other components.
    pub(crate) fn without_component(&self, component: usize) -> Moments {
        let others: Vec<usize> = (0..self.counts.len()).filter(|k| *k != component).collect();
        self.of_components(&others)
    }

    /// The moments of some components.
    pub(crate) fn of_components(&self, components: &[usize]) -> Moments {
        let rows = |array: &Array2<f64>| array.select(Axis(0), components);
        Moments {
            counts: self.counts.select(Axis(0), components),
            origins: rows(&self.origins),
            first: rows(&self.first),
            // Where all share one, what a dropped one had scattered about its own mean is little.
            second: self.second.select(components),
            ..self.clone()
        }
    }
}
