//! Output of a command: its result on standard output, as text or JSON, and all else on standard error, unless it is to
//! be quiet.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use anstream::eprintln;
use clap::Args;
use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Style};
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

    /// Show a line for every epoch, in place of a bar or of every tenth
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

/// How much progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    Nothing,
    /// A bar on a terminal, and lines elsewhere.
    Usual,
    /// All lines, anywhere.
    Everything,
}

impl OutputArgs {
    /// How much progress is to be shown.
    pub(crate) fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Nothing,
            (_, true) => Detail::Everything,
            _ => Detail::Usual,
        }
    }

    /// Prints the result: as JSON where that was asked for.
    pub(crate) fn result(&self, document: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        match self.json {
            // A number that is not finite becomes null.
            true => print(&(serde_json::to_string(document)? + "\n")),
            // Names in files may hold what would command a terminal.
            false => print(&text().split('\n').map(plain).collect::<Vec<_>>().join("\n")),
        }
    }

    /// Says what was made: the document, for those who read JSON, and the names of its files for others.
    pub(crate) fn made(&self, document: &impl Serialize, files: &[&Path]) -> anyhow::Result<()> {
        if self.json {
            return self.result(document, String::new);
        }
        self.wrote(files);
        Ok(())
    }

    /// Names files that were written.
    pub(crate) fn wrote(&self, files: &[&Path]) {
        self.say("wrote", Style::new(), files.iter().map(|file| file.display()));
    }

    /// Says what there is to say about the data.
    pub(crate) fn notes(&self, notes: &[Advice]) {
        self.say("note", Style::new(), notes.iter().map(in_flags));
    }

    /// Says what should be known of a result.
    pub(crate) fn warnings(&self, warnings: &[Advice]) {
        self.say("warning", WARNING, warnings.iter().map(in_flags));
    }

    /// Says when the CPU has taken the place of a device that was chosen automatically.
    pub(crate) fn distrust(&self, device: &Device) {
        self.say("warning", WARNING, device.distrust());
    }

    fn say(&self, kind: &str, style: Style, lines: impl IntoIterator<Item = impl Display>) {
        if !self.quiet {
            lines.into_iter().for_each(|line| eprintln!("{style}{kind}:{style:#} {}", plain(&line.to_string())));
        }
    }
}

/// Like the errors of arguments, warnings have a colour where they are read on a terminal that has some.
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Says what went wrong, and what to do about it, as errors of arguments are said.
pub(crate) fn error(problem: &str, remedy: &str) {
    let styles = Styles::styled();
    let (error, help) = (styles.get_error(), styles.get_valid());
    eprintln!("{error}error:{error:#} {}", plain(problem));
    if !remedy.is_empty() {
        eprintln!("  {help}help:{help:#} {}", plain(remedy));
    }
}

/// A line without what would command a terminal: names of files and columns may hold anything.
fn plain(line: &str) -> String {
    line.replace(char::is_control, " ")
}

/// Prints a text on standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes()).map_err(failure)?)
}

/// The error for standard output.
pub(crate) fn failure(source: std::io::Error) -> Error {
    Error::Write { path: "standard output".into(), source }
}
