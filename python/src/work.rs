//! Work without the interpreter's lock, which Ctrl-C stops.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use std::{process, thread};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::exception;

/// How long a signal may wait until it is noticed.
const PATIENCE: Duration = Duration::from_millis(50);

/// Operations of a job that takes less time than that: a few tens of milliseconds, on any processor.
const FEW_OPERATIONS: f64 = 5e7;

thread_local! {
    /// The calling thread as a pool of its own, for jobs that need no other. Rayon has no way back from that.
    static ALONE: Option<ThreadPool> = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok();
}

/// Pools that are kept for the next jobs, at most.
const MOST_IDLE: usize = 4;

/// How many threads this process may have. The system reads files to tell, and tells it once.
static MACHINE: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

/// `limit` of the module `mixtura._threads`.
static LIMIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Pools that no job is using, and the process that they belong to: a fork does not inherit their threads.
static IDLE: Mutex<(u32, Vec<ThreadPool>)> = Mutex::new((0, Vec::new()));

/// Does a job on threads of its own, its caller waiting without the interpreter's lock. Were the threads of several
/// jobs shared, one that waits for a part of its job might take up the whole of another.
///
/// The job should look at the flag that it is given, which says when to stop. What it sends is handed to `hear` under
/// the lock, in the thread that called, as signals are.
///
/// # Errors
/// That of the job; that of a signal's handler or of `hear`, after the job has stopped.
pub(crate) fn work<T: Send, E: Send>(
    py: Python<'_>,
    mut hear: impl FnMut(Python<'_>, E) -> PyResult<()> + Send,
    job: impl FnOnce(&AtomicBool, Sender<E>) -> mixtura::Result<T> + Send,
) -> PyResult<T> {
    let n_threads = n_threads(py)?;
    py.detach(|| {
        let pool = take_pool(n_threads)?;
        let stop = AtomicBool::new(false);
        let mut outcome = None;
        let raised = pool.in_place_scope(|scope| {
            let (sender, receiver) = channel();
            let (stop, outcome) = (&stop, &mut outcome);
            scope.spawn(move |_| {
                // The channel closes when the job is over, however early that drops its end.
                let _open = sender.clone();
                *outcome = Some(catch_unwind(AssertUnwindSafe(|| job(stop, sender))));
            });
            hear_all(&receiver, stop, &mut hear)
        });
        keep_pool(pool);
        raised?;
        match outcome {
            Some(Ok(result)) => result.map_err(exception),
            _ => Err(defect()),
        }
    })
}

/// Hears what comes through a channel until it closes. After an error, that of `hear` or of a signal's handler, the flag
/// is set, and nothing more is heard.
pub(crate) fn hear_all<E: Send>(
    receiver: &Receiver<E>,
    stop: &AtomicBool,
    mut hear: impl FnMut(Python<'_>, E) -> PyResult<()>,
) -> PyResult<()> {
    let mut raised = Ok(());
    loop {
        let event = receiver.recv_timeout(PATIENCE);
        if let Err(RecvTimeoutError::Disconnected) = event {
            return raised;
        }
        if raised.is_ok() {
            raised = Python::attach(|py| {
                event.map_or(Ok(()), |event| hear(py, event))?;
                py.check_signals()
            });
            stop.store(raised.is_err(), Ordering::Relaxed);
        }
    }
}

/// The error of a thread that ended in the middle of its work.
pub(crate) fn defect() -> PyErr {
    PyRuntimeError::new_err("an internal error of mixtura, which is a defect: please report it")
}

/// [`work`] of about so many operations. Where these are few, and for one thread, the caller does them: to wake another
/// thread takes longer than much of a small job, and signals wait no longer than they may.
///
/// # Errors
/// As [`work`].
pub(crate) fn work_of<T: Send, E: Send>(
    py: Python<'_>,
    operations: f64,
    hear: impl FnMut(Python<'_>, E) -> PyResult<()> + Send,
    job: impl FnOnce(&AtomicBool, Sender<E>) -> mixtura::Result<T> + Send,
) -> PyResult<T> {
    if operations > FEW_OPERATIONS || n_threads(py)? > 1 || !ALONE.with(Option::is_some) {
        return work(py, hear, job);
    }
    let outcome = py.detach(|| {
        // Nobody hears of so short a job.
        let (sender, _) = channel();
        catch_unwind(AssertUnwindSafe(|| job(&AtomicBool::new(false), sender)))
    });
    outcome.map_err(|_| defect())?.map_err(exception)
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

/// How many threads a job has: as many as the machine has, or as the least of the limits on them says.
pub(crate) fn n_threads(py: Python<'_>) -> PyResult<usize> {
    let limit = LIMIT.get_or_try_init(py, || py.import("mixtura._threads")?.getattr("limit").map(Bound::unbind))?;
    match limit.call0(py)?.extract(py)? {
        0 => Ok(*MACHINE),
        limit => Ok(MACHINE.min(limit)),
    }
}

/// An idle pool of `n_threads` threads, or a new one.
pub(crate) fn take_pool(n_threads: usize) -> PyResult<ThreadPool> {
    let idle = {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.0 != process::id() {
            // The threads of a parent are not there to be ended.
            std::mem::forget(std::mem::replace(&mut *idle, (process::id(), Vec::new())));
        }
        let pool = idle.1.iter().rposition(|pool| pool.current_num_threads() == n_threads);
        pool.map(|pool| idle.1.remove(pool))
    };
    let new = || ThreadPoolBuilder::new().num_threads(n_threads).thread_name(|i| format!("mixtura-{i}")).build();
    let failed = |error| PyRuntimeError::new_err(format!("no threads could be started: {error}"));
    idle.map_or_else(|| new().map_err(failed), Ok)
}

/// Keeps a pool for the next job. Of too many the one that was kept longest goes: it may have a number of threads that
/// nobody asks for any more.
pub(crate) fn keep_pool(pool: ThreadPool) {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.0 == process::id() {
        idle.1.push(pool);
        let oldest = (idle.1.len() > MOST_IDLE).then(|| idle.1.remove(0));
        drop(idle);
        drop(oldest);
    }
}
