//! A table read from a file: checked samples, and where each of them came from.

use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, Axis, CowArray, Ix2, s};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::chunks::{Chunk, Table};
use super::columns::Selection;
use super::files::files;
use super::lines::Lines;
use super::malformed;
use super::npy::NpyArray;
use super::source::{Format, Source};
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
#[derive(Debug, Clone, Default)]
struct Origin {
    parts: Vec<Part>,
    /// The rows that were chosen among all; `None` where all were, or the first ones.
    chosen: Option<Vec<usize>>,
}

/// What came from one file.
#[derive(Debug, Clone)]
struct Part {
    file: String,
    /// Its first row, among the rows of all files.
    first_row: usize,
    /// Column of the file for each feature.
    columns: Vec<usize>,
    /// Line of each row, in text files.
    lines: Option<Lines>,
}

/// What files gave, before the values are checked.
struct Unchecked {
    samples: Samples<'static>,
    weights: Option<Array1<f64>>,
    names: Option<Vec<String>>,
    origin: Origin,
    /// Rows read, of which the samples were chosen.
    seen: usize,
}

impl Dataset {
    /// Reads a file, or standard input for `-`.
    ///
    /// The format is told by the extension, or by how the file begins: NumPy's .npy and .npz, Parquet, Arrow IPC
    /// (Feather), .csv and .tsv, or raw little-endian .f32 and .f64; all of them plain or compressed by gzip or Zstandard.
    /// f32 stays f32; all other numbers become f64. In a text file the first row is a header if a cell of a selected
    /// column is text there.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Malformed`] which names the file, and the line or row, and the column.
    pub fn read(path: &Path, selection: &Selection) -> Result<Self> {
        Self::read_all(&[path.to_owned()], selection)
    }

    /// Reads several files as one data set, in this order. A directory stands for the tables in it, by name; a pattern,
    /// such as `part-*.parquet`, for the files that match. All must have the columns of the first.
    ///
    /// # Errors
    /// As [`Dataset::read`].
    pub fn read_all(paths: &[PathBuf], selection: &Selection) -> Result<Self> {
        let Unchecked { samples, weights, names, origin, seen } = read_tables(&files(paths)?, selection)?;
        let (weights, weights_origin) = match (&selection.weights, weights) {
            (Some(file), None) => {
                let (weights, weights_origin) = read_weights(Path::new(file))?;
                let weights = of_rows(weights, seen, selection, origin.chosen.as_deref())
                    .map_err(|error| locate(error, &origin, Some(&weights_origin)))?;
                (Some(weights), Some(weights_origin))
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
                return Err(malformed(&self.data.parts[0].file, problem, remedy));
            }
        }
        Ok(())
    }
}

fn read_tables(files: &[PathBuf], selection: &Selection) -> Result<Unchecked> {
    let mut rows = Rows::new(selection);
    let mut origin = Origin::default();
    let mut names = None;
    for file in files {
        if rows.is_full() {
            break;
        }
        let source = Source::open(file)?;
        let name = source.name.clone();
        let table = Table::open(source, selection)?;
        match origin.parts.first() {
            None => names = table.names,
            Some(first) => check_alike(&name, (&table.columns, &table.names), &first.file, (&first.columns, &names))?,
        }
        let mut part = Part { file: name, first_row: rows.seen, columns: table.columns, lines: None };
        for chunk in table.chunks {
            let chunk = chunk?;
            if let Some(lines) = &chunk.lines {
                part.lines.get_or_insert_default().extend(rows.seen - part.first_row, lines);
            }
            rows.add(chunk);
            if rows.is_full() {
                break;
            }
        }
        origin.parts.push(part);
    }
    origin.chosen = rows.chosen;
    let d = origin.parts.first().map_or(0, |part| part.columns.len());
    let (samples, weights) = (rows.values.into_samples(d), rows.weights.map(Array1::from));
    Ok(Unchecked { samples, weights, names, origin, seen: rows.seen })
}

/// Checks that a file has the features of the first.
fn check_alike(
    file: &str,
    (columns, names): (&[usize], &Option<Vec<String>>),
    first: &str,
    (first_columns, first_names): (&[usize], &Option<Vec<String>>),
) -> Result<()> {
    let differs = |problem: String| {
        Err(malformed(file, problem, "give files with the same columns, or choose them by name (--columns)"))
    };
    if columns.len() != first_columns.len() {
        return differs(format!("{} columns, and {first} has {}", columns.len(), first_columns.len()));
    }
    let (Some(names), Some(first_names)) = (names, first_names) else { return Ok(()) };
    match names.iter().zip(first_names).position(|(name, first)| name != first) {
        Some(i) => differs(format!("feature {i} is '{}', and in {first} it is '{}'", names[i], first_names[i])),
        None => Ok(()),
    }
}

/// Rows as they come in.
struct Rows {
    /// How many came in.
    seen: usize,
    /// How many may.
    most: usize,
    /// The share of them that is kept, and what chooses them.
    share: Option<(f64, Pcg64)>,
    chosen: Option<Vec<usize>>,
    values: Values,
    weights: Option<Vec<f64>>,
}

/// Values in the precision they came in; in f64 as soon as there are any of it.
#[derive(Default)]
enum Values {
    #[default]
    None,
    /// One chunk, as it came.
    Whole(Samples<'static>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Rows {
    fn new(selection: &Selection) -> Self {
        let share = selection.sample.map(|share| (share, Pcg64::seed_from_u64(selection.seed)));
        Rows {
            seen: 0,
            most: selection.head.unwrap_or(usize::MAX),
            chosen: share.is_some().then(Vec::new),
            share,
            values: Values::None,
            weights: None,
        }
    }

    fn is_full(&self) -> bool {
        self.seen >= self.most
    }

    fn add(&mut self, chunk: Chunk) {
        let Chunk { mut samples, mut weights, .. } = chunk;
        let n = samples.dim().0.min(self.most - self.seen);
        let kept: Option<Vec<usize>> = match &mut self.share {
            Some((share, random)) => Some((0..n).filter(|_| random.random::<f64>() < *share).collect()),
            None => (n < samples.dim().0).then(|| (0..n).collect()),
        };
        if let Some(kept) = kept {
            samples = match samples {
                Samples::F32(values) => values.select(Axis(0), &kept).into(),
                Samples::F64(values) => values.select(Axis(0), &kept).into(),
            };
            weights = weights.map(|weights| weights.select(Axis(0), &kept));
            if let Some(chosen) = &mut self.chosen {
                chosen.extend(kept.into_iter().map(|row| self.seen + row));
            }
        }
        self.seen += n;
        self.values.add(samples);
        if let Some(more) = weights {
            self.weights.get_or_insert_default().extend(more);
        }
    }
}

impl Values {
    fn add(&mut self, more: Samples<'static>) {
        *self = match (std::mem::take(self), more) {
            (Values::None, more) => Values::Whole(more),
            (Values::Whole(Samples::F32(first)), more) => {
                let mut all = Values::F32(in_rows(first));
                all.add(more);
                all
            }
            (Values::Whole(Samples::F64(first)), more) => {
                let mut all = Values::F64(in_rows(first));
                all.add(more);
                all
            }
            (Values::F32(mut all), Samples::F32(more)) => {
                all.extend_from_slice(&in_rows(more));
                Values::F32(all)
            }
            (Values::F32(all), Samples::F64(more)) => {
                Values::F64(all.into_iter().map(f64::from).chain(more.iter().copied()).collect())
            }
            (Values::F64(mut all), Samples::F64(more)) => {
                all.extend_from_slice(&in_rows(more));
                Values::F64(all)
            }
            (Values::F64(mut all), Samples::F32(more)) => {
                all.extend(more.iter().map(|x| f64::from(*x)));
                Values::F64(all)
            }
        };
    }

    fn into_samples(self, d: usize) -> Samples<'static> {
        let fit = "every row has a value for each feature";
        let n = |values: usize| values.checked_div(d).unwrap_or(0);
        match self {
            Values::None => Array2::<f64>::zeros((0, d)).into(),
            Values::Whole(samples) => samples,
            Values::F32(values) => Array2::from_shape_vec((n(values.len()), d), values).expect(fit).into(),
            Values::F64(values) => Array2::from_shape_vec((n(values.len()), d), values).expect(fit).into(),
        }
    }
}

/// The values row by row.
fn in_rows<T: Clone>(values: CowArray<'static, T, Ix2>) -> Vec<T> {
    match values.is_standard_layout() {
        true => values.into_owned().into_raw_vec_and_offset().0,
        false => values.iter().cloned().collect(),
    }
}

/// The weights of the samples, from those of all rows.
fn of_rows(weights: Array1<f64>, seen: usize, selection: &Selection, chosen: Option<&[usize]>) -> Result<Array1<f64>> {
    // Rows behind the first ones were not counted.
    if weights.len() < seen || weights.len() > seen && selection.head.is_none() {
        return Err(Error::WeightCount { expected: seen, found: weights.len() });
    }
    Ok(match chosen {
        Some(rows) => weights.select(Axis(0), rows),
        None => weights.slice_move(s![..seen]),
    })
}

fn read_weights(path: &Path) -> Result<(Array1<f64>, Origin)> {
    let source = Source::open(path)?;
    if source.format == Format::Npy {
        // Also of one dimension, which samples are not.
        let Source { name, mut reader, .. } = source;
        let weights = NpyArray::read(&name, &mut *reader)?.into_vector()?;
        let part = Part { file: name, first_row: 0, columns: vec![0], lines: None };
        return Ok((weights, Origin { parts: vec![part], chosen: None }));
    }
    let Unchecked { samples, origin, .. } = read_tables(&[path.to_owned()], &Selection::default())?;
    let n_columns = samples.dim().1;
    if n_columns != 1 {
        let problem = format!("the weights have {n_columns} columns");
        return Err(malformed(path.display().to_string(), problem, "give one weight for each sample, in one column"));
    }
    let weights = match samples {
        Samples::F32(values) => values.column(0).mapv(f64::from),
        Samples::F64(values) => values.column(0).to_owned(),
    };
    Ok((weights, origin))
}

/// Puts the file and line in front of what an error about samples or weights says.
fn locate(mut error: Error, data: &Origin, weights: Option<&Origin>) -> Error {
    let (origin, row, feature) = match &mut error {
        Error::NonFinite { row, feature, .. }
        | Error::TooLarge { row, feature, .. }
        | Error::TooWideForSinglePrecision { row, feature, .. } => (data, Some(row), Some(feature)),
        Error::EmptyData { .. } | Error::TooFewSamples { .. } | Error::FeatureCount { .. } => (data, None, None),
        Error::BadWeight { row, .. } => (weights.unwrap_or(data), Some(row), None),
        Error::WeightCount { .. } | Error::WeightSum { .. } => (weights.unwrap_or(data), None, None),
        _ => return error,
    };
    let place = match row {
        Some(row) => {
            let of_all = data.chosen.as_ref().map_or(*row, |chosen| chosen[*row]);
            let part = &origin.parts[origin.parts.partition_point(|part| part.first_row <= of_all) - 1];
            *row = of_all - part.first_row;
            if let Some(feature) = feature {
                feature.index = part.columns[feature.index];
            }
            match part.lines.as_ref().and_then(|lines| lines.line(*row)) {
                Some(line) => format!("{}:{line}", part.file),
                None => part.file.clone(),
            }
        }
        None => match origin.parts.as_slice() {
            [] => "no file".to_owned(),
            [only] => only.file.clone(),
            [first, _] => format!("{} and 1 more file", first.file),
            [first, more @ ..] => format!("{} and {} more files", first.file, more.len()),
        },
    };
    let message = error.to_string();
    let (problem, remedy) = message.split_once('\n').unwrap_or((&message, ""));
    malformed(place, problem, remedy)
}
