//! What there is to say of missing values.

use mixtura::{Advice, Summary};

/// Features that are named.
const NAMED: usize = 5;

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
