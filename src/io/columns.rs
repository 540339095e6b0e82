//! Which columns of a table are features, and which one holds the sample weights.

use std::path::Path;

use super::malformed;
use crate::error::{Error, Result};

/// More columns than any table has: a header or a user that tells of more is mistaken.
pub(super) const MOST_COLUMNS: usize = 1 << 20;

/// Most column names that an error lists.
const LISTED: usize = 20;

/// Which columns are features.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Columns {
    /// All of them, except one that holds weights.
    #[default]
    All,
    /// These, by name or, where no column has that name, by index from 0.
    Chosen(Vec<String>),
    /// These, if the table has a header that names them all; all of them otherwise.
    Preferred(Vec<String>),
}

/// What to read from a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// The features.
    pub columns: Columns,
    /// The sample weights: name or index of a column, or else a file of one weight for each row.
    pub weights: Option<String>,
    /// The array of an .npz archive; the only one where none is named.
    pub member: Option<String>,
    /// Number of columns of files that hold nothing but numbers.
    pub dims: Option<usize>,
    /// Only so many rows, the first ones.
    pub head: Option<usize>,
    /// Only a share of the rows, between 0 and 1, chosen at random: each independently of the others.
    pub sample: Option<f64>,
    /// Seed of that choice.
    pub seed: u64,
}

/// A selection found in a table: indices of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) features: Vec<usize>,
    pub(super) weights: Option<usize>,
}

impl Selection {
    /// Finds the columns in a table with this header and number of columns. Weights that are no column may be a file.
    pub(super) fn find(&self, place: &str, header: Option<&[String]>, n_columns: usize) -> Result<Picked> {
        let index_of = |wanted: &str| find_column(wanted, header, n_columns);
        let weights = self.weights.as_deref().and_then(index_of);
        if let Some(wanted) = &self.weights
            && weights.is_none()
            && !Path::new(wanted).exists()
        {
            let remedy = format!("{}; or give a file of weights, one for each row", available(header, n_columns));
            return Err(malformed(
                place,
                format!("there is no column, and no file, '{wanted}' for the weights"),
                remedy,
            ));
        }
        let all = || (0..n_columns).filter(|&column| Some(column) != weights).collect();
        let features = match &self.columns {
            Columns::All => all(),
            Columns::Chosen(chosen) => {
                let indices = chosen
                    .iter()
                    .map(|wanted| index_of(wanted).ok_or_else(|| unknown(place, wanted, header, n_columns)))
                    .collect::<Result<Vec<usize>>>()?;
                check_distinct(place, chosen, &indices, weights)?;
                indices
            }
            Columns::Preferred(names) => {
                let by_name = |name: &String| header.and_then(|header| header.iter().position(|other| other == name));
                names.iter().map(by_name).collect::<Option<Vec<usize>>>().unwrap_or_else(all)
            }
        };
        Ok(Picked { features, weights })
    }
}

fn find_column(wanted: &str, header: Option<&[String]>, n_columns: usize) -> Option<usize> {
    let by_name = header.and_then(|header| header.iter().position(|name| name == wanted));
    by_name.or_else(|| wanted.parse().ok().filter(|&index| index < n_columns))
}

fn check_distinct(place: &str, chosen: &[String], indices: &[usize], weights: Option<usize>) -> Result<()> {
    for (i, (name, index)) in chosen.iter().zip(indices).enumerate() {
        if indices[..i].contains(index) {
            return Err(malformed(place, format!("column '{name}' is chosen twice"), "name each column once"));
        }
        if weights == Some(*index) {
            let problem = format!("column '{name}' is chosen both as a feature and as the weights");
            return Err(malformed(place, problem, "leave it out of the features"));
        }
    }
    Ok(())
}

fn unknown(place: &str, wanted: &str, header: Option<&[String]>, n_columns: usize) -> Error {
    malformed(place, format!("there is no column '{wanted}'"), available(header, n_columns))
}

fn available(header: Option<&[String]>, n_columns: usize) -> String {
    match header {
        Some(names) if names.len() > LISTED => {
            format!("the columns are {} and {} more", names[..LISTED].join(", "), names.len() - LISTED)
        }
        Some(names) => format!("the columns are {}", names.join(", ")),
        None if n_columns == 1 => "there is one column, without a name: 0".to_owned(),
        None => format!("the columns have no names; choose by index, 0 to {}", n_columns.saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn find(columns: Columns, weights: Option<&str>, header: &[&str]) -> Result<Picked> {
        Selection { columns, weights: weights.map(str::to_owned), ..Selection::default() }.find(
            "t",
            Some(&names(header)),
            header.len(),
        )
    }

    #[test]
    fn a_name_wins_over_an_index_and_the_weights_are_no_feature() {
        let picked = find(Columns::Chosen(names(&["b", "0"])), Some("1"), &["1", "a", "b", "0"]).unwrap();
        assert_eq!(picked, Picked { features: vec![2, 3], weights: Some(0) });
        let picked = find(Columns::All, Some("a"), &["1", "a", "b"]).unwrap();
        assert_eq!(picked, Picked { features: vec![0, 2], weights: Some(1) });
    }

    #[test]
    fn preferred_columns_are_taken_by_name_or_not_at_all() {
        let preferred = |header: &[&str]| find(Columns::Preferred(names(&["b", "a"])), None, header).unwrap().features;
        assert_eq!(preferred(&["a", "x", "b"]), [2, 0]);
        assert_eq!(preferred(&["a", "x"]), [0, 1]);
    }

    #[test]
    fn an_unknown_column_is_answered_with_those_there_are() {
        let error = find(Columns::Chosen(names(&["c"])), None, &["a", "b"]).unwrap_err().to_string();
        assert_eq!(error, "t: there is no column 'c'\nthe columns are a, b");
        assert!(find(Columns::Chosen(names(&["a", "0"])), None, &["a", "b"]).is_err(), "the same column twice");
        assert!(find(Columns::Chosen(names(&["a"])), Some("a"), &["a", "b"]).is_err(), "feature and weight");
    }
}
