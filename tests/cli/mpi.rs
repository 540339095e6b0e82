//! The binary under MPI: `cargo test --release --features mpi --test cli mpi::`, with `mpirun` on the path.
//!
//! Ranks are processes of this machine; there may be more of them than cores.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Outcome, Place, faithful, npy};

/// Features of the samples, and how many of them are a block.
const D: usize = 32;
const BLOCK: usize = 131_072;

/// Three blocks, and a part of one.
const N: usize = 3 * BLOCK + 700;

/// `mpirun` of several ranks with arguments separated by blanks.
fn mpirun(place: &Place, ranks: usize, args: &str) -> Command {
    let version = Command::new("mpirun").arg("--version").output().expect("mpirun is on the path");
    let mut command = Command::new("mpirun");
    if String::from_utf8_lossy(&version.stdout).contains("Open MPI") {
        command.args(["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]);
    }
    command.current_dir(place.path("")).args(["-n", &ranks.to_string(), env!("CARGO_BIN_EXE_mixtura")]);
    command.args(args.split_whitespace());
    command
}

fn run(place: &Place, ranks: usize, args: &str) -> Outcome {
    let output = mpirun(place, ranks, args).output().unwrap();
    Outcome {
        status: output.status.code().expect("ended by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Samples around three points, of which every feature has noise that never repeats, in files of several formats, and
/// a weight for each, some of them zero.
fn place() -> Place {
    let place = Place::new();
    let value = |i: usize, d: usize| {
        let noise = ((i * D + d) as f64 * 0.618_033_988_749_895).fract() + ((i + 7 * d) as f64 * 0.414_213_562).fract();
        (noise + (i % 3) as f64 * 0.4) as f32
    };
    for (name, from, to) in [("part-0.npy", 0, 50_000), ("middle.npy", 50_000, 60_000), ("part-2.f32", 60_000, N)] {
        let values: Vec<u8> = (from..to).flat_map(|i| (0..D).flat_map(move |d| value(i, d).to_le_bytes())).collect();
        match name.ends_with("npy") {
            true => place.write(name, npy("<f4", false, &format!("({}, {D})", to - from), &values)),
            false => place.write(name, values),
        }
    }
    assert_eq!(place.run("convert middle.npy part-1.csv").status, 0);
    fs::remove_file(place.path("middle.npy")).unwrap();
    place.write("w.csv", (0..N).map(|i| format!("{}\n", [0.5, 1.0, 0.0, 2.0][i % 4])).collect::<String>());
    place
}

const DATA: &str = "part-0.npy part-1.csv part-2.f32 --dims 32 --device cpu";

/// What a JSON document says of the fit, and not of its time and its processes.
fn of_fit(outcome: &Outcome) -> Vec<Value> {
    let json = outcome.json();
    let keys = ["weights", "means", "covariances", "lower_bounds", "log_likelihood", "n_iter", "repairs", "n_samples"];
    keys.iter().map(|key| json[key].clone()).collect()
}

/// The fits by 1, 2 and 4 ranks, which must be the one by a process alone.
fn same_bits(place: &Place, args: &str) -> Value {
    let expected = place.run(args);
    for ranks in [1, 2, 4] {
        let found = run(place, ranks, args);
        assert_eq!(of_fit(&found), of_fit(&expected), "{ranks} ranks: {args}");
    }
    expected.json()
}

#[test]
fn ranks_find_the_bits_of_one_process_from_kmeans_with_weights_by_squarem() {
    let place = place();
    // Ranks never begin on a part of the samples, as a process alone does with so many.
    let how = "--start direct --accelerate squarem --max-iter 6 --tol 0 --json --quiet";
    let fit = format!("fit {DATA} -k 3 --weights w.csv {how}");
    same_bits(&place, &fit);
    same_bits(&place, &format!("{fit} --covariance diag --n-init 2 --memory 8MiB"));
    same_bits(&place, &format!("{fit} --covariance tied --sample 0.7 --head 300000"));
}

#[test]
fn ranks_repair_a_component_as_one_process_does() {
    let place = place();
    let start = |mean: f64| format!("[{}]", vec![mean.to_string(); D].join(","));
    let ones = format!("[{}]", vec!["1"; D].join(","));
    // Nothing is near the third mean.
    place.write(
        "start.json",
        format!(
            r#"{{"format":"mixtura-model","version":1,"covariance_type":"diag","n_components":3,"n_features":{D},
                "weights":[0.5,0.3,0.2],"means":[{},{},{}],"covariances":[{ones},{ones},{ones}]}}"#,
            start(1.0),
            start(1.5),
            start(1e4),
        ),
    );
    let fit = same_bits(&place, &format!("fit {DATA} --init-model start.json --max-iter 4 --tol 0 --json --quiet"));
    assert_eq!(fit["repairs"].as_array().map(Vec::len), Some(1), "{}", fit["repairs"]);
}

#[test]
fn the_first_rank_alone_writes_and_speaks() {
    let place = place();
    let args =
        format!("fit {DATA} -k 2 --covariance diag --max-iter 2 --out m.json --trace t.csv --plot p.svg --verify");
    let outcome = run(&place, 3, &args);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert_eq!(outcome.stdout.matches("log-likelihood").count(), 2, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("on 3 ranks"), "{}", outcome.stdout);
    assert_eq!(outcome.stderr.matches("epoch   1").count(), 1, "{}", outcome.stderr);
    assert_eq!(String::from_utf8(place.read("t.csv")).unwrap().lines().count(), 3);
    assert!(String::from_utf8(place.read("p.svg")).unwrap().contains("393,916 samples"));
    let names = ["m.json", "p.svg", "part-0.npy", "part-1.csv", "part-2.f32", "t.csv", "w.csv"];
    assert_eq!(place.names(), names);
}

#[test]
fn scores_and_predictions_of_ranks_are_those_of_one_process() {
    let place = place();
    assert_eq!(place.run(&format!("fit {DATA} -k 3 --covariance diag --max-iter 2 --out m.json --quiet")).status, 0);
    let score = format!("score m.json {DATA} --weights w.csv --json");
    let expected = place.run(&score).json();
    assert_eq!(place.run(&format!("predict m.json {DATA} --log-density --out whole.npy")).status, 0);
    for ranks in [2, 4] {
        assert_eq!(run(&place, ranks, &score).json(), expected);
        let made = run(&place, ranks, &format!("predict m.json {DATA} --log-density --out d.npy --json")).json();
        assert_eq!((&made["n_samples"], &made["parts"]), (&N.into(), &ranks.into()));
        // One of four ranks is left without samples: there are not so many blocks.
        let is_part = |name: &String| name.starts_with("d-") && name.ends_with(&format!("-of-{ranks:05}.npy"));
        let names: Vec<String> = place.names().into_iter().filter(is_part).collect();
        assert_eq!(names.len(), ranks.min(3), "{names:?}");
        let parts: Vec<u8> = names.iter().flat_map(|name| place.read(name)[128..].to_vec()).collect();
        assert_eq!(parts, place.read("whole.npy")[128..], "{ranks}");
    }
    let outcome = run(&place, 2, &format!("predict m.json {DATA}"));
    assert!(outcome.stderr.contains("2 processes cannot share standard output\n  help: give a file (--out)"));
    assert_eq!(outcome.status, 2);
}

#[test]
fn few_samples_leave_some_ranks_without_any() {
    let place = Place::new();
    let faithful = faithful();
    let fit = format!("fit {faithful} -k 2 --device cpu --json --quiet --out m.json");
    same_bits(&place, &fit);
    let predicted = place.run(&format!("predict m.json {faithful}"));
    assert_eq!(run(&place, 4, &format!("predict m.json {faithful} --out l.csv")).status, 0);
    assert_eq!(
        String::from_utf8(place.read("l-00000-of-00004.csv")).unwrap().lines().skip(1).count(),
        predicted.lines().len()
    );
    assert_eq!(place.names(), ["l-00000-of-00004.csv", "m.json"]);
}

#[test]
fn an_error_of_any_rank_ends_all_and_names_the_place_once() {
    let place = place();
    let good = place.read("part-2.f32");
    let mut bytes = good.clone();
    let row = 300_000 - 60_000;
    bytes[row * D * 4..row * D * 4 + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    place.write("part-2.f32", bytes);
    let outcome = run(&place, 3, &format!("fit {DATA} -k 2"));
    assert_eq!(outcome.status, 1);
    let expected = format!("part-2.f32: row {row}, column 0 is NaN, the first of 1 values that are NaN or infinite");
    assert_eq!(outcome.stderr.matches(&expected).count(), 1, "{}", outcome.stderr);
    place.write("part-2.f32", good);
    for (args, problem) in [
        (format!("fit {DATA} -k 2 --update stepwise"), "--update stepwise goes through all samples in order"),
        ("fit - -k 2".to_owned(), "2 ranks cannot share it"),
        ("fit nothing.npy -k 2".to_owned(), "nothing.npy: cannot be read"),
        (format!("fit {DATA} -k 2 --out part-0.npy"), "--out is part-0.npy, which is also read"),
        (format!("fit {DATA} -k 500000"), "are too few for 500000 components"),
    ] {
        let outcome = run(&place, 2, &args);
        assert_eq!(outcome.stderr.matches(problem).count(), 1, "{args}: {}", outcome.stderr);
        assert!(outcome.status == 1 || outcome.status == 2, "{args}: {}", outcome.status);
    }
}

#[test]
fn bench_measures_all_ranks_together() {
    let place = Place::new();
    let args = "bench -n 600000 -d 16 -k 4 --devices cpu-f32 --epochs 2 --json --quiet";
    let report = run(&place, 2, args).json();
    assert_eq!(report["n_samples"], 600_000);
    assert_eq!(report["devices"].as_array().map(Vec::len), Some(2), "{report}");
}

/// Starts a long fit, and waits until it has a checkpoint.
fn long_fit(place: &Place) -> Child {
    let args = format!("fit {DATA} -k 3 --max-iter 100000 --tol 0 --checkpoint c --checkpoint-every 1 --quiet");
    let child = mpirun(place, 3, &args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while !place.path("c").exists() {
        assert!(started.elapsed() < Duration::from_secs(120), "no checkpoint was written");
        sleep(Duration::from_millis(50));
    }
    child
}

/// Waits for its end, and gives its status and what it said.
fn end(mut child: Child) -> (Option<i32>, String) {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(60), "the ranks did not end");
        sleep(Duration::from_millis(50));
    }
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

/// Processes of the binary that work in a directory.
fn processes(folder: &Path) -> Vec<u32> {
    let folder = folder.canonicalize().unwrap();
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_ours = |process: &u32| {
        let link = |name: &str| fs::read_link(format!("/proc/{process}/{name}")).ok();
        link("cwd").is_some_and(|cwd| cwd == folder) && link("exe").is_some_and(|exe| exe.ends_with("mixtura"))
    };
    let mut processes: Vec<u32> = entries.filter(is_ours).collect();
    processes.sort_unstable();
    processes
}

/// The fit from a checkpoint for some more epochs, by a number of ranks.
fn resumed(place: &Place, ranks: usize) -> Vec<Value> {
    let epochs = place.read("c");
    let document: Value = serde_json::from_slice(&epochs).unwrap();
    let done = document["climb"]["lower_bounds"].as_array().unwrap().len();
    of_fit(&run(place, ranks, &format!("fit {DATA} --resume c --max-iter {} --json --quiet", done + 2)))
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_rank_ends_the_others_and_the_checkpoint_goes_on_with_any_number_of_ranks() {
    let place = place();
    let child = long_fit(&place);
    let ranks = processes(&place.path(""));
    assert_eq!(ranks.len(), 3);
    assert!(Command::new("kill").args(["-KILL", &ranks[2].to_string()]).status().unwrap().success());
    let (status, said) = end(child);
    assert_ne!(status, Some(0), "{said}");
    assert!(processes(&place.path("")).is_empty());
    let by_two = resumed(&place, 2);
    assert_eq!(by_two, resumed(&place, 4));
    assert_eq!(by_two, resumed(&place, 1));
}

#[test]
#[cfg(target_os = "linux")]
fn an_interruption_ends_all_ranks_and_keeps_the_checkpoint() {
    for signal in ["-INT", "-TERM"] {
        let place = place();
        let child = long_fit(&place);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let (status, said) = end(child);
        assert_ne!(status, Some(0), "{said}");
        assert!(said.contains("the fit was interrupted after"), "{signal}: {said}");
        assert!(processes(&place.path("")).is_empty());
        assert_eq!(resumed(&place, 2), resumed(&place, 1));
    }
}
