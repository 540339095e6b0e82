//! Numbers of Arrow arrays, of any type, as f32 or f64. (The arrow-cast crate does the same among much else: a seventh
//! of what it takes to build the program.)

use std::fmt::Display;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowNativeTypeOp};
use arrow_schema::DataType;

/// The powers of ten that are doubles.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Integers up to here are doubles.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;

/// The numbers of an array of f16 or f32; any for nulls.
pub(super) fn singles(array: &dyn Array) -> Vec<f32> {
    match array.data_type() {
        DataType::Float16 => array.as_primitive::<Float16Type>().values().iter().map(|x| x.to_f32()).collect(),
        _ => array.as_primitive::<Float32Type>().values().to_vec(),
    }
}

/// The numbers of an array, rounded to the nearest doubles; any for nulls.
pub(super) fn doubles(array: &dyn Array) -> Vec<f64> {
    macro_rules! doubles {
        ($kind:ty) => {
            array.as_primitive::<$kind>().values().iter().map(|&x| x as f64).collect()
        };
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().values().iter().map(f64::from).collect(),
        DataType::Int8 => doubles!(Int8Type),
        DataType::Int16 => doubles!(Int16Type),
        DataType::Int32 => doubles!(Int32Type),
        DataType::Int64 => doubles!(Int64Type),
        DataType::UInt8 => doubles!(UInt8Type),
        DataType::UInt16 => doubles!(UInt16Type),
        DataType::UInt32 => doubles!(UInt32Type),
        DataType::UInt64 => doubles!(UInt64Type),
        DataType::Float16 => array.as_primitive::<Float16Type>().values().iter().map(|x| x.to_f64()).collect(),
        DataType::Float32 => doubles!(Float32Type),
        DataType::Float64 => array.as_primitive::<Float64Type>().values().to_vec(),
        DataType::Decimal32(_, scale) => decimals(array.as_primitive::<Decimal32Type>().values(), *scale),
        DataType::Decimal64(_, scale) => decimals(array.as_primitive::<Decimal64Type>().values(), *scale),
        DataType::Decimal128(_, scale) => decimals(array.as_primitive::<Decimal128Type>().values(), *scale),
        DataType::Decimal256(_, scale) => decimals(array.as_primitive::<Decimal256Type>().values(), *scale),
        // Without rows there may be no values either.
        DataType::Dictionary(..) if array.as_any_dictionary().values().is_empty() => vec![f64::NAN; array.len()],
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = doubles(dictionary.values());
            dictionary.normalized_keys().into_iter().map(|key| values[key]).collect()
        }
        kind => unreachable!("columns of {kind} are not read"),
    }
}

/// Integers over a power of ten.
fn decimals<I: ArrowNativeTypeOp + Display>(integers: &[I], scale: i8) -> Vec<f64> {
    let power = usize::try_from(scale).ok().and_then(|scale| POWERS.get(scale));
    let double = |&integer: &I| match (integer.to_i64(), power) {
        // The quotient of two doubles is rounded once.
        (Some(integer), Some(power)) if integer.unsigned_abs() <= EXACT => integer as f64 / power,
        _ => format!("{integer}e{}", -i32::from(scale)).parse().expect("an integer and an exponent are a number"),
    };
    integers.iter().map(double).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::{ArrowPrimitiveType, DecimalType};
    use arrow_array::{
        ArrayRef, BooleanArray, Decimal32Array, Decimal64Array, Decimal128Array, Decimal256Array, DictionaryArray,
        Int64Array, PrimitiveArray, UInt8Array,
    };
    use half::f16;

    use super::*;

    fn is_widened<T: ArrowPrimitiveType<Native: Into<f64>>>(values: [T::Native; 3]) {
        let expected: Vec<f64> = values.iter().map(|&x| x.into()).collect();
        assert_eq!(doubles(&PrimitiveArray::<T>::from_iter_values(values)), expected, "{}", T::DATA_TYPE);
    }

    #[test]
    fn numbers_of_every_type_are_widened() {
        is_widened::<Int8Type>([i8::MIN, 0, i8::MAX]);
        is_widened::<Int16Type>([i16::MIN, 0, i16::MAX]);
        is_widened::<Int32Type>([i32::MIN, 0, i32::MAX]);
        is_widened::<UInt8Type>([0, 1, u8::MAX]);
        is_widened::<UInt16Type>([0, 1, u16::MAX]);
        is_widened::<UInt32Type>([0, 1, u32::MAX]);
        is_widened::<Float16Type>([f16::MIN, f16::EPSILON, f16::INFINITY]);
        is_widened::<Float32Type>([f32::MIN, f32::EPSILON, f32::INFINITY]);
        is_widened::<Float64Type>([f64::MIN, f64::EPSILON, f64::INFINITY]);
        assert_eq!(doubles(&Int64Array::from(vec![i64::MIN, -1, i64::MAX])), [-(2f64.powi(63)), -1.0, 2f64.powi(63)]);
        assert_eq!(doubles(&PrimitiveArray::<UInt64Type>::from(vec![u64::MAX])), [2f64.powi(64)]);
        assert_eq!(doubles(&BooleanArray::from(vec![true, false]).slice(1, 1)), [0.0]);
        assert_eq!(singles(&PrimitiveArray::<Float16Type>::from_iter_values([f16::from_f32(-0.25)])), [-0.25]);
        assert_eq!(singles(&PrimitiveArray::<Float32Type>::from_iter_values([0.1])), [0.1]);
    }

    #[test]
    fn decimals_are_the_nearest_doubles() {
        let decimal = |array: Decimal128Array, scale| doubles(&array.with_precision_and_scale(38, scale).unwrap());
        let one = |integer: i128, scale| decimal(Decimal128Array::from(vec![integer]), scale)[0];
        assert_eq!(one(123_456, 3), 123.456);
        assert_eq!(one(-5, -3), -5000.0);
        assert_eq!(one(1, 38), 1e-38);
        assert_eq!(one(9_007_199_254_740_993, 0), 9_007_199_254_740_992.0);
        assert_eq!(one(9_007_199_254_740_993, 1), 900_719_925_474_099.3);
        assert_eq!(one(i128::from(i64::MAX) * 10 + 1, 2), 922_337_203_685_477_580.71);
        let array = Decimal32Array::from(vec![-105]).with_precision_and_scale(9, 2).unwrap();
        assert_eq!(doubles(&array), [-1.05]);
        let array = Decimal64Array::from(vec![105]).with_precision_and_scale(18, 1).unwrap();
        assert_eq!(doubles(&array), [10.5]);
        let array = Decimal256Array::from(vec![Decimal256Type::MAX_FOR_EACH_PRECISION[60]]);
        assert_eq!(doubles(&array.with_precision_and_scale(76, 30).unwrap()), [1e30]);
    }

    #[test]
    fn keys_of_a_dictionary_are_looked_up() {
        let of = |keys: Vec<i8>, values: Vec<u8>| -> ArrayRef {
            Arc::new(DictionaryArray::<Int8Type>::new(keys.into(), Arc::new(UInt8Array::from(values))))
        };
        assert_eq!(doubles(&of(vec![1, 0, 1], vec![3, 7])), [7.0, 3.0, 7.0]);
        assert!(doubles(&of(vec![], vec![])).is_empty());
    }
}
