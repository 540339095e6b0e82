//! Arrays from .npy files: f32 and f64 as they are, integers and truth values widened to f64, in either byte order.

use std::io::{self, Read};
use std::iter;
use std::path::PathBuf;

use ndarray::{Array1, Array2, Axis, ShapeBuilder};
use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};

use super::chunks::{Chunk, Table};
use super::columns::Selection;
use super::malformed;
use super::source::Source;
use crate::error::{Error, Result};
use crate::points::Samples;

/// Values decoded at a time: the only memory beside the array itself.
const BLOCK: usize = 1 << 16;

/// Opens a table that is one array.
pub(super) fn open(source: Source, selection: &Selection) -> Result<Table> {
    let Source { name, mut reader, .. } = source;
    let samples = NpyArray::read(&name, &mut *reader)?.into_samples()?;
    table(&name, samples, selection)
}

/// The selected columns of an array, as a table of one chunk.
pub(super) fn table(name: &str, samples: Samples<'static>, selection: &Selection) -> Result<Table> {
    let n_columns = samples.dim().1;
    let picked = selection.find(name, None, n_columns)?;
    let weights = picked.weights.map(|column| match &samples {
        Samples::F32(values) => values.column(column).mapv(f64::from),
        Samples::F64(values) => values.column(column).to_owned(),
    });
    let samples = match samples {
        all if picked.features.iter().copied().eq(0..n_columns) => all,
        Samples::F32(values) => values.select(Axis(1), &picked.features).into(),
        Samples::F64(values) => values.select(Axis(1), &picked.features).into(),
    };
    let chunk = Chunk { samples, weights, lines: None };
    Ok(Table { columns: picked.features, names: None, chunks: Box::new(iter::once(Ok(chunk))) })
}

/// The array of a .npy file.
pub(super) struct NpyArray {
    name: String,
    shape: Vec<usize>,
    order: Order,
    values: Values,
}

enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl NpyArray {
    /// Reads the header, then the values straight into one vector of their own type. Errors name the array so.
    pub(super) fn read(name: &str, reader: &mut dyn Read) -> Result<Self> {
        let header = NpyHeader::from_reader(&mut *reader).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => malformed(
                name,
                format!("this is no .npy file, or its header is broken: {error}"),
                "write it with numpy.save, or give a text file the extension .csv or .tsv",
            ),
            _ => Error::Read { path: PathBuf::from(name), source: error },
        })?;
        let too_large = || {
            let problem = format!("an array of shape {:?} does not fit into memory", header.shape());
            malformed(name, problem, "check that the file is whole, or split it into smaller ones")
        };
        let extents = header.shape().iter().map(|&extent| usize::try_from(extent).ok());
        let shape = extents.collect::<Option<Vec<usize>>>().ok_or_else(too_large)?;
        let n = shape.iter().try_fold(1, |n: usize, &extent| n.checked_mul(extent)).ok_or_else(too_large)?;
        let mut payload = Payload { name, reader, n, too_large: &too_large };
        let values = payload.values(&header.dtype())?;
        payload.check_end()?;
        Ok(NpyArray { shape, order: header.order(), values, name: name.to_owned() })
    }

    /// The array as samples: N x D, in the memory order of the file.
    pub(super) fn into_samples(self) -> Result<Samples<'static>> {
        let &[n, d] = self.shape.as_slice() else {
            let remedy = match self.shape.as_slice() {
                [_] => {
                    "samples are rows: for samples of one feature save x.reshape(-1, 1), for one sample \
                        x.reshape(1, -1)"
                }
                _ => "samples are rows: save an array of shape [samples, features]",
            };
            let problem = format!("the array has shape {:?}, not two dimensions", self.shape);
            return Err(malformed(self.name, problem, remedy));
        };
        let shape = (n, d).set_f(self.order == Order::Fortran);
        let fit = "as many values were read as the shape has";
        Ok(match self.values {
            Values::F32(values) => Array2::from_shape_vec(shape, values).expect(fit).into(),
            Values::F64(values) => Array2::from_shape_vec(shape, values).expect(fit).into(),
        })
    }

    /// The array as one value for each sample: `[N]` or [N, 1].
    pub(super) fn into_vector(self) -> Result<Array1<f64>> {
        match self.shape.as_slice() {
            [_] | [_, 1] => Ok(match self.values {
                Values::F32(values) => values.into_iter().map(f64::from).collect(),
                Values::F64(values) => values.into(),
            }),
            shape => {
                let problem = format!("the weights have shape {shape:?}");
                Err(malformed(self.name, problem, "save one weight for each sample, of shape [samples]"))
            }
        }
    }
}

/// What follows the header: n values.
struct Payload<'a> {
    name: &'a str,
    reader: &'a mut dyn Read,
    n: usize,
    too_large: &'a dyn Fn() -> Error,
}

impl Payload<'_> {
    fn values(&mut self, dtype: &DType) -> Result<Values> {
        macro_rules! decode {
            ($big:expr, $from:ty, $to:ty) => {
                match $big {
                    true => self.decode(|bytes| <$from>::from_be_bytes(bytes) as $to)?,
                    false => self.decode(|bytes| <$from>::from_le_bytes(bytes) as $to)?,
                }
            };
        }
        let unreadable = || {
            let problem = format!("values of type {} cannot be read", dtype.descr());
            malformed(self.name, problem, "save real numbers: numpy.save(file, x.astype(numpy.float64))")
        };
        let DType::Plain(plain) = dtype else { return Err(unreadable()) };
        let big = plain.endianness() == Endianness::Big;
        Ok(match (plain.type_char(), plain.size_field()) {
            (TypeChar::Float, 4) => Values::F32(decode!(big, f32, f32)),
            (TypeChar::Float, 8) => Values::F64(decode!(big, f64, f64)),
            (TypeChar::Int, 1) => Values::F64(decode!(big, i8, f64)),
            (TypeChar::Int, 2) => Values::F64(decode!(big, i16, f64)),
            (TypeChar::Int, 4) => Values::F64(decode!(big, i32, f64)),
            (TypeChar::Int, 8) => Values::F64(decode!(big, i64, f64)),
            (TypeChar::Uint, 1) | (TypeChar::Bool, 1) => Values::F64(decode!(big, u8, f64)),
            (TypeChar::Uint, 2) => Values::F64(decode!(big, u16, f64)),
            (TypeChar::Uint, 4) => Values::F64(decode!(big, u32, f64)),
            (TypeChar::Uint, 8) => Values::F64(decode!(big, u64, f64)),
            _ => return Err(unreadable()),
        })
    }

    fn decode<const SIZE: usize, T>(&mut self, value: impl Fn([u8; SIZE]) -> T) -> Result<Vec<T>> {
        let total = self.n.checked_mul(SIZE).ok_or_else(self.too_large)?;
        let mut values = Vec::new();
        values.try_reserve_exact(self.n).map_err(|_| (self.too_large)())?;
        let mut block = Vec::with_capacity(SIZE * BLOCK.min(self.n));
        while values.len() < self.n {
            let wanted = SIZE * BLOCK.min(self.n - values.len());
            block.clear();
            let found = self.reader.take(wanted as u64).read_to_end(&mut block).map_err(|error| self.fail(error))?;
            if found < wanted {
                let missing = total - SIZE * values.len() - found;
                let problem = format!("the file is truncated: {missing} of {total} bytes of data are missing");
                return Err(malformed(self.name, problem, "copy or save it again"));
            }
            values.extend(block.as_chunks().0.iter().map(|&bytes| value(bytes)));
        }
        Ok(values)
    }

    fn check_end(&mut self) -> Result<()> {
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(malformed(
                self.name,
                "the file goes on after the last value of its array",
                "save one array in each file, with numpy.save",
            )),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn fail(&self, source: io::Error) -> Error {
        Error::Read { path: PathBuf::from(self.name), source }
    }
}
