//! Flags: the command line's words for the terms of the library's advice.

use mixtura::{Advice, Term};

/// A line of advice, with flags.
pub(crate) fn in_flags(advice: &Advice) -> String {
    advice.in_words(flag)
}

/// The flag, or the command, that a term stands for.
pub(crate) fn flag(term: &Term) -> String {
    let flag = match term {
        Term::Cpu => "--device cpu",
        Term::Gpu => "--device gpu",
        Term::Devices => "`mixtura devices`",
        Term::Memory => "--memory",
        Term::DeviceMemory => "--gpu-memory",
        Term::Columns => "--columns",
        Term::ColumnsNamed(names) => return format!("--columns {}", list(names)),
        Term::Header(true) => "--header yes",
        Term::Header(false) => "--header no",
        Term::Delimiter => "--delimiter",
        Term::Member(names) => return format!("--member {}", names.join(" or ")),
        Term::Dims => "--dims",
        Term::Floor => "--floor or --reg-covar",
        Term::MaxIter => "--max-iter",
        Term::Tol => "--tol",
        Term::Marginalize => "--missing marginalize",
        Term::StartModel => "--init-model",
        Term::SaveModel => "`mixtura fit --out`",
        Term::SaveCheckpoint => "`mixtura fit --checkpoint`",
        Term::Resume => "--resume",
        other => return other.to_string(),
    };
    flag.to_owned()
}

/// Names of columns, as they are typed in a shell.
fn list(names: &[String]) -> String {
    let in_list = |name: &String| match name.contains([',', '"']) || name.trim() != name {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.clone(),
    };
    in_shell(&names.iter().map(in_list).collect::<Vec<_>>().join(","))
}

/// An argument, as it is typed in a shell.
pub(crate) fn in_shell(argument: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.,:/+=@%".contains(c);
    match !argument.is_empty() && argument.chars().all(is_plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use mixtura::io::{Block, CellType, Column, Columns, Dataset, Destination, Dimensions, Selection};
    use mixtura::io::{TableFormat, TableWriter};
    use mixtura::{Data, Error};
    use ndarray::Array2;

    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn remedies_and_notes_speak_of_flags() {
        let error = Error::FeatureCount { expected: 3, found: 2 };
        let (problem, remedy) = ("the data have 2 features, the model has 3", "choose the columns that the model was");
        assert_eq!(error.in_words(flag), format!("{problem}\n{remedy} fitted on (--columns)"));
        assert_eq!(error.to_string(), format!("{problem}\n{remedy} fitted on (Selection::columns)"));
        for (term, expected) in [
            (Term::Cpu, "give --device cpu"),
            (Term::Header(false), "give --header no"),
            (Term::Member(owned(&["x", "y"])), "give --member x or y"),
            (Term::ColumnsNamed(owned(&["a", "b"])), "give --columns a,b"),
        ] {
            assert_eq!(in_flags(&(Advice::from("give ") + term)), expected);
        }
    }

    #[test]
    fn the_flag_that_a_remedy_gives_chooses_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("table.arrow");
        for header in [vec!["a", "b"], vec!["weight, kg", "it's", "say \"x\"", " a "], vec!["$HOME"]] {
            let columns: Vec<Column> = header.iter().map(|name| Column::new(*name, CellType::F64)).collect();
            let to = Destination::new(&file).unwrap();
            let mut table =
                TableWriter::create(&to, TableFormat::of(&file).unwrap(), &columns, Dimensions::Two).unwrap();
            let rows = Array2::<f64>::zeros((1, header.len()));
            table.write(&[Block::from(&rows)]).unwrap();
            table.finish().unwrap();

            let typed = list(&owned(&header));
            let list = match typed.strip_prefix('\'') {
                Some(list) => list.strip_suffix('\'').unwrap().replace(r"'\''", "'"),
                None => typed.clone(),
            };
            let selection = Selection { columns: Columns::Listed(list), ..Selection::default() };
            let found = Dataset::read(&file, &selection).unwrap();
            assert_eq!(found.feature_names().unwrap(), header, "{typed}");
        }
    }
}
