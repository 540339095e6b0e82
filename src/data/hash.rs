//! Numbers of rows made into numbers that have nothing in common, from which rows are drawn.

/// Steele, Lea and Flood 2014 (SplitMix64): the numbers that follow each other have nothing in common.
pub(crate) fn hash(x: u64) -> u64 {
    let mut z = x.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
