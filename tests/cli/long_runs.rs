//! Runs that are interrupted, killed, resumed, and larger than the memory they are allowed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kills::{json, killed_fits_end_alike, write_samples, write_samples_around};
use crate::support::{MODEL, Place, npy};

const FIT: &str = "fit x.npy -k 5 --device cpu --tol 0 --max-iter 60 --seed 4 --n-init 2 -q";

#[test]
fn a_run_that_is_killed_resumes_to_the_same_bits() {
    let place = Place::new();
    write_samples(&place, 20_000);
    killed_fits_end_alike(&place, FIT, "", [0.2, 0.5, 0.8].into_iter());
}

#[test]
fn a_pruned_fit_that_is_killed_resumes_to_the_same_bits() {
    let place = Place::new();
    write_samples_around(&place, 30_000, |i| [(i % 7) as f64, (i % 11) as f64 * -1.3]);
    let fit = "fit x.npy -k 50 --device cpu --tol 0 --max-iter 60 --seed 4 -q";
    killed_fits_end_alike(&place, fit, "--prune exact", (1..=10).map(|kill| f64::from(kill) / 11.0));
}

#[test]
fn options_come_from_the_checkpoint_and_those_given_must_agree() {
    let place = Place::new();
    write_samples(&place, 2000);
    let part = "fit x.npy -k 3 --covariance diag --device cpu --tol 0 --seed 4 -q";
    assert_eq!(place.run(&format!("{part} --max-iter 7 --checkpoint c --checkpoint-every 3")).status, 0);
    assert_eq!(place.run(&format!("{part} --max-iter 12 --out whole.json")).status, 0);
    let resumed = place.run("fit x.npy --device cpu --resume c --max-iter 12 --out resumed.json -q");
    assert_eq!(resumed.status, 0, "{}", resumed.stderr);
    assert_eq!(place.read("resumed.json"), place.read("whole.json"));

    let refused = |arguments: &str, status: i32, said: &str| {
        let outcome = place.run(arguments);
        assert_eq!(outcome.status, status, "{arguments}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{arguments}: {}", outcome.stderr);
    };
    refused("fit x.npy --resume c -k 4", 2, "--components is 4, but the checkpoint of --resume has 3");
    refused("fit x.npy --resume c --covariance full", 2, "--covariance is full");
    refused("fit x.npy --resume c --seed 5", 2, "--seed is 5");
    refused("fit x.npy --resume c --init random", 2, "--init is random, but the checkpoint of --resume has kmeans");
    refused("fit x.npy --resume c --device cpu --head 1999", 1, "other data: 2000 samples, and here there are 1999");
    refused("fit x.npy --resume c --device cpu --columns 0", 1, "other data: 2 features, and here there are 1");
    refused("fit x.npy --resume c --device cpu --columns 1,0", 1, "other data: other values of feature 0");
    refused("fit x.npy --resume x.npy", 1, "x.npy: this is");
    refused("fit x.npy --resume nothing", 1, "nothing: cannot be read");
    place.write("cut", &place.read("c")[..300]);
    refused("fit x.npy --resume cut", 1, "cut: the file is truncated");
    let text = String::from_utf8(place.read("c")).unwrap();
    place.write("late", text.replace("\"restart\":0", "\"restart\":99"));
    refused("fit x.npy --resume late", 1, "late: restart 99 of 1 is not there");
    place.write("model.json", MODEL);
    refused("fit x.npy --resume model.json", 1, "this is no checkpoint file");
    refused("fit x.npy -k 2 --checkpoint c --checkpoint-every 0", 2, "60s");
    refused("fit x.npy -k 2 --checkpoint x.npy", 2, "also read");
    refused("fit x.npy -k 2 --checkpoint m.json --out m.json", 2, "--checkpoint and --out are the same file");
    refused("fit x.npy -k 2 --checkpoint no/c", 1, "no/c: cannot be written");
}

/// The software adapter stands for all: there are none but the CPU where it is left out of the tests.
#[test]
fn full_tuning_is_named_in_model_and_checkpoint_and_a_fit_that_goes_on_otherwise_says_so() {
    if !std::env::var("MIXTURA_TEST_DEVICES").unwrap_or_else(|_| "software".to_owned()).contains("software") {
        return;
    }
    let place = Place::new();
    write_samples(&place, 2000);
    let part = "fit x.npy -k 3 --covariance diag --device software --tol 0 --seed 4";
    let run = |arguments: &str| {
        let outcome = place.run(arguments);
        assert_eq!(outcome.status, 0, "{arguments}: {}", outcome.stderr);
        outcome
    };
    let begin = run(&format!("{part} --tune full --max-iter 3 --checkpoint c --checkpoint-every 3 --out full.json"));
    assert!(begin.stdout.contains("\n  tuned "), "{}", begin.stdout);
    let tuning = json(&place, "full.json")["fit"]["device"]["tuning"].clone();
    let (shape, _) = tuning["choices"].as_object().unwrap().iter().next().unwrap();
    assert!(tuning["mode"] == "full" && shape.contains("D = 2, K = 3"), "{tuning}");
    assert!(String::from_utf8(place.read("c")).unwrap().contains("\"tuning\":{\"mode\":\"full\","));

    let go_on = "fit x.npy --device software --resume c --max-iter 5 --out after.json";
    assert!(!run(&format!("{go_on} --tune full")).stderr.contains("not with the same bits"));
    let otherwise = run(go_on).stderr;
    assert!(otherwise.contains("(tuned: full; ") && otherwise.contains("not with the same bits"), "{otherwise}");
    run(&format!("{part} --max-iter 3 --out auto.json"));
    assert_eq!(json(&place, "auto.json")["fit"]["device"]["tuning"], Value::Null);
}

/// Sends a signal.
#[cfg(unix)]
fn send(signal: &str, child: &std::process::Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Interrupts a program, as Ctrl-C does; as a system does that shuts down, where these tests were started such that
/// Ctrl-C is ignored.
#[cfg(unix)]
pub(crate) fn interrupt(child: &std::process::Child) {
    const SIGINT: u32 = 2;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap());
    send(if ignored >> (SIGINT - 1) & 1 == 1 { "TERM" } else { "INT" }, child);
}

#[cfg(unix)]
#[test]
fn signals_that_were_ignored_from_the_start_stay_so() {
    let place = Place::new();
    place.write("model.json", MODEL);
    let program = env!("CARGO_BIN_EXE_mixtura");
    let line = format!("trap '' INT HUP; exec '{program}' sample model.json -n 1000000000 --out s.npy");
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(place.path("."));
    let mut child = shell.stdin(Stdio::null()).spawn().unwrap();
    while place.names().len() < 2 {
        sleep(Duration::from_millis(2));
    }
    for signal in ["INT", "HUP"] {
        send(signal, &child);
        sleep(Duration::from_millis(100));
        assert!(child.try_wait().unwrap().is_none(), "SIG{signal} ended it");
    }
    send("TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(place.names(), ["model.json"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_fit_leaves_its_checkpoint_and_best_model_and_goes_on_from_there() {
    let place = Place::new();
    write_samples(&place, 100_000);
    let fit = "fit x.npy -k 8 --device cpu --tol 0 --max-iter 40 -q";
    assert_eq!(place.run(&format!("{fit} --out whole.json")).status, 0);
    let arguments =
        format!("{} --checkpoint c --checkpoint-every 1 --out m.json --trace t.json", fit.replace("-q", ""));
    let mut command = place.command(&arguments);
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !place.path("c").exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "there never was a checkpoint");
        sleep(Duration::from_millis(2));
    }
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("error: the fit was interrupted after") && stderr.contains("--resume"), "{stderr}");
    assert!(stderr.contains("its trace is t.json"), "{stderr}");
    let again = format!("help: go on with: mixtura {arguments} --resume c\n").replace("  ", " ");
    assert!(stderr.contains(&again), "{again} is not in {stderr}");
    assert_eq!(place.names(), ["c", "m.json", "t.json", "whole.json", "x.npy"]);
    let epochs = json(&place, "c")["climb"]["lower_bounds"].as_array().map(Vec::len);
    assert!(epochs > Some(0));
    assert_eq!(json(&place, "t.json").as_array().map(Vec::len), epochs);
    assert_eq!(json(&place, "m.json")["fit"]["log_likelihood"], Value::Null);
    assert!(place.run("inspect m.json").lines().iter().any(|line| line.contains("interrupted")));

    let resumed = place.run("fit x.npy --device cpu --resume c --out m.json -q");
    assert_eq!(resumed.status, 0, "{}", resumed.stderr);
    assert_eq!(place.read("m.json"), place.read("whole.json"));
}

#[cfg(unix)]
#[test]
fn other_work_that_is_interrupted_ends_at_once_and_leaves_no_file() {
    let place = Place::new();
    place.write("model.json", MODEL);
    let mut command = place.command("sample model.json -n 1000000000 --out s.npy");
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    while place.names().len() < 2 {
        sleep(Duration::from_millis(2));
    }
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(place.names(), ["model.json"]);
}

/// The most memory that a process of two threads ever had resident, in bytes, while it runs under a poll of its status:
/// chunks grow with the number of threads.
#[cfg(target_os = "linux")]
fn peak_memory(mut command: Command) -> u64 {
    let mut child = command.env("RAYON_NUM_THREADS", "2").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // The kernel keeps the peak itself: the last reading before the end is it.
        if let Ok(text) = fs::read_to_string(&status)
            && let Some(line) = text.lines().find(|line| line.starts_with("VmHWM"))
        {
            let kilobytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
            peak = peak.max(kilobytes.unwrap_or(0) * 1024);
        }
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success());
            return peak;
        }
        sleep(Duration::from_millis(1));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_fit_and_its_predictions_stay_within_the_memory_they_are_allowed() {
    const N: usize = 20_000_000;
    let place = Place::new();
    place.write("model.json", MODEL);
    assert_eq!(place.run(&format!("sample model.json -n {N} --precision f32 --out x.npy")).status, 0);
    let file = fs::metadata(place.path("x.npy")).unwrap().len();
    assert!(file > 160_000_000);
    let fit = "fit x.npy -k 2 --covariance diag --device cpu --max-iter 2 --tol 0 -q --out";
    let peak = peak_memory(place.command(&format!("{fit} small.json --memory 32MiB")));
    // What the samples may take, the chunks on their way, and the program itself.
    assert!(peak < (32 << 20) + (100 << 20), "{peak} bytes");
    assert!(peak_memory(place.command(&format!("{fit} large.json --memory 1GiB"))) > file);
    assert_eq!(place.read("small.json"), place.read("large.json"));

    let peak = peak_memory(place.command("predict small.json x.npy --device cpu --append --out labelled.parquet -q"));
    assert!(peak < 300 << 20, "{peak} bytes");
    assert!(Path::new(&place.path("labelled.parquet")).exists());
}

#[test]
fn what_cannot_be_read_twice_must_fit_into_memory() {
    let place = Place::new();
    let rows: String = (0..50_000).map(|i| format!("{},{}\n", i % 17, i % 5)).collect();
    let outcome = place.run_with_input("fit - -k 2 --device cpu --memory 100kB", rows.as_bytes());
    assert_eq!(outcome.status, 1);
    let said = "standard input: more than the 97.7 KiB of memory allowed, and not to be read twice";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert_eq!(place.run_with_input("fit - -k 2 --device cpu --memory 1MB", rows.as_bytes()).status, 0);
}

#[test]
fn samples_of_every_format_may_stay_on_disk() {
    let place = Place::new();
    write_samples(&place, 3000);
    let by_column: Vec<u8> = {
        let bytes = place.read("x.npy");
        let rows: Vec<&[u8]> = bytes[bytes.len() - 24_000..].chunks(8).collect();
        (0..2).flat_map(|d| rows.iter().flat_map(move |row| row[4 * d..4 * d + 4].to_vec())).collect()
    };
    place.write("f.npy", npy("<f4", true, "(3000, 2)", &by_column));
    for name in ["x.csv", "x.tsv.gz", "x.csv.zst", "x.parquet", "x.arrow", "x.f32"] {
        assert_eq!(place.run(&format!("convert x.npy {name}")).status, 0, "{name}");
    }
    let weights: String = (0..3000).map(|i| format!("{}\n", f64::from(i % 3) * 0.1)).collect();
    place.write("w.csv", weights);
    for chosen in ["", "--sample 0.4", "--head 2000 --weights w.csv", "--sample 0.4 --weights w.csv"] {
        let fit = |name: &str, memory: &str| {
            let arguments = format!("fit {name} --dims 2 -k 3 --max-iter 5 --device cpu --json -q {chosen} {memory}");
            place.run(&arguments).json()
        };
        for name in ["x.npy", "f.npy", "x.csv", "x.tsv.gz", "x.csv.zst", "x.parquet", "x.arrow", "x.f32"] {
            let (expected, found) = (fit(name, ""), fit(name, "--memory 1kB"));
            assert_eq!((&expected["home"]["place"], &found["home"]["place"]), (&"memory".into(), &"disk".into()));
            for field in ["n_samples", "lower_bounds", "weights", "means", "covariances", "log_likelihood"] {
                assert_eq!(found[field], expected[field], "{field} of {name} {chosen}");
            }
        }
    }
}

#[test]
fn predictions_may_follow_the_columns_that_they_were_made_from() {
    let place = Place::new();
    place.write("model.json", MODEL);
    place.write("x.csv", "id,b,a\n7,0.5,0\n8,10,9.5\n");
    let appended = place.run("predict model.json x.csv --append --out out.csv --device cpu");
    assert_eq!(appended.status, 0, "{}", appended.stderr);
    assert_eq!(String::from_utf8(place.read("out.csv")).unwrap(), "id,b,a,label\n7,0.5,0,0\n8,10,9.5,1\n");
    let lines = place.run("predict model.json x.csv --append --device cpu");
    assert_eq!(lines.lines(), ["7,0.5,0,0", "8,10,9.5,1"]);
    // Arrays hold numbers alone: those that the model uses.
    assert_eq!(place.run("predict model.json x.csv --append --proba --out out.npy --device cpu").status, 0);
    assert!(String::from_utf8_lossy(&place.read("out.npy")).contains("(2, 4)"));
}
