//! A model as a whole: one JSON object, or what people read.

use mixtura::CovarianceType;
use mixtura::io::{FitRecord, Model, Nested};
use serde::Serialize;

use super::components::{Extent, component_table, covariance_tables};
use super::layout::facts;

/// The JSON object.
#[derive(Debug, Serialize)]
pub(crate) struct ModelReport<'a> {
    n_features: usize,
    n_components: usize,
    covariance_type: CovarianceType,
    n_parameters: usize,
    feature_names: Option<&'a [String]>,
    weights: Nested<'a>,
    means: Nested<'a>,
    covariances: Nested<'a>,
    fit: Option<&'a FitRecord>,
}

impl<'a> ModelReport<'a> {
    pub(crate) fn of(Model { mixture, feature_names, fit }: &'a Model) -> Self {
        ModelReport {
            n_features: mixture.n_features(),
            n_components: mixture.n_components(),
            covariance_type: mixture.covariance_type(),
            n_parameters: mixture.n_parameters(),
            feature_names: feature_names.as_deref(),
            weights: mixture.weights().into(),
            means: mixture.means().into(),
            covariances: mixture.covariances().into(),
            fit: fit.as_ref(),
        }
    }
}

/// The text for people, some facts before it.
pub(crate) fn text(
    known: Vec<(&'static str, String)>,
    Model { mixture, feature_names, fit }: &Model,
    extent: Extent,
    with_covariances: bool,
) -> String {
    let mut known = known;
    known.extend([
        ("features", mixture.n_features().to_string()),
        ("components", format!("{}, covariance {}", mixture.n_components(), mixture.covariance_type())),
        ("parameters", mixture.n_parameters().to_string()),
    ]);
    known.extend(fit.iter().flat_map(history));
    let names = feature_names.as_deref();
    let mut text = format!("{}\n{}", facts(&known), component_table(mixture, names, extent));
    if with_covariances {
        text += &format!("\n{}", covariance_tables(mixture, names, extent));
    }
    text
}

fn best_of(n_init: usize) -> String {
    if n_init > 1 { format!(", best of {n_init}") } else { String::new() }
}

/// How the model was fitted.
fn history(fit: &FitRecord) -> Vec<(&'static str, String)> {
    let outcome = if fit.converged { "converged" } else { "not converged" };
    let mut facts = Vec::new();
    if let Some(n_samples) = fit.n_samples {
        let weighted = match fit.total_weight {
            Some(weight) if weight != n_samples as f64 => format!(", of total weight {weight}"),
            _ => String::new(),
        };
        facts.push(("fitted to", format!("{n_samples} samples{weighted}")));
    }
    if let Some(device) = &fit.device {
        facts.push(("fitted on", format!("{} ({})", device.name, device.backend)));
    }
    let seed = fit.seed.map_or(String::new(), |seed| format!(", seed {seed}"));
    let log_likelihood = match (fit.log_likelihood, fit.total_weight) {
        (Some(total), Some(weight)) => format!("{total:.6} (mean {:.6})", total / weight),
        (Some(total), None) => format!("{total:.6}"),
        (None, _) => "unknown: it was not computed, or the fit was interrupted".to_owned(),
    };
    facts.extend([
        ("initialisation", format!("{}{seed}{}", fit.init, best_of(fit.n_init))),
        ("epochs", format!("{} ({outcome}; at most {}, tolerance {:e})", fit.n_iter, fit.max_iter, fit.tol)),
        ("covariance floor", fit.floor.to_string()),
        ("log-likelihood", log_likelihood),
    ]);
    facts
}
