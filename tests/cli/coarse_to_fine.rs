//! `mixtura fit --start`: parts of the samples that grow, in every output, and in runs that are killed.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

use serde_json::Value;

use crate::support::{Place, npy};

/// Samples around a few centres that take many epochs to tell apart, as f32.
fn write_samples(place: &Place, n: usize) {
    let values = (0..n).flat_map(|i| {
        let noise =
            |k: usize| ((i * k) as f64 * 0.618_033_988).fract() + ((i * (k + 4)) as f64 * 0.754_877_666).fract();
        [noise(1) + (i % 3) as f64 * 0.4, noise(7) - (i % 4) as f64 * 0.3]
    });
    let bytes: Vec<u8> = values.flat_map(|x| (x as f32).to_le_bytes()).collect();
    place.write("x.npy", npy("<f4", false, &format!("({n}, 2)"), &bytes));
}

/// The text of a JSON file.
fn json(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&place.read(name)).unwrap()
}

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
    let fit = format!("{FIT} --n-init 2 -q");
    let started = Instant::now();
    assert_eq!(place.run(&format!("{fit} --start coarse-to-fine --out whole.json")).status, 0);
    let whole = started.elapsed();
    let mut resumes = 0;
    for share in [0.1, 0.2, 0.3, 0.5, 0.7, 0.9] {
        let checkpoint = "--checkpoint c --checkpoint-every 1 --out killed.json";
        let mut running = place.command(&format!("{fit} --start coarse-to-fine {checkpoint}"));
        let mut child = running.stdin(Stdio::null()).spawn().unwrap();
        sleep(whole.mul_f64(share));
        child.kill().unwrap();
        child.wait().unwrap();
        let go_on = if place.path("c").exists() { "--resume c" } else { "--start coarse-to-fine" };
        resumes += usize::from(place.path("c").exists());
        let resumed = place.run(&format!("{fit} {go_on} --checkpoint c --out killed.json"));
        assert_eq!(resumed.status, 0, "{}", resumed.stderr);
        assert_eq!(place.read("killed.json"), place.read("whole.json"), "killed after {share} of the time");
        let _ = std::fs::remove_file(place.path("c"));
    }
    assert!(resumes > 0, "no run had come to its first checkpoint");
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
