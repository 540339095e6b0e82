//! Devices: what they are, and the passes that they do over samples.

pub(crate) mod assessment;
pub(crate) mod backend;
pub(crate) mod blocks;
pub(crate) mod candidates;
pub(crate) mod ceiling;
pub(crate) mod choice;
pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod numbers;
pub(crate) mod open;
pub(crate) mod plausible;
pub(crate) mod prune;
mod score;
pub(crate) mod several;
pub(crate) mod single;
pub(crate) mod steps;
pub(crate) mod sums;
pub(crate) mod task;
pub(crate) mod truncated;
pub(crate) mod trust;
pub(crate) mod tune;
pub(crate) mod worst;

pub use self::assessment::{Assessment, VisitAssessed};
pub use self::backend::{Backend, KernelTime};
pub use self::ceiling::Ceiling;
pub use self::choice::{DeviceChoice, DeviceInfo, Precision, Team};
pub use self::cpu::{Imputation, impute};
pub use self::open::{Device, Listed, devices, missing_hardware};
pub use self::prune::Prune;
pub use self::score::Score;
pub use self::task::{Answer, Assignment, Task};
pub use self::tune::{Tune, TuningRecord};
