//! `mixtura inspect`: a model for people to read.

use std::path::PathBuf;

use clap::Args;
use mixtura::io::{FitRecord, Model, load_model};

use super::components::component_table;
use super::format::aligned;
use super::print;

/// Describe a model
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mixtura inspect model.json")]
pub(crate) struct InspectArgs {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
}

impl InspectArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Model { mixture, feature_names, fit } = load_model(&self.model)?;
        let mut facts = vec![
            ("model", self.model.display().to_string()),
            ("features", mixture.n_features().to_string()),
            ("components", format!("{}, covariance {}", mixture.n_components(), mixture.covariance_type())),
            ("parameters", mixture.n_parameters().to_string()),
        ];
        if let Some(fit) = &fit {
            facts.extend(history(fit));
        }
        let facts: Vec<Vec<String>> = facts.into_iter().map(|(name, fact)| vec![name.to_owned(), fact]).collect();
        print(&format!("{}\n{}", aligned(&facts, 2), component_table(&mixture, feature_names.as_deref())))
    }
}

fn best_of(n_init: usize) -> String {
    if n_init > 1 { format!(", best of {n_init}") } else { String::new() }
}

/// How the model was fitted.
fn history(fit: &FitRecord) -> Vec<(&'static str, String)> {
    let outcome = if fit.converged { "converged" } else { "not converged" };
    let weighted = match fit.total_weight {
        weight if weight == fit.n_samples as f64 => String::new(),
        weight => format!(", of total weight {weight}"),
    };
    let log_likelihood = match fit.log_likelihood {
        Some(total) => format!("{total:.6} (mean {:.6})", total / fit.total_weight),
        None => "unknown: the fit was interrupted".to_owned(),
    };
    vec![
        ("fitted to", format!("{} samples{weighted}", fit.n_samples)),
        ("fitted on", format!("{} ({})", fit.device.name, fit.device.backend)),
        ("initialisation", format!("{}, seed {}{}", fit.init, fit.seed, best_of(fit.n_init))),
        ("epochs", format!("{} ({outcome}; at most {}, tolerance {:e})", fit.n_iter, fit.max_iter, fit.tol)),
        ("covariance floor", fit.floor.to_string()),
        ("log-likelihood", log_likelihood),
    ]
}
