//! Rules of update, floors, repairs and verification on the command line.

use serde_json::Value;

use crate::support::{Place, faithful, npy_f64};

const RULES: [&str; 6] = [
    "--update em",
    "--update damped --learning-rate 0.5",
    "--update gradient --learning-rate 0.02 --momentum 0.5",
    "--accelerate squarem",
    "--update stepwise --batch-size 50 --polish",
    "--update stepwise --batch-size 272 --decay 1 --polish",
];

#[test]
fn every_rule_comes_to_the_same_model_of_old_faithful() {
    let place = Place::new();
    for rule in RULES {
        let args = "-k 2 --floor 0 --tol 1e-7 --max-iter 3000 --json --quiet --device cpu";
        let report = place.run(&format!("fit {} {args} {rule}", faithful())).json();
        let log_likelihood = report["log_likelihood"].as_f64().unwrap();
        // A ten-thousandth of a nat for each of the 272 samples.
        assert!((log_likelihood + 1130.263960).abs() < 0.0272, "{rule}: {log_likelihood}");
        assert_eq!(report["converged"], true, "{rule}");
    }
}

#[test]
fn every_rule_goes_on_from_its_checkpoint_with_the_same_bits() {
    for rule in RULES {
        let place = Place::new();
        let fit = format!("fit {} -k 4 --init random --seed 3 --tol 0 -q --device cpu", faithful());
        assert_eq!(place.run(&format!("{fit} {rule} --max-iter 11 --out whole.json")).status, 0, "{rule}");
        let part = place.run(&format!("{fit} {rule} --max-iter 5 --checkpoint c --checkpoint-every 5"));
        assert_eq!(part.status, 0, "{}", part.stderr);
        let rest =
            place.run(&format!("fit {} --resume c --max-iter 11 --out resumed.json -q --device cpu", faithful()));
        assert_eq!(rest.status, 0, "{}", rest.stderr);
        assert_eq!(place.read("resumed.json"), place.read("whole.json"), "{rule}");
        let other = place.run(&format!("fit {} --resume c --update damped --learning-rate 0.1", faithful()));
        assert_eq!(other.status, 2);
        assert!(other.stderr.contains("--update is damped, but the checkpoint of --resume has"), "{}", other.stderr);
    }
}

#[test]
fn arguments_that_have_no_meaning_for_a_rule_are_refused() {
    let cases = [
        ("--learning-rate 0.1", "--learning-rate has no meaning for --update em"),
        ("--update damped --momentum 0.9", "--momentum has no meaning for --update damped"),
        ("--update gradient --batch-size 9", "--batch-size has no meaning for --update gradient"),
        ("--polish", "--polish has no meaning for --update em"),
        ("--update gradient --accelerate squarem", "--accelerate has no meaning for --update gradient"),
        ("--floor 1e-6 --reg-covar 1e-6", "cannot be used with"),
        ("--on-collapse mend", "invalid value 'mend'"),
    ];
    for (args, message) in cases {
        let outcome = Place::new().run(&format!("fit {} -k 2 {args}", faithful()));
        assert_eq!(outcome.status, 2, "{args}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(message), "{args}: {}", outcome.stderr);
    }
    let wrong = [
        ("--update damped --learning-rate 2", "the learning rate is 2"),
        ("--update gradient --momentum 1", "the momentum is 1"),
        ("--update stepwise --decay 0.5", "the decay is 0.5"),
        ("--update stepwise --batch-size 0", "the batch size is 0"),
        ("--floor -1", "the covariance floor is -1"),
    ];
    for (args, message) in wrong {
        let outcome = Place::new().run(&format!("fit {} -k 2 {args}", faithful()));
        assert_ne!(outcome.status, 0);
        assert!(outcome.stderr.contains(message), "{args}: {}", outcome.stderr);
    }
}

/// Half of the samples are equal: without a floor, their component has no covariance.
fn half_equal(place: &Place) {
    let values: Vec<f64> = (0..80)
        .flat_map(|n| if n % 2 == 0 { [50.0, 50.0] } else { [f64::from(n * 7 % 11), f64::from(n * 5 % 13)] })
        .collect();
    place.write("x.npy", npy_f64("(80, 2)", &values));
}

#[test]
fn a_collapse_is_repaired_dropped_or_an_error_and_is_told() {
    let place = Place::new();
    half_equal(&place);
    let fit = "fit x.npy -k 2 --reg-covar 0 --device cpu";
    let repaired = place.run(&format!("{fit} --json --out m.json"));
    assert_eq!(repaired.status, 0, "{}", repaired.stderr);
    assert!(repaired.stderr.contains("repair: initialisation: component "), "{}", repaired.stderr);
    assert!(repaired.stderr.contains("and began anew at row "), "{}", repaired.stderr);
    let repairs = &repaired.json()["repairs"];
    assert!(repairs[0]["remedy"]["moved-to"]["row"].is_u64(), "{repairs}");
    assert!(repairs[0]["collapse"]["not-positive-definite"]["feature"].is_u64(), "{repairs}");

    let dropped = place.run(&format!("{fit} --on-collapse drop --out m.json"));
    assert_eq!(dropped.status, 0, "{}", dropped.stderr);
    assert!(dropped.stderr.contains("and was dropped"), "{}", dropped.stderr);
    assert!(dropped.stderr.contains("warning: 1 of 2 components were dropped"), "{}", dropped.stderr);
    let model: Value = serde_json::from_slice(&place.read("m.json")).unwrap();
    assert_eq!(model["n_components"], 1);
    assert_eq!(model["fit"]["reg_covar"], 0.0);

    let refused = place.run(&format!("{fit} --on-collapse error"));
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("collapsed along feature"), "{}", refused.stderr);
}

#[test]
fn a_fit_that_dropped_components_goes_on_from_its_checkpoint() {
    let place = Place::new();
    half_equal(&place);
    let fit = "fit x.npy -k 2 --reg-covar 0 --device cpu --on-collapse drop --tol 0 -q";
    let checkpoint = "--checkpoint c --checkpoint-every 1";
    assert_eq!(place.run(&format!("{fit} --max-iter 2 {checkpoint}")).status, 0);
    let whole = place.run(&format!("{fit} --max-iter 4 --json")).json();
    let resumed = place.run("fit x.npy --device cpu --resume c --max-iter 4 --json -q").json();
    for field in ["means", "lower_bounds", "repairs"] {
        assert_eq!(resumed[field], whole[field], "{field}");
    }
}

#[test]
fn the_floor_follows_the_units_and_reg_covar_does_not() {
    let place = Place::new();
    let samples: Vec<f64> = (0..60).map(|n| f64::from(n % 3) * 5.0 + f64::from(n * 7 % 10) * 0.1).collect();
    place.write("m.npy", npy_f64("(60, 1)", &samples));
    place.write("nm.npy", npy_f64("(60, 1)", &samples.iter().map(|x| x * 1e-9).collect::<Vec<_>>()));
    let fitted = |name: &str, floor: &str| {
        let report = place.run(&format!("fit {name} -k 3 {floor} --json -q --device cpu")).json();
        report["means"].as_array().unwrap().iter().map(|mean| mean[0].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let (metres, nanometres) = (fitted("m.npy", ""), fitted("nm.npy", ""));
    assert!(metres.iter().zip(&nanometres).all(|(m, nm)| (m - nm * 1e9).abs() < 1e-6), "{metres:?} {nanometres:?}");
    // The spread of nanometres is far below the root of 1e-6.
    let flat = fitted("nm.npy", "--reg-covar 1e-6");
    assert!(metres.iter().zip(&flat).any(|(m, nm)| (m - nm * 1e9).abs() > 0.1), "{metres:?} {flat:?}");
}

#[test]
fn verification_tells_what_the_f64_backend_finds() {
    let fit = format!("fit {} -k 2 --device cpu", faithful());
    let place = Place::new();
    let double = place.run(&format!("{fit} --verify --json -q")).json();
    assert_eq!(double["verified"]["difference"], 0.0);
    assert_eq!(double["verified"]["mean_log_likelihood"], double["mean_log_likelihood"]);
    let single = place.run(&format!("{fit} --precision f32 --verify --json -q")).json();
    let difference = single["verified"]["difference"].as_f64().unwrap();
    assert!(difference != 0.0 && difference.abs() < 1e-5, "{difference}");
    let summary = |args: &str| {
        let text = place.run(&format!("{fit} --verify {args}")).stdout;
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(summary("").contains("the fit was in f64 itself, and holds"), "{}", summary(""));
    let single = summary("--precision f32");
    assert!(single.contains(": that is rounding, and the fit holds"), "{single}");
    assert!(place.run(&format!("{fit} --json -q")).json().get("verified").is_none());
}
