//! Fits that go on: to a smaller tolerance, from other numbers of components, after an interruption; and what tells how far
//! they are.

#[cfg(unix)]
use std::process::Stdio;

use serde_json::Value;

use crate::kills::{json, write_samples};
#[cfg(unix)]
use crate::long_runs::interrupt;
use crate::support::{Outcome, Place, faithful};

fn run(place: &Place, arguments: &str) -> Outcome {
    let outcome = place.run(arguments);
    assert_eq!(outcome.status, 0, "{arguments}: {}", outcome.stderr);
    outcome
}

#[test]
fn a_tolerance_that_stops_many_samples_early_says_what_a_smaller_one_gains() {
    let place = Place::new();
    write_samples(&place, 1_000_000);
    let fit = "fit x.npy -k 5 --device cpu --start direct --seed 4";
    let early = run(&place, fit);
    let note = early.stderr.lines().find(|line| line.starts_with("note: the bound still rose by "));
    let note = note.unwrap_or_else(|| panic!("{}", early.stderr));
    assert!(note.contains(": --tol 1e-5 may gain some ") && note.contains(" in BIC) in about "), "{note}");
    let report = run(&place, &format!("{fit} --json -q")).json();
    let gain = &report["left_to_gain"];
    assert!(gain["log_likelihood"].as_f64().unwrap() > 100.0 && gain["epochs"].as_u64() > Some(0), "{gain}");

    let faithful = faithful();
    let few = run(&place, &format!("fit {faithful} -k 2 --device cpu"));
    assert!(!few.stderr.contains("still rose"), "{}", few.stderr);
    assert_eq!(run(&place, &format!("fit {faithful} -k 2 --device cpu --json -q")).json()["left_to_gain"], Value::Null);
}

#[test]
fn a_fit_goes_on_to_a_smaller_tolerance_as_one_that_had_it_from_the_start() {
    let place = Place::new();
    write_samples(&place, 2000);
    for restarts in ["", "--n-init 2"] {
        let fit = format!("fit x.npy -k 3 --device cpu --seed 4 --max-iter 500 -q {restarts}");
        // The checkpoint of the last epoch: the last restart, or the only one, has converged.
        run(&place, &format!("{fit} --tol 1e-3 --checkpoint c --checkpoint-every 1"));
        run(&place, &format!("{fit} --tol 1e-6 --out whole.json"));
        run(&place, "fit x.npy --device cpu --resume c --tol 1e-6 --out on.json -q");
        let (whole, on) = (json(&place, "whole.json"), json(&place, "on.json"));
        assert_eq!(on["means"], whole["means"], "{restarts}");
        assert_eq!((&on["fit"]["tol"], &on["fit"]["converged"]), (&1e-6.into(), &true.into()));
    }
    // One that was greater from the start would have ended sooner.
    let greater = run(&place, "fit x.npy --device cpu --resume c --tol 1 --json -q").json();
    assert_eq!(greater["converged"], true);
}

#[test]
fn restarts_may_follow_those_that_are_over() {
    let place = Place::new();
    write_samples(&place, 2000);
    let fit = "fit x.npy -k 3 --device cpu --seed 4 --tol 1e-4 --max-iter 500 -q";
    run(&place, &format!("{fit} --n-init 4 --out whole.json"));
    for begun in [1, 2] {
        run(&place, &format!("{fit} --n-init {begun} --checkpoint c --checkpoint-every 1"));
        run(&place, "fit x.npy --device cpu --resume c --n-init 4 --out more.json -q");
        assert_eq!(place.read("more.json"), place.read("whole.json"), "after {begun}");
    }
    let fewer = place.run("fit x.npy --device cpu --resume c --n-init 1");
    assert_eq!(fewer.status, 2, "{}", fewer.stderr);
    assert!(fewer.stderr.contains("--n-init is 1, but 2 restarts of the checkpoint"), "{}", fewer.stderr);
    assert!(fewer.stderr.contains("give --n-init 2 or more"), "{}", fewer.stderr);
}

#[test]
fn what_a_checkpoint_cannot_have_its_model_can_begin() {
    let place = Place::new();
    write_samples(&place, 2000);
    run(&place, "fit x.npy -k 6 --device cpu --max-iter 8 --checkpoint c --checkpoint-every 1 --out m.json -q");
    for (flags, said) in [
        ("-k 4", "--init-model c -k 4"),
        ("--floor 1e-5", "--init-model c --floor 0.00001"),
        ("--accelerate squarem", "--init-model c, with these flags"),
        ("--prune off", "--init-model c --prune off"),
    ] {
        let refused = place.run(&format!("fit x.npy --device cpu --resume c {flags}"));
        assert_eq!(refused.status, 2, "{flags}: {}", refused.stderr);
        assert!(refused.stderr.contains(&format!("begin from its model: {said}\n")), "{}", refused.stderr);
        let said = said.replace(", with these flags", &format!(" {flags}"));
        run(&place, &format!("fit x.npy --device cpu --max-iter 3 -q {said}"));
    }
    for flags in ["--covariance diag", "--init random", "--seed 9", "--start coarse-to-fine"] {
        let refused = place.run(&format!("fit x.npy --device cpu --resume c {flags}"));
        assert!(refused.status == 2 && refused.stderr.contains("or begin anew without --resume"), "{}", refused.stderr);
    }
    let from = |start: &str| {
        run(&place, &format!("fit x.npy --device cpu --init-model {start} --json -q")).json()["means"].clone()
    };
    assert_eq!(from("c"), from("m.json"));
}

#[test]
fn a_fit_may_start_from_a_model_of_more_components_or_of_fewer() {
    let place = Place::new();
    write_samples(&place, 5000);
    for family in ["full", "tied", "diag", "spherical"] {
        run(&place, &format!("fit x.npy -k 6 --covariance {family} --device cpu --seed 4 --out six.json -q"));
        let bounds = [2, 5, 6, 7, 12].map(|k| {
            let arguments = format!("fit x.npy --init-model six.json -k {k} --device cpu --tol 1e-5 --json");
            let outcome = run(&place, &arguments);
            let said =
                outcome.stderr.contains(&format!("note: the fit starts from {k} components, the 6 of the model, "));
            assert_eq!(said, k != 6, "{}", outcome.stderr);
            let report = outcome.json();
            assert_eq!(report["n_components"], k, "{family}");
            report["log_likelihood"].as_f64().unwrap()
        });
        assert!(bounds.is_sorted(), "{family}: {bounds:?}");
    }
    let refused = place.run("fit x.npy --init-model six.json -k 5001 --device cpu");
    let said = "5000 samples are too few for 5001 components";
    assert!(refused.status == 1 && refused.stderr.contains(said), "{}", refused.stderr);
}

#[test]
fn inspect_tells_how_far_the_fit_of_a_checkpoint_is() {
    let place = Place::new();
    write_samples(&place, 2000);
    let fit = "fit x.npy -k 3 --device cpu --seed 4 --tol 1e-9 --max-iter 12 --n-init 2";
    run(&place, &format!("{fit} --checkpoint c --checkpoint-every 5 -q --trace t.json"));
    // The twentieth epoch of all is the last one with a checkpoint: the eighth of the second restart.
    let text = run(&place, "inspect c").stdout;
    let bound = json(&place, "t.json")[19]["lower_bound"].as_f64().unwrap();
    for said in [
        "1 restart of 2",
        "the best ended at epoch 12",
        &format!("2 of 2: epoch 8, lower bound {bound:.6}"),
        "at most 12",
    ] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    assert!(text.contains("component  weight"), "{text}");
    let standing = run(&place, "inspect c --json").json();
    assert_eq!((&standing["n_over"], &standing["at_work"][0]["epoch"]), (&1.into(), &8.into()));
    assert_eq!((&standing["at_work"][0]["is_over"], &standing["best_over"]["is_over"]), (&false.into(), &true.into()));
    assert_eq!(standing["options"]["max_iter"], 12);
    assert_eq!(standing["model"]["means"].as_array().map(Vec::len), Some(3));
    let cut = String::from_utf8(place.read("c")).unwrap().replace("\"restart\":1", "\"restart\":7");
    place.write("late", cut);
    assert!(place.run("inspect late").stderr.contains("late: restart 7 of 2 is not there"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_fit_that_writes_no_model_shows_it() {
    let place = Place::new();
    write_samples(&place, 100_000);
    for (form, shown) in [("", "\ncomponent  weight"), ("--json", "\"means\":[[")] {
        let arguments = format!("fit x.npy -k 8 --device cpu --tol 0 --max-iter 100000 -v {form}");
        let mut command = place.command(&arguments);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Its first epoch is over when it has a line.
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("epoch   1") {
            said.clear();
            assert!(std::io::BufRead::read_line(&mut stderr, &mut said).unwrap() > 0, "there was no epoch");
        }
        interrupt(&child);
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(format!("\n{}", stdout.replace("\n  ", "\n")).contains(shown), "{stdout}");
        let help = "help: a fit with --out keeps its model, and one with --checkpoint can go on";
        assert!(said.contains("error: the fit was interrupted after ") && said.contains(help), "{said}");
        assert_eq!(place.names(), ["x.npy"]);
    }
}
