//! What Ctrl-C does, and being told to end in other ways.

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

/// From now on, an interrupted program leaves no temporary files behind.
pub(crate) fn install() -> anyhow::Result<()> {
    Ok(ctrlc::set_handler(|| {
        // Asked a second time, even work that would end by itself ends at once.
        if ENDS_BY_ITSELF.load(Ordering::SeqCst) && !ASKED.swap(true, Ordering::SeqCst) {
            return;
        }
        let _held = mixtura::io::discard_unfinished();
        process::exit(STATUS.into());
    })?)
}

/// From now on the work under way ends by itself.
pub(crate) fn wait_for_end() {
    ENDS_BY_ITSELF.store(true, Ordering::SeqCst);
}

/// Whether the work under way was asked to end.
pub(crate) fn asked() -> &'static AtomicBool {
    &ASKED
}
