//! What there is to say of features that are constant.

use mixtura::{Advice, Summary, Term};

/// Features that are named.
const NAMED: usize = 5;

/// Which features have one value throughout; nothing where none has.
pub(crate) fn note(summary: &Summary) -> Option<Advice> {
    let (constant, others): (Vec<usize>, Vec<usize>) =
        (0..summary.n_features()).partition(|feature| summary.variance()[*feature] == 0.0);
    if constant.is_empty() || summary.n_samples() < 2 {
        return None;
    }
    let name = |i: &usize| summary.feature_names().map_or_else(|| i.to_string(), |names| names[*i].clone());
    let mut named: Vec<String> = constant.iter().take(NAMED).map(name).collect();
    if constant.len() > NAMED {
        named.push(format!("{} others", constant.len() - NAMED));
    }
    let are = if constant.len() == 1 { "column" } else { "columns" };
    let is = if constant.len() == 1 { "is constant, and tells" } else { "are constant, and tell" };
    let text = Advice::from(format!("{are} {} {is} no components apart", named.join(", ")));
    Some(match others.is_empty() {
        true => text,
        false => text + ": leave out by " + Term::ColumnsNamed(others.iter().map(name).collect()),
    })
}
