//! Passes whose buffers held something else before: what they find is theirs alone, and that of the CPU.

use std::sync::Arc;

use ndarray::Array1;

use super::*;
use crate::data::points::Points;
use crate::device::backend::Backend;
use crate::device::cpu::CpuBackend;
use crate::device::gpu::GpuBackend;
use crate::device::gpu::context::tests::open;
use crate::device::gpu::e_step::Factors;
use crate::device::gpu::kernel::GROUP;
use crate::device::gpu::kernel::tests::CHECKED;
use crate::device::gpu::trial::problem;
use crate::device::gpu::tuning::Tuning;
use crate::device::plausible::TOLERANCE;
use crate::device::sums::Sums;
use crate::device::trust;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;

/// A tenth of what a trial allows, like the trial's own test: sums of thousands of numbers that were rounded to f32.
const OF_SUMS: f64 = 0.1 * TOLERANCE;

/// A log-density is a sum of some hundred products of f32, each rounded by up to 6e-8 of itself.
const OF_A_LOG_DENSITY: f64 = 1e-5;

/// The bits of an f32 that is not a number; as a label, one that no component has.
const POISON: u32 = 0x7fc0_0000;

impl Pass {
    /// Fills all that a pass writes with what is not a number.
    fn poison(&self, gpu: &Gpu) {
        let Scratch { densities, slices, log_likelihoods, assessed, .. } = &self.scratch;
        let Scratch { peaks, scales, sums, totals, marking, .. } = &self.scratch;
        let marking = marking.iter().flat_map(|marking| [&marking.highest, &marking.marks, &marking.kept]);
        let written = [densities, slices, log_likelihoods, assessed, peaks, scales, sums, totals];
        for buffer in written.into_iter().chain(marking) {
            let poison = vec![POISON; buffer.size() as usize / size_of::<u32>()];
            gpu.guarded(|| gpu.queue.write_buffer(buffer, 0, bytemuck::cast_slice(&poison))).unwrap();
        }
    }
}

/// Holds the sums, the log-densities and, where they are clear, the labels of poisoned passes to those of the CPU.
fn hold_to_the_cpu(gpu: &Gpu, mixture: &Mixture, points: &Points, assignment: Assignment, what: &str) {
    let (model, n, (k, d)) = (mixture.quadratics(), points.n_samples(), mixture.means().dim());
    let family = mixture.covariance_type();
    let layout = Layout::new(Factors::of(model), family.statistics(), d, k, gpu.tuning);
    let samples = DeviceSamples::upload(gpu, points, None).unwrap();
    let pass = Arc::new(Pass::new(gpu, &samples, layout).unwrap());
    let backend = GpuBackend::of_pass(gpu, points, samples, pass.clone());
    let mut cpu = CpuBackend::new(points);

    let expected = cpu.moments(mixture, assignment).unwrap();
    let taken_off = match assignment {
        Assignment::Soft => &[Expected::Covariances, Expected::Nothing][..],
        Assignment::Hard => &[Expected::Nothing],
    };
    for taken_off in taken_off {
        pass.poison(gpu);
        let totals = pass.sum(gpu, &backend.samples, model, assignment, *taken_off).unwrap();
        let sums = Sums::of_moments(points.summary(), backend.moments_of(model, layout, &totals), totals.reference);
        let found = sums.moments(family, model.means(), points.summary().total_weight()).expect("moments of a device");
        let (difference, of) = trust::worst(&found, &expected);
        assert!(difference <= OF_SUMS, "{what}, {taken_off:?}: {of} is off by {difference:e}");
    }

    let expected = cpu.assess(model, 0..n).unwrap();
    let reference = pass.write_model(gpu, &backend.samples, model).unwrap();
    let mut log_densities = Array1::from_elem(n, f64::NAN);
    for (chunk, groups, rows) in backend.parts(0..n, pass.plan().assessed_groups()) {
        let start = (backend.samples.chunks[chunk].first_group + groups.start) * GROUP;
        pass.poison(gpu);
        let assessed = pass.assess(gpu, chunk, groups).unwrap();
        for row in rows {
            log_densities[row] = f64::from(assessed.log_densities[row - start]) + reference;
            let label = assessed.labels[row - start] as usize;
            assert!(label < k, "{what}, sample {row}: label {label}");
            // Where components are near one another rounding may decide.
            if assignment == Assignment::Hard {
                assert_eq!(label, expected.labels[row], "{what}, sample {row}");
            }
        }
    }
    for (row, (found, expected)) in log_densities.iter().zip(&expected.log_densities).enumerate() {
        let most = OF_A_LOG_DENSITY * (1.0 + expected.abs());
        assert!((found - expected).abs() <= most, "{what}, sample {row}: {found}, not {expected}");
    }
}

/// Holds the sums of poisoned pruned passes to those of the CPU; returns the share of the log-densities that were
/// evaluated.
fn hold_pruned_to_the_cpu(gpu: &Gpu, mixture: &Mixture, points: &Points, assignment: Assignment, what: &str) -> f64 {
    let (model, (k, d), family) = (mixture.quadratics(), mixture.means().dim(), mixture.covariance_type());
    let layout = Layout::new(Factors::of(model), family.statistics(), d, k, gpu.tuning).pruned();
    let samples = DeviceSamples::upload(gpu, points, None).unwrap();
    let ordered = samples.in_order(gpu, points, None).unwrap().unwrap();
    let pass = Arc::new(Pass::new(gpu, &ordered, layout).unwrap());
    let backend = GpuBackend::of_pass(gpu, points, samples, pass.clone());
    let expected = CpuBackend::new(points).moments(mixture, assignment).unwrap();
    let taken_off = if assignment == Assignment::Soft { Expected::Covariances } else { Expected::Nothing };
    let mut shares = Vec::new();
    for _ in 0..2 {
        pass.poison(gpu);
        let totals = pass.sum(gpu, &ordered, model, assignment, taken_off).unwrap();
        let sums = Sums::of_moments(points.summary(), backend.moments_of(model, layout, &totals), totals.reference);
        let sums = sums.of_pairs(totals.pairs());
        shares.push((sums.evaluated(), totals.numbers));
        let found = sums.moments(family, model.means(), points.summary().total_weight()).expect("moments of a device");
        let (difference, of) = trust::worst(&found, &expected);
        assert!(difference <= OF_SUMS, "{what}: {of} is off by {difference:e}");
    }
    assert!(shares[0] == shares[1], "{what}: not the same bits");
    shares[0].0
}

/// Problems of some numbers of samples, for all shapes of the passes.
fn hold_all(gpu: &Gpu, counts: &[usize], sizes: &[(usize, usize)]) {
    for tuning in Tuning::ALL {
        let mut gpu = gpu.clone();
        gpu.tuning = tuning;
        for &(d, k) in sizes {
            for family in [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag] {
                for assignment in [Assignment::Soft, Assignment::Hard] {
                    for &n in counts {
                        let what = format!("{n} x {d}, {k} components, {family}, {assignment:?}, {tuning:?}");
                        let (mixture, points) = problem(assignment, family, k, d, n).unwrap();
                        hold_to_the_cpu(&gpu, &mixture, &points, assignment, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn what_buffers_held_before_a_pass_is_in_none_of_its_results() {
    let Some(gpu) = open() else { return };
    hold_all(&gpu, &[1, 255, 257, 12_345], &[(1, 1), (3, 2), (6, 26), (20, 3)]);
}

#[test]
fn kernels_that_check_every_index_find_the_same() {
    let Some(gpu) = open() else { return };
    CHECKED.set(true);
    hold_all(&gpu, &[257, 3_000], &[(3, 2), (20, 9)]);
    CHECKED.set(false);
}

#[test]
fn pruned_passes_find_what_the_cpu_finds_and_read_nothing_that_was_left_out() {
    let Some(gpu) = open() else { return };
    for tuning in [Tuning::NARROW, Tuning::SOFTWARE] {
        let mut gpu = gpu.clone();
        gpu.tuning = tuning;
        for (n, d, k) in [(12_345, 1, 48), (257, 2, 60), (8_000, 3, 200), (20_001, 8, 50)] {
            for family in CovarianceType::ALL {
                // Components that are far from each other leave most out.
                let (mixture, points) = problem(Assignment::Hard, family, k, d, n).unwrap();
                for assignment in [Assignment::Soft, Assignment::Hard] {
                    let what = format!("{n} x {d}, {k} components, {family}, {assignment:?}, {tuning:?}");
                    let share = hold_pruned_to_the_cpu(&gpu, &mixture, &points, assignment, &what);
                    assert!(share > 1.0 / k as f64 && (n < 1000 || share < 0.9), "{what}: {share}");
                }
                let (mixture, points) = problem(Assignment::Soft, family, k, d, n).unwrap();
                let what = format!("{n} x {d}, {k} near components, {family}, {tuning:?}");
                hold_pruned_to_the_cpu(&gpu, &mixture, &points, Assignment::Soft, &what);
            }
        }
    }
}

#[test]
fn pruned_kernels_that_check_every_index_find_the_same() {
    let Some(gpu) = open() else { return };
    CHECKED.set(true);
    for family in CovarianceType::ALL {
        let (mixture, points) = problem(Assignment::Hard, family, 70, 3, 3_000).unwrap();
        for assignment in [Assignment::Soft, Assignment::Hard] {
            hold_pruned_to_the_cpu(&gpu, &mixture, &points, assignment, "checked");
        }
    }
    CHECKED.set(false);
}
