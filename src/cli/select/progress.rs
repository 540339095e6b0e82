//! Progress of a choice on standard error: a bar on a terminal, a line for every candidate elsewhere.

use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use mixtura::CovarianceType;
use mixtura::select::{Candidate, Criterion, Outcome, SelectOptions, Selecting};

use super::report::written;
use crate::cli::format::seconds;
use crate::cli::output::Detail;

/// Shows every candidate as it is over.
pub(crate) struct CandidateLog {
    display: Display,
    /// What is shown of candidates: before all folds are over there is nothing to tell of them.
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
    pub(crate) fn new(detail: Detail, options: &SelectOptions, n_features: usize) -> Self {
        let times = 1 + options.folds.unwrap_or(0);
        let n_candidates = options.families.len() * options.components.len() * times;
        let display = if detail == Detail::Nothing {
            Display::Quiet
        } else if detail == Detail::Usual && std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(n_candidates as u64);
            let style = ProgressStyle::with_template("{bar:20} {pos}/{len} candidates  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            Display::Bar(bar)
        } else {
            Display::Lines
        };
        let criterion = options.criterion.before_folds();
        let all = options.families.iter().flat_map(|family| options.components.iter().map(move |k| (*k, *family)));
        let all_work = times as f64 * all.map(|kind| work(kind, n_features)).sum::<f64>();
        CandidateLog { display, criterion, n_features, started: Instant::now(), all_work, work: 0.0 }
    }

    /// Shows how far it has come after a pass that ended these candidates.
    pub(crate) fn show(&mut self, selecting: &Selecting, places: &[usize]) {
        for candidate in places.iter().filter_map(|place| selecting.candidate(*place)) {
            self.work += work((candidate.n_components, candidate.covariance_type), self.n_features);
            if let Display::Lines = self.display {
                eprintln!("{}{}", fold(selecting), self.line(candidate));
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
            let (fold, at_work) = (fold(selecting), at_work.join(", "));
            bar.set_message(format!("{fold}{at_work}  {} epochs{left}", selecting.n_epochs()));
        }
    }

    pub(crate) fn finish(self) {
        if let Display::Bar(bar) = self.display {
            bar.finish_and_clear();
        }
    }

    /// A candidate that is over.
    fn line(&self, candidate: &Candidate) -> String {
        let Candidate { n_components, covariance_type, outcome, .. } = candidate;
        let what = format!("{covariance_type:<9} {n_components:>3}");
        match outcome {
            Outcome::Fitted(scored) => {
                let score = candidate.score(self.criterion).unwrap_or(f64::NAN);
                let (criterion, score) = (self.criterion, written(self.criterion, score));
                format!("{what}  {criterion} {score}  {} epochs  {}", scored.fit.n_iter, seconds(candidate.seconds))
            }
            Outcome::Failed(error) => format!("{what}  failed: {}", error.problem()),
            _ => what,
        }
    }
}

/// The fold that candidates leave out, if any.
fn fold(selecting: &Selecting) -> String {
    selecting.fold().map_or_else(String::new, |(number, of)| format!("without fold {} of {of}: ", number + 1))
}

fn work((k, family): (usize, CovarianceType), d: usize) -> f64 {
    family.epoch_flops(1, k, d)
}
