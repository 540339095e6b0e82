//! The devices under test: the native CPU backend and, with the feature `gpu`, a software adapter.
//!
//! `MIXTURA_TEST_DEVICES` names others, as the command line spells them: `cpu,gpu` on a machine with a graphics card.
//! A device that cannot be opened fails the tests; leaving one out takes saying so there.

use std::env;
use std::io::{self, Write};
use std::sync::LazyLock;

use mixtura::device::Precision;
use mixtura::{Device, DeviceChoice};

use super::compare::{DOUBLE, SINGLE, Tolerance};

/// A device, and how exact it must be.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) device: Device,
    pub(crate) tolerance: Tolerance,
}

/// Names the devices to test.
const VARIABLE: &str = "MIXTURA_TEST_DEVICES";

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
    let default = if cfg!(feature = "gpu") { "cpu,cpu-f32,software" } else { "cpu,cpu-f32" };
    let choices = env::var(VARIABLE).unwrap_or_else(|_| default.to_owned());
    choices.split(',').map(|choice| Subject::open(choice.trim())).collect()
});

/// The devices under test, opened once.
pub(crate) fn devices() -> &'static [Subject] {
    &SUBJECTS
}

impl Subject {
    fn open(choice: &str) -> Self {
        let Ok(wanted) = choice.parse::<DeviceChoice>();
        let device = Device::open(&wanted).unwrap_or_else(|error| {
            panic!(
                "the device `{choice}` cannot be opened: {error}\n\
                 on Debian and Ubuntu, `apt-get install mesa-vulkan-drivers` installs a software adapter; \
                 {VARIABLE}=cpu tests the CPU backend alone"
            )
        });
        let info = device.info();
        let name = format!("{choice}: {} ({}, {})", info.name, info.backend, info.device_type);
        // Past the test harness, which would keep a `println` of a test that passes to itself.
        io::stderr().write_all(format!("device under test: {name}\n").as_bytes()).unwrap();
        let tolerance = if info.precision == Precision::Double { DOUBLE } else { SINGLE };
        Subject { name, device, tolerance }
    }

    /// Whether the device computes in f64.
    pub(crate) fn is_double(&self) -> bool {
        self.tolerance == DOUBLE
    }
}
