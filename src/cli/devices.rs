//! `mixtura devices`: what there is to compute on.

use clap::Args;
use mixtura::{Listed, devices};

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

impl DevicesArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let listed = devices();
        if self.json { print_json(&listed) } else { print(&table(&listed)) }
    }
}

fn table(listed: &[Listed]) -> String {
    let mut rows = vec![["--device", "name", "type", "backend", ""].map(str::to_owned).to_vec()];
    rows.extend(listed.iter().map(|Listed { device, info, auto }| {
        let mark = if *auto { "used by default (auto)" } else { "" };
        vec![device.clone(), info.name.clone(), info.device_type.clone(), info.backend.clone(), mark.to_owned()]
    }));
    let width = rows[0].len();
    aligned(&rows, width)
}
