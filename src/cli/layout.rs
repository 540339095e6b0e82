//! Tables and sentences as wide as the terminal.

use std::io::{self, IsTerminal};

use terminal_size::{Width, terminal_size_of};
use textwrap::{Options, WordSplitter, wrap};

/// Characters of a line where no terminal says how many it has.
const USUAL_WIDTH: usize = 100;

/// Fewest and most characters that lines are made for.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=400;

/// Blanks before every line, and between columns.
const INDENT: &str = "  ";

/// Characters of a line: `COLUMNS`, or those of the terminal.
pub(crate) fn width() -> usize {
    let given = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let of_terminal = || {
        let output = io::stdout();
        let width = terminal_size_of(&output).map(|(Width(width), _)| usize::from(width));
        width.filter(|_| output.is_terminal())
    };
    given.or_else(of_terminal).unwrap_or(USUAL_WIDTH).clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Facts, each behind its name.
pub(crate) fn facts<N: AsRef<str>>(facts: &[(N, String)]) -> String {
    facts_within(facts, width())
}

fn facts_within<N: AsRef<str>>(facts: &[(N, String)], width: usize) -> String {
    let longest = facts.iter().map(|(name, _)| name.as_ref().chars().count()).max().unwrap_or(0);
    let indent = INDENT.len() + longest + INDENT.len();
    let mut text = String::new();
    for (name, fact) in facts {
        let begin = format!("{INDENT}{:<longest$}{INDENT}", name.as_ref());
        text += &wrapped(fact, &begin, indent, width);
    }
    text
}

/// A sentence.
pub(crate) fn sentence(text: &str) -> String {
    wrapped(text, INDENT, INDENT.len(), width())
}

/// Lines of a text, the first of which begins so, and all others with as many blanks.
fn wrapped(text: &str, begin: &str, indent: usize, width: usize) -> String {
    if text.is_empty() {
        return begin.trim_end().to_owned() + "\n";
    }
    let blanks = " ".repeat(indent);
    let text = &with_units(text);
    // Names of files stay whole.
    let options = Options::new(width).initial_indent(begin).subsequent_indent(&blanks);
    let options = options.break_words(false).word_splitter(WordSplitter::NoHyphenation);
    let lines = wrap(text, options);
    lines.iter().map(|line| line.trim_end().replace(UNBROKEN, " ") + "\n").collect()
}

/// A blank at which no line ends.
const UNBROKEN: char = '\u{a0}';

/// A text in which numbers stay beside what they count.
fn with_units(text: &str) -> String {
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    let mut joined = String::with_capacity(text.len());
    while let Some(letter) = letters.next() {
        let is_joint =
            letter == ' ' && before.is_ascii_digit() && letters.peek().is_some_and(|next| next.is_alphabetic());
        joined.push(if is_joint { UNBROKEN } else { letter });
        before = letter;
    }
    joined
}

/// Rows of cells as aligned columns: the first `left` to the left, the others to the right.
pub(crate) fn aligned(rows: &[Vec<String>], left: usize) -> String {
    let widths = widths(rows);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column < left {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        text += format!("{INDENT}{}", cells.collect::<Vec<_>>().join(INDENT)).trim_end();
        text.push('\n');
    }
    text
}

/// Rows of cells as one table, or as several of some columns each where they are wider than the terminal. The first
/// `labels` columns stand in all of them; how many others each has stands beside it.
pub(crate) fn tables(rows: &[Vec<String>], labels: usize, left: usize) -> Vec<(usize, String)> {
    let table = |columns: std::ops::Range<usize>| {
        let row = |row: &Vec<String>| [&row[..labels], &row[columns.clone()]].concat();
        (columns.len(), aligned(&rows.iter().map(row).collect::<Vec<_>>(), left))
    };
    columns_within(rows, labels, width()).into_iter().map(table).collect()
}

/// The columns behind the labels that have room beside them, one after another: at least one at a time.
fn columns_within(rows: &[Vec<String>], labels: usize, width: usize) -> Vec<std::ops::Range<usize>> {
    let widths: Vec<usize> = widths(rows).iter().map(|width| INDENT.len() + width).collect();
    let of_labels: usize = widths[..labels].iter().sum();
    let mut ranges = Vec::new();
    let mut start = labels;
    while start < widths.len() || ranges.is_empty() {
        let mut room = width.saturating_sub(of_labels);
        let fits = |own: &&usize| {
            let fits = **own <= room;
            room = room.saturating_sub(**own);
            fits
        };
        let n = widths[start..].iter().take_while(fits).count().max(1);
        let end = (start + n).min(widths.len());
        ranges.push(start..end);
        start = end;
    }
    ranges
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    (0..n_columns).map(|column| width(column).unwrap_or(0)).collect()
}

/// A name, cut where it has more than so many characters.
pub(crate) fn shortened(name: &str, most: usize) -> String {
    match name.chars().count() > most {
        true => name.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn cells_are_aligned_by_characters_and_not_by_bytes() {
        assert_eq!(aligned(&[row(&["a", "1 ± 2"]), row(&["bcd", "10"])], 1), "  a    1 ± 2\n  bcd     10\n");
    }

    #[test]
    fn facts_go_on_below_their_beginning() {
        let list = [("a", "one two three".to_owned()), ("name", "four".to_owned())];
        assert_eq!(facts_within(&list, 16), "  a     one two\n        three\n  name  four\n");
        assert_eq!(facts_within(&[("a", String::new())], 16), "  a\n");
        assert_eq!(facts_within(&[("a", "open 1 ms, read 2 ms".to_owned())], 16), "  a  open 1 ms,\n     read 2 ms\n");
        let path = "a-directory/of-a/long-name.json".to_owned();
        assert_eq!(facts_within(&[("a", path.clone())], 16).trim_start(), format!("a{INDENT}{path}\n"));
    }

    #[test]
    fn columns_without_room_stand_in_another_table() {
        let rows = [row(&["k", "aaaa", "bbbb", "cccccccccccc"]), row(&["1", "2", "3", "4"])];
        assert_eq!(columns_within(&rows, 1, 15), [1..3, 3..4]);
        assert_eq!(columns_within(&rows, 1, 9), [1..2, 2..3, 3..4]);
        assert_eq!(columns_within(&rows, 1, 100).first(), Some(&(1..4)));
        assert_eq!(columns_within(&[row(&["k"])], 1, 100).first(), Some(&(1..1)));
    }

    #[test]
    fn a_long_name_is_cut_to_the_room_there_is() {
        assert_eq!((shortened("Größe", 5).as_str(), shortened("Größer", 5).as_str()), ("Größe", "Größ…"));
    }
}
