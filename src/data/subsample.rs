//! Some of the samples: at random places, or evenly thinned.

use rand::Rng;
use rand::seq::index;

use crate::data::summary::Summary;

/// Random places among the samples of positive weight, in order: all of them if there are no more than `count`.
pub(crate) fn choose(summary: &Summary, count: usize, random: &mut impl Rng) -> Vec<usize> {
    let n = summary.n_effective();
    if n <= count {
        return (0..n).collect();
    }
    let mut places = index::sample(random, n, count).into_vec();
    places.sort_unstable();
    places
}

/// The places of at most `count` samples, of `n` of positive weight: one from each of equal stretches of them, at a place
/// in it that moves on by the golden ratio, so that no period in the data falls in step.
pub(crate) fn thinned_places(n: usize, count: usize) -> Vec<usize> {
    let golden = 0.618_033_988_749_895;
    let place = |i: usize| ((i as f64 + (i as f64 * golden).fract()) * n as f64 / count as f64) as usize;
    if n <= count { (0..n).collect() } else { (0..count).map(place).collect() }
}
