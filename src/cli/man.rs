//! `mixtura man`: manual pages, one for each command.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use mixtura::Error;
use mixtura::io::Destination;
use serde::Serialize;

use super::command;
use super::output::OutputArgs;

/// Write manual pages, one for each command, into a directory
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mixtura man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The directory, which is made where it is not there
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

/// The JSON object.
#[derive(Debug, Serialize)]
struct Made<'a> {
    pages: &'a [PathBuf],
}

impl ManArgs {
    pub(crate) fn run(self, output: &OutputArgs) -> anyhow::Result<()> {
        let failed = |source| Error::Write { path: self.directory.clone(), source };
        std::fs::create_dir_all(&self.directory).map_err(failed)?;
        let mut all = command();
        all.build();
        let mut pages = Vec::new();
        write(&all, &self.directory, &mut pages)?;
        let files: Vec<&Path> = pages.iter().map(PathBuf::as_path).collect();
        output.made(&Made { pages: &pages }, &files)
    }
}

/// Writes the page of a command, and those of the commands below it.
fn write(command: &Command, directory: &Path, pages: &mut Vec<PathBuf>) -> mixtura::Result<()> {
    let page = Man::new(command.clone());
    let path = directory.join(page.get_filename());
    let failed = |source| Error::Write { path: path.clone(), source };
    let mut text = Vec::new();
    page.render(&mut text).map_err(failed)?;
    let mut file = Destination::new(&path)?.create()?;
    file.write_all(&text).map_err(failed)?;
    file.finish()?;
    pages.push(path);
    let others = command.get_subcommands().filter(|other| other.get_name() != "help");
    others.into_iter().try_for_each(|other| write(other, directory, pages))
}
