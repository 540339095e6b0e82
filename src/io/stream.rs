//! Files read once, from front to back: checked samples in chunks, in memory that does not grow with their number.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use ndarray::Array1;

use super::bad_rows::BadRows;
use super::columns::Selection;
use super::company::{Beside, Company, Keep};
use super::even::{AT_ONCE, Even};
use super::files::{Files, find_files};
use super::origin::{Origin, locate};
use super::rows::{Rows, read_weights};
use super::stretch::Stretch;
use crate::advice::Advice;
use crate::data::missing::Missing;
use crate::data::points::{Points, check_weight_sum, check_weights};
use crate::data::source::{Visit, block_rows};
use crate::error::{Error, Result};

/// Chunks that wait while another one is worked on, beside the one that is being read: none, since a chunk holds up to
/// 16 MiB of f32 for every 8 threads, and one that is read is enough to keep the other at work.
const AHEAD: usize = 0;

/// Rows of a chunk at most where they have company, whose cells may be large; as many as formats of columns give.
const COMPANY_ROWS: usize = 1 << 18;

/// Slabs that keep a thread busy, of which a block has 32.
const SLABS_PER_THREAD: usize = 4;
const SLABS_PER_BLOCK: usize = 32;

/// The samples of some files, which pass by once.
pub struct Stream {
    pub(super) rows: Rows,
    /// Weights that have a file of their own.
    pub(super) weights: Option<Arc<Array1<f64>>>,
    pub(super) weights_origin: Option<Origin>,
    is_stretch: bool,
    missing: Missing,
    bad_rows: BadRows,
    /// Whether rows are handed on as they come.
    at_once: bool,
    has_company: bool,
}

/// Visitor of samples, by the number of the first, and of what goes along with them.
pub type VisitBoth<'v> = dyn FnMut(usize, &Points, &Beside) -> Result<()> + 'v;

impl Stream {
    /// Opens files, as [`Dataset::open`](super::Dataset::open) does.
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::Malformed`].
    pub fn open(paths: &[PathBuf], selection: &Selection) -> Result<Self> {
        Self::of_files(find_files(paths)?, selection, None)
    }

    /// Opens files for a stretch of their rows alone. Its first sample has its number among all samples.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub fn open_stretch(paths: &[PathBuf], selection: &Selection, stretch: &Stretch) -> Result<Self> {
        Self::of_files(find_files(paths)?, selection, Some(stretch))
    }

    pub(super) fn of_files(files: Files, selection: &Selection, stretch: Option<&Stretch>) -> Result<Self> {
        let mut rows = Rows::open(files.paths, selection, stretch)?;
        rows.notes = files.notes.and(rows.notes);
        let (weights, weights_origin) = match &selection.weights {
            Some(file) if !rows.has_weights => {
                let (weights, origin) = read_weights(Path::new(file), selection, &mut rows.notes)?;
                if let Some(stretch) = stretch {
                    stretch.check_weights(weights.len(), selection)?;
                }
                (Some(Arc::new(weights)), Some(origin))
            }
            _ => (None, None),
        };
        let (rows, is_stretch) = (rows.with_weights(weights.clone()), stretch.is_some());
        let Selection { missing, bad_rows, at_once, .. } = *selection;
        let has_company = selection.keep != Keep::Nothing;
        Ok(Stream { rows, weights, weights_origin, is_stretch, missing, bad_rows, at_once, has_company })
    }

    /// D.
    pub fn n_features(&self) -> usize {
        self.rows.n_features
    }

    /// The names of the columns, if they have any.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.rows.names.as_deref()
    }

    /// Notes about the files up to now, a line each: choices that were made, which may be others than were meant.
    pub fn notes(&self) -> Vec<Advice> {
        self.rows.notes.lines()
    }

    /// As [`Dataset::check_features`](super::Dataset::check_features).
    ///
    /// # Errors
    /// The file, with what [`Error::FeatureCount`] says.
    pub fn check_features(&self, expected: usize) -> Result<()> {
        self.rows.origin.check_features(self.n_features(), expected)
    }

    /// As [`Dataset::check_order`](super::Dataset::check_order).
    ///
    /// # Errors
    /// [`Error::Malformed`] names the first column that is not.
    pub fn check_order(&self, model_names: &[String]) -> Result<()> {
        self.rows.origin.check_order(self.feature_names().unwrap_or_default(), model_names)
    }

    /// Calls `visit(first, chunk)` for every chunk in turn, `first` being the number of its first sample, while the
    /// next ones are read; gives the number of samples, and all notes.
    ///
    /// # Errors
    /// An error of the visitor, which ends the pass; [`Error::Read`], or [`Error::Malformed`] for rows that are no
    /// numbers, values that are not finite, or no values at all. An error about a sample names its file and line.
    pub fn for_each_chunk(self, visit: &mut Visit) -> Result<(usize, Vec<Advice>)> {
        self.for_each(&mut |first, points, _| visit(first, points))
    }

    /// The same with what goes along with the samples: [`Selection::keep`] and [`Selection::number_rows`] say what.
    ///
    /// # Errors
    /// As [`Stream::for_each_chunk`]; also for files whose other columns differ.
    pub fn for_each(self, visit: &mut VisitBoth) -> Result<(usize, Vec<Advice>)> {
        let (d, names, before) = (self.n_features(), self.rows.names.clone(), self.rows.before);
        let mut checks = Checks::new(names.clone(), self.is_stretch, self.missing);
        let size = match () {
            () if self.at_once => AT_ONCE,
            () if self.has_company => chunk_rows(d).min(COMPANY_ROWS),
            () => chunk_rows(d),
        };
        let (rows, outcome) = read_ahead(Even::new(self.rows, d, size), &mut |(points, beside)| {
            let first = before + checks.n_samples;
            // After a bad value the rest is only counted.
            if !checks.pass(&points) {
                return Ok(());
            }
            let visited = visit(first, &points.with_feature_names(names.clone()), &beside);
            visited.map_err(|error| error.behind(first))
        });
        let n_samples = checks.n_samples;
        let outcome = outcome.and_then(|()| checks.finish(d).map_err(|error| error.behind(before)));
        let Rows { origin, notes, bad, .. } = rows.chunks;
        match outcome {
            Ok(()) => {
                Ok((n_samples, notes.lines().into_iter().chain(bad.line(self.bad_rows).map(Advice::from)).collect()))
            }
            Err(error) => Err(notes.remind(locate(error, &origin, self.weights_origin.as_ref()))),
        }
    }
}

impl Stream {
    /// Calls `visit` for the columns of rows that go along with nothing, [`Keep::Chosen`], some rows after others; gives
    /// the number of rows, and all notes.
    ///
    /// # Errors
    /// An error of the visitor, which ends the pass; [`Error::Read`] or [`Error::Malformed`].
    pub fn for_each_company(self, visit: &mut dyn FnMut(&Company) -> Result<()>) -> Result<(usize, Vec<Advice>)> {
        let mut n_rows = 0;
        let (rows, outcome) = read_ahead(self.rows, &mut |chunk| {
            n_rows += chunk.samples.dim().0;
            chunk.beside.company.as_ref().map_or(Ok(()), &mut *visit)
        });
        let Rows { origin, notes, .. } = rows;
        match outcome {
            Ok(()) if n_rows == 0 => Err(locate(Error::EmptyData { n_samples: 0, n_features: 0 }, &origin, None)),
            Ok(()) => Ok((n_rows, notes.lines())),
            Err(error) => Err(notes.remind(error)),
        }
    }
}

/// Rows of a chunk: enough for all threads.
pub(super) fn chunk_rows(n_features: usize) -> usize {
    let slabs = SLABS_PER_THREAD * rayon::current_num_threads();
    slabs.div_ceil(SLABS_PER_BLOCK).next_power_of_two() * block_rows(n_features)
}

/// Reads chunks on a thread of their own while others are visited; gives back what it read from.
pub(super) fn read_ahead<I, T>(mut chunks: I, visit: &mut dyn FnMut(T) -> Result<()>) -> (I, Result<()>)
where
    I: Iterator<Item = Result<T>> + Send,
    T: Send,
{
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        let reading = scope.spawn(move || {
            for chunk in &mut chunks {
                let is_last = chunk.is_err();
                // Nobody listens any more when the visitor failed.
                if sender.send(chunk).is_err() || is_last {
                    break;
                }
            }
            chunks
        });
        let outcome = receiver.into_iter().try_for_each(|chunk| visit(chunk?));
        match reading.join() {
            Ok(chunks) => (chunks, outcome),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The checks of values and weights, chunk after chunk; values that are not finite are all counted.
pub(super) struct Checks {
    names: Option<Vec<String>>,
    /// Samples that came by.
    pub(super) n_samples: usize,
    /// The sum of their weights, if they have any.
    weights: Option<f64>,
    /// Whether there are others, which may be of positive weight where these are not.
    are_part: bool,
    missing: Missing,
    non_finite: Option<Error>,
    other: Option<Error>,
}

impl Checks {
    /// Errors call the features by these names. Of samples that are part of others, all weights may be zero.
    pub(super) fn new(names: Option<Vec<String>>, are_part: bool, missing: Missing) -> Self {
        Checks { names, n_samples: 0, weights: None, are_part, missing, non_finite: None, other: None }
    }

    /// Whether all samples so far are good.
    pub(super) fn pass(&mut self, points: &Points) -> bool {
        let first = self.n_samples;
        self.n_samples += points.n_samples();
        let name = |index: usize| self.names.as_ref().map(|names| names[index].clone());
        match points.check_values(self.missing) {
            Err(Error::NonFinite { row, mut feature, value, count }) => match &mut self.non_finite {
                Some(Error::NonFinite { count: all, .. }) => *all += count,
                none => {
                    feature.name = name(feature.index);
                    *none = Some(Error::NonFinite { row: first + row, feature, value, count });
                }
            },
            Err(Error::TooLarge { row, mut feature, value }) => {
                feature.name = name(feature.index);
                self.other.get_or_insert(Error::TooLarge { row: first + row, feature, value });
            }
            Err(error) => {
                self.other.get_or_insert(error);
            }
            Ok(()) => {}
        }
        match points.weights().map_or(Ok(()), check_weights) {
            Err(Error::BadWeight { row, value }) => {
                self.other.get_or_insert(Error::BadWeight { row: first + row, value });
            }
            Err(error) => {
                self.other.get_or_insert(error);
            }
            Ok(()) => {}
        }
        if let Some(weights) = points.weights() {
            *self.weights.get_or_insert_default() += weights.sum();
        }
        self.non_finite.is_none() && self.other.is_none()
    }

    /// The error of the samples, of D features, after all of them: values that are not finite come before all else.
    pub(super) fn finish(self, n_features: usize) -> Result<()> {
        let Checks { n_samples, non_finite, other, weights, are_part, .. } = self;
        if let Some(error) = non_finite.or(other) {
            return Err(error);
        }
        if n_samples == 0 || n_features == 0 {
            return Err(Error::EmptyData { n_samples, n_features });
        }
        weights.filter(|_| !are_part).map_or(Ok(()), check_weight_sum)
    }
}
