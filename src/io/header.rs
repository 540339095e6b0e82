//! Whether the first row of text is the names of the columns.

use std::ops::RangeInclusive;

use csv::ByteRecord;

use super::columns::{Columns, Selection};
use super::delimiter::Delimiter;
use super::notes::{About, Note};
use super::text::parse;

/// Cells that stand for a missing value: no number, but no name of a column either.
const MISSING: [&str; 6] = ["NA", "N/A", "null", "None", "?", "-"];

/// Numbers that stand for years where they name columns.
const YEARS: RangeInclusive<f64> = 1900.0..=2100.0;

/// Rows below a first one that are enough to say that it is of another kind.
const ENOUGH_ROWS: usize = 5;

/// How many ranges of a column a number lies beyond it to be far from it.
const FAR: f64 = 3.0;

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

/// The first rows of a text, and what stands above them.
pub(super) struct Top<'a> {
    pub(super) rows: &'a [ByteRecord],
    /// The comments above the first row, cut into cells.
    pub(super) comments: &'a [ByteRecord],
    /// Whether all cells of the first row are in quotes, and of other rows not.
    pub(super) is_quoted: bool,
    pub(super) delimiter: Delimiter,
    /// The names of an earlier file of the same data set, `Some(None)` where that has none.
    pub(super) earlier: Option<&'a Option<Vec<String>>>,
}

/// What is found above the samples of a text.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Names of the columns.
    pub(super) names: Option<Vec<String>>,
    /// Whether they are the first row; otherwise they are a comment above it.
    pub(super) is_row: bool,
    /// What there is to say about the first row.
    pub(super) notes: Vec<Note>,
}

/// What a cell may be.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Blank,
    Missing,
    /// A number, as it is written.
    Number {
        value: f64,
        form: Form,
    },
    Text(String),
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// 7 or -12.
    Whole,
    /// 007: a label rather than a count.
    Padded,
    /// With a point or an exponent, and so many digits behind the point.
    Fraction(usize),
}

impl Cell {
    fn of(cell: &[u8]) -> Self {
        let text = String::from_utf8_lossy(cell.trim_ascii());
        match parse(cell) {
            _ if text.is_empty() => Cell::Blank,
            _ if MISSING.iter().any(|missing| missing.eq_ignore_ascii_case(&text)) => Cell::Missing,
            Some(value) => Cell::Number { value, form: Form::of(&text) },
            None => Cell::Text(text.into_owned()),
        }
    }

    fn number(&self) -> Option<(f64, Form)> {
        if let Cell::Number { value, form } = self { Some((*value, *form)) } else { None }
    }

    fn is_number(&self) -> bool {
        self.number().is_some()
    }

    fn is_padded(&self) -> bool {
        matches!(self, Cell::Number { form: Form::Padded, .. })
    }
}

impl Form {
    fn of(number: &str) -> Self {
        let digits = number.strip_prefix('-').unwrap_or(number);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let behind = number.split_once('.').map_or("", |(_, behind)| behind);
            return Form::Fraction(behind.bytes().take_while(u8::is_ascii_digit).count());
        }
        if digits.len() > 1 && digits.starts_with('0') { Form::Padded } else { Form::Whole }
    }

    /// Digits behind the point.
    fn decimals(self) -> usize {
        if let Form::Fraction(decimals) = self { decimals } else { 0 }
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
pub(super) fn find(top: &Top, selection: &Selection, place: &str) -> Found {
    let Some((first, rest)) = top.rows.split_first() else { return Found::default() };
    let (mut names, is_latin) = decoded(first, top.delimiter);
    let extra = extra_column(first, rest, top.delimiter);
    let skipped = usize::from(extra == Some(Extra::First));
    let below: Vec<Vec<Cell>> = rest.iter().map(|row| row.iter().skip(skipped).map(Cell::of).collect()).collect();
    let cells: Vec<Cell> = first.iter().map(Cell::of).collect();
    let is_asked_for = || selection.asks_for(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let verdict = match (selection.header, top.earlier) {
        (Header::Yes, _) => Verdict::Names,
        (Header::No, _) => Verdict::Sample,
        (Header::Auto, Some(Some(earlier))) if *earlier == names => Verdict::Names,
        (Header::Auto, _) if top.is_quoted || is_asked_for() => Verdict::Names,
        (Header::Auto, earlier) => match judge(&cells, &below) {
            // Numbers are no names where the model has none, or the files before have others.
            Verdict::LikelyNames if selection.columns == Columns::Nameless => Verdict::LikelySample,
            Verdict::LikelyNames | Verdict::LikelySample if earlier.is_some() => Verdict::Sample,
            verdict => verdict,
        },
    };
    let mut notes = Vec::new();
    let mut note = |taken: &str, other: &str, flag: &str| {
        let shown = shown(&names);
        let text = format!("the first row ({shown}) is taken as {taken}; if it is {other}: --header {flag}");
        notes.push(Note::new(About::FirstRow, place, text));
    };
    if matches!(verdict, Verdict::Names | Verdict::LikelyNames) {
        if verdict == Verdict::LikelyNames {
            note("names", "a sample", "no");
        }
        match extra {
            Some(Extra::First) => names.insert(0, String::new()),
            Some(Extra::Last) => names.push(String::new()),
            None => {}
        }
        if is_latin {
            notes.push(Note::new(About::Encoding, place, "the names are not UTF-8, and are read as Latin-1"));
        }
        return Found { names: Some(names), is_row: true, notes };
    }
    // All rows are below a comment.
    let below: Vec<Vec<Cell>> = top.rows.iter().map(|row| row.iter().map(Cell::of).collect()).collect();
    let fits = |comment: &&ByteRecord| {
        comment.len() == first.len() && are_names(&comment.iter().map(Cell::of).collect::<Vec<_>>(), &below)
    };
    let comment = top.comments.iter().rfind(fits).filter(|_| selection.header == Header::Auto);
    // A comment that names the columns leaves no doubt about the row below it.
    if verdict == Verdict::LikelySample && comment.is_none() {
        note("a sample", "names", "yes");
    }
    Found { names: comment.map(|comment| decoded(comment, top.delimiter).0), is_row: false, notes }
}

/// A column that the first row does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    First,
    Last,
}

/// The column that rows have more than the first one, if it is clear which one that is.
fn extra_column(first: &ByteRecord, rest: &[ByteRecord], delimiter: Delimiter) -> Option<Extra> {
    if rest.is_empty() || rest.iter().any(|row| row.len() != first.len() + 1) {
        return None;
    }
    let last = first.len();
    if rest.iter().all(|row| row[last].trim_ascii().is_empty()) {
        // A separator behind the last cell.
        return Some(Extra::Last);
    }
    // R writes no name above its row names where blanks or tabs separate cells.
    let of_r = matches!(delimiter, Delimiter::Blanks | Delimiter::TAB);
    let is_title = first.iter().any(|cell| cell.trim_ascii().iter().any(|byte| b",;|\t ".contains(byte)));
    (of_r && !is_title).then_some(Extra::First)
}

/// Whether a comment above the rows is names: words, or numbers that would be names in a first row.
fn are_names(cells: &[Cell], below: &[Vec<Cell>]) -> bool {
    let is_word = |cell: &Cell| matches!(cell, Cell::Text(text) if cells.len() > 1 || !text.contains(' '));
    cells.iter().all(is_word) || matches!(judge(cells, below), Verdict::LikelyNames)
}

/// Judges a row by its own cells and those below it.
fn judge(first: &[Cell], below: &[Vec<Cell>]) -> Verdict {
    let column = |i: usize| below.iter().filter_map(move |row| row.get(i));
    let texts = || (0..first.len()).filter(|i| matches!(first[*i], Cell::Text(_)));
    let has_text = texts().next().is_some();
    if has_text && !first.iter().any(Cell::is_number) {
        return Verdict::Names;
    }
    // An index has no name, and a label in every row.
    let is_index = first.len() > 1 && first[0] == Cell::Blank && !first[1..].contains(&Cell::Blank);
    if is_index && column(0).next().is_some() && column(0).all(|cell| !matches!(cell, Cell::Blank | Cell::Missing)) {
        return Verdict::Names;
    }
    let is_padded = |i: &usize| first[*i].is_padded() && !column(*i).any(Cell::is_padded);
    if (0..first.len()).filter(is_padded).any(|i| column(i).any(Cell::is_number)) {
        return Verdict::Names;
    }
    let has_fraction = first.iter().any(|cell| matches!(cell, Cell::Number { form: Form::Fraction(_), .. }));
    if texts().any(|i| column(i).any(Cell::is_number)) {
        return if has_fraction { Verdict::LikelySample } else { Verdict::Names };
    }
    // A word that comes again is a value.
    if texts().any(|i| column(i).any(|cell| *cell == first[i])) {
        return Verdict::Sample;
    }
    let numbers = Numbers::of(first, below);
    match numbers.values.is_empty() || below.is_empty() || !are_distinct(&numbers.values) {
        true => numbers.judge_repeated(),
        false if has_fraction => numbers.judge_fractions(),
        false => numbers.judge_whole(has_text),
    }
}

/// The numbers of a first row, and those in the same columns below.
struct Numbers {
    values: Vec<f64>,
    /// Whether they are written with fewer digits behind the point than all that are below them.
    are_coarse: bool,
    /// Whether they are fractions, and all that are below them whole numbers.
    are_above_whole: bool,
    /// Whether each lies far from those below it.
    are_far: bool,
    /// The rows below that are whole numbers.
    whole: Vec<Vec<f64>>,
    n_below: usize,
}

impl Numbers {
    fn of(first: &[Cell], below: &[Vec<Cell>]) -> Self {
        let (columns, numbers): (Vec<usize>, Vec<(f64, Form)>) =
            first.iter().enumerate().filter_map(|(i, cell)| Some((i, cell.number()?))).unzip();
        let column = |i: usize| below.iter().filter_map(move |row| row.get(i)?.number());
        let all = |holds: &dyn Fn(usize, (f64, Form)) -> bool| {
            columns.iter().zip(&numbers).all(|(i, number)| holds(*i, *number))
        };
        let whole = |row: &Vec<Cell>| -> Option<Vec<f64>> {
            let value =
                |i: &usize| row.get(*i)?.number().filter(|(_, form)| *form == Form::Whole).map(|(value, _)| value);
            columns.iter().map(value).collect()
        };
        Numbers {
            values: numbers.iter().map(|(value, _)| *value).collect(),
            are_coarse: all(&|i, (_, form)| column(i).all(|(_, below)| below.decimals() > form.decimals())),
            are_above_whole: all(&|i, (_, form)| {
                matches!(form, Form::Fraction(_)) && column(i).all(|(_, below)| below == Form::Whole)
            }),
            are_far: all(&|i, (value, _)| is_far(value, column(i).map(|(below, _)| below))),
            whole: below.iter().filter_map(whole).collect(),
            n_below: below.len(),
        }
    }

    /// Whole numbers that differ from each other.
    fn judge_whole(&self, has_text: bool) -> Verdict {
        let (values, n) = (&self.values, self.values.len());
        let counted = is_counted(values);
        let years = are_years(values) && is_ordered(values) && !self.whole.iter().any(|row| are_years(row));
        let evenly = n > 2 && is_even(values);
        let far = self.n_below > 1 && n > 1 && is_ordered(values) && self.are_far;
        let coarse = self.are_coarse && (years || has_text || counted && n > 1 || evenly || n > 1 && self.are_far);
        let beyond = counted && n > 2 && self.whole.iter().flatten().any(|number| *number >= n as f64);
        let likely = coarse || years || beyond || far && self.n_below >= ENOUGH_ROWS;
        let possible = counted
            || has_text
            || far
            || self.are_coarse
            || n > 2 && is_permutation(values)
            || evenly && !self.whole.iter().any(|row| is_even(row));
        Self::verdict(likely, possible)
    }

    /// Fractions, and whole numbers among them, that differ from each other.
    fn judge_fractions(&self) -> Verdict {
        let (values, n) = (&self.values, self.values.len());
        let far = self.n_below > 1 && n > 1 && is_ordered(values) && self.are_far;
        let coarse = n > 2 && is_ordered(values) && self.are_coarse;
        let above_whole = self.n_below > 1 && n > 1 && self.are_above_whole;
        let enough = self.n_below >= ENOUGH_ROWS;
        Self::verdict((far || coarse || above_whole) && enough, far || coarse || above_whole)
    }

    /// Numbers some of which are equal, or that have none below them.
    fn judge_repeated(&self) -> Verdict {
        let years = self.values.len() > 1 && self.n_below > 0 && are_years(&self.values);
        Self::verdict(false, years && !self.whole.iter().any(|row| are_years(row)))
    }

    fn verdict(likely: bool, possible: bool) -> Verdict {
        match (likely, possible) {
            (true, _) => Verdict::LikelyNames,
            (false, true) => Verdict::LikelySample,
            (false, false) => Verdict::Sample,
        }
    }
}

/// Whether a number lies far beyond others.
fn is_far(number: f64, others: impl Iterator<Item = f64>) -> bool {
    let (low, high) = others.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (x.min(low), x.max(high)));
    let room = FAR * (high - low);
    low <= high && (number < low - room || number > high + room)
}

fn are_distinct(numbers: &[f64]) -> bool {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.windows(2).all(|pair| pair[0] < pair[1])
}

fn is_ordered(numbers: &[f64]) -> bool {
    numbers.is_sorted_by(|a, b| a < b) || numbers.is_sorted_by(|a, b| a > b)
}

/// Whether numbers are 0, 1, 2 and so on.
fn is_counted(numbers: &[f64]) -> bool {
    numbers.iter().enumerate().all(|(i, number)| *number == i as f64)
}

fn is_permutation(numbers: &[f64]) -> bool {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    is_counted(&sorted)
}

/// Whether numbers grow by the same step.
fn is_even(numbers: &[f64]) -> bool {
    let steps: Vec<f64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.first().is_some_and(|first| *first > 0.0 && steps.iter().all(|step| step == first))
}

fn are_years(numbers: &[f64]) -> bool {
    numbers.iter().all(|number| YEARS.contains(number))
}

/// The cells of a row of names, and whether they are in another encoding than UTF-8.
fn decoded(row: &ByteRecord, delimiter: Delimiter) -> (Vec<String>, bool) {
    let is_latin = row.iter().any(|cell| std::str::from_utf8(cell).is_err());
    let text = |cell: &[u8]| match is_latin {
        true => cell.iter().map(|byte| char::from(*byte)).collect(),
        false => String::from_utf8_lossy(cell).into_owned(),
    };
    // Between names there may be commas where there are none between numbers.
    let end = |name: String| match delimiter {
        Delimiter::Blanks => name.trim_end_matches([',', ';']).to_owned(),
        Delimiter::Character(_) => name,
    };
    (row.iter().map(|cell| end(text(cell.trim_ascii()))).collect(), is_latin)
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
    use super::super::feed::{comments_above, is_first_row_quoted, preview};
    use super::*;

    fn found(text: &str, selection: &Selection, delimiter: Delimiter) -> Found {
        let lines = text.as_bytes();
        let (rows, comments) = (preview(lines, delimiter), comments_above(lines, delimiter));
        let is_quoted = is_first_row_quoted(lines, rows.first().map_or(0, ByteRecord::len));
        let top = Top { rows: &rows, comments: &comments, is_quoted, delimiter, earlier: None };
        find(&top, selection, "t")
    }

    /// The names that are found, and whether something is said about them.
    fn names(text: &str) -> (Option<String>, bool) {
        let found = found(text, &Selection::default(), Delimiter::COMMA);
        (found.names.map(|names| names.join("|")), !found.notes.is_empty())
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
            // Years and numbers from 0 on, as data frames have them, and other numbers that are unlike the values.
            ("2019,2020,2021\n500.5,499.5,1.25\n", likely("2019|2020|2021")),
            ("2021,2020\n13,15\n17,12\n", likely("2021|2020")),
            ("country,2019,2020\nc0,500,400\nc1,450,460\n", likely("country|2019|2020")),
            ("0,1,2\n0.5,0.25,0.125\n", likely("0|1|2")),
            ("0,1,2\n7,1,5\n", likely("0|1|2")),
            ("-1,0,1\n1.5,2.5,3.5\n", likely("-1|0|1")),
            ("101,205\n0.5,0.25\n0.1,0.2\n1.5,2.5\n", likely("101|205")),
            ("101,205\n1,2.5\n0,2\n1,3\n2,2\n3,2\n", likely("101|205")),
            ("400.5,401.5\n0.1,0.2\n0.3,0.1\n0.4,0.5\n0.1,0.1\n0.2,0.9\n", likely("400.5|401.5")),
            ("0.1,0.5\n3,4\n5,5\n7,6\n4,4\n5,6\n", likely("0.1|0.5")),
            (
                "0.1,0.5,0.9\n1.25,3.25,4.25\n1.11,2.22,3.33\n0.12,0.25,0.51\n1.01,2.03,3.05\n0.75,0.91,0.99\n",
                likely("0.1|0.5|0.9"),
            ),
            ("03,02\n1.25,2\n3.5,4\n", certain("03|02")),
            ("\"101\",\"205\"\n3,4\n5,6\n", certain("101|205")),
            (",101,205\n0,3,4\n1,5,6\n", certain("|101|205")),
            (",0.1,0.9\nc0,3.5,4\nc1,5,6.5\n", certain("|0.1|0.9")),
            // Samples, or names that nobody can tell from samples.
            ("0,1\n1,0\n1,1\n", doubtful.clone()),
            ("5\n0.5\n0.25\n", doubtful.clone()),
            ("0\n0.5\n0.25\n", doubtful.clone()),
            ("7,8,9\n1,5,2\n", doubtful.clone()),
            ("101,205\n3,4\n5,6\n7,7\n", doubtful.clone()),
            ("2019,2019\n1,2\n51,62\n", doubtful.clone()),
            ("0,5,1\n0.1,4.9,1.1\n0.2,4.7,1.3\n", doubtful.clone()),
            ("oops,2.5\n3,4.5\n", doubtful),
            ("0,0\n0.5,0.25\n1.5,0.75\n", sample.clone()),
            ("7,8,9\n1,2,3\n", sample.clone()),
            ("500,501\n502.5,499\n", sample.clone()),
            ("01234,5.5\n04567,6.5\n", sample.clone()),
            (",5\n3,6\n,7\n", sample.clone()),
            ("M,0.5,0.25\nF,0.5,0.125\nM,0.25,0.5\n", sample.clone()),
            ("x,1,0\ny,0,1\nx,1,1\n", sample.clone()),
            ("u1,0.5\nu2,0.25\n", sample.clone()),
            // Comments name the columns if they are words, one for each; the last that does.
            ("# x,y\n1.5,2\n", certain("x|y")),
            ("# made by hand\n#x,y\n1.5,2\n", certain("x|y")),
            ("# x,y\n# made by hand\n1.5,2\n", certain("x|y")),
            ("# made by hand\n1.5\n2\n", sample.clone()),
            ("# 0,1,2\n1.5,2.5,3.5\n", certain("0|1|2")),
            ("# 1,2\n1,2\n3,4\n", sample),
            ("# x,y\na,b\n1,2\n", certain("a|b")),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn who_asks_for_a_name_or_says_what_the_first_row_is_decides() {
        let text = "7,8,9\n1,2,3\n4,5,6\n";
        let of = |text: &str, selection| found(text, &selection, Delimiter::COMMA).names.is_some();
        let asking = |columns| of(text, Selection { columns, ..Selection::default() });
        assert!(asking(Columns::Listed("8,9".to_owned())));
        assert!(!asking(Columns::Listed("1,2".to_owned())), "these are indices");
        assert!(asking(Columns::Named(["9", "7"].map(str::to_owned).to_vec())));
        assert!(!asking(Columns::Named(["9", "1"].map(str::to_owned).to_vec())));
        assert!(of(text, Selection { weights: Some("9".to_owned()), ..Selection::default() }));
        let told = |text: &str, header| of(text, Selection { header, ..Selection::default() });
        assert!(told(text, Header::Yes) && !told(text, Header::No) && !told("a,b\n1,2\n", Header::No));
        assert!(!told("# a,b\n1,2\n", Header::No));
        let nameless = Selection { columns: Columns::Nameless, ..Selection::default() };
        assert!(!of("0,1,2\n0.5,0.25,0.125\n", nameless.clone()), "as the model has no names");
        assert!(of("a,b\n1,2\n", nameless));
    }

    #[test]
    fn files_of_one_data_set_are_judged_alike() {
        let judged = |text: &str, earlier: &Option<Vec<String>>| {
            let rows = preview(text.as_bytes(), Delimiter::COMMA);
            let top = Top {
                rows: &rows,
                comments: &[],
                is_quoted: false,
                delimiter: Delimiter::COMMA,
                earlier: Some(earlier),
            };
            let found = find(&top, &Selection::default(), "t");
            assert!(found.notes.is_empty(), "it is said of the first file");
            found.names.map(|names| names.join("|"))
        };
        let numbers = Some(["101", "205"].map(str::to_owned).to_vec());
        assert_eq!(judged("101,205\n3,4\n5,6\n", &numbers), Some("101|205".to_owned()));
        assert_eq!(judged("0,1\n3.5,4.5\n5.5,6.5\n", &numbers), None);
        assert_eq!(judged("0,1\n3.5,4.5\n5.5,6.5\n", &None), None);
        assert_eq!(judged("a,b\n3.5,4.5\n", &None), Some("a|b".to_owned()));
    }

    #[test]
    fn a_first_row_that_is_short_of_a_cell_is_completed_where_it_is_clear_how() {
        let names = |text: &str, delimiter| found(text, &Selection::default(), delimiter).names.unwrap().join("|");
        assert_eq!(names("x y\n1 0.5 0.25\n2 0.1 0.2\n", Delimiter::Blanks), "|x|y", "R's row names");
        assert_eq!(names("x,y\n1,2,\n3,5,\n", Delimiter::COMMA), "x|y|", "separators at the end");
        assert_eq!(names("x,y\n1,2,3\n3,5,4\n", Delimiter::COMMA), "x|y", "that is an error");
        assert_eq!(names("x,y\n1\t2\n3\t5\n", Delimiter::TAB), "x,y", "that, too");
    }

    #[test]
    fn names_in_latin_1_and_with_commas_between_blanks_are_read() {
        let rows = [ByteRecord::from(vec![b"gr\xf6\xdfe".to_vec(), b"b".to_vec()]), ByteRecord::from(vec!["1", "2"])];
        let top = Top { rows: &rows, comments: &[], is_quoted: false, delimiter: Delimiter::COMMA, earlier: None };
        let found = find(&top, &Selection::default(), "t");
        assert_eq!(found.names.unwrap(), ["größe", "b"]);
        assert_eq!(found.notes[0].about, About::Encoding);
        assert_eq!(decoded(&ByteRecord::from(vec!["x,", "y"]), Delimiter::Blanks).0, ["x", "y"]);
    }
}
