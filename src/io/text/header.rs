//! Whether the first row of text is the names of the columns.

use csv::ByteRecord;

use super::super::columns::{Columns, Header, Selection};
use super::super::delimiter::Delimiter;
use super::super::notes::{About, Note};
use super::judgement::{Cell, Verdict, are_names, judge};
use crate::advice::{Advice, Term};

/// Cells of a row that a note shows.
const SHOWN: usize = 3;

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

/// Header of a text: the names above its samples, and notes about them.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Names of the columns.
    pub(super) names: Option<Vec<String>>,
    /// Whether they are the first row; otherwise they are a comment above it.
    pub(super) is_row: bool,
    /// Notes about the first row.
    pub(super) notes: Vec<Note>,
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
            // Numbers are no names where the model or the files before have none.
            Verdict::LikelyNames if selection.columns == Columns::Nameless || earlier == Some(&None) => {
                Verdict::LikelySample
            }
            Verdict::LikelySample if earlier.is_some() => Verdict::Sample,
            verdict => verdict,
        },
    };
    let mut notes = Vec::new();
    let mut note = |taken: &str, other: &str, is_names: bool| {
        let shown = shown(&names);
        let text = format!("the first row ({shown}) is taken as {taken}; if it is {other}: ");
        notes.push(Note::new(About::FirstRow, place, Advice::from(text) + Term::Header(is_names)));
    };
    if matches!(verdict, Verdict::Names | Verdict::LikelyNames) {
        if verdict == Verdict::LikelyNames {
            note("names", "a sample", false);
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
        note("a sample", "names", true);
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
    use super::super::preview::{comments_above, is_first_row_quoted, preview};
    use super::*;

    fn found(text: &str, selection: &Selection, delimiter: Delimiter) -> Found {
        let lines = text.as_bytes();
        let rows = preview(lines, delimiter);
        let comments = comments_above(lines, delimiter, rows.first().map_or(0, ByteRecord::len));
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
            (",0.1,0.9\nc0,3.5,4\nc1,5,6.5\n", likely("|0.1|0.9")),
            // Samples, or names that nobody can tell from samples.
            ("0,1\n1,0\n1,1\n", doubtful.clone()),
            ("5\n0.5\n0.25\n", doubtful.clone()),
            ("0\n0.5\n0.25\n", doubtful.clone()),
            ("7,8,9\n1,5,2\n", doubtful.clone()),
            ("101,205\n3,4\n5,6\n7,7\n", doubtful.clone()),
            ("2019,2019\n1,2\n51,62\n", doubtful.clone()),
            ("0,5,1\n0.1,4.9,1.1\n0.2,4.7,1.3\n", doubtful.clone()),
            ("0.0,1.0,2.0\n-1.681,-0.543,0.126\n", doubtful.clone()),
            ("0.05,0.5,0.95\n1.5,0.25,0.125\n", doubtful.clone()),
            ("u1,5\nu2,0.25\nu3,0.5\n", doubtful.clone()),
            ("oops,2.5\n3,4.5\n", doubtful),
            ("22,7,male\n38,71,female\n35,53,0\n", sample.clone()),
            ("A/5 21171,22,7\nPC 17599,38,71\n113803,35,53\n", sample.clone()),
            ("22,7,C\n38,71,3\n", likely("22|7|C")),
            ("2020-01-01,22,7\n2020-01-02,38,71\n", sample.clone()),
            ("1 000,2 000\n100,200\n", sample.clone()),
            ("#N/A\n3\n4\n", sample.clone()),
            (",0.37,1.42\n0.11,0.93,2.2\n", sample.clone()),
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
        let text = "107,108,109\n1,2,3\n4,5,6\n";
        let of = |text: &str, selection| found(text, &selection, Delimiter::COMMA).names.is_some();
        let asking = |columns| of(text, Selection { columns, ..Selection::default() });
        assert!(asking(Columns::Listed("108,109".to_owned())));
        assert!(!asking(Columns::Listed("1,2".to_owned())), "these are indices");
        assert!(asking(Columns::Named(["109", "107"].map(str::to_owned).to_vec())));
        assert!(!asking(Columns::Named(["109", "1"].map(str::to_owned).to_vec())));
        assert!(of(text, Selection { weights: Some("109".to_owned()), ..Selection::default() }));
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
            found.names.map(|names| names.join("|"))
        };
        let numbers = Some(["101", "205"].map(str::to_owned).to_vec());
        assert_eq!(judged("101,205\n3,4\n5,6\n", &numbers), Some("101|205".to_owned()));
        assert_eq!(judged("0,1\n3.5,4.5\n5.5,6.5\n", &numbers), Some("0|1".to_owned()), "that is an error");
        assert_eq!(judged("7,8\n3,4\n5,6\n", &numbers), None);
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
