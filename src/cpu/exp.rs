//! The exponential function of numbers that are not positive, in a form that the compiler vectorises.

use pulp::Simd;

/// a b + c, fused where the instruction set has it: without hardware support a fused product is a slow library call.
#[inline(always)]
pub(super) fn mul_add<S: Simd>(a: f64, b: f64, c: f64) -> f64 {
    if S::IS_SCALAR { a * b + c } else { a.mul_add(b, c) }
}

/// e^x for x <= 0, to within 2 units in the last place; 0 below -708, where the result would be subnormal.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor polynomial of degree 13, whose remainder is below 5e-18;
/// 2^n by adding n to the exponent.
#[inline(always)]
pub(super) fn exp_of_non_positive<S: Simd>(x: f64) -> f64 {
    const SMALLEST: f64 = -708.0;
    /// Adding this rounds to an integer and leaves that integer in the low bits of the sum.
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    /// ln 2 in two parts; the first has 32 trailing zeros, so its product with n is exact.
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    /// 1/13!, 1/12!, ... 1/0!
    const TAYLOR: [f64; 14] = [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];

    let clamped = if x > SMALLEST { x } else { SMALLEST };
    let shifted = mul_add::<S>(clamped, std::f64::consts::LOG2_E, ROUNDER);
    let n = shifted - ROUNDER;
    let r = mul_add::<S>(n, -LN_2_LOW, mul_add::<S>(n, -LN_2_HIGH, clamped));
    let mut e = TAYLOR[0];
    for coefficient in &TAYLOR[1..] {
        e = mul_add::<S>(e, r, *coefficient);
    }
    let scaled = f64::from_bits(e.to_bits().wrapping_add(shifted.to_bits() << 52));
    if x < SMALLEST { 0.0 } else { scaled }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct WorstError;

    impl WithSimd for WorstError {
        type Output = f64;

        fn with_simd<S: Simd>(self, _: S) -> f64 {
            (0..2_000_000)
                .map(|i| {
                    let x = -708.0 * (i as f64 / 2e6).powi(3);
                    let exact = x.exp();
                    (exp_of_non_positive::<S>(x) - exact).abs() / (exact * f64::EPSILON)
                })
                .fold(0.0, f64::max)
        }
    }

    #[test]
    fn exp_is_within_two_units_in_the_last_place_with_and_without_fused_products() {
        assert!(Arch::new().dispatch(WorstError) <= 2.0);
        assert!(WorstError.with_simd(pulp::Scalar::new()) <= 2.0);
    }

    #[test]
    fn exp_is_exact_at_zero_and_zero_far_below() {
        let e = exp_of_non_positive::<pulp::Scalar>;
        assert_eq!((e(0.0), e(-709.0), e(-1e300), e(f64::NEG_INFINITY)), (1.0, 0.0, 0.0, 0.0));
    }
}
