//! Truncated posteriors on the command line: what is reported, checkpoints, kills, and what they do not go with.

use serde_json::Value;

use crate::kills::{killed_fits_end_alike, write_samples_around};
use crate::support::{Place, faithful};

/// Samples around many centres.
fn write_samples(place: &Place, n: usize) {
    write_samples_around(place, n, |i| [(i % 7) as f64, (i % 11) as f64 * -1.3]);
}

const FIT: &str = "fit x.npy -k 40 --covariance full --init random-from-data --posterior truncated --neighbours 6 \
    --device cpu --tol 0 --seed 4 -q";

#[test]
fn runs_that_are_killed_resume_to_the_same_bits() {
    let place = Place::new();
    write_samples(&place, 20_000);
    let kills = (1..=20).map(|kill| f64::from(kill) / 21.0);
    killed_fits_end_alike(&place, &format!("{FIT} --max-iter 80"), "", kills);
}

#[test]
fn a_checkpoint_has_twelve_bytes_a_sample_and_little_more() {
    let place = Place::new();
    let sizes = [10_000, 20_000].map(|n| {
        write_samples(&place, n);
        let run = place.run(&format!("{FIT} --max-iter 5 --checkpoint c --checkpoint-every 5"));
        assert_eq!(run.status, 0, "{}", run.stderr);
        place.read("c").len() as f64
    });
    let per_sample = (sizes[1] - sizes[0]) / 10_000.0;
    assert!((per_sample - 12.0).abs() < 0.2, "{per_sample} bytes a sample");
    let checkpoint: Value = serde_json::from_slice(&place.read("c")).unwrap();
    assert_eq!(checkpoint["version"], 5);
    assert_eq!(checkpoint["options"]["posterior"]["candidates"], 3);
}

#[test]
fn options_come_from_the_checkpoint_and_spoiled_candidates_are_refused() {
    let place = Place::new();
    write_samples(&place, 2000);
    assert_eq!(place.run(&format!("{FIT} --max-iter 9 --out whole.json")).status, 0);
    assert_eq!(place.run(&format!("{FIT} --max-iter 4 --checkpoint c --checkpoint-every 2")).status, 0);
    let resumed = place.run("fit x.npy --resume c --device cpu --max-iter 9 --out resumed.json -q");
    assert_eq!(resumed.status, 0, "{}", resumed.stderr);
    assert_eq!(place.read("resumed.json"), place.read("whole.json"));
    let other = place.run("fit x.npy --resume c --posterior exact");
    assert_eq!(other.status, 2);
    assert!(
        other.stderr.contains("--posterior is exact, but the checkpoint of --resume has truncated"),
        "{}",
        other.stderr
    );
    let text = String::from_utf8(place.read("c")).unwrap();
    let at = text.find("of_samples\":\"").unwrap() + 13;
    for (spoiled, said) in [("////", "candidates: they are those of other samples"), ("*AAA", "none of base64")] {
        place.write("spoiled", [&text[..at], spoiled, &text[at + 4..]].concat());
        let refused = place.run("fit x.npy --resume spoiled --device cpu");
        assert_eq!(refused.status, 1);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[test]
fn the_bound_is_named_in_the_summary_and_in_json() {
    let place = Place::new();
    write_samples(&place, 2000);
    let fit = "fit x.npy -k 12 --posterior truncated --candidates 2 --device cpu --max-iter 5 --tol 0";
    let json = place.run(&format!("{fit} --json -q --trace t.json")).json();
    // Pruning leaves out less than any digit, and says so; this is no pruning.
    assert_eq!(json["pruning"], Value::Null);
    let trace: Value = serde_json::from_slice(&place.read("t.json")).unwrap();
    let evaluated: Vec<f64> = trace.as_array().unwrap().iter().map(|row| row["evaluated"].as_f64().unwrap()).collect();
    assert!(evaluated.len() == 5 && evaluated.iter().all(|share| (2.0 / 12.0..=1.0).contains(share)), "{evaluated:?}");
    assert_eq!((&json["truncation"]["candidates"], &json["truncation"]["neighbours"]), (&2.into(), &12.into()));
    assert_eq!(json["truncation"]["bytes_per_sample"], 8);
    let [bound, mean] = ["lower_bound", "mean_log_likelihood"].map(|name| json[name].as_f64().unwrap());
    assert!(bound <= mean + 1e-9, "{bound} {mean}");
    let summary = place.run(fit).stdout;
    assert!(
        summary.contains("lower bound (free energy)") && summary.contains("truncated to 2 components"),
        "{summary}"
    );
    // As many candidates as components are exact posteriors.
    let exact = place.run("fit x.npy -k 2 --posterior truncated --device cpu --json -q").json();
    assert!(exact.get("truncation").is_none());
}

#[test]
fn what_does_not_go_with_truncated_posteriors_is_refused() {
    let place = Place::new();
    write_samples(&place, 200_000);
    let cases = [
        ("--posterior truncated --update stepwise", 1, "truncated posteriors go with EM, and the update is stepwise"),
        ("--posterior truncated --candidates 0", 2, "the number of candidates is 0"),
        ("--candidates 4", 2, "--candidates has no meaning without --posterior truncated"),
        ("--posterior exact --neighbours 4", 2, "--neighbours has no meaning without --posterior truncated"),
        (
            "--posterior truncated --memory 100kB",
            1,
            "truncated posteriors are found by the CPU alone, for samples in memory",
        ),
    ];
    for (args, status, said) in cases {
        let outcome = place.run(&format!("fit x.npy -k 20 --device cpu {args}"));
        assert_eq!(outcome.status, status, "{args}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{args}: {}", outcome.stderr);
    }
    if cfg!(feature = "gpu") {
        let outcome = place.run(&format!("fit {} -k 20 --device software --posterior truncated", faithful()));
        assert_eq!(outcome.status, 1);
        assert!(outcome.stderr.contains("found by the CPU alone") && outcome.stderr.contains("--device cpu"));
    }
}
