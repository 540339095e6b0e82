//! The one error type of the library.
//!
//! Every message has two lines: the first names the place and the problem, the second says what to do about it.
//! Rows, features and components are counted from 0; lines of a text file from 1.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use bytesize::ByteSize;

/// `Result` with Mixtura's [`Error`](enum@Error).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong; two lines each, the problem and the remedy.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to fit.
    #[error(
        "the data have no values: {n_samples} samples of {n_features} features\n\
         give at least one row and one numeric column"
    )]
    EmptyData {
        /// Rows found.
        n_samples: usize,
        /// Columns found.
        n_features: usize,
    },

    /// A value is NaN or infinite.
    #[error(
        "row {row}, {feature} is {value}, the first of {count} values that are NaN or infinite\n\
         remove or fill these values before fitting (rows are counted from 0)"
    )]
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

    /// A value is so large that its square, or a sum of squares, would overflow.
    #[error(
        "row {row}, {feature} is {value:e}, too large for sums of squares\n\
         rescale this feature, or remove the row (rows are counted from 0)"
    )]
    TooLarge {
        /// First row that has such a value.
        row: usize,
        /// The first such feature in that row.
        feature: Feature,
        /// The value found.
        value: f64,
    },

    /// A value lies so far from the others that single precision cannot hold both.
    #[error(
        "row {row}, {feature} is {value:e}, {spreads:.1e} times the feature's spread from its median: \
         single precision cannot hold both\n\
         remove the row or rescale the feature, or use the f64 backend (--device cpu)"
    )]
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
    #[error(
        "{found} sample weights for {expected} samples\n\
         give one weight for each sample, in the same order"
    )]
    WeightCount {
        /// Number of samples.
        expected: usize,
        /// Number of weights.
        found: usize,
    },

    /// A sample weight is negative, NaN or infinite.
    #[error(
        "the sample weight of row {row} is {value}\n\
         sample weights must be finite and not negative (rows are counted from 0)"
    )]
    BadWeight {
        /// First row that has such a weight.
        row: usize,
        /// The weight found.
        value: f64,
    },

    /// All sample weights are zero.
    #[error("the sample weights sum to {sum}\ngive at least one sample a positive weight, with a finite sum")]
    WeightSum {
        /// The sum found.
        sum: f64,
    },

    /// There are fewer samples than components.
    #[error(
        "{n_samples} samples are too few for {n_components} components\n\
         use at most one component per sample, or give more data"
    )]
    TooFewSamples {
        /// Number of samples (of positive weight).
        n_samples: usize,
        /// Number of components asked for.
        n_components: usize,
    },

    /// Data and model have different numbers of features.
    #[error(
        "the data have {found} features, the model has {expected}\n\
         choose the columns that the model was fitted on (--columns)"
    )]
    FeatureCount {
        /// Features of the model.
        expected: usize,
        /// Features of the data.
        found: usize,
    },

    /// An option lies outside its range.
    #[error("{name} is {value}\nit must be {expected}")]
    InvalidOption {
        /// Name of the option.
        name: &'static str,
        /// The value given.
        value: String,
        /// The values allowed.
        expected: &'static str,
    },

    /// An array of a model has another shape than its family, K and D demand.
    #[error("{name} has shape {found:?}\nthe shape must be {expected:?}")]
    Shape {
        /// Name of the array.
        name: &'static str,
        /// Shape needed.
        expected: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },

    /// A parameter of a model is not what a mixture can have.
    #[error("{name}{} is {value}\nit must be {expected}", place(index))]
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
    #[error(
        "{} collapsed along feature {feature}: its covariance is not positive definite\n\
         raise the covariance floor (--floor or --reg-covar), use fewer components, or drop features that are constant or \
         follow from others{}",
        owner(component),
        if *.single_precision { "; or use the f64 backend (--device cpu)" } else { "" }
    )]
    NotPositiveDefinite {
        /// The component; `None` for the covariance that all components share.
        component: Option<usize>,
        /// The feature at which the Cholesky factorisation broke down.
        feature: usize,
        /// Whether the covariance came from sums in single precision.
        single_precision: bool,
    },

    /// Parts of data, or answers about them, do not belong together.
    #[error("{problem}\ngive every part of the data once, in order, with the same features")]
    Parts {
        /// The part, and what is wrong with it.
        problem: String,
    },

    /// Whoever watches the passes stopped one.
    #[error("the work was interrupted\nrun it again, or go on from a checkpoint (--resume)")]
    Interrupted,

    /// A file cannot be read.
    #[error("{}: cannot be read: {source}\n{}", path.display(), reading_remedy(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file cannot be written.
    #[error("{}: cannot be written: {source}\nchoose another place, or make room there", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The contents of a file are not what they should be.
    #[error("{place}: {problem}\n{remedy}")]
    Malformed {
        /// File and, where known, line and column.
        place: String,
        /// What is wrong there.
        problem: String,
        /// What to do about it.
        remedy: String,
    },

    /// No adapter matches the device asked for.
    #[error(
        "no {wanted} was found; {found}\nuse --device cpu, or install a driver; `mixtura devices` lists what there is"
    )]
    NoAdapter {
        /// What was asked for, in words.
        wanted: String,
        /// What is there instead, in words.
        found: String,
    },

    /// The machine has less memory than is needed.
    #[error(
        "{what} need {}, more than can be had\nuse fewer components or features, or another covariance type",
        bytes.map_or("endless memory".to_owned(), |bytes| ByteSize(bytes as u64).to_string())
    )]
    OutOfMemory {
        /// What needs it, in words.
        what: String,
        /// How much; `None` for more than can be counted.
        bytes: Option<usize>,
    },

    /// The device has less memory than the samples need.
    #[error(
        "{device}: out of memory: {detail}\n\
         allow samples less of it (--gpu-memory), use fewer components, another device, or --device cpu"
    )]
    OutOfDeviceMemory {
        /// Name of the device.
        device: String,
        /// What could not be had.
        detail: String,
    },

    /// A model is larger than the kernels of a device take.
    #[error(
        "{n_components} components of {n_features} features are too large a model for {device}: it takes {limit}\n\
         use --device cpu, which has no such limit, or fewer of them"
    )]
    TooLargeForDevice {
        /// Name of the device.
        device: String,
        /// What it takes, in words.
        limit: String,
        /// Components of the model.
        n_components: usize,
        /// Its features.
        n_features: usize,
    },

    /// The device stopped answering.
    #[error(
        "{device}: the device was lost: {detail}\nrun again, with another device or --device cpu if it happens again"
    )]
    DeviceLost {
        /// Name of the device.
        device: String,
        /// What the driver said.
        detail: String,
    },

    /// The device returned what cannot be.
    #[error(
        "{device}: wrong results: {detail}\n\
         update the driver, or use another device or --device cpu"
    )]
    WrongResults {
        /// Name of the device.
        device: String,
        /// What it returned, in words.
        detail: String,
    },

    /// The driver refused something that it should take.
    #[error("{device}: {detail}\nupdate the driver, or use another device or --device cpu")]
    Device {
        /// Name of the device.
        device: String,
        /// What the driver said.
        detail: String,
    },
}

/// A column of the data, by index and, where it has one, name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Index of the column, from 0.
    pub index: usize,
    /// Its name, from a header.
    pub name: Option<String>,
}

impl std::fmt::Display for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "column {}", self.index)?;
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// What to do about a file that cannot be read.
fn reading_remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "check the path",
        // What no system said, a decoder did.
        _ if source.raw_os_error().is_none() => "copy or write it again",
        _ => "check the path and its permissions",
    }
}

fn owner(component: &Option<usize>) -> String {
    match component {
        Some(k) => format!("component {k}"),
        None => "the shared covariance".to_owned(),
    }
}

fn place(index: &[usize]) -> String {
    index.iter().map(|i| format!("[{i}]")).collect()
}
