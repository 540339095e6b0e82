//! Buffers between two passes: the scratch for one portion of the samples serves the next.

use std::sync::{Mutex, PoisonError};

use wgpu::{Buffer, BufferUsages};

/// Buffers with their labels, which nothing uses now.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<(&'static str, Buffer)>>);

impl Spare {
    /// Keeps buffers, in the place of those before. Whoever takes one finds in it what is left of another pass.
    pub(super) fn keep(&self, buffers: Vec<(&'static str, Buffer)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = buffers;
    }

    /// A buffer with a label, of a size in bytes, if there is one; if not, room is made of those with the same label.
    pub(super) fn take(&self, label: &str, size: u64, usage: BufferUsages) -> Option<Buffer> {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let serves = |(its, buffer): &(&str, Buffer)| *its == label && (buffer.size(), buffer.usage()) == (size, usage);
        match spare.iter().position(serves) {
            Some(place) => Some(spare.swap_remove(place).1),
            None => {
                spare.retain(|(its, _)| *its != label);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::gpu::context::tests::open;

    #[test]
    fn a_buffer_serves_again_for_what_is_as_large_and_makes_room_for_what_is_not() {
        let Some(gpu) = open() else { return };
        let usage = BufferUsages::STORAGE;
        let buffer = |label: &str, bytes: u64| gpu.buffer(label, bytes, usage).unwrap();
        let (sums, totals) = (buffer("sums", 64), buffer("totals", 64));
        gpu.spare.keep(vec![("sums", sums.clone()), ("totals", totals.clone())]);
        assert_eq!(buffer("sums", 64), sums);
        assert_ne!(buffer("sums", 64), sums, "taken once");
        assert_ne!(buffer("totals", 128), totals);
        assert!(gpu.spare.take("totals", 64, usage).is_none(), "let go");
    }
}
