//! Arrays from .npy files: f32 and f64 as they are, f16 widened to f32, integers and truth values to f64, in either
//! byte order and either memory order.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;

use ndarray::{Array1, Array2};
use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};
use positioned_io::{RandomAccessFile, ReadAt};

use super::chunks::{Chunk, Table};
use super::columns::{MOST_COLUMNS, Selection};
use super::encoding::{self, Blocks, Encoding, Kind, Numbers};
use super::fields::Fields;
use super::malformed;
use super::notes::Note;
use super::source::Source;
use crate::data::source::block_rows;
use crate::error::{Error, Result};

/// Opens a table that is one array.
pub(super) fn open(source: Source, selection: &Selection) -> Result<Table> {
    let name = source.name.clone();
    let Source { mut reader, file, part, .. } = source;
    let array = Array::read_header(&name, &mut *reader)?;
    match (array.order, file) {
        (Order::C, Some(file)) if part.unwanted > 0 => {
            let left_out = array.shape.first().map_or(0, |n| part.unwanted.min(*n));
            let start = array.header_bytes + (left_out * array.row_bytes()) as u64;
            let reader = Source::from(file, start).map_err(|error| array.fail(error))?;
            array.by_rows(reader, left_out, selection)
        }
        (Order::C, _) => array.by_rows(reader, 0, selection),
        (Order::Fortran, file) => {
            let unwanted = part.unwanted;
            let file = Source { name, reader, file, format: source.format, part }.into_rest(array.header_bytes)?;
            array.by_columns(file, unwanted, selection)
        }
    }
}

/// Array that the header of a .npy file describes.
pub(super) struct Array {
    name: String,
    shape: Vec<usize>,
    order: Order,
    encoding: Encoding,
    header_bytes: u64,
}

impl Array {
    /// Reads the header. Errors name the array so.
    pub(super) fn read_header(name: &str, reader: &mut dyn Read) -> Result<Self> {
        let mut counted = Counted { reader, bytes: 0 };
        let header = NpyHeader::from_reader(&mut counted).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => malformed(
                name,
                format!("this is no .npy file, or its header is broken: {error}"),
                "write it with numpy.save, or give a text file the extension .csv or .tsv",
            ),
            _ => Error::Read { path: PathBuf::from(name), source: error },
        })?;
        let extents = header.shape().iter().map(|&extent| usize::try_from(extent).ok());
        let shape = extents.collect::<Option<Vec<usize>>>();
        let bytes = |shape: &[usize]| shape.iter().try_fold(8, |n: usize, &extent| n.checked_mul(extent));
        let shape = shape.filter(|shape| bytes(shape).is_some()).ok_or_else(|| {
            let problem = format!("an array of shape {:?} is larger than any file", header.shape());
            malformed(name, problem, "check that the file is whole, or split it into smaller ones")
        })?;
        let encoding = encoding(name, &header.dtype())?;
        Ok(Array { name: name.to_owned(), shape, order: header.order(), encoding, header_bytes: counted.bytes })
    }

    /// N and D of an array of samples.
    fn dim(&self) -> Result<(usize, usize)> {
        let remedy = match self.shape.as_slice() {
            &[_, d] if d > MOST_COLUMNS => "check that the file is whole, and that samples are its rows",
            &[n, d] => return Ok((n, d)),
            [_] => {
                "samples are rows: for samples of one feature save x.reshape(-1, 1), for one sample \
                    x.reshape(1, -1)"
            }
            _ => "samples are rows: save an array of shape [samples, features]",
        };
        let problem = match self.shape.len() {
            2 => format!("the array has shape {:?}, more than {MOST_COLUMNS} columns", self.shape),
            _ => format!("the array has shape {:?}, not two dimensions", self.shape),
        };
        Err(malformed(&self.name, problem, remedy))
    }

    /// Bytes of a row.
    fn row_bytes(&self) -> usize {
        self.shape.iter().skip(1).product::<usize>() * self.encoding.size()
    }

    /// The rows of an array in C order, read from front to back; the first ones were left out.
    fn by_rows(self, mut reader: impl Read + Send + 'static, left_out: usize, selection: &Selection) -> Result<Table> {
        let (n, d) = self.dim()?;
        let picked = selection.find(&self.name, &Fields::nameless(d))?;
        let of_chunks = picked.clone();
        let mut left = n - left_out;
        let read = move |most: usize| -> Result<Chunk> {
            let rows = most.min(left);
            let (numbers, notes) = self.numbers(&mut reader, rows * d, (left - rows) * d)?;
            left -= rows;
            if left == 0 && rows < most {
                self.check_end(&mut reader)?;
            }
            Ok(encoding::chunk(numbers, d, &of_chunks, notes))
        };
        let chunks = Blocks { rows: block_rows(d), read, is_over: false };
        Ok(Table { picked, n_rows: Some(n), left_out, chunks: Box::new(chunks) })
    }

    /// The rows of an array in Fortran order: a block of rows is a stretch of every column.
    fn by_columns(self, file: File, unwanted: usize, selection: &Selection) -> Result<Table> {
        let (n, d) = self.dim()?;
        let picked = selection.find(&self.name, &Fields::nameless(d))?;
        let fail = |source| Error::Read { path: PathBuf::from(&self.name), source };
        let bytes = file.metadata().map_err(fail)?.len().saturating_sub(self.header_bytes);
        let expected = (n * d * self.encoding.size()) as u64;
        if bytes < expected {
            return Err(self.truncated(expected - bytes, expected));
        }
        if bytes > expected {
            return Err(self.goes_on());
        }
        let file = RandomAccessFile::try_new(file).map_err(fail)?;
        let of_chunks = picked.clone();
        let left_out = unwanted.min(n);
        let mut first = left_out;
        let read = move |most: usize| -> Result<Chunk> {
            let rows = most.min(n - first);
            let mut notes = Vec::new();
            let columns = (0..d).map(|column| {
                let is_needed = of_chunks.features.iter().chain(&of_chunks.company).chain(&of_chunks.weights);
                if !is_needed.into_iter().any(|needed| *needed == column) {
                    return Ok(None);
                }
                let offset = self.header_bytes + ((column * n + first) * self.encoding.size()) as u64;
                let mut bytes = vec![0; rows * self.encoding.size()];
                let read = file.read_exact_at(offset, &mut bytes);
                read.map_err(|source| Error::Read { path: PathBuf::from(&self.name), source })?;
                let (numbers, more) = self.numbers(&mut Cursor::new(bytes), rows, 0)?;
                notes.extend(more);
                Ok(Some(numbers))
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            first += rows;
            let numbers = match self.encoding.kind {
                Kind::F16 | Kind::F32 => Numbers::F32(turn(rows, &columns, |numbers, row| match numbers {
                    Numbers::F32(numbers) => numbers[row],
                    Numbers::F64(_) => unreachable!("numbers have the type of their array"),
                })),
                _ => Numbers::F64(turn(rows, &columns, |numbers, row| match numbers {
                    Numbers::F64(numbers) => numbers[row],
                    Numbers::F32(_) => unreachable!("numbers have the type of their array"),
                })),
            };
            Ok(encoding::chunk(numbers, d, &of_chunks, notes))
        };
        let chunks = Blocks { rows: block_rows(d), read, is_over: false };
        Ok(Table { picked, n_rows: Some(n), left_out, chunks: Box::new(chunks) })
    }

    /// The array as one value for each sample: `[N]` or [N, 1].
    pub(super) fn into_vector(self, reader: &mut dyn Read) -> Result<Array1<f64>> {
        let (&[n] | &[n, 1]) = self.shape.as_slice() else {
            let problem = format!("the weights have shape {:?}", self.shape);
            return Err(malformed(self.name, problem, "save one weight for each sample, of shape [samples]"));
        };
        let mut values = Vec::new();
        while values.len() < n {
            let now = (n - values.len()).min(block_rows(1));
            match self.numbers(reader, now, n - values.len() - now)?.0 {
                Numbers::F32(numbers) => values.extend(numbers.into_iter().map(f64::from)),
                Numbers::F64(numbers) => values.extend(numbers),
            }
        }
        self.check_end(reader)?;
        Ok(values.into())
    }

    /// The next n numbers, after which `after` more should follow, and notes about them.
    fn numbers(&self, reader: &mut dyn Read, n: usize, after: usize) -> Result<(Numbers, Vec<Note>)> {
        let found = self.encoding.read(reader, n).map_err(|error| self.fail(error))?;
        let notes = if found.rounded { vec![Note::rounded(&self.name, None)] } else { Vec::new() };
        let size = self.encoding.size();
        match n * size - found.bytes {
            0 => Ok((found.numbers, notes)),
            missing => {
                let total = self.shape.iter().product::<usize>() * size;
                Err(self.truncated((missing + after * size) as u64, total as u64))
            }
        }
    }

    fn truncated(&self, missing: u64, total: u64) -> Error {
        let problem = format!("the file is truncated: {missing} of {total} bytes of data are missing");
        malformed(&self.name, problem, "copy or save it again")
    }

    fn check_end(&self, reader: &mut dyn Read) -> Result<()> {
        match reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.goes_on()),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn goes_on(&self) -> Error {
        malformed(
            &self.name,
            "the file goes on after the last value of its array",
            "save one array in each file, with numpy.save",
        )
    }

    fn fail(&self, source: io::Error) -> Error {
        Error::Read { path: PathBuf::from(&self.name), source }
    }
}

/// Columns, of which some are not needed, as rows.
fn turn<T: Copy + Default>(n: usize, columns: &[Option<Numbers>], of: impl Fn(&Numbers, usize) -> T) -> Vec<T> {
    let mut rows = Array2::default((n, columns.len()));
    for (mut to, from) in rows.columns_mut().into_iter().zip(columns) {
        if let Some(from) = from {
            to.iter_mut().enumerate().for_each(|(row, to)| *to = of(from, row));
        }
    }
    rows.into_raw_vec_and_offset().0
}

fn encoding(name: &str, dtype: &DType) -> Result<Encoding> {
    let unreadable = || {
        let problem = format!("values of type {} cannot be read", dtype.descr());
        let remedy = match dtype {
            DType::Plain(_) => "save real numbers: numpy.save(file, x.astype(numpy.float64))",
            _ => "save an array of one type: numpy.lib.recfunctions.structured_to_unstructured(x)",
        };
        malformed(name, problem, remedy)
    };
    let DType::Plain(plain) = dtype else { return Err(unreadable()) };
    let kind = match (plain.type_char(), plain.size_field()) {
        (TypeChar::Float, 2) => Kind::F16,
        (TypeChar::Float, 4) => Kind::F32,
        (TypeChar::Float, 8) => Kind::F64,
        (TypeChar::Int, 1) => Kind::I8,
        (TypeChar::Int, 2) => Kind::I16,
        (TypeChar::Int, 4) => Kind::I32,
        (TypeChar::Int, 8) => Kind::I64,
        (TypeChar::Uint, 1) | (TypeChar::Bool, 1) => Kind::U8,
        (TypeChar::Uint, 2) => Kind::U16,
        (TypeChar::Uint, 4) => Kind::U32,
        (TypeChar::Uint, 8) => Kind::U64,
        _ => return Err(unreadable()),
    };
    Ok(Encoding { kind, big_endian: plain.endianness() == Endianness::Big })
}

/// Counts the bytes that are read.
struct Counted<'a> {
    reader: &'a mut dyn Read,
    bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.bytes += n as u64;
        Ok(n)
    }
}
