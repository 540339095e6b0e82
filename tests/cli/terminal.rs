//! What is read on a terminal: tables as wide as it is, colours where it has some, names that command nothing, and the
//! files and the time of a fit.

use std::process::Command;

use serde_json::Value;

use crate::support::{Outcome, Place, faithful};

fn text(mut command: Command) -> (String, String) {
    let output = command.output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Nine features of long names, of which a model of 25 components is fitted.
fn place() -> Place {
    let place = Place::new();
    let names: Vec<String> = (0..9).map(|i| format!("a_rather_long_name_{i}")).collect();
    let mut table = names.join(",") + "\n";
    for row in 0..300_u64 {
        let value = |i: u64| (row * 7919 + i * 104_729).wrapping_mul(2_654_435_761) % 10_007;
        table += &((0..9).map(|i| value(i).to_string()).collect::<Vec<_>>().join(",") + "\n");
    }
    place.write("wide.csv", table);
    let fit = place.run("fit wide.csv -k 25 --max-iter 3 -q --device cpu -o wide.json");
    assert_eq!(fit.status, 0, "{}", fit.stderr);
    place
}

#[test]
fn no_line_of_a_table_is_wider_than_the_terminal() {
    let place = place();
    for width in [60, 80, 200] {
        let mut features_shown = Vec::new();
        for args in [
            "fit wide.csv -k 3 --max-iter 3 --device cpu --verify --plot p.svg --trace t.csv -o m.json",
            "fit wide.csv -k 3 --max-iter 20 --device cpu --start coarse-to-fine",
            "inspect wide.json",
            "inspect wide.json --all --covariances",
            "score wide.json wide.csv --device cpu",
            "select wide.csv -k 1..3 --device cpu",
            "devices",
            "bench -n 500 -d 2 -k 2 --epochs 2 --profile",
            "version",
            "fit --help",
        ] {
            let mut command = place.command(args);
            command.env("COLUMNS", width.to_string());
            let (stdout, stderr) = text(command);
            assert!(!stdout.is_empty(), "{args}: {stderr}");
            for line in stdout.lines() {
                assert!(line.chars().count() <= width, "{args} at {width}: {line}");
            }
            if args == "inspect wide.json" {
                features_shown.push(stdout.matches("a_rather").count());
            }
        }
        let [n] = features_shown[..] else { panic!("{features_shown:?}") };
        assert!(if width == 200 { n >= 6 } else { (1..6).contains(&n) }, "{n} features at {width}");
    }
}

#[test]
fn a_model_is_shown_in_part_or_as_a_whole_and_with_its_covariances() {
    let place = place();
    let part = place.run("inspect wide.json").stdout;
    assert!(part.contains("and 5 more components, of weight ") && part.contains(" more feature"), "{part}");
    let all = place.run("inspect wide.json --all").stdout;
    assert!(!all.contains("more component") && !all.contains("more feature"), "{all}");
    assert!(
        (0..9).all(|i| all.contains(&format!("a_rather_long_name_{i}"))) && all.contains("\n         24  "),
        "{all}"
    );
    let faithful = faithful();
    for (family, titles) in [
        ("full", &["covariance of 0", "covariance of 1"][..]),
        ("tied", &["covariance of all"]),
        ("diag", &["variances of"]),
        ("spherical", &["variance of  all features"]),
    ] {
        place.run(&format!("fit {faithful} -k 2 --covariance {family} -o m.json -q --device cpu"));
        let text = place.run("inspect m.json --covariances").stdout;
        assert!(titles.iter().all(|title| text.contains(title)), "{family}: {text}");
        let first = place.run("inspect m.json --json").json()["covariances"].clone();
        let first = std::iter::successors(Some(&first), |list| list.get(0)).last().and_then(Value::as_f64).unwrap();
        let shown = format!("{first:.*}", (4.0 - first.log10().floor()) as usize);
        assert!(text.contains(&shown), "{family}: {shown} is not in {text}");
    }
}

#[test]
fn failures_have_the_colours_of_wrong_usage_where_colours_are_wanted() {
    let place = place();
    let stderr = |args: &str, variables: &[(&str, &str)]| {
        let mut command = place.command(args);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").envs(variables.iter().copied());
        text(command).1
    };
    let (failure, usage) = ("fit nofile -k 2", "fit --nonsense");
    let begin = |text: &str| text.split("error:").next().unwrap().to_owned();
    let coloured = stderr(failure, &[("CLICOLOR_FORCE", "1")]);
    assert!(begin(&coloured).contains('\x1b'), "{coloured:?}");
    assert_eq!(begin(&coloured), begin(&stderr(usage, &[("CLICOLOR_FORCE", "1")])));
    for variables in [&[][..], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]] {
        assert!(stderr(failure, variables).starts_with("error: nofile: cannot be read"), "{variables:?}");
    }
}

#[test]
fn names_in_files_command_no_terminal() {
    let place = Place::new();
    place.write("x.csv", "a\x1b[31m,b\n1,2\n3,4\n5,7\n");
    let fit = place.run("fit x.csv -k 1 --device cpu");
    let is_plain = |text: &str| !text.contains(|c: char| c.is_control() && c != '\n');
    assert!(fit.status == 0 && is_plain(&fit.stdout) && is_plain(&fit.stderr), "{:?}", fit.stdout);
}

fn names(place: &Place, outcome: &Outcome, files: &[&str]) {
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let said = outcome.stdout.clone() + &outcome.stderr;
    for file in files {
        assert!(said.lines().any(|line| line.trim_end().ends_with(file)), "{file} is not named in {said}");
        let path = file.trim_start_matches("wrote: ").split(' ').next().unwrap();
        assert!(place.path(path).exists(), "{file} was not written");
    }
}

#[test]
fn every_file_that_is_written_is_named_in_the_end() {
    let place = place();
    let fit = "fit wide.csv -k 2 --device cpu";
    names(
        &place,
        &place.run(&format!("{fit} -o m.json --trace t.csv --plot p.svg --checkpoint c.ckpt --checkpoint-every 1")),
        &["m.json", "t.csv", "p.svg", "c.ckpt"],
    );
    names(&place, &place.run(&format!("{fit} -o m.pkl")), &["m.pkl (JSON, as all models are)"]);
    names(
        &place,
        &place.run("select wide.csv -k 1,2 --device cpu -o s.json --table s.csv --plot s.svg --checkpoint s.ckpt"),
        &["s.json", "s.csv", "s.svg", "s.ckpt"],
    );
    names(&place, &place.run("predict m.json wide.csv -o labels.npy"), &["wrote: labels.npy"]);
    names(&place, &place.run("sample m.json -n 3 -o x.npy --labels l.npy"), &["wrote: x.npy", "wrote: l.npy"]);
    names(&place, &place.run("convert wide.csv wide.npy"), &["wrote: wide.npy"]);
    names(&place, &place.run("impute m.json wide.csv -o filled.csv"), &["wrote: filled.csv"]);
    assert_eq!(place.run("convert wide.csv wide.npy -q").stderr, "");
    let short = place.run(&format!("{fit} --max-iter 2 --checkpoint later.ckpt")).stdout;
    assert!(!short.contains("later.ckpt") && !place.names().contains(&"later.ckpt".to_owned()), "{short}");
}

#[test]
fn the_parts_of_the_time_have_names_and_add_up() {
    let place = place();
    let args = "fit wide.csv -k 4 --device cpu --verify --plot p.png --checkpoint c.ckpt --checkpoint-every 1";
    // The processor may be taken away between two parts: what is counted in one of three runs is counted.
    let adds_up = |_| {
        let seconds = place.run(&format!("{args} --json")).json()["seconds"].clone();
        let seconds = seconds.as_object().unwrap();
        let total = seconds["total"].as_f64().unwrap();
        let parts = seconds.iter().filter(|(name, _)| *name != "total").map(|(_, part)| part.as_f64().unwrap());
        let parts: f64 = parts.sum();
        assert!(parts <= total * (1.0 + 1e-9), "{parts} of {total}: {seconds:?}");
        parts >= 0.9 * total - 0.02
    };
    assert!((0..3).any(adds_up));
    let text = place.run(args).stdout;
    let time: String = text.lines().skip_while(|line| !line.starts_with("  time ")).take(3).collect();
    for part in ["open ", "read ", "upload ", "initialisation ", "epochs ", "writing "] {
        assert!(time.contains(part), "{part} is not in {time}");
    }
}
