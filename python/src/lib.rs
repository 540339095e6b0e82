//! The native half of the Python package: arrays in, arrays out. What the estimator looks like is written in Python,
//! beside this, and what it computes in the library.

mod checkpoint;
mod dataset;
mod devices;
mod errors;
mod fit;
mod model;
mod moments;
mod part;
mod passes;
mod samples;
mod search;
mod selection;
mod trace;
mod work;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::checkpoint::options_of_checkpoint;
    #[pymodule_export]
    use super::dataset::{Dataset, files};
    #[pymodule_export]
    use super::devices::devices;
    #[pymodule_export]
    use super::fit::fit;
    #[pymodule_export]
    use super::model::{load, sample, save};
    #[pymodule_export]
    use super::moments::{Moments, moments};
    #[pymodule_export]
    use super::part::Part;
    #[pymodule_export]
    use super::passes::{impute, log_likelihood, predict, predict_proba, score_samples};
    #[pymodule_export]
    use super::search::{Answers, Search, Summary, Tasks, summarize};
    #[pymodule_export]
    use super::selection::select;
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
