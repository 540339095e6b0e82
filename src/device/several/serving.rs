//! Members at work side by side, and what comes of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::device::backend::Backend;
use crate::device::single::Single;
use crate::error::{Error, Result};

/// Has all members serve: processors one after another on this thread, whose pool of threads they share, and each
/// adapter on a thread of its own, where it waits for its device.
pub(super) fn serve_all(members: &[Single], serve: &(dyn Fn(&[usize]) + Sync)) {
    let (processors, adapters): (Vec<usize>, Vec<usize>) =
        (0..members.len()).partition(|member| matches!(members[*member], Single::Cpu(_)));
    thread::scope(|scope| {
        for adapter in adapters {
            scope.spawn(move || serve(&[adapter]));
        }
        serve(&processors);
    });
}

/// What comes of the work on portions: results are taken as they come. After an error no more work is begun; of several
/// the one about the first portion counts.
pub(super) struct Outcome<'t, T> {
    take: Mutex<&'t mut Take<'t, T>>,
    error: Mutex<Option<(usize, Error)>>,
    has_failed: AtomicBool,
}

/// Whether a portion, told by its number, is wanted.
pub(super) type Wanted<'w> = dyn Fn(usize) -> bool + Sync + 'w;

/// Work on a portion, told by its number, with the backend that has it.
pub(super) type Work<'w, T> = dyn Fn(usize, &mut dyn Backend) -> Result<T> + Sync + 'w;

/// Takes the result for a portion, which is told by its number.
pub(super) type Take<'t, T> = dyn FnMut(usize, T) -> Result<()> + Send + 't;

impl<'t, T> Outcome<'t, T> {
    pub(super) fn new(take: &'t mut Take<'t, T>) -> Self {
        Outcome { take: Mutex::new(take), error: Mutex::new(None), has_failed: AtomicBool::new(false) }
    }

    /// Takes the result for a portion.
    pub(super) fn take(&self, portion: usize, result: Result<T>) {
        let taken = result.and_then(|result| lock(&self.take)(portion, result));
        if let Err(error) = taken {
            let mut first = lock(&self.error);
            if first.as_ref().is_none_or(|(before, _)| portion < *before) {
                *first = Some((portion, error));
            }
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there was an error.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// The error, if there was one.
    pub(super) fn finish(self) -> Result<()> {
        let error = self.error.into_inner().unwrap_or_else(PoisonError::into_inner);
        error.map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// A panic elsewhere leaves nothing half done here.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
