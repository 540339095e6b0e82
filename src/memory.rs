//! Amounts of memory, and how much there is.

#[cfg(any(feature = "gpu", feature = "io"))]
use bytesize::ByteSize;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::error::{Error, Result};

/// Share of the memory that is available which samples may take.
const SHARE: f64 = 0.75;

/// Bytes of the machine's memory that samples take by default: most of what is available, within the limits of the
/// process' control group, where it has any.
pub fn memory_for_samples() -> u64 {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(memory);
    let free = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    (system.available_memory().min(free) as f64 * SHARE) as u64
}

/// Checks that an amount of memory, in bytes, can be had for what is named.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn check_room(what: impl FnOnce() -> String, bytes: Option<usize>) -> Result<()> {
    let had = bytes.is_some_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
    match had {
        true => Ok(()),
        false => Err(Error::OutOfMemory { what: what(), bytes }),
    }
}

/// A number of bytes for people: 1.5 GiB.
#[cfg(any(feature = "gpu", feature = "io"))]
pub(crate) fn text(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}
