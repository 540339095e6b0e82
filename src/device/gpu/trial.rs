//! Kernels are tried before they are trusted: at their first use a few hundred samples go through them, and through the
//! CPU backend. What passed is remembered by an empty file in the user's cache directory, for this adapter, driver and
//! version of the program.

use std::sync::Arc;

use ndarray::{Array1, Array2};

use super::GpuBackend;
use super::arranged::Arranged;
use super::context::Gpu;
use super::e_step::Gaps;
use super::pass::Pass;
use super::pruning::Pruning;
use super::samples::DeviceSamples;
use crate::data::points::Points;
use crate::device::backend::Backend;
use crate::device::cpu::CpuBackend;
use crate::device::plausible::TOLERANCE;
use crate::device::prune::Prune;
use crate::device::task::{Assignment, SumsTask, unexpected};
use crate::device::trust;
use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;

/// Samples of a trial: more than a group of them, and no whole number of groups.
const SAMPLES: usize = 400;

impl Gpu {
    /// Has the kernels of a pass do a little work whose result is known, unless they did so before.
    ///
    /// # Errors
    /// [`Error::WrongResults`].
    pub(super) fn try_kernels(&self, pass: &Pass) -> Result<()> {
        let kernels = pass.kernels();
        if kernels.iter().all(|kernel| self.tried.has_passed(kernel)) {
            return Ok(());
        }
        let layout = pass.plan().layout;
        let family = layout.sums.statistics.family();
        for assignment in [Assignment::Soft, Assignment::Hard] {
            let (mixture, mut points) = problem(assignment, family, layout.k, layout.d, SAMPLES)?;
            if layout.gaps != Gaps::None {
                points = with_gaps(&points)?;
            }
            let samples = DeviceSamples::upload(self, &points, None)?;
            let arranged = match layout.gaps {
                Gaps::OfTiles => Some(Arranged::new(self, &points, &samples, None)?),
                Gaps::None | Gaps::OfFeatures => None,
            };
            let ordered = match layout.prunes {
                true => Some(samples.in_order(self, &points, None)?.ok_or_else(unexpected)?),
                false => None,
            };
            let passed = arranged.as_ref().map(|arranged| &arranged.samples).or(ordered.as_ref()).unwrap_or(&samples);
            let pass = Arc::new(Pass::new(self, passed, layout)?);
            let mut backend = GpuBackend::of_pass(self, &points, samples, pass);
            (backend.pruning, backend.arranged) = (Pruning::of(ordered), arranged);
            let mut by = CpuBackend::new(&points);
            match layout.gaps {
                Gaps::None if layout.prunes => {
                    compare_sums(&mut backend, &mut by, &mixture, assignment, Prune::Exact)?;
                }
                Gaps::None => compare(&mut backend, &mut by, &mixture, assignment)?,
                // The processor answers what is asked of single samples.
                Gaps::OfFeatures | Gaps::OfTiles => {
                    compare_sums(&mut backend, &mut by, &mixture, assignment, Prune::Off)?;
                }
            }
        }
        kernels.iter().for_each(|kernel| self.tried.pass(kernel));
        Ok(())
    }
}

/// Checks that a backend makes of the same samples what another does.
///
/// # Errors
/// [`Error::WrongResults`] says where they differ.
pub(super) fn compare(
    backend: &mut dyn Backend,
    by: &mut dyn Backend,
    mixture: &Mixture,
    assignment: Assignment,
) -> Result<()> {
    compare_sums(backend, by, mixture, assignment, Prune::Off)?;
    let (model, rows) = (mixture.quadratics(), 0..backend.n_samples());
    let (found, expected) = (backend.assess(model, rows.clone())?, by.assess(model, rows)?);
    // Not a number is no small difference.
    let is_near = |a: f64, b: f64| (a - b).abs() <= TOLERANCE * (1.0 + b.abs());
    // Of a hard assignment none is a near thing.
    if assignment == Assignment::Hard && found.labels != expected.labels {
        return Err(wrong(backend, "labels are others than they should be".to_owned()));
    }
    let pairs = found.log_densities.iter().zip(&expected.log_densities);
    match pairs.enumerate().find(|(_, (found, expected))| !is_near(**found, **expected)) {
        None => Ok(()),
        Some((row, (found, expected))) => {
            Err(wrong(backend, format!("the log-density of sample {row} is {found} in place of {expected}")))
        }
    }
}

/// Checks that a backend sums to the same, by pruned passes or by dense ones.
///
/// # Errors
/// As [`compare`].
pub(super) fn compare_sums(
    backend: &mut dyn Backend,
    by: &mut dyn Backend,
    mixture: &Mixture,
    assignment: Assignment,
    prune: Prune,
) -> Result<()> {
    let family = mixture.covariance_type();
    let task = SumsTask::new(mixture.quadratics(), assignment, family, backend.summary()).pruned(prune);
    let (found, expected) = (backend.moments_of(task, family)?, by.moments(mixture, assignment)?);
    match trust::difference(&found, &expected) {
        Some(detail) => Err(wrong(backend, detail)),
        None => Ok(()),
    }
}

fn wrong(backend: &dyn Backend, detail: String) -> Error {
    Error::WrongResults { device: backend.info().name.clone(), detail: format!("in a trial, {detail}") }
}

/// Samples of every second of which a value is missing, of one feature after another.
fn with_gaps(whole: &Points) -> Result<Points<'static>> {
    let (n, d) = (whole.n_samples(), whole.n_features());
    let mut samples = whole.to_f64();
    (0..n).step_by(2).for_each(|row| samples[[row, row / 2 % d]] = f64::NAN);
    let points = Points::with_missing(samples, None)?;
    let weights = (0..n).map(|row| whole.weight(row)).collect::<Array1<f64>>();
    points.with_weights(weights)
}

/// Components in places of their own, where hard assignments are to be clear: of more, every so many-th shares a place.
const PLACES: usize = 256;

/// A mixture, and `n` weighted samples of it. For soft assignments components are near one another, so that samples
/// belong to several; for hard ones far from one another, so that rounding decides none. Covariances are neither alike
/// nor diagonal where the family allows it.
pub(super) fn problem(
    assignment: Assignment,
    family: CovarianceType,
    k: usize,
    d: usize,
    n: usize,
) -> Result<(Mixture, Points<'static>)> {
    // Between -1 and 1, another for every pair.
    let number = |i: usize, j: usize| ((i * 31 + j * 17 + 7) as f64 * 0.618_033_988_749_895).fract() * 2.0 - 1.0;
    let near = |k: usize, i: usize| 2.0 / (d as f64).sqrt() * number(k, i);
    let far = |place: usize, i: usize| if place % d == i { 8.0 * (1 + place / d) as f64 } else { near(place, i) };
    let (means, weights) = match assignment {
        Assignment::Soft => {
            (Array2::from_shape_fn((k, d), |(k, i)| near(k, i)), Array1::from_shape_fn(k, |k| 1.0 + 0.5 * number(k, 1)))
        }
        Assignment::Hard => (
            Array2::from_shape_fn((k, d), |(k, i)| far(k % PLACES, i)),
            Array1::from_shape_fn(k, |k| if k < PLACES { 1.0 } else { 1e-4 }),
        ),
    };
    let variance = |k: usize| 0.75 + 0.25 * number(k % PLACES, 3);
    // A multiple of the identity and u u^T, with |u| <= 1 / 2.
    let entry = |k: usize, i: usize, j: usize| {
        let u = |i: usize| 0.5 * number(k % PLACES, i) / (d as f64).sqrt();
        u(i) * u(j) + if i == j { variance(k) } else { 0.0 }
    };
    let covariances = CovarianceArray::from_entries(family, k, d, entry, variance);
    let total = weights.sum();
    let mixture = Mixture::new(weights / total, means, covariances)?;
    let (samples, _) = mixture.sample(n, 0);
    let weights = Array1::from_shape_fn(n, |i| 0.5 + (i % 3) as f64 * 0.5);
    Ok((mixture, Points::new(samples)?.with_weights(weights)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::gpu::context::tests::open;
    use crate::device::gpu::e_step::{Factors, Layout};

    /// Layouts of few and many features and components.
    const SIZES: [(usize, usize); 8] = [(1, 1), (1, 300), (2, 3), (6, 26), (16, 33), (40, 60), (150, 3), (290, 2)];

    #[test]
    fn an_adapter_that_computes_passes_by_a_wide_margin() {
        let Some(gpu) = open() else { return };
        for (d, k) in SIZES {
            for family in CovarianceType::ALL {
                for assignment in [Assignment::Soft, Assignment::Hard] {
                    let (mixture, points) = problem(assignment, family, k, d, SAMPLES).unwrap();
                    let samples = DeviceSamples::upload(&gpu, &points, None).unwrap();
                    let factors = Factors::of(mixture.quadratics());
                    let layout = Layout::new(factors, family.statistics(), d, k, gpu.tuning);
                    let pass = Arc::new(Pass::new(&gpu, &samples, layout).unwrap());
                    let mut backend = GpuBackend::of_pass(&gpu, &points, samples, pass);
                    let mut by = CpuBackend::new(&points);
                    compare(&mut backend, &mut by, &mixture, assignment).unwrap();
                    let found = backend.moments(&mixture, assignment).unwrap();
                    let worst = trust::worst(&found, &by.moments(&mixture, assignment).unwrap());
                    assert!(worst.0 < 0.1 * TOLERANCE, "{d} x {k}, {family}, {assignment:?}: {worst:?}");
                }
            }
        }
    }
}
