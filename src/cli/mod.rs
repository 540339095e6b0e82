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
mod output;
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
pub(crate) mod words;

use clap::{Parser, Subcommand};

use self::output::OutputArgs;

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

    #[command(flatten)]
    output: OutputArgs,
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
        let output = &self.output;
        match self.command {
            Command::Fit(args) => args.run(output),
            Command::Predict(args) => args.run(output),
            Command::Score(args) => args.run(output),
            Command::Sample(args) => args.run(output),
            Command::Inspect(args) => args.run(output),
            Command::Convert(args) => args.run(output),
            Command::Devices(args) => args.run(output),
            Command::Bench(args) => args.run(output),
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
