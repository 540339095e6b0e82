//! Report of `mixtura select`: one JSON object, or a table with the best of it marked.

use mixtura::device::DeviceInfo;
use mixtura::select::{Candidate, Criterion, Outcome, Scored, Selection};
use mixtura::{CovarianceType, Device, counted};
use serde::Serialize;

use crate::cli::components::{Extent, component_table};
use crate::cli::format::seconds;
use crate::cli::layout::{facts, sentence, tables};
use crate::cli::rows::Field;

/// Candidates after the best that are named, with how much worse they are.
const RUNNERS_UP: usize = 3;

/// The columns of the table of candidates.
pub(crate) const FIELDS: [Field; 23] = [
    Field::text("covariance_type"),
    Field::integers("n_components"),
    Field::flags("best"),
    Field::numbers("bic"),
    Field::numbers("aic"),
    Field::numbers("icl"),
    Field::numbers("icl_labels"),
    Field::numbers("held_out"),
    Field::numbers("stability"),
    Field::numbers("log_likelihood"),
    Field::integers("n_parameters"),
    Field::numbers("entropy"),
    Field::numbers("label_entropy"),
    Field::flags("converged"),
    Field::integers("n_iter"),
    Field::numbers("smallest_component"),
    Field::flags("held_by_floor"),
    Field::numbers("floor_share"),
    Field::integers("repairs"),
    Field::flags("merged"),
    Field::integers("share"),
    Field::numbers("seconds"),
    Field::text("reason"),
];

/// A candidate as it is written: one that failed has a reason, and no numbers.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    covariance_type: &'static str,
    n_components: usize,
    best: bool,
    bic: Option<f64>,
    aic: Option<f64>,
    icl: Option<f64>,
    icl_labels: Option<f64>,
    /// Log-likelihood of all samples under the models of folds that each is in none of.
    held_out: Option<f64>,
    stability: Option<f64>,
    log_likelihood: Option<f64>,
    n_parameters: Option<usize>,
    entropy: Option<f64>,
    label_entropy: Option<f64>,
    converged: Option<bool>,
    n_iter: Option<usize>,
    smallest_component: Option<f64>,
    held_by_floor: Option<bool>,
    floor_share: Option<f64>,
    repairs: Option<usize>,
    /// Whether it began at the model of more components.
    merged: bool,
    /// Samples that it was fitted to: one of so many. Where that is not 1 the numbers are estimates.
    share: usize,
    seconds: f64,
    reason: Option<String>,
}

impl Row {
    fn new(candidate: &Candidate, best: bool) -> Self {
        let scored = candidate.scored();
        let score = |criterion| candidate.score(criterion);
        Row {
            covariance_type: candidate.covariance_type.name(),
            n_components: candidate.n_components,
            best,
            bic: score(Criterion::Bic),
            aic: score(Criterion::Aic),
            icl: score(Criterion::Icl),
            icl_labels: score(Criterion::IclLabels),
            held_out: candidate.held_out,
            stability: candidate.stability,
            log_likelihood: scored.map(|scored| scored.fit.log_likelihood),
            n_parameters: scored.map(|scored| scored.fit.mixture.n_parameters()),
            entropy: scored.map(|scored| scored.entropy),
            label_entropy: scored.map(|scored| scored.label_entropy),
            converged: scored.map(|scored| scored.fit.converged),
            n_iter: scored.map(|scored| scored.fit.n_iter),
            smallest_component: scored.map(|scored| scored.smallest_component),
            held_by_floor: scored.map(Scored::is_held_by_floor),
            floor_share: scored.map(|scored| scored.floor_share),
            repairs: scored.map(|scored| scored.fit.repairs.len()),
            merged: candidate.is_merged,
            share: candidate.share,
            seconds: candidate.seconds,
            reason: reason(candidate),
        }
    }
}

/// A score, or a difference of scores: agreement is at most 1, and all others are nats, or twice as many.
pub(crate) fn written(criterion: Criterion, score: f64) -> String {
    match criterion {
        Criterion::Stability => format!("{score:.4}"),
        _ => format!("{score:.2}"),
    }
}

fn reason(candidate: &Candidate) -> Option<String> {
    if let Outcome::Failed(error) = &candidate.outcome { Some(error.problem()) } else { None }
}

/// The report.
#[derive(Debug, Serialize)]
pub(crate) struct SelectReport<'a> {
    criterion: &'static str,
    device: DeviceInfo,
    n_samples: usize,
    seconds: f64,
    candidates: Vec<Row>,
    #[serde(skip)]
    selection: &'a Selection,
}

impl<'a> SelectReport<'a> {
    pub(crate) fn new(selection: &'a Selection, device: &Device, n_samples: usize, seconds: f64) -> Self {
        let best = selection.best_index();
        let candidates = selection.candidates.iter().enumerate();
        let candidates = candidates.map(|(i, candidate)| Row::new(candidate, Some(i) == best)).collect();
        let criterion = selection.criterion.name();
        SelectReport { criterion, device: device.record(), n_samples, seconds, candidates, selection }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.candidates
    }

    /// The table: the criterion by number of components and family, then the best model and what comes next to it.
    pub(crate) fn table(&self, names: Option<&[String]>, files: &[(&'static str, String)]) -> String {
        let Selection { candidates, criterion, .. } = self.selection;
        let best = self.selection.best_index();
        let mut families: Vec<CovarianceType> = candidates.iter().map(|candidate| candidate.covariance_type).collect();
        families.dedup();
        let mut counts: Vec<usize> = candidates.iter().map(|candidate| candidate.n_components).collect();
        counts.sort_unstable();
        counts.dedup();
        let cell = |k: usize, family: CovarianceType| {
            let found = |(_, c): &(usize, &Candidate)| (c.n_components, c.covariance_type) == (k, family);
            let Some((i, candidate)) = candidates.iter().enumerate().find(found) else { return String::new() };
            let mark = match candidate.scored() {
                _ if Some(i) == best => '*',
                Some(_) if candidate.share > 1 => '≈',
                Some(scored) if scored.is_held_by_floor() => '~',
                _ => ' ',
            };
            candidate
                .score(*criterion)
                .map_or_else(|| format!("-{mark}"), |score| written(*criterion, score) + &mark.to_string())
        };
        let mut rows = vec![vec![criterion.to_string()]];
        rows[0].extend(families.iter().map(|family| format!("{family} ")));
        for k in counts {
            let mut row = vec![k.to_string()];
            row.extend(families.iter().map(|family| cell(k, *family)));
            rows.push(row);
        }
        let tables = tables(&rows, 1, 0).into_iter().map(|(_, table)| table + "\n");
        let mut text: String = tables.collect();
        text += &self.best(names, files);
        text += &self.marks();
        text
    }

    /// The best model, and how clear the choice is.
    fn best(&self, names: Option<&[String]>, files: &[(&'static str, String)]) -> String {
        let Selection { candidates, criterion, .. } = self.selection;
        let Some((i, scored)) = self.selection.best_index().zip(self.selection.best()) else {
            return sentence("no candidate has a model") + &facts(files);
        };
        let kind = |candidate: &Candidate| format!("{}, {}", candidate.n_components, candidate.covariance_type);
        let score = candidates[i].score(*criterion).unwrap_or(f64::NAN);
        let (components, family) = (counted(candidates[i].n_components, "component"), candidates[i].covariance_type);
        let best = format!("{components}, {family} covariance: {criterion} {}", written(*criterion, score));
        let mut rows = vec![("best", best)];
        let eligible = |candidate: &&Candidate| {
            candidate.scored().is_some_and(|other| other.is_held_by_floor() == scored.is_held_by_floor())
        };
        let others =
            candidates.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, candidate)| candidate).filter(eligible);
        let mut others: Vec<(f64, &Candidate)> =
            others.filter_map(|other| Some((other.score(*criterion)?, other))).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !others.is_empty() {
            let next = others
                .iter()
                .take(RUNNERS_UP)
                .map(|(other, candidate)| format!("{} (+{})", kind(candidate), written(*criterion, other - score)));
            rows.push(("next", next.collect::<Vec<_>>().join("; ")));
        }
        rows.push(("time", format!("{} for {}", seconds(self.seconds), counted(candidates.len(), "candidate"))));
        rows.extend(files.iter().cloned());
        format!("{}\n{}", facts(&rows), component_table(&scored.fit.mixture, names, Extent::Some))
    }

    /// What the best says of those that were not tried; what the marks of the table mean, where there are any; and why
    /// candidates failed.
    fn marks(&self) -> String {
        let candidates = &self.selection.candidates;
        let mut lines = Vec::new();
        let counts = || candidates.iter().map(|candidate| candidate.n_components);
        let best = self.selection.best_index().map(|i| candidates[i].n_components);
        if best.is_some() && best == counts().max() && counts().min() != counts().max() {
            lines.push("the best has the most components that were tried: more may be better (-k)".to_owned());
        }
        if candidates.iter().any(|candidate| candidate.scored().is_some_and(Scored::is_held_by_floor)) {
            lines.push(
                "~ collapsed onto the covariance floor, which its likelihood depends on: chosen only where all are"
                    .to_owned(),
            );
        }
        if candidates.iter().any(|candidate| candidate.share > 1) {
            lines.push("≈ estimated from a part of the samples, and not among the best by that".to_owned());
        }
        let failed: Vec<(&Candidate, String)> =
            candidates.iter().filter_map(|candidate| Some((candidate, reason(candidate)?))).collect();
        let shown = failed.iter().take(RUNNERS_UP);
        lines.extend(shown.map(|(candidate, reason)| {
            format!("- {}, {}: {reason}", candidate.n_components, candidate.covariance_type)
        }));
        if failed.len() > RUNNERS_UP {
            lines.push(format!("- and {} more that failed", failed.len() - RUNNERS_UP));
        }
        if lines.is_empty() {
            String::new()
        } else {
            "\n".to_owned() + &lines.iter().map(|line| sentence(line)).collect::<String>()
        }
    }
}
