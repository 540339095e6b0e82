//! The rows of a data set, chunk after chunk: files one after another, and of their rows those that are chosen.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ndarray::{Array1, Axis, s};

use super::bad_rows::{BadRows, Found, Tally, bad_value, rows_with_bad_values};
use super::chunks::{Chunk, Chunks, Table};
use super::columns::{Picked, Selection};
use super::company::{Beside, Company};
use super::notes::Notes;
use super::npy::Array;
use super::origin::{Choice, Origin, Part, locate_value};
use super::source::{self, Format, Source};
use super::stretch::Stretch;
use super::{formats, malformed};
use crate::advice::{Advice, Term};
use crate::data::samples::Samples;
use crate::data::source::check_stop;
use crate::error::{Error, Feature, Result};

/// All rows of some files, as they are read.
pub(super) struct Rows {
    files: Vec<PathBuf>,
    /// The next file to open.
    next_file: usize,
    selection: Selection,
    /// Properties that a file shares with those before it.
    part: source::Part,
    choice: Choice,
    /// The file at work: its chunks, and the rows that it has left, where it says so.
    table: Option<(Chunks, Option<usize>)>,
    /// Weights of all rows, where they have a file of their own.
    weights: Option<Arc<Array1<f64>>>,
    /// What goes along with the first samples, to which others are held.
    company: Option<Company>,
    /// Whether a column holds the weights.
    pub(super) has_weights: bool,
    /// Names of the features, if columns have names.
    pub(super) names: Option<Vec<String>>,
    pub(super) n_features: usize,
    /// Rows that passed by, chosen or not.
    pub(super) seen: usize,
    /// Rows of the file at work before the first that is wanted.
    unwanted: usize,
    /// Samples before these, where they are a stretch of all.
    pub(super) before: usize,
    pub(super) origin: Origin,
    /// Notes about the files up to now.
    pub(super) notes: Notes,
    /// Rows that could not be read, where that is no error.
    pub(super) bad: Tally,
}

impl Rows {
    /// Opens the first file, and goes on to a stretch of the rows, where only that is wanted.
    pub(super) fn open(files: Vec<PathBuf>, selection: &Selection, stretch: Option<&Stretch>) -> Result<Self> {
        let choice = Choice::new(selection);
        let mut rows = Rows {
            part: source::Part { is_one_of_several: files.len() > 1, earlier: None, unwanted: 0 },
            files,
            next_file: 0,
            unwanted: 0,
            selection: selection.clone(),
            table: None,
            weights: None,
            company: None,
            has_weights: false,
            names: None,
            n_features: 0,
            seen: 0,
            before: stretch.map_or(0, |stretch| stretch.first),
            origin: Origin { parts: Vec::new(), choice: selection.sample.is_some().then(|| choice.clone()) },
            choice,
            notes: Notes::default(),
            bad: Tally::default(),
        };
        rows.next_table()?;
        if let Some(stretch) = stretch {
            rows.skip_to(stretch)?;
        }
        Ok(rows)
    }

    /// Goes on to a stretch of the rows: files before it are not opened, but for the first, which the others are held
    /// to.
    fn skip_to(&mut self, stretch: &Stretch) -> Result<()> {
        self.choice.skip_to(&stretch.rows);
        let (file, first_row) = stretch.file_of(stretch.rows.start);
        if stretch.rows.start == 0 || file >= self.files.len() {
            return Ok(());
        }
        (self.next_file, self.seen, self.unwanted) = (file, first_row, stretch.rows.start - first_row);
        // The first file may be opened anew.
        self.origin.parts.retain(|part| part.first_row < first_row);
        self.next_table().map(drop)
    }

    /// Number of rows of a file.
    pub(super) fn count_file(&mut self, file: usize, stop: &AtomicBool) -> Result<usize> {
        self.next_file = file;
        if !self.next_table()? {
            return Ok(0);
        }
        // An empty file is passed over.
        let Some((chunks, n_rows)) = self.table.take().filter(|_| self.next_file == file + 1) else { return Ok(0) };
        match n_rows {
            Some(n_rows) => Ok(n_rows),
            None => chunks.into_iter().try_fold(0, |n, chunk| {
                check_stop(stop)?;
                Ok(n + chunk?.samples.dim().0)
            }),
        }
    }

    /// Gives all rows, chosen or not, their weights from a file.
    pub(super) fn with_weights(self, weights: Option<Arc<Array1<f64>>>) -> Self {
        Rows { weights, ..self }
    }

    /// Rows that are sure to follow: those left of the file at work, where it says how many it has.
    pub(super) fn sure_to_follow(&self) -> usize {
        let left = self.table.as_ref().and_then(|(_, left)| *left).unwrap_or(0);
        if self.selection.sample.is_some() { 0 } else { self.choice.at_most(left) }
    }

    /// Goes on to the next file; `false` after the last.
    fn next_table(&mut self) -> Result<bool> {
        let Some(file) = self.files.get(self.next_file) else { return Ok(false) };
        self.next_file += 1;
        let mut source = Source::open(file)?;
        source.part = source::Part { unwanted: self.unwanted, ..self.part.clone() };
        let name = source.name.clone();
        let Table { picked, n_rows, left_out, chunks } = formats::open(source, &self.selection)?;
        let Picked { features, weights, company, names, header, notes } = picked;
        if n_rows == Some(0) && features.is_empty() && company.is_empty() && self.part.is_one_of_several {
            return self.next_table();
        }
        self.part.earlier.get_or_insert(header);
        match self.origin.parts.first() {
            None => {
                (self.names, self.n_features) = (names, features.len());
                self.has_weights = weights.is_some();
            }
            Some(first) => {
                check_alike(&name, (&features, &names), &first.file, (&first.columns, &self.names))?;
                if weights.is_some() != self.has_weights {
                    let problem = format!("the column of weights is not in both, this file and {}", first.file);
                    return Err(malformed(&name, problem, "give files with the same columns"));
                }
            }
        }
        let part = Part { file: name, first_row: self.seen, columns: features, lines: None };
        self.origin.parts.push(part);
        notes.into_iter().for_each(|note| self.notes.add(note));
        self.table = Some((chunks, n_rows.map(|n_rows| n_rows.saturating_sub(left_out))));
        self.seen += left_out;
        self.unwanted = self.unwanted.saturating_sub(left_out);
        Ok(true)
    }

    /// The next chunk of chosen rows, which may be none of them.
    fn next_chunk(&mut self) -> Result<Option<Chunk>> {
        while !self.choice.is_over() {
            let Some((chunks, left)) = &mut self.table else { return Ok(None) };
            let Some(chunk) = chunks.next().transpose()? else {
                self.table = None;
                if self.next_table()? {
                    continue;
                }
                break;
            };
            if let Some(left) = left {
                *left = left.saturating_sub(chunk.samples.dim().0);
            }
            let chunk = self.without_unwanted(chunk);
            return self.choose(chunk).map(Some);
        }
        // Rows behind the first ones were not counted.
        match &self.weights {
            Some(weights) if weights.len() > self.seen && !self.choice.is_over() => {
                Err(Error::WeightCount { expected: self.seen, found: weights.len() })
            }
            _ => Ok(None),
        }
    }

    /// A chunk without its rows before the first that is wanted.
    fn without_unwanted(&mut self, chunk: Chunk) -> Chunk {
        let unwanted = self.unwanted.min(chunk.samples.dim().0);
        if unwanted == 0 {
            return chunk;
        }
        if let Some((part, lines)) = self.origin.parts.last_mut().zip(chunk.lines.as_ref()) {
            part.lines.get_or_insert_default().extend(self.seen - part.first_row, lines);
        }
        self.unwanted -= unwanted;
        self.seen += unwanted;
        let samples_left = chunk.samples.dim().0 - unwanted;
        let samples = match chunk.samples {
            Samples::F32(values) => values.slice(s![unwanted.., ..]).to_owned().into(),
            Samples::F64(values) => values.slice(s![unwanted.., ..]).to_owned().into(),
        };
        let weights = chunk.weights.map(|weights| weights.slice(s![unwanted..]).to_owned());
        let beside = chunk.beside.slice(unwanted..unwanted + samples_left);
        let Found { rows, first } = chunk.bad;
        let rows = rows.into_iter().filter_map(|row| row.checked_sub(unwanted)).collect();
        Chunk { samples, weights, beside, bad: Found { rows, first }, lines: None, notes: chunk.notes }
    }

    fn choose(&mut self, chunk: Chunk) -> Result<Chunk> {
        let Chunk { mut samples, mut weights, mut beside, bad, lines, notes } = chunk;
        notes.into_iter().for_each(|note| self.notes.add(note));
        if let Some((part, lines)) = self.origin.parts.last_mut().zip(lines) {
            part.lines.get_or_insert_default().extend(self.seen - part.first_row, &lines);
        }
        let (n, mut kept) = self.choice.next(samples.dim().0);
        if let Some(all) = &self.weights {
            if all.len() < self.seen + n {
                return Err(self.too_few_weights(all.len(), self.seen + n));
            }
            weights = Some(all.slice(s![self.seen..self.seen + n]).to_owned());
        }
        if let Some(company) = &beside.company {
            let first = self.company.get_or_insert_with(|| company.slice(0..0));
            if !first.is_alike(company) {
                let place = self.origin.parts.last().map_or_else(String::new, |part| part.file.clone());
                let problem = "its columns have other names or types than those of the first file";
                return Err(malformed(
                    place,
                    problem,
                    "give files with the same columns, or work on each of them alone",
                ));
            }
        }
        if self.selection.number_rows {
            beside.rows = Some((self.seen..self.seen + samples.dim().0).map(|row| row as i64).collect());
        }
        if self.selection.bad_rows != BadRows::Error {
            kept = self.mend(&mut samples, &mut beside, bad, kept);
        }
        if let Some(kept) = kept {
            samples = match samples {
                Samples::F32(values) => values.select(Axis(0), &kept).into(),
                Samples::F64(values) => values.select(Axis(0), &kept).into(),
            };
            weights = weights.map(|weights| weights.select(Axis(0), &kept));
            beside = beside.take(&kept);
        }
        self.seen += n;
        Ok(Chunk { samples, weights, beside, bad: Found::default(), lines: None, notes: Vec::new() })
    }

    /// Finds the rows, of those that are kept, that cannot be read: leaves them out, or marks them, with any values in the
    /// place of theirs.
    fn mend(
        &mut self,
        samples: &mut Samples<'static>,
        beside: &mut Beside,
        found: Found,
        kept: Option<Vec<usize>>,
    ) -> Option<Vec<usize>> {
        let of_text = found.rows.first().copied();
        let mut bad = found.rows;
        bad.extend(rows_with_bad_values(samples, self.selection.missing));
        bad.sort_unstable();
        bad.dedup();
        if let Some(kept) = &kept {
            bad.retain(|row| kept.binary_search(row).is_ok());
        }
        let Some(&first) = bad.first() else { return kept };
        self.bad.add(bad.len(), || match found.first {
            Some(problem) if of_text == Some(first) => problem,
            _ => {
                let (index, value) = bad_value(samples, first, self.selection.missing).unwrap_or((0, f64::NAN));
                let name = self.names.as_ref().map(|names| names[index].clone());
                locate_value(&self.origin, self.seen + first, Feature { index, name }, value)
            }
        });
        if self.selection.bad_rows == BadRows::Skip {
            let is_good = |row: &usize| bad.binary_search(row).is_err();
            let all = || (0..samples.dim().0).collect();
            return Some(kept.unwrap_or_else(all).into_iter().filter(is_good).collect());
        }
        for &row in &bad {
            match samples {
                Samples::F32(values) => values.row_mut(row).fill(0.0),
                Samples::F64(values) => values.row_mut(row).fill(0.0),
            }
        }
        beside.bad = bad;
        kept
    }

    /// The error for fewer weights than rows, all of which are counted.
    fn too_few_weights(&mut self, found: usize, seen: usize) -> Error {
        (self.seen, self.weights) = (seen, None);
        let rest = self.by_ref().try_for_each(|chunk| chunk.map(drop));
        rest.err().unwrap_or(Error::WeightCount { expected: self.seen, found })
    }
}

impl Iterator for Rows {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let chunk = self.next_chunk().transpose();
        if !matches!(chunk, Some(Ok(_))) {
            self.table = None;
            self.next_file = self.files.len();
            self.weights = None;
        }
        chunk
    }
}

/// Checks that a file has the features of the first.
fn check_alike(
    file: &str,
    (columns, names): (&[usize], &Option<Vec<String>>),
    first: &str,
    (first_columns, first_names): (&[usize], &Option<Vec<String>>),
) -> Result<()> {
    let differs = |problem: String| {
        let remedy = Advice::from("give files with the same columns, or choose them by name (");
        Err(malformed(file, problem, remedy + Term::Columns + ")"))
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

/// Weights from a file of their own, one for each row, and what there is to say about it.
///
/// Whether they have a header, and what separates them from other cells, is told for them as for the samples.
pub(super) fn read_weights(path: &Path, selection: &Selection, notes: &mut Notes) -> Result<(Array1<f64>, Origin)> {
    let source = Source::open(path)?;
    if source.format == Format::Npy {
        // Also of one dimension, which samples are not.
        let Source { name, mut reader, .. } = source;
        let weights = Array::read_header(&name, &mut *reader)?.into_vector(&mut *reader)?;
        let part = Part { file: name, first_row: 0, columns: vec![0], lines: None };
        return Ok((weights, Origin { parts: vec![part], ..Origin::default() }));
    }
    let name = source.name.clone();
    let selection = Selection { header: selection.header, delimiter: selection.delimiter, ..Selection::default() };
    let Table { picked, chunks, .. } = formats::open(source, &selection)?;
    picked.notes.into_iter().for_each(|note| notes.add(note));
    let n_columns = picked.features.len();
    if n_columns != 1 {
        let problem = format!("the weights have {n_columns} columns");
        return Err(malformed(name, problem, "give one weight for each sample, in one column"));
    }
    let mut weights = Vec::new();
    let mut part = Part { file: name, first_row: 0, columns: picked.features, lines: None };
    for chunk in chunks {
        let Chunk { samples, lines, notes: more, .. } = chunk?;
        more.into_iter().for_each(|note| notes.add(note));
        if let Some(lines) = lines {
            part.lines.get_or_insert_default().extend(weights.len(), &lines);
        }
        match samples {
            Samples::F32(values) => weights.extend(values.iter().map(|x| f64::from(*x))),
            Samples::F64(values) => weights.extend(values),
        }
    }
    Ok((weights.into(), Origin { parts: vec![part], ..Origin::default() }))
}
