//! Which device, and what is known of it before it is opened.

use std::convert::Infallible;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::device::tune::TuningRecord;

/// Which device to use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceChoice {
    /// A discrete adapter, or Apple's; an integrated one where its measured ceiling promises faster epochs than the CPU's;
    /// otherwise the native CPU backend.
    #[default]
    Auto,
    /// The native CPU backend, in a precision: `cpu` is in f64, `cpu-f32` in f32.
    Cpu(Precision),
    /// A hardware adapter.
    Gpu,
    /// A software adapter: lavapipe, SwiftShader or WARP.
    Software,
    /// The adapter of this number in the list of devices, or whose name contains this text.
    Adapter(String),
    /// All hardware adapters: `gpu:all`.
    AllGpus,
    /// Several devices, each of them any of the above but `auto`, that share the samples: `0,1,cpu`. One may stand there
    /// twice.
    Several(Vec<DeviceChoice>),
}

impl FromStr for DeviceChoice {
    type Err = Infallible;

    fn from_str(choice: &str) -> Result<Self, Infallible> {
        Ok(match choice {
            "auto" => DeviceChoice::Auto,
            "cpu" => DeviceChoice::Cpu(Precision::Double),
            "cpu-f32" => DeviceChoice::Cpu(Precision::Single),
            "gpu" => DeviceChoice::Gpu,
            "software" => DeviceChoice::Software,
            "gpu:all" => DeviceChoice::AllGpus,
            list if list.contains(',') => DeviceChoice::Several(
                list.split(',').map(|choice| choice.trim().parse()).collect::<Result<Vec<_>, Infallible>>()?,
            ),
            other => DeviceChoice::Adapter(other.to_owned()),
        })
    }
}

/// The arithmetic that passes over samples compute in. What they sum is finished in f64 either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Precision {
    /// f32: seven digits, at twice the speed.
    #[serde(rename = "f32")]
    Single,
    /// f64: sixteen digits.
    #[default]
    #[serde(rename = "f64")]
    Double,
}

impl Precision {
    /// Both.
    pub const ALL: [Precision; 2] = [Precision::Single, Precision::Double];

    /// `f32` or `f64`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Single => "f32",
            Precision::Double => "f64",
        }
    }
}

/// The device that a backend runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// `cpu`, or the graphics interface: `vulkan`, `metal`, `dx12`.
    pub backend: String,
    /// Name of the processor or adapter.
    pub name: String,
    /// `cpu`, `discrete-gpu`, `integrated-gpu`, `virtual-gpu`, `software` or `other`.
    #[serde(rename = "type")]
    pub device_type: String,
    /// Its arithmetic.
    #[serde(default)]
    pub precision: Precision,
    /// How it was tuned, where results depend on that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<TuningRecord>,
    /// The devices that share the samples, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<Team>,
}

/// Devices of the same arithmetic, among several that share the samples: what is theirs is handed to whoever of them is
/// free, and whoever that is, the bits are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// The device, or each of them.
    #[serde(flatten)]
    pub info: DeviceInfo,
    /// How many there are.
    pub devices: usize,
    /// Their share of the samples, in thousandths.
    pub share: u32,
}

impl DeviceInfo {
    /// Whether the other device gives the same bits: the same adapter, tuned alike, or, of processors, the same
    /// instructions, on however many threads. What tuning did not choose yet, it may still choose alike. Of several
    /// devices, teams that compute alike must have the same shares.
    pub fn computes_like(&self, other: &DeviceInfo) -> bool {
        let (one, other) = (self.in_one_piece(), other.in_one_piece());
        let alike = |(a, b): (&Team, &Team)| a.share == b.share && a.info.computes_like(&b.info);
        match (&one.teams[..], &other.teams[..]) {
            ([], []) => one.computes_alone_like(other),
            (teams, others) => teams.len() == others.len() && teams.iter().zip(others).all(alike),
        }
    }

    /// The processor, where it is all that several devices are: its sums are the same in one piece.
    fn in_one_piece(&self) -> &DeviceInfo {
        match &self.teams[..] {
            [Team { info, .. }] if info.backend == "cpu" => info,
            _ => self,
        }
    }

    fn computes_alone_like(&self, other: &DeviceInfo) -> bool {
        let kind = |info: &DeviceInfo| match info.backend.as_str() {
            "cpu" => info.name.split(" on ").next().unwrap_or_default().to_owned(),
            _ => info.name.clone(),
        };
        let tuned_alike = match (&self.tuning, &other.tuning) {
            (Some(a), Some(b)) => a.agrees_with(b),
            (a, b) => a == b,
        };
        tuned_alike && (&self.backend, self.precision, kind(self)) == (&other.backend, other.precision, kind(other))
    }
}
