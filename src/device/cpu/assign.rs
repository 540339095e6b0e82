//! Hard assignments of a tile: every sample belongs to its most probable component alone, and goes to its sums alone.
//! That is little beside the E step, whatever the number of components.

use pulp::{Simd, WithSimd};

use super::posterior::Posterior;
use super::real::Real;
use super::tile::Tile;
use crate::device::backend::HARD_SLACK;
use crate::device::numbers::Shape;
use crate::model::statistics::Statistics;

/// Finds labels from log-densities; yields the sum of weight times the greatest log-density.
pub(super) struct Assign<'a, T> {
    pub(super) posterior: &'a mut Posterior<T>,
    pub(super) tile: &'a Tile<T>,
}

impl<T: Real> WithSimd for Assign<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let Assign { posterior, tile } = self;
        posterior.find_labels(tile.width, HARD_SLACK);
        posterior.log_likelihood(tile)
    }
}

/// Adds the samples of a tile to the sums of their components: w, w (x - mean), and second moments as the M step of soft
/// assignments sums them.
pub(super) struct AddAssigned<'a, T> {
    pub(super) shape: Shape,
    /// Components at hand, in ascending order; all, where none are named.
    pub(super) components: Option<&'a [u32]>,
    /// The component of each sample: its place among those at hand.
    pub(super) labels: &'a [usize],
    pub(super) tile: &'a Tile<T>,
    /// Origins of the sums of those at hand: `[k, D]`.
    pub(super) means: &'a [T],
    /// A sample: scratch, `[D]`.
    pub(super) sample: &'a mut [f64],
    /// The sums, in the order of [`Shape`].
    pub(super) sums: &'a mut [f64],
}

impl<T: Real> WithSimd for AddAssigned<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let AddAssigned { shape, components, labels, tile, means, sample, sums } = self;
        let (d, length) = (shape.d, shape.per_component());
        let weights = &tile.weights.row(0)[..tile.width];
        for (i, (place, weight)) in labels.iter().zip(weights).enumerate() {
            let weight = weight.to_f64();
            if weight == 0.0 {
                continue;
            }
            tile.x.sample::<S>(i, sample);
            let mean = &means[place * d..][..d];
            let component = components.map_or(*place, |components| components[*place] as usize);
            let (count, sums) = sums[component * length..][..length].split_first_mut().expect("the count comes first");
            let (first, second) = sums.split_at_mut(d);
            *count += weight;
            match shape.second {
                Some(Statistics::Triangles | Statistics::Pooled) => {
                    let mut second = second;
                    for row in 0..d {
                        let moment = weight * (sample[row] - mean[row].to_f64());
                        first[row] += moment;
                        let (columns, below) = second.split_at_mut(row + 1);
                        columns.iter_mut().zip(&*sample).for_each(|(sum, x)| *sum += moment * x);
                        second = below;
                    }
                }
                Some(Statistics::Diagonals) => {
                    for (((x, mean), first), second) in sample.iter().zip(mean).zip(first).zip(second) {
                        let deviation = x - mean.to_f64();
                        let moment = weight * deviation;
                        *first += moment;
                        *second += moment * deviation;
                    }
                }
                None => {
                    let deviations = sample.iter().zip(mean).map(|(x, mean)| x - mean.to_f64());
                    first.iter_mut().zip(deviations).for_each(|(sum, deviation)| *sum += weight * deviation);
                }
            }
        }
    }
}
