//! Errors of the library as Python's: the exception types that scikit-learn raises, and the names of arguments in place
//! of the command line's flags.

use std::io;

use mixtura::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyOSError, PyRuntimeError, PyValueError};

/// Flags that messages mention, and what they are here.
const ARGUMENTS: [(&str, &str); 12] = [
    ("--device cpu", "device=\"cpu\""),
    ("`mixtura devices`", "mixtura.devices()"),
    ("`mixtura fit --out`", "`GaussianMixture.save` or `mixtura fit --out`"),
    ("--reg-covar", "reg_covar"),
    ("--columns", "Dataset(columns=...)"),
    ("allow samples less of it (--gpu-memory), ", ""),
    ("--memory", "Dataset(memory=...)"),
    ("--header yes", "Dataset(header=True)"),
    ("--header no", "Dataset(header=False)"),
    ("--delimiter", "Dataset(delimiter=...)"),
    ("--dims", "Dataset(dims=...)"),
    ("--member", "Dataset(member=...)"),
];

/// scikit-learn's words for a covariance that is not positive definite.
const COLLAPSED: &str = "Fitting the mixture model failed because some components have ill-defined empirical \
    covariance (for instance caused by singleton or collapsed samples). Try to decrease the number of components, \
    increase reg_covar, or scale the input data.";

/// The exception for an error.
pub(crate) fn exception(error: Error) -> PyErr {
    let message = in_python(&error.to_string());
    match error {
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        Error::Read { path, source } | Error::Write { path, source } => {
            system(&source, &path.display().to_string(), message)
        }
        Error::OutOfMemory { .. } | Error::OutOfDeviceMemory { .. } => PyMemoryError::new_err(message),
        Error::NoAdapter { .. } | Error::DeviceLost { .. } | Error::Device { .. } | Error::WrongResults { .. } => {
            PyRuntimeError::new_err(message)
        }
        Error::TooFewSamples { n_samples, n_components } => PyValueError::new_err(format!(
            "Expected n_samples >= n_components but got n_components = {n_components}, n_samples = {n_samples}"
        )),
        Error::NotPositiveDefinite { single_precision, .. } => {
            let place = message.lines().next().unwrap_or_default().to_owned();
            let advice = match single_precision {
                true => " The numerical accuracy can also be improved by computing in float64 (device=\"cpu\").",
                false => "",
            };
            PyValueError::new_err(format!("{COLLAPSED}{advice} ({place})"))
        }
        _ => PyValueError::new_err(message),
    }
}

/// A text of the library, with the names of Python's arguments.
pub(crate) fn in_python(text: &str) -> String {
    ARGUMENTS.iter().fold(text.to_owned(), |text, (flag, argument)| text.replace(flag, argument))
}

/// The exception for what the system refused: of the type that its number stands for.
fn system(source: &io::Error, path: &str, message: String) -> PyErr {
    match source.raw_os_error() {
        Some(number) => {
            let text = source.to_string();
            let reason = text.split(" (os error").next().unwrap_or_default().to_owned();
            PyOSError::new_err((number, reason, path.to_owned()))
        }
        None => PyOSError::new_err(message),
    }
}
