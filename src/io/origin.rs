//! Where the rows of a data set came from, so that errors about them can name the place.

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::columns::Selection;
use super::lines::Lines;
use super::malformed;
use crate::advice::{Advice, Term};
use crate::error::{Error, Feature, Result};

/// Which rows are used: a share of the first ones. The choice is made anew in every pass, and is always the same.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    left: usize,
    share: Option<(f64, Pcg64)>,
    /// Whether the rows are used that the share leaves.
    rest: bool,
}

impl Choice {
    pub(super) fn new(selection: &Selection) -> Self {
        let share = selection.sample.map(|share| (share, Pcg64::seed_from_u64(selection.seed)));
        Choice { left: selection.head.unwrap_or(usize::MAX), share, rest: selection.rest }
    }

    /// Whether no more rows will be used.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// How many of n rows are among the first ones.
    pub(super) fn at_most(&self, n: usize) -> usize {
        n.min(self.left)
    }

    /// Of the n rows that follow, how many are among the first ones, and which of these are used; `None` for all.
    pub(super) fn next(&mut self, n: usize) -> (usize, Option<Vec<usize>>) {
        let first = n.min(self.left);
        self.left -= first;
        let rest = self.rest;
        let kept = self.share.as_mut().map(|(share, random)| {
            (0..first).filter(|_| (random.random::<f64>() < *share) != rest).collect::<Vec<usize>>()
        });
        (first, kept.or_else(|| (first < n).then(|| (0..first).collect())))
    }

    /// Passes over the rows before a stretch of them, after which no more will be used.
    pub(super) fn skip_to(&mut self, stretch: &Range<usize>) {
        self.next(stretch.start);
        self.left = self.left.min(stretch.len());
    }

    /// Of n rows, how many are used, and which; `None` for the first ones.
    pub(super) fn of_rows(mut self, n: usize) -> (usize, Option<Vec<usize>>) {
        let (first, kept) = self.next(n);
        match self.share {
            None => (first, None),
            Some(_) => (kept.as_ref().map_or(first, Vec::len), kept),
        }
    }

    /// The number, among all rows, of the one that is used as the given one.
    fn row(mut self, used: usize) -> usize {
        match &mut self.share {
            None => used,
            Some((share, random)) => {
                let mut kept = (0..).filter(|_: &usize| (random.random::<f64>() < *share) != self.rest);
                kept.nth(used).unwrap_or(used)
            }
        }
    }
}

/// Where values came from.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub(super) parts: Vec<Part>,
    /// Which rows were used; `None` for all.
    pub(super) choice: Option<Choice>,
}

/// The rows of one file.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) file: String,
    /// Its first row, among the rows of all files.
    pub(super) first_row: usize,
    /// Column of the file for each feature.
    pub(super) columns: Vec<usize>,
    /// Line of each row, in text files.
    pub(super) lines: Option<Lines>,
}

impl Origin {
    /// The file and, in text files, line of a row that is used; row and feature become those of the file.
    fn place(&self, row: &mut usize, feature: Option<&mut Feature>) -> String {
        *row = self.choice.clone().map_or(*row, |choice| choice.row(*row));
        self.place_among_all(row, feature)
    }

    /// The same of a row by its number among all.
    fn place_among_all(&self, row: &mut usize, feature: Option<&mut Feature>) -> String {
        let of_all = *row;
        let Some(part) = self.parts[..self.parts.partition_point(|part| part.first_row <= of_all)].last() else {
            return self.files();
        };
        *row = of_all - part.first_row;
        if let Some(feature) = feature {
            feature.index = part.columns[feature.index];
        }
        match part.lines.as_ref().and_then(|lines| lines.line(*row)) {
            Some(line) => format!("{}:{line}", part.file),
            None => part.file.clone(),
        }
    }

    /// Checks that a model has as many features as the data.
    pub(super) fn check_features(&self, found: usize, expected: usize) -> Result<()> {
        match found == expected {
            true => Ok(()),
            false => Err(locate(Error::FeatureCount { expected, found }, self, None)),
        }
    }

    /// Checks that columns with the names of a model's features are where the model has them.
    pub(super) fn check_order(&self, names: &[String], model_names: &[String]) -> Result<()> {
        if names.len() != model_names.len() {
            return Ok(());
        }
        for (i, name) in names.iter().enumerate() {
            if let Some(place) = model_names.iter().position(|other| other == name)
                && place != i
            {
                let problem = format!("column '{name}' is feature {i} here, and feature {place} of the model");
                let remedy = Advice::from("choose the columns in the model's order: ")
                    + Term::ColumnsNamed(model_names.to_vec());
                return Err(malformed(self.files(), problem, remedy));
            }
        }
        Ok(())
    }

    /// The files, in a few words.
    pub(super) fn files(&self) -> String {
        match self.parts.as_slice() {
            [] => "no file".to_owned(),
            [only] => only.file.clone(),
            [first, _] => format!("{} and 1 more file", first.file),
            [first, more @ ..] => format!("{} and {} more files", first.file, more.len()),
        }
    }
}

/// What is wrong with a value, with its place in front; the row is the one of that number among all.
pub(super) fn locate_value(data: &Origin, mut row: usize, mut feature: Feature, value: f64) -> Error {
    let place = data.place_among_all(&mut row, Some(&mut feature));
    malformed(place, format!("row {row}, {feature} is {value:?}"), "fill in or remove such rows")
}

/// Puts the file and line in front of what an error about samples or weights says. Weights may have a file of their
/// own.
pub(super) fn locate(mut error: Error, data: &Origin, weights: Option<&Origin>) -> Error {
    let place = match &mut error {
        Error::NonFinite { row, feature, .. }
        | Error::TooLarge { row, feature, .. }
        | Error::TooWideForSinglePrecision { row, feature, .. } => data.place(row, Some(feature)),
        Error::BadWeight { row, .. } => match weights {
            // They were chosen as the samples were.
            Some(weights) => Origin { choice: data.choice.clone(), ..weights.clone() }.place(row, None),
            None => data.place(row, None),
        },
        Error::EmptyData { .. } | Error::TooFewSamples { .. } | Error::FeatureCount { .. } => data.files(),
        Error::WeightCount { .. } | Error::WeightSum { .. } => weights.unwrap_or(data).files(),
        _ => return error,
    };
    malformed(place, error.problem(), error.remedy())
}
