//! An order of samples in which neighbours in the order are neighbours in space: the leaves of a k-d tree (Bentley 1975).

use rayon::prelude::*;

use crate::data::points::Points;

/// Features that a tree tells apart; of more, the first.
pub(crate) const MOST_FEATURES: usize = 8;

/// Samples of a node whose halves are worth two threads.
const WORTH_THREADS: usize = 16_384;

/// Samples that one task takes out of their memory.
const ROWS_PER_TASK: usize = 16_384;

/// A sample in the tree.
#[derive(Debug, Clone, Copy)]
struct Entry<const D: usize> {
    /// Features over their scales: rounded, for they only choose an order.
    x: [f32; D],
    place: u32,
}

/// The places of samples, `first` and every `step`-th of `count` in all, in an order whose every `leaf` are near each
/// other: those of each leaf ascend. Features count in units of `scale`, `[D]`.
///
/// Nodes of 2, 4, 8... leaves lie behind each other likewise. The order depends on nothing but the samples.
pub(crate) fn compact(points: &Points, rows: Places, scale: &[f64], leaf: usize) -> Vec<u32> {
    macro_rules! of {
        ($($d:literal)*) => {
            match scale.len().min(MOST_FEATURES) {
                $($d => order::<$d>(points, rows, scale, leaf),)*
                _ => (0..rows.count as u32).collect(),
            }
        };
    }
    of!(1 2 3 4 5 6 7 8)
}

/// Rows of samples: the first, how far apart they are, and how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) first: usize,
    pub(crate) step: usize,
    pub(crate) count: usize,
}

fn order<const D: usize>(points: &Points, rows: Places, scale: &[f64], leaf: usize) -> Vec<u32> {
    let factors: [f64; D] = std::array::from_fn(|i| if scale[i] > 0.0 { scale[i].recip() } else { 1.0 });
    // Numbers far from zero keep their digits.
    let origin: [f64; D] = std::array::from_fn(|feature| points.samples().value(rows.first, feature));
    let mut entries = vec![Entry { x: [0.0; D], place: 0 }; rows.count];
    entries.par_chunks_mut(ROWS_PER_TASK).enumerate().for_each(|(task, entries)| {
        for (i, entry) in entries.iter_mut().enumerate() {
            let place = task * ROWS_PER_TASK + i;
            let row = rows.first + place * rows.step;
            *entry = Entry {
                x: std::array::from_fn(|i| ((points.samples().value(row, i) - origin[i]) * factors[i]) as f32),
                place: place as u32,
            };
        }
    });
    split(&mut entries, leaf);
    entries.into_iter().map(|entry| entry.place).collect()
}

fn split<const D: usize>(entries: &mut [Entry<D>], leaf: usize) {
    let leaves = entries.len().div_ceil(leaf);
    if leaves <= 1 {
        entries.sort_unstable_by_key(|entry| entry.place);
        return;
    }
    let feature = widest(entries);
    let middle = leaves.next_power_of_two() / 2 * leaf;
    // No two are equal, so that which of them come first is no matter of how they are selected.
    entries.select_nth_unstable_by(middle, |a, b| {
        a.x[feature].total_cmp(&b.x[feature]).then_with(|| a.place.cmp(&b.place))
    });
    let (left, right) = entries.split_at_mut(middle);
    if left.len() + right.len() >= WORTH_THREADS {
        rayon::join(|| split(left, leaf), || split(right, leaf));
    } else {
        split(left, leaf);
        split(right, leaf);
    }
}

/// The feature that spreads the most: the first of equals.
fn widest<const D: usize>(entries: &[Entry<D>]) -> usize {
    let (mut least, mut most) = ([f32::INFINITY; D], [f32::NEG_INFINITY; D]);
    for entry in entries {
        for i in 0..D {
            least[i] = least[i].min(entry.x[i]);
            most[i] = most[i].max(entry.x[i]);
        }
    }
    (0..D).fold(0, |best, i| if most[i] - least[i] > most[best] - least[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn samples(n: usize, d: usize) -> Points<'static> {
        let value = |row: usize, feature: usize| ((row * (feature + 1)) as f64 * 0.618_033_988_7).fract();
        Points::new(Array2::from_shape_fn((n, d), |(row, feature)| value(row, feature))).unwrap()
    }

    #[test]
    fn every_sample_has_a_place_whatever_the_number_of_features_and_samples() {
        for d in [1, 2, 3, 8, 11] {
            for n in [1, 63, 64, 65, 1000, 40_000] {
                let rows = Places { first: 0, step: 1, count: n };
                let order = compact(&samples(n, d), rows, &vec![1.0; d], 64);
                let mut sorted = order.clone();
                sorted.sort_unstable();
                assert!(sorted.into_iter().eq(0..n as u32), "{n} x {d}");
                assert!(order.chunks(64).all(|leaf| leaf.is_sorted()));
            }
        }
    }

    #[test]
    fn leaves_are_far_smaller_than_the_whole_and_so_are_nodes_of_several() {
        let points = samples(1 << 16, 2);
        let order = compact(&points, Places { first: 0, step: 1, count: 1 << 16 }, &[1.0, 1.0], 64);
        for (length, most) in [(64, 0.15), (1024, 0.5)] {
            let width = |leaf: &[u32], feature: usize| {
                let values = leaf.iter().map(|place| points.samples().value(*place as usize, feature));
                let (least, most) =
                    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (x.min(least), x.max(most)));
                most - least
            };
            let widest = order.chunks(length).flat_map(|leaf| [width(leaf, 0), width(leaf, 1)]).fold(0.0, f64::max);
            assert!(widest < most, "{length} samples spread over {widest}");
        }
    }

    #[test]
    fn equal_samples_and_constant_features_are_in_order_of_their_rows() {
        let points = Points::new(Array2::<f64>::zeros((1000, 3))).unwrap();
        let order = compact(&points, Places { first: 0, step: 1, count: 1000 }, &[0.0; 3], 64);
        assert!(order.into_iter().eq(0..1000));
    }

    #[test]
    fn every_step_th_sample_alone_is_ordered_where_that_is_wanted() {
        let order = compact(&samples(1000, 2), Places { first: 100, step: 16, count: 50 }, &[1.0, 1.0], 4);
        assert_eq!(order.len(), 50);
    }
}
