//! `mixtura devices`: what there is to compute on.

use clap::Args;
use mixtura::device::{Listed, devices, missing_hardware};

use super::layout::{aligned, sentence, shortened, width};
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

/// Fewest characters that a name is cut to, and those of a line that blanks take between columns.
const SHORTEST: usize = 12;
const BLANKS: usize = 8;

fn table(listed: &[Listed]) -> String {
    let mut rows = vec![["--device", "name", "type", "backend"].map(str::to_owned).to_vec()];
    rows.extend(listed.iter().map(|Listed { device, info, .. }| {
        vec![device.clone(), info.name.clone(), info.device_type.clone(), info.backend.clone()]
    }));
    let longest = |column: usize| rows.iter().map(|row: &Vec<String>| row[column].chars().count()).max().unwrap_or(0);
    let room = width().saturating_sub(BLANKS + longest(0) + longest(2) + longest(3)).max(SHORTEST);
    rows.iter_mut().for_each(|row| row[1] = shortened(&row[1], room));
    let mut text = aligned(&rows, rows[0].len()) + "\n";
    for Listed { device, reason, .. } in listed.iter().filter(|listed| listed.auto) {
        let reason = reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        text += &sentence(&format!("{device} is used by default (auto){reason}"));
    }
    text + &missing_hardware(listed).map_or(String::new(), |why| sentence(&why))
}
