//! Report of `mixtura fit`: one JSON object, or a summary.

use std::path::Path;

use mixtura::data::Home;
use mixtura::device::{DeviceInfo, Precision};
use mixtura::fit::{Gain, LevelEpochs, Repair, Start, Truncation};
use mixtura::io::Nested;
use mixtura::ranks::Ranks;
use mixtura::{Device, Fit, counted};
use serde::Serialize;

use super::components::{Extent, component_table};
use super::format::{count, seconds};
use super::layout::facts;
use super::words::in_flags;

/// The JSON object.
#[derive(Debug, Serialize)]
pub(crate) struct FitReport<'a> {
    device: DeviceInfo,
    /// Why `auto` took it.
    device_reason: Option<&'a str>,
    tuned: Vec<String>,
    home: &'a Home,
    n_samples: usize,
    n_features: usize,
    n_components: usize,
    covariance_type: &'static str,
    repairs: &'a [Repair],
    converged: bool,
    at_precision_limit: bool,
    /// What a smaller tolerance would gain.
    left_to_gain: Option<Gain>,
    start: &'static str,
    n_iter: usize,
    /// Epochs on parts of the samples before.
    #[serde(skip_serializing_if = "<[LevelEpochs]>::is_empty")]
    levels: &'a [LevelEpochs],
    lower_bound: Option<f64>,
    lower_bounds: &'a [f64],
    /// Lower bounds are free energies where posteriors were truncated.
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation: Option<Truncation>,
    log_likelihood: f64,
    mean_log_likelihood: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Verified>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pruning: Option<PruningReport>,
    n_parameters: usize,
    aic: f64,
    bic: f64,
    seconds: PhaseSeconds,
    epoch_ms_median: Option<f64>,
    weights: Nested<'a>,
    means: Nested<'a>,
    covariances: Nested<'a>,
    /// The processes that shared the fit, where there were several.
    #[serde(skip_serializing_if = "Option::is_none")]
    ranks: Option<RanksReport>,
    warnings: Vec<String>,
}

/// Several ranks, and the bytes that the first one sent and received from the first task on.
#[derive(Debug, Serialize)]
pub(crate) struct RanksReport {
    n_ranks: usize,
    bytes_sent: u64,
    bytes_received: u64,
}

impl RanksReport {
    /// Of ranks of whose traffic so much was before; `None` of a process alone.
    pub(crate) fn new(ranks: &Ranks, before: (u64, u64)) -> Option<Self> {
        let (sent, received) = ranks.traffic();
        let (bytes_sent, bytes_received) = (sent - before.0, received - before.1);
        (ranks.size() > 1).then(|| RanksReport { n_ranks: ranks.size(), bytes_sent, bytes_received })
    }
}

/// Log-likelihood in f64.
#[derive(Debug, Serialize)]
struct Verified {
    mean_log_likelihood: f64,
    /// Excess of the fit's own over it.
    difference: f64,
}

/// Shares of a log-likelihood up to which a difference is rounding in single precision, and up to which it is more, and no
/// harm to most fits.
const ROUNDING: f64 = 1e-5;
const HARMLESS: f64 = 1e-3;

impl Verified {
    /// What the difference says of a fit in this precision.
    fn judgement(&self, precision: Precision) -> &'static str {
        let share = self.difference.abs() / self.mean_log_likelihood.abs().max(1.0);
        match (precision, share) {
            (Precision::Double, share) if share <= ROUNDING => "the fit was in f64 itself, and holds",
            (_, share) if share <= ROUNDING => "that is rounding, and the fit holds",
            (_, share) if share <= HARMLESS => "that is more than rounding: fit with --device cpu where digits matter",
            _ => "that is too much to trust the fit: fit with --device cpu",
        }
    }
}

/// Components that passes left out.
#[derive(Debug, Serialize)]
struct PruningReport {
    share: f64,
    bound: f64,
    bytes_per_sample: f64,
}

/// The parts of the time that a command took, which add up to all of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PhaseSeconds {
    /// Arguments checked, and the device opened.
    pub(crate) open: f64,
    pub(crate) read: f64,
    pub(crate) upload: f64,
    pub(crate) init: f64,
    pub(crate) levels: f64,
    pub(crate) epochs: f64,
    /// Passes beside those: the log-likelihood in the end, above all.
    pub(crate) scoring: f64,
    /// Files written, pictures drawn among them.
    pub(crate) writing: f64,
    /// The check in f64.
    pub(crate) verifying: f64,
    pub(crate) total: f64,
}

/// Share of the total from which on parts are shown that not every fit has.
const SHOWN: f64 = 1e-3;

impl PhaseSeconds {
    /// The parts of a fit, which took so long in all.
    pub(crate) fn of_fit(self, fit: &Fit, fitting: f64) -> Self {
        let mixtura::fit::Seconds { upload, init, levels, epochs, .. } = fit.seconds;
        let scoring = (fitting - upload - init - levels - epochs).max(0.0);
        PhaseSeconds { upload, init, levels, epochs, scoring, ..self }
    }

    /// The total, and its parts.
    fn text(&self) -> String {
        let always = [
            ("open", self.open),
            ("read", self.read),
            ("upload", self.upload),
            ("initialisation", self.init),
            ("epochs", self.epochs),
        ];
        let others = [
            ("levels", self.levels),
            ("scoring", self.scoring),
            ("writing", self.writing),
            ("verifying", self.verifying),
        ];
        let others = others.into_iter().filter(|(_, time)| *time > SHOWN * self.total);
        let parts = always.into_iter().chain(others).map(|(name, time)| format!("{name} {}", seconds(time)));
        format!("{} ({})", seconds(self.total), parts.collect::<Vec<_>>().join(", "))
    }
}

impl<'a> FitReport<'a> {
    /// The report of a fit, with the log-likelihood that the f64 backend found, if it was asked, and the parts of the
    /// time.
    pub(crate) fn new(
        fit: &'a Fit,
        device: &'a Device,
        n_samples: usize,
        verified: Option<f64>,
        ranks: Option<RanksReport>,
        seconds: PhaseSeconds,
    ) -> Self {
        let mixture = &fit.mixture;
        FitReport {
            device: device.record(),
            device_reason: device.reason(),
            tuned: device.tuned(),
            home: &fit.home,
            n_samples,
            n_features: mixture.n_features(),
            n_components: mixture.n_components(),
            covariance_type: mixture.covariance_type().name(),
            repairs: &fit.repairs,
            converged: fit.converged,
            at_precision_limit: fit.at_precision_limit,
            left_to_gain: fit.left_to_gain(),
            start: if fit.levels.is_empty() { Start::Direct } else { Start::CoarseToFine }.name(),
            n_iter: fit.n_iter,
            levels: &fit.levels,
            lower_bound: Some(fit.lower_bound).filter(|bound| bound.is_finite()),
            lower_bounds: &fit.lower_bounds,
            truncation: fit.truncation,
            log_likelihood: fit.log_likelihood,
            mean_log_likelihood: fit.mean_log_likelihood(),
            verified: verified.map(|log_likelihood| Verified {
                mean_log_likelihood: log_likelihood / fit.total_weight,
                difference: (fit.log_likelihood - log_likelihood) / fit.total_weight,
            }),
            pruning: fit.pruning.map(|pruning| PruningReport {
                share: pruning.share,
                bound: pruning.bound,
                bytes_per_sample: pruning.bytes_per_sample,
            }),
            n_parameters: mixture.n_parameters(),
            aic: fit.aic(),
            bic: fit.bic(),
            seconds,
            epoch_ms_median: median(&fit.epoch_seconds).map(|seconds| seconds * 1e3),
            weights: mixture.weights().into(),
            means: mixture.means().into(),
            covariances: mixture.covariances().into(),
            ranks,
            warnings: fit.warnings.iter().map(in_flags).collect(),
        }
    }
}

/// The summary for people, with the files that were written.
pub(crate) fn summary(
    report: &FitReport,
    fit: &Fit,
    names: Option<&[String]>,
    files: &[(&'static str, String)],
) -> String {
    let weighted = match fit.total_weight {
        weight if weight == report.n_samples as f64 => String::new(),
        weight => format!(", of total weight {weight}"),
    };
    let outcome = match (fit.converged, fit.at_precision_limit) {
        (true, _) => "converged",
        (false, true) => "the limit of single precision",
        (false, false) => "not converged",
    };
    let epochs = match report.epoch_ms_median {
        Some(median) => format!("{} ({outcome}; median {})", fit.n_iter, seconds(median / 1e3)),
        None => "none: this is the initialisation".to_owned(),
    };
    let reason = report.device_reason.map_or(String::new(), |reason| format!(": {reason}"));
    let truncated = fit.truncation.map(|truncation| {
        let Truncation { candidates, neighbours, bytes_per_sample, .. } = truncation;
        let fact = format!(
            "truncated to {candidates} components a sample, {neighbours} neighbours a component; {bytes_per_sample} bytes a sample"
        );
        let free_energy = fit.lower_bounds.last().map(|_| ("lower bound (free energy)", format!("{:.6}", fit.lower_bound)));
        [Some(("posteriors", fact)), free_energy]
    });
    let mut known = vec![
        ("device", format!("{} ({}){reason}", report.device.name, report.device.backend)),
        ("samples", format!("{} of {}{weighted}", report.n_samples, counted(report.n_features, "feature"))),
        ("kept", format!("{}: {}", fit.home.place, fit.home.reason)),
        ("components", format!("{}, covariance {}", report.n_components, report.covariance_type)),
        ("epochs", epochs),
        ("log-likelihood", format!("{:.6} (mean {:.6})", report.log_likelihood, report.mean_log_likelihood)),
        ("BIC, AIC", format!("{:.4}, {:.4} ({})", report.bic, report.aic, counted(report.n_parameters, "parameter"))),
        ("time", report.seconds.text()),
    ];
    if !fit.levels.is_empty() {
        let before_epochs = known.iter().position(|(name, _)| *name == "epochs").unwrap_or(known.len());
        known.insert(before_epochs, ("start", climbed(&fit.levels)));
    }
    known.extend(report.ranks.as_ref().map(|ranks| {
        let [sent, received] = [ranks.bytes_sent, ranks.bytes_received].map(|bytes| count(bytes as f64));
        ("ranks", format!("{}; the first one sent {sent}B and received {received}B", ranks.n_ranks))
    }));
    known.extend(report.pruning.as_ref().map(|PruningReport { share, bound, bytes_per_sample }| {
        let (evaluated, memory) = (100.0 * share, format!("{bytes_per_sample:.1} bytes a sample"));
        let fact =
            format!("{evaluated:.1} % of the log-densities evaluated; log-likelihood exact to {bound:.1e}; {memory}");
        ("pruning", fact)
    }));
    let at = known.iter().position(|(name, _)| *name == "log-likelihood").unwrap_or(known.len());
    known.splice(at..at, truncated.into_iter().flatten().flatten());
    known.extend(report.tuned.iter().map(|choice| ("tuned", choice.clone())));
    known.extend(report.verified.as_ref().map(|verified| {
        let Verified { mean_log_likelihood, difference } = verified;
        let fact = format!("mean log-likelihood {mean_log_likelihood:.9}; the fit's is off by {difference:+.1e}");
        ("in f64", format!("{fact}: {}", verified.judgement(report.device.precision)))
    }));
    known.extend(files.iter().cloned());
    format!("{}\n{}", facts(&known), component_table(&fit.mixture, names, Extent::Some))
}

/// The file of a model, as it is named: one that others may take for something else is JSON, too.
pub(crate) fn model_file(path: &Path) -> (&'static str, String) {
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    ("model", format!("{}{}", path.display(), if is_json { "" } else { " (JSON, as all models are)" }))
}

/// The epochs before those on all samples.
fn climbed(levels: &[LevelEpochs]) -> String {
    let epochs: usize = levels.iter().map(|level| level.lower_bounds.len()).sum();
    let passes: f64 = levels.iter().map(LevelEpochs::passes).sum();
    let shares: Vec<String> = levels.iter().map(|level| format!("1/{}", level.share)).collect();
    let (n, shares) = (levels.len(), shares.join(", "));
    let levels = if n == 1 { "level" } else { "levels" };
    format!("coarse to fine, {n} {levels}: {epochs} epochs on {shares} of the samples, as much as {passes:.1} passes")
}

/// The middle value; `None` of none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(0.5 * (sorted[middle - 1] + sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_judged_by_how_much_of_the_log_likelihood_it_is() {
        let judged = |mean_log_likelihood: f64, difference: f64, precision| {
            Verified { mean_log_likelihood, difference }.judgement(precision)
        };
        assert!(judged(-4.0, 0.0, Precision::Double).contains("in f64 itself"));
        assert!(judged(-400.0, 1e-3, Precision::Single).contains("the fit holds"));
        assert!(judged(-0.1, -1e-4, Precision::Single).contains("more than rounding"));
        assert!(judged(-4.0, 0.1, Precision::Single).contains("too much to trust"));
        assert!(judged(-4.0, f64::NAN, Precision::Single).contains("too much to trust"));
    }
}
