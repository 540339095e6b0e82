//! The commands, one file each: arguments are checked into a request, the request goes through the library, the
//! result is reported.

mod again;
mod agreement;
mod aliases;
mod bench;
mod choices;
mod collapse;
mod completions;
mod components;
mod constant;
mod convert;
mod counts;
mod devices;
mod fit;
mod forecast;
mod format;
mod gain;
mod impute;
mod inputs;
mod inspect;
pub(crate) mod interrupt;
mod layout;
mod man;
mod missing;
mod model;
pub(crate) mod output;
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
mod standing;
mod tables;
mod trace;
mod update;
mod version;
pub(crate) mod words;

use std::borrow::Cow;

use clap::builder::RangedU64ValueParser;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::output::OutputArgs;

/// The name of the program.
const NAME: &str = "mixtura";

/// Gaussian mixture models on millions of samples, on any GPU or on the CPU.
#[derive(Debug, Parser)]
#[command(name = NAME, version, propagate_version = true, max_term_width = 100)]
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

    /// Threads that the CPU computes on [default: as many as it has]
    #[arg(long, value_name = "N", global = true, value_parser = RangedU64ValueParser::<usize>::new().range(1..=MOST_THREADS))]
    threads: Option<usize>,
}

/// More threads than any machine has.
const MOST_THREADS: u64 = 4096;

/// The program, with all words for its flags.
fn command() -> clap::Command {
    aliases::with_aliases(Cli::command().long_version(version::long()))
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
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Version(version::VersionArgs),
}

impl Cli {
    /// Parses the arguments of the process.
    pub(crate) fn parse_arguments() -> clap::error::Result<Self> {
        let mut command = command();
        let matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// Runs the command.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        interrupt::install()?;
        let Cli { command, mut output, threads } = self;
        if let Some(threads) = threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
        }
        match command {
            Command::Sample(args) => return args.run(&output),
            Command::Inspect(args) => return args.run(&output),
            Command::Convert(args) => return args.run(&output),
            Command::Impute(args) => return args.run(&output),
            Command::Devices(args) => return args.run(&output),
            Command::Completions(args) => return args.run(),
            Command::Man(args) => return args.run(&output),
            Command::Version(args) => return args.run(&output),
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
    remedy: Cow<'static, str>,
}
