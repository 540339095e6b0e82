//! The parameters of a model, laid out as the kernels of this backend read them.

use ndarray::Array2;

use super::real::Real;
use crate::data::coordinates::Coordinates;
use crate::model::covariance::CovarianceArray;
use crate::model::linalg::pack_upper;
use crate::model::quadratics::Quadratics;

/// Outputs of a triangular product that one step forms together.
pub(super) const BLOCK: usize = 6;

/// Components whose distances one step forms together, so that the samples are read once for all of them.
pub(super) const COMPONENTS: usize = 4;

/// How the squared Mahalanobis distance of a component is computed.
#[derive(Debug, Clone)]
pub(super) enum Factors<T> {
    /// |(x - mu_k) P_k|^2, with the upper triangular factors of all components packed by [`pack`].
    Dense { packed: Vec<T>, stride: usize },
    /// |(o - x) P - (o - mu_k) P|^2 with one factor P for all components, packed, and the origin o of the coordinates;
    /// `means` are the (o - mu_k) P, interleaved by [`interleave`].
    Shared { packed: Vec<T>, origin: Vec<T>, means: Vec<T> },
    /// sum_d ((x_d - mu_kd) p_kd)^2; both interleaved.
    Diagonal { means: Vec<T>, p: Vec<T> },
    /// sum_d (x_d - mu_kd)^2 times p_k^2; means interleaved, and the p_k^2: `[K]`.
    Isotropic { means: Vec<T>, precisions: Vec<T> },
}

/// Everything the E step needs of a model, in the coordinates of the samples.
#[derive(Debug, Clone)]
pub(super) struct Parameters<T> {
    pub(super) k: usize,
    pub(super) d: usize,
    /// log w_k + log det P_k - D/2 log 2 pi, less `reference`: `[K]`.
    pub(super) constants: Vec<T>,
    /// Log-densities are relative to this, so that their sums are sums of small numbers.
    pub(super) reference: f64,
    /// mu_k: `[K, D]`.
    pub(super) means: Vec<T>,
    pub(super) factors: Factors<T>,
}

impl<T: Real> Parameters<T> {
    pub(super) fn new(model: &Quadratics, coordinates: &Coordinates) -> Self {
        let (k, d) = model.means().dim();
        let scale = &coordinates.scale;
        let means: Vec<f64> = model.means().indexed_iter().map(|((_, i), mean)| coordinates.map(i, *mean)).collect();
        let numbers = |values: Vec<f64>| -> Vec<T> { values.into_iter().map(T::from_f64).collect() };
        let factors = match model.factors() {
            CovarianceArray::Full(p) => {
                let packed: Vec<T> = p.outer_iter().flat_map(|p| pack(d, |i, j| p[[i, j]] / scale[i])).collect();
                Factors::Dense { stride: packed.len() / k, packed }
            }
            CovarianceArray::Tied(p) => {
                let whitened =
                    |k: usize, j: usize| (0..=j).map(|i| means[k * d + i] * p[[i, j]] / scale[i]).sum::<f64>();
                Factors::Shared {
                    packed: pack(d, |i, j| p[[i, j]] / scale[i]),
                    origin: vec![T::default(); d],
                    means: interleave(k, d, |k, j| -whitened(k, j)),
                }
            }
            CovarianceArray::Diag(p) => Factors::Diagonal {
                means: interleave(k, d, |k, i| means[k * d + i]),
                p: interleave(k, d, |k, i| p[[k, i]] / scale[i]),
            },
            CovarianceArray::Spherical(p) if scale.iter().all(|other| *other == scale[0]) => Factors::Isotropic {
                means: interleave(k, d, |k, i| means[k * d + i]),
                precisions: numbers(p.iter().map(|p| (p / scale[0]).powi(2)).collect()),
            },
            CovarianceArray::Spherical(p) => Factors::Diagonal {
                means: interleave(k, d, |k, i| means[k * d + i]),
                p: interleave(k, d, |k, i| p[k] / scale[i]),
            },
        };
        let constants = model.constants();
        // The greatest; a weight of zero makes a constant minus infinity.
        let reference = constants.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Parameters {
            k,
            d,
            constants: numbers(constants.iter().map(|constant| constant - reference).collect()),
            reference,
            means: numbers(means),
            factors,
        }
    }

    /// Takes some components of a model, in their order.
    pub(super) fn choose(&mut self, model: &Parameters<T>, components: &[u32]) {
        let d = model.d;
        let each = || components.iter().map(|k| *k as usize);
        (self.k, self.d, self.reference) = (components.len(), d, model.reference);
        self.constants.clear();
        self.constants.extend(each().map(|k| model.constants[k]));
        self.means.clear();
        each().for_each(|k| self.means.extend_from_slice(&model.means[k * d..][..d]));
        let interleaved = |to: &mut Vec<T>, from: &[T]| choose_interleaved(to, from, model.k, d, components);
        match (&mut self.factors, &model.factors) {
            (Factors::Dense { packed: to, stride: to_stride }, Factors::Dense { packed, stride }) => {
                *to_stride = *stride;
                to.clear();
                each().for_each(|k| to.extend_from_slice(&packed[k * stride..][..*stride]));
            }
            (Factors::Shared { packed: to_packed, means: to, .. }, Factors::Shared { packed, means, .. }) => {
                to_packed.clone_from(packed);
                interleaved(to, means);
            }
            (Factors::Diagonal { means: to, p: to_p }, Factors::Diagonal { means, p }) => {
                interleaved(to, means);
                interleaved(to_p, p);
            }
            (Factors::Isotropic { means: to, precisions: of }, Factors::Isotropic { means, precisions }) => {
                interleaved(to, means);
                of.clear();
                of.extend(each().map(|k| precisions[k]));
            }
            (to, from) => {
                // Memory of a model of another kind.
                *to = from.clone();
                self.choose(model, components);
            }
        }
    }

    /// The means as rounded to the number type, in the units of the features: `[K, D]`.
    pub(super) fn origins(&self, coordinates: &Coordinates) -> Array2<f64> {
        Array2::from_shape_fn((self.k, self.d), |(k, i)| coordinates.unmap(i, self.means[k * self.d + i].to_f64()))
    }
}

/// An upper triangular matrix in the order in which the triangular product reads it: first the columns that are left
/// over when the others are taken in [`BLOCK`]s, then these; of each the rows down to the diagonal, zero where there is
/// no element.
fn pack<T: Real>(d: usize, element: impl Fn(usize, usize) -> f64) -> Vec<T> {
    let columns = |first: usize, width: usize| pack_upper(first..first + width, first + width, width, d, &element);
    let rest = d % BLOCK;
    let left_over = if rest > 0 { columns(0, rest) } else { Vec::new() };
    let blocks = (rest..d).step_by(BLOCK).flat_map(|first| columns(first, BLOCK));
    left_over.into_iter().chain(blocks).map(T::from_f64).collect()
}

/// Numbers of every component and feature as the squared distances are formed: of each [`COMPONENTS`] components,
/// feature by feature, one number for each; then the components that are left over, one by one.
pub(super) fn interleave<T: Real>(k: usize, d: usize, element: impl Fn(usize, usize) -> f64) -> Vec<T> {
    let groups = k / COMPONENTS * COMPONENTS;
    let of_group = |first: usize, count: usize| {
        let element = &element;
        (0..d).flat_map(move |i| (first..first + count).map(move |k| T::from_f64(element(k, i))))
    };
    let grouped = (0..groups).step_by(COMPONENTS).flat_map(|first| of_group(first, COMPONENTS));
    grouped.chain((groups..k).flat_map(|k| of_group(k, 1))).collect()
}

/// Takes some components of numbers that [`interleave`] laid out for K of them, and lays these out likewise.
fn choose_interleaved<T: Real>(to: &mut Vec<T>, from: &[T], k: usize, d: usize, components: &[u32]) {
    let groups = k / COMPONENTS * COMPONENTS;
    // Where the numbers of a component begin, and how far apart they are.
    let place = |k: u32| match k as usize {
        k if k < groups => (k / COMPONENTS * COMPONENTS * d + k % COMPONENTS, COMPONENTS),
        k => (k * d, 1),
    };
    to.clear();
    let (of_groups, rest) = components.as_chunks::<COMPONENTS>();
    for group in of_groups {
        let places = group.map(place);
        to.extend((0..d).flat_map(|i| places.map(|(first, step)| from[first + i * step])));
    }
    for component in rest {
        let (first, step) = place(*component);
        to.extend((0..d).map(|i| from[first + i * step]));
    }
}
