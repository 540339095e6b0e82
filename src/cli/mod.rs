//! The commands, one file each: arguments are checked into a request, the request goes through the library, the
//! result is reported.

mod agreement;
mod bench;
mod choices;
mod collapse;
mod components;
mod convert;
mod counts;
mod devices;
mod fit;
mod format;
mod impute;
mod inputs;
mod inspect;
pub(crate) mod interrupt;
mod missing;
mod output;
mod plot;
mod posterior;
mod predict;
mod progress;
pub(crate) mod ranks;
mod records;
mod report;
mod rows;
mod sample;
mod score;
mod select;
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
    mixtura select data.csv -k 1..20                find out how many, and which covariances\n  \
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
    Select(Box<select::SelectArgs>),
    Predict(predict::PredictArgs),
    Score(score::ScoreArgs),
    Sample(sample::SampleArgs),
    Inspect(inspect::InspectArgs),
    Impute(impute::ImputeArgs),
    Convert(convert::ConvertArgs),
    Devices(devices::DevicesArgs),
    Bench(bench::BenchArgs),
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        interrupt::install()?;
        let Cli { command, mut output } = self;
        match command {
            Command::Sample(args) => return args.run(&output),
            Command::Inspect(args) => return args.run(&output),
            Command::Convert(args) => return args.run(&output),
            Command::Impute(args) => return args.run(&output),
            Command::Devices(args) => return args.run(&output),
            _ => {}
        }
        let ranks = ranks::join(&mut output)?;
        let (output, ranks) = (&output, &ranks);
        let outcome = match command {
            Command::Fit(args) => args.run(output, ranks),
            Command::Select(args) => args.run(output, ranks),
            Command::Predict(args) => args.run(output, ranks),
            Command::Score(args) => args.run(output, ranks),
            Command::Bench(args) => args.run(output, ranks),
            _ => Ok(()),
        };
        outcome.map_err(|error| ranks::spoken(ranks, error))
    }
}

/// Arguments that do not go together: the problem and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{problem}\n{remedy}")]
pub(crate) struct Usage {
    problem: String,
    remedy: &'static str,
}
