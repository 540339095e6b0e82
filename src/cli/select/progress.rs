//! Progress of a choice on standard error: a bar on a terminal, a line for every candidate elsewhere.

use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use mixtura::CovarianceType;
use mixtura::select::{Candidate, Criterion, Outcome, SelectOptions, Selecting};

use crate::cli::format::seconds;

/// Shows every candidate as it is over.
pub(crate) struct CandidateLog {
    display: Display,
    criterion: Criterion,
    n_features: usize,
    started: Instant,
    /// Operations of an epoch of all candidates, and of those that are over: by these the time left is judged.
    all_work: f64,
    work: f64,
}

enum Display {
    Quiet,
    Bar(ProgressBar),
    Lines,
}

impl CandidateLog {
    pub(crate) fn new(quiet: bool, options: &SelectOptions, n_features: usize) -> Self {
        let n_candidates = options.families.len() * options.components.len();
        let display = if quiet {
            Display::Quiet
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(n_candidates as u64);
            let style = ProgressStyle::with_template("{bar:20} {pos}/{len} candidates  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            Display::Bar(bar)
        } else {
            Display::Lines
        };
        let all = options.families.iter().flat_map(|family| options.components.iter().map(move |k| (*k, *family)));
        let all_work = all.map(|kind| work(kind, n_features)).sum();
        CandidateLog { display, criterion: options.criterion, n_features, started: Instant::now(), all_work, work: 0.0 }
    }

    /// Shows how far it has come after a pass that ended these candidates.
    pub(crate) fn show(&mut self, selecting: &Selecting, places: &[usize]) {
        for candidate in places.iter().filter_map(|place| selecting.candidate(*place)) {
            self.work += work((candidate.n_components, candidate.covariance_type), self.n_features);
            if let Display::Lines = self.display {
                eprintln!("{}", self.line(candidate));
            }
        }
        if let Display::Bar(bar) = &self.display {
            let (_, over) = selecting.n_candidates();
            bar.set_position(over as u64);
            let at_work: Vec<String> = selecting.at_work().take(3).map(|(k, family)| format!("{family} {k}")).collect();
            let left = match self.work > 0.0 {
                true => {
                    let elapsed = self.started.elapsed().as_secs_f64();
                    format!("  {} left", seconds(elapsed * (self.all_work - self.work).max(0.0) / self.work))
                }
                false => String::new(),
            };
            bar.set_message(format!("{}  {} epochs{left}", at_work.join(", "), selecting.n_epochs()));
        }
    }

    pub(crate) fn finish(self) {
        if let Display::Bar(bar) = self.display {
            bar.finish_and_clear();
        }
    }

    fn line(&self, candidate: &Candidate) -> String {
        let Candidate { n_components, covariance_type, outcome, .. } = candidate;
        let what = format!("{covariance_type:<9} {n_components:>3}");
        match outcome {
            Outcome::Fitted(scored) => format!(
                "{what}  {} {:.2}  {} epochs  {}",
                self.criterion,
                scored.score(self.criterion),
                scored.fit.n_iter,
                seconds(candidate.seconds)
            ),
            Outcome::Failed(error) => format!("{what}  failed: {}", error.problem()),
            _ => what,
        }
    }
}

fn work((k, family): (usize, CovarianceType), d: usize) -> f64 {
    family.epoch_flops(1, k, d)
}
