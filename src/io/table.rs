//! Tables out: rows streamed to a file, so that a result never has to be in memory as a whole.

use std::fmt::Debug;
use std::io::{self, Write};
use std::path::Path;

use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type, Int64Type};
use npyz::{DType, WriteOptions, WriterBuilder};

use super::batches::BatchWriter;
use super::output::{Destination, Output};
use crate::error::{Error, Result};

/// A value that a table can hold: f64, f32 or i64.
pub trait Cell: Debug + Copy {
    /// The type as a .npy header declares it.
    const NPY_TYPE: &'static str;

    /// The type in Parquet and Arrow files.
    type Arrow: ArrowPrimitiveType<Native = Self>;

    /// Writes the bytes of the value, the lowest first.
    ///
    /// # Errors
    /// What the writer reports.
    fn write_bytes(self, writer: &mut impl Write) -> io::Result<()>;
}

macro_rules! cell {
    ($($number:ident $npy:literal $arrow:ident),*) => {$(
        impl Cell for $number {
            const NPY_TYPE: &'static str = $npy;

            type Arrow = $arrow;

            fn write_bytes(self, writer: &mut impl Write) -> io::Result<()> {
                writer.write_all(&self.to_le_bytes())
            }
        }
    )*};
}
cell!(f64 "<f8" Float64Type, f32 "<f4" Float32Type, i64 "<i8" Int64Type);

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// A NumPy array.
    Npy,
    /// Comma-separated values below a header.
    Csv,
    /// Tab-separated values below a header.
    Tsv,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC file, also known as Feather.
    Arrow,
    /// Numbers and nothing else, little-endian.
    Raw,
    /// Comma-separated values alone.
    Lines,
}

impl TableFormat {
    /// The format that a file's extension names.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for other extensions.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("npy") => Ok(TableFormat::Npy),
            Some("csv") => Ok(TableFormat::Csv),
            Some("tsv") => Ok(TableFormat::Tsv),
            Some("parquet" | "pq") => Ok(TableFormat::Parquet),
            Some("arrow" | "feather" | "ipc") => Ok(TableFormat::Arrow),
            _ => Err(Error::InvalidOption {
                name: "the output file",
                value: path.display().to_string(),
                expected: "a file that ends in .npy, .csv, .tsv, .parquet, .arrow or .feather",
            }),
        }
    }
}

/// Writes a table of known shape, some rows at a time.
pub struct TableWriter<T: Cell>(Sink<T>);

enum Sink<T: Cell> {
    /// The bytes of the numbers.
    Bytes(Output),
    /// Numbers as text, with what separates columns, and their number.
    Text(Output, char, usize),
    Batches(BatchWriter<T>),
}

impl<T: Cell> TableWriter<T> {
    /// Starts a table of shape `[n]` or `[n, columns]`; the header is for formats that have names.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn create(to: &Destination, format: TableFormat, shape: &[usize], header: &[String]) -> Result<Self> {
        let mut output = to.create()?;
        let columns = shape.get(1).copied().unwrap_or(1);
        let text = |mut output: Output, separator: char| -> Result<Sink<T>> {
            // Names may hold separators and quotes, so the csv crate writes them.
            let mut names = csv::WriterBuilder::new().delimiter(separator as u8).from_writer(&mut output);
            let written = names.write_record(header).map_err(io::Error::from).and_then(|()| names.flush());
            drop(names);
            written.map_err(|error| output.fail(error))?;
            Ok(Sink::Text(output, separator, columns))
        };
        Ok(TableWriter(match format {
            TableFormat::Npy => {
                let shape: Vec<u64> = shape.iter().map(|&extent| extent as u64).collect();
                let dtype = DType::new_scalar(T::NPY_TYPE.parse().expect("a type of NumPy"));
                let header = WriteOptions::new_header_only().dtype(dtype).shape(&shape);
                let written = header.writer(&mut output).write_header_only().map(drop);
                written.map_err(|error| output.fail(error))?;
                Sink::Bytes(output)
            }
            TableFormat::Raw => Sink::Bytes(output),
            TableFormat::Csv => text(output, ',')?,
            TableFormat::Tsv => text(output, '\t')?,
            TableFormat::Lines => Sink::Text(output, ',', columns),
            TableFormat::Parquet => Sink::Batches(BatchWriter::parquet(output, header)?),
            TableFormat::Arrow => Sink::Batches(BatchWriter::arrow(output, header)?),
        }))
    }

    /// Writes whole rows, given in row-major order.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_rows(&mut self, values: impl IntoIterator<Item = T>) -> Result<()> {
        let mut values = values.into_iter();
        match &mut self.0 {
            Sink::Bytes(output) => {
                values.try_for_each(|value| value.write_bytes(output)).map_err(|error| output.fail(error))
            }
            Sink::Text(output, separator, columns) => {
                let mut write = |(i, value): (usize, T)| {
                    let end = if (i + 1).is_multiple_of(*columns) { '\n' } else { *separator };
                    // A float's debug form is the shortest that reads back as the same, with an exponent where it is
                    // long.
                    write!(output, "{value:?}{end}")
                };
                values.enumerate().try_for_each(&mut write).map_err(|error| output.fail(error))
            }
            Sink::Batches(batches) => batches.write_rows(values),
        }
    }

    /// Puts the complete table in its place.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(self) -> Result<()> {
        match self.0 {
            Sink::Bytes(output) | Sink::Text(output, ..) => output.finish(),
            Sink::Batches(batches) => batches.finish(),
        }
    }
}
