//! Progress of a fit on standard error: a bar on a terminal, lines elsewhere, nothing when asked to be quiet.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use mixtura::fit::Progress;
use mixtura::io::Dataset;
use mixtura::{Data, FitOptions};

use super::forecast::Forecast;
use super::format::{count, seconds};
use super::output::Detail;

/// Epochs that each have a line; of those after them every tenth has one, and the last.
const FIRST_LINES: usize = 10;

/// Shows every epoch as it ends.
pub(crate) struct ProgressLog {
    display: Display,
    /// Samples of this process.
    n_here: usize,
    n_init: usize,
    max_iter: usize,
    forecast: Forecast,
    /// Bytes that every epoch reads from disk.
    read_bytes: Option<u64>,
}

/// Shows how far the pass at work has come.
pub(crate) struct PassBar {
    bar: Option<ProgressBar>,
    n_samples: usize,
    read_bytes: Option<u64>,
    started: Mutex<Instant>,
}

impl PassBar {
    /// So many samples of the pass are done.
    pub(crate) fn show(&self, done: usize) {
        let Some(bar) = &self.bar else { return };
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if done == self.n_samples {
            bar.set_prefix("");
            *started = Instant::now();
            return;
        }
        let elapsed = started.elapsed().as_secs_f64();
        let share = done as f64 / self.n_samples.max(1) as f64;
        let rate = self.read_bytes.map(|bytes| format!(", {}B/s", count(share * bytes as f64 / elapsed)));
        let left = seconds(elapsed / share - elapsed);
        bar.set_prefix(format!("{:.0} % of a pass, {left} left{}", 100.0 * share, rate.unwrap_or_default()));
    }
}

/// Shows on a terminal that something goes on, until it is finished.
pub(crate) fn waiting(quiet: bool, message: &'static str) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(message).with_finish(ProgressFinish::AndClear);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

enum Display {
    Quiet,
    Bar(ProgressBar),
    /// All of them, or some, with the line of the latest epoch, while it is not printed.
    Lines {
        all: bool,
        latest: Option<String>,
    },
}

impl ProgressLog {
    /// A display for a fit of N samples, of which these data are shown while passes go over them.
    pub(crate) fn new(detail: Detail, data: &Dataset, n_samples: usize, options: &FitOptions) -> Self {
        let (read_bytes, n_here) = (data.read_bytes(), data.n_samples());
        ProgressLog { read_bytes, n_here, ..Self::of_samples(detail, n_samples, options) }
    }

    /// A display for a fit of this many samples, in memory.
    pub(crate) fn of_samples(detail: Detail, n_samples: usize, options: &FitOptions) -> Self {
        let forecast = Forecast::new(options);
        let display = if detail == Detail::Nothing {
            Display::Quiet
        } else if detail == Detail::Usual && std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(forecast.most_epochs());
            let style = ProgressStyle::with_template("{bar:20} {msg}  {prefix}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message("initialising");
            Display::Bar(bar)
        } else {
            Display::Lines { all: detail == Detail::Everything, latest: None }
        };
        let FitOptions { n_init, max_iter, .. } = *options;
        ProgressLog { display, n_here: n_samples, n_init, max_iter, forecast, read_bytes: None }
    }

    /// Progress bar of the pass at work.
    pub(crate) fn bar(&self) -> PassBar {
        let bar = if let Display::Bar(bar) = &self.display { Some(bar.clone()) } else { None };
        let (n_samples, read_bytes) = (self.n_here, self.read_bytes);
        PassBar { bar, n_samples, read_bytes, started: Mutex::new(Instant::now()) }
    }

    /// Shows an epoch.
    pub(crate) fn show(&mut self, step: &Progress) {
        let text = self.describe(step);
        self.forecast.hear(step);
        for repair in &step.repairs {
            match &mut self.display {
                Display::Quiet => {}
                Display::Bar(bar) => bar.suspend(|| eprintln!("repair: {repair}")),
                Display::Lines { .. } => eprintln!("repair: {repair}"),
            }
        }
        match &mut self.display {
            Display::Quiet => {}
            Display::Bar(bar) => {
                let left = self.forecast.seconds_left(step).filter(|left| *left >= 1.0);
                let left = left.map_or(String::new(), |left| format!("  about {left:.0} s left"));
                bar.set_position(self.forecast.epochs_done());
                bar.set_message(format!("epoch {}/{}  {text}{left}", step.epoch, self.max_iter));
            }
            Display::Lines { all, latest } => {
                if step.epoch == 1 {
                    print_latest(latest);
                }
                *latest = Some(format!("epoch {:>3}  {text}", step.epoch));
                if *all || step.epoch <= FIRST_LINES || step.epoch.is_multiple_of(10) {
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
            Display::Lines { mut latest, .. } => print_latest(&mut latest),
        }
    }

    fn describe(&self, step: &Progress) -> String {
        let restart = match self.n_init {
            1 => String::new(),
            n => format!("restart {}/{n}  ", step.restart + 1),
        };
        let change = if step.change.is_finite() { format!("{:+.2e}", step.change) } else { "-".to_owned() };
        let rate = |amount: f64| count(amount / step.seconds.max(f64::MIN_POSITIVE));
        let n_samples = step.n_samples as f64;
        let speed = match self.read_bytes {
            Some(bytes) if step.share == 1 => format!("{} samples/s, {}B/s", rate(n_samples), rate(bytes as f64)),
            _ => format!("{} samples/s", rate(n_samples)),
        };
        let part = match step.share {
            1 => String::new(),
            share => format!("1/{share} of the samples  "),
        };
        format!(
            "{restart}{part}lower bound {:.6}  change {change:>9}  {}  {speed}",
            step.lower_bound,
            seconds(step.seconds)
        )
    }
}

fn print_latest(latest: &mut Option<String>) {
    if let Some(line) = latest.take() {
        eprintln!("{line}");
    }
}
