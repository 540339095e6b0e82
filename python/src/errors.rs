//! Errors of the library as Python's: the exception types that scikit-learn raises, and the names of arguments in its
//! advice.

use std::io;

use mixtura::{Advice, Error, Term};
use pyo3::PyErr;
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyOSError, PyRuntimeError, PyValueError};

/// scikit-learn's words for a covariance that is not positive definite.
const COLLAPSED: &str = "Fitting the mixture model failed because some components have ill-defined empirical \
    covariance (for instance caused by singleton or collapsed samples). Try to decrease the number of components, \
    increase reg_covar, or scale the input data.";

/// The exception for an error.
pub(crate) fn exception(error: Error) -> PyErr {
    let message = error.in_words(argument);
    match error {
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        Error::Read { path, source } | Error::Write { path, source } => {
            system(&source, &path.display().to_string(), message)
        }
        Error::OutOfMemory { .. } => PyMemoryError::new_err(message),
        // Samples may take all memory that a device has.
        Error::OutOfDeviceMemory { .. } => {
            let remedy = Advice::from("use fewer components, another device, or ") + Term::Cpu;
            PyMemoryError::new_err(format!("{}\n{}", error.problem(), in_python(&remedy)))
        }
        Error::NoAdapter { .. } | Error::DeviceLost { .. } | Error::Device { .. } | Error::WrongResults { .. } => {
            PyRuntimeError::new_err(message)
        }
        // Not all samples are files.
        Error::NoValues { .. } => {
            PyValueError::new_err(format!("{}\nleave it out of X, or of Dataset(columns=...)", error.problem()))
        }
        Error::TooFewSamples { n_samples, n_components } => PyValueError::new_err(format!(
            "Expected n_samples >= n_components but got n_components = {n_components}, n_samples = {n_samples}"
        )),
        Error::NotPositiveDefinite { single_precision, .. } => {
            let place = error.problem();
            let advice = match single_precision {
                true => " The numerical accuracy can also be improved by computing in float64 (device=\"cpu\").",
                false => "",
            };
            PyValueError::new_err(format!("{COLLAPSED}{advice} ({place})"))
        }
        _ => PyValueError::new_err(message),
    }
}

/// A line of the library's advice, with the names of arguments.
pub(crate) fn in_python(advice: &Advice) -> String {
    advice.in_words(argument)
}

/// The argument, or the function, that a term stands for. What Python has nothing of, the command line has.
fn argument(term: &Term) -> String {
    let argument = match term {
        Term::Cpu => "device=\"cpu\"",
        Term::Gpu => "device=\"gpu\"",
        Term::Devices => "mixtura.devices()",
        Term::Memory => "Dataset(memory=...)",
        Term::DeviceMemory => "`mixtura fit --gpu-memory`",
        Term::Columns => "Dataset(columns=...)",
        Term::ColumnsNamed(names) => {
            let names: Vec<String> = names.iter().map(|name| literal(name)).collect();
            return format!("Dataset(..., columns=[{}])", names.join(", "));
        }
        Term::Header(true) => "Dataset(header=True)",
        Term::Header(false) => "Dataset(header=False)",
        Term::Delimiter => "Dataset(delimiter=...)",
        Term::Member(names) => {
            let calls: Vec<String> =
                names.iter().map(|name| format!("Dataset(..., member={})", literal(name))).collect();
            return calls.join(" or ");
        }
        Term::Dims => "Dataset(dims=...)",
        Term::Floor => "reg_covar or floor",
        Term::MaxIter => "max_iter",
        Term::Tol => "tol",
        Term::Marginalize => "missing='marginalize'",
        Term::StartModel => "weights_init, means_init and precisions_init",
        Term::SaveModel => "`GaussianMixture.save` or `mixtura fit --out`",
        Term::SaveCheckpoint => "`GaussianMixture(checkpoint=...)` or `mixtura fit --checkpoint`",
        Term::Resume => "`mixtura.resume`",
        other => return other.to_string(),
    };
    argument.to_owned()
}

/// A string as it is typed in Python; JSON writes it alike.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
