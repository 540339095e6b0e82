//! Bounds of log-densities over boxes of samples, and the components that can matter in a box.
//!
//! With A = P P^T and e = b - mu, b the centre of a box and h its half-widths, the squared distance |(x - mu) P|^2 of x = b +
//! delta is d^2 + 2 delta A e + delta A delta, where d^2 = e A e. So it is at most d^2 + 2 g + h |A| h, g = h |A e|, the absolute
//! values taken element by element. And it is at least (d^2 - g)^2 / d^2 where d^2 > g, for x - mu is at least as long in the
//! metric as its part along e. Where P is diagonal the nearest and the farthest corner are known.

use pulp::{Simd, WithSimd};

use super::instructions::Instructions;
use crate::data::coordinates::Coordinates;
use crate::model::covariance::CovarianceArray;
use crate::model::quadratics::Quadratics;

/// Components whose bounds are found side by side.
const LANES: usize = 8;
type Lanes = [f64; LANES];

/// What rounding may do to a bound, as a share of it.
const ROUNDING: f64 = 1e-9;

/// A box: centre `[D]`, and half-widths `[D]`.
pub(crate) type Cell<'a> = (&'a [f64], &'a [f64]);

/// Log-densities of components as their bounds need them, in the coordinates of the samples.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    d: usize,
    /// Whether factors are diagonal.
    is_diagonal: bool,
    /// Numbers of the components.
    components: Vec<u32>,
    /// Of each [`LANES`] components c, mu, and: P, column by column down to the diagonal, and the lower triangle of
    /// |P P^T|, whose elements beside the diagonal count twice; or the squares of a diagonal P.
    numbers: Vec<Lanes>,
}

/// The numbers of a component.
struct Numbers {
    constant: f64,
    mean: Vec<f64>,
    rest: Vec<f64>,
}

impl Bounds {
    pub(super) fn new(model: &Quadratics, coordinates: &Coordinates) -> Self {
        let (k, d) = model.means().dim();
        let is_diagonal = matches!(model.factors(), CovarianceArray::Diag(_) | CovarianceArray::Spherical(_));
        let mut bounds = Bounds { d, is_diagonal, components: Vec::new(), numbers: Vec::new() };
        for component in 0..k {
            let p = |i: usize, j: usize| model.factors().entry(component, i, j) / coordinates.scale[i];
            let product = |i: usize, j: usize| (i.max(j)..d).map(|l| p(i, l) * p(j, l)).sum::<f64>().abs();
            let rest = match is_diagonal {
                true => (0..d).map(|i| p(i, i) * p(i, i)).collect(),
                false => {
                    let columns = (0..d).flat_map(|j| (0..=j).map(move |i| (i, j))).map(|(i, j)| p(i, j));
                    let products = (0..d).flat_map(|i| (0..=i).map(move |j| (i, j)));
                    columns.chain(products.map(|(i, j)| product(i, j) * if i == j { 1.0 } else { 2.0 })).collect()
                }
            };
            let mean = (0..d).map(|i| coordinates.map(i, model.means()[[component, i]])).collect();
            bounds.push(component as u32, Numbers { constant: model.constants()[component], mean, rest });
        }
        bounds
    }

    /// Numbers of a component.
    fn length(&self) -> usize {
        let triangle = self.d * (self.d + 1) / 2;
        1 + self.d + if self.is_diagonal { self.d } else { 2 * triangle }
    }

    fn push(&mut self, component: u32, numbers: Numbers) {
        let lane = self.begin(component);
        let length = self.length();
        let start = self.numbers.len() - length;
        let all = [numbers.constant].into_iter().chain(numbers.mean).chain(numbers.rest);
        self.numbers[start..].iter_mut().zip(all).for_each(|(to, number)| to[lane] = number);
    }

    /// Makes room for a component, and tells its lane.
    fn begin(&mut self, component: u32) -> usize {
        let lane = self.components.len() % LANES;
        if lane == 0 {
            let length = self.length();
            self.numbers.resize(self.numbers.len() + length, [0.0; LANES]);
            // Lanes without a component matter nowhere.
            let constants = self.numbers.len() - length;
            self.numbers[constants] = [f64::NEG_INFINITY; LANES];
        }
        self.components.push(component);
        lane
    }

    /// Takes those of the others that are at the given places among them.
    pub(super) fn choose(&mut self, others: &Bounds, places: &[u32]) {
        (self.d, self.is_diagonal) = (others.d, others.is_diagonal);
        self.components.clear();
        self.numbers.clear();
        let length = self.length();
        for place in places.iter().map(|place| *place as usize) {
            let lane = self.begin(others.components[place]);
            let start = self.numbers.len() - length;
            let from = &others.numbers[place / LANES * length..][..length];
            for (to, from) in self.numbers[start..].iter_mut().zip(from) {
                to[lane] = from[place % LANES];
            }
        }
    }

    /// How many components there are.
    pub(super) fn n_components(&self) -> usize {
        self.components.len()
    }

    /// The number of a component.
    pub(super) fn component(&self, place: u32) -> u32 {
        self.components[place as usize]
    }

    /// Finds the places of the components whose log-density comes, somewhere in a box, as near to the greatest as `cut`.
    pub(super) fn within(&self, arch: Instructions, cell: Cell, cut: Cut, found: &mut Found) {
        found.places.clear();
        arch.dispatch(Within { bounds: self, cell, found });
        let least = found.best - cut.below(found.best) - ROUNDING * (1.0 + found.best.abs());
        for (place, highest) in found.highest.as_flattened()[..self.components.len()].iter().enumerate() {
            // None is left out where nothing is known.
            if *highest >= least || highest.is_nan() || least.is_nan() {
                found.places.push(place as u32);
            }
        }
    }
}

/// How far below the greatest a log-density may be and still matter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cut {
    /// By so much.
    By(f64),
    /// By this share of the greatest, or this where that is less than 1: for hard assignments.
    Share(f64),
}

impl Cut {
    fn below(self, best: f64) -> f64 {
        match self {
            Cut::By(by) => by,
            Cut::Share(share) => share * (1.0 + best.abs()),
        }
    }
}

/// Components found, and memory for finding them.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) places: Vec<u32>,
    /// Upper bounds.
    highest: Vec<Lanes>,
    /// A e of the components at hand.
    gradient: Vec<Lanes>,
    /// The greatest lower bound.
    best: f64,
}

/// Finds upper bounds, and the greatest lower bound.
struct Within<'a> {
    bounds: &'a Bounds,
    cell: Cell<'a>,
    found: &'a mut Found,
}

impl WithSimd for Within<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Within { bounds, cell: (centre, half), found } = self;
        let Found { highest, gradient, best, .. } = found;
        let d = bounds.d;
        gradient.resize(d, [0.0; LANES]);
        let (centre, half) = (&centre[..d], &half[..d]);
        highest.clear();
        let mut greatest = [f64::NEG_INFINITY; LANES];
        for numbers in bounds.numbers.chunks_exact(bounds.length()) {
            let (constant, rest) = (&numbers[0], &numbers[1..]);
            let (means, rest) = rest.split_at(d);
            let (near, far) = match bounds.is_diagonal {
                true => corners(centre, half, means, rest),
                false => slab((centre, half), means, rest, gradient),
            };
            let mut upper = [0.0; LANES];
            for lane in 0..LANES {
                upper[lane] = constant[lane] - 0.5 * near[lane];
                greatest[lane] = greatest[lane].max(constant[lane] - 0.5 * far[lane]);
            }
            highest.push(upper);
        }
        *best = greatest.into_iter().fold(f64::NEG_INFINITY, f64::max);
    }
}

/// The least and the greatest squared distance where factors are diagonal.
#[inline(always)]
fn corners(centre: &[f64], half: &[f64], means: &[Lanes], squares: &[Lanes]) -> (Lanes, Lanes) {
    let (mut near, mut far) = ([0.0; LANES], [0.0; LANES]);
    for (((x, h), mean), square) in centre.iter().zip(half).zip(means).zip(squares) {
        for lane in 0..LANES {
            let distance = (x - mean[lane]).abs();
            let (least, most) = ((distance - h).max(0.0), distance + h);
            near[lane] += least * least * square[lane];
            far[lane] += most * most * square[lane];
        }
    }
    (near, far)
}

/// Bounds of the squared distance by how far the box reaches along e, in the metric of each component.
#[inline(always)]
fn slab((centre, half): Cell, means: &[Lanes], rest: &[Lanes], gradient: &mut [Lanes]) -> (Lanes, Lanes) {
    let d = centre.len();
    let (columns, products) = rest.split_at(d * (d + 1) / 2);
    let (mut squared, mut radius, mut reach) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    gradient.fill([0.0; LANES]);
    let mut first = 0;
    for j in 0..d {
        let column = &columns[first..=first + j];
        first += j + 1;
        let mut y = [0.0; LANES];
        for (i, p) in column.iter().enumerate() {
            for lane in 0..LANES {
                y[lane] += (centre[i] - means[i][lane]) * p[lane];
            }
        }
        for (gradient, p) in gradient.iter_mut().zip(column) {
            for lane in 0..LANES {
                gradient[lane] += p[lane] * y[lane];
            }
        }
        for lane in 0..LANES {
            squared[lane] += y[lane] * y[lane];
        }
    }
    let mut products = products.iter();
    for i in 0..d {
        for lane in 0..LANES {
            reach[lane] += half[i] * gradient[i][lane].abs();
        }
        for (j, product) in (0..=i).zip(&mut products) {
            let area = half[i] * half[j];
            for lane in 0..LANES {
                radius[lane] += area * product[lane];
            }
        }
    }
    let (mut near, mut far) = ([0.0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        let left = squared[lane] - reach[lane];
        near[lane] = if left > 0.0 { left * left / squared[lane] } else { 0.0 };
        far[lane] = squared[lane] + 2.0 * reach[lane] + radius[lane];
    }
    (near, far)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, Array3};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::super::instructions::instructions;
    use super::*;
    use crate::model::mixture::Mixture;

    /// A mixture of components of any width and direction, and coordinates beside its features.
    fn mixture(family: CovarianceArray, k: usize, d: usize, random: &mut Pcg64) -> Mixture {
        let mut number = |least: f64, most: f64| least + (most - least) * random.random::<f64>();
        let means = Array2::from_shape_fn((k, d), |_| number(-3.0, 3.0));
        let weights = Array1::from_shape_fn(k, |_| number(0.1, 1.0));
        let root =
            Array3::from_shape_fn((k, d, d), |(_, i, j)| if i == j { number(0.1, 2.0) } else { number(-1.0, 1.0) });
        let entry = |k: usize, i: usize, j: usize| (0..d).map(|l| root[[k, i, l]] * root[[k, j, l]]).sum::<f64>();
        let family = family.covariance_type();
        let covariances = CovarianceArray::from_entries(family, k, d, entry, |k| entry(k, 0, 0));
        Mixture::new(&weights / weights.sum(), means, covariances).unwrap()
    }

    #[test]
    fn no_component_that_is_left_out_comes_near_the_greatest_of_any_sample_in_the_box() {
        let mut random = Pcg64::seed_from_u64(1);
        let families = [
            CovarianceArray::Full(Array3::zeros((0, 0, 0))),
            CovarianceArray::Tied(Array2::zeros((0, 0))),
            CovarianceArray::Diag(Array2::zeros((0, 0))),
            CovarianceArray::Spherical(Array1::zeros(0)),
        ];
        let mut left_out = 0;
        for family in families {
            for (k, d) in [(1, 1), (9, 2), (40, 3), (17, 5)] {
                let mixture = mixture(family.clone(), k, d, &mut random);
                let model = mixture.quadratics();
                let coordinates = Coordinates { shift: vec![0.5; d], scale: (0..d).map(|i| 0.5 + i as f64).collect() };
                let bounds = Bounds::new(model, &coordinates);
                let mut found = Found::default();
                for _ in 0..50 {
                    let centre: Vec<f64> = (0..d).map(|_| 8.0 * random.random::<f64>() - 4.0).collect();
                    let half: Vec<f64> = (0..d).map(|_| 0.5 * random.random::<f64>()).collect();
                    bounds.within(instructions(), (&centre, &half), Cut::By(5.0), &mut found);
                    left_out += k - found.places.len();
                    for corner in 0..1_usize << d {
                        // Corners, and places between them.
                        let share = if random.random::<bool>() { 1.0 } else { random.random::<f64>() };
                        let side = |i: usize| if corner >> i & 1 == 1 { share } else { -share };
                        let x: Array1<f64> =
                            (0..d).map(|i| coordinates.unmap(i, centre[i] + side(i) * half[i])).collect();
                        let log_density = |k: usize| {
                            let y = model.whiten(k, (&x - &model.means().row(k)).view());
                            model.constants()[k] - 0.5 * y.dot(&y)
                        };
                        let greatest = (0..k).map(log_density).fold(f64::NEG_INFINITY, f64::max);
                        for component in (0..k as u32).filter(|k| !found.places.contains(k)) {
                            assert!(log_density(component as usize) <= greatest - 5.0 + 1e-9, "{k} x {d}");
                        }
                    }
                }
            }
        }
        assert!(left_out > 5000, "{left_out} were left out");
    }

    #[test]
    fn those_chosen_have_the_bounds_they_had_among_all() {
        let mut random = Pcg64::seed_from_u64(2);
        let mixture = mixture(CovarianceArray::Full(Array3::zeros((0, 0, 0))), 21, 2, &mut random);
        let coordinates = Coordinates { shift: vec![0.0; 2], scale: vec![1.0; 2] };
        let bounds = Bounds::new(mixture.quadratics(), &coordinates);
        let (mut found, mut of_some) = (Found::default(), Found::default());
        let mut some = bounds.clone();
        some.choose(&bounds, &(0..21).step_by(2).collect::<Vec<_>>());
        let everything = Cut::By(f64::INFINITY);
        bounds.within(instructions(), (&[0.1, 0.2], &[0.3, 0.1]), everything, &mut found);
        some.within(instructions(), (&[0.1, 0.2], &[0.3, 0.1]), everything, &mut of_some);
        let all = found.highest.as_flattened();
        assert_eq!(of_some.places.len(), 11);
        for place in 0..11 {
            assert_eq!(some.component(place), 2 * place);
            assert_eq!(of_some.highest.as_flattened()[place as usize], all[2 * place as usize]);
        }
    }
}
