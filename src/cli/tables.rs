//! Tables that commands write, chunk by chunk.

use std::ops::Range;
use std::path::Path;

use mixtura::Points;
use mixtura::data::Samples;
use mixtura::io::{Block, Column, Destination, Dimensions, TableFormat, TableWriter};
use ndarray::s;

/// A table whose columns become known with its first rows.
pub(crate) struct Table {
    to: Destination,
    format: TableFormat,
    dimensions: Dimensions,
    writer: Option<(Vec<Column>, TableWriter)>,
}

impl Table {
    /// Checks that it can be written: to a file, or as lines on standard output.
    pub(crate) fn new(out: Option<&Path>, dimensions: Dimensions) -> mixtura::Result<Self> {
        let (to, format) = match out {
            Some(path) => {
                let format = TableFormat::of(path)?;
                (Destination::new(path)?, format)
            }
            None => (Destination::standard_output(), TableFormat::Lines),
        };
        Ok(Table { to, format, dimensions, writer: None })
    }

    /// Writes rows.
    pub(crate) fn write(&mut self, columns: &[Column], blocks: &[Block]) -> mixtura::Result<()> {
        let (begun, writer) = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let writer = TableWriter::create(&self.to, self.format, columns, self.dimensions)?;
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
        writer.write(blocks)
    }

    /// Puts the complete table in its place.
    pub(crate) fn finish(self) -> mixtura::Result<()> {
        self.writer.map_or(Ok(()), |(_, writer)| writer.finish())
    }
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
