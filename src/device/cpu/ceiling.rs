//! The ceiling of the processor, measured: multiply-adds on all threads, and a copy by all of them.

use std::hint::black_box;
use std::marker::PhantomData;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::instructions::instructions;
use super::real::Real;
use crate::device::ceiling::{Ceiling, best_rate};
use crate::device::choice::Precision;
use crate::error::Result;

/// Sums that each thread has under way: more than its units need to stay busy, fewer than it has registers.
const SUMS: usize = if cfg!(target_arch = "aarch64") { 24 } else { 12 };

/// Rounds of the sums in one unit of work: f32 counts as far without rounding.
const ROUNDS: usize = 1 << 16;

/// Bytes copied: far more than caches hold.
const COPY_BYTES: usize = 256 << 20;

/// Measures the ceiling in a precision.
pub(crate) fn measure(precision: Precision) -> Result<Ceiling> {
    let flops = match precision {
        Precision::Single => best_rate(multiply_adds::<f32>),
        Precision::Double => best_rate(multiply_adds::<f64>),
    };
    Ok(Ceiling { gflops: flops? / 1e9, gbytes_per_second: copies()? / 1e9 })
}

/// Floating-point operations done by all threads.
fn multiply_adds<T: Real>(amount: usize) -> Result<f64> {
    let arch = instructions();
    let counts = rayon::broadcast(|_| (0..amount).map(|_| arch.dispatch(MultiplyAdds(PhantomData::<T>))).sum::<f64>());
    Ok(2.0 * counts.iter().sum::<f64>())
}

/// Multiply-adds of one thread. Each adds one to a sum, so that the sums count them, and none can be left out.
struct MultiplyAdds<T>(PhantomData<T>);

impl<T: Real> WithSimd for MultiplyAdds<T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let number = |x: f64| T::splat(simd, black_box(T::from_f64(x)));
        let (factor, one) = (number(1.0), number(1.0));
        // The compiler must not see that all sums are the same.
        let mut sums = [(); SUMS].map(|()| number(0.0));
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = T::times_plus(simd, *sum, factor, one);
            }
        }
        sums.iter().flat_map(|sum| bytemuck::cast_slice::<_, T>(std::slice::from_ref(sum))).map(|x| x.to_f64()).sum()
    }
}

/// Bytes a second, read and written.
fn copies() -> Result<f64> {
    let from = vec![1.0_f64; COPY_BYTES / size_of::<f64>()];
    let mut to = vec![0.0_f64; from.len()];
    // One piece for each thread: a long copy passes the caches by.
    let piece = from.len().div_ceil(rayon::current_num_threads());
    best_rate(|amount| {
        for _ in 0..amount {
            let pieces = to.par_chunks_mut(piece).zip(black_box(&from).par_chunks(piece));
            pieces.for_each(|(to, from)| to.copy_from_slice(from));
            black_box(&mut to);
        }
        Ok((2 * COPY_BYTES * amount) as f64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_multiply_add_is_counted() {
        let lanes = multiply_adds::<f64>(1).unwrap() / (2 * SUMS * ROUNDS * rayon::current_num_threads()) as f64;
        assert!([1.0, 2.0, 4.0, 8.0].contains(&lanes), "{lanes}");
        assert_eq!(multiply_adds::<f64>(3).unwrap(), 3.0 * multiply_adds::<f64>(1).unwrap());
        let wider = if lanes > 1.0 { 2.0 } else { 1.0 };
        assert_eq!(multiply_adds::<f32>(5).unwrap(), wider * multiply_adds::<f64>(5).unwrap());
    }

    #[test]
    fn the_ceiling_is_that_of_a_processor() {
        for precision in Precision::ALL {
            let ceiling = measure(precision).unwrap();
            let work = match precision {
                Precision::Single => multiply_adds::<f32>(1),
                Precision::Double => multiply_adds::<f64>(1),
            };
            let threads = rayon::current_num_threads() as f64;
            let lanes = work.unwrap() / (2 * SUMS * ROUNDS) as f64 / threads;
            // No core has more than four units of multiply-adds, which count twice, at 6 GHz; where others work on it,
            // it still has one of ten turns at 1 GHz, with one unit.
            let of_a_lane = ceiling.gflops / (threads * lanes);
            assert!((0.2..48.0).contains(&of_a_lane), "{of_a_lane} on each of {lanes} lanes: {ceiling:?}");
            // A tenth of the memory of the smallest machine, and twice that of the largest.
            assert!((0.5..2e3).contains(&ceiling.gbytes_per_second), "{ceiling:?}");
        }
    }
}
