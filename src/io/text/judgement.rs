//! Judgement of a first row as names or a sample, by its cells and those below them.

use std::ops::RangeInclusive;

use super::feed::is_error;
use super::literal::{is_like_number, parse};

/// Cells that stand for a missing value: no number, but no name of a column either.
const MISSING: [&str; 6] = ["NA", "N/A", "null", "None", "?", "-"];

/// Numbers that stand for years where they name columns.
const YEARS: RangeInclusive<f64> = 1900.0..=2100.0;

/// Rows below a first one that are enough to say that it is of another kind.
const ENOUGH_ROWS: usize = 5;

/// How many ranges of a column a number lies beyond it to be far from it.
const FAR: f64 = 3.0;

/// Kind of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Blank,
    /// In place of a number, or one that is written as others are not read: no name in any case.
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
pub(super) enum Form {
    /// 7 or -12.
    Whole,
    /// 007: a label rather than a count.
    Padded,
    /// With a point or an exponent; the number of digits behind the point.
    Fraction(usize),
}

/// Whether a cell says that its value is missing.
pub(super) fn is_missing(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    cell.is_empty() || MISSING.iter().any(|missing| missing.as_bytes().eq_ignore_ascii_case(cell))
}

impl Cell {
    pub(super) fn of(cell: &[u8]) -> Self {
        let text = String::from_utf8_lossy(cell.trim_ascii());
        match parse(cell) {
            _ if text.is_empty() => Cell::Blank,
            _ if is_missing(cell) => Cell::Missing,
            None if is_error(cell.trim_ascii()) || is_like_number(&text) => Cell::Missing,
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

    fn is_text(&self) -> bool {
        matches!(self, Cell::Text(_))
    }

    /// Whether it may be one of an index: a word or a whole number.
    fn is_label(&self) -> bool {
        matches!(self, Cell::Text(_) | Cell::Number { form: Form::Whole, .. })
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

/// Verdict on a first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Names,
    /// Names, but it may be a sample.
    LikelyNames,
    /// A sample, but it may be names.
    LikelySample,
    Sample,
}

/// Whether a comment above the rows is names: words, or numbers that would be names in a first row.
pub(super) fn are_names(cells: &[Cell], below: &[Vec<Cell>]) -> bool {
    let is_word = |cell: &Cell| matches!(cell, Cell::Text(text) if cells.len() > 1 || !text.contains(' '));
    cells.iter().all(is_word) || matches!(judge(cells, below), Verdict::LikelyNames)
}

/// Judges a row by its own cells and those below it.
pub(super) fn judge(first: &[Cell], below: &[Vec<Cell>]) -> Verdict {
    let column = |i: usize| below.iter().filter_map(move |row| row.get(i));
    let texts = || (0..first.len()).filter(|i| matches!(first[*i], Cell::Text(_)));
    let has_text = texts().next().is_some();
    let has_fraction = has_fraction_in(first);
    if has_text && !first.iter().any(Cell::is_number) {
        return Verdict::Names;
    }
    // An index has no name, and a label in every row.
    let is_index = first.len() > 1 && first[0] == Cell::Blank && !first[1..].contains(&Cell::Blank);
    if is_index && !below.is_empty() && column(0).all(Cell::is_label) {
        return if has_fraction { Verdict::LikelyNames } else { Verdict::Names };
    }
    let is_padded = |i: &usize| first[*i].is_padded() && !column(*i).any(Cell::is_padded);
    if (0..first.len()).filter(is_padded).any(|i| column(i).any(Cell::is_number)) {
        return Verdict::Names;
    }
    // A word above numbers is a name; one above words and numbers may be a value, such as the number of a ticket.
    let is_above_numbers = |i: usize| column(i).any(Cell::is_number) && !column(i).any(Cell::is_text);
    if texts().any(is_above_numbers) {
        return match judge_numbers(first, below, has_text) {
            _ if has_fraction => Verdict::LikelySample,
            Verdict::Sample => Verdict::LikelyNames,
            _ => Verdict::Names,
        };
    }
    // A word that comes again is a value.
    if texts().any(|i| column(i).any(|cell| *cell == first[i])) {
        return Verdict::Sample;
    }
    judge_numbers(first, below, has_text)
}

fn has_fraction_in(row: &[Cell]) -> bool {
    row.iter().any(|cell| matches!(cell, Cell::Number { form: Form::Fraction(_), .. }))
}

/// Judges the numbers of a row.
fn judge_numbers(first: &[Cell], below: &[Vec<Cell>], has_text: bool) -> Verdict {
    let numbers = Numbers::of(first, below);
    match numbers.values.is_empty() || below.is_empty() || !are_distinct(&numbers.values) {
        true => numbers.judge_repeated(),
        false if has_fraction_in(first) => numbers.judge_fractions(),
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
        let far = self.n_below > 1 && n > 1 && self.are_far;
        let ordered = n > 4 && is_ordered(values) && !self.whole.iter().any(|row| is_ordered(row));
        let coarse = self.are_coarse && (years || n > 1 && (has_text || counted) || evenly || far);
        let beyond = counted && n > 2 && self.whole.iter().flatten().any(|number| *number >= n as f64);
        let likely = coarse || years || beyond || far && is_ordered(values) && self.n_below >= ENOUGH_ROWS;
        let possible = counted
            || far
            || ordered
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
        let likely = far || coarse || above_whole;
        let regular = n > 2 && (is_even(values) || are_quantiles(values));
        Self::verdict(likely && self.n_below >= ENOUGH_ROWS, likely || regular)
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

/// Whether numbers are shares on both sides of a half, such as 0.05, 0.5, 0.95.
fn are_quantiles(numbers: &[f64]) -> bool {
    let pairs = numbers.iter().zip(numbers.iter().rev());
    is_ordered(numbers) && pairs.into_iter().all(|(low, high)| (low + high - 1.0).abs() < 1e-12)
}

fn are_years(numbers: &[f64]) -> bool {
    numbers.iter().all(|number| YEARS.contains(number))
}
