//! Components that explain the samples of another well: its neighbours.
//!
//! How well is told by the mean over its samples of the difference of their log-densities, weights included: the
//! divergence of the two, but for how probable they are.

use rayon::prelude::*;

use super::members::Members;
use crate::device::candidates::Candidates;

/// What a component of a pair lacks for the samples of the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    other: u32,
    /// Sum of weight times difference of log-densities, and of the weight.
    lack: f64,
    weight: f64,
}

/// A comparison of one component with others, tile by tile.
#[derive(Debug)]
pub(super) struct Comparison {
    others: Members,
    sums: Vec<(f64, f64)>,
}

impl Comparison {
    pub(super) fn new(k: usize) -> Self {
        Comparison { others: Members::new(k), sums: vec![(0.0, 0.0); k] }
    }

    /// Takes sums of log-densities over the samples of a tile, of the components that they saw.
    pub(super) fn add(&mut self, component: u32, seen: &[u32], sums: &[f64], weight: f64) {
        let Ok(own) = seen.binary_search(&component) else { return };
        for (other, sum) in seen.iter().zip(sums) {
            if *other != component {
                self.others.insert(*other);
                let (lack, all) = &mut self.sums[*other as usize];
                *lack += sums[own] - sum;
                *all += weight;
            }
        }
    }

    /// The pairs so far, by their other components; forgets them.
    pub(super) fn finish(&mut self) -> Vec<Pair> {
        let Comparison { others, sums } = self;
        let mut pairs = Vec::new();
        others.drain(|other| {
            let (lack, weight) = std::mem::take(&mut sums[other as usize]);
            pairs.push(Pair { other, lack, weight });
        });
        pairs
    }
}

/// The pairs of all components.
pub(super) struct Similar(Vec<Vec<Pair>>);

impl Similar {
    /// No pairs of K components.
    pub(super) fn new(k: usize) -> Self {
        Similar(vec![Vec::new(); k])
    }

    /// Takes pairs of a component from more of its samples.
    pub(super) fn add(&mut self, component: usize, more: Vec<Pair>) {
        let pairs = &mut self.0[component];
        if pairs.is_empty() {
            *pairs = more;
            return;
        }
        let mut merged = Vec::with_capacity(pairs.len().max(more.len()));
        let mut left = pairs.iter().copied().peekable();
        for pair in more {
            while let Some(before) = left.next_if(|before| before.other < pair.other) {
                merged.push(before);
            }
            match left.next_if(|before| before.other == pair.other) {
                Some(Pair { other, lack, weight }) => {
                    merged.push(Pair { other, lack: lack + pair.lack, weight: weight + pair.weight });
                }
                None => merged.push(pair),
            }
        }
        merged.extend(left);
        *pairs = merged;
    }

    /// The neighbours of each component: itself, and those that lack least; of one without samples those before.
    pub(super) fn neighbours(self, before: &Candidates) -> Vec<u32> {
        let g = before.per_component();
        let mut neighbours = before.of_components().to_vec();
        neighbours.par_chunks_mut(g).zip(self.0).enumerate().for_each(|(component, (list, pairs))| {
            if pairs.is_empty() {
                return;
            }
            let mut others: Vec<(f64, u32)> = pairs.iter().map(|pair| (pair.lack / pair.weight, pair.other)).collect();
            others.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            list.fill(component as u32);
            list[1..].iter_mut().zip(others).for_each(|(to, (_, other))| *to = other);
        });
        neighbours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_neighbours_of_a_component_lack_least_for_its_samples_whatever_pieces_they_came_in() {
        let before = Candidates::new((1, vec![0, 1, 2, 3]), (3, vec![0; 12])).unwrap();
        let mut similar = Similar::new(4);
        let mut comparison = Comparison::new(4);
        comparison.add(1, &[0, 1, 3], &[-9.0, -2.0, -3.0], 1.0);
        comparison.add(1, &[1, 2], &[-2.0, -4.0], 1.0);
        similar.add(1, comparison.finish());
        comparison.add(1, &[1, 3], &[-2.0, -9.0], 1.0);
        similar.add(1, comparison.finish());
        let pair = |other, lack, weight| Pair { other, lack, weight };
        assert_eq!(similar.0[1], [pair(0, 7.0, 1.0), pair(2, 2.0, 1.0), pair(3, 8.0, 2.0)]);
        // Those without samples keep what they had.
        assert_eq!(similar.neighbours(&before), [0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0]);
    }
}
