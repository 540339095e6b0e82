//! `predict`, `score`, `sample`, `inspect` and `devices`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::{MODEL, Place, faithful, take_apart};

fn floats(values: &[[u8; 8]]) -> Vec<f64> {
    values.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

fn place() -> Place {
    let place = Place::new();
    place.write("model.json", MODEL);
    let sampled = place.run("sample model.json -n 1000 --out data.npy --labels labels.npy");
    assert_eq!((sampled.status, sampled.stdout.as_str()), (0, ""), "{}", sampled.stderr);
    place
}

#[test]
fn samples_are_reproducible_and_their_labels_are_predicted() {
    let place = place();
    let (header, values) = take_apart(&place.read("data.npy"));
    assert!(header.contains("'<f8'") && header.contains("(1000,2)"), "{header}");
    assert_eq!(values.len(), 2000);
    let (header, labels) = take_apart(&place.read("labels.npy"));
    assert!(header.contains("'<i8'") && header.contains("(1000,)"), "{header}");
    let labels: Vec<i64> = labels.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
    assert!((200..300).contains(&labels.iter().filter(|&&label| label == 0).count()));

    // The components are fourteen standard deviations apart.
    let predicted: Vec<i64> = place
        .run("predict model.json data.npy --device cpu")
        .lines()
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    assert_eq!(predicted, labels);

    place.run("sample model.json -n 1000 --out again.npy");
    place.run("sample model.json -n 1000 --seed 1 --out other.npy");
    assert_eq!(place.read("again.npy"), place.read("data.npy"));
    assert_ne!(place.read("other.npy"), place.read("data.npy"));

    place.run("sample model.json -n 1000 --out data.csv --labels labels.csv");
    let csv = String::from_utf8(place.read("data.csv")).unwrap();
    let cells: Vec<f64> = csv.lines().skip(1).flat_map(|row| row.split(',')).map(|x| x.parse().unwrap()).collect();
    assert_eq!((csv.lines().next(), cells), (Some("a,b"), floats(&values)));
    assert!(String::from_utf8(place.read("labels.csv")).unwrap().starts_with("label\n0\n"));
}

#[test]
fn samples_of_single_precision_are_rounded_and_formats_keep_types() {
    let place = place();
    let double: Vec<f64> = floats(&take_apart(&place.read("data.npy")).1);
    let rounded: Vec<u8> = double.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
    for out in ["single.npy --precision f32", "single.f32", "single.f32 --precision f32"] {
        assert_eq!(place.run(&format!("sample model.json -n 1000 --out {out}")).status, 0);
        assert!(place.read(out.split(' ').next().unwrap()).ends_with(&rounded), "{out}");
    }
    assert_eq!(place.read("single.f32").len(), rounded.len());
    assert!(String::from_utf8_lossy(&place.read("single.npy")).contains("'<f4'"));
    place.run("convert single.npy single.csv");
    for name in ["parquet", "arrow", "csv.gz", "tsv.zst"] {
        let sampled = place.run(&format!("sample model.json -n 1000 --precision f32 --out x.{name} --labels l.{name}"));
        assert_eq!(sampled.status, 0, "{}", sampled.stderr);
        // Read back as f32 from typed columns, as text from others: the same either way.
        assert_eq!(place.run(&format!("convert x.{name} back.csv")).status, 0);
        let expected = String::from_utf8(place.read("single.csv")).unwrap().replace("x0,x1", "a,b");
        let header = if name.contains("sv") { None } else { Some(expected.lines().next()) };
        let back = String::from_utf8(place.read("back.csv")).unwrap();
        assert!(header.is_none_or(|header| header == back.lines().next()));
        let numbers = |text: &str| -> Vec<f32> {
            text.lines().skip(1).flat_map(|line| line.split(',')).map(|x| x.parse().unwrap()).collect()
        };
        assert_eq!(numbers(&back), numbers(&expected), "{name}");
    }
}

#[test]
fn chunks_make_one_table_of_any_length() {
    let place = place();
    // Several chunks of 16,384 x 42 samples.
    for (n, format) in [(0, "npy"), (1, "npy"), (1_500_000, "npy"), (1_500_000, "f64")] {
        assert_eq!(place.run(&format!("sample model.json -n {n} --out x.{format} --labels l.npy")).status, 0);
        if format == "npy" {
            let (header, values) = take_apart(&place.read("x.npy"));
            assert!(header.contains(&format!("({n},2)")) && values.len() == 2 * n, "{header}");
        }
        let (header, labels) = take_apart(&place.read("l.npy"));
        assert!(header.contains(&format!("({n},)")) && labels.is_sorted_by_key(|x| i64::from_le_bytes(*x)), "{header}");
        assert_eq!(labels.len(), n);
    }
    place.run("sample model.json -n 1500000 --out x.npy");
    assert!(place.read("x.npy").ends_with(&place.read("x.f64")));
}

#[cfg(unix)]
#[test]
fn a_npy_file_on_a_pipe_is_refused() {
    let place = place();
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe.npy")).status();
    // Whoever has no such command has tested the rest.
    if !made.is_ok_and(|status| status.success()) {
        return;
    }
    let path = place.path("pipe.npy");
    let reader = std::thread::spawn(move || std::fs::read(path).unwrap());
    let refused = place.run("sample model.json -n 10 --out pipe.npy");
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("pipe.npy: cannot be written: a .npy file begins with"), "{}", refused.stderr);
    assert_eq!(reader.join().unwrap(), b"");
}

#[test]
fn predictions_on_standard_output_in_npy_and_in_csv_are_the_same() {
    let place = place();
    for (flag, columns, header) in [("", 1, "label"), ("--proba", 2, "p0,p1"), ("--log-density", 1, "log_density")] {
        let args = format!("predict model.json data.npy --device cpu {flag}");
        let printed = place.run(&args);
        let lines = printed.lines();
        assert_eq!(lines.len(), 1000);
        let cells: Vec<f64> = lines.iter().flat_map(|line| line.split(',')).map(|x| x.parse().unwrap()).collect();
        assert_eq!(cells.len(), 1000 * columns);

        assert_eq!(place.run(&format!("{args} --out out.csv")).stdout, "");
        let csv = String::from_utf8(place.read("out.csv")).unwrap();
        assert_eq!(csv, format!("{header}\n{}", printed.stdout));

        assert_eq!(place.run(&format!("{args} --out out.npy")).stdout, "");
        let (npy_header, values) = take_apart(&place.read("out.npy"));
        assert!(npy_header.contains(if columns == 1 { "(1000,)" } else { "(1000,2)" }), "{npy_header}");
        match flag {
            "" => assert!(npy_header.contains("'<i8'"), "{npy_header}"),
            _ => assert_eq!(floats(&values), cells),
        }
        if flag == "--proba" {
            assert!(cells.chunks(2).all(|p| (p[0] + p[1] - 1.0).abs() < 1e-12));
        }
    }
}

#[test]
fn the_score_is_the_sum_of_the_log_densities() {
    let place = place();
    let densities = place.run("predict model.json data.npy --log-density --device cpu");
    let total: f64 = densities.lines().iter().map(|line| line.parse::<f64>().unwrap()).sum();
    let score = place.run("score model.json data.npy --json --device cpu").json();
    let fields: Vec<&str> = score.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields.len(), 5, "{fields:?}");
    let number = |name: &str| score[name].as_f64().unwrap();
    assert_eq!(score["n_samples"], 1000);
    assert!((number("log_likelihood") - total).abs() < 1e-8);
    assert!((number("mean_log_likelihood") - total / 1e3).abs() < 1e-11);
    assert!((number("aic") - (18.0 - 2.0 * total)).abs() < 1e-8);
    assert!((number("bic") - (9.0 * 1000f64.ln() - 2.0 * total)).abs() < 1e-8);

    let readable = place.run("score model.json data.npy --device cpu");
    assert!(readable.stdout.contains("log-likelihood"), "{}", readable.stdout);
}

#[test]
fn a_model_is_described_with_its_history() {
    let place = place();
    assert!(place.run("inspect model.json").stdout.contains("2, covariance diag"));
    place.run(&format!("fit {} -k 2 --n-init 3 --out fitted.json --quiet --device cpu", faithful()));
    let text = place.run("inspect fitted.json").stdout;
    for part in ["272 samples", "kmeans, seed 0, best of 3", "converged", "eruptions", "-1130.26"] {
        assert!(text.contains(part), "'{part}' is not in\n{text}");
    }
}

#[test]
fn the_devices_are_listed_with_the_native_backend() {
    let place = Place::new();
    let devices = place.run("devices --json").json();
    let devices = devices.as_array().unwrap();
    assert!(devices.iter().any(|device| device["backend"] == "cpu" && device["device"] == "cpu"));
    let automatic: Vec<_> = devices.iter().filter(|device| device["auto"] == true).collect();
    let [automatic] = automatic[..] else { panic!("{automatic:?}") };
    let reason = automatic["reason"].as_str().unwrap();
    let text = place.run("devices").stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&format!("used by default (auto): {reason}")), "{text}");
    let fit = place.run(&format!("fit {} -k 2 --max-iter 1 --json", faithful())).json();
    assert_eq!(fit["device_reason"], reason);
    let lines = place.run("devices");
    let (table, below) = lines.stdout.split_once("\n\n").unwrap();
    assert_eq!(table.lines().count(), devices.len() + 1);
    let has_hardware = devices.iter().any(|device| device["type"].as_str().unwrap().ends_with("-gpu"));
    assert_eq!(below.contains("there is no hardware GPU: "), !has_hardware, "{below}");
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    let place = Place::new();
    place.write("model.json", MODEL);
    place.run("sample model.json -n 200000 --out data.npy");
    let mut command = place.command("predict model.json data.npy --proba --device cpu");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[cfg(unix)]
#[test]
fn outputs_have_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("data.npy"), mode("model.json"));
}

#[test]
fn help_and_version_are_there() {
    let place = Place::new();
    assert!(place.run("--version").stdout.starts_with("mixtura "));
    for command in ["fit", "predict", "score", "sample", "inspect", "devices", "bench", "completions", "man", "version"]
    {
        let help = place.run(&format!("{command} --help"));
        assert!(help.status == 0 && help.stdout.contains("Example"), "{}", help.stdout);
        assert!(help.lines().iter().all(|line| line.chars().count() <= 100), "{}", help.stdout);
    }
}
