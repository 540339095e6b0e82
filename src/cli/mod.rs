//! The commands, one file each: arguments are checked into a request, the request goes through the library, the
//! result is reported.

mod bench;
mod collapse;
mod components;
mod convert;
mod devices;
mod fit;
mod format;
mod inputs;
mod inspect;
pub(crate) mod interrupt;
mod plot;
mod predict;
mod progress;
mod records;
mod report;
mod sample;
mod score;
mod tables;
mod trace;
mod update;

use std::io::Write;

use clap::{Parser, Subcommand};
use serde::Serialize;

/// Gaussian mixture models on millions of samples, on any GPU or on the CPU.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    mixtura fit data.csv -k 8 --out model.json      fit eight components\n  \
    mixtura predict model.json data.csv             print the component of every sample\n  \
    mixtura devices                                 list what can be used")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fit(Box<fit::FitArgs>),
    Predict(predict::PredictArgs),
    Score(score::ScoreArgs),
    Sample(sample::SampleArgs),
    Inspect(inspect::InspectArgs),
    Convert(convert::ConvertArgs),
    Devices(devices::DevicesArgs),
    Bench(bench::BenchArgs),
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        interrupt::install()?;
        match self.command {
            Command::Fit(args) => args.run(),
            Command::Predict(args) => args.run(),
            Command::Score(args) => args.run(),
            Command::Sample(args) => args.run(),
            Command::Inspect(args) => args.run(),
            Command::Convert(args) => args.run(),
            Command::Devices(args) => args.run(),
            Command::Bench(args) => args.run(),
        }
    }
}

/// Arguments that do not go together: the problem and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{problem}\n{remedy}")]
pub(crate) struct Usage {
    problem: String,
    remedy: &'static str,
}

/// Prints a text on standard output.
fn print(text: &str) -> anyhow::Result<()> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(written.map_err(|source| mixtura::Error::Write { path: "standard output".into(), source })?)
}

/// Prints one JSON document on standard output. A number that is not finite becomes null.
fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string(document)? + "\n"))
}
