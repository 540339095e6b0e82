//! The components of a mixture as tables: weight, mean and standard deviation of every feature, and covariances.

use mixtura::{CovarianceType, Mixture, counted};

use super::format::{mean_and_spread, significant};
use super::layout::{shortened, tables, width};

/// Most components that are shown, and the part of a line that the name of a feature may take, where not all is wanted.
const MOST_COMPONENTS: usize = 20;
const PART_OF_NAME: usize = 5;

/// How much of a mixture is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Some components, and the features that there is room for.
    Some,
    /// All of them, in as many tables as that takes.
    All,
}

impl Extent {
    fn n_components(self, k: usize) -> usize {
        if self == Extent::All { k } else { k.min(MOST_COMPONENTS) }
    }

    fn name(self, names: Option<&[String]>, feature: usize) -> String {
        let name = names.map_or_else(|| format!("feature {feature}"), |names| names[feature].clone());
        if self == Extent::All { name } else { shortened(&name, width() / PART_OF_NAME) }
    }

    /// Rows with a column for each feature behind the labels: all of them, or those of the first table, with a note of
    /// what that leaves out.
    fn table(self, rows: &[Vec<String>], labels: usize) -> String {
        let tables = tables(rows, labels, 0);
        if self == Extent::All || tables.len() == 1 {
            return tables.into_iter().map(|(_, table)| table).collect::<Vec<_>>().join("\n");
        }
        let left_out: usize = tables[1..].iter().map(|(n, _)| n).sum();
        format!("{}  and {}\n", tables[0].1, counted(left_out, "more feature"))
    }
}

/// The table, with a note of what it leaves out.
pub(crate) fn component_table(mixture: &Mixture, names: Option<&[String]>, extent: Extent) -> String {
    let (k, d) = mixture.means().dim();
    let shown = extent.n_components(k);
    let mut rows = vec![vec!["component".to_owned(), "weight".to_owned()]];
    rows[0].extend((0..d).map(|feature| extent.name(names, feature)));
    for k in 0..shown {
        let spreads = mixture.covariances().standard_deviations(k, d);
        let means = mixture.means().row(k);
        let cells = means.iter().zip(&spreads).map(|(mean, spread)| mean_and_spread(*mean, *spread));
        let begin = [k.to_string(), format!("{:.4}", mixture.weights()[k])];
        rows.push(begin.into_iter().chain(cells).collect());
    }
    let mut text = extent.table(&rows, 2);
    if shown < k {
        let weight: f64 = mixture.weights().iter().skip(shown).sum();
        text += &format!("  and {}, of weight {weight:.4} together\n", counted(k - shown, "more component"));
    }
    text
}

/// The covariances: a matrix of each component or of all, or the variances.
pub(crate) fn covariance_tables(mixture: &Mixture, names: Option<&[String]>, extent: Extent) -> String {
    let (k, d) = mixture.means().dim();
    let shown = extent.n_components(k);
    let entry = |k: usize, i: usize, j: usize| significant(mixture.covariances().entry(k, i, j));
    let head = |label: &str| -> Vec<String> {
        [label.to_owned()].into_iter().chain((0..d).map(|feature| extent.name(names, feature))).collect()
    };
    let matrix = |k: usize, label: &str| {
        let row = |i: usize| [extent.name(names, i)].into_iter().chain((0..d).map(|j| entry(k, i, j))).collect();
        extent.table(&[head(label)].into_iter().chain((0..d).map(row)).collect::<Vec<Vec<String>>>(), 1)
    };
    let mut tables: Vec<String> = match mixture.covariance_type() {
        CovarianceType::Full => (0..shown).map(|k| matrix(k, &format!("covariance of {k}"))).collect(),
        CovarianceType::Tied => vec![matrix(0, "covariance of all")],
        CovarianceType::Spherical => {
            let head = ["variance of", "all features"].map(str::to_owned).to_vec();
            let rows = [head].into_iter().chain((0..shown).map(|k| vec![k.to_string(), entry(k, 0, 0)]));
            vec![extent.table(&rows.collect::<Vec<_>>(), 1)]
        }
        _ => {
            let row = |k: usize| [k.to_string()].into_iter().chain((0..d).map(|i| entry(k, i, i))).collect();
            let rows = [head("variances of")].into_iter().chain((0..shown).map(row));
            vec![extent.table(&rows.collect::<Vec<Vec<String>>>(), 1)]
        }
    };
    if shown < k && mixture.covariance_type() != CovarianceType::Tied {
        tables.push(format!("  and {}\n", counted(k - shown, "more component")));
    }
    tables.join("\n")
}
