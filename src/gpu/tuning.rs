//! What differs between adapters: one shape of the M step for hardware, another for drivers that run shaders on a
//! processor.

use crate::backend::DeviceInfo;

/// How the M step is shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tuning {
    /// Sums that an invocation holds: registers on hardware, lines of the first cache on a processor.
    pub(crate) held_sums: usize,
    /// Whether the lanes of a workgroup add up their sums, or each hands over its own. Workgroup memory is fast and
    /// device memory far on hardware. On a processor a barrier means that everything alive is kept in memory, all
    /// through the kernel.
    pub(crate) adds_lanes: bool,
    /// Workgroups that are enough to fill the adapter.
    pub(crate) workgroups: usize,
}

impl Tuning {
    pub(crate) const HARDWARE: Tuning = Tuning { held_sums: 153, adds_lanes: true, workgroups: 4096 };
    pub(crate) const SOFTWARE: Tuning = Tuning { held_sums: 306, adds_lanes: false, workgroups: 64 };

    /// The shape for an adapter.
    pub(crate) fn of(adapter: &DeviceInfo) -> Self {
        if adapter.device_type == "software" { Tuning::SOFTWARE } else { Tuning::HARDWARE }
    }
}
