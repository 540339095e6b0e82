//! Report of `mixtura bench`: one JSON object, or tables.

use mixtura::counted;
use mixtura::device::{DeviceInfo, KernelTime};
use serde::Serialize;

use super::deviation::Deviation;
use super::measure::{Measurement, Opened, Task};
use super::verdict::{Contender, verdict};
use crate::cli::format::{count, seconds};
use crate::cli::layout::{aligned, facts, sentence, tables};
use crate::cli::report::median;

/// The JSON object.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    n_samples: usize,
    n_features: usize,
    n_components: usize,
    covariance_type: &'static str,
    epochs: usize,
    seed: u64,
    /// Floating-point operations that an epoch needs.
    epoch_flops: f64,
    /// The CPU backend, and then the others.
    devices: Vec<Entry>,
    left_out: Vec<LeftOut>,
    /// Which of them is for these data, and what puts that in doubt.
    verdict: Vec<String>,
}

/// A device that nobody asked for by name, and why it is not among the others.
#[derive(Debug, Serialize)]
pub(super) struct LeftOut {
    device: String,
    reason: String,
}

/// One device.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    device: String,
    #[serde(flatten)]
    info: DeviceInfo,
    seconds: Phases,
    /// What tuning chose.
    tuned: Vec<String>,
    epoch_ms: Spread,
    /// Before tuning, if there was any.
    untuned_epoch_ms: Option<Spread>,
    samples_per_second: f64,
    gflops: f64,
    ceiling: Limits,
    floor_ms: Floor,
    /// Share of the epoch that the floor is.
    floor_fraction: f64,
    /// How many times as fast as the CPU backend.
    speed_up: f64,
    /// From the CPU backend.
    deviation: Deviation,
    /// Null where nobody asked; empty where the device has no timestamps.
    kernels: Option<Vec<Kernel>>,
}

#[derive(Debug, Serialize)]
struct Phases {
    open: f64,
    compile: f64,
    upload: f64,
    init: f64,
    tuning: f64,
}

#[derive(Debug, Serialize)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

#[derive(Debug, Serialize)]
struct Limits {
    gflops: f64,
    gbytes_per_second: f64,
}

/// Least milliseconds of an epoch: the larger of the two.
#[derive(Debug, Serialize)]
struct Floor {
    compute: f64,
    /// Of the samples, read once.
    traffic: f64,
}

#[derive(Debug, Serialize)]
struct Kernel {
    name: &'static str,
    ms: f64,
    share: f64,
}

impl Spread {
    /// Of times in seconds, of which there is at least one.
    fn of(times: &[f64]) -> Self {
        Spread {
            median: median(times).expect("there is at least one epoch") * 1e3,
            least: times.iter().copied().fold(f64::INFINITY, f64::min) * 1e3,
            most: times.iter().copied().fold(0.0, f64::max) * 1e3,
        }
    }
}

impl LeftOut {
    pub(super) fn new(device: &str, error: &mixtura::Error) -> Self {
        LeftOut { device: device.to_owned(), reason: error.problem() }
    }
}

impl Entry {
    /// The entry of a device, compared with the CPU backend.
    pub(super) fn new(opened: &Opened, measured: &Measurement, cpu: &Measurement, task: &Task) -> Self {
        let info = opened.device.info();
        let (n, d) = (task.summary.n_samples(), task.summary.n_features());
        let value_bytes = if info.backend == "cpu" { task.value_bytes } else { size_of::<f32>() };
        let flops = epoch_flops(task);
        let floor = Floor {
            compute: measured.ceiling.compute_seconds(flops) * 1e3,
            traffic: measured.ceiling.traffic_seconds((n * d * value_bytes) as f64) * 1e3,
        };
        let epoch = typical(measured);
        Entry {
            device: opened.name.clone(),
            info: opened.device.record(),
            seconds: Phases {
                open: opened.seconds,
                compile: measured.compile,
                upload: measured.upload,
                init: measured.init,
                tuning: measured.tuning,
            },
            tuned: opened.device.tuned(),
            epoch_ms: Spread::of(&measured.epochs),
            untuned_epoch_ms: measured.untuned.as_deref().map(Spread::of),
            samples_per_second: n as f64 / epoch,
            gflops: flops / epoch / 1e9,
            ceiling: Limits { gflops: measured.ceiling.gflops, gbytes_per_second: measured.ceiling.gbytes_per_second },
            floor_fraction: floor.compute.max(floor.traffic) / (epoch * 1e3),
            floor_ms: floor,
            speed_up: typical(cpu) / epoch,
            deviation: Deviation::of(&measured.end, &cpu.end),
            kernels: measured.kernels.as_deref().map(shares),
        }
    }

    /// What it is judged by.
    fn contender(&self) -> Contender<'_> {
        let Phases { open, compile, upload, .. } = self.seconds;
        let Spread { median, least, most } = self.epoch_ms;
        Contender {
            device: &self.device,
            start: open + compile + upload,
            epoch: median / 1e3,
            unsteadiness: most / least,
            floor_fraction: self.floor_fraction,
        }
    }

    /// Rows of the table for the device: name and value.
    fn facts(&self) -> Vec<(String, String)> {
        let (floor, bound) = match &self.floor_ms {
            Floor { compute, traffic } if compute >= traffic => (compute, "compute"),
            Floor { traffic, .. } => (traffic, "traffic"),
        };
        let facts = [
            ("", self.device.clone()),
            ("open", seconds(self.seconds.open)),
            ("compile", seconds(self.seconds.compile)),
            ("upload", seconds(self.seconds.upload)),
            ("initialisation", seconds(self.seconds.init)),
            ("tuning", seconds(self.seconds.tuning)),
            ("epoch, median", milliseconds(self.epoch_ms.median)),
            ("least", milliseconds(self.epoch_ms.least)),
            ("most", milliseconds(self.epoch_ms.most)),
            ("samples per second", count(self.samples_per_second)),
            ("useful GFLOP/s", format!("{:.1}", self.gflops)),
            ("ceiling, GFLOP/s", format!("{:.1}", self.ceiling.gflops)),
            ("ceiling, GB/s", format!("{:.1}", self.ceiling.gbytes_per_second)),
            ("floor of an epoch", format!("{} ({bound})", milliseconds(*floor))),
            ("fraction of the floor", format!("{:.3}", self.floor_fraction)),
            ("speed-up over the CPU", format!("{:.2}", self.speed_up)),
        ]
        .map(|(name, fact)| (name.to_owned(), fact));
        let deviations = self.deviation.named().map(|(name, x)| (format!("deviation of {name}"), format!("{x:.1e}")));
        facts.into_iter().chain(deviations).collect()
    }

    /// The table of kernels, where it was asked for.
    fn profile(&self) -> Option<String> {
        let kernels = self.kernels.as_ref()?;
        if kernels.is_empty() {
            let why = if self.info.backend == "cpu" { "has no kernels to time" } else { "has no timestamps" };
            return Some(format!("  {} {why}\n", self.device));
        }
        let mut rows = vec![vec![format!("kernel of {}", self.device), "ms per epoch".to_owned(), "share".to_owned()]];
        rows.extend(kernels.iter().map(|Kernel { name, ms, share }| {
            vec![name.to_string(), format!("{ms:.3}"), format!("{:.1} %", 100.0 * share)]
        }));
        Some(aligned(&rows, 1))
    }
}

impl Report {
    pub(super) fn new(task: &Task, devices: Vec<Entry>, left_out: Vec<LeftOut>) -> Self {
        let Task { summary, options, .. } = task;
        Report {
            n_samples: summary.n_samples(),
            n_features: summary.n_features(),
            n_components: options.n_components,
            covariance_type: options.covariance_type.name(),
            epochs: options.max_iter,
            seed: options.seed,
            epoch_flops: epoch_flops(task),
            verdict: verdict(&devices.iter().map(Entry::contender).collect::<Vec<_>>()),
            devices,
            left_out,
        }
    }

    /// The tables for people.
    pub(super) fn table(&self) -> String {
        let mut known = vec![
            ("samples", format!("{} of {}", self.n_samples, counted(self.n_features, "feature"))),
            ("components", format!("{}, covariance {}", self.n_components, self.covariance_type)),
            ("epochs", self.epochs.to_string()),
        ];
        known.extend(self.devices.iter().map(|device| (device.device.as_str(), device.info.name.clone())));
        // Facts are rows, devices are columns.
        let columns: Vec<_> = self.devices.iter().map(Entry::facts).collect();
        let rows: Vec<Vec<String>> = columns[0]
            .iter()
            .enumerate()
            .map(|(i, (name, _))| {
                [name.clone()].into_iter().chain(columns.iter().map(|facts| facts[i].1.clone())).collect()
            })
            .collect();
        let mut text = facts(&known);
        for (_, table) in tables(&rows, 1, 1) {
            text += &format!("\n{table}");
        }
        for LeftOut { device, reason } in &self.left_out {
            text += &format!("\n{}", sentence(&format!("{device} is left out: {reason}")));
        }
        for device in &self.devices {
            for choice in &device.tuned {
                text += &format!("\n{}", sentence(&format!("{} tuned: {choice}", device.device)));
            }
            if let Some(before) = &device.untuned_epoch_ms {
                text += &format!("  before that an epoch took {}\n", milliseconds(before.median));
            }
        }
        for profile in self.devices.iter().filter_map(Entry::profile) {
            text += &format!("\n{profile}");
        }
        text + "\n" + &self.verdict.iter().map(|line| sentence(line)).collect::<String>()
    }
}

fn epoch_flops(task: &Task) -> f64 {
    let Task { summary, options, .. } = task;
    options.covariance_type.epoch_flops(summary.n_samples(), options.n_components, summary.n_features())
}

/// Median seconds of an epoch.
fn typical(measured: &Measurement) -> f64 {
    median(&measured.epochs).expect("there is at least one epoch")
}

fn milliseconds(ms: f64) -> String {
    seconds(ms / 1e3)
}

fn shares(times: &[KernelTime]) -> Vec<Kernel> {
    let total: f64 = times.iter().map(|time| time.seconds).sum();
    let share = |seconds| if total > 0.0 { seconds / total } else { 0.0 };
    let kernel = |time: &KernelTime| Kernel { name: time.kernel, ms: time.seconds * 1e3, share: share(time.seconds) };
    times.iter().map(kernel).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use mixtura::device::Precision;
    use mixtura::{CovarianceArray, Mixture};

    use super::*;

    fn entry(device: &str, backend: &str, kernels: Option<Vec<Kernel>>) -> Entry {
        let mixture = Mixture::new(array![1.0], array![[0.0]], CovarianceArray::Spherical(array![1.0])).unwrap();
        Entry {
            device: device.to_owned(),
            info: DeviceInfo {
                backend: backend.to_owned(),
                name: "a name".to_owned(),
                device_type: String::new(),
                precision: Precision::Single,
                tuning: None,
                teams: Vec::new(),
            },
            seconds: Phases { open: 0.5, compile: 0.25, upload: 2.0, init: 3.0, tuning: 4.0 },
            tuned: Vec::new(),
            epoch_ms: Spread { median: 20.0, least: 19.0, most: 22.0 },
            untuned_epoch_ms: None,
            samples_per_second: 5e7,
            gflops: 100.0,
            ceiling: Limits { gflops: 200.0, gbytes_per_second: 10.0 },
            floor_ms: Floor { compute: 10.0, traffic: 12.0 },
            floor_fraction: 0.6,
            speed_up: 3.0,
            deviation: Deviation::of(&mixture, &mixture),
            kernels,
        }
    }

    #[test]
    fn devices_are_columns_and_what_is_missing_is_said() {
        let kernels =
            shares(&[KernelTime { kernel: "first", seconds: 0.003 }, KernelTime { kernel: "second", seconds: 0.001 }]);
        let left_out = LeftOut { device: "gpu".to_owned(), reason: "there is none".to_owned() };
        let report = Report {
            n_samples: 1_000_000,
            n_features: 1,
            n_components: 1,
            covariance_type: "full",
            epochs: 10,
            seed: 0,
            epoch_flops: 2e9,
            devices: vec![
                entry("cpu", "cpu", Some(Vec::new())),
                entry("0", "vulkan", Some(kernels)),
                entry("1", "metal", Some(Vec::new())),
            ],
            left_out: vec![left_out],
            verdict: vec!["a verdict".to_owned()],
        };
        let text = report.table();
        for part in [
            "floor of an epoch         12.0 ms (traffic)  12.0 ms (traffic)  12.0 ms (traffic)\n",
            "  gpu is left out: there is none\n",
            "  cpu has no kernels to time\n",
            "  first               3.000  75.0 %\n  second              1.000  25.0 %\n",
            "  1 has no timestamps\n",
            "\n  a verdict\n",
        ] {
            assert!(text.contains(part), "'{part}' is not in\n{text}");
        }
    }

    #[test]
    fn nothing_is_said_of_kernels_unless_asked() {
        assert_eq!(entry("cpu", "cpu", None).profile(), None);
    }
}
