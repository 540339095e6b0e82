//! `mixtura fit --start`: parts of the samples that grow, in every output, and in runs that are killed.

use serde_json::Value;

use crate::kills::{json, killed_fits_end_alike, write_samples};
use crate::support::Place;

const FIT: &str = "fit x.npy -k 4 --device cpu --tol 1e-6 --max-iter 200 --seed 4";

#[test]
fn summary_report_trace_and_picture_tell_of_levels() {
    let place = Place::new();
    write_samples(&place, 40_000);
    let coarse = format!("{FIT} --start coarse-to-fine --trace t.csv --plot p.svg");
    let told = place.run(&coarse);
    assert_eq!(told.status, 0, "{}", told.stderr);
    let line = told
        .stdout
        .lines()
        .map(str::trim_start)
        .find(|line| line.starts_with("start"))
        .expect("the summary has the start");
    assert!(
        line.contains("coarse to fine, 3 levels: ") && line.contains(" on 1/64, 1/16, 1/4 of the samples"),
        "{line}"
    );
    assert!(told.stdout.contains("levels "), "{}", told.stdout);
    assert!(told.stderr.contains("epoch   1  1/64 of the samples  lower bound"), "{}", told.stderr);

    let report = place.run(&format!("{coarse} --json -q")).json();
    assert_eq!(report["start"], "coarse-to-fine");
    let levels = report["levels"].as_array().unwrap();
    let (n_iter, bounds) = (report["n_iter"].as_u64().unwrap(), report["lower_bounds"].as_array().unwrap());
    assert_eq!(bounds.len() as u64, n_iter);
    let mut rows = csv::Reader::from_path(place.path("t.csv")).unwrap();
    assert_eq!(rows.headers().unwrap().iter().take(4).collect::<Vec<_>>(), ["restart", "samples", "epoch", "step"]);
    let samples: Vec<u64> = rows.records().map(|row| row.unwrap()[1].parse().unwrap()).collect();
    let mut expected: Vec<u64> = Vec::new();
    for level in levels {
        let epochs = level["lower_bounds"].as_array().unwrap().len();
        expected.extend(std::iter::repeat_n(level["n_samples"].as_u64().unwrap(), epochs));
    }
    expected.extend(std::iter::repeat_n(40_000, bounds.len()));
    assert_eq!(samples, expected);
    assert_eq!(levels.iter().map(|level| level["share"].as_u64().unwrap()).collect::<Vec<_>>(), [64, 16, 4]);
    assert_eq!(levels[2]["n_samples"], 10_000);

    let picture = String::from_utf8(place.read("p.svg")).unwrap();
    assert_eq!(picture.matches("stroke-dasharray='4 3'").count(), 3);
    assert!(picture.contains("on parts of the samples first (dashed)") && picture.contains("passes over all samples"));
}

#[test]
fn few_samples_are_fitted_directly_unless_parts_of_them_are_asked_for() {
    let place = Place::new();
    write_samples(&place, 4000);
    for start in ["", "--start auto", "--start direct"] {
        let report = place.run(&format!("{FIT} {start} --json -q")).json();
        assert_eq!((&report["start"], &report["levels"]), (&Value::from("direct"), &Value::Null), "{start}");
    }
    assert_eq!(place.run(&format!("{FIT} --start coarse-to-fine --json -q")).json()["start"], "coarse-to-fine");
    let too_few = place.run(&format!("{FIT} --head 500 --start coarse-to-fine --json"));
    assert_eq!(too_few.status, 0);
    assert!(too_few.stderr.contains("the fit began on all samples"), "{}", too_few.stderr);
    let unknown = place.run(&format!("{FIT} --start fine"));
    assert!(unknown.status != 0 && unknown.stderr.contains("coarse-to-fine"), "{}", unknown.stderr);
}

#[test]
fn many_samples_are_fitted_coarse_to_fine_without_being_asked() {
    let place = Place::new();
    write_samples(&place, 100_000);
    let fit = "fit x.npy -k 2 --covariance spherical --device cpu --json -q";
    assert_eq!(place.run(fit).json()["start"], "coarse-to-fine");
    assert_eq!(place.run(&format!("{fit} --start direct")).json()["start"], "direct");
    assert_eq!(place.run(&format!("{fit} --update damped")).json()["start"], "direct");
}

#[test]
fn samples_in_memory_and_on_disk_give_the_same_bits() {
    let place = Place::new();
    write_samples(&place, 40_000);
    let fit = format!("{FIT} --start coarse-to-fine -q");
    assert_eq!(place.run(&format!("{fit} --out memory.json")).status, 0);
    // Of 320,000 bytes; levels take a third of that.
    for memory in ["200KB", "50KB", "1KB"] {
        let on_disk = place.run(&format!("{fit} --memory {memory} --out disk.json"));
        assert_eq!(on_disk.status, 0, "{}", on_disk.stderr);
        assert_eq!(place.read("disk.json"), place.read("memory.json"), "{memory}");
    }
}

#[test]
fn a_run_that_is_killed_on_any_level_resumes_to_the_same_bits() {
    let place = Place::new();
    write_samples(&place, 200_000);
    let shares = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9].into_iter();
    killed_fits_end_alike(&place, &format!("{FIT} --n-init 2 -q"), "--start coarse-to-fine", shares);
}

#[test]
fn a_checkpoint_keeps_the_start_and_its_levels() {
    let place = Place::new();
    write_samples(&place, 20_000);
    let coarse = "fit x.npy -k 4 --device cpu --tol 0 --max-iter 5 --start coarse-to-fine -q";
    assert_eq!(place.run(&format!("{coarse} --checkpoint c --checkpoint-every 3")).status, 0);
    let kept = json(&place, "c");
    assert_eq!((&kept["version"], &kept["options"]["start"]), (&Value::from(4), &Value::from("coarse-to-fine")));
    assert_eq!(kept["climb"]["levels"].as_array().unwrap().len(), 3);
    assert_eq!(place.run("fit x.npy --resume c --max-iter 8 --device cpu -q").status, 0);
    assert_eq!(place.run("fit x.npy --resume c --start auto --max-iter 8 --device cpu -q").status, 0);
    let other = place.run("fit x.npy --resume c --start direct --device cpu -q");
    assert!(other.stderr.contains("--start is direct, but the checkpoint of --resume has coarse-to-fine"));

    assert_eq!(place.run("fit x.npy -k 4 --device cpu --max-iter 5 -q --checkpoint d --checkpoint-every 3").status, 0);
    let kept = json(&place, "d");
    assert_eq!((&kept["version"], &kept["options"]["start"]), (&Value::from(2), &Value::Null));
}
