//! `mixtura select`: a table of candidates, the best model, and what becomes of those that fail.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

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
    assert!(error(&format!("fit {data} -k 1..20")).contains("mixtura select DATA -k 1..20"));
    assert!(error(&format!("select {data} -k 5..2")).contains("ends before it begins"));
    assert!(error(&format!("select {data} -k 0..2")).contains("no list of numbers and ranges"));
    assert!(error(&format!("select {data} -k 2 --covariance full,round")).contains("round"));
    assert!(error(&format!("select {data} -k 2 --table t.txt")).contains("--table is t.txt"));
    assert!(error(&format!("select {data} -k 2 --table a.csv --out a.csv")).contains("same file"));
    assert!(error(&format!("select {data}")).contains("--components"));
    assert!(error(&format!("select {data} -k 2 --folds 1")).contains("at least 2"));
}

#[test]
fn folds_are_five_where_the_criterion_asks_for_them() {
    let place = Place::new();
    let data = faithful();
    let outcome = place.run(&format!("select {data} -k 1..3 --criterion held-out --table t.csv --device cpu"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.starts_with("  held-out deviance "), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("without fold 5 of 5: "), "{}", outcome.stderr);
    let table = String::from_utf8(place.read("t.csv")).unwrap();
    let held_out = |line: &str| line.split(',').nth(7).unwrap().parse::<f64>();
    assert_eq!(table.lines().next().map(|line| line.split(',').nth(7)), Some(Some("held_out")));
    assert!(table.lines().skip(1).all(|line| held_out(line).unwrap() < -1000.0), "{table}");
    // Stability is no number of nats.
    let outcome = place.run(&format!("select {data} -k 1..3 --criterion stability --folds 2 --device cpu"));
    assert!(outcome.stdout.contains("1 - stability 0."), "{}", outcome.stdout);
}

#[test]
fn a_table_of_candidates_may_be_parquet() {
    let place = Place::new();
    place.write("few.csv", "a,b\n0,1\n0,1\n5,1\n5,1\n");
    assert_eq!(place.run("select few.csv -k 1..6 --table t.parquet --device cpu").status, 0);
    // Numbers come back, and what a failed candidate has not is missing.
    let outcome = place.run("convert t.parquet t.csv --columns n_components,share");
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let table = String::from_utf8(place.read("t.csv")).unwrap();
    assert_eq!(table.lines().take(3).collect::<Vec<_>>(), ["n_components,share", "1,1", "2,1"]);
    let outcome = place.run("convert t.parquet t.npy --columns bic");
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("bic"), "{}", outcome.stderr);
}

#[test]
fn a_choice_that_was_killed_goes_on_and_ends_alike() {
    let place = Place::new();
    crate::kills::write_samples(&place, 40_000);
    let select =
        "select x.npy -k 1..6 --n-init 2 --tol 1e-6 --max-iter 40 --criterion held-out --folds 2 --quiet --device cpu";
    let started = Instant::now();
    let whole = place.run(&format!("{select} --out whole.json --table whole.csv --checkpoint whole.ckpt"));
    assert_eq!(whole.status, 0, "{}", whole.stderr);
    let whole = started.elapsed();
    // But for seconds, and devices, whose names tell their threads.
    let table = |name: &str| -> Vec<String> {
        let table = String::from_utf8(place.read(name)).unwrap();
        let seconds = table.lines().next().unwrap().split(',').position(|field| field == "seconds").unwrap();
        let known = |line: &str| {
            let fields = line.split(',').enumerate().filter(|(i, _)| *i != seconds);
            fields.map(|(_, field)| field).collect::<Vec<_>>().join(",")
        };
        table.lines().map(known).collect()
    };
    let model = |name: &str| {
        let mut model: Value = serde_json::from_slice(&place.read(name)).unwrap();
        model["fit"].as_object_mut().unwrap().remove("device");
        model
    };
    // Ended from outside it writes what is over; killed, what was written before that.
    for (share, signal) in [(0.4, "TERM"), (0.6, "TERM"), (0.8, "TERM"), (0.9, "KILL")] {
        let mut running = place.command(&format!("{select} --checkpoint c.ckpt"));
        let mut child = running.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        sleep(whole.mul_f64(share));
        Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        child.wait().unwrap();
        let resume = if place.path("c.ckpt").exists() { "--resume c.ckpt" } else { "" };
        assert!(signal == "KILL" || !resume.is_empty(), "nothing was kept at {share}");
        let go_on = format!("{select} {resume} --checkpoint c.ckpt --out again.json --table again.csv");
        let mut resumed = place.command(&go_on);
        let resumed = resumed.env("RAYON_NUM_THREADS", "3").output().unwrap();
        assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
        assert_eq!(model("again.json"), model("whole.json"), "{share}");
        assert_eq!(table("again.csv"), table("whole.csv"), "{share}");
        let _ = std::fs::remove_file(place.path("c.ckpt"));
    }
}

#[test]
fn a_choice_goes_on_only_from_what_is_like_it() {
    let place = Place::new();
    let data = faithful();
    assert_eq!(place.run(&format!("select {data} -k 1..2 --checkpoint c.ckpt --device cpu --quiet")).status, 0);
    let error = |args: &str, status: i32| {
        let outcome = place.run(args);
        assert_eq!(outcome.status, status, "{args}: {}", outcome.stderr);
        outcome.stderr
    };
    let other = error(&format!("select {data} -k 1..2 --resume c.ckpt --tol 1e-5"), 2);
    assert!(other.contains("--tol is 0.00001, but the fits of --resume have 0.001"), "{other}");
    place.write("other.csv", "a,b\n0,1\n0,2\n5,1\n5,2\n");
    assert!(error("select other.csv -k 1..2 --resume c.ckpt", 1).contains("belongs to other data"));
    // A fit's checkpoint is none of a choice, and a broken one is told.
    place.write("broken.ckpt", &place.read("c.ckpt")[..500]);
    assert!(error(&format!("select {data} -k 1..2 --resume broken.ckpt"), 1).contains("truncated"));
    assert_eq!(place.run(&format!("fit {data} -k 2 --checkpoint fit.ckpt --checkpoint-every 1 --quiet")).status, 0);
    assert!(error(&format!("select {data} -k 1..2 --resume fit.ckpt"), 1).contains("no comparison file"));
    // More candidates, families and criteria may be asked for.
    let more =
        place.run(&format!("select {data} -k 1..4 --resume c.ckpt --checkpoint c.ckpt --criterion aic --device cpu"));
    assert_eq!(more.status, 0, "{}", more.stderr);
    let fresh = place.run(&format!("select {data} -k 1..4 --criterion aic --device cpu"));
    let table = |text: &str| text.lines().take(5).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(table(&more.stdout), table(&fresh.stdout));
}
