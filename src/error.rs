//! The one error type of the library.
//!
//! Every message has two lines: the first names the place and the problem, the second says what to do about it, in
//! Rust's words unless others are given. Rows, features and components are counted from 0; lines of a text file from 1.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::PathBuf;

use bytesize::ByteSize;
use thiserror::Error;

use crate::advice::{Advice, Term, counted, one_line};

/// `Result` with Mixtura's [`Error`](enum@Error).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong; two lines each, the problem and the remedy. They are what `{:?}` prints, too: programs whose
/// `main` returns an error end with both.
#[derive(Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to fit.
    EmptyData {
        /// Rows found.
        n_samples: usize,
        /// Columns found.
        n_features: usize,
    },

    /// A value is NaN or infinite.
    NonFinite {
        /// First row that has such a value.
        row: usize,
        /// The first such feature in that row.
        feature: Feature,
        /// The value found.
        value: f64,
        /// How many such values there are in all.
        count: usize,
    },

    /// No sample has a value of a feature.
    NoValues {
        /// The first such feature.
        feature: Feature,
    },

    /// A value is so large that its square, or a sum of squares, would overflow.
    TooLarge {
        /// First row that has such a value.
        row: usize,
        /// The first such feature in that row.
        feature: Feature,
        /// The value found.
        value: f64,
    },

    /// A value lies so far from the others that single precision cannot hold both.
    TooWideForSinglePrecision {
        /// Row of the value.
        row: usize,
        /// Its feature.
        feature: Feature,
        /// The value found.
        value: f64,
        /// Its distance from the feature's median, in units of the feature's spread.
        spreads: f64,
    },

    /// The sample weights do not match the samples in number.
    WeightCount {
        /// Number of samples.
        expected: usize,
        /// Number of weights.
        found: usize,
    },

    /// A sample weight is negative, NaN or infinite.
    BadWeight {
        /// First row that has such a weight.
        row: usize,
        /// The weight found.
        value: f64,
    },

    /// All sample weights are zero.
    WeightSum {
        /// The sum found.
        sum: f64,
    },

    /// There are fewer samples than components.
    TooFewSamples {
        /// Number of samples (of positive weight).
        n_samples: usize,
        /// Number of components asked for.
        n_components: usize,
    },

    /// Data and model have different numbers of features.
    FeatureCount {
        /// Features of the model.
        expected: usize,
        /// Features of the data.
        found: usize,
    },

    /// An option lies outside its range.
    InvalidOption {
        /// Name of the option.
        name: &'static str,
        /// The value given.
        value: String,
        /// The values allowed.
        expected: &'static str,
    },

    /// An array of a model has another shape than its family, K and D demand.
    Shape {
        /// Name of the array.
        name: &'static str,
        /// Shape needed.
        expected: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },

    /// A parameter of a model is not what a mixture can have.
    InvalidParameter {
        /// Name of the array.
        name: &'static str,
        /// Index of the value within it.
        index: Vec<usize>,
        /// The value found.
        value: f64,
        /// The values allowed.
        expected: &'static str,
    },

    /// A covariance matrix is not positive definite: a component collapsed.
    NotPositiveDefinite {
        /// The component; `None` for the covariance that all components share.
        component: Option<usize>,
        /// The feature at which the Cholesky factorisation broke down.
        feature: usize,
        /// Whether the covariance came from sums in single precision.
        single_precision: bool,
    },

    /// Parts of data, or answers about them, do not belong together.
    Parts {
        /// The part, and what is wrong with it.
        problem: String,
    },

    /// One of several ranks failed.
    Rank {
        /// The rank.
        rank: usize,
        /// The problem that it had.
        problem: String,
        /// Its remedy.
        remedy: Advice,
    },

    /// What was asked for cannot be done there, or with that.
    Refused {
        /// What cannot be done, and why.
        problem: String,
        /// What can.
        remedy: Advice,
    },

    /// Whoever watches the passes stopped one.
    Interrupted,

    /// A file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },

    /// A file cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },

    /// The contents of a file are not what they should be.
    Malformed {
        /// File and, where known, line and column.
        place: String,
        /// Problem that was found there.
        problem: String,
        /// Remedy.
        remedy: Advice,
    },

    /// No adapter matches the device asked for.
    NoAdapter {
        /// The request, in words.
        wanted: String,
        /// The devices that are there instead, in words.
        found: String,
    },

    /// The machine has less memory than is needed.
    OutOfMemory {
        /// Purpose, in words.
        what: String,
        /// How much; `None` for more than can be counted.
        bytes: Option<usize>,
    },

    /// The device has less memory than the samples need.
    OutOfDeviceMemory {
        /// Name of the device.
        device: String,
        /// The resource that could not be had.
        detail: String,
    },

    /// A model is larger than the kernels of a device take.
    TooLargeForDevice {
        /// Name of the device.
        device: String,
        /// The limits of the kernels, in words.
        limit: String,
        /// Components of the model.
        n_components: usize,
        /// Its features.
        n_features: usize,
    },

    /// The device stopped answering.
    DeviceLost {
        /// Name of the device.
        device: String,
        /// Message of the driver.
        detail: String,
    },

    /// The device returned what cannot be.
    WrongResults {
        /// Name of the device.
        device: String,
        /// The wrong results, in words.
        detail: String,
    },

    /// The driver refused something that it should take.
    Device {
        /// Name of the device.
        device: String,
        /// Message of the driver.
        detail: String,
    },
}

impl Error {
    /// The problem, and the place where that is known: one line.
    pub fn problem(&self) -> String {
        one_line(match self {
            Error::EmptyData { n_samples, n_features } => {
                let (samples, features) = (counted(*n_samples, "sample"), counted(*n_features, "feature"));
                format!("the data have no values: {samples} of {features}")
            }
            Error::NonFinite { row, feature, value, count } => {
                format!("row {row}, {feature} is {value}, the first of {count} values that are NaN or infinite")
            }
            Error::NoValues { feature } => format!("all values of {feature} are missing"),
            Error::TooLarge { row, feature, value } => {
                format!("row {row}, {feature} is {value:e}, too large for sums of squares")
            }
            Error::TooWideForSinglePrecision { row, feature, value, spreads } => format!(
                "row {row}, {feature} is {value:e}, {spreads:.1e} times the feature's spread from its median: \
                 single precision cannot hold both"
            ),
            Error::WeightCount { expected, found } => format!("{found} sample weights for {expected} samples"),
            Error::BadWeight { row, value } => format!("the sample weight of row {row} is {value}"),
            Error::WeightSum { sum } => format!("the sample weights sum to {sum}"),
            Error::TooFewSamples { n_samples, n_components } => {
                let are = if *n_samples == 1 { "is" } else { "are" };
                let (samples, components) = (counted(*n_samples, "sample"), counted(*n_components, "component"));
                format!("{samples} {are} too few for {components}")
            }
            Error::FeatureCount { expected, found } => {
                format!("the data have {}, the model has {expected}", counted(*found, "feature"))
            }
            Error::InvalidOption { name, value, .. } => format!("{name} is {value}"),
            Error::Shape { name, found, .. } => format!("{name} has shape {found:?}"),
            Error::InvalidParameter { name, index, value, .. } => {
                let place: String = index.iter().map(|i| format!("[{i}]")).collect();
                format!("{name}{place} is {value}")
            }
            Error::NotPositiveDefinite { component, feature, .. } => {
                let owner = component.map_or("the shared covariance".to_owned(), |k| format!("component {k}"));
                format!("{owner} collapsed along feature {feature}: its covariance is not positive definite")
            }
            Error::Parts { problem } | Error::Refused { problem, .. } => problem.clone(),
            Error::Rank { rank, problem, .. } => format!("rank {rank}: {problem}"),
            Error::Interrupted => "the work was interrupted".to_owned(),
            Error::Read { path, source } => format!("{}: cannot be read: {source}", path.display()),
            Error::Write { path, source } if source.kind() == io::ErrorKind::NotFound => {
                let directory = path.parent().unwrap_or(path).display();
                format!("{}: cannot be written: there is no directory {directory}", path.display())
            }
            Error::Write { path, source } => format!("{}: cannot be written: {source}", path.display()),
            Error::Malformed { place, problem, .. } => format!("{place}: {problem}"),
            Error::NoAdapter { wanted, found } => format!("no {wanted} was found; {found}"),
            Error::OutOfMemory { what, bytes } => {
                let size = bytes.map_or("endless memory".to_owned(), |bytes| ByteSize(bytes as u64).to_string());
                format!("{what} need {size}, more than can be had")
            }
            Error::OutOfDeviceMemory { device, detail } => format!("{device}: out of memory: {detail}"),
            Error::TooLargeForDevice { device, limit, n_components, n_features } => format!(
                "{} of {} are too large a model for {device}: it takes {limit}",
                counted(*n_components, "component"),
                counted(*n_features, "feature")
            ),
            Error::DeviceLost { device, detail } => format!("{device}: the device was lost: {detail}"),
            Error::WrongResults { device, detail } => format!("{device}: wrong results: {detail}"),
            Error::Device { device, detail } => format!("{device}: {detail}"),
        })
    }

    /// The remedy: what to do about it.
    pub fn remedy(&self) -> Advice {
        match self {
            Error::EmptyData { .. } => "give at least one row and one numeric column".into(),
            Error::NonFinite { value, .. } if value.is_nan() => {
                let remedy = Advice::from("remove or fill these values, or integrate out those that are missing (");
                remedy + Term::Marginalize + "); rows are counted from 0"
            }
            Error::NonFinite { .. } => "remove or fill these values before fitting (rows are counted from 0)".into(),
            Error::NoValues { .. } => Advice::from("leave it out (") + Term::Columns + ")",
            Error::TooLarge { .. } => "rescale this feature, or remove the row (rows are counted from 0)".into(),
            Error::TooWideForSinglePrecision { .. } => {
                Advice::from("remove the row or rescale the feature, or use the f64 backend (") + Term::Cpu + ")"
            }
            Error::WeightCount { .. } => "give one weight for each sample, in the same order".into(),
            Error::BadWeight { .. } => {
                "sample weights must be finite and not negative (rows are counted from 0)".into()
            }
            Error::WeightSum { .. } => "give at least one sample a positive weight, with a finite sum".into(),
            Error::TooFewSamples { .. } => "use at most one component per sample, or give more data".into(),
            Error::FeatureCount { .. } => {
                Advice::from("choose the columns that the model was fitted on (") + Term::Columns + ")"
            }
            Error::InvalidOption { expected, .. } | Error::InvalidParameter { expected, .. } => {
                format!("it must be {expected}").into()
            }
            Error::Shape { expected, .. } => format!("the shape must be {expected:?}").into(),
            Error::NotPositiveDefinite { single_precision, .. } => {
                let raise = Advice::from("raise the covariance floor (") + Term::Floor;
                let raise = raise + "), use fewer components, or drop features that are constant or follow from others";
                match single_precision {
                    true => raise + "; or use the f64 backend (" + Term::Cpu + ")",
                    false => raise,
                }
            }
            Error::Parts { .. } => "give every part of the data once, in order, with the same features".into(),
            Error::Interrupted => Advice::from("run it again, or go on from a checkpoint (") + Term::Resume + ")",
            Error::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "check the path",
                // What no system said, a decoder did.
                _ if source.raw_os_error().is_none() => "copy or write it again",
                _ => "check the path and its permissions",
            }
            .into(),
            Error::Write { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "make that directory, or choose another place",
                io::ErrorKind::IsADirectory => "give the name of a file in it, or choose another place",
                io::ErrorKind::NotADirectory => "choose another place: that is a file, and no directory",
                io::ErrorKind::PermissionDenied => "choose another place, or ask for permission to write there",
                _ => "choose another place, or make room there",
            }
            .into(),
            Error::Malformed { remedy, .. } | Error::Rank { remedy, .. } | Error::Refused { remedy, .. } => {
                remedy.clone()
            }
            Error::NoAdapter { .. } => {
                Advice::from("use ") + Term::Cpu + ", or install a driver; " + Term::Devices + " lists what there is"
            }
            Error::OutOfMemory { .. } => "use fewer components or features, or another covariance type".into(),
            Error::OutOfDeviceMemory { .. } => {
                let allow = Advice::from("allow samples less of it (") + Term::DeviceMemory;
                allow + "), use fewer components, another device, or " + Term::Cpu
            }
            Error::TooLargeForDevice { .. } => {
                Advice::from("use ") + Term::Cpu + ", which has no such limit, or fewer of them"
            }
            Error::DeviceLost { .. } => {
                Advice::from("run again, with another device or ") + Term::Cpu + " if it happens again"
            }
            Error::WrongResults { .. } | Error::Device { .. } => {
                Advice::from("update the driver, or use another device or ") + Term::Cpu
            }
        }
    }

    /// The error of samples that so many come before.
    pub(crate) fn behind(mut self, before: usize) -> Self {
        if let Error::NonFinite { row, .. }
        | Error::TooLarge { row, .. }
        | Error::TooWideForSinglePrecision { row, .. }
        | Error::BadWeight { row, .. } = &mut self
        {
            *row += before;
        }
        self
    }

    /// The two lines, with the words of a front door for the terms of the remedy.
    pub fn in_words(&self, words: impl Fn(&Term) -> String) -> String {
        format!("{}\n{}", self.problem(), self.remedy().in_words(words))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Term::to_string))
    }
}

/// A column of the data, by index and, where it has one, name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Index of the column, from 0.
    pub index: usize,
    /// Its name, from a header.
    pub name: Option<String>,
}

impl Display for Feature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "column {}", self.index)?;
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}
