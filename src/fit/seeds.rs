//! Greedy k-means++ seeds (Arthur and Vassilvitskii 2007): each is drawn with probability proportional to its squared
//! distance from the nearest seed so far, and the best of some trials is kept.

use std::sync::atomic::AtomicBool;

use ndarray::{Array1, aview1};
use pulp::{Simd, WithSimd};
use rand::RngExt;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use crate::data::order::{MOST_FEATURES, Places, compact};
use crate::data::points::Points;
use crate::data::source::check_stop;
use crate::device::cpu::instructions::{Instructions, instructions};
use crate::error::Result;

/// A trial is better than another if it leaves less than this share of the other's mass.
const EQUAL: f64 = 1.0 - 1e-9;

/// Samples of a chunk: a few features of them stay in the nearest cache while all trials pass over them. Of samples in
/// order of where they lie, fewer: a seed leaves most such chunks as they are.
const CHUNK: usize = 1024;
const NEAR_CHUNK: usize = 128;

/// So many seeds are worth an order of the samples.
const MANY: usize = 48;

/// Samples to draw seeds from, with features over their scales.
#[derive(Debug)]
pub(crate) struct Seeder {
    /// Rows of the samples, where they are in another order.
    order: Option<Vec<u32>>,
    n_samples: usize,
    /// Samples of a chunk.
    length: usize,
    chunks: Vec<Chunk>,
    arch: Instructions,
}

/// Consecutive samples.
#[derive(Debug)]
struct Chunk {
    /// Standardised, feature by feature: [D, n].
    x: Vec<f64>,
    /// The least and the greatest value of each feature.
    extent: Vec<(f64, f64)>,
    weights: Vec<f64>,
    /// Their reciprocals; 0 for those of zero.
    reciprocals: Vec<f64>,
    /// Weighted squared distances from the nearest seed so far: [n].
    nearest: Vec<f64>,
    /// Their sum.
    mass: f64,
    /// Squared distance from its nearest seed of the sample that is farthest from it.
    farthest: f64,
    /// Values that these would have with each trial that comes nearer to a sample: [trials, n], [trials] and [trials].
    with_trial: Vec<f64>,
    mass_with_trial: Vec<f64>,
    farthest_with_trial: Vec<Option<f64>>,
}

impl Chunk {
    /// The least squared distance of any place within its extent from a seed.
    fn distance(&self, seed: &[f64]) -> f64 {
        let beyond = |((least, most), x): (&(f64, f64), &f64)| (least - x).max(x - most).max(0.0);
        self.extent.iter().zip(seed).map(beyond).map(|beyond| beyond * beyond).sum()
    }
}

impl Seeder {
    /// Takes all samples, to draw K seeds; the variances `[D]` standardise their distances.
    pub(crate) fn new(points: &Points, variances: &Array1<f64>, k: usize) -> Self {
        let scales: Vec<f64> = variances.iter().map(|v| if *v > 0.0 { v.sqrt() } else { 1.0 }).collect();
        let scale: Vec<f64> = scales.iter().map(|scale| scale.recip()).collect();
        let n = points.n_samples();
        // An order of samples needs all of their values.
        let is_worth_it = k >= MANY && scale.len() <= MOST_FEATURES && points.summary().holes().is_none();
        let all = Places { first: 0, step: 1, count: n };
        let order = is_worth_it.then(|| compact(points, all, &scales, NEAR_CHUNK));
        let length = if is_worth_it { NEAR_CHUNK } else { CHUNK };
        let row = |place: usize| order.as_ref().map_or(place, |order| order[place] as usize);
        let chunks = (0..n).step_by(length).map(|start| {
            let places = start..(start + length).min(n);
            let size = places.len();
            let mut x = vec![0.0; size * scale.len()];
            for (i, place) in places.clone().enumerate() {
                points.for_each_row(row(place)..row(place) + 1, |_, values| {
                    for (d, (value, scale)) in values.iter().zip(&scale).enumerate() {
                        x[d * size + i] = value * scale;
                    }
                });
            }
            let extent = x.chunks_exact(size).map(|x| {
                x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (least.min(*x), most.max(*x)))
            });
            let weights: Vec<f64> = places.map(|place| points.weight(row(place))).collect();
            Chunk {
                extent: extent.collect(),
                x,
                reciprocals: weights.iter().map(|w| if *w > 0.0 { w.recip() } else { 0.0 }).collect(),
                weights,
                nearest: Vec::new(),
                mass: 0.0,
                farthest: f64::INFINITY,
                with_trial: Vec::new(),
                mass_with_trial: Vec::new(),
                farthest_with_trial: Vec::new(),
            }
        });
        let chunks = chunks.collect();
        Seeder { order, n_samples: n, length, chunks, arch: instructions() }
    }

    /// The rows of K seeds, by 2 + floor(ln K) trials each.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) when it should stop.
    pub(crate) fn seed(&mut self, k: usize, stop: &AtomicBool, random: &mut Pcg64) -> Result<Vec<usize>> {
        let trials = 2 + (k as f64).ln() as usize;
        // Before the first seed every sample is as far away as any other.
        for chunk in &mut self.chunks {
            chunk.nearest.clone_from(&chunk.weights);
            chunk.mass = chunk.weights.iter().sum();
            chunk.farthest = f64::INFINITY;
        }
        let mut seeds = Vec::with_capacity(k);
        let first = self.draw(random);
        self.chunks.iter_mut().for_each(|chunk| chunk.nearest.fill(f64::INFINITY));
        self.consider(&[first]);
        self.accept(0);
        seeds.push(first);
        while seeds.len() < k {
            check_stop(stop)?;
            let drawn: Vec<usize> = (0..trials).map(|_| self.draw(random)).collect();
            let masses = self.consider(&drawn);
            // The first of trials that are equal but for rounding, on whatever processor.
            let best = (1..trials).fold(0, |best, next| if masses[next] < EQUAL * masses[best] { next } else { best });
            self.accept(best);
            seeds.push(drawn[best]);
        }
        if let Some(order) = &self.order {
            seeds.iter_mut().for_each(|seed| *seed = order[*seed] as usize);
        }
        Ok(seeds)
    }

    /// A sample, with probability proportional to its mass; any sample where there is no mass left.
    fn draw(&self, random: &mut Pcg64) -> usize {
        let total: f64 = self.chunks.iter().map(|chunk| chunk.mass).sum();
        if total <= 0.0 {
            return random.random_range(0..self.n_samples);
        }
        let mut left = total * random.random::<f64>();
        let chunk = position(self.chunks.iter().map(|chunk| chunk.mass), &mut left);
        chunk * self.length + position(self.chunks[chunk].nearest.iter().copied(), &mut left)
    }

    /// Sums of the masses of all samples with each of the given samples as another seed.
    fn consider(&mut self, trials: &[usize]) -> Vec<f64> {
        let seeds: Vec<Vec<f64>> = trials
            .iter()
            .map(|row| {
                let Chunk { x, weights, .. } = &self.chunks[row / self.length];
                x.iter().skip(row % self.length).step_by(weights.len()).copied().collect()
            })
            .collect();
        let arch = self.arch;
        self.chunks.par_iter_mut().for_each(|chunk| arch.dispatch(Consider { chunk, seeds: &seeds }));
        (0..trials.len()).map(|trial| self.chunks.iter().map(|chunk| chunk.mass_with_trial[trial]).sum()).collect()
    }

    /// Makes a trial a seed.
    fn accept(&mut self, trial: usize) {
        for chunk in &mut self.chunks {
            if let Some(farthest) = chunk.farthest_with_trial[trial] {
                let n = chunk.nearest.len();
                chunk.nearest.copy_from_slice(&chunk.with_trial[trial * n..][..n]);
                chunk.mass = chunk.mass_with_trial[trial];
                chunk.farthest = farthest;
            }
        }
    }
}

/// Index of the mass in which the sum of all masses so far passes `left`, which is left with the rest; the last
/// positive one where rounding leaves a little over.
fn position(masses: impl Iterator<Item = f64>, left: &mut f64) -> usize {
    let mut last = 0;
    for (i, mass) in masses.enumerate() {
        if mass > 0.0 {
            if *left <= mass {
                return i;
            }
            *left -= mass;
            last = i;
        }
    }
    // Beyond all masses is at the end of the last.
    *left = f64::MAX;
    last
}

/// Distances of a chunk's samples from some trials.
struct Consider<'a> {
    chunk: &'a mut Chunk,
    /// Standardised: [trials, D].
    seeds: &'a [Vec<f64>],
}

impl WithSimd for Consider<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Consider { chunk, seeds } = self;
        chunk.mass_with_trial.clear();
        chunk.farthest_with_trial.clear();
        let n = chunk.weights.len();
        chunk.with_trial.resize(seeds.len() * n, 0.0);
        for (trial, seed) in seeds.iter().enumerate() {
            // All of its samples have a seed that is as near.
            if chunk.distance(seed) >= chunk.farthest {
                chunk.mass_with_trial.push(chunk.mass);
                chunk.farthest_with_trial.push(None);
                continue;
            }
            let Chunk { x, weights, reciprocals, nearest, with_trial, .. } = &mut *chunk;
            let distances = &mut with_trial[trial * n..][..n];
            distances.fill(0.0);
            for (x, s) in x.chunks_exact(n).zip(seed) {
                for (distance, x) in distances.iter_mut().zip(x) {
                    // What is missing says nothing.
                    let square = (x - s) * (x - s);
                    *distance += if square.is_nan() { 0.0 } else { square };
                }
            }
            for ((distance, weight), nearest) in distances.iter_mut().zip(&*weights).zip(&*nearest) {
                *distance = nearest.min(weight * *distance);
            }
            let farthest = greatest_product(distances, reciprocals);
            let mass = aview1(distances).sum();
            chunk.mass_with_trial.push(mass);
            chunk.farthest_with_trial.push(Some(farthest));
        }
    }
}

/// The greatest product of two non-negative numbers, in strands.
#[inline(always)]
fn greatest_product(a: &[f64], b: &[f64]) -> f64 {
    const STRANDS: usize = 8;
    let mut greatest = [0.0; STRANDS];
    let ((a, a_left), (b, b_left)) = (a.as_chunks::<STRANDS>(), b.as_chunks::<STRANDS>());
    let greater = |greatest: f64, product: f64| if product > greatest { product } else { greatest };
    for (a, b) in a.iter().zip(b) {
        for i in 0..STRANDS {
            greatest[i] = greater(greatest[i], a[i] * b[i]);
        }
    }
    let left = a_left.iter().zip(b_left).map(|(a, b)| a * b);
    left.chain(greatest).fold(0.0, greater)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use rand::SeedableRng;

    /// Seeds of 3000 samples around 0, 100 and 200, in turn.
    fn seeds(weights: impl Fn(usize) -> f64, k: usize) -> Vec<usize> {
        let samples = Array2::from_shape_fn((3000, 2), |(i, _)| (i % 3) as f64 * 100.0 + (i as f64 * 0.618).fract());
        let points = Points::new(samples).unwrap().with_weights(Array1::from_shape_fn(3000, weights)).unwrap();
        Seeder::new(&points, &array![1.0, 1.0], k)
            .seed(k, &AtomicBool::new(false), &mut Pcg64::seed_from_u64(0))
            .unwrap()
    }

    #[test]
    fn each_of_three_clusters_far_apart_gets_a_seed() {
        let mut clusters: Vec<usize> = seeds(|_| 1.0, 3).into_iter().map(|row| row % 3).collect();
        clusters.sort_unstable();
        assert_eq!(clusters, [0, 1, 2]);
    }

    #[test]
    fn samples_of_no_weight_are_no_seeds() {
        let clusters: Vec<usize> = seeds(|i| f64::from(i % 3 != 1), 20).into_iter().map(|row| row % 3).collect();
        assert!(clusters.iter().all(|cluster| *cluster != 1) && clusters.contains(&0) && clusters.contains(&2));
    }

    #[test]
    fn an_order_of_the_samples_changes_no_distance() {
        let value = |row: usize, feature: usize| ((row * (feature + 3)) as f64 * 0.618_033_988_7).fract();
        let points = Points::new(Array2::from_shape_fn((5000, 2), |(row, feature)| value(row, feature))).unwrap();
        let points = points.with_weights(Array1::from_shape_fn(5000, |row| (row % 4) as f64)).unwrap();
        let mut seeder = Seeder::new(&points, &array![1.0, 4.0], MANY);
        let rows = seeder.seed(MANY, &AtomicBool::new(false), &mut Pcg64::seed_from_u64(1)).unwrap();
        let samples = points.to_f64();
        let distance = |row: usize, seed: usize| {
            let [x, y] = [0, 1].map(|i| samples[[row, i]] - samples[[seed, i]]);
            x * x + y * y / 4.0
        };
        let nearest = |row: usize| rows.iter().map(|seed| distance(row, *seed)).fold(f64::INFINITY, f64::min);
        let expected: f64 = (0..5000).map(|row| points.weight(row) * nearest(row)).sum();
        let found: f64 = seeder.chunks.iter().map(|chunk| chunk.mass).sum();
        assert!((found - expected).abs() < 1e-9 * expected, "{found}, and not {expected}");
        let mut distinct = rows.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), MANY);
    }

    #[test]
    fn there_may_be_more_seeds_than_distinct_samples() {
        let points = Points::new(array![[1.0], [1.0], [2.0]]).unwrap();
        let rows = Seeder::new(&points, &array![0.25], 5)
            .seed(5, &AtomicBool::new(false), &mut Pcg64::seed_from_u64(0))
            .unwrap();
        assert_eq!(rows.len(), 5);
        assert!(rows.contains(&2) && rows.iter().any(|row| *row < 2));
    }
}
