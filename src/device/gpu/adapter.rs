//! Finding adapters, and choosing one.

use wgpu::{Adapter, Backends, DeviceType, Instance, InstanceDescriptor};

use super::context::{Gpu, describe};
use crate::advice::{Advice, Term};
use crate::device::choice::DeviceChoice;
use crate::device::choice::DeviceInfo;
use crate::error::{Error, Result};

/// Kinds of hardware, the fastest first.
pub(super) const HARDWARE: [DeviceType; 3] =
    [DeviceType::DiscreteGpu, DeviceType::IntegratedGpu, DeviceType::VirtualGpu];

/// Names of interfaces to GPUs, which are no devices.
const INTERFACES: [&str; 10] = ["cuda", "rocm", "hip", "opencl", "oneapi", "xpu", "mps", "metal", "vulkan", "dx12"];

/// What is wanted where hardware is, in words.
const HARDWARE_WANTED: &str = "hardware graphics adapter";

/// Percentage of a device's memory that buffers may take.
const MOST_MEMORY_PERCENT: u8 = 90;

/// The environment variable by which users of wgpu choose among Vulkan, Metal and the like.
const BACKEND_VARIABLE: &str = "WGPU_BACKEND";

/// Has a layer of Mesa's, which sorts adapters for windows, not complain on standard error that there is no display. That
/// takes a change of the environment, which nobody may read meanwhile: it is left where other threads run.
#[cfg(target_os = "linux")]
fn quieten_driver() {
    let is_set = |variable| std::env::var_os(variable).is_some();
    let is_alone = || std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
    if !is_set("XDG_RUNTIME_DIR") && !is_set("MESA_VK_DEVICE_SELECT") && is_alone() {
        // SAFETY: this is the only thread of the process.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
    }
}

/// All adapters, in the order of the numbers that select them.
pub(super) fn enumerate() -> Vec<Adapter> {
    #[cfg(target_os = "linux")]
    quieten_driver();
    let mut instance = InstanceDescriptor::new_without_display_handle_from_env();
    // A choice that leaves none of what this program is built with, such as gl, was made for others.
    if (instance.backends & Instance::enabled_backend_features()).is_empty() {
        instance.backends = Backends::all();
    }
    // Where the driver says how much memory there is, no buffer takes the last of it: the rest is for scratch.
    instance.memory_budget_thresholds.for_resource_creation = Some(MOST_MEMORY_PERCENT);
    let instance = Instance::new(instance);
    pollster::block_on(instance.enumerate_adapters(Backends::all()))
}

/// Descriptions of all adapters, in the order of the numbers that select them.
pub(crate) fn adapters() -> Vec<DeviceInfo> {
    enumerate().iter().map(describe).collect()
}

/// Opens the adapter chosen by name, number or kind.
///
/// # Errors
/// [`Error::NoAdapter`] says what was found instead.
pub(crate) fn select(choice: &DeviceChoice) -> Result<Gpu> {
    let mut adapters = enumerate();
    let of_type = |wanted: &[DeviceType]| {
        wanted.iter().find_map(|wanted| adapters.iter().position(|a| a.get_info().device_type == *wanted))
    };
    let (position, wanted) = match choice {
        DeviceChoice::Software => (of_type(&[DeviceType::Cpu]), "software graphics adapter".to_owned()),
        DeviceChoice::Adapter(text) => {
            let position = match text.parse::<usize>() {
                Ok(number) if number < adapters.len() => Some(number),
                Ok(_) => None,
                Err(_) => adapters.iter().position(|a| a.get_info().name.to_lowercase().contains(&text.to_lowercase())),
            };
            (position, format!("graphics adapter \"{text}\""))
        }
        _ => (of_type(&HARDWARE), HARDWARE_WANTED.to_owned()),
    };
    match (position, choice) {
        (Some(position), _) => Gpu::open(adapters.swap_remove(position)),
        (None, DeviceChoice::Adapter(text)) if is_interface(text) => Err(no_interface(text, &adapters)),
        (None, _) => Err(Error::NoAdapter { wanted, found: found(&adapters) }),
    }
}

/// Opens all hardware adapters, the fastest kind first.
///
/// # Errors
/// [`Error::NoAdapter`] where there is none; what the driver of one refused.
pub(crate) fn all_hardware() -> Result<Vec<Gpu>> {
    let adapters = enumerate();
    let place = |adapter: &Adapter| HARDWARE.iter().position(|kind| *kind == adapter.get_info().device_type);
    let best = adapters.iter().filter(|adapter| place(adapter).is_some()).min_by_key(|adapter| place(adapter));
    let Some(interface) = best.map(|adapter| adapter.get_info().backend) else {
        return Err(Error::NoAdapter { wanted: HARDWARE_WANTED.to_owned(), found: found(&adapters) });
    };
    // Each of them is there once for every interface.
    let is_one = |adapter: &Adapter| place(adapter).is_some() && adapter.get_info().backend == interface;
    let mut hardware: Vec<Adapter> = adapters.into_iter().filter(is_one).collect();
    hardware.sort_by_key(place);
    hardware.into_iter().map(Gpu::open).collect()
}

/// Whether a device is asked for by the name of an interface, perhaps with a number: cuda:0.
fn is_interface(text: &str) -> bool {
    let name = text.split(':').next().unwrap_or_default().to_lowercase();
    INTERFACES.contains(&name.as_str())
}

/// The error for such a name.
fn no_interface(text: &str, adapters: &[Adapter]) -> Error {
    let problem = format!(
        "{text} is no device: GPUs of all makers are reached by Vulkan, Metal or DirectX 12, and chosen by their kind, \
         number or name"
    );
    let is_hardware = |adapter: &Adapter| HARDWARE.contains(&adapter.get_info().device_type);
    let remedy = match adapters.iter().any(is_hardware) {
        true => Advice::from("use ") + Term::Gpu,
        false => Advice::from("there is no hardware GPU here: use ") + Term::Cpu,
    };
    Error::Refused { problem, remedy: remedy + ", or what " + Term::Devices + " lists" }
}

/// The adapters there are, in words.
fn found(adapters: &[Adapter]) -> String {
    let hidden = std::env::var(BACKEND_VARIABLE).ok().filter(|value| !value.is_empty());
    if adapters.is_empty() {
        return match hidden {
            Some(value) => format!("{BACKEND_VARIABLE}={value} hides those that there may be: unset it"),
            None => "there is no graphics adapter at all".to_owned(),
        };
    }
    let list: Vec<String> = adapters
        .iter()
        .enumerate()
        .map(|(i, adapter)| {
            let info = describe(adapter);
            format!("adapter {i}, {} ({}, {})", info.name, info.device_type, info.backend)
        })
        .collect();
    let hidden = hidden.map_or(String::new(), |value| format!("; {BACKEND_VARIABLE}={value} may hide others"));
    format!("there is {}{hidden}", list.join(", and "))
}
