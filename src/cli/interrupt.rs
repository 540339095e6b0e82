//! Ctrl-C, and other signals to end.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit status of a program that was interrupted.
pub(crate) const STATUS: u8 = 130;

/// Whether some work is under way that ends by itself when it is asked to.
static ENDS_BY_ITSELF: AtomicBool = AtomicBool::new(false);

/// Whether it was asked.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Work that was interrupted, and what was kept of it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Interrupted(pub(crate) String);

/// From now on, an interrupted program leaves no temporary files behind. What whoever started it had it ignore, as
/// `nohup` and shells do for work in the background, it goes on ignoring.
pub(crate) fn install() -> anyhow::Result<()> {
    let ignored = ignored::signals();
    ctrlc::set_handler(|| {
        // Asked a second time, even work that would end by itself ends at once.
        if ENDS_BY_ITSELF.load(Ordering::SeqCst) && !ASKED.swap(true, Ordering::SeqCst) {
            return;
        }
        let _held = mixtura::io::discard_unfinished();
        process::exit(STATUS.into());
    })?;
    ignored::ignore(&ignored);
    Ok(())
}

#[cfg(unix)]
mod ignored {
    use std::mem::MaybeUninit;
    use std::ptr::null;

    use libc::{SIG_IGN, SIGHUP, SIGINT, SIGTERM, c_int};

    /// Those of the signals that end work that are ignored now.
    pub(super) fn signals() -> Vec<c_int> {
        let is_ignored = |signal: &c_int| {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: with no new action this only writes the one in force to the place that is given.
            #[allow(unsafe_code)]
            let action = unsafe {
                libc::sigaction(*signal, null(), action.as_mut_ptr());
                action.assume_init()
            };
            action.sa_sigaction == SIG_IGN
        };
        [SIGINT, SIGHUP, SIGTERM].into_iter().filter(is_ignored).collect()
    }

    /// Ignores signals.
    pub(super) fn ignore(signals: &[c_int]) {
        for signal in signals {
            // SAFETY: a signal that is ignored runs nothing.
            #[allow(unsafe_code)]
            unsafe {
                libc::signal(*signal, SIG_IGN);
            }
        }
    }
}

#[cfg(not(unix))]
mod ignored {
    pub(super) fn signals() {}

    pub(super) fn ignore(_: &()) {}
}

/// From now on the work under way ends by itself.
pub(crate) fn wait_for_end() {
    ENDS_BY_ITSELF.store(true, Ordering::SeqCst);
}

/// Whether the work under way was asked to end.
pub(crate) fn asked() -> &'static AtomicBool {
    &ASKED
}
