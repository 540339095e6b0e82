//! Missing values: refused unless they are to be integrated out, the same from every format, and filled in.

use std::fmt::Write;

use serde_json::Value;

use crate::support::{Place, npy_f64, table};

/// Values of three features, some of which are missing: of every row with an odd number one or two.
fn value(row: usize, feature: usize) -> Option<f64> {
    let noise = ((row * 3 + feature) as f64 * 0.618_033_988_749_895).fract();
    let is_there = row.is_multiple_of(2) || (row / 2 + feature).is_multiple_of(3) || row % 8 == 7;
    is_there.then_some(noise + (row % 3) as f64 * 2.0 + feature as f64)
}

/// The samples as text, as .npy, and as .npy whose rows are whole.
fn place(n: usize) -> Place {
    let place = Place::new();
    let mut text = "a,b,c\n".to_owned();
    for row in 0..n {
        let cell = |feature| match value(row, feature) {
            Some(x) => format!("{x:?}"),
            // What says that a value is missing may say it in many ways.
            None => ["", "NA", "null", "nan", " "][row % 5].to_owned(),
        };
        writeln!(text, "{},{},{}", cell(0), cell(1), cell(2)).unwrap();
    }
    place.write("x.csv", text);
    let all: Vec<f64> = (0..3 * n).map(|i| value(i / 3, i % 3).unwrap_or(f64::NAN)).collect();
    place.write("x.npy", npy_f64(&format!("({n}, 3)"), &all));
    place
}

/// Model and likelihood.
fn of_fit(json: &Value) -> Vec<Value> {
    ["weights", "means", "covariances", "lower_bounds", "log_likelihood"].iter().map(|key| json[*key].clone()).collect()
}

#[test]
fn missing_values_are_errors_that_tell_of_the_way_to_integrate_them_out() {
    let place = place(60);
    place.write("missing.parquet", std::fs::read(table("missing.parquet")).unwrap());
    place.write("missing.feather", std::fs::read(table("missing.feather")).unwrap());
    for data in ["x.csv", "x.npy", "missing.parquet", "missing.feather"] {
        let outcome = place.run(&format!("fit {data} -k 1 --device cpu"));
        assert_eq!(outcome.status, 1, "{data}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("--missing marginalize"), "{data}: {}", outcome.stderr);
    }
    // Words are no values that are missing.
    place.write("word.csv", "a,b\n1,2\n2,x\n3,4\n");
    let outcome = place.run("fit word.csv -k 1 --missing marginalize");
    assert!(outcome.stderr.contains("column 1 (b) is 'x', not a number"), "{}", outcome.stderr);
    // Weights are never missing.
    place.write("weights.csv", "a,w\n1,2\n2,\n3,4\n");
    let outcome = place.run("fit weights.csv -k 1 --missing marginalize --weights w");
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("(w) is empty") && !outcome.stderr.contains("integrate"), "{}", outcome.stderr);
    // A column that no row has.
    place.write("gone.csv", "a,b\n1,\n2,\n3,NA\n");
    let outcome = place.run("fit gone.csv -k 1 --columns a,b --missing marginalize");
    assert!(outcome.stderr.contains("all values of column 1 (b) are missing"), "{}", outcome.stderr);
}

#[test]
fn fits_are_the_same_from_text_arrays_and_parquet_in_memory_and_on_disk() {
    let place = place(30_000);
    let convert = place.run("convert x.npy x.parquet --missing marginalize");
    assert_eq!(convert.status, 0, "{}", convert.stderr);
    for family in ["full", "tied", "diag", "spherical"] {
        let fit = |data: &str| {
            let how = "-k 3 --tol 0 --max-iter 5 --start direct --missing marginalize --device cpu --json --quiet";
            of_fit(&place.run(&format!("fit {data} {how} --covariance {family}")).json())
        };
        let expected = fit("x.npy");
        for data in ["x.csv", "x.parquet", "x.npy --memory 64KiB"] {
            assert_eq!(fit(data), expected, "{family}: {data}");
        }
    }
}

#[test]
fn nulls_of_parquet_and_arrow_are_holes() {
    let place = Place::new();
    for name in ["missing.parquet", "missing.feather"] {
        place.write(name, std::fs::read(table(name)).unwrap());
        let outcome = place.run(&format!("convert {name} holes.f64 --missing marginalize"));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        let holes = place.read("holes.f64").as_chunks().0.iter().filter(|x| f64::from_le_bytes(**x).is_nan()).count();
        assert_eq!(holes, 2);
        // In text nothing is there, as in the file.
        assert_eq!(place.run(&format!("convert {name} {name}.csv")).status, 0);
        let text = String::from_utf8(place.read(&format!("{name}.csv"))).unwrap();
        assert_eq!(text, "a,b\n0.0,1.0\n1.0,\n1.0,1.0\n9.0,11.0\n2.0,\n");
    }
}

#[test]
fn what_is_missing_is_told_scored_predicted_and_filled_in() {
    let place = place(600);
    let fit = "fit x.csv -k 3 --missing marginalize --device cpu --out m.json --plot p.svg";
    let outcome = place.run(fit);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let n_missing = (0..1800).filter(|i| value(i / 3, i % 3).is_none()).count();
    let told = format!("note: {n_missing} values (");
    assert!(outcome.stderr.contains(&told) && outcome.stderr.contains("patterns: "), "{}", outcome.stderr);
    let picture = String::from_utf8(place.read("p.svg")).unwrap();
    assert!(picture.contains("hollow where values are missing") && !picture.contains("NaN"));
    assert!(picture.matches("fill='none' stroke='").count() > 100);
    // Rows with holes are refused by predict, too, unless it is said.
    assert_eq!(place.run("predict m.json x.csv").status, 1);
    let labels = place.run("predict m.json x.csv --missing marginalize");
    assert_eq!(labels.lines().len(), 600);
    let proba = place.run("predict m.json x.csv --missing marginalize --proba");
    let sums = proba.lines().into_iter().map(|line| line.split(',').map(|r| r.parse::<f64>().unwrap()).sum::<f64>());
    assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-9));
    let score = place.run("score m.json x.csv --missing marginalize --json").json();
    let fitted = place.run(&format!("{fit} --json --quiet")).json();
    let [score, fitted] = [score, fitted].map(|json| json["log_likelihood"].as_f64().unwrap());
    assert!((score - fitted).abs() < 1e-9 * fitted.abs(), "{score} {fitted}");
    // Filled in: what was there stays.
    let outcome = place.run("impute m.json x.csv --out filled.csv");
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let filled = String::from_utf8(place.read("filled.csv")).unwrap();
    let mut lines = filled.lines();
    assert_eq!(lines.next(), Some("a,b,c"));
    let rows: Vec<Vec<f64>> = lines.map(|line| line.split(',').map(|x| x.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), 600);
    for (row, values) in rows.iter().enumerate() {
        for (feature, x) in values.iter().enumerate() {
            assert!(value(row, feature).is_none_or(|there| there == *x), "row {row}, {feature}");
            assert!((-1.0..10.0).contains(x), "row {row}, {feature}: {x}");
        }
    }
    // Draws are another every time, and the same for the same seed.
    let draw = |seed| place.run(&format!("impute m.json x.csv --draw 3 --seed {seed}")).stdout;
    let (one, again, other) = (draw(1), draw(1), draw(2));
    assert!(one == again && one != other);
    assert_eq!(one.lines().count(), 1800);
    assert_eq!(
        [0, 600, 1799].map(|line| one.lines().nth(line).map(|line| &line[..2])),
        [Some("0,"), Some("1,"), Some("2,")]
    );
}

#[test]
fn a_choice_is_made_of_models_of_incomplete_samples() {
    let place = place(900);
    let select =
        "select x.csv -k 1..4 --covariance full,diag --missing marginalize --folds 3 --device cpu --table t.json";
    let outcome = place.run(select);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let rows: Vec<Value> = serde_json::from_slice(&place.read("t.json")).unwrap();
    assert!(rows.iter().all(|row| row["bic"].is_number() && row["held_out"].is_number()), "{rows:?}");
    let best = rows.iter().find(|row| row["best"] == true).unwrap();
    assert!(best["n_components"].as_u64() >= Some(3), "{}", outcome.stdout);
}

#[test]
fn many_patterns_are_told_with_what_they_cost_and_rows_without_values_are_counted() {
    let place = Place::new();
    let d = 12;
    let is_there = |i: usize| (i as f64 * 0.754_877_666_246_693).fract() > 0.2;
    let values: Vec<f64> = (0..4000 * d)
        .map(|i| if is_there(i) && i / d != 7 { (i as f64 * 0.618_033_988_749).fract() } else { f64::NAN })
        .collect();
    place.write("x.npy", npy_f64(&format!("(4000, {d})"), &values));
    let fit = "fit x.npy -k 2 --missing marginalize --device cpu --max-iter 2 --out m.json";
    let full = place.run(fit);
    assert!(full.stderr.contains("as long as with complete samples"), "{}", full.stderr);
    assert!(full.stderr.contains("1 row has no value at all"), "{}", full.stderr);
    let diag = place.run(&format!("{fit} --covariance diag"));
    assert!(!diag.stderr.contains("as long as"), "{}", diag.stderr);
    for command in ["predict", "score"] {
        let outcome = place.run(&format!("{command} m.json x.npy --missing marginalize --device cpu"));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("1 row has no value at all"), "{}", outcome.stderr);
    }
}

#[test]
fn what_is_filled_in_stands_among_all_other_columns_as_they_were() {
    let place = Place::new();
    let rows = (0..60).map(|i| match i % 4 {
        0 => format!("n{i},,{}\n", i % 7),
        1 => format!("\"n, {i}\",{}.50,\n", i % 5),
        _ => format!("n{i},{}.50,{}\n", i % 5, i % 7),
    });
    place.write("x.csv", format!("name,a,b\n{}", rows.collect::<String>()));
    let fit = "fit x.csv --columns a,b -k 1 --missing marginalize --device cpu --out m.json -q";
    assert_eq!(place.run(fit).status, 0);
    assert_eq!(place.run("impute m.json x.csv --out filled.csv").status, 0);
    let filled = String::from_utf8(place.read("filled.csv")).unwrap();
    let lines: Vec<&str> = filled.lines().collect();
    assert_eq!(lines.len(), 61);
    assert_eq!(lines[0], "name,a,b");
    // What is there stays as it was typed.
    assert_eq!(lines[3], "n2,2.50,2");
    assert!(lines[1].starts_with("n0,") && lines[1].ends_with(",0") && !lines[1].contains(",,"), "{}", lines[1]);
    assert!(lines[2].starts_with("\"n, 1\",1.50,") && !lines[2].ends_with(','), "{}", lines[2]);
    // Types are kept, but for features.
    assert_eq!(place.run("convert x.csv x.parquet").status, 0);
    assert_eq!(place.run("impute m.json x.parquet --draw 2 --out draws.parquet").status, 0);
    assert_eq!(place.run("convert draws.parquet draws.csv").status, 0);
    let draws = String::from_utf8(place.read("draws.csv")).unwrap();
    let lines: Vec<&str> = draws.lines().collect();
    assert_eq!((lines.len(), lines[0]), (121, "draw,name,a,b"));
    assert!(lines[3] == "0,n2,2.5,2.0" && lines[63] == "1,n2,2.5,2.0", "{} {}", lines[3], lines[63]);
}
