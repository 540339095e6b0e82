//! The number types that passes compute in: f64, or f32 for twice the speed.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Sub};

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use pulp::Simd;

use super::elementary;
use super::instructions::without_vectors;
use crate::device::choice::Precision;

/// A floating-point type, with what the kernels do to vectors of it.
pub(crate) trait Real:
    Pod
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + MulAssign
{
    /// As many numbers as a register holds.
    type Vector<S: Simd>: Pod + Debug;

    const PRECISION: Precision;

    /// A log-density below this is raised to it: a sample infinitely far from every component belongs to all alike.
    const LEAST_LOG_DENSITY: Self;

    /// Below this an exponential would be subnormal.
    const LEAST_EXPONENT: Self;

    /// Share of a sample that components left out of its tile may have in all. It hides in the rounding of sums.
    const LEFT_OUT: f64;

    /// Scatter within components that is left may be this small a share of all scatter before it is summed
    /// directly: ten of sixteen digits remain, or five of seven.
    const LEAST_SHARE: f64;

    /// Log-densities whose difference is a smaller share of them are equal but for rounding.
    const ROUNDING: f64;

    fn from_f64(x: f64) -> Self;
    fn to_f64(self) -> f64;

    /// e^x for x <= 0, and 0 below `cut`, which is [`Self::LEAST_EXPONENT`] or more.
    fn exp_from<S: Simd>(self, cut: Self) -> Self;

    /// log x for x >= 1.
    fn ln_from_one<S: Simd>(self) -> Self;

    /// All elements alike.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn minus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn times<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// a b + c, fused where the hardware can.
    fn times_plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;

    /// The sum of the elements.
    fn total<S: Simd>(simd: S, a: Self::Vector<S>) -> f64;

    /// The greater of two numbers.
    fn greater<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// x, but at least `least`; `least` too where x is not a number.
    fn at_least<S: Simd>(simd: S, x: Self::Vector<S>, least: Self::Vector<S>) -> Self::Vector<S>;

    #[inline(always)]
    fn vectors<S: Simd>(numbers: &[Self]) -> &[Self::Vector<S>] {
        cast_slice(numbers)
    }

    #[inline(always)]
    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [Self::Vector<S>] {
        cast_slice_mut(numbers)
    }
}

macro_rules! real {
    (
        $real:ident, $functions:ident, $vector:ident, $precision:expr, least_log_density: $least:literal,
        left_out: $left_out:literal, least_share: $share:literal,
        $splat:ident, $add:ident, $sub:ident, $mul:ident, $mul_add:ident, $reduce_sum:ident, $max:ident, $greater_than:ident, $select:ident
    ) => {
        impl Real for $real {
            type Vector<S: Simd> = S::$vector;

            const PRECISION: Precision = $precision;
            const LEAST_LOG_DENSITY: Self = $least;
            const LEAST_EXPONENT: Self = elementary::$functions::SMALLEST;
            const LEFT_OUT: f64 = $left_out;
            const LEAST_SHARE: f64 = $share;
            const ROUNDING: f64 = 64.0 * $real::EPSILON as f64;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $real
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn exp_from<S: Simd>(self, cut: Self) -> Self {
                elementary::$functions::exp_from::<S>(self, cut)
            }

            #[inline(always)]
            fn ln_from_one<S: Simd>(self) -> Self {
                elementary::$functions::ln_from_one::<S>(self)
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn minus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$sub(a, b)
            }

            #[inline(always)]
            fn times<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$mul(a, b)
            }

            #[inline(always)]
            fn times_plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                // Fused without hardware for it, it would be a call for every number.
                if without_vectors::<S>() {
                    return simd.$add(simd.$mul(a, b), c);
                }
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn total<S: Simd>(simd: S, a: S::$vector) -> f64 {
                f64::from(simd.$reduce_sum(a))
            }

            #[inline(always)]
            fn greater<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$max(a, b)
            }

            #[inline(always)]
            fn at_least<S: Simd>(simd: S, x: S::$vector, least: S::$vector) -> S::$vector {
                simd.$select(simd.$greater_than(x, least), x, least)
            }
        }
    };
}

real!(
    f64, double, f64s, Precision::Double, least_log_density: -1e300, left_out: 1e-12, least_share: 1e-6,
    splat_f64s, add_f64s, sub_f64s, mul_f64s, mul_add_e_f64s, reduce_sum_f64s, max_f64s, greater_than_f64s, select_f64s
);
real!(
    f32, single, f32s, Precision::Single, least_log_density: -1e30, left_out: 1e-9, least_share: 1e-2,
    splat_f32s, add_f32s, sub_f32s, mul_f32s, mul_add_e_f32s, reduce_sum_f32s, max_f32s, greater_than_f32s, select_f32s
);
