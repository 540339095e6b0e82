//! Work without the interpreter's lock, which Ctrl-C stops.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::exception;

/// How long a signal may wait until it is noticed.
const PATIENCE: Duration = Duration::from_millis(50);

/// The threads that work, and the process that they belong to: a fork does not inherit them.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Does a job on the threads of the pool, its caller waiting without the interpreter's lock.
///
/// The job should look at the flag that it is given, which says when to stop. What it sends is handed to `hear` under the
/// lock, in the thread that called, as signals are.
///
/// # Errors
/// What the job returns; what a signal's handler or `hear` raises, after the job has stopped.
pub(crate) fn work<T: Send, E: Send>(
    py: Python<'_>,
    mut hear: impl FnMut(Python<'_>, E) -> PyResult<()> + Send,
    job: impl FnOnce(&AtomicBool, Sender<E>) -> mixtura::Result<T> + Send,
) -> PyResult<T> {
    let pool = pool()?;
    py.detach(|| {
        let stop = AtomicBool::new(false);
        let mut outcome = None;
        let mut raised = Ok(());
        pool.in_place_scope(|scope| {
            let (sender, receiver) = channel();
            let (stop, outcome) = (&stop, &mut outcome);
            scope.spawn(move |_| {
                // The channel closes when the job is over, however early that drops its end.
                let _open = sender.clone();
                *outcome = Some(catch_unwind(AssertUnwindSafe(|| job(stop, sender))));
            });
            loop {
                let event = receiver.recv_timeout(PATIENCE);
                if let Err(RecvTimeoutError::Disconnected) = event {
                    break;
                }
                if raised.is_ok() {
                    raised = Python::attach(|py| {
                        event.map_or(Ok(()), |event| hear(py, event))?;
                        py.check_signals()
                    });
                    stop.store(raised.is_err(), Ordering::Relaxed);
                }
            }
        });
        raised?;
        match outcome {
            Some(Ok(result)) => result.map_err(exception),
            _ => Err(PyRuntimeError::new_err("an internal error of mixtura, which is a defect: please report it")),
        }
    })
}

/// Does a job that has nothing to tell.
///
/// # Errors
/// As [`work`].
pub(crate) fn quietly<T: Send>(
    py: Python<'_>,
    job: impl FnOnce(&AtomicBool) -> mixtura::Result<T> + Send,
) -> PyResult<T> {
    work(py, |_, ()| Ok(()), |stop, _sender| job(stop))
}

/// The pool of this process.
fn pool() -> PyResult<Arc<ThreadPool>> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let here = process::id();
    if let Some((owner, pool)) = &*pool
        && *owner == here
    {
        return Ok(pool.clone());
    }
    let new = ThreadPoolBuilder::new().thread_name(|i| format!("mixtura-{i}")).build();
    let new = Arc::new(new.map_err(|error| PyRuntimeError::new_err(format!("no threads could be started: {error}")))?);
    // The threads of a parent are not there to be ended.
    std::mem::forget(pool.replace((here, new.clone())));
    Ok(new)
}
