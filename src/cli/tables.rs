//! Tables that commands write, chunk by chunk.

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use mixtura::Points;
use mixtura::data::Samples;
use mixtura::io::{Block, Cells, Column, Company, Compression, Destination, Dimensions, TableFormat, TableWriter};
use ndarray::s;

/// Whether a path stands for standard output.
pub(crate) fn is_standard_output(out: &Path) -> bool {
    out == Path::new("-")
}

/// Where a table is written, and how: to a file, or as lines below a header on standard output.
pub(crate) fn place(out: &Path) -> mixtura::Result<(Destination, TableFormat)> {
    if is_standard_output(out) {
        return Ok((Destination::standard_output(), TableFormat::Csv(Compression::None)));
    }
    let format = TableFormat::of(out)?;
    Ok((Destination::new(out)?, format))
}

/// A table whose columns become known with its first rows.
pub(crate) struct Table {
    to: Destination,
    format: TableFormat,
    dimensions: Dimensions,
    writer: Option<(Vec<Column>, TableWriter)>,
}

impl Table {
    /// Checks that it can be written: to a file, or as lines on standard output, with a header above them where it is
    /// named, or one is wanted.
    pub(crate) fn new(out: Option<&Path>, header: bool, dimensions: Dimensions) -> mixtura::Result<Self> {
        let (to, format) = match out {
            None if !header => (Destination::standard_output(), TableFormat::Lines),
            out => place(out.unwrap_or(Path::new("-")))?,
        };
        Ok(Table { to, format, dimensions, writer: None })
    }

    /// How cells of any type go into it; `None` where numbers alone do.
    pub(crate) fn cells(&self) -> Option<Cells> {
        match self.format {
            format if format.holds_numbers_alone() => None,
            format if format.is_text() => Some(Cells::Written),
            _ => Some(Cells::Typed),
        }
    }

    /// Writes rows, behind their company if they have any.
    pub(crate) fn write(
        &mut self,
        company: Option<&Company>,
        columns: &[Column],
        blocks: &[Block],
    ) -> mixtura::Result<()> {
        let (begun, writer) = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let writer = match company {
                    None => TableWriter::create(&self.to, self.format, columns, self.dimensions)?,
                    Some(company) => {
                        let columns = renamed(columns, company);
                        TableWriter::create_beside(&self.to, self.format, company, &columns)?
                    }
                };
                none.insert((columns.to_vec(), writer))
            }
        };
        if begun != columns {
            return Err(mixtura::Error::Malformed {
                place: self.to.path().display().to_string(),
                problem: "some of the files hold f32 and others f64, and a column has one type".to_owned(),
                remedy: "work on the files of each type alone".into(),
            });
        }
        match company {
            None => writer.write(blocks),
            Some(company) => writer.write_beside(company, blocks),
        }
    }

    /// Hands on what was written up to now.
    pub(crate) fn flush(&mut self) -> mixtura::Result<()> {
        self.writer.as_mut().map_or(Ok(()), |(_, writer)| writer.flush())
    }

    /// Puts the complete table in its place.
    pub(crate) fn finish(self) -> mixtura::Result<()> {
        self.writer.map_or(Ok(()), |(_, writer)| writer.finish())
    }
}

/// Columns whose names are not those of a company: a second label is called label.1.
fn renamed(columns: &[Column], company: &Company) -> Vec<Column> {
    let taken: HashSet<&str> = company.names().collect();
    let free = |column: &Column| {
        let numbered = (1..).map(|i| format!("{}.{i}", column.name));
        let mut names = std::iter::once(column.name.clone()).chain(numbered);
        let name = names.find(|name| !taken.contains(name.as_str())).expect("there are more numbers than columns");
        Column::new(name, column.cell)
    };
    columns.iter().map(free).collect()
}

/// Some rows of samples.
pub(crate) fn block<'a>(points: &'a Points, rows: Range<usize>) -> Block<'a> {
    match points.samples() {
        Samples::F32(values) => values.slice(s![rows, ..]).into(),
        Samples::F64(values) => values.slice(s![rows, ..]).into(),
    }
}

/// The columns of samples.
pub(crate) fn columns(points: &Points) -> Vec<Column> {
    let cell = block(points, 0..0).cell();
    let name = |i: usize| points.feature_names().map_or_else(|| format!("x{i}"), |names| names[i].clone());
    (0..points.n_features()).map(|i| Column::new(name(i), cell)).collect()
}
