//! Names of columns: what is a header, which columns are features, and which of them are a model's.

use serde_json::{Value, json};

use crate::support::{MODEL, Outcome, Place, table};

/// Feature names, first mean and number of samples of a fit of one component.
fn fitted(place: &Place, args: &str) -> (Value, Vec<f64>, u64) {
    let outcome =
        place.run(&format!("fit {args} -k 1 --covariance spherical --reg-covar 1 --device cpu --json --out m.json"));
    let n = outcome.json()["n_samples"].as_u64().unwrap();
    let model: Value = serde_json::from_slice(&place.read("m.json")).unwrap();
    let mean = model["means"][0].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    (model["feature_names"].clone(), mean, n)
}

fn notes(outcome: &Outcome) -> Vec<&str> {
    outcome.stderr.lines().filter(|line| line.starts_with("note: ")).collect()
}

#[test]
fn numbers_that_name_columns_are_no_sample_and_a_line_says_so() {
    let place = Place::new();
    place.write("years.csv", "2019,2020,2021\n0.5,1.5,9.5\n1.5,2.5,8.5\n");
    place.write("plain.csv", "0,1,2\n0.5,1.5,9.5\n1.5,2.5,8.5\n");
    place.write("index.csv", ",0,1\n0,0.5,1.5\n1,1.5,2.5\n");
    place.write("wide.csv", "country,2019,2020,2021\nc0,0.5,1.5,9.5\nc1,1.5,2.5,8.5\n");
    assert_eq!(fitted(&place, "years.csv"), (json!(["2019", "2020", "2021"]), vec![1.0, 2.0, 9.0], 2));
    assert_eq!(fitted(&place, "years.csv --columns 2020,2021"), (json!(["2020", "2021"]), vec![2.0, 9.0], 2));
    assert_eq!(fitted(&place, "plain.csv"), (json!(["0", "1", "2"]), vec![1.0, 2.0, 9.0], 2));
    assert_eq!(fitted(&place, "index.csv"), (json!(["0", "1"]), vec![1.0, 2.0], 2));
    for columns in ["1,2", "2019,2020"] {
        let found = fitted(&place, &format!("wide.csv --columns {columns}"));
        assert_eq!(found, (json!(["2019", "2020"]), vec![1.0, 2.0], 2));
    }
    assert_eq!(fitted(&place, "years.csv --header no").2, 3);
    let guessed = place.run("fit years.csv -k 1 --device cpu");
    assert_eq!(notes(&guessed).len(), 1, "{}", guessed.stderr);
    assert!(guessed.stderr.contains("(2019, 2020, 2021) is taken as names; if it is a sample: --header no"));
    for told in ["--header yes", "--header no", "--columns 2019,2021", "--quiet"] {
        let outcome = place.run(&format!("fit years.csv -k 1 --device cpu {told}"));
        assert_eq!((outcome.status, notes(&outcome)), (0, vec![]), "{told}");
    }
}

#[test]
fn a_first_row_that_nobody_can_tell_from_a_sample_is_one_and_a_line_says_so() {
    let place = Place::new();
    place.write("counts.csv", "0,1\n1,0\n1,1\n");
    let outcome = place.run("fit counts.csv -k 1 --device cpu --json");
    assert_eq!(outcome.json()["n_samples"], 3);
    assert!(outcome.stderr.contains("(0, 1) is taken as a sample; if it is names: --header yes"), "{}", outcome.stderr);
    assert_eq!(fitted(&place, "counts.csv --header yes"), (json!(["0", "1"]), vec![1.0, 0.5], 2));
    place.write("rows.csv", "1,2\n3,4\n");
    assert_eq!(place.run("convert rows.csv rows.npy").stderr, "wrote: rows.npy\n", "nothing else to say");
    place.write("doubtful.csv", "u1,0.5\n2,0.25\n");
    let refused = place.run("fit doubtful.csv -k 1 --device cpu");
    assert!(refused.stderr.contains("doubtful.csv:1: column 0 is 'u1'"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--header yes"), "{}", refused.stderr);
    assert_eq!(fitted(&place, "doubtful.csv --header yes").2, 1);
}

#[test]
fn an_index_is_written_as_usual_and_a_name_wins_over_it() {
    let place = Place::new();
    place.write("t.csv", "a,b,c\n1,2,4\n3,4,8\n");
    for (columns, first) in [("0", 2.0), ("2", 6.0), ("a", 2.0)] {
        assert_eq!(fitted(&place, &format!("t.csv --columns {columns}")).1, [first], "{columns}");
    }
    for columns in ["02", "+2", "2.0", "3"] {
        let refused = place.run(&format!("fit t.csv -k 1 --columns {columns}"));
        assert_eq!(refused.status, 1, "{columns}");
        assert!(refused.stderr.contains(&format!("there is no column '{columns}'")), "{}", refused.stderr);
    }
    place.write("years.csv", "03,04\n0.5,1.5\n1.5,2.5\n");
    assert_eq!(fitted(&place, "years.csv --columns 04"), (json!(["04"]), vec![2.0], 2));
}

#[test]
fn names_with_commas_and_marks_can_be_chosen() {
    let place = Place::new();
    place.write("t.csv", "\u{feff}\"height\",\"weight, kg\"\r\n1,10\r\n3,30\r\n");
    assert_eq!(fitted(&place, "t.csv"), (json!(["height", "weight, kg"]), vec![2.0, 20.0], 2));
    for columns in ["weight, kg", "\"weight, kg\"", "1"] {
        let outcome = place.run_with("fit t.csv -k 1 --device cpu --json --columns", columns).json();
        assert_eq!(outcome["means"], json!([[20.0]]), "{columns}");
    }
    let both = place.run_with("fit t.csv -k 1 --device cpu --json --columns", "weight, kg,height").json();
    assert_eq!(both["means"], json!([[20.0, 2.0]]));
    // What a remedy says can be followed.
    place.write("u.csv", "kind,\"weight, kg\",it's\nx,1,2\ny,3,6\n");
    let refused = place.run("fit u.csv -k 1 --device cpu");
    let remedy = refused.stderr.split("--columns ").nth(1).unwrap().trim();
    assert_eq!(remedy, r#"'"weight, kg",it'\''s'"#, "{}", refused.stderr);
    let columns = r#""weight, kg",it's"#;
    assert_eq!(
        place.run_with("fit u.csv -k 1 --device cpu --json --columns", columns).json()["means"][0],
        json!([2.0, 4.0])
    );
}

#[test]
fn a_name_that_stands_twice_is_numbered_and_the_model_can_be_used() {
    let place = Place::new();
    place.write("twice.csv", "v,v,w\n0,1,0\n1,0,1\n1,1,1\n9,11,9\n");
    for data in ["twice.csv".to_owned(), table("twice.parquet")] {
        let (names, mean, n) = fitted(&place, &data);
        assert_eq!((names, n), (json!(["v.0", "v.1", "w"]), 4));
        assert_eq!(mean, [2.75, 3.25, 2.75]);
        for command in ["predict m.json", "score m.json"] {
            let outcome = place.run(&format!("{command} {data} --device cpu"));
            assert_eq!(outcome.status, 0, "{}", outcome.stderr);
            assert!(outcome.stderr.contains("several columns are called 'v'"), "{}", outcome.stderr);
        }
        assert_eq!(place.run("inspect m.json").status, 0);
        let refused = place.run(&format!("fit {data} -k 1 --columns v"));
        assert_eq!(refused.status, 1);
        assert!(
            refused.stderr.contains("no column 'v'") && refused.stderr.contains("v.0, v.1, w"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_models_features_are_found_by_name_or_missed_by_name() {
    let place = Place::new();
    place.write("model.json", MODEL);
    place.write("reference.csv", "a,b\n0,1\n10,9\n");
    let expected = place.run("predict model.json reference.csv --device cpu").stdout;
    assert_eq!(expected, "0\n1\n");
    place.write("more.csv", "b,id,a\n1,7,0\n9,8,10\n");
    assert_eq!(place.run("predict model.json more.csv --device cpu").stdout, expected);
    place.write("renamed.csv", "a,bb\n0,1\n10,9\n");
    place.write("strange.csv", "p,q\n0,1\n10,9\n");
    place.write("fewer.csv", "a,id\n0,1\n10,9\n");
    for (data, missing) in [("renamed.csv", "'b'"), ("strange.csv", "'a'"), ("fewer.csv", "'b'")] {
        for command in ["predict model.json", "score model.json", "fit --init-model model.json"] {
            let refused = place.run(&format!("{command} {data} --device cpu"));
            assert_eq!((refused.status, refused.stdout.as_str()), (1, ""));
            let problem = format!("{data}: there is no column {missing}, a feature of the model");
            assert!(refused.stderr.contains(&problem), "{}", refused.stderr);
        }
        let insisted = place.run(&format!("predict model.json {data} --columns 0,1 --device cpu"));
        assert_eq!(insisted.stdout, expected, "{}", insisted.stderr);
    }
    // Columns without names are taken as they stand.
    place.write("bare.csv", "0,1.5\n10,9\n");
    assert_eq!(place.run("predict model.json bare.csv --device cpu").stdout, expected);
    // Numbers that are the model's names are no sample.
    place.write("years.json", MODEL.replace(r#"["a","b"]"#, r#"["7","3"]"#));
    place.write("years.csv", "3,7\n1,0\n9,10\n");
    assert_eq!(place.run("predict years.json years.csv --device cpu").stdout, expected);
}

#[test]
fn row_numbers_that_pandas_writes_are_no_feature_and_a_line_says_so() {
    let place = Place::new();
    place.write("unnamed.csv", ",a,b\n3,0,1\n5,1,0\n6,1,1\n9,9,11\n");
    place.write("again.csv", "Unnamed: 0,a,b\n3,0,1\n5,1,0\n6,1,1\n9,9,11\n");
    place.write("r.txt", "\"a\" \"b\"\n\"3\" 0 1\n\"5\" 1 0\n\"6\" 1 1\n\"9\" 9 11\n");
    let data = ["unnamed.csv".to_owned(), "again.csv".to_owned(), "r.txt".to_owned()];
    for data in data.into_iter().chain([table("index.parquet"), table("named_index.parquet")]) {
        assert_eq!(fitted(&place, &data), (json!(["a", "b"]), vec![2.75, 3.25], 4), "{data}");
        let outcome = place.run(&format!("fit {data} -k 1 --device cpu"));
        let notes = notes(&outcome);
        assert_eq!(notes.len(), 1, "{}", outcome.stderr);
        assert!(notes[0].contains("an index, as pandas and R write it, and no feature"), "{}", notes[0]);
    }
    place.write("levels.csv", ",,a\n0,0,1.5\n0,1,2.5\n1,0,3.5\n");
    assert_eq!(fitted(&place, "levels.csv"), (json!(["a"]), vec![2.5], 3));
    place.write("labels.csv", ",a\nfirst,1.5\nsecond,2.5\n");
    assert_eq!(fitted(&place, "labels.csv").0, json!(["a"]));
    assert!(notes(&place.run("fit labels.csv --columns a -k 1 --device cpu")).is_empty(), "the user chose");
    let with_it = fitted(&place, &format!("{} --columns row,a", table("named_index.parquet")));
    assert_eq!((with_it.0, with_it.1[0]), (json!(["row", "a"]), 5.75));
    assert_eq!(fitted(&place, "unnamed.csv --columns 0,1").1, [5.75, 2.75]);
}

#[test]
fn a_separator_behind_the_last_cell_moves_no_name() {
    let place = Place::new();
    for (name, text) in
        [("end.csv", "a,b\n1,2,\n3,5,\n"), ("both.csv", "a,b,\n1,2,\n3,5,\n"), ("end.txt", "a;b\n1;2;\n3;5;\n")]
    {
        place.write(name, text);
        assert_eq!(fitted(&place, name), (json!(["a", "b"]), vec![2.0, 3.5], 2), "{name}");
        let outcome = place.run(&format!("fit {name} -k 1 --device cpu"));
        assert!(outcome.stderr.contains("without a name or a value in the first rows"), "{}", outcome.stderr);
    }
    for (name, text) in [
        ("price.csv", "price\n1,5\n2,25\n"),
        ("title.csv", "My table\n1.5,2.5\n3.5,4\n"),
        ("missing.csv", "a,b\n1,2,3\n4,5,7\n"),
    ] {
        place.write(name, text);
        let refused = place.run(&format!("fit {name} -k 1 --device cpu"));
        assert_eq!(refused.status, 1, "{name}");
        assert!(refused.stderr.contains(&format!("{name}:2: this row has")), "{}", refused.stderr);
    }
}

#[test]
fn files_of_one_data_set_have_one_header() {
    let place = Place::new();
    place.write("p1.csv", "101,205\n1.5,2.5\n2.5,3.5\n0.5,0.25\n1.25,2.25\n");
    place.write("p2.csv", "101,205\n3,4\n5,6\n");
    assert_eq!(fitted(&place, "p1.csv p2.csv").2, 6);
    place.write("bare1.csv", "1.5,2.5\n2.5,3.5\n");
    place.write("bare2.csv", "0,1\n1.5,2.5\n");
    assert_eq!(fitted(&place, "bare1.csv bare2.csv"), (json!(null), vec![1.375, 2.375], 4));
    place.write("p3.csv", "205,101\n3.5,4.5\n5.5,6.5\n");
    let refused = place.run("fit p1.csv p3.csv -k 1 --device cpu");
    assert!(refused.stderr.contains("p3.csv: feature 0 is '205', and in p1.csv it is '101'"), "{}", refused.stderr);
    // A model without names takes numbers for samples.
    let labels = place.run("predict m.json bare2.csv --device cpu");
    assert_eq!(labels.lines().len(), 2);
    // Parts without rows do no harm among others.
    place.write("none.csv", "a,b\n");
    place.write("words1.csv", "a,b\n1,2\n3,5\n");
    place.write("words2.csv", "a,b\n5,5\n");
    place.write("empty.csv", "");
    assert_eq!(fitted(&place, "none.csv words1.csv empty.csv words2.csv").2, 3);
    for data in ["none.csv", "empty.csv", "none.csv empty.csv"] {
        assert_eq!(place.run(&format!("fit {data} -k 1 --device cpu")).status, 1, "{data}");
    }
}

#[test]
fn what_is_said_of_a_header_holds_for_weights_in_a_file() {
    let place = Place::new();
    place.write("t.csv", "a,b\n1,2\n3,5\n5,1\n");
    place.write("w.csv", "0\n1\n2\n1\n");
    let refused = place.run("fit t.csv --weights w.csv -k 1 --device cpu");
    assert!(refused.stderr.contains("w.csv: 4 sample weights for 3 samples"), "{}", refused.stderr);
    assert_eq!(fitted(&place, "t.csv --weights w.csv --header yes").1, [3.0, 3.25]);
}

#[test]
fn blanks_may_stand_before_quotes() {
    let place = Place::new();
    place.write("t.csv", "\"a\", \"x, y\"\n1, 2\n3, \"5\"\n");
    assert_eq!(fitted(&place, "t.csv"), (json!(["a", "x, y"]), vec![2.0, 3.5], 2));
}

#[test]
fn a_name_of_several_lines_does_not_tear_a_message() {
    let place = Place::new();
    place.write("t.csv", "\"a\nb\",c\n1,2\nx,4\n");
    let refused = place.run("fit t.csv -k 1 --device cpu");
    assert!(refused.stderr.contains("t.csv:4: column 0 (a b) is 'x', not a number\n  help: "), "{}", refused.stderr);
}
