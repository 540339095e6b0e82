//! How far the fit of a checkpoint is.

use mixtura::fit::{Restart, Start};
use mixtura::io::{Checkpoint, Model, OptionsRecord};
use serde::Serialize;

use super::model::ModelReport;

/// The JSON object.
#[derive(Debug, Serialize)]
pub(crate) struct Standing<'a> {
    options: &'a OptionsRecord,
    /// Restarts that are over, and make room for others.
    n_over: usize,
    at_work: Vec<AtWork>,
    /// Of those that are over.
    best_over: Option<AtWork>,
    /// The best model so far.
    model: Option<ModelReport<'a>>,
}

/// Where a restart stands.
#[derive(Debug, Serialize)]
struct AtWork {
    /// Samples that it is on: one of so many.
    share: usize,
    /// Epochs on those.
    epoch: usize,
    /// Epochs on fewer samples before.
    epochs_before: usize,
    lower_bound: Option<f64>,
    /// Of the lower bound, in the last epoch.
    change: Option<f64>,
    is_over: bool,
}

impl AtWork {
    fn of(restart: &Restart, options: &OptionsRecord) -> Self {
        let bounds = &restart.lower_bounds;
        AtWork {
            share: restart.share,
            epoch: bounds.len(),
            epochs_before: restart.n_epochs() - bounds.len(),
            lower_bound: bounds.last().copied(),
            change: if let [.., before, last] = bounds[..] { Some(last - before) } else { None },
            is_over: restart.share == 1 && restart.is_over(options.max_iter),
        }
    }

    fn text(&self) -> String {
        let part = if self.share == 1 { String::new() } else { format!(" on 1/{} of the samples", self.share) };
        let before =
            if self.epochs_before == 0 { String::new() } else { format!(" after {} on parts", self.epochs_before) };
        let bound = self.lower_bound.map_or(String::new(), |bound| format!(", lower bound {bound:.6}"));
        let change = self.change.map_or(String::new(), |change| format!(", change {change:+.2e}"));
        let over = if self.is_over { " (over)" } else { "" };
        format!("epoch {}{part}{before}{bound}{change}{over}", self.epoch)
    }
}

impl<'a> Standing<'a> {
    pub(crate) fn of(checkpoint: &'a Checkpoint, best: Option<&'a Model>) -> Self {
        let Checkpoint { options, state, .. } = checkpoint;
        Standing {
            options,
            n_over: state.first,
            at_work: state.restarts.iter().flatten().map(|restart| AtWork::of(restart, options)).collect(),
            best_over: state.best.as_ref().map(|restart| AtWork::of(restart, options)),
            model: best.map(ModelReport::of),
        }
    }
}

/// The restarts, and how they climb, for people.
pub(crate) fn facts(checkpoint: &Checkpoint) -> Vec<(&'static str, String)> {
    let Checkpoint { options, state, .. } = checkpoint;
    let n_init = options.n_init;
    let mut facts = Vec::new();
    if let Some(best) = &state.best {
        let best = AtWork::of(best, options).text();
        facts.push(("over", format!("{} of {n_init}; the best ended at {best}", restarts(state.first))));
    }
    for (i, restart) in state.restarts.iter().enumerate() {
        let text = match restart {
            Some(restart) => AtWork::of(restart, options).text(),
            None => "not begun".to_owned(),
        };
        facts.push(("restart", format!("{} of {n_init}: {text}", state.first + i + 1)));
    }
    let OptionsRecord { update, posterior, prune, on_collapse, .. } = options;
    let start = if options.start == Start::Direct { "" } else { ", coarse to fine" };
    let (update, posterior, prune) = (update.name(), posterior.name(), prune.name());
    facts.push((
        "way",
        format!("update {update}, posterior {posterior}, prune {prune}, on collapse {on_collapse}{start}"),
    ));
    facts
}

fn restarts(n: usize) -> String {
    mixtura::counted(n, "restart")
}
