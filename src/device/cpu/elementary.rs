//! The exponential and the logarithm in a form that the compiler vectorises, for the arguments that a posterior has.
//!
//! e^x: x = n ln 2 + r with |r| <= ln 2 / 2; e^r = 1 + r + r^2 P(r); 2^n by adding n to the exponent.
//! log x: x = 2^n m with m within sqrt 2 of 1; log m = 2 s + s^3 Q(s^2), s = (m - 1) / (m + 1).
//! P and Q are near-minimax polynomials, fitted in 40 digits; their errors are well below half a unit in the last place
//! of the result, and what is left are the roundings of the evaluation.

/// a b + c, fused where the instruction set has it: without hardware support a fused product is a slow library call.
macro_rules! mul_add {
    ($simd:ident, $a:expr, $b:expr, $c:expr) => {
        if $crate::device::cpu::instructions::without_vectors::<$simd>() { $a * $b + $c } else { $a.mul_add($b, $c) }
    };
}

macro_rules! elementary {
    (
        $module:ident, $real:ident, $bits:ident, mantissa: $mantissa:literal, smallest: $smallest:literal,
        rounder: $rounder:literal, ln_2: $ln_2_high:literal + $ln_2_low:literal, p: $p:expr, q: $q:expr
    ) => {
        pub(super) mod $module {
            use pulp::Simd;

            /// Below this the result would be subnormal.
            pub(crate) const SMALLEST: $real = $smallest;
            /// Adding this rounds to an integer and leaves that integer in the low bits of the sum.
            const ROUNDER: $real = $rounder;
            /// ln 2 in two parts; the first has trailing zeros, so that its product with n is exact.
            const LN_2_HIGH: $real = $ln_2_high;
            const LN_2_LOW: $real = $ln_2_low;

            /// e^x for x <= 0, to within 2 units in the last place; 0 below `cut`, which is `SMALLEST` or more.
            #[inline(always)]
            pub(crate) fn exp_from<S: Simd>(x: $real, cut: $real) -> $real {
                let shifted = mul_add!(S, x, std::$real::consts::LOG2_E, ROUNDER);
                let n = shifted - ROUNDER;
                let r = mul_add!(S, n, -LN_2_LOW, mul_add!(S, n, -LN_2_HIGH, x));
                const P: &[$real] = &$p;
                let mut e = P[0];
                for coefficient in &P[1..] {
                    e = mul_add!(S, e, r, *coefficient);
                }
                e = mul_add!(S, mul_add!(S, e, r, 1.0), r, 1.0);
                let scaled = $real::from_bits(e.to_bits().wrapping_add(shifted.to_bits() << $mantissa));
                // Far below, what was computed means nothing.
                if x < cut { 0.0 } else { scaled }
            }

            /// log x for finite x >= 1, to within 2 units in the last place.
            #[inline(always)]
            pub(crate) fn ln_from_one<S: Simd>(x: $real) -> $real {
                /// 2^mantissa: an integer put into its low bits is added to it.
                const UNITS: $real = (1_u64 << $mantissa) as $real;
                let bits = x.to_bits();
                let exponent = (bits - std::$real::consts::FRAC_1_SQRT_2.to_bits()) >> $mantissa;
                let m = $real::from_bits(bits - (exponent << $mantissa));
                let n = $real::from_bits(UNITS.to_bits() | exponent) - UNITS;
                let s = (m - 1.0) / (m + 1.0);
                let z = s * s;
                const Q: &[$real] = &$q;
                let mut q = Q[0];
                for coefficient in &Q[1..] {
                    q = mul_add!(S, q, z, *coefficient);
                }
                let ln_m = mul_add!(S, s * z, q, 2.0 * s);
                mul_add!(S, n, LN_2_HIGH, mul_add!(S, n, LN_2_LOW, ln_m))
            }

            #[cfg(test)]
            mod tests {
                use super::*;
                use pulp::{Arch, WithSimd};

                /// The worst errors of both functions, in units in the last place.
                struct WorstErrors;

                impl WithSimd for WorstErrors {
                    type Output = (f64, f64);

                    fn with_simd<S: Simd>(self, _: S) -> (f64, f64) {
                        const POINTS: usize = 2_000_000;
                        let error = |found: $real, exact: f64| {
                            (f64::from(found) - exact).abs() / (exact * f64::from($real::EPSILON))
                        };
                        let along = |i: usize| (i as f64 / POINTS as f64).powi(3);
                        let exp = (0..POINTS).map(|i| {
                            let x = SMALLEST * along(i) as $real;
                            error(exp_from::<S>(x, SMALLEST), f64::from(x).exp())
                        });
                        let ln = (1..POINTS).map(|i| {
                            let x = (1.0 + 1e6 * along(i)) as $real;
                            let exact = f64::from(x).ln();
                            if exact == 0.0 {
                                f64::from(ln_from_one::<S>(x))
                            } else {
                                error(ln_from_one::<S>(x), exact)
                            }
                        });
                        (exp.fold(0.0, f64::max), ln.fold(0.0, f64::max))
                    }
                }

                #[test]
                fn errors_stay_within_two_units_in_the_last_place_with_and_without_fused_products() {
                    for (exp, ln) in [Arch::new().dispatch(WorstErrors), WorstErrors.with_simd(pulp::Scalar::new())] {
                        assert!(exp <= 2.0 && ln <= 2.0, "exp {exp}, log {ln}");
                    }
                }

                #[test]
                fn both_are_exact_at_the_ends() {
                    let e = |x| exp_from::<pulp::Scalar>(x, SMALLEST);
                    assert_eq!((e(0.0), e(SMALLEST * 1.01), e(-1e30), e($real::NEG_INFINITY)), (1.0, 0.0, 0.0, 0.0));
                    assert_eq!(exp_from::<pulp::Scalar>(-30.01, -30.0), 0.0);
                    assert!(exp_from::<pulp::Scalar>(-30.0, -30.0) > 0.0);
                    assert_eq!(ln_from_one::<pulp::Scalar>(1.0), 0.0);
                }
            }
        }
    };
}

elementary!(
    double, f64, u64, mantissa: 52, smallest: -708.0, rounder: 6_755_399_441_055_744.0,
    ln_2: 6.931_471_803_691_238e-1 + 1.908_214_929_270_587_7e-10,
    p: [
        2.510_038_549_551_032e-8,
        2.762_008_844_540_974_8e-7,
        2.755_726_845_999_706_5e-6,
        2.480_152_129_595_437_5e-5,
        1.984_126_986_305_361_7e-4,
        1.388_888_891_721_371_7e-3,
        8.333_333_333_330_062e-3,
        4.166_666_666_662_413e-2,
        0.166_666_666_666_666_68,
        0.500_000_000_000_000_1,
    ],
    q: [
        0.146_178_071_989_211_1,
        0.153_316_117_176_995,
        0.181_828_924_326_972,
        0.222_222_110_893_766_64,
        0.285_714_286_262_538_6,
        0.399_999_999_998_988_9,
        0.666_666_666_666_667,
    ]
);
elementary!(
    single, f32, u32, mantissa: 23, smallest: -87.0, rounder: 12_582_912.0,
    ln_2: 6.931_457_5e-1 + 1.428_606_8e-6,
    p: [1.392_618_3e-3, 8.363_179e-3, 4.166_655_5e-2, 0.166_665_77, 0.5],
    q: [0.295_809_86, 0.399_887_6, 0.666_666_85]
);
