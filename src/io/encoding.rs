//! Numbers as bytes, the way arrays and raw files hold them: rows of them, a block after another.

use std::io::{self, Read};

use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type};
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_schema::{Field, Schema};
use ndarray::{Array1, Array2, Axis};

use super::bad_rows::Found as BadRows;
use super::chunks::Chunk;
use super::columns::Picked;
use super::company::{Beside, Company};
use super::notes::Note;
use crate::data::samples::Samples;
use crate::error::Result;

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
}

/// How numbers are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
}

/// Numbers as they are used: f32 as it is, f16 as f32, and all other types as f64.
#[derive(Debug)]
pub(super) enum Numbers {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Numbers that were read, with the bytes that they took.
pub(super) struct Found {
    pub(super) numbers: Numbers,
    pub(super) bytes: usize,
    /// Whether some of the numbers are not those of the file, because no double is.
    pub(super) rounded: bool,
}

impl Encoding {
    /// Bytes of a number.
    pub(super) fn size(self) -> usize {
        match self.kind {
            Kind::I8 | Kind::U8 => 1,
            Kind::F16 | Kind::I16 | Kind::U16 => 2,
            Kind::F32 | Kind::I32 | Kind::U32 => 4,
            Kind::F64 | Kind::I64 | Kind::U64 => 8,
        }
    }

    /// Whether the numbers in memory are the bytes in the file.
    fn is_native(self) -> bool {
        self.big_endian == cfg!(target_endian = "big")
    }

    /// Reads n numbers, or as many as there are. Memory is taken for what there is, not for what a
    /// header promises.
    pub(super) fn read(self, reader: &mut dyn Read, n: usize) -> io::Result<Found> {
        macro_rules! native {
            ($variant:ident, $number:ty) => {{
                let mut numbers: Vec<$number> = Vec::new();
                let mut total = 0;
                while numbers.len() < n {
                    let start = numbers.len();
                    numbers.resize(n.min(start + PIECE), <$number>::default());
                    let wanted = (numbers.len() - start) * size_of::<$number>();
                    let found = fill(reader, bytemuck::cast_slice_mut(&mut numbers[start..]))?;
                    total += found;
                    if found < wanted {
                        numbers.truncate(total / size_of::<$number>());
                        break;
                    }
                }
                return Ok(Found { numbers: Numbers::$variant(numbers), bytes: total, rounded: false });
            }};
        }
        match self.kind {
            Kind::F32 if self.is_native() => native!(F32, f32),
            Kind::F64 if self.is_native() => native!(F64, f64),
            _ => {
                let mut bytes = Vec::new();
                reader.take((n * self.size()) as u64).read_to_end(&mut bytes)?;
                Ok(Found { numbers: self.decode(&bytes), bytes: bytes.len(), rounded: self.rounds(&bytes) })
            }
        }
    }

    /// The numbers of some bytes; those of part of a number are left out.
    fn decode(self, bytes: &[u8]) -> Numbers {
        macro_rules! decode {
            ($from:ty, $to:ty, $variant:ident) => {{
                let (numbers, _) = bytes.as_chunks();
                Numbers::$variant(match self.big_endian {
                    true => numbers.iter().map(|bytes| <$from>::from_be_bytes(*bytes) as $to).collect(),
                    false => numbers.iter().map(|bytes| <$from>::from_le_bytes(*bytes) as $to).collect(),
                })
            }};
        }
        match self.kind {
            Kind::F16 => {
                let (numbers, _) = bytes.as_chunks();
                Numbers::F32(match self.big_endian {
                    true => numbers.iter().map(|bytes| half::f16::from_be_bytes(*bytes).to_f32()).collect(),
                    false => numbers.iter().map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()).collect(),
                })
            }
            Kind::F32 => decode!(f32, f32, F32),
            Kind::F64 => decode!(f64, f64, F64),
            Kind::I8 => decode!(i8, f64, F64),
            Kind::I16 => decode!(i16, f64, F64),
            Kind::I32 => decode!(i32, f64, F64),
            Kind::I64 => decode!(i64, f64, F64),
            Kind::U8 => decode!(u8, f64, F64),
            Kind::U16 => decode!(u16, f64, F64),
            Kind::U32 => decode!(u32, f64, F64),
            Kind::U64 => decode!(u64, f64, F64),
        }
    }
}

impl Encoding {
    /// Whether some of these numbers are integers that no double is.
    fn rounds(self, bytes: &[u8]) -> bool {
        let (numbers, _) = bytes.as_chunks();
        let integer =
            |bytes: &[u8; 8]| if self.big_endian { u64::from_be_bytes(*bytes) } else { u64::from_le_bytes(*bytes) };
        let mut integers = numbers.iter().map(integer);
        match self.kind {
            Kind::U64 => integers.any(|x| x as f64 as u128 != u128::from(x)),
            Kind::I64 => integers.any(|x| x as i64 as f64 as i128 != i128::from(x as i64)),
            _ => false,
        }
    }
}

/// Numbers that are read at a time: a block, unless it has very many columns.
const PIECE: usize = 1 << 22;

/// Fills as much of a buffer as there are bytes; gives their number.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut found = 0;
    while found < buffer.len() {
        match reader.read(&mut buffer[found..]) {
            Ok(0) => break,
            Ok(n) => found += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The selected columns of rows of numbers.
pub(super) fn chunk(numbers: Numbers, n_columns: usize, picked: &Picked, notes: Vec<Note>) -> Chunk {
    match numbers {
        Numbers::F32(numbers) => pick::<Float32Type>(numbers, n_columns, picked, notes),
        Numbers::F64(numbers) => pick::<Float64Type>(numbers, n_columns, picked, notes),
    }
}

fn pick<T: ArrowPrimitiveType>(numbers: Vec<T::Native>, n_columns: usize, picked: &Picked, notes: Vec<Note>) -> Chunk
where
    T::Native: Into<f64>,
    Samples<'static>: From<Array2<T::Native>>,
{
    let n = numbers.len().checked_div(n_columns).unwrap_or(0);
    let rows = Array2::from_shape_vec((n, n_columns), numbers).expect("whole rows");
    let weights = picked.weights.map(|column| rows.column(column).iter().map(|x| (*x).into()).collect::<Array1<f64>>());
    let company = (!picked.company.is_empty()).then(|| company::<T>(&rows, &picked.company));
    let all = picked.features.iter().copied().eq(0..n_columns);
    let samples = if all { rows } else { rows.select(Axis(1), &picked.features) };
    let beside = Beside { company, ..Beside::default() };
    Chunk { samples: samples.into(), weights, beside, bad: BadRows::default(), lines: None, notes }
}

/// Some columns of rows of numbers.
fn company<T: ArrowPrimitiveType>(rows: &Array2<T::Native>, columns: &[usize]) -> Company {
    let fields: Vec<Field> = columns.iter().map(|i| Field::new(nameless(*i), T::DATA_TYPE, true)).collect();
    let column =
        |i: &usize| -> ArrayRef { Arc::new(PrimitiveArray::<T>::from_iter_values(rows.column(*i).iter().copied())) };
    let batch = columns.iter().map(column).collect();
    Company::new(&Schema::new(fields), vec![batch]).expect("columns of one type and length")
}

/// What a column without a name is called where it needs one.
pub(super) fn nameless(column: usize) -> String {
    format!("x{column}")
}

/// Rows from front to back. `read` takes the largest number of rows to read; fewer mean that none are left.
pub(super) struct Blocks<F> {
    pub(super) rows: usize,
    pub(super) read: F,
    pub(super) is_over: bool,
}

impl<F: FnMut(usize) -> Result<Chunk>> Iterator for Blocks<F> {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let chunk = (self.read)(self.rows);
        self.is_over = chunk.as_ref().map_or(true, |chunk| chunk.samples.dim().0 < self.rows);
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_type_and_byte_order_are_read() {
        let read = |kind, big_endian, bytes: &[u8]| {
            let found = Encoding { kind, big_endian }.read(&mut &*bytes, 9).unwrap();
            assert_eq!((found.bytes, found.rounded), (bytes.len(), false));
            match found.numbers {
                Numbers::F32(numbers) => numbers.into_iter().map(f64::from).collect::<Vec<_>>(),
                Numbers::F64(numbers) => numbers,
            }
        };
        assert_eq!(read(Kind::I8, false, &[1, 255]), [1.0, -1.0]);
        assert_eq!(read(Kind::U8, true, &[1, 255]), [1.0, 255.0]);
        for big in [false, true] {
            let order = |mut bytes: Vec<u8>| {
                if big {
                    bytes.reverse();
                }
                bytes
            };
            assert_eq!(read(Kind::F16, big, &order(half::f16::from_f32(-0.25).to_le_bytes().into())), [-0.25]);
            assert_eq!(read(Kind::F32, big, &order(1.5_f32.to_le_bytes().into())), [1.5]);
            assert_eq!(read(Kind::F64, big, &order((-2.5_f64).to_le_bytes().into())), [-2.5]);
            assert_eq!(read(Kind::I16, big, &order((-300_i16).to_le_bytes().into())), [-300.0]);
            assert_eq!(read(Kind::I32, big, &order((-70_000_i32).to_le_bytes().into())), [-70_000.0]);
            assert_eq!(read(Kind::I64, big, &order((1_i64 << 40).to_le_bytes().into())), [(1_i64 << 40) as f64]);
            assert_eq!(read(Kind::U16, big, &order(65_535_u16.to_le_bytes().into())), [65_535.0]);
            assert_eq!(read(Kind::U32, big, &order(u32::MAX.to_le_bytes().into())), [f64::from(u32::MAX)]);
            assert_eq!(read(Kind::U64, big, &order((1_u64 << 50).to_le_bytes().into())), [(1_u64 << 50) as f64]);
        }
    }

    #[test]
    fn integers_that_no_double_is_are_noticed() {
        let rounded = |kind, integers: &[i64]| {
            let bytes: Vec<u8> = integers.iter().flat_map(|x| x.to_be_bytes()).collect();
            Encoding { kind, big_endian: true }.read(&mut &*bytes, 9).unwrap().rounded
        };
        for kind in [Kind::I64, Kind::U64] {
            assert!(!rounded(kind, &[1 << 53, (1 << 53) + 2, 1 << 62]), "{kind:?}");
            assert!(rounded(kind, &[1, (1 << 53) + 1]), "{kind:?}");
            assert!(rounded(kind, &[i64::MAX]), "{kind:?}");
        }
        assert!(!rounded(Kind::I64, &[i64::MIN]));
        assert!(rounded(Kind::U64, &[-1]));
    }
}
