//! Sums of incomplete samples: those of the features that are there, and what is expected of the others.
//!
//! In full and tied covariances missing values follow from those that are there, so that expected sums are completed piece by
//! piece, and add up like all others. In diag and spherical ones, and about the centres of k-means, no feature says anything
//! of another: samples count for the features that they have.

use std::ops::Range;

use super::groups::Piece;
use super::masked::{AddMasked, MaskedParameters};
use super::{CpuBackend, Marginalised, PART};
use crate::data::coordinates::Coordinates;
use crate::data::hash::hash;
use crate::data::points::Points;
use crate::data::runs::{Add, Runs};
use crate::data::source::{Data, block_rows, check_stop};
use crate::data::summary::Summary;
use crate::device::backend::Backend;
use crate::device::blocks::Blocks;
use crate::device::choice::Precision;
use crate::device::cpu::assign::{AddAssigned, Assign};
use crate::device::cpu::m_step::AddTile;
use crate::device::cpu::parameters::Parameters;
use crate::device::cpu::posterior::Respond;
use crate::device::cpu::real::Real;
use crate::device::cpu::scratch::Scratch;
use crate::device::numbers::{Numbers, Shape};
use crate::device::sums::Sums;
use crate::device::task::{Assignment, RandomTask, SumsTask};
use crate::error::Result;
use crate::model::marginal::Observed;
use crate::model::quadratics::Quadratics;
use crate::model::statistics::Statistics;
use ndarray::{Array1, Array2};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Sums under a model.
pub(in crate::device::cpu) struct IncompleteJob<'t, T> {
    task: &'t SumsTask,
    /// Of all features, about whose means the sums are.
    parameters: Parameters<T>,
    /// Likewise, where features are independent.
    masked: Option<MaskedParameters<T>>,
    shape: Shape,
    runs: Runs<Numbers>,
}

impl<'t, T: Real> IncompleteJob<'t, T> {
    pub(in crate::device::cpu) fn new(
        task: &'t SumsTask,
        parameters: Parameters<T>,
        coordinates: &Coordinates,
    ) -> Self {
        let Parameters { k, d, .. } = parameters;
        let masked = MaskedParameters::new(&task.quadratics, coordinates);
        let by_feature = masked.is_some();
        let second = if by_feature { Statistics::Diagonals } else { Statistics::Triangles };
        let shape = Shape { k, d, second: Some(second), by_feature };
        IncompleteJob { task, parameters, masked, shape, runs: Runs::new(block_rows(d)) }
    }

    pub(in crate::device::cpu) fn visit(
        &mut self,
        backend: &CpuBackend<T>,
        first: usize,
        chunk: &Points,
    ) -> Result<()> {
        let (rows, n) = (block_rows(self.shape.d), chunk.n_samples());
        for start in (0..n).step_by(rows) {
            let end = (start + rows).min(n);
            let sums = match &self.masked {
                Some(masked) => add_up(0..(end - start).div_ceil(PART), &|part| {
                    check_stop(backend.data.stop())?;
                    let first = start + part * PART;
                    Ok(self.sums_of_part(backend, masked, chunk, first..(first + PART).min(end)))
                })?,
                None => {
                    let groups = backend.groups.of(backend, first, chunk, start..end);
                    let units = groups.units();
                    add_up(0..units.len(), &|unit| {
                        let mut sums = Numbers::zero(self.shape);
                        for piece in &units[unit] {
                            check_stop(backend.data.stop())?;
                            self.add(backend, chunk, piece, &mut sums)?;
                        }
                        Ok(sums)
                    })?
                }
            };
            self.runs.push(first + start, 1, sums, drop);
        }
        Ok(())
    }

    /// The sums over some rows, under a model whose features are independent.
    fn sums_of_part(
        &self,
        backend: &CpuBackend<T>,
        parameters: &MaskedParameters<T>,
        chunk: &Points,
        rows: Range<usize>,
    ) -> Numbers {
        let (arch, mut sums) = (backend.arch, Numbers::zero(self.shape));
        let wants_sums = self.task.statistics.is_some();
        sums.pairs = (rows.len() * self.shape.k) as f64;
        let weight: f64 = rows.clone().map(|row| chunk.weight(row)).sum();
        let mut log_likelihood = parameters.reference * weight;
        parameters.for_each_tile(backend, chunk, rows, |_, tile, posterior| {
            log_likelihood += match self.task.assignment {
                Assignment::Soft => arch.dispatch(Respond { posterior, tile: &tile.tile, cut: T::LEAST_EXPONENT }),
                Assignment::Hard => {
                    let log_likelihood = arch.dispatch(Assign { posterior, tile: &tile.tile });
                    posterior.be_certain(&tile.tile);
                    log_likelihood
                }
            };
            if wants_sums {
                arch.dispatch(AddMasked { r: &posterior.r, tile, parameters, sums: sums.numbers_mut() });
            }
        });
        sums.log_likelihood = log_likelihood;
        sums
    }

    /// Adds a piece to the sums.
    fn add(&self, backend: &CpuBackend<T>, chunk: &Points, piece: &Piece, sums: &mut Numbers) -> Result<()> {
        let model = &*self.task.quadratics;
        sums.pairs += (piece.n_rows() * self.shape.k) as f64;
        let Some(marginal) = Marginalised::<T>::new(piece, chunk, model, &backend.coordinates)? else {
            return self.add_without_values(piece.weight(chunk), piece, &backend.coordinates, sums);
        };
        let Marginalised { points, coordinates, parameters } = &marginal;
        let (k, d) = (parameters.k, parameters.d);
        let shape = Shape { k, d, second: self.shape.second, by_feature: false };
        let wants_sums = self.task.statistics.is_some();
        let (arch, mut found) = (backend.arch, Numbers::zero(shape));
        let (mut weighted, mut sample) = (Scratch::weighted(d), vec![0.0; d]);
        let mut log_likelihood = 0.0;
        marginal.for_each_tile(arch, |_, tile, posterior| {
            let (means, numbers) = (&parameters.means[..], found.numbers_mut());
            match self.task.assignment {
                Assignment::Hard => {
                    log_likelihood += arch.dispatch(Assign { posterior, tile });
                    if wants_sums {
                        let (labels, sample) = (&posterior.labels[..], &mut sample[..]);
                        let sums = numbers;
                        arch.dispatch(AddAssigned { shape, components: None, labels, tile, means, sample, sums });
                    }
                }
                Assignment::Soft => {
                    log_likelihood += arch.dispatch(Respond { posterior, tile, cut: T::LEAST_EXPONENT });
                    if wants_sums {
                        let (r, x, width) = (&posterior.r, &tile.x, tile.width);
                        let (weighted, sums) = (&mut weighted, numbers);
                        arch.dispatch(AddTile { shape, components: None, r, x, means, width, weighted, sums });
                    }
                }
            }
        });
        sums.log_likelihood += log_likelihood + parameters.reference * points.total_weight();
        if wants_sums {
            self.complete(piece, &found, (parameters, coordinates), &backend.coordinates, sums)?;
        }
        Ok(())
    }

    /// Adds the sums of the features that are there, and what they let expect of the others.
    fn complete(
        &self,
        piece: &Piece,
        found: &Numbers,
        (parameters, own): (&Parameters<T>, &Coordinates),
        all: &Coordinates,
        sums: &mut Numbers,
    ) -> Result<()> {
        let length = self.shape.per_component();
        let (observed, missing) = (&piece.pattern.observed[..], &piece.pattern.missing[..]);
        if missing.is_empty() {
            sums.numbers_mut().iter_mut().zip(found.numbers()).for_each(|(to, from)| *to += from);
            return Ok(());
        }
        let o = observed.len();
        let regressions = self.task.quadratics.regressions(piece.pattern)?;
        let to_all = sums.numbers_mut().chunks_exact_mut(length);
        for (k, (to, (count, first, second))) in to_all.zip(found.components()).enumerate() {
            if *count == 0.0 {
                continue;
            }
            let means = &parameters.means[k * o..][..o];
            // From the coordinates of the pass to the units of the features, and from moments about zero to those about
            // means.
            let first: Array1<f64> = first.iter().zip(&own.scale).map(|(sum, scale)| sum / scale).collect();
            let second = Array2::from_shape_fn((o, o), |(i, j)| {
                let (row, column) = (i.max(j), i.min(j));
                let about_zero = second[row * (row + 1) / 2 + column];
                let about_mean = about_zero - first[row] * own.scale[row] * means[column].to_f64();
                about_mean / (own.scale[i] * own.scale[j])
            });
            let of_component = &regressions[if regressions.len() == 1 { 0 } else { k }];
            let observed = Observed { count: *count, first: &first, second: &second };
            let expected = of_component.complete(piece.pattern, &observed);
            self.add_expected(k, *count, &expected, all, to);
        }
        Ok(())
    }

    /// Adds the count and the moments about the means of one component, in units of the features.
    fn add_expected(
        &self,
        k: usize,
        count: f64,
        (first, second): &(Array1<f64>, Array2<f64>),
        all: &Coordinates,
        to: &mut [f64],
    ) {
        let d = self.shape.d;
        let means = &self.parameters.means[k * d..][..d];
        let (of_first, of_second) = to[1..].split_at_mut(d);
        add_first(&mut *of_first, first, all);
        let mut place = of_second.iter_mut();
        for i in 0..d {
            for (j, to) in (0..=i).zip(&mut place) {
                *to += second[[i, j]] * all.scale[i] * all.scale[j] + first[i] * all.scale[i] * means[j].to_f64();
            }
        }
        to[0] += count;
    }

    /// Adds samples without any value: they belong to components by their weights, and say nothing.
    fn add_without_values(&self, weight: f64, piece: &Piece, all: &Coordinates, sums: &mut Numbers) -> Result<()> {
        if self.task.statistics.is_none() {
            return Ok(());
        }
        let model = &*self.task.quadratics;
        let mut shares = model.shares();
        if self.task.assignment == Assignment::Hard {
            let best = (1..shares.len()).fold(0, |best, k| if shares[k] > shares[best] { k } else { best });
            shares = Array1::from_shape_fn(shares.len(), |k| f64::from(u8::from(k == best)));
        }
        let length = self.shape.per_component();
        let nothing = (Array1::zeros(0), Array2::zeros((0, 0)));
        let regressions = model.regressions(piece.pattern)?;
        for (k, to) in sums.numbers_mut().chunks_exact_mut(length).enumerate() {
            let count = weight * shares[k];
            let observed = Observed { count, first: &nothing.0, second: &nothing.1 };
            let of_component = &regressions[if regressions.len() == 1 { 0 } else { k }];
            let expected = of_component.complete(piece.pattern, &observed);
            self.add_expected(k, count, &expected, all, to);
        }
        Ok(())
    }

    pub(in crate::device::cpu) fn answer(self, backend: &CpuBackend<T>) -> Sums {
        let Coordinates { shift, scale } = backend.coordinates.clone();
        let is_single = T::PRECISION == Precision::Single;
        let model = &self.task.quadratics;
        let origins = match is_single {
            true => self.parameters.origins(&backend.coordinates),
            false => model.means().clone(),
        };
        let variances = self.shape.by_feature.then(|| variances(model));
        let blocks = Blocks {
            runs: self.runs,
            means: self.parameters.means.iter().map(|mean| mean.to_f64()).collect(),
            origins,
            shift,
            scale,
            reference: 0.0,
            single_precision: is_single,
            statistics: self.task.statistics,
            scatter: None,
            variances,
        };
        Sums::of_blocks(backend.summary(), blocks)
    }
}

/// The sums of some parts, split in two until they are single: few of them are in memory at a time.
fn add_up(parts: Range<usize>, part: &(impl Fn(usize) -> Result<Numbers> + Sync)) -> Result<Numbers> {
    if parts.len() == 1 {
        return part(parts.start);
    }
    let middle = parts.start + parts.len() / 2;
    let (sums, more) = rayon::join(|| add_up(parts.start..middle, part), || add_up(middle..parts.end, part));
    let mut sums = sums?;
    sums.add(&more?);
    Ok(sums)
}

/// Adds first moments, in the coordinates of the pass.
fn add_first(to: &mut [f64], first: &Array1<f64>, all: &Coordinates) {
    to.iter_mut().zip(first).zip(&all.scale).for_each(|((to, first), scale)| *to += first * scale);
}

/// Variances of the features in every component: `[K, D]`.
fn variances(model: &Quadratics) -> Array2<f64> {
    let covariances = model.covariances();
    Array2::from_shape_fn(model.means().dim(), |(k, i)| covariances.entry(k, i, i))
}

/// Sums under random responsibilities: samples count for the features that they have.
pub(in crate::device::cpu) struct RandomIncompleteJob {
    task: RandomTask,
    coordinates: Coordinates,
    runs: Runs<Numbers>,
}

impl RandomIncompleteJob {
    pub(in crate::device::cpu) fn new(summary: &Summary, task: RandomTask) -> Self {
        let coordinates = Coordinates::shifted(summary);
        RandomIncompleteJob { task, coordinates, runs: Runs::new(block_rows(summary.n_features())) }
    }

    pub(in crate::device::cpu) fn visit(&mut self, data: &dyn Data, first: usize, chunk: &Points) -> Result<()> {
        let (k, d) = (self.task.n_components, chunk.n_features());
        let shape = Shape { k, d, second: Some(Statistics::Diagonals), by_feature: true };
        let (rows, n, length) = (block_rows(d), chunk.n_samples(), shape.per_component());
        for start in (0..n).step_by(rows) {
            let end = (start + rows).min(n);
            let of_part = |part: usize| -> Result<Numbers> {
                check_stop(data.stop())?;
                let begin = start + part * PART;
                let mut sums = Numbers::zero(shape);
                sums.pairs = (k * ((begin + PART).min(end) - begin)) as f64;
                chunk.for_each_row(begin..(begin + PART).min(end), |row, values| {
                    // The numbers of a sample depend on its place alone.
                    let mut random = Pcg64::seed_from_u64(hash(self.task.seed as u64 ^ hash((first + row) as u64)));
                    let r: Vec<f64> = (0..k).map(|_| 1.0 - random.random::<f64>()).collect();
                    let share = chunk.weight(row) / r.iter().sum::<f64>();
                    for (r, to) in r.iter().zip(sums.numbers_mut().chunks_exact_mut(length)) {
                        let r = r * share;
                        to[0] += r;
                        for (i, x) in values.iter().enumerate().filter(|(_, x)| !x.is_nan()) {
                            let x = self.coordinates.map(i, *x);
                            to[1 + i] += r * x;
                            to[1 + d + i] += r * x * x;
                            to[1 + 2 * d + i] += r;
                        }
                    }
                });
                Ok(sums)
            };
            let sums = add_up(0..(end - start).div_ceil(PART), &of_part)?;
            self.runs.push(first + start, 1, sums, drop);
        }
        Ok(())
    }

    pub(in crate::device::cpu) fn answer(self, summary: &Summary) -> Sums {
        let Coordinates { shift, scale } = self.coordinates;
        let (k, d) = (self.task.n_components, shift.len());
        let variance = summary.variance();
        let blocks = Blocks {
            runs: self.runs,
            origins: Array2::from_shape_fn((k, d), |(_, i)| shift[i]),
            means: vec![0.0; k * d],
            shift,
            scale,
            reference: 0.0,
            single_precision: false,
            statistics: Some(self.task.statistics),
            scatter: None,
            variances: Some(Array2::from_shape_fn((k, d), |(_, i)| variance[i])),
        };
        Sums::of_blocks(summary, blocks)
    }
}
