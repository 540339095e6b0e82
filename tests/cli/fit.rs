//! `mixtura fit`: its numbers, its reports and its model file.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{MODEL, Place, faithful, npy_f64};

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Every number in a document.
fn numbers(value: &Value, found: &mut Vec<f64>) {
    match value {
        Value::Number(number) => found.push(number.as_f64().unwrap()),
        Value::Array(values) => values.iter().for_each(|value| numbers(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| numbers(value, found)),
        _ => {}
    }
}

fn shape(value: &Value) -> Vec<usize> {
    match value.as_array() {
        Some(values) => std::iter::once(values.len()).chain(shape(&values[0])).collect(),
        None => Vec::new(),
    }
}

#[test]
fn old_faithful_has_its_published_log_likelihood() {
    let args = "-k 2 --reg-covar 0 --tol 1e-10 --max-iter 1000 --json --quiet --device cpu";
    let report = Place::new().run(&format!("fit {} {args}", faithful())).json();
    assert!((report["log_likelihood"].as_f64().unwrap() + 1130.264).abs() < 1e-3, "{report}");
    assert_eq!(report["converged"], true);
}

#[test]
fn the_json_report_has_every_field_and_they_agree() {
    let families =
        [("full", vec![3, 2, 2], 17), ("tied", vec![2, 2], 11), ("diag", vec![3, 2], 14), ("spherical", vec![3], 11)];
    for (family, covariance_shape, n_parameters) in families {
        let args = format!("fit {} -k 3 --covariance {family} --json --device cpu", faithful());
        let report = Place::new().run(&args).json();
        let expected = "device device_reason tuned home n_samples n_features n_components covariance_type repairs converged at_precision_limit left_to_gain start n_iter lower_bound \
            lower_bounds log_likelihood mean_log_likelihood n_parameters aic bic seconds epoch_ms_median weights \
            means covariances warnings";
        assert_eq!(keys(&report), expected.split_whitespace().collect());
        assert_eq!(keys(&report["device"]), BTreeSet::from(["backend", "name", "precision", "type"]));
        let parts = "open read upload init levels epochs scoring writing verifying total";
        assert_eq!(keys(&report["seconds"]), parts.split(' ').collect());
        assert_eq!(report["device"]["backend"], "cpu");
        assert_eq!(report["home"]["place"], "memory");
        assert_eq!(report["n_samples"], 272);
        assert_eq!(report["n_features"], 2);
        assert_eq!(report["n_components"], 3);
        assert_eq!(report["covariance_type"], family);
        assert_eq!(report["n_parameters"], n_parameters);
        assert_eq!(shape(&report["weights"]), [3]);
        assert_eq!(shape(&report["means"]), [3, 2]);
        assert_eq!(shape(&report["covariances"]), covariance_shape);

        let number = |name: &str| report[name].as_f64().unwrap();
        let (total, p) = (number("log_likelihood"), f64::from(n_parameters));
        assert!((number("mean_log_likelihood") * 272.0 - total).abs() < 1e-9);
        assert!((number("aic") - (2.0 * p - 2.0 * total)).abs() < 1e-9);
        assert!((number("bic") - (p * 272f64.ln() - 2.0 * total)).abs() < 1e-9);
        assert_eq!(report["n_iter"].as_u64().unwrap() as usize, report["lower_bounds"].as_array().unwrap().len());
        assert_eq!(report["lower_bounds"].as_array().unwrap().last().unwrap(), &report["lower_bound"]);
        assert!(number("epoch_ms_median") > 0.0);
        assert!(report["seconds"]["total"].as_f64() >= report["seconds"]["epochs"].as_f64());
        let mut all = Vec::new();
        numbers(&report, &mut all);
        assert!(all.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn a_fit_that_did_not_converge_says_so_and_is_no_error() {
    let place = Place::new();
    let outcome = place.run(&format!("fit {} -k 2 --max-iter 1 --json --device cpu", faithful()));
    assert!(outcome.stderr.contains("warning: the fit did not converge in 1 epochs"), "{}", outcome.stderr);
    let report = outcome.json();
    assert_eq!((&report["converged"], &report["n_iter"]), (&Value::from(false), &Value::from(1)));
    assert!(report["warnings"][0].as_str().unwrap().contains("did not converge"));
}

#[test]
fn no_epochs_give_the_initialisation_and_nulls() {
    let report = Place::new().run(&format!("fit {} -k 2 --max-iter 0 --json --device cpu", faithful())).json();
    assert_eq!((&report["lower_bound"], &report["epoch_ms_median"]), (&Value::Null, &Value::Null));
    assert_eq!(report["lower_bounds"], Value::Array(Vec::new()));
    assert!(report["log_likelihood"].is_number());
}

#[test]
fn progress_goes_to_standard_error_and_quiet_means_silent() {
    let place = Place::new();
    let args = format!("fit {} -k 2 --tol 0 --max-iter 35 --device cpu", faithful());
    let outcome = place.run(&args);
    let epochs: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("epoch")).collect();
    let shown: Vec<usize> =
        epochs.iter().map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(shown, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 35]);
    assert!(epochs[1].contains("lower bound -4.1") && epochs[1].contains("samples/s"), "{}", epochs[1]);

    let quiet = place.run(&format!("{args} --quiet"));
    assert_eq!((quiet.status, quiet.stdout.as_str(), quiet.stderr.as_str()), (0, "", ""));
}

#[test]
fn the_summary_is_readable_at_a_hundred_columns() {
    let place = Place::new();
    let outcome = place.run(&format!("fit {} -k 2 --out model.json --device cpu", faithful()));
    for part in ["272", "full", "converged", "-1130.26", "BIC", "eruptions", "waiting", "0.3559", "model.json", "±"] {
        assert!(outcome.stdout.contains(part), "'{part}' is not in\n{}", outcome.stdout);
    }
    let wide: Vec<f64> = (0..60 * 9).map(|i| f64::from(i * i % 997) * 1e-3 - 0.4).collect();
    place.write("wide.npy", npy_f64("(60, 9)", &wide));
    let outcome = place.run("fit wide.npy -k 25 --covariance diag --device cpu");
    assert!(outcome.lines().iter().all(|line| line.chars().count() <= 100), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("and 5 more components"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("more features"), "{}", outcome.stdout);
}

#[test]
fn a_model_file_comes_back_bit_for_bit() {
    for family in ["full", "tied", "diag", "spherical"] {
        let place = Place::new();
        let first =
            place.run(&format!("fit {} -k 3 --covariance {family} --out one.json --json --device cpu", faithful()));
        let report = first.json();
        let again = place
            .run(&format!("fit {} --init-model one.json --max-iter 0 --out two.json --quiet --device cpu", faithful()));
        assert_eq!(again.status, 0, "{}", again.stderr);
        let model = |name: &str| -> Value { serde_json::from_slice(&place.read(name)).unwrap() };
        let (one, two) = (model("one.json"), model("two.json"));
        for field in ["weights", "means", "covariances"] {
            assert_eq!(one[field], two[field], "{field}");
            assert_eq!(one[field], report[field], "{field}");
        }
        assert_eq!((&one["format"], &one["version"]), (&Value::from("mixtura-model"), &Value::from(1)));
        assert_eq!(one["feature_names"], serde_json::json!(["eruptions", "waiting"]));
        let fit = "device n_samples total_weight init seed tol floor max_iter n_init converged n_iter lower_bound \
            lower_bounds log_likelihood";
        assert_eq!(keys(&one["fit"]), fit.split_whitespace().collect());
        assert_eq!((&two["fit"]["init"], &two["fit"]["lower_bound"]), (&Value::from("model"), &Value::Null));
    }
}

#[test]
fn integer_weights_equal_repeated_rows() {
    let place = Place::new();
    place.write("weighted.csv", "a,w\n1,2\n2,1\n9,3\n10,1\n11,0\n");
    place.write("repeated.csv", "a\n1\n1\n2\n9\n9\n9\n10\n");
    place.write("a.npy", npy_f64("(5, 1)", &[1.0, 2.0, 9.0, 10.0, 11.0]));
    place.write("w.csv", "2\n1\n3\n1\n0\n");
    place.write("w.npy", npy_f64("(5,)", &[2.0, 1.0, 3.0, 1.0, 0.0]));
    place.write(
        "m.json",
        MODEL
            .replace("[[0,0],[10,10]]", "[[1],[9]]")
            .replace("[[1,1],[1,1]]", "[[1],[1]]")
            .replace("\"n_features\":2", "\"n_features\":1")
            .replace("[\"a\",\"b\"]", "null"),
    );
    let options = "--init-model m.json --json --quiet --device cpu";
    let expected = place.run(&format!("fit repeated.csv {options}")).json();
    for data in
        ["weighted.csv --weights w", "weighted.csv --weights 1", "a.npy --weights w.npy", "a.npy --weights w.csv"]
    {
        let report = place.run(&format!("fit {data} {options}")).json();
        for field in ["log_likelihood", "mean_log_likelihood", "bic"] {
            let (found, expected) = (report[field].as_f64().unwrap(), expected[field].as_f64().unwrap());
            assert!((found - expected).abs() < 1e-9, "{data}: {field} is {found}, not {expected}");
        }
    }
}

#[test]
fn large_values_are_fine_in_double_precision() {
    let place = Place::new();
    place.write("large.csv", "1e30\n2e30\n3e30\n-5e30\n");
    let report = place.run("fit large.csv -k 1 --json --quiet --device cpu").json();
    assert!((report["means"][0][0].as_f64().unwrap() / 0.25e30 - 1.0).abs() < 1e-12);
}

#[test]
fn single_precision_fits_the_same_model_and_says_so() {
    let fit = |precision: &str| {
        Place::new().run(&format!("fit {} -k 2 --json --device cpu --precision {precision}", faithful())).json()
    };
    let (double, single) = (fit("f64"), fit("f32"));
    assert_eq!((&double["device"]["precision"], &single["device"]["precision"]), (&"f64".into(), &"f32".into()));
    let bound = |report: &serde_json::Value| report["lower_bound"].as_f64().unwrap();
    assert!((bound(&double) - bound(&single)).abs() < 1e-5);
    assert_ne!(bound(&double), bound(&single));
}
