//! Cells of Arrow arrays as text. (The arrow-cast crate does the same among much else: a seventh of what it takes to
//! build the program.)

use std::fmt::Display;
use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::{as_date, as_datetime, as_time};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait};
use arrow_schema::{DataType, TimeUnit};

/// Writes the cell of a row, as text.
pub(super) type Spelling<'a> = Box<dyn Fn(usize, &mut Vec<u8>) + Send + Sync + 'a>;

/// How the cells of an array are spelled: nothing where they are null. `None` for types that have no such text.
pub(super) fn spelling(array: &ArrayRef) -> Option<Spelling<'_>> {
    let spell = of_values(array)?;
    if array.logical_null_count() == 0 {
        return Some(spell);
    }
    let there = array.logical_nulls()?;
    Some(Box::new(move |row, text| {
        if there.is_valid(row) {
            spell(row, text);
        }
    }))
}

fn of_values(array: &ArrayRef) -> Option<Spelling<'_>> {
    macro_rules! numbers {
        ($kind:ty, $show:expr) => {{
            let values = array.as_primitive::<$kind>().values();
            #[allow(clippy::redundant_closure_call)] // What is given to a macro is called where it stands.
            Box::new(move |row: usize, text: &mut Vec<u8>| show(text, ($show)(values[row])))
        }};
    }
    macro_rules! integers {
        ($kind:ty) => {
            numbers!($kind, |x| x)
        };
    }
    macro_rules! decimals {
        ($kind:ty) => {{
            let values = array.as_primitive::<$kind>();
            Box::new(move |row: usize, text: &mut Vec<u8>| show(text, values.value_as_string(row)))
        }};
    }
    macro_rules! texts {
        ($values:expr) => {{
            let values = $values;
            Box::new(move |row: usize, text: &mut Vec<u8>| text.extend_from_slice(values.value(row).as_bytes()))
        }};
    }
    Some(match array.data_type() {
        DataType::Null => Box::new(|_, _| {}),
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |row, text| show(text, values.value(row)))
        }
        DataType::Int8 => integers!(Int8Type),
        DataType::Int16 => integers!(Int16Type),
        DataType::Int32 => integers!(Int32Type),
        DataType::Int64 => integers!(Int64Type),
        DataType::UInt8 => integers!(UInt8Type),
        DataType::UInt16 => integers!(UInt16Type),
        DataType::UInt32 => integers!(UInt32Type),
        DataType::UInt64 => integers!(UInt64Type),
        // A float's debug form is the shortest that reads back as the same.
        DataType::Float16 => numbers!(Float16Type, |x: half::f16| Debugged(x.to_f32())),
        DataType::Float32 => numbers!(Float32Type, Debugged),
        DataType::Float64 => numbers!(Float64Type, Debugged),
        DataType::Decimal32(..) => decimals!(Decimal32Type),
        DataType::Decimal64(..) => decimals!(Decimal64Type),
        DataType::Decimal128(..) => decimals!(Decimal128Type),
        DataType::Decimal256(..) => decimals!(Decimal256Type),
        DataType::Utf8 => texts!(array.as_string::<i32>()),
        DataType::LargeUtf8 => texts!(array.as_string::<i64>()),
        DataType::Utf8View => texts!(array.as_string_view()),
        DataType::Date32 => timed::<Date32Type, _>(array, as_date::<Date32Type>, ""),
        DataType::Date64 => timed::<Date64Type, _>(array, as_datetime::<Date64Type>, ""),
        DataType::Time32(TimeUnit::Second) => timed::<Time32SecondType, _>(array, as_time::<Time32SecondType>, ""),
        DataType::Time32(_) => timed::<Time32MillisecondType, _>(array, as_time::<Time32MillisecondType>, ""),
        DataType::Time64(TimeUnit::Microsecond) => {
            timed::<Time64MicrosecondType, _>(array, as_time::<Time64MicrosecondType>, "")
        }
        DataType::Time64(_) => timed::<Time64NanosecondType, _>(array, as_time::<Time64NanosecondType>, ""),
        DataType::Timestamp(unit, zone) => {
            // Those of a zone are counted in that of Greenwich, and are told so.
            let zone = if zone.is_some() { "+00:00" } else { "" };
            match unit {
                TimeUnit::Second => timed::<TimestampSecondType, _>(array, as_datetime::<TimestampSecondType>, zone),
                TimeUnit::Millisecond => {
                    timed::<TimestampMillisecondType, _>(array, as_datetime::<TimestampMillisecondType>, zone)
                }
                TimeUnit::Microsecond => {
                    timed::<TimestampMicrosecondType, _>(array, as_datetime::<TimestampMicrosecondType>, zone)
                }
                TimeUnit::Nanosecond => {
                    timed::<TimestampNanosecondType, _>(array, as_datetime::<TimestampNanosecondType>, zone)
                }
            }
        }
        DataType::Duration(TimeUnit::Second) => integers!(DurationSecondType),
        DataType::Duration(TimeUnit::Millisecond) => integers!(DurationMillisecondType),
        DataType::Duration(TimeUnit::Microsecond) => integers!(DurationMicrosecondType),
        DataType::Duration(TimeUnit::Nanosecond) => integers!(DurationNanosecondType),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            if dictionary.values().is_empty() {
                return Some(Box::new(|_, _| {}));
            }
            let (keys, spell) = (dictionary.normalized_keys(), spelling(dictionary.values())?);
            Box::new(move |row, text| spell(keys[row], text))
        }
        DataType::List(_) => listed(array.as_list::<i32>())?,
        DataType::LargeList(_) => listed(array.as_list::<i64>())?,
        DataType::FixedSizeList(_, length) => {
            let lists = array.as_fixed_size_list();
            let (spell, length) = (spelling(lists.values())?, usize::try_from(*length).ok()?);
            Box::new(move |row, text| list(text, row * length..(row + 1) * length, &spell))
        }
        _ => return None,
    })
}

/// A number in its debug form.
struct Debugged<T>(T);

impl<T: std::fmt::Debug> Display for Debugged<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn show(text: &mut Vec<u8>, value: impl Display) {
    write!(text, "{value}").expect("a vector takes what is written");
}

/// Points in time; the number itself where the calendar does not reach so far.
fn timed<'a, T: ArrowPrimitiveType<Native: Into<i64> + Display>, D: Display>(
    array: &'a ArrayRef,
    read: impl Fn(i64) -> Option<D> + Send + Sync + 'a,
    zone: &'static str,
) -> Spelling<'a> {
    let values = array.as_primitive::<T>().values();
    Box::new(move |row, text| match read(values[row].into()) {
        Some(time) => {
            show(text, time);
            text.extend_from_slice(zone.as_bytes());
        }
        None => show(text, values[row]),
    })
}

fn listed<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> Option<Spelling<'_>> {
    let (offsets, spell) = (lists.value_offsets(), spelling(lists.values())?);
    Some(Box::new(move |row, text| list(text, offsets[row].as_usize()..offsets[row + 1].as_usize(), &spell)))
}

fn list(text: &mut Vec<u8>, elements: std::ops::Range<usize>, spell: &Spelling) {
    text.push(b'[');
    for element in elements.clone() {
        if element > elements.start {
            text.extend_from_slice(b", ");
        }
        spell(element, text);
    }
    text.push(b']');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int8Type;
    use arrow_array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, DurationSecondArray, Float32Array,
        Float64Array, Int64Array, LargeStringArray, ListArray, NullArray, StringArray, Time32SecondArray,
        TimestampMicrosecondArray, TimestampSecondArray, UInt8Array,
    };

    use super::*;

    fn spelled(array: impl Array + 'static) -> Vec<String> {
        let array: ArrayRef = Arc::new(array);
        let spell = spelling(&array).unwrap();
        let one = |row| {
            let mut text = Vec::new();
            spell(row, &mut text);
            String::from_utf8(text).unwrap()
        };
        (0..array.len()).map(one).collect()
    }

    #[test]
    fn cells_of_every_kind_have_a_text_and_what_is_null_has_none() {
        assert_eq!(spelled(Int64Array::from(vec![Some(i64::MIN), None, Some(7)])), ["-9223372036854775808", "", "7"]);
        assert_eq!(spelled(UInt8Array::from(vec![255])), ["255"]);
        assert_eq!(spelled(Float64Array::from(vec![1.0, 0.1, 1e300, f64::NAN])), ["1.0", "0.1", "1e300", "NaN"]);
        assert_eq!(spelled(Float32Array::from(vec![0.1])), ["0.1"]);
        assert_eq!(spelled(BooleanArray::from(vec![Some(true), None, Some(false)])), ["true", "", "false"]);
        assert_eq!(spelled(StringArray::from(vec![Some("a, b"), None])), ["a, b", ""]);
        assert_eq!(spelled(LargeStringArray::from(vec!["", "x"])), ["", "x"]);
        assert_eq!(spelled(NullArray::new(2)), ["", ""]);
        let decimal = Decimal128Array::from(vec![-12_345]).with_precision_and_scale(9, 2).unwrap();
        assert_eq!(spelled(decimal), ["-123.45"]);
        assert_eq!(spelled(DurationSecondArray::from(vec![90])), ["90"]);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(spelled(Date32Array::from(vec![0, 11_322, -1])), ["1970-01-01", "2000-12-31", "1969-12-31"]);
        assert_eq!(spelled(Time32SecondArray::from(vec![3661])), ["01:01:01"]);
        let times = TimestampMicrosecondArray::from(vec![0, 1_500_000, 978_307_199_000_000]);
        let expected = ["1970-01-01 00:00:00", "1970-01-01 00:00:01.500", "2000-12-31 23:59:59"];
        assert_eq!(spelled(times), expected);
        let zoned = TimestampSecondArray::from(vec![0]).with_timezone("Europe/Berlin");
        assert_eq!(spelled(zoned), ["1970-01-01 00:00:00+00:00"]);
        assert_eq!(spelled(TimestampSecondArray::from(vec![i64::MAX])), [i64::MAX.to_string()]);
    }

    #[test]
    fn dictionaries_are_looked_up_and_lists_written_out() {
        let words = StringArray::from(vec![Some("lax"), Some("hnl"), None]);
        let keys = vec![Some(1), None, Some(0), Some(2)];
        assert_eq!(spelled(DictionaryArray::<Int8Type>::new(keys.into(), Arc::new(words))), ["hnl", "", "lax", ""]);
        let lists =
            ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), None]), None, Some(vec![])]);
        assert_eq!(spelled(lists), ["[1, ]", "", "[]"]);
        let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&b"x"[..]]));
        assert!(spelling(&bytes).is_none());
    }
}
