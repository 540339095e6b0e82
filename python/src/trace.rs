//! The trace of a fit: a row for every epoch of every restart, in the columns of the command line's.

use mixtura::fit::{Progress, Repair};
use numpy::IntoPyArray;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The epochs of a fit. On their way to Python they are columns: a dictionary of arrays, and of lists of words.
#[derive(Default)]
pub(crate) struct Trace(pub(crate) Vec<Progress>);

impl Trace {
    fn column<T>(&self, value: impl Fn(&Progress) -> T) -> Vec<T> {
        self.0.iter().map(value).collect()
    }
}

impl<'py> IntoPyObject<'py> for Trace {
    type Target = PyDict;
    type Output = Bound<'py, PyDict>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let repairs = |step: &Progress| step.repairs.iter().map(Repair::to_string).collect::<Vec<_>>().join("; ");
        let columns = PyDict::new(py);
        columns.set_item("restart", self.column(|step| step.restart as i64).into_pyarray(py))?;
        columns.set_item("samples", self.column(|step| step.n_samples as i64).into_pyarray(py))?;
        columns.set_item("epoch", self.column(|step| step.epoch as i64).into_pyarray(py))?;
        columns.set_item("step", self.column(|step| step.kind.name()))?;
        columns.set_item("lower_bound", self.column(|step| step.lower_bound).into_pyarray(py))?;
        columns.set_item("change", self.column(|step| step.change).into_pyarray(py))?;
        columns.set_item("repairs", self.column(repairs))?;
        columns.set_item("evaluated", self.column(|step| step.evaluated).into_pyarray(py))?;
        columns.set_item("seconds", self.column(|step| step.seconds).into_pyarray(py))?;
        Ok(columns)
    }
}
