//! Output of a command: its result on standard output, as text or JSON, and all else on standard error, unless it is to
//! be quiet.

use std::fmt::Display;
use std::io::Write;

use clap::Args;
use mixtura::{Advice, Device, Error};
use serde::Serialize;

use super::words::in_flags;

/// How results are told; the same for every command.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Print one JSON document in place of text
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Show no progress, notes and warnings, and no summary of a fit
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

impl OutputArgs {
    /// Prints the result: as JSON where that was asked for.
    pub(crate) fn result(&self, document: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        match self.json {
            // A number that is not finite becomes null.
            true => print(&(serde_json::to_string(document)? + "\n")),
            false => print(&text()),
        }
    }

    /// Prints what was made, for those who read JSON; others see the files.
    pub(crate) fn made(&self, document: &impl Serialize) -> anyhow::Result<()> {
        match self.json {
            true => self.result(document, String::new),
            false => Ok(()),
        }
    }

    /// Says what there is to say about the data.
    pub(crate) fn notes(&self, notes: &[Advice]) {
        self.say("note", notes.iter().map(in_flags));
    }

    /// Says what should be known of a result.
    pub(crate) fn warnings(&self, warnings: &[Advice]) {
        self.say("warning", warnings.iter().map(in_flags));
    }

    /// Says when the CPU has taken the place of a device that was chosen automatically.
    pub(crate) fn distrust(&self, device: &Device) {
        self.say("warning", device.distrust());
    }

    fn say(&self, kind: &str, lines: impl IntoIterator<Item = impl Display>) {
        if !self.quiet {
            lines.into_iter().for_each(|line| eprintln!("{kind}: {line}"));
        }
    }
}

/// Prints a text on standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes()).map_err(failure)?)
}

/// The error for standard output.
pub(crate) fn failure(source: std::io::Error) -> Error {
    Error::Write { path: "standard output".into(), source }
}
