//! The same results on every instruction set that the machine has: `MIXTURA_INSTRUCTIONS` forces one.

use crate::support::{Outcome, Place, faithful};

fn run(place: &Place, instructions: &str, arguments: &str) -> Outcome {
    let output = place.command(arguments).env("MIXTURA_INSTRUCTIONS", instructions).output().unwrap();
    Outcome {
        status: output.status.code().expect("ended by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Instruction sets of this processor.
fn instruction_sets(place: &Place) -> Vec<&'static str> {
    place.write("few.csv", "0\n1\n5\n6\n");
    let has = |name: &&str| {
        let outcome = run(place, name, "fit few.csv -k 2 --device cpu -q");
        let said = format!("error: MIXTURA_INSTRUCTIONS is {name}\n  help: it must be scalar, avx2");
        assert!(outcome.status == 0 || outcome.stderr.starts_with(&said), "{}", outcome.stderr);
        outcome.status == 0
    };
    let sets: Vec<&str> = ["scalar", "avx2", "avx512", "neon"].into_iter().filter(has).collect();
    assert!(sets.contains(&"scalar"));
    #[cfg(target_arch = "x86_64")]
    assert_eq!(sets.contains(&"avx2"), is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"));
    sets
}

/// A number between 0 and 1 that looks random.
fn noise(i: usize, stream: usize) -> f64 {
    ((i * (2 * stream + 1)) as f64 * 0.618_033_988_749_895 + stream as f64 * 0.754_877_666_246_693).fract()
}

/// Roughly normal.
fn normal(i: usize, stream: usize) -> f64 {
    (0..4).map(|part| noise(i, 4 * stream + part)).sum::<f64>() * 1.7 - 3.4
}

type Row = fn(usize) -> Vec<f64>;

/// Samples of many kinds: with ties between clusters, with copies, with far values, and without any structure.
const DATA: [(&str, usize, Row); 9] = [
    ("a lattice", 144, |i| vec![(i % 12) as f64, (i / 12) as f64]),
    ("two squares, one the image of the other", 200, |i| {
        let side = if i % 2 == 0 { 1.0 } else { -1.0 };
        vec![side * (1.0 + (i / 2 % 10) as f64), side * (i / 20) as f64]
    }),
    ("few distinct rows", 300, |i| vec![(i % 7) as f64 / 3.0, (i % 5) as f64 / 3.0]),
    ("counts full of zeros", 250, |i| vec![if i % 3 == 0 { (i % 8) as f64 } else { 0.0 }, (i % 4) as f64]),
    ("clusters that touch", 400, |i| vec![normal(i, 1) + 3.0 * (i % 3) as f64, normal(i, 2) - 2.0 * (i % 2) as f64]),
    ("correlated", 300, |i| vec![normal(i, 1) + normal(i, 2), normal(i, 1) - 0.9 * normal(i, 2), normal(i, 3)]),
    ("no structure", 200, |i| vec![noise(i, 1), noise(i, 2), noise(i, 3), noise(i, 5)]),
    ("heavy tails", 300, |i| vec![(2.0 * normal(i, 1)).exp(), (2.0 * normal(i, 2)).exp()]),
    ("far values", 300, |i| vec![normal(i, 1) + if i % 60 == 0 { 1e7 } else { 8.0 * (i % 2) as f64 }, normal(i, 3)]),
];

#[test]
fn starts_labels_and_order_are_the_same_on_every_instruction_set() {
    let place = Place::new();
    let sets = instruction_sets(&place);
    let mut files = vec![("Old Faithful", faithful())];
    for (name, n, row) in DATA {
        let lines = (0..n).map(|i| row(i).iter().map(f64::to_string).collect::<Vec<_>>().join(",") + "\n");
        let file = format!("{}.csv", name.replace([' ', ','], "-"));
        place.write(&file, lines.collect::<String>());
        files.push((name, file));
    }
    for (name, file) in files {
        for family in ["full", "tied", "diag", "spherical"] {
            for k in [2, 4] {
                let labels = |instructions: &str, epochs: usize| {
                    let fit = format!(
                        "fit {file} -k {k} --covariance {family} --max-iter {epochs} --device cpu --n-init 2 -q --out m.json"
                    );
                    let fitted = run(&place, instructions, &fit);
                    assert_eq!(fitted.status, 0, "{name}, {instructions}: {}", fitted.stderr);
                    run(&place, instructions, &format!("predict m.json {file} --device cpu")).stdout
                };
                for epochs in [0, 100] {
                    let expected = labels(sets[0], epochs);
                    for other in &sets[1..] {
                        let found = labels(other, epochs);
                        assert!(
                            found == expected,
                            "{name}, {family}, K = {k}, {epochs} epochs: {other} and {}",
                            sets[0]
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn an_instruction_set_that_is_not_there_is_wrong_usage() {
    let place = Place::new();
    let outcome = run(&place, "mmx", &format!("fit {} -k 2 --device cpu", faithful()));
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("MIXTURA_INSTRUCTIONS is mmx"), "{}", outcome.stderr);
    let device = run(&place, "scalar", &format!("fit {} -k 2 --device cpu --json -q", faithful())).json();
    assert!(!device["device"]["name"].as_str().unwrap().contains("AVX"), "{device}");
}
