//! Sums that keep what rounding takes.

use ndarray::Array1;

/// A sum that does not depend on where it was interrupted, with what rounding took from it (Neumaier 1974).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Total {
    sum: f64,
    lost: f64,
}

impl Total {
    pub(crate) fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        self.lost += if self.sum.abs() >= x.abs() { (self.sum - sum) + x } else { (x - sum) + self.sum };
        self.sum = sum;
    }

    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

/// What the rounding of the mean makes of a constant feature is no variance.
pub(crate) fn drop_rounding(mean: &Array1<f64>, variance: &mut Array1<f64>) {
    variance.zip_mut_with(mean, |variance, mean| {
        if *variance <= (8.0 * f64::EPSILON * mean).powi(2) {
            *variance = 0.0;
        }
    });
}
