//! Tables out: rows streamed to .npy or text, so that a result never has to be in memory as a whole.

use std::fmt::Debug;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::path::Path;

use npyz::{DType, WriteOptions, WriterBuilder};

use super::output::{Destination, Output};
use crate::error::{Error, Result};

/// A value that a table can hold: f64 or i64.
pub trait Cell: Debug + Copy {
    /// The type as a .npy header declares it.
    const NPY_TYPE: &'static str;

    /// Writes the bytes of the value as the .npy header declares them.
    ///
    /// # Errors
    /// What the writer reports.
    fn write_bytes(self, writer: &mut impl Write) -> io::Result<()>;
}

impl Cell for f64 {
    const NPY_TYPE: &'static str = "<f8";

    fn write_bytes(self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.to_le_bytes())
    }
}

impl Cell for i64 {
    const NPY_TYPE: &'static str = "<i8";

    fn write_bytes(self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.to_le_bytes())
    }
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// A NumPy array.
    Npy,
    /// Comma-separated values below a header.
    Csv,
    /// Comma-separated values alone.
    Lines,
}

impl TableFormat {
    /// The format that a file's extension names.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for extensions other than .npy and .csv.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("npy") => Ok(TableFormat::Npy),
            Some("csv") => Ok(TableFormat::Csv),
            _ => Err(Error::InvalidOption {
                name: "the output file",
                value: path.display().to_string(),
                expected: "a file that ends in .npy or .csv",
            }),
        }
    }
}

/// Writes a table of known shape, some rows at a time.
pub struct TableWriter<T> {
    output: Output,
    format: TableFormat,
    columns: usize,
    cell: PhantomData<T>,
}

impl<T: Cell> TableWriter<T> {
    /// Starts a table of shape `[n]` or `[n, columns]`; the header is for .csv.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn create(to: &Destination, format: TableFormat, shape: &[usize], header: &[String]) -> Result<Self> {
        let mut output = to.create()?;
        let written = match format {
            TableFormat::Npy => {
                let shape: Vec<u64> = shape.iter().map(|&extent| extent as u64).collect();
                let dtype = DType::new_scalar(T::NPY_TYPE.parse().expect("a type of NumPy"));
                let header = WriteOptions::new_header_only().dtype(dtype).shape(&shape);
                header.writer(&mut output).write_header_only().map(drop)
            }
            TableFormat::Csv => write_header(&mut output, header),
            TableFormat::Lines => Ok(()),
        };
        written.map_err(|error| output.fail(error))?;
        let columns = shape.get(1).copied().unwrap_or(1);
        Ok(TableWriter { output, format, columns, cell: PhantomData })
    }

    /// Writes whole rows, given in row-major order.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_rows(&mut self, values: impl IntoIterator<Item = T>) -> Result<()> {
        self.try_write(values).map_err(|error| self.output.fail(error))
    }

    fn try_write(&mut self, values: impl IntoIterator<Item = T>) -> io::Result<()> {
        for (i, value) in values.into_iter().enumerate() {
            match self.format {
                TableFormat::Npy => value.write_bytes(&mut self.output)?,
                TableFormat::Csv | TableFormat::Lines => {
                    let end = if (i + 1).is_multiple_of(self.columns) { '\n' } else { ',' };
                    // A float's debug form is the shortest that reads back as the same, with an exponent where it is
                    // long.
                    write!(self.output, "{value:?}{end}")?;
                }
            }
        }
        Ok(())
    }

    /// Puts the complete table in its place.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(self) -> Result<()> {
        self.output.finish()
    }
}

/// Names may hold commas and quotes, so the csv crate writes them.
fn write_header(output: &mut Output, names: &[String]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(names)?;
    writer.flush()
}
