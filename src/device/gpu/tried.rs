//! Which kernels passed their trial, in this run or, as files remember it, in an earlier one.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use wgpu::AdapterInfo;

use super::kernel::Kernel;
use super::pipelines::directory;

/// Kernels that passed their trial.
#[derive(Debug)]
pub(super) struct Tried {
    passed: Mutex<HashSet<u64>>,
    /// Where files remember it; `None` where nothing can be kept.
    folder: Option<PathBuf>,
    /// The adapter, its driver and this program.
    of: u64,
}

impl Tried {
    pub(super) fn new(adapter: &AdapterInfo) -> Self {
        let mut hasher = DefaultHasher::new();
        let AdapterInfo { name, vendor, device, driver, driver_info, backend, .. } = adapter;
        (name, vendor, device, driver, driver_info, backend.to_str(), env!("CARGO_PKG_VERSION")).hash(&mut hasher);
        let folder = directory(|variable| env::var_os(variable)).map(|folder| folder.join("tried"));
        Tried { passed: Mutex::default(), folder, of: hasher.finish() }
    }

    fn file(&self, kernel: u64) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{:016x}-{kernel:016x}", self.of)))
    }

    pub(super) fn has_passed(&self, kernel: &Kernel) -> bool {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            passed.contains(&kernel.fingerprint) || self.file(kernel.fingerprint).is_some_and(|file| file.exists());
        if known {
            passed.insert(kernel.fingerprint);
        }
        known
    }

    pub(super) fn pass(&self, kernel: &Kernel) {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).insert(kernel.fingerprint);
        if let (Some(folder), Some(file)) = (&self.folder, self.file(kernel.fingerprint)) {
            // What cannot be kept is tried again in the next run.
            let _ = fs::create_dir_all(folder).and_then(|()| fs::write(file, ""));
        }
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
        let path = folder.path().join("not yet there");
        let tried = |of| Tried { passed: Mutex::default(), folder: Some(path.clone()), of };
        let kernel =
            gpu.kernel(Layout::new(Factors::Diagonal, Statistics::Diagonals, 1, 1, gpu.tuning).posterior()).unwrap();
        let first = tried(1);
        assert!(!first.has_passed(&kernel));
        first.pass(&kernel);
        assert!(first.has_passed(&kernel) && tried(1).has_passed(&kernel) && !tried(2).has_passed(&kernel));
        // Where nothing can be kept it is known in this run alone.
        let nowhere = Tried { passed: Mutex::default(), folder: None, of: 1 };
        nowhere.pass(&kernel);
        assert!(nowhere.has_passed(&kernel));
    }
}
