//! The components of a mixture as a table: weight, and mean and standard deviation of every feature.

use mixtura::Mixture;

use super::format::{aligned, mean_and_spread};

/// Most components and features that the table shows.
const MAX_COMPONENTS: usize = 20;
const MAX_FEATURES: usize = 6;

/// Most characters on a line.
const MAX_WIDTH: usize = 100;

/// The table, with a note of what it leaves out.
pub(crate) fn component_table(mixture: &Mixture, names: Option<&[String]>) -> String {
    let (k, d) = mixture.means().dim();
    let shown = k.min(MAX_COMPONENTS);
    let mut rows = vec![vec!["component".to_owned(), "weight".to_owned()]];
    rows.extend((0..shown).map(|k| vec![k.to_string(), format!("{:.4}", mixture.weights()[k])]));
    let spreads: Vec<_> = (0..shown).map(|k| mixture.covariances().standard_deviations(k, d)).collect();

    let mut width = 2 + "component".len() + 2 + "weight".len();
    let mut features = 0;
    while features < d.min(MAX_FEATURES) {
        let mut cells = vec![names.map_or(format!("feature {features}"), |names| shorten(&names[features]))];
        cells.extend((0..shown).map(|k| mean_and_spread(mixture.means()[[k, features]], spreads[k][features])));
        width += 2 + cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        if features > 0 && width > MAX_WIDTH {
            break;
        }
        rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(cell));
        features += 1;
    }

    let mut text = aligned(&rows, 0);
    if shown < k {
        let weight: f64 = mixture.weights().iter().skip(shown).sum();
        text += &format!("  and {} more components, of weight {weight:.4} together\n", k - shown);
    }
    if features < d {
        text += &format!("  and {} more features\n", d - features);
    }
    text
}

fn shorten(name: &str) -> String {
    match name.char_indices().nth(20) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
