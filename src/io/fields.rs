//! The columns that a table offers, by name and by number.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::notes::{About, Note};
use crate::advice::{Advice, Term};

/// Most column names that an error lists.
const LISTED: usize = 20;

/// Names that pandas gives an index without a name in typed files, and any column without one in text.
const INDEX_LEVEL: &str = "__index_level_";
const UNNAMED: &str = "Unnamed: ";

/// The columns of a table. One that holds a list of numbers in every row is several: a column for each number.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// Names of the columns, each once, if they have names.
    names: Option<Vec<String>>,
    /// Where the columns that a name stands for are.
    by_name: HashMap<String, Range<usize>>,
    /// Where the columns of every number are; `None` where each is one.
    by_number: Option<Vec<Range<usize>>>,
    n_columns: usize,
    /// Columns that are an index, as pandas and R write it, by number.
    index: Vec<usize>,
    /// Columns without a name or a value, by number.
    empty: Vec<usize>,
    /// A name that more than one column has.
    repeated: Option<String>,
}

impl Fields {
    /// So many columns without names.
    pub(super) fn nameless(n_columns: usize) -> Self {
        Fields {
            names: None,
            by_name: HashMap::new(),
            by_number: None,
            n_columns,
            index: Vec::new(),
            empty: Vec::new(),
            repeated: None,
        }
    }

    /// Columns with names; those that have one name are numbered: v.0, v.1. One without a name is called as pandas
    /// calls it, Unnamed: 3, and an index if there is none but such columns before it.
    pub(super) fn named(names: Vec<String>) -> Self {
        let name = |(i, name): (usize, String)| if name.is_empty() { format!("{UNNAMED}{i}") } else { name };
        let (names, repeated) = numbered(names.into_iter().enumerate().map(name).collect());
        let by_name = names.iter().cloned().zip((0..).map(|i| i..i + 1)).collect();
        let unnamed = names.iter().take_while(|name| is_unnamed(name)).count();
        let levels = (unnamed..names.len()).filter(|i| names[*i].starts_with(INDEX_LEVEL));
        let index = (0..unnamed).chain(levels).collect();
        let n_columns = names.len();
        Fields { names: Some(names), by_name, by_number: None, n_columns, index, empty: Vec::new(), repeated }
    }

    /// Columns with names, some of which hold a list in every row, of the given length. The numbers of a list v are
    /// called v.0, v.1 and so on.
    pub(super) fn with_lists(names: Vec<String>, lengths: &[Option<usize>]) -> Self {
        if lengths.iter().all(Option::is_none) {
            return Self::named(names);
        }
        let (names, repeated) = numbered(names);
        let mut flat = Vec::new();
        let mut ranges = Vec::new();
        for (name, length) in names.iter().zip(lengths) {
            let start = flat.len();
            match length {
                None => flat.push(name.clone()),
                Some(length) => flat.extend((0..*length).map(|i| format!("{name}.{i}"))),
            }
            ranges.push(start..flat.len());
        }
        let mut fields = Self::named(flat);
        for (name, range) in names.into_iter().zip(&ranges) {
            fields.by_name.entry(name).or_insert_with(|| range.clone());
        }
        Fields { by_number: Some(ranges), repeated: repeated.or(fields.repeated), ..fields }
    }

    /// The same with more columns, by number, that are an index.
    pub(super) fn with_index(mut self, index: Vec<usize>) -> Self {
        self.index.extend(index);
        self.index.sort_unstable();
        self.index.dedup();
        self
    }

    /// The same with columns, by number, in which no values were found; they are passed over if they have no name
    /// either.
    pub(super) fn with_empty(self, empty: Vec<usize>) -> Self {
        let is_unnamed = |i: &usize| self.names.as_ref().is_some_and(|names| is_unnamed(&names[*i]));
        let empty: Vec<usize> = empty.into_iter().filter(is_unnamed).collect();
        let index = self.index.iter().copied().filter(|column| !empty.contains(column)).collect();
        Fields { index, empty, ..self }
    }

    pub(super) fn len(&self) -> usize {
        self.n_columns
    }

    pub(super) fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// The columns that a name stands for.
    pub(super) fn by_name(&self, name: &str) -> Option<Range<usize>> {
        self.by_name.get(name).cloned()
    }

    /// The columns that a name stands for or, where none has it, a number from 0.
    pub(super) fn find(&self, wanted: &str) -> Option<Range<usize>> {
        self.by_name(wanted).or_else(|| {
            let number = number(wanted)?;
            match &self.by_number {
                Some(ranges) => ranges.get(number).cloned(),
                None => (number < self.n_columns).then(|| number..number + 1),
            }
        })
    }

    /// All columns but an index and empty ones, unless there are no others.
    pub(super) fn all(&self) -> Vec<usize> {
        let is_data = |column: &usize| !self.index.contains(column) && !self.empty.contains(column);
        let data: Vec<usize> = (0..self.n_columns).filter(is_data).collect();
        if data.is_empty() { (0..self.n_columns).collect() } else { data }
    }

    /// Notes about a table of these columns, of which some are features: because they were chosen, or because all are.
    pub(super) fn notes(&self, place: &str, features: &[usize], are_chosen: bool) -> Vec<Note> {
        let mut notes = Vec::new();
        let is_numbered = |column: &usize| {
            let names = self.names.iter().zip(&self.repeated);
            names
                .into_iter()
                .any(|(names, name)| names[*column].strip_prefix(name.as_str()).is_some_and(|end| end.starts_with('.')))
        };
        if let Some(name) = &self.repeated
            && features.iter().any(is_numbered)
        {
            let text =
                format!("several columns are called '{name}': they are numbered, '{name}.0', '{name}.1' and so on");
            notes.push(Note::new(About::Repeated, place, text));
        }
        let left_out = |columns: &[usize]| -> Option<String> {
            let names = self.names.as_ref()?;
            let left_out = columns.iter().filter(|column| !features.contains(column));
            let names: Vec<String> = left_out.map(|column| format!("'{}'", names[*column])).collect();
            let columns = if names.len() == 1 { "column" } else { "columns" };
            (!are_chosen && !names.is_empty()).then(|| format!("{columns} {}", names.join(", ")))
        };
        if let Some(columns) = left_out(&self.index) {
            let text = format!("{columns}: an index, as pandas and R write it, and no feature unless it is chosen (");
            notes.push(Note::new(About::Index, place, Advice::from(text) + Term::Columns + ")"));
        }
        if let Some(columns) = left_out(&self.empty) {
            let text = format!("{columns}: without a name or a value in the first rows, and no feature");
            notes.push(Note::new(About::Empty, place, text));
        }
        notes
    }

    /// The columns there are, in words.
    pub(super) fn available(&self) -> String {
        match &self.names {
            Some(names) if names.len() > LISTED => {
                format!("the columns are {} and {} more", names[..LISTED].join(", "), names.len() - LISTED)
            }
            Some(names) => format!("the columns are {}", names.join(", ")),
            None if self.n_columns == 1 => "there is one column, without a name: 0".to_owned(),
            None => format!("the columns have no names; choose by index, 0 to {}", self.n_columns.saturating_sub(1)),
        }
    }
}

/// Whether this is what a column without a name is called.
fn is_unnamed(name: &str) -> bool {
    // A table that was read and written more than once has several of one name, which are numbered.
    name.strip_prefix(UNNAMED).is_some_and(|i| i.split('.').all(|i| number(i).is_some()))
}

/// A number as it is usually written: 3 and 10, but not 03 or +3.
pub(super) fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number: &usize| number.to_string() == text)
}

/// Names of which those that stand more than once are numbered, and the first of these.
fn numbered(names: Vec<String>) -> (Vec<String>, Option<String>) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    names.iter().for_each(|name| *counts.entry(name).or_default() += 1);
    let Some(first) = names.iter().find(|name| counts[name.as_str()] > 1).cloned() else { return (names, None) };
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut next: HashMap<&str, usize> = HashMap::new();
    let unique = names
        .iter()
        .map(|name| {
            if counts[name.as_str()] == 1 {
                return name.clone();
            }
            let next = next.entry(name).or_default();
            loop {
                let candidate = format!("{name}.{next}");
                *next += 1;
                if taken.insert(candidate.clone()) {
                    return candidate;
                }
            }
        })
        .collect();
    (unique, Some(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Fields {
        Fields::named(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_name_wins_over_a_number_which_is_written_as_usual() {
        let fields = named(&["1", "a", "03"]);
        assert_eq!(fields.find("1"), Some(0..1));
        assert_eq!(fields.find("2"), Some(2..3));
        assert_eq!(fields.find("03"), Some(2..3));
        assert_eq!(Fields::nameless(4).find("3"), Some(3..4));
        for text in ["03", "+3", " 3", "3.0", "-0", "4", ""] {
            assert_eq!(Fields::nameless(4).find(text), None, "{text}");
        }
    }

    #[test]
    fn names_that_stand_twice_are_numbered_past_those_that_are_taken() {
        let fields = named(&["v", "w", "v", "v.1", "v"]);
        assert_eq!(fields.names().unwrap(), ["v.0", "w", "v.2", "v.1", "v.3"]);
        assert_eq!(fields.find("v"), None);
        assert!(fields.notes("t", &fields.all(), false)[0].text.to_string().contains("'v'"));
    }

    #[test]
    fn a_list_is_a_column_for_each_of_its_numbers() {
        let names = ["id", "emb", "x"].map(str::to_owned).to_vec();
        let fields = Fields::with_lists(names, &[None, Some(3), None]);
        assert_eq!(fields.names().unwrap(), ["id", "emb.0", "emb.1", "emb.2", "x"]);
        assert_eq!(fields.find("emb"), Some(1..4));
        assert_eq!(fields.find("emb.1"), Some(2..3));
        assert_eq!(fields.find("1"), Some(1..4));
        assert_eq!(fields.find("2"), Some(4..5));
        assert_eq!(fields.find("3"), None);
    }

    #[test]
    fn an_index_is_no_feature_unless_there_is_nothing_else() {
        let fields = named(&["", "Unnamed: 0", "x", "", "__index_level_0__"]);
        assert_eq!(fields.names().unwrap(), ["Unnamed: 0.0", "Unnamed: 0.1", "x", "Unnamed: 3", "__index_level_0__"]);
        for (names, all) in [
            (vec!["", "x"], vec![1]),
            (vec!["", "", "x"], vec![2]),
            (vec!["Unnamed: 0", "Unnamed: 1", "x"], vec![2]),
            (vec!["x", "", "__index_level_0__"], vec![0, 1]),
            (vec!["Unnamed: 0"], vec![0]),
            (vec!["Unnamed: x", "x"], vec![0, 1]),
        ] {
            assert_eq!(named(&names).all(), all, "{names:?}");
        }
        let fields = named(&["x", "y"]).with_index(vec![1]);
        assert_eq!(fields.all(), [0]);
        assert_eq!(fields.notes("t", &[0], false)[0].about, About::Index);
        assert!(fields.notes("t", &[0, 1], false).is_empty(), "all are features");
        assert!(fields.notes("t", &[0], true).is_empty(), "they were chosen");
        let fields = named(&["x", ""]).with_empty(vec![0, 1]);
        assert_eq!((fields.all(), fields.notes("t", &[0], false)[0].about), (vec![0], About::Empty));
    }
}
