//! `mixtura devices`: what there is to compute on.

use clap::Args;
use mixtura::{Device, DeviceChoice, DeviceInfo, devices};
use serde::Serialize;

use super::format::aligned;
use super::{print, print_json};

/// List the devices, and which one is used by default
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mixtura devices\n  mixtura devices --json")]
pub(crate) struct DevicesArgs {
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Entry {
    /// What `--device` takes to select this one.
    device: String,
    #[serde(flatten)]
    info: DeviceInfo,
    /// Whether `--device auto` takes it.
    auto: bool,
}

impl DevicesArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let automatic = Device::open(&DeviceChoice::Auto).ok();
        let mut entries: Vec<Entry> = devices()
            .into_iter()
            .enumerate()
            .map(|(number, info)| Entry {
                device: if info.backend == "cpu" { "cpu".to_owned() } else { number.to_string() },
                info,
                auto: false,
            })
            .collect();
        // Of several adapters of one kind, auto takes the first.
        if let Some(entry) =
            entries.iter_mut().find(|entry| automatic.as_ref().is_some_and(|a| *a.info() == entry.info))
        {
            entry.auto = true;
        }
        if self.json { print_json(&entries) } else { print(&table(&entries)) }
    }
}

fn table(entries: &[Entry]) -> String {
    let mut rows = vec![["--device", "name", "type", "backend", ""].map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(|Entry { device, info, auto }| {
        let mark = if *auto { "used by default (auto)" } else { "" };
        vec![device.clone(), info.name.clone(), info.device_type.clone(), info.backend.clone(), mark.to_owned()]
    }));
    let width = rows[0].len();
    aligned(&rows, width)
}
