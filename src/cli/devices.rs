//! `mixtura devices`: what there is to compute on.

use clap::Args;
use mixtura::device::{Listed, devices};

use super::format::aligned;
use super::output::OutputArgs;

/// List the devices, and which one is used by default
#[derive(Debug, Args)]
#[command(
    after_help = "Several of them share the samples of a fit: --device 0,1,cpu, or --device gpu:all for all\nhardware adapters.\n\nExamples:\n  mixtura devices\n  mixtura devices --json"
)]
pub(crate) struct DevicesArgs {}

impl DevicesArgs {
    pub(crate) fn run(self, output: &OutputArgs) -> anyhow::Result<()> {
        let listed = devices();
        output.result(&listed, || table(&listed))
    }
}

fn table(listed: &[Listed]) -> String {
    let mut rows = vec![["--device", "name", "type", "backend", ""].map(str::to_owned).to_vec()];
    rows.extend(listed.iter().map(|Listed { device, info, auto, reason, .. }| {
        let reason = reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        let mark = if *auto { format!("used by default (auto){reason}") } else { String::new() };
        vec![device.clone(), info.name.clone(), info.device_type.clone(), info.backend.clone(), mark]
    }));
    let width = rows[0].len();
    aligned(&rows, width)
}
