//! Sums that keep what rounding takes.

use serde::{Deserialize, Serialize};

/// A sum that does not depend on where it was interrupted, with what rounding took from it (Neumaier 1974).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
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

    /// Takes another sum. But for ties in the last rounding, the value is that of all terms one after another.
    pub(crate) fn append(&mut self, other: Total) {
        self.add(other.sum);
        self.lost += other.lost;
    }

    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}
