//! The GPU backend: f32 arithmetic in WGSL compute shaders through wgpu, sums finished in f64 on the host.
//!
//! Samples go to the device once, shifted and scaled in f64 before they are rounded. Each pass writes the parameters,
//! runs the stages over tile after tile in one submission, and reads back nothing but sums.

mod adapter;
mod ceiling;
mod context;
mod e_step;
mod kernel;
mod m_step;
mod pass;
mod pipelines;
mod plan;
mod profile;
mod samples;
#[cfg(test)]
mod shader_tests;
mod shape;
mod straight_line;
mod trial;
mod tried;
mod tuning;

use std::ops::Range;

use ndarray::{Array1, Array2, s};

pub(crate) use adapter::{adapters, select};
pub(crate) use context::Gpu;

use crate::data::{Data, Home};
use crate::device::backend::{Assessment, Assignment, Backend, KernelTime, VisitAssessed, check_features};
use crate::device::choice::DeviceInfo;
use crate::error::Result;
use crate::model::covariance::CovarianceArray;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;
use e_step::Layout;
use pass::{Expected, Pass, Totals};
use samples::{DeviceSamples, GROUP};
use shape::Shape;

impl Gpu {
    /// Puts samples on the device; those that take more bytes than the budget, or than there are, pass through it.
    pub(crate) fn load<'d>(&self, data: &'d dyn Data, budget: Option<u64>) -> Result<GpuBackend<'d>> {
        Ok(GpuBackend { gpu: self.clone(), data, samples: DeviceSamples::upload(self, data, budget)?, pass: None })
    }
}

/// Samples on a device, or on their way through it, and the passes over them.
pub(crate) struct GpuBackend<'d> {
    gpu: Gpu,
    data: &'d dyn Data,
    samples: DeviceSamples,
    /// Kernels and scratch of the last model's layout: a fit uses the same again and again.
    pass: Option<Pass>,
}

impl GpuBackend<'_> {
    /// Prepares the pass for models like this one, with kernels that were tried.
    fn prepare(&mut self, mixture: &Mixture) -> Result<()> {
        check_features(mixture, self.samples.n_features)?;
        let family = mixture.covariance_type();
        let layout = Layout::new(Shape::of(family), mixture.n_features(), mixture.n_components(), self.gpu.tuning);
        if self.pass.as_ref().is_none_or(|pass| pass.plan().layout != layout) {
            // The scratch of the last pass makes room for that of the next.
            self.pass = None;
            let pass = Pass::new(&self.gpu, &self.samples, layout)?;
            self.gpu.try_kernels(&pass, family)?;
            self.pass = Some(pass);
        }
        Ok(())
    }

    /// Log-density and label of some of the samples that are on the device, which are told by their places there:
    /// `take(place, log_density, label)`.
    fn assess_there(&self, reference: f64, rows: Range<usize>, take: &mut dyn FnMut(usize, f64, usize)) -> Result<()> {
        let pass = self.pass.as_ref().expect("prepared");
        for (chunk, groups, wanted) in self.parts(rows, pass.plan().tile_groups) {
            let start = (self.samples.chunks[chunk].first_group + groups.start) * GROUP;
            let assessed = pass.assess(&self.gpu, chunk, groups)?;
            for row in wanted {
                let log_density = f64::from(assessed.log_densities[row - start]) + reference;
                take(row, log_density, assessed.labels[row - start] as usize);
            }
        }
        Ok(())
    }

    /// The parts of a range of samples that lie in one chunk each and have at most so many groups: chunk, groups
    /// within it, and the samples of the range among theirs.
    fn parts(&self, rows: Range<usize>, most_groups: usize) -> Vec<(usize, Range<usize>, Range<usize>)> {
        let mut parts = Vec::new();
        for (index, chunk) in self.samples.chunks.iter().enumerate() {
            let first = (rows.start / GROUP).max(chunk.first_group);
            let end = rows.end.div_ceil(GROUP).min(chunk.first_group + chunk.groups);
            for start in (first..end).step_by(most_groups) {
                let groups = start..(start + most_groups).min(end);
                let wanted = rows.start.max(groups.start * GROUP)..rows.end.min(groups.end * GROUP);
                parts.push((index, groups.start - chunk.first_group..groups.end - chunk.first_group, wanted));
            }
        }
        parts
    }

    /// Moments about the means of the model, in the features' own coordinates and units of weight; without the total
    /// weight, and so without the reference of the log-densities.
    fn moments_of(&self, mixture: &Mixture, layout: Layout, totals: &Totals) -> Moments {
        let (k, d) = mixture.means().dim();
        let (coordinates, unit) = (&self.samples.coordinates, self.samples.weight_unit);
        // The device's sums are about the means as it rounds them: delta is the way from there to the means.
        let rounded = layout.means(mixture, coordinates);
        let delta = Array2::from_shape_fn((k, d), |(k, i)| {
            coordinates.unmap(i, f64::from(rounded[k * d + i])) - mixture.means()[[k, i]]
        });
        let sums: Vec<_> = (0..k).map(|k| layout.sums.component(&totals.numbers, &totals.covariances, k)).collect();
        let first = |k: usize, i: usize| unit * sums[k].first(i) / coordinates.scale[i];
        // S + delta f^T + f delta^T + N delta delta^T, S and f being the sums about the rounded means.
        let second = |k: usize, i: usize, j: usize| {
            let (i, j) = (i.max(j), i.min(j));
            unit * sums[k].second(i, j) / (coordinates.scale[i] * coordinates.scale[j])
                + delta[[k, i]] * first(k, j)
                + first(k, i) * delta[[k, j]]
                + unit * sums[k].count() * delta[[k, i]] * delta[[k, j]]
        };
        let family = mixture.covariance_type();
        let mut moments = Moments::zero(family, mixture.means().clone());
        moments.log_likelihood = unit * totals.numbers[0];
        match &mut moments.second {
            CovarianceArray::Full(a) => a.indexed_iter_mut().for_each(|((k, i, j), x)| *x = second(k, i, j)),
            CovarianceArray::Tied(a) => {
                a.indexed_iter_mut().for_each(|((i, j), x)| *x = (0..k).map(|k| second(k, i, j)).sum());
            }
            CovarianceArray::Diag(a) => a.indexed_iter_mut().for_each(|((k, i), x)| *x = second(k, i, i)),
            CovarianceArray::Spherical(a) => {
                a.indexed_iter_mut().for_each(|(k, x)| *x = (0..d).map(|i| second(k, i, i)).sum());
            }
        }
        moments.counts = sums.iter().map(|sums| unit * sums.count()).collect();
        moments.first = Array2::from_shape_fn((k, d), |(k, i)| first(k, i) + moments.counts[k] * delta[[k, i]]);
        moments.single_precision = true;
        moments
    }
}

/// Whether the variance of some feature in some component falls below a thousandth of what it was: digits that it needs
/// were lost beside the old one. A constant feature needs none.
fn shrinks(moments: &Moments, mixture: &Mixture, constant: &[bool]) -> bool {
    const LEAST_SHARE: f64 = 1e-3;
    let (k, d) = mixture.means().dim();
    // Sums that share a variance: those of all components where it is tied, of all features where it is spherical.
    let (owners, features) = match &moments.second {
        CovarianceArray::Full(_) | CovarianceArray::Diag(_) => (k, d),
        CovarianceArray::Tied(_) => (1, d),
        CovarianceArray::Spherical(_) => (k, 1),
    };
    let mut left = Array2::<f64>::zeros((owners, features));
    let mut before = Array2::<f64>::zeros((owners, features));
    for ((component, feature), first) in moments.first.indexed_iter() {
        let at = [component % owners, feature % features];
        let count = moments.counts[component];
        if count > 0.0 && !constant[feature] {
            left[at] -= first * first / count;
            before[at] += count * mixture.covariances().entry(component, feature, feature);
        }
    }
    before.indexed_iter().any(|((owner, feature), before)| {
        let left = left[[owner, feature]] + moments.second.entry(owner, feature, feature);
        *before > 0.0 && left < LEAST_SHARE * before
    })
}

impl Backend for GpuBackend<'_> {
    fn info(&self) -> &DeviceInfo {
        self.gpu.info()
    }

    fn n_samples(&self) -> usize {
        self.samples.n_samples
    }

    fn n_features(&self) -> usize {
        self.samples.n_features
    }

    fn home(&self) -> Home {
        self.samples.home.clone()
    }

    fn moments(&mut self, mixture: &Mixture, assignment: Assignment) -> Result<Moments> {
        self.prepare(mixture)?;
        let pass = self.pass.as_ref().expect("just prepared");
        let (mut moments, mut reference) = (None::<Moments>, 0.0);
        self.samples.for_each_window(&self.gpu, self.data, &mut |_| {
            let mut sum = |expected| -> Result<Moments> {
                let totals = pass.sum(&self.gpu, &self.samples, mixture, assignment, expected)?;
                reference = totals.reference;
                Ok(self.moments_of(mixture, pass.plan().layout, &totals))
            };
            // The model of a hard pass is as wide as all samples together.
            let mut part = match assignment {
                Assignment::Hard => sum(Expected::Nothing)?,
                Assignment::Soft => sum(Expected::Covariances)?,
            };
            // Summed again while these samples are here.
            if assignment == Assignment::Soft && shrinks(&part, mixture, &self.samples.constant) {
                part = sum(Expected::Nothing)?;
            }
            moments = Some(match moments.take() {
                None => part,
                Some(before) => before.combine(&part)?,
            });
            Ok(())
        })?;
        let zero = || Moments::zero(mixture.covariance_type(), mixture.means().clone());
        let mut moments = moments.unwrap_or_else(zero);
        moments.total_weight = self.samples.total_weight;
        moments.log_likelihood += reference * self.samples.total_weight;
        Ok(moments)
    }

    fn log_likelihood(&mut self, mixture: &Mixture) -> Result<f64> {
        Ok(self.moments(mixture, Assignment::Soft)?.log_likelihood)
    }

    fn assess(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Assessment> {
        self.prepare(mixture)?;
        let pass = self.pass.as_ref().expect("just prepared");
        let reference = pass.write_model(&self.gpu, &self.samples, mixture)?;
        let mut log_densities = Array1::zeros(rows.len());
        let mut labels = Array1::zeros(rows.len());
        self.samples.for_each_window(&self.gpu, self.data, &mut |window| {
            self.assess_there(reference, within(&rows, &window), &mut |row, log_density, label| {
                let to = window.start + row - rows.start;
                (log_densities[to], labels[to]) = (log_density, label);
            })
        })?;
        Ok(Assessment { log_densities, labels })
    }

    fn assess_each(&mut self, mixture: &Mixture, visit: &mut VisitAssessed) -> Result<()> {
        self.prepare(mixture)?;
        let pass = self.pass.as_ref().expect("just prepared");
        let reference = pass.write_model(&self.gpu, &self.samples, mixture)?;
        self.samples.for_each_part(&self.gpu, self.data, &mut |first, points, there| {
            let mut log_densities = Array1::zeros(points.n_samples());
            let mut labels = Array1::zeros(points.n_samples());
            self.assess_there(reference, there.clone(), &mut |row, log_density, label| {
                (log_densities[row - there.start], labels[row - there.start]) = (log_density, label);
            })?;
            visit(first, points, &Assessment { log_densities, labels })
        })
    }

    fn responsibilities(&mut self, mixture: &Mixture, rows: Range<usize>) -> Result<Array2<f64>> {
        self.prepare(mixture)?;
        let pass = self.pass.as_ref().expect("just prepared");
        pass.write_model(&self.gpu, &self.samples, mixture)?;
        let mut responsibilities = Array2::zeros((rows.len(), mixture.n_components()));
        self.samples.for_each_window(&self.gpu, self.data, &mut |window| {
            for (chunk, groups, wanted) in self.parts(within(&rows, &window), pass.plan().response_groups()) {
                let start = (self.samples.chunks[chunk].first_group + groups.start) * GROUP;
                let width = groups.len() * GROUP;
                let densities = pass.component_log_densities(&self.gpu, chunk, groups)?;
                for row in wanted {
                    let density = |k: usize| f64::from(densities[k * width + row - start]);
                    let mut to = responsibilities.slice_mut(s![window.start + row - rows.start, ..]);
                    let greatest = (0..to.len()).map(density).fold(f64::NEG_INFINITY, f64::max);
                    for (k, r) in to.iter_mut().enumerate() {
                        *r = (density(k) - greatest).exp();
                    }
                    let sum = to.sum();
                    to /= sum;
                }
            }
            Ok(())
        })?;
        Ok(responsibilities)
    }

    fn kernel_times(&mut self, mixture: &Mixture) -> Result<Vec<KernelTime>> {
        self.prepare(mixture)?;
        let pass = self.pass.as_ref().expect("just prepared");
        let mut times: Vec<KernelTime> = Vec::new();
        self.samples.for_each_window(&self.gpu, self.data, &mut |_| {
            let of_window = pass.kernel_times(&self.gpu, &self.samples, mixture)?;
            times = match times.is_empty() {
                true => of_window,
                false => times.iter().zip(of_window).map(|(sum, more)| sum.plus(&more)).collect(),
            };
            Ok(())
        })?;
        Ok(times)
    }
}

/// The rows that are in a window, counted from its start.
fn within(rows: &Range<usize>, window: &Range<usize>) -> Range<usize> {
    let start = rows.start.clamp(window.start, window.end);
    let end = rows.end.clamp(start, window.end);
    start - window.start..end - window.start
}
