//! What commands say: JSON wherever there is something to read, and nothing beside results when they are to be quiet.

use crate::support::{MODEL, Place};

fn place() -> Place {
    let place = Place::new();
    place.write("model.json", MODEL);
    // A first row that is taken as names, which is said.
    place.write("data.csv", "0,1\n0.5,1.5\n9.5,10.5\n0.25,1.25\n");
    place
}

#[test]
fn every_command_prints_one_json_document_when_asked() {
    let place = place();
    for (args, field) in [
        ("fit data.csv -k 1 --device cpu --json", "means"),
        ("--json score model.json data.csv --columns 0,1 --device cpu", "log_likelihood"),
        ("predict model.json data.csv --columns 0,1 --device cpu --json", "labels"),
        ("predict model.json data.csv --columns 0,1 --device cpu --json --proba", "probabilities"),
        ("predict model.json data.csv --columns 0,1 --device cpu --json --log-density", "log_densities"),
        ("predict model.json data.csv --columns 0,1 --device cpu --json --append --out l.csv", "out"),
        ("inspect model.json --json", "n_parameters"),
        ("convert data.csv data.npy --json", "n_samples"),
        ("sample model.json -n 5 --out s.npy --json", "n_features"),
        ("bench -n 100 -d 2 -k 2 --epochs 1 --devices cpu --json --quiet", "devices"),
    ] {
        let document = place.run(args).json();
        assert!(!document[field].is_null(), "{args}: {document}");
    }
    assert!(place.run("devices --json").json()[0]["name"].is_string());
    let answers =
        |flag: &str| place.run(&format!("predict model.json data.csv --columns 0,1 --device cpu --json {flag}")).json();
    assert_eq!(answers(""), serde_json::json!({"labels": [0, 1, 0], "n_samples": 3}));
    let probabilities = answers("--proba");
    let rows = probabilities["probabilities"].as_array().unwrap();
    assert!(rows.len() == 3 && rows.iter().all(|row| row.as_array().unwrap().len() == 2), "{probabilities}");
    assert_eq!(answers("--log-density")["log_densities"].as_array().unwrap().len(), 3);
    assert_eq!(place.run("predict model.json data.csv --columns 0,1 --json --append").status, 2);
}

#[test]
fn every_command_says_nothing_but_its_result_when_it_is_to_be_quiet() {
    let place = place();
    for args in [
        "fit data.csv -k 1 --device cpu",
        "score model.json data.csv --columns 0,1 --device cpu",
        "predict model.json data.csv --columns 0,1 --device cpu",
        "convert data.csv data.npy",
    ] {
        assert!(place.run(args).stderr.contains("note: data.csv: the first row (0, 1) is taken as names"), "{args}");
        for args in [format!("{args} --quiet"), format!("-q {args}"), format!("{args} --json -q")] {
            let quiet = place.run(&args);
            assert_eq!((quiet.status, quiet.stderr.as_str()), (0, ""), "{args}");
            assert_eq!(quiet.stdout.is_empty(), !args.contains("--json") && !args.contains("model"), "{args}");
        }
    }
    for args in ["inspect model.json", "sample model.json -n 5 --out s.npy", "devices"] {
        let quiet = place.run(&format!("{args} --quiet"));
        assert_eq!((quiet.status, quiet.stderr.as_str()), (0, ""), "{args}");
    }
}

/// On machines without a display, a home or a choice of backends that means us.
#[cfg(all(target_os = "linux", feature = "gpu"))]
#[test]
fn drivers_say_nothing_beside_the_result() {
    let place = place();
    if !place.run("devices --json").stdout.contains(r#""type":"software""#) {
        // Another test demands the adapter where it is to be tested.
        return;
    }
    for (variable, value) in
        [("WAYLAND_DISPLAY", "wayland-7"), ("DISPLAY", ":99"), ("XDG_CACHE_HOME", ""), ("WGPU_BACKEND", "gl")]
    {
        let mut command = place.command("score model.json data.csv --columns 0,1 --device software -q --json");
        command.env_remove("XDG_RUNTIME_DIR").env(variable, value);
        let output = command.output().unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
            (Some(0), ""),
            "{variable}"
        );
    }
}
