//! Tables out as the bytes of their numbers: NumPy arrays, and files of numbers alone.

use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;

use super::cells::{Block, CellType, Column, Dimensions, each, pieces};
use super::output::Output;
use crate::error::Result;

/// Values put side by side at a time, where they do not lie so already.
const PIECE: usize = 1 << 16;

/// Magic string, version 1.0 and the length of the header.
const PREFIX: usize = 10;

/// The values of a .npy file begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// Digits reserved for the number of rows, as numpy itself reserves them.
const ROWS_DIGITS: usize = 21;

/// Writes numbers of one type.
pub(super) struct NumberWriter {
    output: Output,
    cell: CellType,
    header: Option<Header>,
    rows: u64,
    /// A piece on its way.
    bytes: Vec<u8>,
}

/// Header of a .npy file. Its length does not depend on the number of rows, which is known in the end.
struct Header {
    cell: CellType,
    /// The second extent of the array; `None` for an array of one dimension.
    columns: Option<usize>,
}

impl NumberWriter {
    /// A .npy file, of the type that all columns have, or f64.
    pub(super) fn npy(mut output: Output, columns: &[Column], dimensions: Dimensions) -> Result<Self> {
        let cell = columns.iter().map(|column| column.cell).reduce(CellType::common).unwrap_or(CellType::F64);
        let vector = dimensions == Dimensions::One && columns.len() == 1;
        let header = Header { cell, columns: (!vector).then_some(columns.len()) };
        if output.stream_position().is_err() {
            let problem =
                "a .npy file begins with its number of rows, which is filled in last, and a pipe cannot go back";
            return Err(output.fail(io::Error::new(io::ErrorKind::NotSeekable, problem)));
        }
        output.write_all(&header.bytes(0)).map_err(|error| output.fail(error))?;
        Ok(NumberWriter { output, cell, header: Some(header), rows: 0, bytes: Vec::new() })
    }

    /// A file of numbers of this type and nothing else.
    pub(super) fn raw(output: Output, cell: CellType) -> Self {
        NumberWriter { output, cell, header: None, rows: 0, bytes: Vec::new() }
    }

    /// Writes rows.
    pub(super) fn write(&mut self, blocks: &[Block]) -> Result<()> {
        self.rows += blocks.first().map_or(0, |block| block.dim().0 as u64);
        if let [block] = blocks
            && let Some(bytes) = self.in_place(block)
        {
            return self.output.write_all(bytes).map_err(|error| self.output.fail(error));
        }
        for rows in pieces(blocks, PIECE) {
            self.encode(blocks, rows);
            self.output.write_all(&self.bytes).map_err(|error| self.output.fail(error))?;
        }
        Ok(())
    }

    /// The bytes of a block that lies in memory just as it is written.
    fn in_place<'a>(&self, block: &'a Block) -> Option<&'a [u8]> {
        let as_it_is = cfg!(target_endian = "little") && block.cell() == self.cell;
        as_it_is.then(|| each!(block, values => values.as_slice().map(bytemuck::cast_slice))).flatten()
    }

    /// The bytes of some rows.
    fn encode(&mut self, blocks: &[Block], rows: Range<usize>) {
        self.bytes.clear();
        macro_rules! encode {
            ($number:ty) => {
                for row in rows {
                    for block in blocks {
                        each!(block, values => {
                            let values = values.row(row);
                            values.iter().for_each(|&x| self.bytes.extend_from_slice(&(x as $number).to_le_bytes()));
                        });
                    }
                }
            };
        }
        match self.cell {
            CellType::F32 => encode!(f32),
            CellType::F64 => encode!(f64),
            CellType::I64 => encode!(i64),
        }
    }

    /// Puts the complete table in its place.
    pub(super) fn finish(mut self) -> Result<()> {
        if let Some(header) = &self.header {
            let rewound = self.output.seek(SeekFrom::Start(0));
            let written = rewound.and_then(|_| self.output.write_all(&header.bytes(self.rows)));
            written.map_err(|error| self.output.fail(error))?;
        }
        self.output.finish()
    }
}

impl Header {
    /// The header of an array of `rows` rows: byte for byte that of numpy.save.
    fn bytes(&self, rows: u64) -> Vec<u8> {
        let cell = match self.cell {
            CellType::F32 => "<f4",
            CellType::F64 => "<f8",
            CellType::I64 => "<i8",
        };
        let rows = rows.to_string();
        let shape = match self.columns {
            None => format!("({rows},)"),
            Some(columns) => format!("({rows}, {columns})"),
        };
        let text = format!("{{'descr': '{cell}', 'fortran_order': False, 'shape': {shape}, }}");
        let room = text.len() + ROWS_DIGITS - rows.len();
        // The line feed, and at least one blank.
        let end = (PREFIX + room + 1 + 1).next_multiple_of(ALIGNMENT);
        let width = end - PREFIX - 1;
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        let length = u16::try_from(width + 1).expect("a shape of two extents is short");
        bytes.extend(length.to_le_bytes());
        bytes.extend(format!("{text:width$}\n").bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_one_length_and_end_on_the_alignment() {
        for columns in [None, Some(1), Some(2), Some(10_000_000), Some(usize::MAX)] {
            let header = Header { cell: CellType::F64, columns };
            let lengths = [0, 9, 1_000_000, u64::MAX].map(|rows| header.bytes(rows).len());
            assert!(lengths.iter().all(|&length| length == lengths[0] && length % ALIGNMENT == 0), "{lengths:?}");
        }
        let header = Header { cell: CellType::F32, columns: Some(16) }.bytes(20);
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 16), }";
        assert_eq!(header, [b"\x93NUMPY\x01\x00\x76\x00", format!("{text:117}\n").as_bytes()].concat());
    }
}
