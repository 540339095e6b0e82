//! The adapter that is taken where nobody chose one: a discrete one, or Apple's, before all others; an integrated one only
//! where it promises faster epochs than the CPU.

use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, PoisonError};

use wgpu::{Adapter, AdapterInfo, Backend, DeviceType};

use super::adapter::{HARDWARE, enumerate};
use super::context::Gpu;
use super::kept::Kept;
use crate::device::ceiling::Ceiling;
use crate::device::choice::Precision;
use crate::device::cpu;
use crate::error::{Error, Result};

/// The adapter, if there is one to take, and why that one or none.
pub(crate) struct Automatic {
    pub(crate) gpu: Option<Gpu>,
    pub(crate) reason: String,
}

/// The kind of what is kept of ceilings.
const KIND: &str = "ceiling";

/// Chooses an adapter where nobody did, or the CPU in a precision. One whose driver is broken is passed over.
pub(crate) fn choose_automatically(precision: Precision) -> Automatic {
    let place = |adapter: &Adapter| HARDWARE.iter().position(|kind| *kind == adapter.get_info().device_type);
    let mut hardware: Vec<Adapter> = enumerate().into_iter().filter(|adapter| place(adapter).is_some()).collect();
    hardware.sort_by_key(place);
    let mut passed_over = Vec::new();
    for adapter in hardware {
        let info = adapter.get_info();
        match consider(adapter, &info, precision) {
            Ok((Some(gpu), reason)) => return Automatic { gpu: Some(gpu), reason },
            Ok((None, reason)) => passed_over.push(reason),
            Err(error) => passed_over.push(error.problem()),
        }
    }
    let reason = match passed_over.is_empty() {
        true => "there is no graphics adapter but software".to_owned(),
        false => passed_over.join("; "),
    };
    Automatic { gpu: None, reason }
}

/// Opens an adapter, and says why it is taken, or why not.
fn consider(adapter: Adapter, info: &AdapterInfo, precision: Precision) -> Result<(Option<Gpu>, String)> {
    let gpu = Gpu::open(adapter)?;
    if info.device_type == DeviceType::DiscreteGpu {
        return Ok((Some(gpu), "a discrete graphics adapter comes before all others".to_owned()));
    }
    if info.backend == Backend::Metal && info.name.starts_with("Apple") {
        return Ok((Some(gpu), "Apple's graphics come before the CPU".to_owned()));
    }
    let gain = processor_seconds(precision)? / adapter_seconds(&gpu)?;
    Ok(match gain > 1.0 {
        true => (Some(gpu), format!("its ceiling promises epochs {gain:.1} times as fast as the CPU's")),
        false => (
            None,
            format!("the ceiling of {} promises epochs {gain:.2} times as fast as the CPU's, and no faster", info.name),
        ),
    })
}

/// Seconds of the epoch by which devices are compared, of an adapter.
///
/// # Errors
/// What the driver reports, and a ceiling that cannot be.
pub(crate) fn adapter_seconds(gpu: &Gpu) -> Result<f64> {
    let name = format!("{} ({})", gpu.info().name, gpu.info().backend);
    Ok(remembered(&name, gpu.kept(), || gpu.ceiling())?.adapter_seconds())
}

/// The same of the processor, in a precision.
///
/// # Errors
/// A ceiling that cannot be.
pub(crate) fn processor_seconds(precision: Precision) -> Result<f64> {
    let name = format!("{}, {}{}", cpu::info(precision).name, precision.name(), processor());
    let ceiling = remembered(&name, &Kept::of_processor(&name), || cpu::ceiling::measure(precision))?;
    Ok(ceiling.processor_seconds(precision))
}

/// The processor's model, where the system tells it in a file: machines may share a cache directory.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or(String::new(), |model| format!(", {}", model.trim_start_matches([' ', '\t', ':'])))
}

/// The ceiling of a device, measured once.
fn remembered(name: &str, kept: &Kept, measure: impl FnOnce() -> Result<Ceiling>) -> Result<Ceiling> {
    static MEASURED: Mutex<Option<HashMap<String, Ceiling>>> = Mutex::new(None);
    let mut measured = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let measured = measured.get_or_insert_default();
    if let Some(ceiling) = measured.get(name) {
        return Ok(*ceiling);
    }
    let ceiling = match kept.read(KIND, &name).and_then(|text| read(&text)) {
        Some(ceiling) => ceiling,
        None => {
            let ceiling = measure()?;
            if !is_sound(&ceiling) {
                let detail = "no multiply-add and no copy of it takes a time".to_owned();
                return Err(Error::WrongResults { device: name.to_owned(), detail });
            }
            kept.write(KIND, &name, &format!("{} {}\n", ceiling.gflops, ceiling.gbytes_per_second));
            ceiling
        }
    };
    measured.insert(name.to_owned(), ceiling);
    Ok(ceiling)
}

/// The ceiling that a file keeps; `None` of a file that is none of ours.
fn read(text: &str) -> Option<Ceiling> {
    let (gflops, gbytes_per_second) = text.trim_end().split_once(' ')?;
    let ceiling = Ceiling { gflops: gflops.parse().ok()?, gbytes_per_second: gbytes_per_second.parse().ok()? };
    is_sound(&ceiling).then_some(ceiling)
}

fn is_sound(ceiling: &Ceiling) -> bool {
    [ceiling.gflops, ceiling.gbytes_per_second].iter().all(|rate| rate.is_finite() && *rate > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceiling_is_measured_once_for_each_device() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::of(Some(folder.path().to_owned()), 1);
        let ceiling = Ceiling { gflops: 12.5, gbytes_per_second: 3.25 };
        assert_eq!(remembered("first of a test", &kept, || Ok(ceiling)).unwrap(), ceiling);
        let again = || panic!("measured again");
        assert_eq!(remembered("first of a test", &kept, again).unwrap(), ceiling);
        assert_eq!(kept.read(KIND, &"first of a test").and_then(|text| read(&text)), Some(ceiling));
        // Rates that cannot be are no ceiling, measured or read.
        let nothing = Ceiling { gflops: 0.0, gbytes_per_second: 1.0 };
        let error = remembered("second of a test", &kept, || Ok(nothing)).unwrap_err();
        assert!(matches!(error, Error::WrongResults { .. }), "{error}");
        for text in ["", "1", "1 x", "0 1", "1 -1", "NaN 1", "1 inf", "1 2 3"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
