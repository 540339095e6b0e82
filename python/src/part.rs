//! A part of the samples that stays loaded on its device.

use std::process;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use mixtura::data::{Shard, Watched};
use mixtura::device::{Answer, Backend, Task};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::ThreadPool;

use crate::devices::Choice;
use crate::errors::exception;
use crate::passes::reopen;
use crate::samples::{Samples, View, Way, Weights};
use crate::search::{Answers, Summary, Tasks};
use crate::work::{defect, hear_all, keep_pool, n_threads, take_pool};

/// A part of the samples, whose summary is that among all, on a device.
#[pyclass(frozen, module = "mixtura._native")]
pub(crate) struct Part {
    samples: Py<PyAny>,
    weights: Option<Py<PyAny>>,
    missing: Way,
    summary: mixtura::Summary,
    device: Choice,
    /// Loaded by the first pass, and again by one that follows an error.
    loaded: Mutex<Option<Loaded>>,
}

#[pymethods]
impl Part {
    #[new]
    fn new(
        samples: Bound<'_, PyAny>,
        weights: Option<Bound<'_, PyAny>>,
        missing: Way,
        summary: &Summary,
        device: Choice,
    ) -> Self {
        let (samples, weights) = (samples.unbind(), weights.map(Bound::unbind));
        Part { samples, weights, missing, summary: summary.0.clone(), device, loaded: Mutex::new(None) }
    }

    /// The answers to tasks, of one pass over the samples.
    fn answer(&self, py: Python<'_>, tasks: &Tasks) -> PyResult<Answers> {
        let n_threads = n_threads(py)?;
        let answers = py.detach(|| {
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            // The thread of a parent is not there to be asked.
            if let Some(inherited) = loaded.take_if(|loaded| loaded.owner != process::id()) {
                std::mem::forget(inherited);
            }
            let ready = match loaded.take() {
                Some(ready) => ready,
                None => Python::attach(|py| Loaded::begin(py, self))?,
            };
            let answers = ready.answer(&tasks.0, n_threads)?;
            // Whatever failed is not asked again: the next pass loads the samples anew.
            *loaded = Some(ready);
            Ok::<_, PyErr>(answers)
        })?;
        self.device.tell_distrust(py)?;
        Ok(Answers(answers))
    }
}

/// The samples on their device, in a thread that lends them to it: when nobody can ask it any more it ends, and lets go of
/// them. Nobody waits for that, for it needs the interpreter's lock.
struct Loaded {
    owner: u32,
    requests: Sender<Request>,
    stop: Arc<AtomicBool>,
}

/// What the thread is asked, and the threads to compute with.
struct Request {
    tasks: Vec<Task>,
    pool: ThreadPool,
    reply: Sender<Reply>,
}

type Reply = (ThreadPool, mixtura::Result<Vec<Answer>>);

impl Loaded {
    fn begin(py: Python<'_>, part: &Part) -> PyResult<Self> {
        let samples = part.samples.clone_ref(py);
        let weights = part.weights.as_ref().map(|weights| weights.clone_ref(py));
        let (missing, summary, device) = (part.missing, part.summary.clone(), part.device.clone());
        let (requests, asked) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let serve = move || {
            Python::attach(|py| {
                // What cannot be borrowed closes the channel; it was borrowed before, for its summary.
                let samples: Samples<'_> = samples.extract(py)?;
                let weights: Weights<'_> = weights.map(|weights| weights.extract(py)).transpose()?;
                let view = samples.view(&weights, missing);
                py.detach(|| serve(view, &summary, &device, &stopped, asked));
                Ok::<_, PyErr>(())
            })
        };
        let failed = |error| PyRuntimeError::new_err(format!("no thread could be started: {error}"));
        thread::Builder::new().name("mixtura-part".to_owned()).spawn(serve).map_err(failed)?;
        Ok(Loaded { owner: process::id(), requests, stop })
    }

    fn answer(&self, tasks: &[Task], n_threads: usize) -> PyResult<Vec<Answer>> {
        let (reply, replies) = channel();
        let request = Request { tasks: tasks.to_vec(), pool: take_pool(n_threads)?, reply };
        self.requests.send(request).map_err(|_| defect())?;
        let mut outcome = None;
        hear_all(&replies, &self.stop, |_, (pool, answers)| {
            keep_pool(pool);
            outcome = Some(answers);
            Ok(())
        })?;
        outcome.ok_or_else(defect)?.map_err(exception)
    }
}

/// Answers requests until there are no more, or one fails.
fn serve(view: View<'_>, summary: &mixtura::Summary, choice: &Choice, stop: &AtomicBool, requests: Receiver<Request>) {
    let Ok(first) = requests.recv() else { return };
    let samples = match first.pool.install(|| view.open_part()) {
        Ok(samples) => samples,
        Err(error) => return first.give(Err(error)),
    };
    let watched = Watched::new(samples.data(), stop, &|_| {});
    let shard = Shard::within(&watched, summary);
    let mut backend: Option<Box<dyn Backend + '_>> = None;
    for request in std::iter::once(first).chain(requests) {
        let answers = request.pool.install(|| {
            let backend = match &mut backend {
                Some(backend) => backend,
                None => backend.insert(choice.open()?.load(&shard)?),
            };
            backend.run(&request.tasks)
        });
        let answers = answers.inspect_err(|error| reopen(choice, error)).map_err(|error| samples.locate(error));
        let failed = answers.is_err();
        request.give(answers);
        if failed {
            return;
        }
    }
}

impl Request {
    fn give(self, answers: mixtura::Result<Vec<Answer>>) {
        // Who asked waits for the reply, whatever happens to it.
        let _ = self.reply.send((self.pool, answers));
    }
}
