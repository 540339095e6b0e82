//! Files as people have them: what lies around tables in directories, and text and tables of other programs.

use serde_json::{Value, json};

use crate::support::{MODEL, Place, npy, table};

/// Samples of MODEL's features, as text with commas.
const ROWS: &str = "0,1\n1,0\n1,1\n9,11\n";

fn place() -> (Place, String) {
    let place = Place::new();
    place.write("model.json", MODEL);
    place.write("reference.csv", ROWS);
    let expected = place.run("predict model.json reference.csv --log-density --device cpu").stdout;
    assert_eq!(expected.lines().count(), 4);
    (place, expected)
}

fn names(place: &Place, data: &str) -> Value {
    assert_eq!(place.run(&format!("fit {data} -k 1 --device cpu -q --out m.json")).status, 0, "{data}");
    let model: Value = serde_json::from_slice(&place.read("m.json")).unwrap();
    model["feature_names"].clone()
}

#[test]
fn what_lies_around_tables_is_passed_over_and_directories_are_searched() {
    let (place, expected) = place();
    let parts = place.path("parts");
    for (file, text) in [
        ("year=2023/month=1/part-0.csv", "a,b\n0,1\n"),
        ("year=2023/month=2/part-0.csv", "a,b\n1,0\n"),
        ("year=2024/month=1/part-0.csv", "a,b\n1,1\n9,11\n"),
        ("year=2024/month=1/.part-0.csv", "a,b\n5,5\n"),
        ("year=2024/month=1/_metadata.csv", "what,is,this\n"),
        ("_temporary/part-1.csv", "a,b\n5,5\n"),
        (".ipynb_checkpoints/part-0-checkpoint.csv", "a,b\n5,5\n"),
        ("_SUCCESS", ""),
        ("year=2023/notes.txt", "nothing\n"),
    ] {
        let path = parts.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for data in ["parts", "parts/*", "parts/year=*", "parts/*/*/*.csv", "parts/**/part-*.csv"] {
        let outcome = place.run(&format!("predict model.json {data} --log-density --device cpu"));
        assert_eq!(outcome.stdout, expected, "{data}: {}", outcome.stderr);
    }
    let outcome = place.run("fit parts -k 1 --device cpu");
    let told = outcome.stderr.lines().find(|line| line.starts_with("note: ")).unwrap_or_default();
    assert!(told.contains("say of year, month is not read"), "{}", outcome.stderr);
    // What may be a table, too, is not passed over without a word.
    std::fs::write(parts.join("more.csv.bz2"), "BZh").unwrap();
    let outcome = place.run("fit parts -k 1 --device cpu");
    assert!(
        outcome.stderr.contains("more.csv.bz2, and 1 more file: it may be a table, but is passed over"),
        "{}",
        outcome.stderr
    );
    // Who names such files means them.
    let hidden = "parts/year=2024/month=1/.part-0.csv";
    assert_eq!(place.run(&format!("predict model.json {hidden} --device cpu")).lines().len(), 1);
    assert_eq!(place.run("predict model.json parts/year=2024/month=1/.*.csv --device cpu").lines().len(), 1);
}

#[cfg(unix)]
#[test]
fn directories_that_hold_each_other_are_an_error() {
    let (place, _) = place();
    std::fs::create_dir(place.path("parts")).unwrap();
    std::os::unix::fs::symlink(place.path("parts"), place.path("parts/again")).unwrap();
    let refused = place.run("predict model.json parts --device cpu");
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("parts/again: cannot be read"), "{}", refused.stderr);
}

#[test]
fn lines_that_begin_with_a_hash_are_comments_the_last_of_which_names_the_columns() {
    let (place, expected) = place();
    let text = |start: &str| format!("{start}{ROWS}");
    for (name, text, header) in [
        ("head.csv", text("# a,b\n"), json!(["a", "b"])),
        ("two.csv", text("# made by a program, version 2, run 7\n#a,b\n"), json!(["a", "b"])),
        ("tab.tsv", text("# a,b\n").replace(',', "\t"), json!(["a", "b"])),
        ("blanks.txt", text("# a,b\n").replace(',', "  "), json!(["a", "b"])),
        ("none.txt", text("# by hand\n").replace(',', " "), json!(null)),
        ("header.csv", text("# x,y\na,b\n"), json!(["a", "b"])),
        ("between.csv", text("a,b\n").replace("1,1", "# block, 2\n1,1") + "# end", json!(["a", "b"])),
        ("quotes.csv", text("# a 5\" disk, and \"more\na,b\n"), json!(["a", "b"])),
    ] {
        place.write(name, text);
        let outcome = place.run(&format!("predict model.json {name} --log-density --device cpu"));
        if name == "none.txt" {
            assert_eq!((outcome.status, names(&place, name)), (1, json!(["by", "hand"])), "two words, two columns");
            continue;
        }
        assert_eq!(outcome.stdout, expected, "{name}: {}", outcome.stderr);
        assert_eq!(names(&place, name), header, "{name}");
    }
    place.write("out.csv", "a,b\n0,1\n#1,0\n1,1\n");
    let outcome = place.run("fit out.csv -k 1 --device cpu --json");
    assert_eq!(outcome.json()["n_samples"], 2);
    assert!(outcome.stderr.contains("some of them look like samples, and are left out"), "{}", outcome.stderr);
    // Spreadsheets' errors and words of rows are none.
    place.write("errors.csv", "a\n1.5\n#N/A\n2.5\n");
    assert!(place.run("fit errors.csv -k 1").stderr.contains("errors.csv:3: column 0 (a) is '#N/A', not a number"));
    place.write("tags.csv", "tag,a\n#x,1.5\n#one,2\n#y,4\n");
    assert_eq!(place.run("fit tags.csv --columns a -k 1 --device cpu --json").json()["means"][0][0], 2.5);
    place.write("weights.csv", "1\n2\n#NV\n1\n");
    let refused = place.run("fit reference.csv --weights weights.csv -k 1 --device cpu");
    assert!(refused.stderr.contains("weights.csv:3: column 0 is '#NV', not a number"), "{}", refused.stderr);
    place.write("ids.csv", "id,a\nn0,1\n#1,3\nn2,5\n");
    assert_eq!(place.run("fit ids.csv --columns a -k 1 --device cpu --json").json()["means"][0][0], 3.0);
    // A table that is written with such a name is read as it was.
    place.write("hash.csv", "\"#a\",b\n1,2\n3,4\n");
    assert_eq!(place.run("convert hash.csv again.csv").status, 0);
    assert_eq!(names(&place, "again.csv"), json!(["#a", "b"]));
    place.write("all.csv", "# 1,2\n# 3,4\n");
    assert!(place.run("fit all.csv -k 1").stderr.contains("all.csv: every line is a comment (#)"));
}

#[test]
fn the_first_rows_or_the_user_tell_what_separates_the_cells() {
    let (place, expected) = place();
    for (name, separator) in
        [("blanks.txt", "   "), ("blanks.csv", " "), ("tabs.csv", "\t"), ("semicolons.csv", ";"), ("bars.txt", "|")]
    {
        place.write(name, format!("a,b\n{ROWS}").replace(',', separator));
        let outcome = place.run(&format!("predict model.json {name} --log-density --device cpu"));
        assert_eq!(outcome.stdout, expected, "{name}: {}", outcome.stderr);
    }
    place.write("colons.txt", format!("a,b\n{ROWS}").replace(',', ":"));
    let refused = place.run("predict model.json colons.txt --device cpu");
    assert_eq!(refused.status, 1);
    let refused = place.run("fit colons.txt -k 1 --device cpu");
    assert!(
        refused.stderr.contains("is '0:1', not a number") && refused.stderr.contains("--delimiter"),
        "{}",
        refused.stderr
    );
    let told = place.run("predict model.json colons.txt --log-density --device cpu --delimiter :");
    assert_eq!(told.stdout, expected, "{}", told.stderr);
    for delimiter in ["blanks", "tab", ";"] {
        let name = if delimiter == ";" { "semicolons.csv" } else { "blanks.txt" };
        let outcome =
            place.run(&format!("predict model.json {name} --log-density --device cpu --delimiter {delimiter}"));
        assert_eq!(outcome.status == 0, delimiter != "tab", "{delimiter}: {}", outcome.stderr);
    }
    place.write("told.csv", format!("sep=:\na,b\n{ROWS}").replace(',', ":"));
    let told = place.run("predict model.json told.csv --log-density --device cpu");
    assert_eq!(told.stdout, expected, "as spreadsheets tell it: {}", told.stderr);
    assert_eq!(place.run("fit reference.csv -k 1 --delimiter ab").status, 2);
}

#[test]
fn text_of_other_kinds_is_refused_for_what_it_is() {
    let (place, _) = place();
    let wide: Vec<u8> = format!("\u{feff}a,b\n{ROWS}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    place.write("wide.csv", &wide);
    place.write("unmarked.csv", &wide[2..]);
    place.write("big.csv", wide.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect::<Vec<u8>>());
    place.write("returns.csv", format!("a,b\n{ROWS}").replace('\n', "\r"));
    place.write("commas.csv", "a;b\n1,5;2,5\n3,5;4,5\n");
    place.write("thousands.csv", "a;b\n1.001,5;2\n3.001,5;4\n");
    place.write("mixed.csv", "a,b\r1,2\r3,4\n5,6\n");
    place.write("rows.json", "{\"a\": 1}\n");
    place.write("table.bz2", b"BZh91AY&SY");
    place.write("text.parquet", format!("a,b\n{ROWS}"));
    std::fs::copy(table("table.feather"), place.path("swapped.parquet")).unwrap();
    place.write("quote.csv", "a,t,b\n1,\"x,2\n3,y,4\n5,z,6\n");
    place.write("binary", [1, 0, 0, 2, 0, 0, 0, 3, 0, 0]);
    for (data, problem, remedy) in [
        ("wide.csv", "wide.csv: the text is UTF-16", "iconv -f UTF-16 -t UTF-8"),
        ("unmarked.csv", "unmarked.csv: the text is UTF-16", "iconv"),
        ("big.csv", "big.csv: the text is UTF-16", "iconv"),
        ("returns.csv", "returns.csv: some of its lines end in carriage returns alone", "tr '\\r' '\\n'"),
        ("commas.csv", "commas.csv:2: column 0 (a) is '1,5', a number with a decimal comma", "decimal points"),
        ("thousands.csv", "column 0 (a) is '1.001,5', a number with a decimal comma", "decimal points"),
        ("mixed.csv", "mixed.csv: some of its lines end in carriage returns alone", "tr"),
        ("rows.json", "rows.json: this looks like JSON", ".csv"),
        ("table.bz2", "table.bz2: this is compressed by bzip2", "decompress"),
        ("text.parquet", "text.parquet: this is text, and not what its extension says", ".csv"),
        ("quote.csv --columns a,b", "quote.csv:2: a quote in this row is not closed", "close it"),
        ("swapped.parquet", "swapped.parquet: this is Arrow, and not what its extension says", ".arrow"),
        ("binary", "binary: this is no text: it holds bytes that are zero", ".npy"),
        (&table("first.feather"), "first.feather: this is Feather of version 1", "write_feather"),
    ] {
        let refused = place.run(&format!("fit {data} -k 1 --device cpu"));
        assert_eq!((refused.status, refused.stdout.as_str()), (1, ""));
        assert!(refused.stderr.contains(problem) && refused.stderr.contains(remedy), "{}", refused.stderr);
    }
}

#[test]
fn compressed_files_that_are_cut_or_padded_are_known() {
    let (place, expected) = place();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, ROWS.as_bytes()).unwrap();
    let whole = gzip.finish().unwrap();
    place.write("padded.csv.gz", [whole.clone(), vec![0; 512]].concat());
    place.write("cut.csv.gz", &whole[..whole.len() - 9]);
    place.write("joined.csv.gz", [whole.clone(), b"no gzip".to_vec()].concat());
    let padded = place.run("predict model.json padded.csv.gz --log-density --device cpu");
    assert_eq!(padded.stdout, expected, "{}", padded.stderr);
    for (data, problem) in [("cut.csv.gz", "it is cut short"), ("joined.csv.gz", "something else behind its gzip data")]
    {
        let refused = place.run(&format!("predict model.json {data} --device cpu"));
        assert_eq!(refused.status, 1);
        let said = &refused.stderr;
        assert!(said.contains(problem) && said.contains(data) && said.contains("copy or write it again"), "{said}");
    }
}

#[test]
fn a_column_of_lists_is_a_feature_for_each_of_their_numbers() {
    let (place, expected) = place();
    for file in ["embedding.parquet", "embedding.feather", "embedding.arrow"] {
        let data = table(file);
        for column in ["fixed", "loose", "large"] {
            let outcome =
                place.run(&format!("predict model.json {data} --columns {column} --log-density --device cpu"));
            assert_eq!(outcome.stdout, expected, "{column} of {file}: {}", outcome.stderr);
        }
        assert_eq!(names(&place, &format!("{data} --columns fixed,loose.1")), json!(["fixed.0", "fixed.1", "loose.1"]));
        assert_eq!(place.run(&format!("score m.json {data} --device cpu")).status, 0, "found by name");
        let weighted =
            place.run(&format!("fit {data} --columns loose --weights fixed.1 -k 1 --device cpu --json")).json();
        // (1 x 0 + 0 x 1 + 1 x 1 + 11 x 9) / 13
        assert!((weighted["means"][0][0].as_f64().unwrap() - 100.0 / 13.0).abs() < 1e-12, "{}", weighted["means"]);
        for (columns, problem) in [
            ("ragged", "(ragged): a list of 2 numbers, and the first one has 1"),
            ("gap", "(gap): 1 value is missing (null)"),
            ("fixed --weights loose", "column 'loose' holds 2 numbers in every row"),
            ("id", "column 0 (id) holds Utf8, not numbers"),
        ] {
            let refused = place.run(&format!("fit {data} --columns {columns} -k 1 --device cpu"));
            assert_eq!(refused.status, 1);
            assert!(refused.stderr.contains(problem), "{}", refused.stderr);
        }
    }
}

#[test]
fn integers_that_no_double_holds_get_a_line() {
    let (place, _) = place();
    let stamps: Vec<i64> = [0, 1, 3, 250].map(|x| 1_757_000_000_000_000_000 + x).to_vec();
    place.write("t.csv", stamps.iter().map(|t| format!("{t},1\n")).collect::<String>());
    place.write("named.csv", "t,x\n".to_owned() + &stamps.iter().map(|t| format!("{t},1\n")).collect::<String>());
    let bytes: Vec<u8> = stamps.iter().flat_map(|t| t.to_be_bytes()).collect();
    place.write("t.npy", npy(">i8", false, "(4, 1)", &bytes));
    place.write("by_column.npy", npy(">i8", true, "(2, 2)", &bytes));
    for (data, flags, column) in [
        ("t.csv", "--columns 0", ""),
        ("named.csv", "", " of column 't'"),
        ("t.npy", "", ""),
        ("by_column.npy", "", ""),
        (&table("stamps.parquet"), "", " of column 't'"),
    ] {
        for command in [format!("fit {data} -k 1 --device cpu {flags}"), format!("convert {data} out.npy {flags}")] {
            let outcome = place.run(&command);
            assert_eq!(outcome.status, 0, "{}", outcome.stderr);
            let told = format!("integers{column} beyond 2^53 were rounded");
            assert_eq!(outcome.stderr.matches(&told).count(), 1, "{data}: {}", outcome.stderr);
        }
    }
    for exact in ["9007199254740994,1.5\n2,3.5\n".to_owned(), "0.12345678901234567890,1\n3,4\n".to_owned()] {
        place.write("exact.csv", exact);
        assert_eq!(place.run("convert exact.csv out.csv").stderr, "wrote: out.csv\n");
    }
    assert_eq!(
        place.run(&format!("convert {} out.csv --columns x", table("stamps.parquet"))).stderr,
        "wrote: out.csv\n"
    );
}

#[cfg(unix)]
#[test]
fn pipes_with_a_path_are_read_from_front_to_back() {
    let place = Place::new();
    let rows = 30_000;
    place.write("x.csv", (0..rows).map(|i| format!("{},{}\n", i % 7, i % 11)).collect::<String>());
    let weights: String = (0..rows).map(|i| format!("{}\n", i % 3)).collect();
    let fit = "fit x.csv -k 2 --device cpu -q --json --weights";
    place.write("w.csv", &weights);
    let expected = place.run(&format!("{fit} w.csv")).json();
    let piped = place.run_with_input(&format!("{fit} /dev/stdin"), weights.as_bytes()).json();
    assert_eq!(piped["means"], expected["means"]);
    assert_eq!(place.run("convert x.csv x.parquet").status, 0);
    let piped = place.run_with_input("fit /dev/stdin -k 2 --device cpu -q --json", &place.read("x.parquet")).json();
    assert_eq!(piped["means"], place.run("fit x.csv -k 2 --device cpu -q --json").json()["means"]);
}
