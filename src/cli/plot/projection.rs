//! The plane that samples are shown in: that of two features, or of the two leading principal axes of more.

use mixtura::CovarianceArray;
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::ellipse::Symmetric;

/// Rounds of orthogonal iteration. Axes that are not told apart by then are equally good to look along.
const ROUNDS: usize = 100;

/// x -> (a^T (x - c), b^T (x - c)).
#[derive(Debug)]
pub(crate) struct Projection {
    centre: Array1<f64>,
    axes: [Array1<f64>; 2],
    /// Titles of the coordinates.
    pub(crate) titles: [String; 2],
}

impl Projection {
    /// Two features as they are.
    pub(crate) fn own(titles: [String; 2]) -> Self {
        let axes = [Array1::from(vec![1.0, 0.0]), Array1::from(vec![0.0, 1.0])];
        Projection { centre: Array1::zeros(2), axes, titles }
    }

    /// Principal axes of weighted samples whose features have this mean and variance. Features are measured in their
    /// standard deviations, so that none counts for more because its unit is small.
    pub(crate) fn principal(
        samples: &Array2<f64>,
        weights: Option<ArrayView1<f64>>,
        mean: Array1<f64>,
        variance: &Array1<f64>,
    ) -> Self {
        let scale = variance.mapv(|variance| if variance > 0.0 { 1.0 / variance.sqrt() } else { 1.0 });
        let standardised = (samples - &mean) * &scale;
        let mut weighted = standardised.clone();
        if let Some(weights) = weights {
            weighted *= &weights.insert_axis(Axis(1));
        }
        let axes = leading(samples.ncols(), |v| weighted.t().dot(&standardised.dot(v)));
        let all: f64 = (&standardised * &weighted).sum();
        let titles = [0, 1].map(|i| {
            let share = if all > 0.0 { 100.0 * axes[i].1 / all } else { 0.0 };
            format!("principal axis {} of standardised features ({share:.0} % of variance)", i + 1)
        });
        Projection { centre: mean, axes: axes.map(|(axis, _)| axis * &scale), titles }
    }

    /// Where a sample is shown.
    pub(crate) fn place(&self, sample: ArrayView1<f64>) -> [f64; 2] {
        let from_centre = &sample - &self.centre;
        [0, 1].map(|i| self.axes[i].dot(&from_centre))
    }

    /// The covariance of component k, as it is shown.
    pub(crate) fn covariance(&self, covariances: &CovarianceArray, k: usize) -> Symmetric {
        let [x, y] = [self.axes[0].view(), self.axes[1].view()];
        Symmetric {
            xx: covariances.product(k, x, x),
            xy: covariances.product(k, x, y),
            yy: covariances.product(k, y, y),
        }
    }
}

/// The two leading eigenvectors of a positive semi-definite matrix of order D, with their eigenvalues, by orthogonal
/// iteration: the matrix itself is never formed.
fn leading(d: usize, times: impl Fn(&Array1<f64>) -> Array1<f64>) -> [(Array1<f64>, f64); 2] {
    // Directions that no matrix has reason to be orthogonal to.
    let start = |ratio: f64| Array1::from_shape_fn(d, |i| ((i + 1) as f64 * ratio).fract() - 0.5);
    let (mut pair, mut sum) = (orthonormal([start(0.618_033_988), start(0.754_877_666)]), 0.0);
    for _ in 0..ROUNDS {
        let next = [times(&pair[0]), times(&pair[1])];
        let before = std::mem::replace(&mut sum, pair[0].dot(&next[0]) + pair[1].dot(&next[1]));
        pair = orthonormal(next);
        if (sum - before).abs() <= 1e-12 * sum {
            break;
        }
    }
    let [u, v] = &pair;
    let (of_u, of_v) = (times(u), times(v));
    let ([first, second], angle) = Symmetric { xx: u.dot(&of_u), xy: u.dot(&of_v), yy: v.dot(&of_v) }.eigen();
    let (sine, cosine) = angle.sin_cos();
    [(upright(u * cosine + v * sine), first), (upright(v * cosine - u * sine), second)]
}

/// The same direction, with the largest entry positive.
fn upright(axis: Array1<f64>) -> Array1<f64> {
    let largest = axis.iter().fold(0.0, |largest: f64, x| if x.abs() > largest.abs() { *x } else { largest });
    if largest < 0.0 { -axis } else { axis }
}

/// Two vectors of length 1 at right angles, in the plane of those given where they span one.
fn orthonormal([first, second]: [Array1<f64>; 2]) -> [Array1<f64>; 2] {
    let d = first.len();
    let unit = |i: usize| Array1::from_shape_fn(d, |j| if i == j { 1.0 } else { 0.0 });
    let first = normalised(&first).unwrap_or_else(|| unit(0));
    let across = |vector: Array1<f64>| {
        let vector = normalised(&vector)?;
        let rest = &vector - &(&first * first.dot(&vector));
        // A second time, for what rounding left of the first vector in a small rest.
        let rest = &rest - &(&first * first.dot(&rest));
        if rest.dot(&rest) > 1e-20 { normalised(&rest) } else { None }
    };
    let second = across(second).or_else(|| (0..d).find_map(|i| across(unit(i)))).unwrap_or_else(|| unit(d));
    [first, second]
}

fn normalised(vector: &Array1<f64>) -> Option<Array1<f64>> {
    let length = vector.dot(vector).sqrt();
    (length > 0.0 && length.is_finite()).then(|| vector / length)
}

#[cfg(test)]
mod tests {
    use mixtura::CovarianceArray;
    use ndarray::{arr1, arr2, array};

    use super::*;

    fn close(found: &Array1<f64>, expected: &[f64]) -> bool {
        found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn the_leading_eigenvectors_of_a_known_matrix_are_found() {
        // Its characteristic polynomial is that of 3 m = m^3, m = lambda - 3.
        let matrix = arr2(&[[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]]);
        let [(first, large), (second, small)] = leading(3, |v| matrix.dot(v));
        assert!((large - (3.0 + 3f64.sqrt())).abs() < 1e-9 && (small - 3.0).abs() < 1e-9, "{large} {small}");
        let root = 3f64.sqrt();
        let expected = [1.0, root - 1.0, 2.0 - root];
        let length = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!(close(&first, &expected.map(|x| x / length)), "{first}");
        let third = 1.0 / root;
        assert!(close(&second, &[third, -third, -third]) || close(&second, &[-third, third, third]), "{second}");
    }

    #[test]
    fn samples_along_a_line_lie_along_the_first_axis() {
        // Three features that are one, in very different units, and a constant.
        let samples = Array2::from_shape_fn((101, 4), |(i, j)| (i as f64 - 50.0) * [1.0, 1e9, -1e-9, 0.0][j] + 7.0);
        let mean = samples.mean_axis(Axis(0)).unwrap();
        let variance = samples.var_axis(Axis(0), 0.0);
        let projection = Projection::principal(&samples, None, mean, &variance);
        let far = projection.place(samples.row(100));
        assert!((far[0].abs() - 3f64.sqrt() * 50.0 / 850f64.sqrt()).abs() < 1e-5 && far[1].abs() < 1e-5, "{far:?}");
        assert!(projection.titles[0].contains("axis 1") && projection.titles[0].contains("(100 %"));
    }

    #[test]
    fn samples_without_extent_still_have_two_axes() {
        let samples = Array2::from_elem((5, 3), 2.0);
        let projection = Projection::principal(&samples, None, arr1(&[2.0; 3]), &arr1(&[0.0; 3]));
        assert_eq!(projection.place(samples.row(0)), [0.0, 0.0]);
        assert!(projection.axes[0].dot(&projection.axes[1]).abs() < 1e-12);
        assert!(projection.axes.iter().all(|axis| (axis.dot(axis) - 1.0).abs() < 1e-12));
    }

    #[test]
    fn weights_count_like_repetitions() {
        let samples = array![[0.0, 0.0, 1.0], [1.0, 2.0, 0.0], [4.0, 1.0, 3.0], [2.0, 5.0, 1.0]];
        let repeated = array![[0.0, 0.0, 1.0], [1.0, 2.0, 0.0], [4.0, 1.0, 3.0], [4.0, 1.0, 3.0], [2.0, 5.0, 1.0]];
        let (mean, variance) = (repeated.mean_axis(Axis(0)).unwrap(), repeated.var_axis(Axis(0), 0.0));
        let weights = arr1(&[1.0, 1.0, 2.0, 1.0]);
        let weighted = Projection::principal(&samples, Some(weights.view()), mean.clone(), &variance);
        let plain = Projection::principal(&repeated, None, mean, &variance);
        for (weighted, plain) in weighted.axes.iter().zip(&plain.axes) {
            assert!(close(weighted, plain.as_slice().unwrap()));
        }
        assert_eq!(weighted.titles, plain.titles);
    }

    #[test]
    fn every_family_is_projected_alike() {
        let projection = Projection {
            centre: Array1::zeros(2),
            axes: [arr1(&[0.6, 0.8]), arr1(&[-0.8, 0.6])],
            titles: Default::default(),
        };
        let expected = Symmetric { xx: 2.0, xy: 0.0, yy: 2.0 };
        for covariances in [
            CovarianceArray::Full(array![[[2.0, 0.0], [0.0, 2.0]]]),
            CovarianceArray::Tied(array![[2.0, 0.0], [0.0, 2.0]]),
            CovarianceArray::Diag(array![[2.0, 2.0]]),
            CovarianceArray::Spherical(array![2.0]),
        ] {
            let found = projection.covariance(&covariances, 0);
            let differences = [found.xx - expected.xx, found.xy - expected.xy, found.yy - expected.yy];
            assert!(differences.iter().all(|x| x.abs() < 1e-12), "{found:?}");
        }
    }
}
