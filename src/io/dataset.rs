//! A table read from a file: checked samples, and where each of them came from.

use std::path::Path;

use ndarray::{Array1, Axis};

use super::columns::{Columns, Selection};
use super::lines::Lines;
use super::npy::NpyArray;
use super::source::{Format, Source};
use super::{malformed, text};
use crate::error::{Error, Result};
use crate::points::{Points, Samples};

/// Samples from a file, which remember their file, columns and lines, so that errors about them can name the place.
#[derive(Debug, Clone)]
pub struct Dataset {
    points: Points<'static>,
    data: Origin,
    weights: Option<Origin>,
}

/// Where values came from.
#[derive(Debug, Clone)]
struct Origin {
    file: String,
    /// Column of the file for each feature.
    columns: Vec<usize>,
    /// Line of each row, in text files.
    lines: Option<Lines>,
}

/// What a file gave, before the values are checked.
struct Unchecked {
    samples: Samples<'static>,
    weights: Option<Array1<f64>>,
    names: Option<Vec<String>>,
    origin: Origin,
}

impl Dataset {
    /// Reads a .npy, .csv or .tsv file, or standard input for `-`.
    ///
    /// A .npy file may hold f32 or f64 in either memory order, which are kept as they are; integers and truth values
    /// become f64. In a text file the first row is a header if a cell of a selected column is text there.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Malformed`] which names the file, and the line or row, and the column.
    pub fn read(path: &Path, selection: &Selection) -> Result<Self> {
        let Unchecked { samples, weights, names, origin } = read_table(path, selection)?;
        let (weights, weights_origin) = match (&selection.weights, weights) {
            (Some(file), None) => {
                let (weights, origin) = read_weights(Path::new(file))?;
                (Some(weights), Some(origin))
            }
            (_, weights) => (weights, None),
        };
        let locate = |error| locate(error, &origin, weights_origin.as_ref());
        let mut points = match names {
            Some(names) => Points::with_names(samples, names),
            None => Points::new(samples),
        }
        .map_err(locate)?;
        if let Some(weights) = weights {
            points = points.with_weights(weights).map_err(locate)?;
        }
        Ok(Dataset { points, data: origin, weights: weights_origin })
    }

    /// The samples.
    pub fn points(&self) -> &Points<'static> {
        &self.points
    }

    /// The same error with the file, and for text files the line, in front of an error about these samples.
    pub fn locate(&self, error: Error) -> Error {
        locate(error, &self.data, self.weights.as_ref())
    }

    /// Checks that a model has as many features as the data.
    ///
    /// # Errors
    /// The file, with what [`Error::FeatureCount`] says.
    pub fn check_features(&self, expected: usize) -> Result<()> {
        match self.points.n_features() {
            found if found == expected => Ok(()),
            found => Err(self.locate(Error::FeatureCount { expected, found })),
        }
    }

    /// Checks that columns with the names of a model's features are where the model has them.
    ///
    /// # Errors
    /// [`Error::Malformed`] names the first column that is not.
    pub fn check_order(&self, model_names: &[String]) -> Result<()> {
        let names = self.points.feature_names().unwrap_or_default();
        if names.len() != model_names.len() {
            return Ok(());
        }
        for (i, name) in names.iter().enumerate() {
            if let Some(place) = model_names.iter().position(|other| other == name)
                && place != i
            {
                let problem = format!("column '{name}' is feature {i} here, and feature {place} of the model");
                let remedy = format!("choose the columns in the model's order: --columns {}", model_names.join(","));
                return Err(malformed(&self.data.file, problem, remedy));
            }
        }
        Ok(())
    }
}

fn read_table(path: &Path, selection: &Selection) -> Result<Unchecked> {
    let source = Source::open(path)?;
    let file = source.name.clone();
    match source.format {
        Format::Npy => {
            let samples = NpyArray::read(source)?.into_samples()?;
            let n_columns = match &samples {
                Samples::F32(values) => values.ncols(),
                Samples::F64(values) => values.ncols(),
            };
            let picked = selection.find(&file, None, n_columns)?;
            let weights = picked.weights.map(|column| match &samples {
                Samples::F32(values) => values.column(column).mapv(f64::from),
                Samples::F64(values) => values.column(column).to_owned(),
            });
            let samples = match samples {
                all if picked.features.iter().copied().eq(0..n_columns) => all,
                Samples::F32(values) => values.select(Axis(1), &picked.features).into(),
                Samples::F64(values) => values.select(Axis(1), &picked.features).into(),
            };
            let origin = Origin { file, columns: picked.features, lines: None };
            Ok(Unchecked { samples, weights, names: None, origin })
        }
        Format::Text { delimiter } => {
            let table = text::read(source, delimiter, selection)?;
            let columns = table.picked.features;
            let names = table.header.map(|names| columns.iter().map(|&column| names[column].clone()).collect());
            let origin = Origin { file, columns, lines: Some(table.lines) };
            Ok(Unchecked { samples: table.values.into(), weights: table.weights, names, origin })
        }
    }
}

fn read_weights(path: &Path) -> Result<(Array1<f64>, Origin)> {
    let source = Source::open(path)?;
    let file = source.name.clone();
    let (weights, lines) = match source.format {
        Format::Npy => (NpyArray::read(source)?.into_vector()?, None),
        Format::Text { delimiter } => {
            let table = text::read(source, delimiter, &Selection { columns: Columns::All, weights: None })?;
            if table.values.ncols() != 1 {
                let problem = format!("the weights have {} columns", table.values.ncols());
                return Err(malformed(file, problem, "give one weight on each line"));
            }
            (table.values.remove_axis(Axis(1)), Some(table.lines))
        }
    };
    Ok((weights, Origin { file, columns: vec![0], lines }))
}

/// Puts the file and line in front of what an error about samples or weights says.
fn locate(mut error: Error, data: &Origin, weights: Option<&Origin>) -> Error {
    let (origin, row) = match &mut error {
        Error::NonFinite { row, feature, .. }
        | Error::TooLarge { row, feature, .. }
        | Error::TooWideForSinglePrecision { row, feature, .. } => {
            feature.index = data.columns[feature.index];
            (data, Some(*row))
        }
        Error::EmptyData { .. } | Error::TooFewSamples { .. } | Error::FeatureCount { .. } => (data, None),
        Error::BadWeight { row, .. } => (weights.unwrap_or(data), Some(*row)),
        Error::WeightCount { .. } | Error::WeightSum { .. } => (weights.unwrap_or(data), None),
        _ => return error,
    };
    let line = row.and_then(|row| origin.lines.as_ref()?.line(row));
    let place = line.map_or(origin.file.clone(), |line| format!("{}:{line}", origin.file));
    let message = error.to_string();
    let (problem, remedy) = message.split_once('\n').unwrap_or((&message, ""));
    malformed(place, problem, remedy)
}
