//! Candidates: the few components of each sample that a truncated posterior is kept to.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Greatest number of components that candidates can name: a checkpoint has three bytes for each.
pub(crate) const MOST_COMPONENTS: usize = 1 << 24;

/// The candidates of all samples, and the neighbours of all components, among which better ones are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidates {
    /// C': candidates of a sample.
    per_sample: usize,
    /// The best first, the last again where there are not so many components: `[N, C']`.
    of_samples: Vec<u32>,
    /// G: neighbours of a component.
    per_component: usize,
    /// Itself first, and again where it knows no others: `[K, G]`.
    of_components: Vec<u32>,
}

impl Candidates {
    /// Candidates `[N, C']`, and neighbours `[K, G]`.
    ///
    /// # Errors
    /// [`Error::Parts`] where they name components that are none.
    pub(crate) fn new(
        (per_sample, of_samples): (usize, Vec<u32>),
        (per_component, of_components): (usize, Vec<u32>),
    ) -> Result<Self> {
        let candidates = Candidates { per_sample, of_samples, per_component, of_components };
        let (n, k) = (candidates.n_samples(), candidates.n_components());
        let are_whole =
            n * per_sample == candidates.of_samples.len() && k * per_component == candidates.of_components.len();
        let all = || candidates.of_samples.iter().chain(&candidates.of_components);
        if !are_whole || all().any(|component| *component as usize >= k) {
            return Err(Error::Parts { problem: "candidates of samples name components that are none".to_owned() });
        }
        Ok(candidates)
    }

    /// N.
    pub fn n_samples(&self) -> usize {
        self.of_samples.len() / self.per_sample.max(1)
    }

    /// K.
    pub fn n_components(&self) -> usize {
        self.of_components.len() / self.per_component.max(1)
    }

    /// C'.
    pub(crate) fn per_sample(&self) -> usize {
        self.per_sample
    }

    /// G.
    pub(crate) fn per_component(&self) -> usize {
        self.per_component
    }

    /// `[N, C']`
    pub(crate) fn of_samples(&self) -> &[u32] {
        &self.of_samples
    }

    /// `[K, G]`
    pub(crate) fn of_components(&self) -> &[u32] {
        &self.of_components
    }

    /// The neighbours of a component.
    pub(crate) fn neighbours(&self, component: u32) -> &[u32] {
        &self.of_components[component as usize * self.per_component..][..self.per_component]
    }

    /// Lets those who may want a component that began anew at a sample find it: it has the neighbours of the sample's
    /// component, and is one of them.
    pub(crate) fn move_component(&mut self, component: usize, row: usize) {
        let (moved, g) = (component as u32, self.per_component);
        let Some(&host) = self.of_samples.get(row * self.per_sample) else { return };
        if host == moved {
            return;
        }
        let around: Vec<u32> = self.neighbours(host).iter().copied().filter(|other| *other != moved).collect();
        let own = std::iter::once(moved).chain(around.iter().copied()).chain(std::iter::repeat(moved));
        let own: Vec<u32> = own.take(g).collect();
        self.of_components[component * g..][..g].copy_from_slice(&own);
        for neighbour in around {
            let list = &mut self.of_components[neighbour as usize * g..][..g];
            // In the place of the farthest, but not of itself.
            if let (false, Some(last)) = (list.contains(&moved), list[1..].last_mut()) {
                *last = moved;
            }
        }
        // And where there are no neighbours, by the sample itself.
        let candidates = &mut self.of_samples[row * self.per_sample..][..self.per_sample];
        if let (false, Some(last)) = (candidates.contains(&moved), candidates[1..].last_mut()) {
            *last = moved;
        }
    }

    /// Candidates and neighbours without a component; those after it have a number less. A sample that had no other
    /// has a neighbour of it.
    pub(crate) fn drop_component(&mut self, component: usize) {
        let dropped = component as u32;
        let left = self.n_components() - 1;
        let heir = self.neighbours(dropped).iter().copied().find(|other| *other != dropped);
        let heir = heir.unwrap_or(if component == 0 { 1.min(left as u32) } else { 0 });
        let g = self.per_component;
        self.of_components.drain(component * g..(component + 1) * g);
        for list in self.of_samples.chunks_exact_mut(self.per_sample) {
            without(list, dropped, heir);
        }
        for (own, list) in self.of_components.chunks_exact_mut(g).enumerate() {
            let own = if own < component { own } else { own + 1 };
            without(list, dropped, own as u32);
        }
    }
}

/// Takes a component out of a list; its last place then has what comes before it, or the heir where nothing does. The
/// components after it have a number less.
fn without(list: &mut [u32], dropped: u32, heir: u32) {
    let mut kept = 0;
    for i in 0..list.len() {
        if list[i] != dropped {
            list[kept] = list[i];
            kept += 1;
        }
    }
    let last = if kept == 0 { heir } else { list[kept - 1] };
    list[kept..].fill(last);
    list.iter_mut().filter(|other| **other > dropped).for_each(|other| *other -= 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four samples of two candidates each, and three components of two neighbours each.
    fn candidates() -> Candidates {
        Candidates::new((2, vec![0, 1, 1, 2, 2, 1, 1, 1]), (2, vec![0, 1, 1, 2, 2, 1])).unwrap()
    }

    #[test]
    fn a_dropped_component_is_nobodys_and_those_after_it_have_a_number_less() {
        let mut dropped = candidates();
        dropped.drop_component(1);
        assert_eq!(dropped.of_samples, [0, 0, 1, 1, 1, 1, 1, 1]);
        assert_eq!(dropped.of_components, [0, 0, 1, 1]);
        dropped.drop_component(1);
        assert_eq!((dropped.n_samples(), dropped.n_components()), (4, 1));
        assert!(dropped.of_samples.iter().all(|component| *component == 0));
    }

    #[test]
    fn a_component_that_moved_to_a_sample_is_a_neighbour_of_those_around_it() {
        let mut moved = candidates();
        moved.move_component(0, 2);
        assert_eq!(moved.neighbours(0), [0, 2]);
        assert_eq!((moved.neighbours(2), moved.neighbours(1)), (&[2, 0][..], &[1, 0][..]));
        assert_eq!(moved.of_samples[4..6], [2, 0]);
    }

    #[test]
    fn candidates_that_name_no_components_are_refused() {
        for (samples, components) in [(vec![0, 3], vec![0, 1]), (vec![0, 1], vec![0, 2]), (vec![0], vec![0, 1])] {
            assert!(Candidates::new((2, samples), (1, components)).is_err());
        }
    }
}
