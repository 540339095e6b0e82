//! What there is to say of missing values.

use mixtura::data::block_rows;
use mixtura::{Advice, CovarianceType, Summary};

/// Features that are named.
const NAMED: usize = 5;

/// A group of samples that lack the same features takes as long as so many samples do, beside its own.
const OF_A_GROUP: f64 = 500.0;

/// What takes so many times as long as with complete samples is told beforehand.
const SLOW: f64 = 2.5;

/// How many values, rows and patterns are missing, and of which features most; nothing where none are.
pub(crate) fn note(summary: &Summary) -> Option<Advice> {
    let (holes, n, d) = (summary.holes(), summary.n_samples(), summary.n_features());
    if holes.is_none() {
        return None;
    }
    let share = 100.0 * holes.n_values() as f64 / (n * d) as f64;
    let mut features: Vec<usize> = (0..d).filter(|feature| holes.of_feature(*feature) > 0).collect();
    features.sort_by_key(|feature| std::cmp::Reverse(holes.of_feature(*feature)));
    let name = |i: usize| summary.feature_names().map_or_else(|| format!("column {i}"), |names| names[i].clone());
    let named = features.iter().take(NAMED).map(|i| format!("{} {}", name(*i), holes.of_feature(*i)));
    let mut named: Vec<String> = named.collect();
    if features.len() > NAMED {
        named.push(format!("fewer of {} others", features.len() - NAMED));
    }
    let plural = |n: usize, thing: &str| format!("{n} {thing}{}", if n == 1 { "" } else { "s" });
    let mut text = format!(
        "{} ({share:.2} %) missing in {} of {}, {}: {}",
        plural(holes.n_values(), "value"),
        holes.n_rows(),
        plural(n, "row"),
        plural(holes.n_patterns(), "pattern"),
        named.join(", "),
    );
    match holes.n_rows_without_values() {
        0 => {}
        1 => text += "; 1 row has no value at all, and says nothing",
        rows => text += &format!("; {rows} rows have no value at all, and say nothing"),
    }
    Some(text.into())
}

/// What many patterns cost, where a family of covariances takes samples in groups of them.
pub(crate) fn cost(summary: &Summary, families: &[CovarianceType]) -> Option<Advice> {
    let takes_groups = |family: &&CovarianceType| matches!(family, CovarianceType::Full | CovarianceType::Tied);
    let family = families.iter().find(takes_groups)?;
    let (holes, n) = (summary.holes(), summary.n_samples());
    let blocks = n.div_ceil(block_rows(summary.n_features()));
    let groups = (holes.n_patterns() * blocks).min(holes.n_rows());
    let times = 1.0 + OF_A_GROUP * groups as f64 / n as f64;
    (times > SLOW).then(|| {
        let text = format!(
            "samples of so many patterns are passed over in small groups: an epoch of {family} covariances takes some {times:.0} \
             times as long as with complete samples; diag and spherical ones do not"
        );
        text.into()
    })
}

/// What is told of rows without any value, which were answered nevertheless.
pub(crate) fn rows_without_values(n: usize) -> Option<Advice> {
    let text = match n {
        0 => return None,
        1 => "1 row has no value at all: the weights of the components are its answer".to_owned(),
        n => format!("{n} rows have no value at all: the weights of the components are their answer"),
    };
    Some(text.into())
}
