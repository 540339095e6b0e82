//! Whether the first row of text is the names of the columns.

use csv::ByteRecord;

use super::columns::Selection;
use super::fields::number;
use super::notes::{About, Note};
use super::text::parse;

/// Cells that stand for a missing value: no number, but no name of a column either.
const MISSING: [&str; 6] = ["NA", "N/A", "null", "None", "?", "-"];

/// Numbers that stand for years where they name columns.
const YEARS: std::ops::RangeInclusive<usize> = 1900..=2100;

/// Rows below the first one that tell, where none of them is of whole numbers, that those of the first one are names.
const ENOUGH_ROWS: usize = 3;

/// Cells of a row that a note shows.
const SHOWN: usize = 3;

/// Whether the first row of text is names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// What is found above the samples of a text.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Names of the columns.
    pub(super) names: Option<Vec<String>>,
    /// Whether they are the first row; otherwise they are a comment above it.
    pub(super) is_row: bool,
    /// Whether the first column holds row numbers.
    pub(super) has_index: bool,
    /// What there is to say about the first row.
    pub(super) note: Option<Note>,
}

/// What a cell may be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    Blank,
    Missing,
    /// Written as a count is.
    Whole(usize),
    Number,
    Text(String),
}

impl Cell {
    fn of(cell: &[u8]) -> Self {
        let text = String::from_utf8_lossy(cell.trim_ascii());
        match number(&text) {
            _ if text.is_empty() => Cell::Blank,
            _ if MISSING.iter().any(|missing| missing.eq_ignore_ascii_case(&text)) => Cell::Missing,
            Some(number) => Cell::Whole(number),
            None if parse(cell).is_some() => Cell::Number,
            None => Cell::Text(text.into_owned()),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Cell::Whole(_) | Cell::Number)
    }
}

/// What a first row is taken as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Names,
    /// Names, but it may be a sample.
    LikelyNames,
    /// A sample, but it may be names.
    LikelySample,
    Sample,
}

/// Finds the names of the columns in the first row, or in a comment above it.
pub(super) fn find(rows: &[ByteRecord], comment: Option<&ByteRecord>, selection: &Selection, place: &str) -> Found {
    let Some((first, rest)) = rows.split_first() else { return Found::default() };
    // R writes no name above its row names, and no separator either.
    let is_short = !rest.is_empty() && rest.iter().all(|row| row.len() == first.len() + 1);
    let skipped = usize::from(is_short);
    let below: Vec<Vec<Cell>> = rest.iter().map(|row| row.iter().skip(skipped).map(Cell::of).collect()).collect();
    let cells: Vec<Cell> = first.iter().map(Cell::of).collect();
    let verdict = match selection.header {
        Header::Yes => Verdict::Names,
        Header::No => Verdict::Sample,
        Header::Auto if selection.asks_for(&trimmed(first).iter().map(String::as_str).collect::<Vec<_>>()) => {
            Verdict::Names
        }
        Header::Auto => judge(&cells, &below),
    };
    let note = |taken: &str, other: &str, flag: &str| {
        let text = format!(
            "the first row ({}) is taken as {taken}; if it is {other}: --header {flag}",
            shown(&trimmed(first))
        );
        Some(Note::new(About::FirstRow, place, text))
    };
    match verdict {
        Verdict::Names | Verdict::LikelyNames => {
            let mut names = trimmed(first);
            if is_short {
                names.insert(0, String::new());
            }
            let has_index = names.len() > 1 && names[0].is_empty() && holds_labels(rest);
            let note = if verdict == Verdict::LikelyNames { note("names", "a sample", "no") } else { None };
            Found { names: Some(names), is_row: true, has_index, note }
        }
        Verdict::LikelySample | Verdict::Sample => {
            let names = comment.filter(|_| selection.header == Header::Auto).filter(|comment| {
                let cells: Vec<Cell> = comment.iter().map(Cell::of).collect();
                let below: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(Cell::of).collect()).collect();
                comment.len() == first.len() && are_names(&cells, &below)
            });
            let note = if verdict == Verdict::LikelySample { note("a sample", "names", "yes") } else { None };
            // A comment above it that names the columns leaves no doubt.
            Found { note: note.filter(|_| names.is_none()), names: names.map(trimmed), ..Found::default() }
        }
    }
}

/// Whether a comment above the rows is names: words, or numbers that would be names in a first row.
fn are_names(cells: &[Cell], below: &[Vec<Cell>]) -> bool {
    let is_word = |cell: &Cell| matches!(cell, Cell::Text(text) if cells.len() > 1 || !text.contains(' '));
    cells.iter().all(is_word) || matches!(judge(cells, below), Verdict::LikelyNames)
}

/// Whether the cells of the first column are different from each other and no measurements.
fn holds_labels(rows: &[ByteRecord]) -> bool {
    let cells: Vec<Cell> = rows.iter().filter_map(|row| row.get(0)).map(Cell::of).collect();
    let are_labels = cells.iter().all(|cell| matches!(cell, Cell::Whole(_) | Cell::Text(_)));
    are_labels && cells.iter().enumerate().all(|(i, cell)| !cells[..i].contains(cell))
}

/// Judges a row by its own cells and those below it.
fn judge(first: &[Cell], below: &[Vec<Cell>]) -> Verdict {
    let column = |i: usize| below.iter().filter_map(move |row| row.get(i));
    let texts = || (0..first.len()).filter(|i| matches!(first[*i], Cell::Text(_)));
    let has_text = texts().next().is_some();
    if has_text && !first.iter().any(Cell::is_number) {
        return Verdict::Names;
    }
    let has_fraction = first.contains(&Cell::Number);
    if texts().any(|i| column(i).any(Cell::is_number)) {
        return if has_fraction { Verdict::LikelySample } else { Verdict::Names };
    }
    // A word that comes again is a value.
    if texts().any(|i| column(i).any(|cell| *cell == first[i])) {
        return Verdict::Sample;
    }
    if has_fraction {
        return if has_text { Verdict::LikelySample } else { Verdict::Sample };
    }
    judge_numbers(first, below, has_text)
}

/// Judges a row whose numbers are whole ones.
fn judge_numbers(first: &[Cell], below: &[Vec<Cell>], has_text: bool) -> Verdict {
    let whole = |cell: Option<&Cell>| if let Some(Cell::Whole(number)) = cell { Some(*number) } else { None };
    let (columns, numbers): (Vec<usize>, Vec<usize>) =
        first.iter().enumerate().filter_map(|(i, cell)| Some((i, whole(Some(cell))?))).unzip();
    if numbers.is_empty() || below.is_empty() {
        return Verdict::Sample;
    }
    let of_whole: Vec<Vec<usize>> =
        below.iter().filter_map(|row| columns.iter().map(|i| whole(row.get(*i))).collect()).collect();
    let never_whole = below.iter().all(|row| columns.iter().all(|i| whole(row.get(*i)).is_none()));
    let counted = numbers.iter().copied().eq(0..numbers.len());
    let consecutive = is_consecutive(&numbers);
    let years = are_years(&numbers);
    let several = numbers.len() > 1;
    let likely = never_whole && (counted || years || consecutive || has_text || several && below.len() >= ENOUGH_ROWS)
        || years && !of_whole.iter().any(|row| are_years(row))
        || counted && numbers.len() > 2 && of_whole.iter().flatten().any(|number| *number >= numbers.len());
    let possible = counted
        || years
        || has_text
        || never_whole
        || consecutive && numbers.len() > 2 && !of_whole.iter().any(|row| is_consecutive(row));
    match (likely, possible) {
        (true, _) => Verdict::LikelyNames,
        (false, true) => Verdict::LikelySample,
        (false, false) => Verdict::Sample,
    }
}

/// Whether numbers grow by the same step.
fn is_consecutive(numbers: &[usize]) -> bool {
    let steps = || numbers.windows(2).map(|pair| pair[1].checked_sub(pair[0]).filter(|step| *step > 0));
    steps().next().flatten().is_some_and(|first| steps().all(|step| step == Some(first)))
}

/// Whether numbers are years one after another, or one year.
fn are_years(numbers: &[usize]) -> bool {
    let ordered = numbers.is_sorted_by(|a, b| a < b) || numbers.is_sorted_by(|a, b| a > b);
    ordered && numbers.iter().all(|number| YEARS.contains(number))
}

fn trimmed(row: &ByteRecord) -> Vec<String> {
    row.iter().map(|cell| String::from_utf8_lossy(cell.trim_ascii()).into_owned()).collect()
}

/// A row, in a few cells.
fn shown(cells: &[String]) -> String {
    match cells.len() {
        n if n > SHOWN => format!("{}, ...", cells[..SHOWN].join(", ")),
        _ => cells.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::delimiter::Delimiter;
    use super::super::feed::{comment_above, preview};
    use super::super::{Columns, Header};
    use super::*;

    fn found(text: &str, selection: &Selection) -> Found {
        let rows = preview(text.as_bytes(), Delimiter::COMMA);
        find(&rows, comment_above(text.as_bytes(), Delimiter::COMMA).as_ref(), selection, "t")
    }

    /// The names that are found, and whether something is said about them.
    fn names(text: &str) -> (Option<String>, bool) {
        let found = found(text, &Selection::default());
        (found.names.map(|names| names.join("|")), found.note.is_some())
    }

    #[test]
    fn a_first_row_is_judged_as_a_whole_beside_the_rows_below_it() {
        let certain = |names: &str| (Some(names.to_owned()), false);
        let likely = |names: &str| (Some(names.to_owned()), true);
        let (sample, doubtful) = ((None, false), (None, true));
        for (text, expected) in [
            ("a,b\n1,2\n", certain("a|b")),
            ("a,2020\n1,2\n", certain("a|2020")),
            ("1,2\n3,4\n", sample.clone()),
            ("1.5,2\n3,4\n", sample.clone()),
            ("NA,1\n2,3\n", sample.clone()),
            // Years and numbers from 0 on, as data frames have them.
            ("2019,2020,2021\n500.5,499.5,1.25\n", likely("2019|2020|2021")),
            ("2021,2020\n13,15\n17,12\n", likely("2021|2020")),
            ("country,2019,2020\nc0,500,400\nc1,450,460\n", likely("country|2019|2020")),
            ("0,1,2\n0.5,0.25,0.125\n", likely("0|1|2")),
            ("0,1,2\n7,1,5\n", likely("0|1|2")),
            (",0,1\n0,0.5,0.25\n1,0.75,0.1\n", likely("|0|1")),
            ("0\n0.5\n0.25\n", likely("0")),
            ("101,205\n0.5,0.25\n0.1,0.2\n1.5,2.5\n", likely("101|205")),
            // Samples, or names that nobody can tell from samples.
            ("0,1\n1,0\n1,1\n", doubtful.clone()),
            ("5\n0.5\n0.25\n", doubtful.clone()),
            ("7,8,9\n1,5,2\n", doubtful.clone()),
            ("7,8,9\n1,2,3\n", sample.clone()),
            ("500,501\n502.5,499\n", sample.clone()),
            ("M,0.5,0.25\nF,0.5,0.125\nM,0.25,0.5\n", sample.clone()),
            ("x,1,0\ny,0,1\nx,1,1\n", sample.clone()),
            ("u1,0.5\nu2,0.25\n", doubtful.clone()),
            ("oops,2.5\n3,4.5\n", doubtful),
            // Comments name the columns if they are words, one for each.
            ("# x,y\n1.5,2\n", certain("x|y")),
            ("# made by hand\n#x,y\n1.5,2\n", certain("x|y")),
            ("# made by hand\n1.5\n2\n", sample.clone()),
            ("# 1,2\n1.5,2.5\n", certain("1|2")),
            ("# 1,2\n1,2\n3,4\n", sample),
            ("# x,y\na,b\n1,2\n", certain("a|b")),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn who_asks_for_a_name_or_says_what_the_first_row_is_decides() {
        let text = "7,8,9\n1,2,3\n4,5,6\n";
        let asking = |columns| found(text, &Selection { columns, ..Selection::default() }).names.is_some();
        assert!(asking(Columns::Listed("8,9".to_owned())));
        assert!(!asking(Columns::Listed("1,2".to_owned())), "these are indices");
        assert!(asking(Columns::Named(["9", "7"].map(str::to_owned).to_vec())));
        assert!(!asking(Columns::Named(["9", "1"].map(str::to_owned).to_vec())));
        let weights = Selection { weights: Some("9".to_owned()), ..Selection::default() };
        assert!(found(text, &weights).names.is_some());
        let told = |text: &str, header| found(text, &Selection { header, ..Selection::default() }).names.is_some();
        assert!(told(text, Header::Yes) && !told(text, Header::No) && !told("a,b\n1,2\n", Header::No));
        assert!(!told("# a,b\n1,2\n", Header::No));
    }

    #[test]
    fn a_first_column_of_row_numbers_or_names_is_known() {
        let has_index = |text: &str| found(text, &Selection::default()).has_index;
        assert!(has_index(",x\n0,0.5\n1,0.25\n"));
        assert!(has_index("\"\",\"x\"\n\"a\",0.5\n\"b\",0.25\n"));
        assert!(has_index("x,y\n1,0.5,0.25\n2,0.1,0.2\n"), "as R writes it");
        assert!(!has_index(",x\n0.5,0.5\n1.5,0.25\n"));
        assert!(!has_index(",x\n3,0.5\n3,0.25\n"));
        assert!(!has_index("i,x\n0,0.5\n1,0.25\n"));
    }
}
