//! Which columns of a table are features, and which one holds the sample weights.

use std::path::Path;

use super::bad_rows::BadRows;
use super::company::Keep;
use super::delimiter::Delimiter;
use super::fields::{Fields, number};
use super::malformed;
use super::notes::Note;
use crate::advice::{Advice, Term};
use crate::data::missing::Missing;
use crate::error::{Error, Result};

/// More columns than any table has: a header or a user that tells of more is mistaken.
pub(super) const MOST_COLUMNS: usize = 1 << 20;

/// How many times the number of columns a number is that cannot be meant as an index.
const BEYOND: usize = 10;

/// Most columns that a remedy writes out.
const MOST_WRITTEN_OUT: usize = 100;

/// Which columns are features.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Columns {
    /// All of them, except one that holds weights, and an index as pandas and R write it.
    #[default]
    All,
    /// These, by name or, where no column has that name, by index from 0.
    Chosen(Vec<String>),
    /// Likewise, as a list with commas between them; names with commas may stand in it as they are, or in quotes.
    Listed(String),
    /// Those with the names of a model's features; where columns have no names, all of them.
    Named(Vec<String>),
    /// All of them, for a model whose features have no names: so that numbers in a first row are no names either.
    Nameless,
}

impl Columns {
    /// The features of a model, with their names if they have any.
    pub fn of_model(feature_names: Option<&[String]>) -> Self {
        feature_names.map_or(Columns::Nameless, |names| Columns::Named(names.to_vec()))
    }
}

/// Whether the first row of text is names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Header {
    /// If it looks so: the whole row, beside those below it.
    #[default]
    Auto,
    /// It is.
    Yes,
    /// It is a sample.
    No,
}

impl Header {
    /// All choices.
    pub const ALL: [Self; 3] = [Header::Auto, Header::Yes, Header::No];

    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Header::Auto => "auto",
            Header::Yes => "yes",
            Header::No => "no",
        }
    }
}

/// Selection of columns and rows of a table, and how its text is read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// The features.
    pub columns: Columns,
    /// The sample weights: name or index of a column, or else a file of one weight for each row.
    pub weights: Option<String>,
    /// Whether the first row of text is names.
    pub header: Header,
    /// Delimiter of text; told from the first rows if it is `None`.
    pub delimiter: Option<Delimiter>,
    /// The array of an .npz archive; the only one where none is named.
    pub member: Option<String>,
    /// Number of columns of files that hold nothing but numbers.
    pub dims: Option<usize>,
    /// Number of rows to read, from the first one on; all if it is `None`.
    pub head: Option<usize>,
    /// Only a share of the rows, between 0 and 1, chosen at random: each independently of the others.
    pub sample: Option<f64>,
    /// Seed of that choice.
    pub seed: u64,
    /// The rows that the choice leaves, in place of those that it takes.
    pub rest: bool,
    /// What is done about missing values of features: not a number, null, or a cell of text that is empty or says so.
    pub missing: Missing,
    /// Columns that go along with the samples, in [`Stream::for_each`](super::Stream::for_each).
    pub keep: Keep,
    /// Whether the numbers of the rows go along, too.
    pub number_rows: bool,
    /// What is done about rows that cannot be read.
    pub bad_rows: BadRows,
    /// Whether rows of text on standard input are handed on as they come, and not in whole chunks.
    pub at_once: bool,
}

/// A selection found in a table: indices of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) features: Vec<usize>,
    pub(super) weights: Option<usize>,
    /// Columns that go along with them.
    pub(super) company: Vec<usize>,
    /// Names of the features, if columns have names.
    pub(super) names: Option<Vec<String>>,
    /// Names of all columns, likewise.
    pub(super) header: Option<Vec<String>>,
    /// Notes about the choice.
    pub(super) notes: Vec<Note>,
}

impl Selection {
    /// Finds the columns in a table. Weights that are no column may be a file.
    pub(super) fn find(&self, place: &str, fields: &Fields) -> Result<Picked> {
        let weights = self.find_weights(place, fields)?;
        let features = match &self.columns {
            Columns::All | Columns::Nameless => all(fields, weights),
            Columns::Chosen(chosen) => {
                let one = |wanted: &String| {
                    let range = fields.find(wanted).ok_or_else(|| unknown(place, wanted, fields))?;
                    Ok((wanted.clone(), range))
                };
                flatten(place, chosen.iter().map(one).collect::<Result<Vec<_>>>()?, weights)?
            }
            Columns::Listed(text) => flatten(place, listed(place, text, fields)?, weights)?,
            Columns::Named(_) if fields.names().is_none() => all(fields, weights),
            Columns::Named(names) => named(place, names, fields)?,
        };
        let (features, company) = match self.keep {
            Keep::Nothing => (features, Vec::new()),
            Keep::Rows(_) => (features, (0..fields.len()).collect()),
            Keep::Chosen(_) => (Vec::new(), features),
        };
        let names = fields.names().map(|names| features.iter().map(|&column| names[column].clone()).collect());
        let are_chosen = !matches!(self.columns, Columns::All | Columns::Nameless);
        let chosen = if features.is_empty() { &company } else { &features };
        let notes = fields.notes(place, chosen, are_chosen);
        let header = fields.names().map(<[String]>::to_vec);
        Ok(Picked { features, weights, company, names, header, notes })
    }

    fn find_weights(&self, place: &str, fields: &Fields) -> Result<Option<usize>> {
        let Some(wanted) = &self.weights else { return Ok(None) };
        match fields.find(wanted) {
            Some(range) if range.len() == 1 => Ok(Some(range.start)),
            Some(range) => {
                let problem = format!("column '{wanted}' holds {} numbers in every row", range.len());
                Err(malformed(place, problem, "give a column of one weight for each row"))
            }
            None if Path::new(wanted).exists() => Ok(None),
            None => {
                let problem = format!("there is no column, and no file, '{wanted}' for the weights");
                let remedy = format!("{}; or give a file of weights, one for each row", fields.available());
                Err(malformed(place, problem, remedy))
            }
        }
    }

    /// Whether a row of cells is one of names, because names that are asked for stand in it.
    pub(super) fn asks_for(&self, cells: &[&str]) -> bool {
        // What may be an index is no sign of names, even one beyond the last.
        let may_be_index = |name: &str| number(name).is_some_and(|number| number < BEYOND * cells.len());
        let holds = |name: &str| !may_be_index(name) && cells.contains(&name);
        let weights = self.weights.as_deref().is_some_and(holds);
        weights
            || match &self.columns {
                Columns::All | Columns::Nameless => false,
                Columns::Chosen(chosen) => chosen.iter().any(|name| holds(name)),
                Columns::Listed(text) => {
                    let mut with_commas = cells.iter().filter(|cell| cell.contains(','));
                    split(text).iter().any(|name| holds(name.trim())) || with_commas.any(|cell| text.contains(cell))
                }
                Columns::Named(names) => names.iter().all(|name| cells.contains(&name.as_str())),
            }
    }
}

fn all(fields: &Fields, weights: Option<usize>) -> Vec<usize> {
    fields.all().into_iter().filter(|&column| Some(column) != weights).collect()
}

/// The columns with the names of a model's features.
fn named(place: &str, names: &[String], fields: &Fields) -> Result<Vec<usize>> {
    let found: Vec<_> = names.iter().map(|name| fields.by_name(name).filter(|range| range.len() == 1)).collect();
    let mut missing = names.iter().zip(&found).filter(|(_, range)| range.is_none()).map(|(name, _)| name);
    let Some(first) = missing.next() else { return Ok(found.into_iter().flatten().map(|range| range.start).collect()) };
    let more = match missing.count() {
        0 => String::new(),
        1 => ", nor 1 more of its features".to_owned(),
        more => format!(", nor {more} more of its features"),
    };
    let problem = format!("there is no column '{first}', a feature of the model{more}");
    let in_other_case = |name: &String| {
        let mut columns = fields.names().into_iter().flatten();
        columns.find(|column| column.to_lowercase() == name.to_lowercase()).cloned()
    };
    if let Some(written) = names.iter().map(in_other_case).collect::<Option<Vec<String>>>() {
        let remedy = Advice::from("capitals are told from small letters; if these are the model's features: ");
        return Err(malformed(place, problem, remedy + choice_of(written)));
    }
    let others = format!("{}; to use others in its place, choose columns in the model's order: ", fields.available());
    Err(malformed(place, problem, Advice::from(others) + Term::Columns))
}

type Range = std::ops::Range<usize>;

/// The columns of a list with commas. A piece that is no column may be the beginning of a name with commas.
fn listed(place: &str, text: &str, fields: &Fields) -> Result<Vec<(String, Range)>> {
    let pieces = split(text);
    let mut columns = Vec::new();
    let mut start = 0;
    while start < pieces.len() {
        let joined = (start + 1..=pieces.len()).find_map(|end| {
            let name = pieces[start..end].join(",");
            let range = fields.find(&name).or_else(|| fields.find(name.trim()))?;
            Some((end, name, range))
        });
        let (end, name, range) = joined.ok_or_else(|| unknown(place, pieces[start].trim(), fields))?;
        columns.push((name, range));
        start = end;
    }
    Ok(columns)
}

/// The pieces between the commas of a list, in which names may be quoted.
fn split(text: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let record = reader.records().next().and_then(Result::ok);
    record.map_or_else(|| vec![text.to_owned()], |record| record.iter().map(str::to_owned).collect())
}

/// The columns that were chosen one after another, each of which must be a column of its own.
fn flatten(place: &str, chosen: Vec<(String, Range)>, weights: Option<usize>) -> Result<Vec<usize>> {
    let mut columns = Vec::new();
    for (name, range) in chosen {
        if range.clone().any(|column| columns.contains(&column)) {
            return Err(malformed(place, format!("column '{name}' is chosen twice"), "name each column once"));
        }
        if weights.is_some_and(|weights| range.contains(&weights)) {
            let problem = format!("column '{name}' is chosen both as a feature and as the weights");
            return Err(malformed(place, problem, "leave it out of the features"));
        }
        columns.extend(range);
    }
    Ok(columns)
}

fn unknown(place: &str, wanted: &str, fields: &Fields) -> Error {
    malformed(place, format!("there is no column '{wanted}'"), fields.available())
}

/// The choice of columns that a remedy gives; without their names where they are very many.
pub(super) fn choice_of(names: Vec<String>) -> Term {
    if names.len() > MOST_WRITTEN_OUT { Term::Columns } else { Term::ColumnsNamed(names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn find(columns: Columns, weights: Option<&str>, header: &[&str]) -> Result<(Vec<usize>, Option<usize>)> {
        let selection = Selection { columns, weights: weights.map(str::to_owned), ..Selection::default() };
        let picked = selection.find("t", &Fields::named(names(header)))?;
        Ok((picked.features, picked.weights))
    }

    #[test]
    fn a_name_wins_over_an_index_and_the_weights_are_no_feature() {
        let found = find(Columns::Chosen(names(&["b", "0"])), Some("1"), &["1", "a", "b", "0"]).unwrap();
        assert_eq!(found, (vec![2, 3], Some(0)));
        let found = find(Columns::All, Some("a"), &["1", "a", "b"]).unwrap();
        assert_eq!(found, (vec![0, 2], Some(1)));
    }

    #[test]
    fn the_features_of_a_model_are_found_by_name_or_missed_by_name() {
        let named = |header: &[&str]| find(Columns::Named(names(&["b", "a"])), None, header).map(|found| found.0);
        assert_eq!(Columns::of_model(Some(&names(&["b", "a"]))), Columns::Named(names(&["b", "a"])));
        assert_eq!(Columns::of_model(None), Columns::Nameless);
        assert_eq!(named(&["a", "x", "b"]).unwrap(), [2, 0]);
        let error = named(&["a", "x"]).unwrap_err().to_string();
        assert!(
            error.starts_with("t: there is no column 'b', a feature of the model\nthe columns are a, x"),
            "{error}"
        );
        let error = named(&["x"]).unwrap_err().to_string();
        assert!(error.contains("nor 1 more of its features"), "{error}");
        let selection = Selection { columns: Columns::Named(names(&["b", "a"])), ..Selection::default() };
        assert_eq!(selection.find("t", &Fields::nameless(2)).unwrap().features, [0, 1]);
    }

    #[test]
    fn names_with_commas_stand_in_a_list_as_they_are_or_in_quotes() {
        let header = ["height", "weight, kg", "a", "b"];
        for (text, expected) in [
            ("weight, kg", vec![1]),
            ("a,weight, kg,height", vec![2, 1, 0]),
            ("\"weight, kg\",b", vec![1, 3]),
            ("a, b", vec![2, 3]),
            ("0,1", vec![0, 1]),
        ] {
            assert_eq!(find(Columns::Listed(text.to_owned()), None, &header).unwrap().0, expected, "{text}");
        }
        let error = find(Columns::Listed("a,weight".to_owned()), None, &header).unwrap_err().to_string();
        assert!(error.contains("there is no column 'weight'"), "{error}");
    }

    #[test]
    fn an_unknown_column_is_answered_with_those_there_are() {
        let error = find(Columns::Chosen(names(&["c"])), None, &["a", "b"]).unwrap_err().to_string();
        assert_eq!(error, "t: there is no column 'c'\nthe columns are a, b");
        assert!(find(Columns::Chosen(names(&["a", "0"])), None, &["a", "b"]).is_err(), "the same column twice");
        assert!(find(Columns::Chosen(names(&["a"])), Some("a"), &["a", "b"]).is_err(), "feature and weight");
    }
}
