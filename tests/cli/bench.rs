//! `bench`: what it measures, on which devices, and what it refuses.

use std::env;

use serde_json::Value;

use crate::support::{Place, faithful};

/// The devices of all tests, with the CPU backend before all others.
fn devices() -> Vec<String> {
    let default = if cfg!(feature = "gpu") { "cpu,software" } else { "cpu" };
    let devices = env::var("MIXTURA_TEST_DEVICES").unwrap_or_else(|_| default.to_owned());
    let others = devices.split(',').map(str::trim).filter(|device| *device != "cpu");
    ["cpu"].into_iter().chain(others).map(str::to_owned).collect()
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is no number in {value}"))
}

#[test]
fn every_device_is_measured_and_compared_with_the_cpu() {
    let devices = devices();
    let args = "bench -n 20000 -d 3 -k 4 --epochs 3 --seed 7 --profile --json --quiet --devices";
    let outcome = Place::new().run(&format!("{args} {}", devices.join(",")));
    let report = outcome.json();
    assert_eq!(outcome.stderr, "");
    assert_eq!(report["covariance_type"], "full");
    let settings = ["n_samples", "n_features", "n_components", "epochs", "seed"].map(|field| report[field].as_u64());
    assert_eq!(settings, [20000, 3, 4, 3, 7].map(Some));
    assert_eq!(number(&report, "/epoch_flops"), 4.0 * 20000.0 * 4.0 * 10.0);
    assert_eq!(report["left_out"], Value::Array(Vec::new()));

    let verdict = report["verdict"][0].as_str().unwrap();
    let expected = if devices.len() == 1 { "only the CPU was measured" } else { "for these data: --device " };
    assert!(verdict.starts_with(expected), "{verdict}");

    let measured = report["devices"].as_array().unwrap();
    assert_eq!(measured.iter().map(|device| device["device"].as_str().unwrap()).collect::<Vec<_>>(), devices);
    for device in measured {
        let number = |path: &str| number(device, path);
        for field in ["backend", "name", "type"] {
            assert!(device[field].is_string(), "{field} of {device}");
        }
        for phase in ["open", "compile", "upload", "init", "tuning"] {
            assert!((0.0..60.0).contains(&number(&format!("/seconds/{phase}"))), "{phase} of {device}");
        }
        let epoch = number("/epoch_ms/median");
        assert!(number("/epoch_ms/least") <= epoch && epoch <= number("/epoch_ms/most") && epoch > 0.0);
        let is =
            |path: &str, expected: f64| assert!((number(path) / expected - 1.0).abs() < 1e-9, "{path} of {device}");
        is("/samples_per_second", 20000.0 / epoch * 1e3);
        is("/gflops", 3200000.0 / epoch / 1e6);
        is("/floor_ms/compute", 3200000.0 / number("/ceiling/gflops") / 1e6);
        is("/floor_ms/traffic", 240000.0 / number("/ceiling/gbytes_per_second") / 1e6);
        is("/floor_fraction", number("/floor_ms/compute").max(number("/floor_ms/traffic")) / epoch);
        is("/speed_up", self::number(&measured[0], "/epoch_ms/median") / epoch);
        assert!((0.0..1.5).contains(&number("/floor_fraction")), "{device}");

        let kernels = device["kernels"].as_array().unwrap();
        let sum = |field: &str| kernels.iter().map(|kernel| kernel[field].as_f64().unwrap()).sum::<f64>();
        if device["backend"] == "cpu" {
            assert!(kernels.is_empty());
        } else if !kernels.is_empty() {
            assert!((sum("share") - 1.0).abs() < 1e-9 && sum("ms") > 0.0, "{device}");
            assert_eq!(kernels[0]["name"], "log_density_triangle");
        }
        for parameter in ["weights", "means", "covariances"] {
            let deviation = number(&format!("/deviation/{parameter}"));
            let most = if device["precision"] == "f64" { 0.0 } else { 1e-4 };
            assert!((0.0..=most).contains(&deviation), "{parameter} of {device}");
        }
    }
}

#[test]
fn tuning_says_what_it_chose_and_how_long_epochs_were_before() {
    for device in devices().into_iter().filter(|device| !device.starts_with("cpu")) {
        for tune in ["auto", "full"] {
            let args = format!("bench -n 5000 -d 2 -k 2 --epochs 2 --json --quiet --devices {device} --tune {tune}");
            let report = Place::new().run(&args).json();
            let (cpu, gpu) = (&report["devices"][0], &report["devices"][1]);
            assert_eq!((cpu["tuned"].as_array().map(Vec::len), &cpu["untuned_epoch_ms"]), (Some(0), &Value::Null));
            let choices = gpu["tuned"].as_array().unwrap();
            let choice = choices.iter().find_map(|choice| choice.as_str()).unwrap();
            assert!(choice.starts_with("full covariance, D = 2, K = 2, N >= 4096: "), "{choice}");
            assert!(number(gpu, "/untuned_epoch_ms/median") > 0.0);
            // Only what may change bits is named where a device is.
            assert_eq!(gpu["tuning"]["mode"].as_str(), (tune == "full").then_some("full"));
        }
    }
}

#[test]
fn given_data_are_measured_on_the_cpu_in_any_case() {
    let outcome = Place::new().run(&format!("bench {} --columns waiting -k 2 --epochs 2 --devices cpu", faithful()));
    let table = outcome.lines().join("\n");
    for part in [
        "272 of 1 feature",
        "only the CPU was measured",
        "2, covariance full",
        "epoch, median",
        "fraction of the floor",
        "on ",
    ] {
        assert!(table.contains(part), "'{part}' is not in\n{table}");
    }
    assert!(!table.contains("kernel") && !table.contains("left out"), "{table}");
    assert!(outcome.stderr.contains("epoch   2  lower bound"), "{}", outcome.stderr);
}

#[test]
fn devices_of_the_default_that_are_not_there_are_left_out() {
    let report = Place::new().run("bench -n 100 -d 1 -k 1 --epochs 1 --json").json();
    let names = |list: &str| -> Vec<String> {
        let entries = report[list].as_array().unwrap();
        entries.iter().map(|entry| entry["device"].as_str().unwrap().to_owned()).collect()
    };
    let (mut all, left_out) = (names("devices"), names("left_out"));
    assert_eq!(all[0], "cpu");
    assert!(report["devices"][0]["kernels"].is_null());
    all.extend(left_out);
    all.sort();
    assert_eq!(all, ["cpu", "cpu-f32", "gpu", "software"]);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let place = Place::new();
    place.write("data.csv", "1,2\n3,5\n");
    for (args, status, problem) in [
        ("bench --devices nonsense", 1, "adapter"),
        ("bench --devices cpu,nonsense", 1, "adapter"),
        ("bench data.csv -n 10", 2, "--samples"),
        ("bench data.csv -d 10", 2, "--features"),
        ("bench --columns 0", 2, "DATA"),
        ("bench --weights 0", 2, "DATA"),
        ("bench -n 0", 2, "0 is not in 1.."),
        ("bench -k 0", 2, "0 is not in 1.."),
        ("bench --epochs 0", 2, "0 is not in 1.."),
        ("bench -n 3 -k 4 --devices cpu", 1, "3 samples are too few for 4 components"),
        ("bench data.csv --devices cpu", 1, "data.csv: 2 samples are too few for 16 components"),
        ("bench missing.csv --devices cpu", 1, "missing.csv: cannot be read"),
        ("bench -n 1000000000000000 --devices cpu", 1, "do not fit into memory"),
    ] {
        let outcome = place.run(args);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (status, ""), "{args}: {}", outcome.stderr);
        let error = outcome.stderr.lines().find(|line| line.starts_with("error: ")).expect("an error");
        let text = if status == 2 { &outcome.stderr } else { error };
        assert!(text.contains(problem), "{args}: '{problem}' is not in: {}", outcome.stderr);
    }
}
