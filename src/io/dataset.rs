//! A data set read from files: checked samples, in memory or still on disk, and where each of them came from.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use ndarray::Array1;

use super::columns::Selection;
use super::even::Even;
use super::files::find_files;
use super::malformed;
use super::origin::{Origin, locate};
use super::rows::Rows;
use super::stream::{Checks, Stream, chunk_rows, read_ahead};
use super::stretch::Stretch;
use crate::advice::{Advice, Term};
use crate::data::gathered::Gathered;
use crate::data::home::{Home, Place};
use crate::data::missing::Missing;
use crate::data::points::Points;
use crate::data::samples::Samples;
use crate::data::source::{Data, Visit, check_stop};
use crate::data::summary::Summary;
use crate::error::{Error, Result};
use crate::memory::{memory_for_samples, text};

/// Samples from files, which remember their file, columns and lines, so that errors about them can name the place.
#[derive(Debug)]
pub struct Dataset {
    samples: Stored,
    /// Bytes that samples may take in memory.
    memory: u64,
    reason: String,
    origin: Origin,
    weights_origin: Option<Origin>,
    notes: Vec<Advice>,
}

#[derive(Debug)]
enum Stored {
    Memory(Points<'static>),
    /// A stretch of all samples, whose first one has this number, and its summary once that was asked for.
    Stretch(Points<'static>, usize, OnceLock<Box<Summary>>),
    Disk(Box<OnDisk>),
}

/// Samples that are read anew in every pass.
#[derive(Debug)]
struct OnDisk {
    files: Vec<PathBuf>,
    stamps: Vec<Stamp>,
    selection: Selection,
    /// Weights of all rows, where they have a file of their own.
    weights: Option<Arc<Array1<f64>>>,
    stretch: Option<Stretch>,
    summary: Summary,
}

/// Size and time of modification of a file, by which a change is detected.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Result<Self> {
        let found = path.metadata().map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Ok(Stamp { bytes: found.len(), modified: found.modified().ok() })
    }
}

impl Dataset {
    /// Reads a file, or standard input for `-`.
    ///
    /// The format is told by the extension, or by how the file begins: NumPy's .npy and .npz, Parquet, Arrow IPC
    /// (Feather), .csv and .tsv, or raw little-endian .f32 and .f64; all of them plain or compressed by gzip or
    /// Zstandard. f32 stays f32; all other numbers become f64. Whether the first row of a text file is a header is
    /// judged by the whole row and those below it, unless the selection says it; its delimiter likewise. A column of
    /// lists of numbers is several features.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Malformed`] which names the file, and the line or row, and the column.
    pub fn read(path: &Path, selection: &Selection) -> Result<Self> {
        Self::open(&[path.to_owned()], selection, u64::MAX)
    }

    /// Reads several files as one data set, in this order. A directory stands for the tables in it and below it, by
    /// name; a pattern, such as `part-*.parquet`, for what matches. Names that begin with a point or an underscore are
    /// passed over. All must have the columns of the first.
    ///
    /// Samples that take more than `memory` bytes are checked, but stay on disk: every pass reads them anew.
    ///
    /// # Errors
    /// As [`Dataset::read`].
    pub fn open(paths: &[PathBuf], selection: &Selection, memory: u64) -> Result<Self> {
        Self::open_watched(paths, selection, memory, &AtomicBool::new(false))
    }

    /// [`Dataset::open`], which ends soon after `stop` has become true.
    ///
    /// # Errors
    /// As [`Dataset::open`], and [`Error::Interrupted`].
    pub fn open_watched(paths: &[PathBuf], selection: &Selection, memory: u64, stop: &AtomicBool) -> Result<Self> {
        Self::open_rows(paths, selection, memory, None, stop)
    }

    /// Reads a stretch of the rows alone. Samples have their numbers among all, and so has the summary, which is that
    /// of a part ([`Summary::of_part`]).
    ///
    /// # Errors
    /// As [`Dataset::open_watched`].
    pub fn open_stretch(
        paths: &[PathBuf],
        selection: &Selection,
        memory: u64,
        stretch: &Stretch,
        stop: &AtomicBool,
    ) -> Result<Self> {
        Self::open_rows(paths, selection, memory, Some(stretch), stop)
    }

    fn open_rows(
        paths: &[PathBuf],
        selection: &Selection,
        memory: u64,
        stretch: Option<&Stretch>,
        stop: &AtomicBool,
    ) -> Result<Self> {
        let found = find_files(paths)?;
        let files = found.paths.clone();
        // Stamped before they are read: what changes from now on is found out.
        let stamps = files.iter().map(|file| Stamp::of(file)).collect::<Result<Vec<_>>>();
        let Stream { mut rows, weights, weights_origin, .. } = Stream::of_files(found, selection, stretch)?;
        let taken = take(&mut rows, (&files, selection.missing), memory, stretch.map(|stretch| stretch.first), stop);
        let Rows { before, origin, notes, .. } = rows;
        let located = |error: Error| locate(error.behind(before), &origin, weights_origin.as_ref());
        let kept = taken.map_err(|error| notes.remind(located(error)))?;
        let (samples, reason) = match kept {
            Kept::All(samples, reason) => match stretch {
                Some(stretch) => (Stored::Stretch(samples, stretch.first, OnceLock::new()), reason),
                None => (Stored::Memory(samples), reason),
            },
            Kept::Summary(summary) => {
                let reason = format!("more than the {} of memory allowed", text(memory));
                let (stamps, selection, stretch) = (stamps?, selection.clone(), stretch.cloned());
                (Stored::Disk(Box::new(OnDisk { files, stamps, selection, weights, stretch, summary })), reason)
            }
        };
        Ok(Dataset { samples, memory, reason, origin, weights_origin, notes: notes.lines() })
    }

    /// The samples, if they are in memory.
    pub fn points(&self) -> Option<&Points<'static>> {
        match &self.samples {
            Stored::Memory(points) | Stored::Stretch(points, ..) => Some(points),
            Stored::Disk(_) => None,
        }
    }

    /// Bytes of the files that every pass reads, if the samples are not in memory.
    pub fn read_bytes(&self) -> Option<u64> {
        match &self.samples {
            Stored::Memory(_) | Stored::Stretch(..) => None,
            Stored::Disk(disk) => Some(disk.stamps.iter().map(|stamp| stamp.bytes).sum()),
        }
    }

    /// Notes about the files, a line each: choices that were made, which may be others than were meant.
    pub fn notes(&self) -> &[Advice] {
        &self.notes
    }

    /// The same error with the file, and for text files the line, in front of an error about these samples.
    pub fn locate(&self, error: Error) -> Error {
        locate(error, &self.origin, self.weights_origin.as_ref())
    }

    /// Checks that a model has as many features as the data.
    ///
    /// # Errors
    /// The file, with what [`Error::FeatureCount`] says.
    pub fn check_features(&self, expected: usize) -> Result<()> {
        self.origin.check_features(self.n_features(), expected)
    }

    /// Checks that columns with the names of a model's features are where the model has them.
    ///
    /// # Errors
    /// [`Error::Malformed`] names the first column that is not.
    pub fn check_order(&self, model_names: &[String]) -> Result<()> {
        self.origin.check_order(self.feature_names().unwrap_or_default(), model_names)
    }
}

/// Samples that are kept in memory, or a survey of those that stay on disk.
enum Kept {
    /// All of them, and how much that is.
    All(Points<'static>, String),
    Summary(Summary),
}

/// Checks all rows, and keeps them while they take no more than `memory` bytes.
///
/// Of a stretch of all rows, `stretch` is the number of the first sample.
fn take(
    rows: &mut Rows,
    (files, missing): (&[PathBuf], Missing),
    memory: u64,
    stretch: Option<usize>,
    stop: &AtomicBool,
) -> Result<Kept> {
    let d = rows.n_features;
    let mut checks = Checks::new(rows.names.clone(), stretch.is_some(), missing);
    let mut gathered = Gathered::default();
    let mut summary: Option<Summary> = None;
    while let Some(chunk) = rows.next().transpose()? {
        check_stop(stop)?;
        let points = Points::trusted(chunk.samples, chunk.weights, None);
        if !checks.pass(&points) {
            continue;
        }
        if let Some(summary) = &mut summary {
            summary.add(&points);
            continue;
        }
        gathered.add(&points);
        let row_bytes = gathered.bytes() / checks.n_samples.max(1);
        let all = rows.sure_to_follow().saturating_mul(row_bytes).saturating_add(gathered.bytes());
        if all > usize::try_from(memory).unwrap_or(usize::MAX) {
            check_repeatable(files, memory)?;
            let (samples, weights) = gathered.take(d);
            let begun = Summary::begin(stretch.unwrap_or(0), d, rows.names.as_deref());
            summary.insert(begun).add(&Points::trusted(samples, weights, None));
        }
    }
    checks.finish(d)?;
    if let Some(summary) = summary {
        return Ok(Kept::Summary(summary));
    }
    let bytes = gathered.bytes() as u64;
    let (samples, weights) = gathered.take(d);
    let points = Points::trusted(samples, weights, rows.names.clone());
    let reason = match memory {
        u64::MAX => text(bytes),
        memory => format!("{} of {} allowed", text(bytes), text(memory)),
    };
    Ok(Kept::All(points, reason))
}

/// Checks that files can be read more than once.
fn check_repeatable(files: &[PathBuf], memory: u64) -> Result<()> {
    // One that is not there is missed when it is its turn.
    match files.iter().find(|file| file.as_path() == Path::new("-") || file.exists() && !file.is_file()) {
        None => Ok(()),
        Some(file) => {
            let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
            let problem = format!("more than the {} of memory allowed, and not to be read twice", text(memory));
            let remedy = Advice::from("save the data as a file first, or allow more (") + Term::Memory + ")";
            Err(malformed(name, problem, remedy))
        }
    }
}

impl Data for Dataset {
    fn summary(&self) -> &Summary {
        match &self.samples {
            Stored::Memory(points) => points.summary(),
            Stored::Stretch(points, first, summary) => {
                summary.get_or_init(|| Box::new(Summary::of_part(*first, points)))
            }
            Stored::Disk(disk) => &disk.summary,
        }
    }

    fn home(&self) -> Home {
        let place = match &self.samples {
            Stored::Memory(_) | Stored::Stretch(..) => Place::Memory,
            Stored::Disk(_) => Place::Disk,
        };
        Home { place, reason: self.reason.clone() }
    }

    fn slice(&self, rows: Range<usize>) -> Option<Points<'_>> {
        self.points().and_then(|points| Data::slice(points, rows))
    }

    fn room(&self) -> u64 {
        let values = |samples: &Samples| match samples {
            Samples::F32(values) => values.len() * size_of::<f32>(),
            Samples::F64(values) => values.len() * size_of::<f64>(),
        };
        let taken = self.points().map_or(0, |points| values(points.samples()) as u64);
        self.memory.saturating_sub(taken).min(memory_for_samples())
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        match &self.samples {
            Stored::Memory(points) => points.for_each_chunk(visit),
            Stored::Stretch(points, before, _) => {
                points.for_each_chunk(&mut |first, chunk| visit(before + first, chunk))
            }
            Stored::Disk(disk) => disk.for_each_chunk(visit),
        }
    }
}

impl OnDisk {
    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        self.check_unchanged()?;
        let rows = Rows::open(self.files.clone(), &self.selection, self.stretch.as_ref())?;
        let rows = rows.with_weights(self.weights.clone());
        let d = self.summary.n_features();
        if rows.n_features != d {
            return Err(self.changed(&self.files[0]));
        }
        let chunks = Even::new(rows, d, chunk_rows(d));
        let mut seen = 0;
        let (_, outcome) = read_ahead(chunks, &mut |(points, _)| {
            let first = self.summary.first() + seen;
            seen += points.n_samples();
            if seen > self.summary.n_samples() || points.n_features() != d {
                return Err(self.changed(&self.files[0]));
            }
            visit(first, &points)
        });
        // A file that changed may be broken, too: then that is the error to report.
        if outcome.is_err() {
            self.check_unchanged()?;
        }
        outcome?;
        self.check_unchanged()?;
        if seen == self.summary.n_samples() { Ok(()) } else { Err(self.changed(&self.files[0])) }
    }

    fn check_unchanged(&self) -> Result<()> {
        for (file, stamp) in self.files.iter().zip(&self.stamps) {
            if Stamp::of(file)? != *stamp {
                return Err(self.changed(file));
            }
        }
        Ok(())
    }

    fn changed(&self, file: &Path) -> Error {
        let problem = "the file changed while it was in use";
        malformed(file.display().to_string(), problem, "run again when nothing writes to it any more")
    }
}
