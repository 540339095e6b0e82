//! Lists of items by their keys, in the order of the items: a counting sort on all threads.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

/// Items that are counted together; more where there are more keys than these.
const STRETCH: usize = 1 << 15;

/// A list for each key.
pub(super) struct Lists {
    /// Where each list begins, and the last one ends.
    starts: Vec<usize>,
    items: Vec<AtomicU32>,
}

impl Lists {
    /// The lists of the items 0 to n; an item without a key is in none.
    pub(super) fn new(n: usize, n_keys: usize, key: impl Fn(usize) -> Option<u32> + Sync) -> Self {
        let length = STRETCH.max(4 * n_keys);
        let stretch = |i: usize| (i * length..((i + 1) * length).min(n)).filter_map(|item| Some((item, key(item)?)));
        // How many items of each stretch have each key; then, where the first of them goes.
        let count = |i: usize| {
            let mut counts = vec![0_usize; n_keys];
            stretch(i).for_each(|(_, key)| counts[key as usize] += 1);
            counts
        };
        let mut places: Vec<Vec<usize>> = (0..n.div_ceil(length)).into_par_iter().map(count).collect();
        let mut starts = Vec::with_capacity(n_keys + 1);
        let mut next = 0;
        for key in 0..n_keys {
            starts.push(next);
            for places in &mut places {
                next += std::mem::replace(&mut places[key], next);
            }
        }
        starts.push(next);
        let items: Vec<AtomicU32> = std::iter::repeat_with(AtomicU32::default).take(next).collect();
        places.par_iter_mut().enumerate().for_each(|(i, places)| {
            for (item, key) in stretch(i) {
                let place = &mut places[key as usize];
                items[*place].store(item as u32, Ordering::Relaxed);
                *place += 1;
            }
        });
        Lists { starts, items }
    }

    /// Items in all lists.
    pub(super) fn n_items(&self) -> usize {
        self.items.len()
    }

    /// The places of a list.
    pub(super) fn places(&self, key: usize) -> Range<usize> {
        self.starts[key]..self.starts[key + 1]
    }

    /// The item at a place.
    pub(super) fn item(&self, place: usize) -> u32 {
        self.items[place].load(Ordering::Relaxed)
    }

    /// The items at some places.
    pub(super) fn items(&self, places: Range<usize>) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.items[places].iter().map(|item| item.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_with_a_key_is_in_its_list_in_order() {
        let key = |item: usize| (!item.is_multiple_of(7)).then_some((item * item % 5) as u32);
        let n = 3 * STRETCH + 17;
        let lists = Lists::new(n, 5, key);
        for wanted in 0..5 {
            let expected: Vec<u32> = (0..n).filter(|i| key(*i) == Some(wanted)).map(|i| i as u32).collect();
            assert_eq!(lists.items(lists.places(wanted as usize)).collect::<Vec<_>>(), expected);
        }
        assert_eq!(lists.n_items(), (0..n).filter(|i| key(*i).is_some()).count());
    }
}
