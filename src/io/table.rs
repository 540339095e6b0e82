//! Tables out: rows streamed to a file, so that a result never has to be in memory as a whole.

use std::path::Path;

use super::batches::BatchWriter;
use super::cells::{Block, CellType, Column, Dimensions};
use super::company::Company;
use super::compression::Compression;
use super::delimited::TextWriter;
use super::malformed;
use super::numbers::NumberWriter;
use super::output::Destination;
use crate::device::choice::Precision;
use crate::error::{Error, Result};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableFormat {
    /// A NumPy array.
    Npy,
    /// Comma-separated values below a header.
    Csv(Compression),
    /// Tab-separated values below a header.
    Tsv(Compression),
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC file, also known as Feather.
    Arrow,
    /// Numbers of this precision and nothing else, little-endian.
    Raw(Precision),
    /// Comma-separated values alone.
    Lines,
}

impl TableFormat {
    /// The format that a file's extension names.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for other extensions.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = |path: &Path| path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        let (compression, inner) = match extension(path).as_deref() {
            Some("gz") => (Compression::Gzip, path.with_extension("")),
            Some("zst") => (Compression::Zstandard, path.with_extension("")),
            _ => (Compression::None, path.to_owned()),
        };
        match (extension(&inner).as_deref(), compression) {
            (Some("csv"), compression) => Ok(TableFormat::Csv(compression)),
            (Some("tsv"), compression) => Ok(TableFormat::Tsv(compression)),
            (Some("npy"), Compression::None) => Ok(TableFormat::Npy),
            (Some("parquet" | "pq"), Compression::None) => Ok(TableFormat::Parquet),
            (Some("arrow" | "feather" | "ipc"), Compression::None) => Ok(TableFormat::Arrow),
            (Some("f32"), Compression::None) => Ok(TableFormat::Raw(Precision::Single)),
            (Some("f64"), Compression::None) => Ok(TableFormat::Raw(Precision::Double)),
            _ => Err(Error::InvalidOption {
                name: "the output file",
                value: path.display().to_string(),
                expected: "a file that ends in .npy, .csv, .tsv (or these two with .gz or .zst), .parquet, .arrow, \
                           .feather, .f32 or .f64",
            }),
        }
    }

    /// Whether there are numbers and nothing else in it.
    pub fn holds_numbers_alone(self) -> bool {
        matches!(self, TableFormat::Npy | TableFormat::Raw(_))
    }

    /// Whether it is text.
    pub fn is_text(self) -> bool {
        matches!(self, TableFormat::Csv(_) | TableFormat::Tsv(_) | TableFormat::Lines)
    }
}

/// Writes a table, some rows at a time; how many there will be need not be known.
///
/// ```
/// use mixtura::io::{CellType, Column, Destination, Dimensions, TableFormat, TableWriter};
/// use ndarray::array;
///
/// let directory = tempfile::tempdir()?;
/// let file = directory.path().join("table.csv");
/// let columns = [Column::new("label", CellType::I64), Column::new("density", CellType::F32)];
/// let to = Destination::new(&file)?;
/// let mut writer = TableWriter::create(&to, TableFormat::of(&file)?, &columns, Dimensions::Two)?;
/// writer.write(&[(&array![0_i64, 1]).into(), (&array![0.5_f32, 0.25]).into()])?;
/// writer.write(&[(&array![7_i64]).into(), (&array![0.125_f32]).into()])?;
/// writer.finish()?;
/// assert_eq!(std::fs::read_to_string(&file)?, "label,density\n0,0.5\n1,0.25\n7,0.125\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TableWriter {
    cells: Vec<CellType>,
    sink: Sink,
}

enum Sink {
    Numbers(NumberWriter),
    Text(Box<TextWriter>),
    Batches(BatchWriter),
}

impl TableWriter {
    /// Starts a table. In .npy files columns of several types become f64, in raw files all have the file's precision;
    /// elsewhere each keeps its own.
    ///
    /// # Errors
    /// [`Error::Write`], also for a .npy file on a pipe: its number of rows, known in the end, stands at its start.
    pub fn create(to: &Destination, format: TableFormat, columns: &[Column], dimensions: Dimensions) -> Result<Self> {
        Self::of(to, format, None, columns, dimensions)
    }

    /// Starts a table of columns behind those of the company that the rows are in.
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Malformed`] for .npy and raw files, which hold numbers alone.
    pub fn create_beside(to: &Destination, format: TableFormat, company: &Company, columns: &[Column]) -> Result<Self> {
        Self::of(to, format, Some(company), columns, Dimensions::Two)
    }

    fn of(
        to: &Destination,
        format: TableFormat,
        company: Option<&Company>,
        columns: &[Column],
        dimensions: Dimensions,
    ) -> Result<Self> {
        if company.is_some() && format.holds_numbers_alone() {
            let problem = "columns of any type are to be written, and .npy and raw files hold numbers alone";
            return Err(malformed(to.path().display().to_string(), problem, "write .csv, .tsv, .parquet or .arrow"));
        }
        let of_company = company.into_iter().flat_map(Company::names);
        let names: Vec<&str> = of_company.chain(columns.iter().map(|column| column.name.as_str())).collect();
        let output = to.create()?;
        let sink = match format {
            TableFormat::Npy => Sink::Numbers(NumberWriter::npy(output, columns, dimensions)?),
            TableFormat::Raw(Precision::Single) => Sink::Numbers(NumberWriter::raw(output, CellType::F32)),
            TableFormat::Raw(Precision::Double) => Sink::Numbers(NumberWriter::raw(output, CellType::F64)),
            TableFormat::Csv(compression) => {
                Sink::Text(Box::new(TextWriter::with_header(output, b',', compression, &names)?))
            }
            TableFormat::Tsv(compression) => {
                Sink::Text(Box::new(TextWriter::with_header(output, b'\t', compression, &names)?))
            }
            TableFormat::Lines => Sink::Text(Box::new(TextWriter::create(output, b',', Compression::None)?)),
            TableFormat::Parquet => Sink::Batches(BatchWriter::parquet(output, company, columns)?),
            TableFormat::Arrow => Sink::Batches(BatchWriter::arrow(output, company, columns)?),
        };
        Ok(TableWriter { cells: columns.iter().map(|column| column.cell).collect(), sink })
    }

    /// Writes rows, given as blocks that lie side by side.
    ///
    /// # Errors
    /// [`Error::Write`].
    ///
    /// # Panics
    /// If the blocks have different numbers of rows, or are not the table's columns in number and type.
    pub fn write(&mut self, blocks: &[Block]) -> Result<()> {
        self.write_rows(None, blocks)
    }

    /// Writes rows behind the company that they are in.
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Malformed`] for columns that have no text, in files of text.
    ///
    /// # Panics
    /// As [`TableWriter::write`].
    pub fn write_beside(&mut self, company: &Company, blocks: &[Block]) -> Result<()> {
        self.write_rows(Some(company), blocks)
    }

    /// Hands on what was written up to now, in formats of text.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn flush(&mut self) -> Result<()> {
        match &mut self.sink {
            Sink::Text(writer) => writer.flush(),
            _ => Ok(()),
        }
    }

    fn write_rows(&mut self, company: Option<&Company>, blocks: &[Block]) -> Result<()> {
        let cells = blocks.iter().flat_map(|block| std::iter::repeat_n(block.cell(), block.dim().1));
        assert!(cells.eq(self.cells.iter().copied()), "the blocks are the columns of the table");
        let mut heights = company.map(Company::n_rows).into_iter().chain(blocks.iter().map(|block| block.dim().0));
        let first = heights.next();
        assert!(heights.all(|height| Some(height) == first), "all blocks have the same rows");
        match &mut self.sink {
            Sink::Numbers(writer) => writer.write(blocks),
            Sink::Text(writer) => writer.write(company, blocks),
            Sink::Batches(writer) => writer.write(company, blocks),
        }
    }

    /// Puts the complete table in its place.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(self) -> Result<()> {
        match self.sink {
            Sink::Numbers(writer) => writer.finish(),
            Sink::Text(writer) => writer.finish(),
            Sink::Batches(writer) => writer.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::samples::Samples;
    use crate::io::{Dataset, Selection};
    use ndarray::{Array2, ShapeBuilder, array};

    #[test]
    fn the_extension_names_the_format() {
        let of = |name: &str| TableFormat::of(Path::new(name)).ok();
        assert_eq!(of("x.NPY"), Some(TableFormat::Npy));
        assert_eq!(of("x.csv"), Some(TableFormat::Csv(Compression::None)));
        assert_eq!(of("x.csv.gz"), Some(TableFormat::Csv(Compression::Gzip)));
        assert_eq!(of("a.b/x.tsv.zst"), Some(TableFormat::Tsv(Compression::Zstandard)));
        assert_eq!(of("x.f32"), Some(TableFormat::Raw(Precision::Single)));
        for name in ["x", "x.txt", "x.gz", "x.npy.gz", "x.parquet.zst", "x.csv.gz.gz"] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn blocks_of_any_type_and_layout_lie_side_by_side_in_every_format() {
        let directory = tempfile::tempdir().unwrap();
        let labels = array![3_i64, -1, 7];
        let by_column = Array2::from_shape_vec((3, 2).f(), vec![0.5_f32, 1.5, 2.5, 4.0, 5.0, 6.0]).unwrap();
        let expected = array![[3.0, 0.5, 4.0], [-1.0, 1.5, 5.0], [7.0, 2.5, 6.0], [3.0, 0.5, 4.0], [-1.0, 1.5, 5.0]];
        let columns =
            [Column::new("k", CellType::I64), Column::new("a", CellType::F32), Column::new("b", CellType::F32)];
        for name in ["x.npy", "x.f64", "x.f32", "x.csv", "x.tsv.gz", "x.csv.zst", "x.parquet", "x.feather"] {
            let file = directory.path().join(name);
            let to = Destination::new(&file).unwrap();
            let mut writer =
                TableWriter::create(&to, TableFormat::of(&file).unwrap(), &columns, Dimensions::Two).unwrap();
            writer.write(&[(&labels).into(), (&by_column).into()]).unwrap();
            let some = ndarray::s![..2, ..];
            writer
                .write(&[labels.view().insert_axis(ndarray::Axis(1)).slice(some).into(), by_column.slice(some).into()])
                .unwrap();
            writer.finish().unwrap();
            let data = Dataset::read(&file, &Selection { dims: Some(3), ..Selection::default() }).unwrap();
            let values = match data.points().unwrap().samples() {
                Samples::F32(values) => values.mapv(f64::from),
                Samples::F64(values) => values.to_owned(),
            };
            assert_eq!(values, expected, "{name}");
        }
        let file = std::fs::File::open(directory.path().join("x.feather")).unwrap();
        let schema = arrow_ipc::reader::FileReader::try_new(file, None).unwrap().schema();
        let kinds: Vec<String> = schema.fields().iter().map(|field| field.data_type().to_string()).collect();
        assert_eq!(kinds, ["Int64", "Float32", "Float32"]);
    }

    #[test]
    #[should_panic(expected = "the blocks are the columns of the table")]
    fn blocks_of_another_type_than_their_column_are_a_mistake() {
        let directory = tempfile::tempdir().unwrap();
        let to = Destination::new(&directory.path().join("x.csv")).unwrap();
        let columns = [Column::new("a", CellType::F32)];
        let mut writer = TableWriter::create(&to, TableFormat::Lines, &columns, Dimensions::One).unwrap();
        writer.write(&[(&array![1.0]).into()]).unwrap();
    }
}
