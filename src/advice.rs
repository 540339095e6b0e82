//! Advice: a line of text that may name what can be set, given or called. Every front door of the library (the command
//! line, Python) has names of its own for that; where none are given they are Rust's.

use std::fmt::{self, Display, Formatter};
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// A term of [`Advice`]: what can be set, given or called, under another name at every front door.
///
/// Displayed, it is what Rust calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Term {
    /// The CPU, in f64, as the device.
    Cpu,
    /// A hardware adapter as the device.
    Gpu,
    /// The list of devices.
    Devices,
    /// The memory of the host that samples may take.
    Memory,
    /// The memory of a device that samples may take.
    DeviceMemory,
    /// The columns that are features.
    Columns,
    /// The columns that are features: these.
    ColumnsNamed(Vec<String>),
    /// The answer to whether a first row of text is names.
    Header(bool),
    /// The delimiter of the cells of text.
    Delimiter,
    /// The array of an archive: one of these.
    Member(Vec<String>),
    /// The number of columns of raw files.
    Dims,
    /// The floor of variances.
    Floor,
    /// The most epochs.
    MaxIter,
    /// The tolerance.
    Tol,
    /// The way with missing values that integrates them out.
    Marginalize,
    /// The model that a fit starts from.
    StartModel,
    /// The way to write a model.
    SaveModel,
    /// The way to write a checkpoint.
    SaveCheckpoint,
    /// The way to go on from one.
    Resume,
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let quoted = |names: &[String]| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>();
        match self {
            Term::Cpu => f.write_str("Device::cpu()"),
            Term::Gpu => f.write_str("DeviceChoice::Gpu"),
            Term::Devices => f.write_str("devices()"),
            Term::Memory => f.write_str("the memory of Dataset::open"),
            Term::DeviceMemory => f.write_str("Device::with_memory"),
            Term::Columns => f.write_str("Selection::columns"),
            Term::ColumnsNamed(names) => write!(f, "Selection::columns = [{}]", quoted(names).join(", ")),
            Term::Header(is_names) => write!(f, "Selection::header = Header::{}", if *is_names { "Yes" } else { "No" }),
            Term::Delimiter => f.write_str("Selection::delimiter"),
            Term::Member(names) => write!(f, "Selection::member = {}", quoted(names).join(" or ")),
            Term::Dims => f.write_str("Selection::dims"),
            Term::Floor => f.write_str("FitOptions::floor"),
            Term::MaxIter => f.write_str("FitOptions::max_iter"),
            Term::Tol => f.write_str("FitOptions::tol"),
            Term::Marginalize => f.write_str("Missing::Marginalize"),
            Term::StartModel => f.write_str("FitOptions::warm_start"),
            Term::SaveModel => f.write_str("save_model"),
            Term::SaveCheckpoint => f.write_str("Checkpoint::save"),
            Term::Resume => f.write_str("Fitting::resume"),
        }
    }
}

/// Advice: a line of text with [`Term`]s in it, put together by `+`.
///
/// ```
/// use mixtura::{Advice, Term};
///
/// let advice = Advice::from("use ") + Term::Cpu + ", or fewer components";
/// assert_eq!(advice.to_string(), "use Device::cpu(), or fewer components");
/// assert_eq!(advice.in_words(|_| "the CPU".to_owned()), "use the CPU, or fewer components");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Piece {
    Text(String),
    Term(Term),
}

impl Advice {
    /// The line, with the words of a front door for its terms.
    pub fn in_words(&self, words: impl Fn(&Term) -> String) -> String {
        let word = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Term(term) => words(term),
        };
        one_line(self.0.iter().map(word).collect())
    }
}

impl Display for Advice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Term::to_string))
    }
}

impl From<&str> for Advice {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Advice {
    fn from(text: String) -> Self {
        Advice(vec![Piece::Text(text)])
    }
}

impl From<Term> for Advice {
    fn from(term: Term) -> Self {
        Advice(vec![Piece::Term(term)])
    }
}

impl<T: Into<Advice>> Add<T> for Advice {
    type Output = Advice;

    fn add(mut self, more: T) -> Advice {
        self.0.extend(more.into().0);
        self
    }
}

/// So many things, by their name for one: 1 feature, 2 features.
pub fn counted(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// A text in one line: a name of several, of a column or file, would tear a message.
pub(crate) fn one_line(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_rusts_unless_other_words_are_given() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (term, expected) in [
            (Term::Columns, "choose: Selection::columns"),
            (Term::ColumnsNamed(names(&["a", "b\"c"])), r#"choose: Selection::columns = ["a", "b\"c"]"#),
            (Term::Header(true), "choose: Selection::header = Header::Yes"),
            (Term::Member(names(&["x", "y"])), r#"choose: Selection::member = "x" or "y""#),
        ] {
            let advice = Advice::from("choose: ") + term.clone();
            assert_eq!(advice.to_string(), expected);
            assert_eq!(advice.in_words(|found| (*found == term).to_string()), "choose: true");
        }
    }

    #[test]
    fn advice_is_one_line_whatever_names_are_in_it() {
        let advice = Advice::from("a\nb ") + Term::Cpu;
        assert_eq!(advice.in_words(|_| "c\td".to_owned()), "a b c d");
    }
}
