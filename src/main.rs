//! The command line of Mixtura: parses the arguments, runs the command, reports an error and sets the exit status.

mod cli;

use std::io::ErrorKind;
use std::process::ExitCode;

use crate::cli::interrupt::{self, Interrupted};
use crate::cli::ranks::Followed;
use crate::cli::{Cli, Usage, output, words};

fn main() -> ExitCode {
    quieten_driver();
    quieten_decoders();
    let cli = match Cli::parse_arguments() {
        Ok(cli) => cli,
        // All processes that were started together have the same arguments.
        Err(error) if !mixtura::ranks::speaks() => return ExitCode::from(error.exit_code() as u8),
        Err(error) => error.exit(),
    };
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has read enough, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        // The status of all is that of the first rank, which fails with them.
        Err(error) if error.is::<Followed>() => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            let status = exit_code(&error);
            mixtura::ranks::end_abandoned(status);
            ExitCode::from(status)
        }
    }
}

/// Keeps Linux' Vulkan drivers from complaining on standard error of what we do not need.
fn quieten_driver() {
    let is_set = |variable| std::env::var_os(variable).is_some();
    // One layer sorts adapters for windows, and looks for a display in a directory that may not be there.
    let has_no_display = !is_set("XDG_RUNTIME_DIR") && !is_set("MESA_VK_DEVICE_SELECT");
    // An empty name is none, by the specification, but is taken as one.
    let has_empty_cache = std::env::var_os("XDG_CACHE_HOME").is_some_and(|directory| directory.is_empty());
    // SAFETY: no other thread runs yet that could read the environment.
    #[allow(unsafe_code)]
    unsafe {
        if has_no_display {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
        if has_empty_cache {
            std::env::remove_var("XDG_CACHE_HOME");
        }
    }
}

/// A decoder that panics over a broken file is an error like any other, and reported as one.
fn quieten_decoders() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !mixtura::io::is_decoding() {
            report(panic);
        }
    }));
}

/// The problem on one line and the remedy on another.
fn report(error: &anyhow::Error) {
    let message = match error.downcast_ref::<mixtura::Error>() {
        Some(error) => error.in_words(words::flag),
        None => error.to_string(),
    };
    let (problem, remedy) = message.split_once('\n').unwrap_or((&message, ""));
    output::error(problem, remedy);
}

/// 2 for wrong usage, as clap has it, 130 for work that was interrupted, 1 for work that failed.
fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Interrupted>() || matches!(error.downcast_ref(), Some(mixtura::Error::Interrupted)) {
        return interrupt::STATUS;
    }
    let option = matches!(error.downcast_ref(), Some(mixtura::Error::InvalidOption { .. }));
    if option || error.is::<Usage>() { 2 } else { 1 }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    io_errors.into_iter().any(|error| error.kind() == ErrorKind::BrokenPipe)
}
