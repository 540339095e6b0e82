//! Files of nothing but little-endian numbers, row after row.

use ndarray::Array2;

use super::chunks::Table;
use super::columns::Selection;
use super::source::Source;
use super::{malformed, npy};
use crate::backend::Precision;
use crate::error::{Error, Result};
use crate::points::Samples;

/// Reads all rows; the selection says how many numbers a row has.
pub(super) fn open(source: Source, precision: Precision, selection: &Selection) -> Result<Table> {
    let Source { name, mut reader, .. } = source;
    let Some(d) = selection.dims else {
        let problem = "a file of raw numbers does not say how many columns it has";
        return Err(malformed(name, problem, "give their number: --dims"));
    };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|source| Error::Read { path: name.clone().into(), source })?;
    let size = match precision {
        Precision::Single => size_of::<f32>(),
        Precision::Double => size_of::<f64>(),
    };
    if bytes.len() % (d * size) != 0 {
        let problem = format!("{} bytes are not whole rows of {d} {} numbers", bytes.len(), precision.name());
        return Err(malformed(name, problem, "check --dims and the extension, .f32 or .f64, or copy the file again"));
    }
    let n = bytes.len() / (d * size);
    let samples: Samples = match precision {
        Precision::Single => {
            let values = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            Array2::from_shape_vec((n, d), values).expect("whole rows").into()
        }
        Precision::Double => {
            let values = bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            Array2::from_shape_vec((n, d), values).expect("whole rows").into()
        }
    };
    npy::table(&name, samples, selection)
}
