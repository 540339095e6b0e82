//! Compiled pipelines, kept in the user's cache directory from one run to the next where the driver supports it.
//!
//! Whatever goes wrong with the file, kernels are compiled as if there were none.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use wgpu::{AdapterInfo, Device, ErrorFilter, PipelineCache, PipelineCacheDescriptor};

use super::kept::{folder, hash, write};

/// A file larger than this is not read, and so begun anew: nothing else ever leaves it.
const MOST_BYTES: u64 = 64 << 20;

/// The pipelines of one adapter, and their file.
#[derive(Debug)]
pub(super) struct Pipelines {
    pub(super) cache: PipelineCache,
    path: PathBuf,
    /// Hash of what the file holds.
    kept: Mutex<u64>,
}

impl Pipelines {
    /// Those kept of earlier runs; `None` where nothing can be kept.
    pub(super) fn open(device: &Device, adapter: &AdapterInfo) -> Option<Self> {
        let name = wgpu::util::pipeline_cache_key(adapter)?;
        Self::open_file(device, folder()?.join(name))
    }

    fn open_file(device: &Device, path: PathBuf) -> Option<Self> {
        let small = fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= MOST_BYTES);
        let data = small.then(|| fs::read(&path).ok()).flatten().and_then(|file| unseal(&file).map(<[u8]>::to_vec));
        let scope = device.push_error_scope(ErrorFilter::Validation);
        let descriptor = PipelineCacheDescriptor { label: Some("mixtura"), data: data.as_deref(), fallback: true };
        // SAFETY: the data is what `get_data` returned: its hash says so, in a file of the user's own. wgpu checks that
        // it is of this device and driver.
        #[allow(unsafe_code)]
        let cache = unsafe { device.create_pipeline_cache(&descriptor) };
        match pollster::block_on(scope.pop()) {
            None => Some(Pipelines { cache, path, kept: Mutex::new(data.map_or(0, |data| hash(&data))) }),
            Some(_) => None,
        }
    }

    /// Keeps what was compiled since.
    pub(super) fn keep(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(data) = self.cache.get_data() else { return };
        let now = hash(&data);
        // A cache that cannot be written is no reason to complain, nor to try again.
        if *kept != now {
            let _ = write(&self.path, &seal(&data));
            *kept = now;
        }
    }
}

/// Data with its hash in front: wgpu looks at the first bytes alone, and drivers trust the rest.
fn seal(data: &[u8]) -> Vec<u8> {
    [&hash(data).to_le_bytes(), data].concat()
}

/// The data of a file, unless it is not what was sealed.
fn unseal(file: &[u8]) -> Option<&[u8]> {
    let (seal, data) = file.split_first_chunk()?;
    (u64::from_le_bytes(*seal) == hash(data)).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::gpu::context::tests::open;

    #[test]
    fn a_seal_is_broken_by_any_change() {
        let sealed = seal(b"pipelines");
        assert_eq!(unseal(&sealed), Some(&b"pipelines"[..]));
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(unseal(&changed), None);
            assert_eq!(unseal(&sealed[..i]), None);
        }
    }

    #[test]
    fn a_cache_survives_whatever_is_in_its_file() {
        let Some(gpu) = open() else { return };
        if !gpu.device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not yet there").join("cache");
        Pipelines::open_file(&gpu.device, path.clone()).expect("a cache without a file").keep();
        let kept = fs::read(&path).expect("a file");
        assert!(unseal(&kept).is_some());
        for contents in [vec![], b"noise".to_vec(), seal(b"sealed noise"), kept[..kept.len() - 1].to_vec(), kept] {
            fs::write(&path, &contents).unwrap();
            let pipelines = Pipelines::open_file(&gpu.device, path.clone()).expect("a cache all the same");
            pipelines.keep();
            assert!(unseal(&fs::read(&path).unwrap()).is_some());
        }
        // Where a directory should be there is a file: nothing is kept, and nobody is told.
        let nowhere = Pipelines::open_file(&gpu.device, path.join("below a file")).expect("a cache");
        nowhere.keep();
    }
}
