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
use crate::model::family::CovarianceType;

/// The adapter, if there is one to take, and why that one or none.
pub(crate) struct Automatic {
    pub(crate) gpu: Option<Gpu>,
    pub(crate) reason: String,
}

/// The shape of the epoch by which ceilings are compared, and the bytes of a value.
const SHAPE: (usize, usize, usize) = (1_000_000, 16, 16);
const SINGLE: usize = size_of::<f32>();
const DOUBLE: usize = size_of::<f64>();

/// Share of the ceiling that epochs reach: as the compilers of adapters make of the kernels, and as measured on processors.
const REACHED_BY_ADAPTERS: f64 = 0.4;
const REACHED_BY_PROCESSORS: f64 = 0.85;

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
    let name = format!("{} ({})", info.name, info.backend);
    let adapters = remembered(&name, &Kept::of_adapter(info), || gpu.ceiling())?;
    let name = format!("{}, {}{}", cpu::info(precision).name, precision.name(), processor());
    let processors = remembered(&name, &Kept::of_processor(&name), || cpu::ceiling::measure(precision))?;
    let value_bytes = if precision == Precision::Double { DOUBLE } else { SINGLE };
    let gain =
        seconds(&processors, value_bytes, REACHED_BY_PROCESSORS) / seconds(&adapters, SINGLE, REACHED_BY_ADAPTERS);
    Ok(match gain > 1.0 {
        true => (Some(gpu), format!("its ceiling promises epochs {gain:.1} times as fast as the CPU's")),
        false => (
            None,
            format!("the ceiling of {} promises epochs {gain:.2} times as fast as the CPU's, and no faster", info.name),
        ),
    })
}

/// The processor's model, where the system tells it in a file: machines may share a cache directory.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or(String::new(), |model| format!(", {}", model.trim_start_matches([' ', '\t', ':'])))
}

/// Seconds of the epoch by which ceilings are compared: those of its arithmetic, or of reading the samples.
fn seconds(ceiling: &Ceiling, value_bytes: usize, reached: f64) -> f64 {
    let (n, d, k) = SHAPE;
    let compute = ceiling.compute_seconds(CovarianceType::Full.epoch_flops(n, k, d));
    compute.max(ceiling.traffic_seconds((n * d * value_bytes) as f64)) / reached
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
    fn an_epoch_takes_as_long_as_the_slower_of_arithmetic_and_traffic() {
        let at = |gflops, gbytes_per_second| seconds(&Ceiling { gflops, gbytes_per_second }, SINGLE, 0.5);
        let (n, d, k) = SHAPE;
        let flops = CovarianceType::Full.epoch_flops(n, k, d);
        assert!((at(1e3, 1e9) - 2.0 * flops / 1e12).abs() < 1e-12);
        assert!((at(1e9, 10.0) - 2.0 * (n * d * 4) as f64 / 1e10).abs() < 1e-12);
    }

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
