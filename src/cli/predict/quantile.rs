//! Quantiles of many numbers, in memory that does not grow with them.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

/// Bits of a number that are told apart in one pass over all of them.
const BITS: u32 = 16;

/// Numbers that wait in a temporary file to be ordered.
pub(super) struct Numbers {
    file: BufWriter<File>,
    n: u64,
}

impl Numbers {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Numbers { file: BufWriter::with_capacity(1 << 18, tempfile::tempfile()?), n: 0 })
    }

    /// Adds a number, if it is one.
    pub(super) fn add(&mut self, number: f64) -> io::Result<()> {
        if number.is_nan() {
            return Ok(());
        }
        self.n += 1;
        self.file.write_all(&key(number).to_le_bytes())
    }

    /// The number below which this share of them lies: all but the greatest have as many, rounded down, below them.
    /// Infinity where there are none.
    pub(super) fn quantile(self, share: f64) -> io::Result<f64> {
        if self.n == 0 {
            return Ok(f64::INFINITY);
        }
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        // How many stand before it, of those that begin like it.
        let mut before = ((share * self.n as f64) as u64).min(self.n - 1);
        let mut beginning = 0_u64;
        for shift in (0..u64::BITS / BITS).rev().map(|digit| digit * BITS) {
            let mut counts = vec![0_u64; 1 << BITS];
            file.rewind()?;
            let mut reader = BufReader::with_capacity(1 << 18, &file);
            for _ in 0..self.n {
                let mut bytes = [0; 8];
                reader.read_exact(&mut bytes)?;
                let key = u64::from_le_bytes(bytes);
                if key.checked_shr(shift + BITS).unwrap_or(0) == beginning {
                    counts[(key >> shift) as usize & ((1 << BITS) - 1)] += 1;
                }
            }
            let mut digit = 0;
            while before >= counts[digit] {
                before -= counts[digit];
                digit += 1;
            }
            beginning = beginning << BITS | digit as u64;
        }
        Ok(number(beginning))
    }
}

/// An integer by which numbers are ordered.
fn key(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The number of such an integer.
fn number(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key ^ 1 << 63 } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_number_at_that_place_of_the_sorted_ones() {
        let wild = |i: u64| f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
        let few = |i: u64| -20.0 + (i * 37 % 11) as f64;
        for (n, of) in [(1, &wild as &dyn Fn(u64) -> f64), (2, &few), (997, &few), (3001, &wild)] {
            let all: Vec<f64> = (0..n).map(of).filter(|x| !x.is_nan()).collect();
            let mut sorted = all.clone();
            sorted.sort_by(f64::total_cmp);
            for share in [0.0, 0.001, 0.25, 0.5, 0.999, 1.0] {
                let mut numbers = Numbers::new().unwrap();
                all.iter().chain(&[f64::NAN]).for_each(|x| numbers.add(*x).unwrap());
                let place = ((share * all.len() as f64) as usize).min(all.len() - 1);
                assert_eq!(numbers.quantile(share).unwrap().to_bits(), sorted[place].to_bits(), "{n} {share}");
            }
        }
        assert_eq!(Numbers::new().unwrap().quantile(0.5).unwrap(), f64::INFINITY);
    }
}
