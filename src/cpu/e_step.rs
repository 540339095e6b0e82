//! The E step on a tile: log-densities of all components, then the posterior.

use pulp::Simd;

use super::exp::exp_of_non_positive;
use super::parameters::{BLOCK, Factors, Parameters};
use super::tile::Tile;
use crate::backend::Assignment;

/// A log-density below this is raised to it: a sample infinitely far from every component belongs to all alike.
const LEAST_LOG_DENSITY: f64 = -1e300;

/// Vectors of samples that the triangular product handles together.
const VECTORS: usize = 2;

/// What the E step makes of a tile.
#[derive(Debug)]
pub(super) struct Posterior {
    k: usize,
    /// log (w_k p_k(x_n)), then responsibilities times sample weight: `[K, width]`.
    pub(super) r: Vec<f64>,
    /// log p(x_n): [width].
    pub(super) log_densities: Vec<f64>,
    /// Most probable component: [width].
    pub(super) labels: Vec<usize>,
    /// x - mu of one component, or x P: `[D, width]`.
    centred: Vec<f64>,
    /// Squared Mahalanobis distances of one component, or sums: [width].
    sums: Vec<f64>,
}

impl Posterior {
    pub(super) fn new(k: usize, d: usize) -> Self {
        let width = Tile::capacity(d);
        Posterior {
            k,
            r: vec![0.0; k * width],
            log_densities: vec![0.0; width],
            labels: vec![0; width],
            centred: vec![0.0; d * width],
            sums: vec![0.0; width],
        }
    }

    /// log (w_k p_k(x_n)) for every component and sample, into `r`.
    #[inline(always)]
    pub(super) fn log_densities<S: Simd>(&mut self, simd: S, parameters: &Parameters, tile: &Tile) {
        let (d, width) = (parameters.d, tile.width);
        let x = tile.features(d);
        let centred = &mut self.centred[..d * width];
        let sums = &mut self.sums[..width];
        if let Factors::Shared { packed, .. } = &parameters.factors {
            triangular_product(simd, d, x, packed, width, Output::Products(centred));
        }
        for k in 0..parameters.k {
            let mean = &parameters.means[k * d..(k + 1) * d];
            sums.fill(0.0);
            match &parameters.factors {
                Factors::Dense { packed, stride } => {
                    subtract(x, mean, width, centred);
                    let packed = &packed[k * stride..(k + 1) * stride];
                    triangular_product(simd, d, centred, packed, width, Output::SumsOfSquares(sums));
                }
                Factors::Shared { means, .. } => {
                    squared_distances(simd, centred, &means[k * d..(k + 1) * d], None, sums);
                }
                Factors::Diagonal(p) => {
                    squared_distances(simd, x, mean, Some(&p[k * d..(k + 1) * d]), sums);
                }
            }
            let constant = parameters.constants[k];
            for (l, sum) in self.r[k * width..(k + 1) * width].iter_mut().zip(&*sums) {
                let value = constant - 0.5 * sum;
                *l = if value > LEAST_LOG_DENSITY { value } else { LEAST_LOG_DENSITY };
            }
        }
    }

    /// Log-densities of the samples and their most probable components, from `r`, which it leaves as it is.
    #[inline(always)]
    pub(super) fn assess<S: Simd>(&mut self, width: usize) {
        self.find_labels(width);
        let (maxima, sums) = (&mut self.log_densities[..width], &mut self.sums[..width]);
        sums.fill(0.0);
        for row in self.r[..self.k * width].chunks_exact(width) {
            for ((sum, l), max) in sums.iter_mut().zip(row).zip(&*maxima) {
                *sum += exp_of_non_positive::<S>(l - max);
            }
        }
        for (max, sum) in maxima.iter_mut().zip(sums) {
            *max += sum.ln();
        }
    }

    /// Turns log-densities into responsibilities times sample weight; returns the sum of weight times log-density.
    ///
    /// The log of a sum of exponentials is taken relative to its largest term.
    #[inline(always)]
    pub(super) fn respond<S: Simd>(&mut self, tile: &Tile, assignment: Assignment) -> f64 {
        let width = tile.width;
        let rows = &mut self.r[..self.k * width];
        let weights = &tile.weights[..width];
        match assignment {
            Assignment::Soft => {
                let (maxima, sums) = (&mut self.log_densities[..width], &mut self.sums[..width]);
                maxima.fill(LEAST_LOG_DENSITY);
                sums.fill(0.0);
                for row in rows.chunks_exact(width) {
                    for (max, l) in maxima.iter_mut().zip(row) {
                        *max = if *l > *max { *l } else { *max };
                    }
                }
                for row in rows.chunks_exact_mut(width) {
                    for ((l, sum), max) in row.iter_mut().zip(&mut *sums).zip(&*maxima) {
                        let e = exp_of_non_positive::<S>(*l - max);
                        *l = e;
                        *sum += e;
                    }
                }
                let mut log_likelihood = 0.0;
                for ((max, sum), weight) in maxima.iter_mut().zip(&mut *sums).zip(weights) {
                    *max += sum.ln();
                    log_likelihood += weight * *max;
                    *sum = weight / *sum;
                }
                for row in rows.chunks_exact_mut(width) {
                    for (r, scale) in row.iter_mut().zip(&*sums) {
                        *r *= scale;
                    }
                }
                log_likelihood
            }
            Assignment::Hard => {
                self.find_labels(width);
                for (k, row) in self.r[..self.k * width].chunks_exact_mut(width).enumerate() {
                    for ((r, label), weight) in row.iter_mut().zip(&self.labels).zip(weights) {
                        *r = if *label == k { *weight } else { 0.0 };
                    }
                }
                self.log_densities.iter().zip(weights).map(|(l, weight)| l * weight).sum()
            }
        }
    }

    /// The greatest log-density of each sample, and its component: the first among equals.
    #[inline(always)]
    fn find_labels(&mut self, width: usize) {
        let (maxima, labels) = (&mut self.log_densities[..width], &mut self.labels[..width]);
        maxima.fill(f64::NEG_INFINITY);
        for (k, row) in self.r[..self.k * width].chunks_exact(width).enumerate() {
            for ((max, label), l) in maxima.iter_mut().zip(&mut *labels).zip(row) {
                if *l > *max {
                    *max = *l;
                    *label = k;
                }
            }
        }
    }
}

/// Rows of features less a mean: `[D, width]`.
#[inline(always)]
pub(super) fn subtract(x: &[f64], mean: &[f64], width: usize, out: &mut [f64]) {
    for ((out, row), mean) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(mean) {
        for (out, x) in out.iter_mut().zip(row) {
            *out = x - mean;
        }
    }
}

/// sum_d ((x_d - mu_d) p_d)^2 of every sample, p being 1 where it is not given; x is `[D, width]`.
#[inline(always)]
fn squared_distances<S: Simd>(simd: S, x: &[f64], mean: &[f64], p: Option<&[f64]>, out: &mut [f64]) {
    /// Vectors of samples whose sums stay in registers while the features pass by.
    const AT_ONCE: usize = 4;
    let vectors = out.len() / S::F64_LANES;
    let x = S::as_simd_f64s(x).0;
    let out = S::as_mut_simd_f64s(out).0;
    // Tiles are whole multiples of 16 samples: of two vectors at least, of four as a rule.
    let (fours, rest) = out.as_chunks_mut::<AT_ONCE>();
    for (i, out) in fours.iter_mut().enumerate() {
        sum_squares(simd, &x[i * AT_ONCE..], vectors, mean, p, out);
    }
    let done = vectors - rest.len();
    for (i, out) in rest.iter_mut().enumerate() {
        sum_squares(simd, &x[done + i..], vectors, mean, p, std::array::from_mut(out));
    }
}

/// The sums of [`squared_distances`] for the first vectors of each row.
#[inline(always)]
fn sum_squares<S: Simd, const V: usize>(
    simd: S,
    x: &[S::f64s],
    vectors: usize,
    mean: &[f64],
    p: Option<&[f64]>,
    out: &mut [S::f64s; V],
) {
    let mut sums = [simd.splat_f64s(0.0); V];
    for (i, (row, mean)) in x.chunks(vectors).zip(mean).enumerate() {
        let mean = simd.splat_f64s(*mean);
        let p = p.map(|p| simd.splat_f64s(p[i]));
        for (sum, x) in sums.iter_mut().zip(&row[..V]) {
            let c = simd.sub_f64s(*x, mean);
            let y = match p {
                Some(p) => simd.mul_f64s(c, p),
                None => c,
            };
            *sum = simd.mul_add_e_f64s(y, y, *sum);
        }
    }
    *out = sums;
}

/// Where the columns of a triangular product go.
enum Output<'a> {
    /// Kept: `[D, width]`.
    Products(&'a mut [f64]),
    /// Only the sum of their squares is kept, added to what is there: [width].
    SumsOfSquares(&'a mut [f64]),
}

/// y = x P for a tile: x is `[D, width]`, P upper triangular, as `parameters::pack` lays it out.
#[inline(always)]
fn triangular_product<S: Simd>(simd: S, d: usize, x: &[f64], packed: &[f64], width: usize, output: Output) {
    match d {
        1 => triangular_product_by::<S, 1>(simd, d, x, packed, width, output),
        2 => triangular_product_by::<S, 2>(simd, d, x, packed, width, output),
        3 => triangular_product_by::<S, 3>(simd, d, x, packed, width, output),
        _ => triangular_product_by::<S, BLOCK>(simd, d, x, packed, width, output),
    }
}

#[inline(always)]
fn triangular_product_by<S: Simd, const B: usize>(
    simd: S,
    d: usize,
    x: &[f64],
    packed: &[f64],
    width: usize,
    mut output: Output,
) {
    let x = S::as_simd_f64s(x).0;
    let vectors = width / S::F64_LANES;
    let mut packed = packed;
    for first in (0..d).step_by(B) {
        let rows = (first + B).min(d);
        let (block, rest) = packed.split_at(rows * B);
        packed = rest;
        let block = block.as_chunks::<B>().0;
        for v in (0..vectors).step_by(VECTORS) {
            let mut y = [[simd.splat_f64s(0.0); VECTORS]; B];
            for (x, p) in x.chunks_exact(vectors).zip(block) {
                let x = &x[v..v + VECTORS];
                for (y, p) in y.iter_mut().zip(p) {
                    let p = simd.splat_f64s(*p);
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = simd.mul_add_e_f64s(*x, p, *y);
                    }
                }
            }
            match &mut output {
                Output::Products(out) => {
                    let out = S::as_mut_simd_f64s(out).0;
                    for (y, out) in y.iter().zip(out[first * vectors..].chunks_exact_mut(vectors)) {
                        out[v..v + VECTORS].copy_from_slice(y);
                    }
                }
                Output::SumsOfSquares(sums) => {
                    let sums = &mut S::as_mut_simd_f64s(sums).0[v..v + VECTORS];
                    for y in &y {
                        for (sum, y) in sums.iter_mut().zip(y) {
                            *sum = simd.mul_add_e_f64s(*y, *y, *sum);
                        }
                    }
                }
            }
        }
    }
}
