//! `mixtura version`: the version, how it was built, and the commit.

use clap::Args;
use serde::Serialize;

use super::output::OutputArgs;

/// The version of the package.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is computed on beside the CPU.
const GPU: &str = if cfg!(feature = "gpu") { "gpu (Vulkan, Metal, DirectX 12)" } else { "no gpu" };
const MPI: &str = if cfg!(feature = "mpi") { "mpi" } else { "no mpi" };

/// The commit that was built, where whoever built it said so, or a package does: see build.rs.
const COMMIT: Option<&str> = option_env!("MIXTURA_COMMIT");

/// Print the version, the features it was built with, and the commit where that is known
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mixtura version --json")]
pub(crate) struct VersionArgs {}

/// The JSON object.
#[derive(Debug, Serialize)]
struct Version {
    version: &'static str,
    gpu: bool,
    mpi: bool,
    commit: Option<&'static str>,
}

impl VersionArgs {
    pub(crate) fn run(self, output: &OutputArgs) -> anyhow::Result<()> {
        let version =
            Version { version: VERSION, gpu: cfg!(feature = "gpu"), mpi: cfg!(feature = "mpi"), commit: COMMIT };
        output.result(&version, || format!("mixtura {}\n", long()))
    }
}

/// What `--version` prints behind the name of the program.
pub(crate) fn long() -> String {
    let commit = COMMIT.map_or(String::new(), |commit| format!("\ncommit: {commit}"));
    format!("{VERSION}\nfeatures: {GPU}, {MPI}{commit}")
}
