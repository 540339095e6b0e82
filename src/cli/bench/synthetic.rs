//! A mixture to draw samples from, for measurements where the data do not matter.

use mixtura::{CovarianceArray, CovarianceType, Mixture};
use ndarray::{Array1, Array2};

/// Means lie in a cube of this side: close enough for components of unit variance to overlap.
const SIDE: f64 = 4.0;

/// Fractions of its multiples are spread evenly and never come again.
const GOLDEN_RATIO: f64 = 1.618_033_988_749_895;

/// K different components of equal weight.
pub(crate) fn mixture(k: usize, d: usize, family: CovarianceType) -> mixtura::Result<Mixture> {
    let means = Array2::from_shape_fn((k, d), |(k, i)| SIDE * ((k + 1) as f64 * (i + 1) as f64 * GOLDEN_RATIO).fract());
    let matrix = Array2::from_shape_fn((d, d), |(i, j)| if i == j { 1.0 } else { 0.3 / (1 + i.abs_diff(j)) as f64 });
    let covariances = CovarianceArray::repeated(family, k, &matrix);
    Mixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances)
}
