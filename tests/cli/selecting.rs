//! `mixtura select`: a table of candidates, the best model, and what becomes of those that fail.

use serde_json::Value;

use crate::support::{Place, faithful};

#[test]
fn the_best_of_old_faithful_is_told_written_and_drawn() {
    let place = Place::new();
    let select = format!("select {} -k 1..4 --tol 1e-5 --max-iter 500 --n-init 3 --device cpu", faithful());
    let outcome = place.run(&format!("{select} --out best.json --table t.csv --plot p.svg"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("best   3 components, tied covariance: BIC 2314.3"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("next   ") && outcome.stdout.contains('*'), "{}", outcome.stdout);
    // A line for each candidate, whether its fit was doubted or not.
    assert!(outcome.stderr.lines().filter(|line| line.contains("BIC")).count() >= 16, "{}", outcome.stderr);
    let model: Value = serde_json::from_slice(&place.read("best.json")).unwrap();
    assert_eq!((&model["covariance_type"], &model["n_components"]), (&"tied".into(), &3.into()));
    let picture = String::from_utf8(place.read("p.svg")).unwrap();
    assert!(picture.contains("272 samples") && picture.contains("best: 3 components, tied"));
    // Each of the sixteen has a dot, each family a line and a sign in the legend, and the best a ring in both.
    assert_eq!(picture.matches("<circle").count(), 16 + 4 + 2);
    assert_eq!(picture.matches("<polyline").count(), 4);

    let mut table = csv::Reader::from_path(place.path("t.csv")).unwrap();
    let header = table.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 16);
    let best: Vec<&csv::StringRecord> = rows.iter().filter(|row| &row[at("best")] == "true").collect();
    assert!(best.len() == 1 && &best[0][at("covariance_type")] == "tied" && &best[0][at("n_components")] == "3");

    // The same candidates as one document.
    let document = place.run(&format!("{select} --json --quiet")).json();
    assert_eq!(document["criterion"], "bic");
    let candidates = document["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 16);
    for (row, candidate) in rows.iter().zip(candidates) {
        let bic: f64 = row[at("bic")].parse().unwrap();
        assert_eq!(candidate["bic"].as_f64(), Some(bic));
        let icl = candidate["icl"].as_f64().unwrap();
        assert!((icl - bic - 2.0 * candidate["entropy"].as_f64().unwrap()).abs() < 1e-9);
    }
}

#[test]
fn all_candidates_in_full_are_those_of_single_fits() {
    let place = Place::new();
    let args = "--covariance diag --tol 1e-4 --seed 5 --device cpu --json --quiet";
    let document = place.run(&format!("select {} -k 2,3 --exhaustive {args}", faithful())).json();
    for candidate in document["candidates"].as_array().unwrap() {
        let fit =
            place.run(&format!("fit {} -k {} --start direct {args}", faithful(), candidate["n_components"])).json();
        for name in ["bic", "aic", "log_likelihood", "n_iter", "n_parameters", "converged"] {
            assert_eq!(candidate[name], fit[name], "{name}");
        }
        assert_eq!(candidate["merged"], false);
    }
}

#[test]
fn candidates_that_fail_are_rows_with_reasons() {
    let place = Place::new();
    place.write("few.csv", "a,b\n0,1\n0,1\n5,1\n5,1\n");
    let outcome = place.run("select few.csv -k 1..6 --table t.json --device cpu");
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("4 samples are too few for 5 components"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("  best  "), "{}", outcome.stdout);
    let rows: Vec<Value> = serde_json::from_slice(&place.read("t.json")).unwrap();
    let failed: Vec<&Value> = rows.iter().filter(|row| row["reason"].is_string()).collect();
    assert_eq!((rows.len(), failed.len()), (24, 8));
    assert!(failed.iter().all(|row| row["bic"].is_null() && row["n_components"].as_u64() > Some(4)));
    // With no model at all there is none to write.
    let outcome = place.run("select few.csv -k 5,6 --out best.json --plot p.svg --device cpu");
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("no candidate has a model"), "{}", outcome.stdout);
    assert_eq!(place.names(), ["few.csv", "t.json"]);
}

#[test]
fn what_was_meant_is_told() {
    let place = Place::new();
    let error = |args: &str| {
        let outcome = place.run(args);
        assert_eq!(outcome.status, 2, "{args}: {}", outcome.stderr);
        outcome.stderr
    };
    let data = faithful();
    assert!(error(&format!("fit {data} -k 1..20")).contains("mixtura select compares them"));
    assert!(error(&format!("select {data} -k 5..2")).contains("ends before it begins"));
    assert!(error(&format!("select {data} -k 0..2")).contains("no list of numbers and ranges"));
    assert!(error(&format!("select {data} -k 2 --covariance full,round")).contains("round"));
    assert!(error(&format!("select {data} -k 2 --table t.txt")).contains("--table is t.txt"));
    assert!(error(&format!("select {data} -k 2 --table a.csv --out a.csv")).contains("same file"));
    assert!(error(&format!("select {data}")).contains("--components"));
}
