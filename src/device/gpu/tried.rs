//! Which kernels passed their trial, in this run or, as files remember it, in an earlier one.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::kept::Kept;
use super::kernel::Kernel;

/// The kind of what is kept of them.
const KIND: &str = "tried";

/// Kernels that passed their trial.
#[derive(Debug)]
pub(super) struct Tried {
    passed: Mutex<HashSet<u64>>,
    kept: Kept,
}

impl Tried {
    pub(super) fn new(kept: Kept) -> Self {
        Tried { passed: Mutex::default(), kept }
    }

    pub(super) fn has_passed(&self, kernel: &Kernel) -> bool {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = passed.contains(&kernel.fingerprint) || self.kept.read(KIND, &kernel.fingerprint).is_some();
        if known {
            passed.insert(kernel.fingerprint);
        }
        known
    }

    pub(super) fn pass(&self, kernel: &Kernel) {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).insert(kernel.fingerprint);
        self.kept.write(KIND, &kernel.fingerprint, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::gpu::context::tests::open;
    use crate::device::gpu::e_step::{Factors, Layout};
    use crate::model::statistics::Statistics;

    #[test]
    fn a_kernel_is_tried_once_for_each_adapter_driver_and_version() {
        let Some(gpu) = open() else { return };
        let folder = tempfile::tempdir().unwrap();
        let tried = |of| Tried::new(Kept::of(Some(folder.path().to_owned()), of));
        let kernel =
            gpu.kernel(Layout::new(Factors::Diagonal, Statistics::Diagonals, 1, 1, gpu.tuning).posterior()).unwrap();
        let first = tried(1);
        assert!(!first.has_passed(&kernel));
        first.pass(&kernel);
        assert!(first.has_passed(&kernel) && tried(1).has_passed(&kernel) && !tried(2).has_passed(&kernel));
        // Where nothing can be kept it is known in this run alone.
        let nowhere = Tried::new(Kept::of(None, 1));
        nowhere.pass(&kernel);
        assert!(nowhere.has_passed(&kernel));
    }
}
