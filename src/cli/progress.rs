//! Progress of a fit on standard error: a bar on a terminal, lines elsewhere, nothing when asked to be quiet.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use mixtura::{FitOptions, Progress};

use super::format::count;

/// Epochs that each have a line; of those after them every tenth has one, and the last.
const FIRST_LINES: usize = 10;

/// Shows every epoch as it ends.
pub(crate) struct ProgressLog {
    display: Display,
    n_samples: usize,
    n_init: usize,
}

enum Display {
    Quiet,
    Bar(ProgressBar),
    /// With the line of the latest epoch, while it is not printed.
    Lines(Option<String>),
}

impl ProgressLog {
    /// A display for a fit of this many samples.
    pub(crate) fn new(quiet: bool, n_samples: usize, options: &FitOptions) -> Self {
        let display = if quiet {
            Display::Quiet
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(options.max_iter as u64);
            let style = ProgressStyle::with_template("{bar:20} epoch {pos}/{len}  {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message("initialising");
            Display::Bar(bar)
        } else {
            Display::Lines(None)
        };
        ProgressLog { display, n_samples, n_init: options.n_init }
    }

    /// Shows an epoch.
    pub(crate) fn show(&mut self, step: &Progress) {
        let text = self.describe(step);
        match &mut self.display {
            Display::Quiet => {}
            Display::Bar(bar) => {
                bar.set_position(step.epoch as u64);
                bar.set_message(text);
            }
            Display::Lines(latest) => {
                if step.epoch == 1 {
                    print_latest(latest);
                }
                *latest = Some(format!("epoch {:>3}  {text}", step.epoch));
                if step.epoch <= FIRST_LINES || step.epoch.is_multiple_of(10) {
                    print_latest(latest);
                }
            }
        }
    }

    /// Clears the bar, or prints the last epoch if it has no line yet.
    pub(crate) fn finish(self) {
        match self.display {
            Display::Quiet => {}
            Display::Bar(bar) => bar.finish_and_clear(),
            Display::Lines(mut latest) => print_latest(&mut latest),
        }
    }

    fn describe(&self, step: &Progress) -> String {
        let restart = match self.n_init {
            1 => String::new(),
            n => format!("restart {}/{n}  ", step.restart + 1),
        };
        let change = if step.change.is_finite() { format!("{:+.2e}", step.change) } else { "-".to_owned() };
        let speed = count(self.n_samples as f64 / step.seconds.max(f64::MIN_POSITIVE));
        format!("{restart}lower bound {:.6}  change {change:>9}  {speed} samples/s", step.lower_bound)
    }
}

fn print_latest(latest: &mut Option<String>) {
    if let Some(line) = latest.take() {
        eprintln!("{line}");
    }
}
