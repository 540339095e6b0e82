//! Shares of the samples, in thousandths of them, and the portions that they come to.

use std::cmp::Reverse;

/// The share of whoever has all samples.
pub(super) const ALL: u32 = 1000;

/// Shares in proportion to rates.
pub(super) fn of_rates(rates: &[f64]) -> Vec<u32> {
    let sum: f64 = rates.iter().sum();
    let up_to = |n: usize| (rates[..n].iter().sum::<f64>() / sum * f64::from(ALL)).round() as u32;
    (0..rates.len()).map(|i| up_to(i + 1) - up_to(i)).collect()
}

/// Who has each of some portions, in whose every stretch the shares are kept as well as can be: portions that come one
/// after another, from a file, keep all at work.
pub(super) fn assigned(shares: &[u32], portions: usize) -> Vec<usize> {
    let mut given = vec![0_i64; shares.len()];
    let mut next = |portion: usize| {
        let due = |i: &usize| i64::from(shares[*i]) * (portion as i64 + 1) - i64::from(ALL) * given[*i];
        let owner = (0..shares.len()).max_by_key(|i| (due(i), Reverse(*i))).unwrap_or(0);
        given[owner] += 1;
        owner
    };
    (0..portions).map(&mut next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_in_proportion_and_sum_to_all() {
        assert_eq!(of_rates(&[1.0, 3.0]), [250, 750]);
        assert_eq!(of_rates(&[1.0, 1.0, 1.0]).iter().sum::<u32>(), ALL);
        assert_eq!(of_rates(&[1e-9, 1.0]), [0, 1000]);
    }

    #[test]
    fn portions_keep_the_shares_in_every_stretch() {
        let owners = assigned(&[200, 800], 20);
        for stretch in owners.chunks(5) {
            assert_eq!(stretch.iter().filter(|owner| **owner == 0).count(), 1, "{owners:?}");
        }
        assert_eq!(assigned(&[400, 600], 1), [1]);
        assert_eq!(assigned(&[500, 500], 4), [0, 1, 0, 1]);
        assert_eq!(assigned(&[0, 1000], 100), [1; 100]);
        assert_eq!(assigned(&[1000], 3), [0; 3]);
    }
}
