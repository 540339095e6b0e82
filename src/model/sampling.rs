//! Samples drawn from a mixture, at once or chunk by chunk, from random streams of fixed length: a sample depends on
//! the seed and on its place alone, not on chunks or threads.

use ndarray::{Array1, Array2, Axis};
use rand::SeedableRng;
use rand_distr::{Binomial, Distribution, StandardNormal};
use rand_pcg::Pcg64;
use rayon::prelude::*;

use crate::model::covariance::CovarianceArray;
use crate::model::mixture::Mixture;

/// Samples that one random stream yields.
const STREAM: usize = 16_384;

/// Rows that are worth a task of their own.
const ROWS_PER_TASK: usize = 256;

impl Mixture {
    /// Draws n samples `[n, D]`, grouped by component, and the component of each `[n]`. The same seed gives the same
    /// samples, whatever the number of threads.
    pub fn sample(&self, n: usize, seed: u64) -> (Array2<f64>, Array1<usize>) {
        let mut all = SampleChunks::new(self, n, seed, n.max(1));
        all.next().unwrap_or_else(|| (Array2::zeros((0, self.n_features())), Array1::default(0)))
    }

    /// The same samples as [`Mixture::sample`], in chunks of at most `values` values, a component counting as one; each
    /// has one sample at least.
    ///
    /// ```
    /// # use mixtura::{CovarianceArray, Mixture};
    /// # use ndarray::{arr1, array};
    /// # let covariances = CovarianceArray::Spherical(arr1(&[1.0]));
    /// # let mixture = Mixture::new(arr1(&[1.0]), array![[0.0, 0.0]], covariances)?;
    /// let mut n = 0;
    /// for (samples, components) in mixture.sample_chunks(100_000, 0, 60_000) {
    ///     n += samples.nrows();
    ///     assert!(samples.nrows() <= 20_000 && components.len() == samples.nrows());
    /// }
    /// assert_eq!(n, 100_000);
    /// # Ok::<(), mixtura::Error>(())
    /// ```
    pub fn sample_chunks(&self, n: usize, seed: u64, values: usize) -> SampleChunks<'_> {
        let rows = (values / (self.n_features() + 1)).max(1);
        // Whole streams, or parts of one.
        let rows = if rows >= STREAM { rows - rows % STREAM } else { 1 << rows.ilog2() };
        SampleChunks::new(self, n, seed, rows)
    }
}

/// Samples and their components, chunk by chunk: see [`Mixture::sample_chunks`].
#[derive(Debug)]
pub struct SampleChunks<'a> {
    mixture: &'a Mixture,
    factors: Factors,
    /// Where the samples of each component end.
    ends: Vec<usize>,
    seed: u64,
    n: usize,
    next: usize,
    /// Rows of a chunk: a multiple of a stream's, or a divisor.
    rows: usize,
    /// The random stream that the last chunk left off in.
    stream: Option<Pcg64>,
}

impl<'a> SampleChunks<'a> {
    fn new(mixture: &'a Mixture, n: usize, seed: u64, rows: usize) -> Self {
        let mut end = 0;
        let ends = component_counts(mixture, n, seed)
            .into_iter()
            .map(|count| {
                end += count;
                end
            })
            .collect();
        SampleChunks { mixture, factors: Factors::new(mixture), ends, seed, n, next: 0, rows, stream: None }
    }

    /// The random stream of row i, where it has come to.
    fn stream(&self, i: usize) -> Pcg64 {
        let carried = self.stream.as_ref().filter(|_| !i.is_multiple_of(STREAM));
        carried.cloned().unwrap_or_else(|| Pcg64::new(self.seed.into(), (i / STREAM) as u128 + 1))
    }
}

impl Iterator for SampleChunks<'_> {
    type Item = (Array2<f64>, Array1<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next;
        let rows = self.rows.min(self.n - start);
        if rows == 0 {
            return None;
        }
        self.next += rows;
        let component = |i: usize| self.ends.partition_point(|&end| end <= i);
        let labels: Array1<usize> = (start..self.next).into_par_iter().map(component).collect::<Vec<_>>().into();
        let mut samples = Array2::zeros((rows, self.mixture.n_features()));
        let streams: Vec<Pcg64> = samples
            .axis_chunks_iter_mut(Axis(0), STREAM)
            .into_par_iter()
            .enumerate()
            .map(|(stream, mut rows)| {
                let mut random = self.stream(start + stream * STREAM);
                rows.mapv_inplace(|_| StandardNormal.sample(&mut random));
                random
            })
            .collect();
        samples
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(labels.as_slice().expect("a vector"))
            .with_min_len(ROWS_PER_TASK)
            .for_each_init(
                || vec![0.0; self.mixture.n_features()],
                |deviation, (mut row, &k)| {
                    let row = row.as_slice_mut().expect("row-major");
                    self.factors.deviate(k, row, deviation);
                    let mean = self.mixture.means().row(k);
                    row.iter_mut().zip(mean).zip(deviation).for_each(|((x, mean), deviation)| *x = mean + *deviation);
                },
            );
        self.stream = streams.into_iter().next_back();
        Some((samples, labels))
    }
}

/// Cholesky factors L of the covariances, those that are matrices transposed: their columns lie as one piece.
#[derive(Debug)]
struct Factors(CovarianceArray);

impl Factors {
    fn new(mixture: &Mixture) -> Self {
        let mut factors = mixture.precisions_cholesky().covariance_factors();
        match &mut factors {
            CovarianceArray::Full(l) => {
                l.swap_axes(1, 2);
                *l = l.as_standard_layout().into_owned();
            }
            CovarianceArray::Tied(l) => *l = l.t().as_standard_layout().into_owned(),
            CovarianceArray::Diag(_) | CovarianceArray::Spherical(_) => {}
        }
        Factors(factors)
    }

    /// L_k z.
    fn deviate(&self, k: usize, z: &[f64], deviation: &mut [f64]) {
        let (d, values) = (z.len(), self.0.values());
        let mut scale = |factors: &[f64]| {
            deviation.iter_mut().zip(z).zip(factors).for_each(|((to, z), factor)| *to = factor * z);
        };
        match &self.0 {
            CovarianceArray::Full(_) => multiply(&values[k * d * d..][..d * d], z, deviation),
            CovarianceArray::Tied(_) => multiply(values, z, deviation),
            CovarianceArray::Diag(_) => scale(&values[k * d..][..d]),
            CovarianceArray::Spherical(_) => {
                deviation.iter_mut().zip(z).for_each(|(to, z)| *to = values[k] * z);
            }
        }
    }
}

/// L z, where the columns of L lie one after another: each is added as a whole, which vectorises.
fn multiply(columns: &[f64], z: &[f64], product: &mut [f64]) {
    product.fill(0.0);
    for (j, (column, z)) in columns.chunks_exact(z.len()).zip(z).enumerate() {
        product[j..].iter_mut().zip(&column[j..]).for_each(|(sum, l)| *sum += l * z);
    }
}

/// How many of n samples each component gets: a multinomial draw, one conditional binomial after another.
fn component_counts(mixture: &Mixture, n: usize, seed: u64) -> Vec<usize> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut left = n as u64;
    let mut weight_left = 1.0;
    let last = mixture.n_components() - 1;
    let mut counts = Vec::with_capacity(last + 1);
    for &weight in mixture.weights().iter().take(last) {
        let share = if weight_left > 0.0 { (weight / weight_left).clamp(0.0, 1.0) } else { 0.0 };
        let count = Binomial::new(left, share).expect("a share lies within 0 and 1").sample(&mut random);
        counts.push(count as usize);
        left -= count;
        weight_left -= weight;
    }
    counts.push(left as usize);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, array, concatenate};

    fn two_components() -> Mixture {
        let covariances = array![[[4.0, 1.0], [1.0, 2.0]], [[0.5, -0.2], [-0.2, 0.25]]];
        Mixture::new(arr1(&[0.25, 0.75]), array![[0.0, 1.0], [10.0, -5.0]], CovarianceArray::Full(covariances)).unwrap()
    }

    #[test]
    fn samples_have_the_weights_means_and_covariances_of_their_components() {
        let mixture = two_components();
        let (samples, labels) = mixture.sample(100_000, 7);
        assert!(labels.windows(2).into_iter().all(|pair| pair[0] <= pair[1]), "grouped by component");
        let n1 = labels.sum();
        assert!((n1 as f64 / 1e5 - 0.75).abs() < 0.01);
        let second = samples.slice(ndarray::s![100_000 - n1.., ..]);
        let mean = second.mean_axis(Axis(0)).unwrap();
        assert!((mean[0] - 10.0).abs() < 0.02 && (mean[1] + 5.0).abs() < 0.02, "{mean}");
        let centred = &second - &mean;
        let covariance = centred.t().dot(&centred) / n1 as f64;
        assert!((covariance[[0, 0]] - 0.5).abs() < 0.01 && (covariance[[0, 1]] + 0.2).abs() < 0.01, "{covariance}");
    }

    #[test]
    fn the_same_seed_gives_the_same_samples_and_another_seed_others() {
        let mixture = two_components();
        assert_eq!(mixture.sample(40_000, 1), mixture.sample(40_000, 1));
        assert_ne!(mixture.sample(100, 1).0, mixture.sample(100, 2).0);
    }

    #[test]
    fn chunks_of_any_size_are_the_same_samples() {
        let mixture = two_components();
        let n = 2 * STREAM + 5000;
        let (samples, labels) = mixture.sample(n, 3);
        for values in [3 * 1000, 3 * STREAM, 3 * STREAM + 1000, usize::MAX] {
            let (parts, components): (Vec<_>, Vec<_>) = mixture.sample_chunks(n, 3, values).unzip();
            assert!(parts.iter().all(|part| 3 * part.nrows() <= values));
            let parts: Vec<_> = parts.iter().map(|part| part.view()).collect();
            let components: Vec<_> = components.iter().map(|part| part.view()).collect();
            assert!(concatenate(Axis(0), &parts).unwrap() == samples, "{values}");
            assert!(concatenate(Axis(0), &components).unwrap() == labels, "{values}");
        }
        assert_eq!(mixture.sample_chunks(10, 3, 0).count(), 10, "a sample at least");
        assert_eq!(mixture.sample(0, 3).0.dim(), (0, 2));
    }

    #[test]
    fn factors_of_precisions_that_give_no_covariances_to_working_precision_are_sampled() {
        // The features differ by 1e-10 of their spread, which their covariance does not resolve.
        let factor = array![[1.0, -1e10], [0.0, 1e10]];
        let mixture =
            Mixture::from_precisions_cholesky(arr1(&[1.0]), array![[0.0, 0.0]], CovarianceArray::Tied(factor)).unwrap();
        assert!(mixture.covariances().precisions_cholesky().is_err());
        let (samples, _) = mixture.sample(10_000, 0);
        let (spread, difference) = (samples.column(0).std(1.0), (&samples.column(1) - &samples.column(0)).std(1.0));
        assert!((spread - 1.0).abs() < 0.05 && (difference * 1e10 - 1.0).abs() < 0.05, "{spread}, {difference}");
    }

    #[test]
    fn all_families_scale_their_samples_alike() {
        let mean = array![[1.0, -1.0]];
        let diagonal = array![[4.0, 0.0], [0.0, 4.0]];
        let draw = |covariances| Mixture::new(arr1(&[1.0]), mean.clone(), covariances).unwrap().sample(100, 5);
        let expected = draw(CovarianceArray::Spherical(arr1(&[4.0])));
        assert_eq!(draw(CovarianceArray::Diag(array![[4.0, 4.0]])), expected);
        assert_eq!(draw(CovarianceArray::Tied(diagonal.clone())), expected);
        assert_eq!(draw(CovarianceArray::Full(diagonal.insert_axis(Axis(0)))), expected);
    }
}
