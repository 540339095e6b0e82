//! Seeded samples of known structure, made without the library.

use mixtura::CovarianceType;
use ndarray::Array2;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

use super::oracle::{Matrix, Model, constrain};

/// How to make Gaussian blobs with dense covariances.
#[derive(Debug)]
pub(crate) struct Blobs {
    pub(crate) n: usize,
    pub(crate) d: usize,
    pub(crate) k: usize,
    /// Side of the box of the centres for one component, in largest standard deviations; it grows so that the density
    /// of centres does not depend on K.
    pub(crate) spacing: f64,
    /// Ratio of the largest to the smallest eigenvalue of every covariance; the largest is 1.
    pub(crate) condition: f64,
    /// Share of the last component; the others share the rest alike.
    pub(crate) last_share: Option<f64>,
}

/// Samples, the blob of each, and the model that they were drawn from.
pub(crate) struct Data {
    pub(crate) samples: Array2<f64>,
    pub(crate) labels: Vec<usize>,
    pub(crate) truth: Model,
}

impl Blobs {
    /// Blobs that touch: centres about four standard deviations apart.
    pub(crate) fn new(n: usize, d: usize, k: usize) -> Self {
        Blobs { n, d, k, spacing: 4.0, condition: 10.0, last_share: None }
    }

    /// Side of the box that holds the centres.
    pub(crate) fn side(&self) -> f64 {
        self.spacing * (self.k as f64).powf(1.0 / self.d as f64)
    }

    pub(crate) fn make(&self) -> Data {
        let &Blobs { n, d, k, .. } = self;
        let mut random = Pcg64::new(20_240_229, (n * 1_000_000 + d * 10_000 + k) as u128);
        let side = self.side();
        let means: Matrix = (0..k).map(|_| (0..d).map(|_| side * (random.random::<f64>() - 0.5)).collect()).collect();
        let axes: Vec<Axes> = (0..k).map(|_| Axes::draw(d, self.condition, &mut random)).collect();
        let share = self.last_share.unwrap_or(1.0 / k as f64);
        let of_last = (share * n as f64).round() as usize;
        let labels: Vec<usize> = (0..n)
            .map(|i| match self.last_share {
                // Spread evenly through the samples, so that every part of the data has all components.
                Some(_) if i * of_last / n != (i + 1) * of_last / n => k - 1,
                Some(_) => i % (k - 1),
                None => i % k,
            })
            .collect();
        let mut samples = Array2::zeros((n, d));
        for (mut row, &label) in samples.rows_mut().into_iter().zip(&labels) {
            let deviation = axes[label].deviation(&mut random);
            for i in 0..d {
                row[i] = means[label][i] + deviation[i];
            }
        }
        let mut weights = vec![1.0 / k as f64; k];
        if self.last_share.is_some() {
            weights.fill((1.0 - share) / (k - 1) as f64);
            weights[k - 1] = share;
        }
        let covariances = axes.iter().map(Axes::covariance).collect();
        Data { samples, labels, truth: Model { family: CovarianceType::Full, weights, means, covariances } }
    }
}

impl Data {
    /// A model near the truth, and plainly not it: means a third of a standard deviation off, covariances half as large
    /// again, equal weights.
    pub(crate) fn start(&self, family: CovarianceType) -> Model {
        let k = self.truth.weights.len();
        let mut start = self.truth.clone();
        start.family = family;
        start.weights = vec![1.0 / k as f64; k];
        start.covariances = constrain(family, &self.truth.weights, start.covariances);
        for (c, (mean, covariance)) in start.means.iter_mut().zip(&mut start.covariances).enumerate() {
            for i in 0..mean.len() {
                let sign = if (c + i) % 2 == 0 { 1.0 } else { -1.0 };
                mean[i] += sign * 0.3 * covariance[i][i].sqrt();
                covariance[i].iter_mut().for_each(|x| *x *= 1.5);
            }
        }
        start
    }
}

/// Principal axes of a blob: the unit vectors reflected at the plane across `normal`, and the standard deviations along
/// them. One reflection makes every entry of the covariance differ from zero.
struct Axes {
    normal: Vec<f64>,
    deviations: Vec<f64>,
}

impl Axes {
    fn draw(d: usize, condition: f64, random: &mut impl Rng) -> Self {
        let mut normal: Vec<f64> = (0..d).map(|_| StandardNormal.sample(random)).collect();
        let norm = normal.iter().map(|x| x * x).sum::<f64>().sqrt();
        normal.iter_mut().for_each(|x| *x /= norm);
        // Eigenvalues fall geometrically from 1 to 1 / condition, in an order of the blob's own.
        let turn = random.random_range(0..d);
        let exponent = |i: usize| if d == 1 { 0.0 } else { ((i + turn) % d) as f64 / (d - 1) as f64 };
        let deviations = (0..d).map(|i| condition.powf(-0.5 * exponent(i))).collect();
        Axes { normal, deviations }
    }

    fn reflect(&self, x: &[f64]) -> Vec<f64> {
        let along: f64 = x.iter().zip(&self.normal).map(|(x, v)| x * v).sum();
        x.iter().zip(&self.normal).map(|(x, v)| x - 2.0 * along * v).collect()
    }

    fn deviation(&self, random: &mut impl Rng) -> Vec<f64> {
        let scaled: Vec<f64> =
            self.deviations.iter().map(|s| s * Distribution::<f64>::sample(&StandardNormal, random)).collect();
        self.reflect(&scaled)
    }

    /// H diag(l) H with H = I - 2 v v^T and the eigenvalues l.
    fn covariance(&self) -> Matrix {
        let d = self.deviations.len();
        let (v, l) = (&self.normal, self.deviations.iter().map(|s| s * s).collect::<Vec<f64>>());
        let along: f64 = v.iter().zip(&l).map(|(v, l)| v * v * l).sum();
        let entry = |i: usize, j: usize| {
            let own = if i == j { l[i] } else { 0.0 };
            own + 2.0 * v[i] * v[j] * (2.0 * along - l[i] - l[j])
        };
        (0..d).map(|i| (0..d).map(|j| entry(i, j)).collect()).collect()
    }
}

/// Sample weights between 1/4 and 2.
pub(crate) fn sample_weights(n: usize) -> Vec<f64> {
    let mut random = Pcg64::new(15_647, n as u128);
    (0..n).map(|_| 0.25 + 1.75 * random.random::<f64>()).collect()
}

/// The numbers below n in a seeded random order.
pub(crate) fn permutation(n: usize) -> Vec<usize> {
    let mut random = Pcg64::new(9_268, n as u128);
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, random.random_range(0..=i));
    }
    order
}

/// Old Faithful: 272 eruptions, their length and the wait before them in minutes.
pub(crate) fn old_faithful() -> Array2<f64> {
    let text = include_str!("../../../data/faithful.csv");
    let values: Vec<f64> =
        text.lines().skip(1).flat_map(|line| line.split(',')).map(|cell| cell.trim().parse().unwrap()).collect();
    Array2::from_shape_vec((272, 2), values).unwrap()
}

/// Fisher's iris, as R has them: 150 flowers, the lengths and widths of sepals and petals in centimetres.
pub(crate) fn iris() -> Array2<f64> {
    let text = include_str!("../../../data/iris.csv");
    let values: Vec<f64> =
        text.lines().skip(1).flat_map(|line| line.split(',').take(4)).map(|cell| cell.parse().unwrap()).collect();
    Array2::from_shape_vec((150, 4), values).unwrap()
}
