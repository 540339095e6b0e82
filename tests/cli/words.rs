//! What newcomers type, by the habits of other programs or by mistake: each is right, or leads to what is right in one
//! step.

use crate::support::{MODEL, Outcome, Place, faithful};

/// The first of the two lines of an error, and the help below it.
fn answer(outcome: &Outcome) -> (String, String) {
    let start = outcome.stderr.find("error: ").unwrap_or_else(|| panic!("no error in {}", outcome.stderr));
    let (problem, help) = outcome.stderr[start..].split_once('\n').unwrap();
    assert!(!outcome.stderr.contains(|c: char| c.is_control() && c != '\n'), "{:?}", outcome.stderr);
    (problem.to_owned(), help.to_owned())
}

fn place() -> Place {
    let place = Place::new();
    place.write("model.json", MODEL);
    place.write("in.csv", "a,name,b\n1,HNL,2\n2,SFO,4\n4,LAX,3\n");
    place.write("bare.csv", "1,HNL,2\n2,SFO,4\n4,LAX,3\n");
    place.write("good.csv", "a,b\n1,2\n2,4\n4,3\n");
    place.write("weighed.csv", "a,b,w\n1,2,1\n2,4,2\n");
    place.write("euro.csv", "a;b\n1,5;2,5\n3,5;4,5\n");
    place.write("seg.png", b"\x89PNG\r\n\x1a\nab\x1b[31mcd\n1,2\n");
    place.write("photo.csv", b"\xff\xd8\xff\xe0JFIF\n");
    place.write("sheet.xlsx", [b"PK\x03\x04".as_slice(), &[0; 26], b"[Content_Types].xml"].concat());
    place
}

#[test]
fn the_names_of_scikit_learn_are_those_of_flags() {
    let place = place();
    let fit = |args: &str| place.run(&format!("fit good.csv {args} --device cpu --json")).json();
    let ours = fit("-k 1 --seed 3 --covariance diag --init random --weights b");
    let theirs = fit("--n-components 1 --random-state 3 --covariance-type diag --init-params random --sample-weight b");
    for field in ["means", "weights", "covariances", "covariance_type", "lower_bound"] {
        assert_eq!(ours[field], theirs[field], "{field}");
    }
    assert_eq!(place.run("select good.csv -k 1 --random-state 3 --covariance-type diag -q").status, 0);
    assert_eq!(place.run("sample model.json --n-samples 3 --random-state 3 -o drawn.npy").status, 0);
    assert_eq!(place.run("score model.json weighed.csv --sample-weight w").status, 0);
    let help = place.run("fit --help").stdout;
    for word in ["--random-state", "--covariance-type", "--init-params", "--sample-weight", "-o, --out", "--threads"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn out_has_a_letter_and_threads_and_verbosity_can_be_set() {
    let place = place();
    let fit = place.run("fit good.csv -k 1 --threads 1 --verbose -o fitted.json --tol 0 --max-iter 15 --device cpu");
    assert_eq!(fit.status, 0, "{}", fit.stderr);
    assert!(fit.stdout.contains("on 1 thread "), "{}", fit.stdout);
    assert!(fit.stderr.contains("epoch  11 ") && fit.stderr.contains("epoch  15 "), "{}", fit.stderr);
    assert!(place.names().contains(&"fitted.json".to_owned()));
    assert_eq!(place.run("fit good.csv -k 1 --threads 0").status, 2);
    let slow = format!("fit {} -k 3 --init random --tol 0 --max-iter 25 --device cpu", faithful());
    let lines = |args: &str| place.run(&format!("{slow} {args}")).stderr.matches("epoch ").count();
    assert_eq!((lines(""), lines("-v"), lines("-q")), (12, 25, 0));
}

#[test]
fn each_wrong_thing_leads_to_the_right_one() {
    let place = place();
    for (typed, status, problem, help) in [
        ("predict in.csv model.json", 2, "in.csv is no model, but model.json is one", "the model first"),
        ("score in.csv model.json", 2, "in.csv is no model, but model.json is one", "the model first"),
        ("impute in.csv model.json", 2, "in.csv is no model, but model.json is one", "the model first"),
        ("predict in.csv good.csv", 1, "in.csv: this is no model file: it is not JSON", "mixtura fit --out"),
        ("fit model.json -k 2", 1, "model.json: this is a model, and no table of samples", "--init-model"),
        ("fit seg.png -k 2", 1, "seg.png: this is a PNG image, and no table", "numpy.save("),
        ("fit photo.csv -k 2", 1, "photo.csv: this is a JPEG image, and no table", "reshape(-1, 3)"),
        ("fit sheet.xlsx -k 2", 1, "sheet.xlsx: this is a spreadsheet", "as .csv"),
        ("fit in.csv -k 1", 1, "column 1 (name) is 'HNL', not a number", "choose columns of numbers: --columns a,b\n"),
        ("fit bare.csv -k 1 --header no", 1, "column 1 is 'HNL'", "choose columns of numbers: --columns 0,2\n"),
        ("fit euro.csv -k 1", 1, "'1,5', a number with a decimal comma", "tr , . < old.csv > new.csv"),
        ("fit good.csv -k 1 -o no/x.json", 1, "cannot be written: there is no directory no", "make that directory"),
        ("fit good.csv -k 1 -o .", 1, ".: cannot be written: is a directory", "the name of a file in it"),
        ("fit good.csv -k 3.5", 2, "K is a whole number, 1 or more", ""),
        ("fit good.csv -k -2", 2, "K is a whole number, 1 or more", ""),
        ("fit good.csv -k 2-16", 2, "to compare several: mixtura select DATA -k 2-16", ""),
        ("fit good.csv -k 2,4", 2, "to compare several: mixtura select DATA -k 2,4", ""),
        ("completions tcsh", 2, "'tcsh'", "bash, elvish, fish, powershell, zsh"),
    ] {
        let outcome = place.run(typed);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (status, ""), "{typed}: {}", outcome.stderr);
        let (found, way_on) = answer(&outcome);
        assert!(found.contains(problem), "{typed}: '{problem}' is not in {found}");
        assert!(way_on.contains(help), "{typed}: '{help}' is not in {way_on}");
    }
}

#[test]
fn the_step_that_an_answer_gives_leads_on() {
    let place = place();
    for args in [
        "predict model.json good.csv",
        "fit in.csv -k 1 --columns a,b",
        "fit bare.csv -k 1 --header no --columns 0,2",
        "fit good.csv -k 2 --init-model model.json --max-iter 0",
        "select good.csv -k 1-2",
    ] {
        let outcome = place.run(&format!("{args} --device cpu"));
        assert_eq!(outcome.status, 0, "{args}: {}", outcome.stderr);
    }
}

#[cfg(feature = "gpu")]
#[test]
fn the_name_of_an_interface_is_no_device() {
    let place = place();
    for device in ["cuda", "cuda:0", "ROCm", "mps"] {
        let (problem, help) = answer(&place.run(&format!("fit good.csv -k 1 --device {device}")));
        assert!(
            problem.contains(&format!("{device} is no device: GPUs of all makers are reached by Vulkan")),
            "{problem}"
        );
        assert!(help.contains("use --device ") && help.contains("`mixtura devices`"), "{help}");
    }
}

#[test]
fn constant_columns_are_named() {
    let place = place();
    place.write("flat.csv", "a,b,c\n1,5,7\n2,5,7\n3,5,7\n");
    let said = |args: &str| place.run(&format!("{args} --device cpu")).stderr;
    let both = "note: columns b, c are constant, and tell no components apart: leave out by --columns a\n";
    assert!(said("fit flat.csv -k 1").contains(both));
    assert!(said("select flat.csv -k 1").contains(both));
    let one = "note: column b is constant, and tells no components apart: leave out by --columns a\n";
    assert!(said("fit flat.csv -k 1 --columns a,b").contains(one));
    assert!(!said("fit flat.csv -k 1 --columns a").contains("constant"));
    assert!(!said("fit flat.csv -k 1 -q").contains("constant"));
}

#[test]
fn one_of_a_thing_is_singular() {
    let place = place();
    let fit = place.run("fit good.csv -k 1 --columns a --device cpu");
    assert!(fit.stdout.contains("3 of 1 feature\n"), "{}", fit.stdout);
    place.write("one.csv", "1\n2\n");
    let (problem, _) = answer(&place.run("predict model.json one.csv --header no"));
    assert!(problem.contains("the data have 1 feature, the model has 2"), "{problem}");
}
