//! Notes about files that can be read: choices that were made for the user, who may have meant otherwise.

use crate::advice::Advice;
use crate::error::Error;

/// Subject of a note: of each kind, one is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// A first row that may be names, or a sample.
    FirstRow,
    /// An index that is no feature.
    Index,
    /// Columns without a name or a value.
    Empty,
    /// Names in another encoding than UTF-8.
    Encoding,
    /// Files in directories that are not read.
    PassedOver,
    /// A name that several columns have.
    Repeated,
    /// Integers that no double holds.
    Rounded,
    /// Samples that look left out on purpose.
    Comments,
    /// Directories that are named after a column.
    Partitions,
}

/// Something to say about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) about: About,
    pub(super) place: String,
    pub(super) text: Advice,
}

impl Note {
    pub(super) fn new(about: About, place: impl Into<String>, text: impl Into<Advice>) -> Self {
        Note { about, place: place.into(), text: text.into() }
    }

    /// Integers were rounded; the column is known where it has a name or there is one only.
    pub(super) fn rounded(place: &str, column: Option<&str>) -> Self {
        let column = column.map_or(String::new(), |name| format!(" of column '{name}'"));
        let text = format!(
            "integers{column} beyond 2^53 were rounded to the nearest double; where their last digits matter, subtract a \
             constant before they are written"
        );
        Note::new(About::Rounded, place, text)
    }
}

/// Notes about the files of a data set: the first of each kind, and the number of files that it holds for, too.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Vec<Counted>);

#[derive(Debug, Clone)]
struct Counted {
    first: Note,
    last_place: String,
    more: usize,
}

impl Notes {
    pub(super) fn add(&mut self, note: Note) {
        match self.0.iter_mut().find(|counted| counted.first.about == note.about) {
            Some(counted) if counted.last_place == note.place => {}
            Some(counted) => {
                counted.last_place = note.place;
                counted.more += 1;
            }
            None => self.0.push(Counted { last_place: note.place.clone(), first: note, more: 0 }),
        }
    }

    /// These, and then others.
    pub(super) fn and(mut self, others: Notes) -> Self {
        self.0.extend(others.0);
        self
    }

    /// An error with what a first row was taken as, for that may be its cause.
    pub(super) fn remind(&self, error: Error) -> Error {
        let first_row = self.0.iter().map(|counted| &counted.first).find(|note| note.about == About::FirstRow);
        match (error, first_row) {
            (Error::Malformed { place, problem, remedy }, Some(Note { place: file, text, .. })) => {
                Error::Malformed { place, problem, remedy: remedy + format!("; mind {file}: ") + text.clone() }
            }
            (error, _) => error,
        }
    }

    /// A line for each kind.
    pub(super) fn lines(&self) -> Vec<Advice> {
        let line = |Counted { first: Note { place, text, .. }, more, .. }: &Counted| {
            let place = match more {
                0 => format!("{place}: "),
                1 => format!("{place}, and 1 more file: "),
                more => format!("{place}, and {more} more files: "),
            };
            Advice::from(place) + text.clone()
        };
        self.0.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_told_once_with_the_number_of_files_it_holds_for() {
        let mut notes = Notes::default();
        for place in ["a", "a", "b", "b", "c"] {
            notes.add(Note::new(About::Index, place, "has an index"));
        }
        notes.add(Note::new(About::Repeated, "b", "has a name twice"));
        let lines: Vec<String> = notes.lines().iter().map(Advice::to_string).collect();
        assert_eq!(lines, ["a, and 2 more files: has an index", "b: has a name twice"]);
    }
}
