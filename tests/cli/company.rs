//! Columns that go along with samples: in the types that they had, beside answers, and alone.

use crate::support::{MODEL, Place, table};

fn place() -> Place {
    let place = Place::new();
    place.write("model.json", MODEL);
    place
}

fn text(place: &Place, name: &str) -> String {
    String::from_utf8(place.read(name)).unwrap()
}

/// Names and types of the columns of an Arrow file.
fn types(place: &Place, name: &str) -> Vec<String> {
    let file = std::fs::File::open(place.path(name)).unwrap();
    let schema = arrow_ipc::reader::FileReader::try_new(file, None).unwrap().schema();
    schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect()
}

#[test]
fn all_columns_pass_through_in_their_types_and_to_text_as_they_read() {
    let place = place();
    let expected = "kind,b,when,a,exact,level,truth,label\n\
                    x,1,2001-01-01 00:00:00,0.0,0.50,3,true,0\n\
                    y,0,2001-01-02 00:00:00,1.0,1.25,1,false,0\n\
                    ,1,2001-01-03 00:00:00,1.0,2.00,3,true,0\n\
                    x,11,2001-01-04 00:00:00,9.0,3.75,2,true,1\n";
    for name in ["table.parquet", "plain.parquet", "table.feather", "stream.arrow"] {
        let name = table(name);
        for out in ["out.csv", "out.parquet", "out.arrow"] {
            let outcome = place.run(&format!("predict model.json {name} --append --out {out} --device cpu"));
            assert_eq!((outcome.status, outcome.stderr), (0, format!("wrote: {out}\n")), "{name}");
        }
        assert_eq!(text(&place, "out.csv"), expected, "{name}");
        // What was written in types reads as it did.
        for out in ["out.parquet", "out.arrow"] {
            assert_eq!(place.run(&format!("convert {out} back.csv")).status, 0);
            assert_eq!(text(&place, "back.csv"), expected, "{name} by {out}");
        }
        let types = types(&place, "out.arrow");
        let kinds = ["kind Utf8", "b Int16", "a Float64", "exact Decimal128(9, 2)", "level UInt8", "truth Boolean"];
        for kind in kinds.iter().chain(&["label Int64"]) {
            assert!(types.iter().any(|found| found == kind), "{kind} in {types:?} of {name}");
        }
        assert!(types[2].starts_with("when Timestamp"), "{types:?}");
    }
}

#[test]
fn cells_of_text_stay_as_they_are_written() {
    let place = place();
    let rows = "id,b,note,a\n007,1e0,\"x, \"\"y\"\"\",0\n008,  10, ,9.50\n\"#9\",10.0,\"two\nlines\",10\n";
    place.write("x.csv", rows);
    let appended = place.run("predict model.json x.csv --append --out out.csv --device cpu");
    assert_eq!(appended.status, 0, "{}", appended.stderr);
    let expected =
        "id,b,note,a,label\n007,1e0,\"x, \"\"y\"\"\",0,0\n008,  10, ,9.50,1\n\"#9\",10.0,\"two\nlines\",10,1\n";
    assert_eq!(text(&place, "out.csv"), expected);
    // In types: what the model uses are numbers, and all else is text.
    assert_eq!(place.run("predict model.json x.csv --append --out out.arrow --device cpu").status, 0);
    assert_eq!(types(&place, "out.arrow"), ["id LargeUtf8", "b Float64", "note LargeUtf8", "a Float64", "label Int64"]);
    assert_eq!(place.run("convert out.arrow back.csv").status, 0);
    assert!(text(&place, "back.csv").contains("\n008,10.0, ,9.5,1\n"), "{}", text(&place, "back.csv"));
    // Line ends of other systems are no part of a cell, and neither is a mark at the beginning.
    place.write("dos.csv", "\u{feff}a,b,note\r\n0,1,x\r\n9,10,y\r\n");
    let lines = place.run("predict model.json dos.csv --append --header-out --device cpu");
    assert_eq!(lines.lines(), ["a,b,note,label", "0,1,x,0", "9,10,y,1"]);
}

#[test]
fn long_tables_keep_their_rows_together() {
    let place = place();
    // Blocks of text, row groups and chunks end at other rows.
    let n = 300_001;
    let value = |i: usize| (i as u64).wrapping_mul(2_654_435_761) % 1009;
    let rows: String = (0..n).map(|i| format!("row {i},{},{}.5,{}\n", value(i) % 11, value(i) % 12, i * 7)).collect();
    place.write("long.csv", format!("name,a,b,seven\n{rows}"));
    assert_eq!(place.run("convert long.csv long.parquet").status, 0);
    assert_eq!(place.run("convert long.parquet long.arrow").status, 0);
    let mut outputs = Vec::new();
    for name in ["long.csv", "long.parquet", "long.arrow"] {
        let outcome = place.run(&format!("predict model.json {name} --append --row-number --out out.csv --device cpu"));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        let out = text(&place, "out.csv");
        let mut lines = out.lines();
        assert_eq!(lines.next(), Some("name,a,b,seven,row,label"));
        for (i, line) in lines.enumerate() {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |cell: usize| cells[cell].parse::<f64>().unwrap();
            assert_eq!((cells[0], cells[4]), (format!("row {i}").as_str(), i.to_string().as_str()));
            assert_eq!((number(1) as u64, number(2) - 0.5), (value(i) % 11, (value(i) % 12) as f64));
            assert_eq!(number(3), (i * 7) as f64);
        }
        assert_eq!(out.lines().count(), n + 1);
        outputs.push(out.lines().map(|line| line.rsplit(',').next().unwrap().to_owned()).collect::<Vec<_>>());
    }
    assert!(outputs.iter().all(|labels| *labels == outputs[0]));
}

#[test]
fn files_of_other_columns_are_refused_and_leave_nothing_behind() {
    let place = place();
    place.write("one.csv", "a,b,note\n0,1,x\n");
    place.write("two.csv", "a,b,remark\n0,1,x\n");
    let before = place.names();
    let refused = place.run("predict model.json one.csv two.csv --append --out out.parquet --device cpu");
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("two.csv: its columns have other names or types than those of the first file"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("help: give files with the same columns"), "{}", refused.stderr);
    assert_eq!(place.names(), before);
    assert_eq!(place.run("predict model.json one.csv two.csv --device cpu").lines().len(), 2, "both have a and b");
}

#[test]
fn an_answer_does_not_take_the_name_of_a_column() {
    let place = place();
    place.write("x.csv", "a,b,label\n0,1,x\n");
    for (command, header) in [
        ("predict model.json x.csv --append", "a,b,label,label.1"),
        ("predict model.json x.csv --means", "mean_a,mean_b"),
        ("predict model.json x.csv --means --append", "a,b,label,mean_a,mean_b"),
        ("predict model.json x.csv --proba --row-number", "row,p0,p1"),
    ] {
        let outcome = place.run(&format!("{command} --out - --device cpu"));
        assert_eq!(outcome.lines()[0], header, "{command}");
        let same = place.run(&format!("{command} --header-out --device cpu"));
        assert_eq!(same.stdout, outcome.stdout);
        let bare = place.run(&format!("{command} --device cpu"));
        assert_eq!(bare.lines(), outcome.lines()[1..]);
    }
    assert_eq!(place.run("predict model.json x.csv --means --device cpu").stdout, "0.0,0.0\n");
}

#[test]
fn rows_of_a_share_are_told_by_their_numbers_and_the_rest_are_the_others() {
    let place = place();
    place.write("x.csv", (0..997).map(|i| format!("{i},{}\n", i % 7)).collect::<String>());
    let rows = |args: &str| -> Vec<usize> {
        let outcome = place.run(&format!("predict model.json x.csv --append --row-number --device cpu {args}"));
        let of_line = |line: &&str| {
            let cells: Vec<usize> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
            assert_eq!((cells[0], cells[1]), (cells[2], cells[2] % 7), "{line}");
            cells[2]
        };
        outcome.lines().iter().map(of_line).collect()
    };
    let (some, rest) = (rows("--sample 0.3 --seed 5"), rows("--sample 0.3 --seed 5 --rest"));
    assert_ne!(rows("--sample 0.3 --seed 6"), some);
    let mut all = [some.clone(), rest].concat();
    all.sort_unstable();
    assert_eq!(all, (0..997).collect::<Vec<_>>());
    assert!((200..400).contains(&some.len()));
    // The halves of a table, and of a score.
    for half in ["--rest", ""] {
        assert_eq!(place.run(&format!("convert x.csv half.csv --sample 0.3 --seed 5 {half}")).status, 0);
    }
    assert_eq!(text(&place, "half.csv").lines().count(), some.len() + 1);
    let n = |args: &str| {
        place.run(&format!("score model.json x.csv --device cpu --json {args}")).json()["n_samples"].clone()
    };
    assert_eq!(n("--sample 0.3 --seed 5"), some.len());
    assert_eq!(n("--sample 0.3 --seed 5 --rest"), 997 - some.len());
    assert_eq!(place.run("score model.json x.csv --rest").status, 2, "the rest of what?");
}

#[test]
fn outliers_are_written_with_all_their_columns() {
    let place = place();
    let n = 5003;
    let x = |i: usize| ((i as u64).wrapping_mul(2_654_435_761) % 4001) as f64 * 0.01;
    let rows: String = (0..n).map(|i| format!("n{i},{:?},{:?}\n", x(i), 40.0 - x(i))).collect();
    place.write("x.csv", format!("name,a,b\n{rows}"));
    assert_eq!(place.run("convert x.csv x.parquet").status, 0);
    let all = place.run("predict model.json x.csv --log-density --device cpu");
    let densities: Vec<f64> = all.lines().iter().map(|line| line.parse().unwrap()).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| densities[*a].total_cmp(&densities[*b]).then(a.cmp(b)));
    let found = |args: &str| -> Vec<usize> {
        let outcome = place.run(&format!("predict model.json {args} --device cpu --out out.csv"));
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, "wrote: out.csv\n"), "{args}");
        let out = text(&place, "out.csv");
        assert_eq!(out.lines().next(), Some("name,a,b,log_density"), "{args}");
        let row = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            let row: usize = cells[0][1..].parse().unwrap();
            assert_eq!(cells[1].parse::<f64>().unwrap(), x(row), "{line}");
            assert!((cells[3].parse::<f64>().unwrap() - densities[row]).abs() < 1e-9 * densities[row].abs(), "{line}");
            row
        };
        out.lines().skip(1).map(row).collect()
    };
    for data in ["x.csv", "x.parquet"] {
        for lowest in [1, 37, n, n + 1] {
            // Rows of equal density may change places where rounding tells them apart.
            let rows = found(&format!("{data} --lowest {lowest}"));
            let of = |rows: &[usize]| rows.iter().map(|row| densities[*row]).collect::<Vec<f64>>();
            let (one, other) = (of(&rows), of(&order[..lowest.min(n)]));
            assert_eq!(one.len(), other.len());
            assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() <= 1e-9 * a.abs()), "{data} {lowest}");
        }
        let limit = densities[order[100]] + 1e-6;
        let below: Vec<usize> = (0..n).filter(|row| densities[*row] < limit).collect();
        assert_eq!(found(&format!("{data} --below {limit}")), below);
        let share = found(&format!("{data} --below 2%"));
        assert!(share.len().abs_diff(n / 50) <= 3 && share.is_sorted(), "{} rows", share.len());
        assert_eq!(found(&format!("{data} --below -1e9")), [0; 0], "a table of no rows has its columns");
    }
    for (args, problem) in [
        ("x.csv --lowest 3 --out x.npy", "with all their columns"),
        ("- --below 1%", "a pipe can be read once"),
        ("x.csv --lowest 3 --json", "--lowest writes a table"),
        ("x.csv --lowest 0", "invalid value '0'"),
        ("x.csv --below 101%", "a share of the samples, such as 0.1%"),
    ] {
        let refused = place.run(&format!("predict model.json {args}"));
        assert_eq!(refused.status, 2, "{args}");
        assert!(refused.stderr.contains(problem), "{args}: {}", refused.stderr);
    }
}

#[test]
fn any_column_is_converted() {
    let place = place();
    place.write("x.csv", "name,n,when\nHNL,1.50,2001-01-01\nLAX,,2001-01-02\n");
    for (name, again) in [("x.parquet", "y.csv"), ("x.arrow", "z.csv")] {
        let outcome = place.run(&format!("convert x.csv {name}"));
        assert_eq!((outcome.status, outcome.stderr), (0, format!("wrote: {name}\n")));
        assert_eq!(place.run(&format!("convert {name} {again}")).status, 0);
        assert_eq!(text(&place, again), "name,n,when\nHNL,1.5,2001-01-01\nLAX,,2001-01-02\n");
    }
    assert_eq!(types(&place, "x.arrow"), ["name LargeUtf8", "n Float64", "when LargeUtf8"]);
    assert_eq!(
        place.run("convert x.csv - --columns when,name").lines(),
        ["when,name", "2001-01-01,HNL", "2001-01-02,LAX"]
    );
    // Numbers alone go into arrays.
    let refused = place.run("convert x.csv x.npy");
    assert!(refused.stderr.contains("column 0 (name) is 'HNL', not a number"), "{}", refused.stderr);
    // A column whose first rows are numbers is one of numbers.
    place.write("late.csv", format!("n\n{}x\n", "1\n".repeat(50_000)));
    let refused = place.run("convert late.csv late.parquet");
    assert!(refused.stderr.contains("late.csv:50002: column 0 (n) is 'x', not a number"), "{}", refused.stderr);
    assert!(!place.names().contains(&"late.parquet".to_owned()));
    assert_eq!(place.run("convert late.csv late.tsv").status, 0, "text stays text");
    // Lists stay lists, and are columns of numbers in text.
    let lists = table("embedding.parquet");
    assert_eq!(place.run(&format!("convert {lists} e.arrow --columns id,fixed,loose")).status, 0);
    assert!(types(&place, "e.arrow")[2].starts_with("loose List"), "{:?}", types(&place, "e.arrow"));
    assert_eq!(place.run(&format!("convert {lists} e.csv --columns id,fixed,loose.1")).status, 0);
    assert_eq!(
        text(&place, "e.csv").lines().take(2).collect::<Vec<_>>(),
        ["id,fixed.0,fixed.1,loose.1", "u,0.0,1.0,1.0"]
    );
}

#[test]
fn samples_are_drawn_to_standard_output() {
    let place = place();
    let drawn = place.run("sample model.json -n 5 --out -");
    assert_eq!((drawn.lines()[0], drawn.lines().len()), ("a,b", 6));
    assert_eq!(place.run("sample model.json -n 5 --out s.csv").status, 0);
    assert_eq!(text(&place, "s.csv"), drawn.stdout);
    assert_eq!(place.run("sample model.json -n 5 --out - --json").status, 2);
    assert_eq!(place.run("fit s.csv -k 1 --out -").status, 2, "a model is a file");
}
