//! The command line of Mixtura: parses the arguments, runs the command, reports an error and sets the exit status.

mod cli;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Usage};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has read enough, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            exit_code(&error)
        }
    }
}

/// The problem on one line and the remedy on another.
fn report(error: &anyhow::Error) {
    let message = error.to_string();
    let (problem, remedy) = message.split_once('\n').unwrap_or((&message, ""));
    eprintln!("error: {problem}");
    if !remedy.is_empty() {
        eprintln!("  help: {remedy}");
    }
}

/// 2 for wrong usage, as clap has it, 1 for work that failed.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    let option = matches!(error.downcast_ref(), Some(mixtura::Error::InvalidOption { .. }));
    ExitCode::from(if option || error.is::<Usage>() { 2 } else { 1 })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    io_errors.into_iter().any(|error| error.kind() == ErrorKind::BrokenPipe)
}
