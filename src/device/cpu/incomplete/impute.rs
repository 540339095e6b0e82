//! Missing values filled in, by what the others say under a model.

use ndarray::{Array1, Array2, Axis};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

use super::groups::Piece;
use super::{each_piece, responsibilities};
use crate::data::hash::hash;
use crate::data::points::Points;
use crate::device::backend::check_features;
use crate::device::cpu::CpuBackend;
use crate::error::Result;
use crate::model::linalg;
use crate::model::mixture::Mixture;

/// What missing values are filled in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Imputation {
    /// Their means under the model, given the values of their sample that are there.
    Mean,
    /// Draws from the same distribution, which keep the spread of the data: for multiple imputation (Rubin 1987) draw number
    /// 0, 1, 2 and so on. The same seed, number and sample give the same values.
    Draw {
        /// Seed of all draws.
        seed: u64,
        /// Which one.
        number: usize,
    },
}

/// The samples with their missing values filled in by what the others of a sample say, under a mixture: `[n, D]`. The
/// first of them has the given number among all. The processor does it, in f64.
///
/// ```
/// use mixtura::device::{Imputation, impute};
/// use mixtura::{CovarianceArray, Mixture, Points};
/// use ndarray::{arr1, array};
///
/// let covariances = CovarianceArray::Full(array![[[1.0, 0.8], [0.8, 1.0]]]);
/// let mixture = Mixture::new(arr1(&[1.0]), array![[0.0, 0.0]], covariances)?;
/// let points = Points::with_missing(array![[1.0, f64::NAN], [f64::NAN, f64::NAN]], None)?;
/// let filled = impute(&mixture, &points, 0, Imputation::Mean)?;
/// assert!((filled[[0, 1]] - 0.8).abs() < 1e-12 && filled[[1, 0]].abs() < 1e-12);
/// # Ok::<(), mixtura::Error>(())
/// ```
///
/// # Errors
/// [`FeatureCount`](crate::Error::FeatureCount).
pub fn impute(mixture: &Mixture, points: &Points, first: usize, how: Imputation) -> Result<Array2<f64>> {
    let (model, chunk) = (mixture.quadratics(), points);
    check_features(model, chunk.n_features())?;
    let mut filled = chunk.to_f64();
    if chunk.summary().holes().is_none() {
        return Ok(filled);
    }
    let backend = CpuBackend::<f64>::new(chunk);
    let n = chunk.n_samples();
    let posterior = responsibilities(&backend, model, chunk, 0..n)?;
    let values = chunk.to_f64();
    let of_piece = |piece: &Piece| -> Result<Array2<f64>> {
        let (observed, missing) = (&piece.pattern.observed, &piece.pattern.missing);
        let mut found = Array2::zeros((piece.n_rows(), missing.len()));
        if missing.is_empty() {
            return Ok(found);
        }
        let regressions = model.regressions(piece.pattern)?;
        let of_component = |k: usize| &regressions[if regressions.len() == 1 { 0 } else { k }];
        // The expected values, in a component.
        let expected = |row: usize, k: usize| -> Array1<f64> {
            let mean = model.means().row(k);
            let deviation: Array1<f64> = observed.iter().map(|i| values[[row, *i]] - mean[*i]).collect();
            of_component(k).slopes.dot(&deviation) + mean.select(Axis(0), missing)
        };
        match how {
            Imputation::Mean => {
                for (row, mut found) in piece.rows().zip(found.rows_mut()) {
                    for (k, r) in posterior.row(row).iter().enumerate().filter(|(_, r)| **r > 0.0) {
                        found.scaled_add(*r, &expected(row, k));
                    }
                }
            }
            Imputation::Draw { seed, number } => {
                let roots = regressions.iter().map(|regression| linalg::cholesky(regression.residual.view()));
                // A residual that is none but for rounding.
                let roots: Vec<Array2<f64>> = roots
                    .zip(&regressions)
                    .map(|(root, of)| root.unwrap_or_else(|_| Array2::zeros(of.residual.raw_dim())))
                    .collect();
                for (row, mut found) in piece.rows().zip(found.rows_mut()) {
                    // What a sample gets depends on its number alone.
                    let at = hash(hash(seed ^ hash(number as u64)) ^ (first + row) as u64);
                    let mut random = Pcg64::seed_from_u64(at);
                    let mut left = random.random::<f64>();
                    let shares = posterior.row(row);
                    let k = shares.iter().position(|r| {
                        left -= r;
                        left < 0.0
                    });
                    let k = k.unwrap_or(shares.len() - 1);
                    let normal: Array1<f64> = missing.iter().map(|_| StandardNormal.sample(&mut random)).collect();
                    let root = &roots[if roots.len() == 1 { 0 } else { k }];
                    found.assign(&(expected(row, k) + root.dot(&normal)));
                }
            }
        }
        Ok(found)
    };
    each_piece(&backend, chunk, 0..n, of_piece, |piece, found| {
        for (row, found) in piece.rows().zip(found.rows()) {
            piece.pattern.missing.iter().zip(found).for_each(|(i, x)| filled[[row, *i]] = *x);
        }
    })?;
    Ok(filled)
}
