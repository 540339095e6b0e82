//! Rows on standard input: answered as they come, found by name, and answered in spite of those that cannot be read.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{MODEL, Place};

fn place() -> Place {
    let place = Place::new();
    place.write("model.json", MODEL);
    place
}

#[test]
fn each_row_on_standard_input_is_answered_before_the_next_one_comes() {
    let place = place();
    for (args, rows, answers) in [
        ("", ["b,note,a", "1,x,0", "10,\"y\",9"], [None, Some("0"), Some("1")]),
        ("--columns 0,2", ["1,x,0", "10,y,9", "1,z,1"], [Some("0"), Some("1"), Some("0")]),
        ("--append --header-out", ["a,b", "0,1", "9,10"], [None, Some("a,b,label"), Some("9,10,1")]),
    ] {
        let mut command = place.command(&format!("predict model.json - --device cpu {args}"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || BufReader::new(output).lines().for_each(|line| sender.send(line.unwrap()).unwrap()));
        // Patience for a busy machine; an answer that waits for more input never comes.
        let next = || lines.recv_timeout(Duration::from_secs(60)).expect("an answer");
        for (row, answer) in rows.iter().zip(answers) {
            // No later than the pause, or the rows would come together.
            thread::sleep(Duration::from_millis(100));
            writeln!(input, "{row}").unwrap();
            if let Some(answer) = answer {
                assert_eq!(next(), answer, "{args}: {row}");
                if answer == "a,b,label" {
                    assert_eq!(next(), "0,1,0");
                }
            }
        }
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn much_on_standard_input_is_answered_as_from_a_file() {
    let place = place();
    let rows: String = (0..200_003).map(|i| format!("{},{}\n", i % 13, i % 11)).collect();
    place.write("x.csv", &rows);
    let begin = Instant::now();
    let expected = place.run("predict model.json x.csv --device cpu").stdout;
    let of_file = begin.elapsed();
    let begin = Instant::now();
    // Its answers are read while it is written.
    let mut command = place.command("predict model.json - --device cpu");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = thread::spawn(move || input.write_all(rows.as_bytes()).unwrap());
    let found = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(String::from_utf8(found.stdout).unwrap() == expected);
    assert!(begin.elapsed() < 20 * of_file + Duration::from_secs(5), "rows must not be answered one by one");
}

#[test]
fn rows_that_cannot_be_read_are_left_out_or_have_no_answer_and_are_told() {
    let place = place();
    let text = "a,b,id\n0,1,p\noops,1,q\n9,10,r\n,3,s\n9,inf,t\n9\n0,0,u\n";
    place.write("x.csv", text);
    let refused = place.run("predict model.json x.csv --device cpu");
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("x.csv:3: column 0 (a) is 'oops', not a number"), "{}", refused.stderr);
    let run = |args: &str| {
        let file = place.run(&format!("predict model.json x.csv --device cpu --append {args}"));
        let piped =
            place.run_with_input(&format!("predict model.json - --device cpu --append {args}"), text.as_bytes());
        assert_eq!(piped.stdout, file.stdout, "{args}");
        assert!(piped.stderr.contains("standard input:3: column 0 (a) is 'oops', not a number"), "{}", piped.stderr);
        file
    };
    let skipped = run("--bad-rows skip --row-number");
    assert_eq!(skipped.lines(), ["0,1,p,0,0", "9,10,r,2,1", "0,0,u,6,0"]);
    let told = "note: 4 rows are left out; the first: x.csv:3: column 0 (a) is 'oops', not a number\n";
    assert_eq!(skipped.stderr, told);
    let labels = run("--bad-rows nan");
    assert_eq!(labels.lines(), ["0,1,p,0", "oops,1,q,-1", "9,10,r,1", ",3,s,-1", "9,inf,t,-1", "9,,,-1", "0,0,u,0"]);
    assert!(labels.stderr.starts_with("note: 4 rows have no answer; the first: x.csv:3: "), "{}", labels.stderr);
    let densities = run("--bad-rows nan --log-density");
    let nan: Vec<bool> = densities.lines().iter().map(|line| line.ends_with(",NaN")).collect();
    assert_eq!(nan, [false, true, false, true, true, true, false]);
    assert!(run("--bad-rows nan --proba").lines()[1].ends_with(",NaN,NaN"));
    // Missing values that are integrated out are no bad rows.
    let missing = run("--bad-rows skip --missing marginalize");
    assert_eq!(missing.lines().len(), 4, "{}", missing.stdout);
    assert!(missing.stderr.contains("3 rows are left out"), "{}", missing.stderr);
    // The lowest have a density.
    let lowest = run("--bad-rows nan --lowest 9");
    assert_eq!(lowest.lines().len(), 3);
    let document = place.run("predict model.json x.csv --bad-rows nan --log-density --json --device cpu -q").json();
    assert!(document["log_densities"][1].is_null() && document["log_densities"][0].is_number(), "{document}");
}

#[test]
fn nulls_and_numbers_out_of_range_are_bad_rows_in_every_format() {
    let place = place();
    for name in ["missing.parquet", "missing.feather"] {
        let name = crate::support::table(name);
        let outcome = place.run(&format!("predict model.json {name} --bad-rows nan --device cpu"));
        assert_eq!(outcome.lines(), ["0", "-1", "0", "1", "-1"], "{name}");
        assert!(outcome.stderr.contains("2 rows have no answer; the first: "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("row 1, column 1 (b) is NaN"), "{}", outcome.stderr);
    }
    place.write("x.npy", crate::support::npy_f64("(3, 2)", &[0.0, 1.0, 1e200, 1.0, 9.0, 10.0]));
    let outcome = place.run("predict model.json x.npy --bad-rows skip --row-number --device cpu");
    assert_eq!(outcome.lines(), ["0,0", "2,1"]);
    assert!(outcome.stderr.contains("1 row is left out; x.npy: row 1, column 0 is 1e200"), "{}", outcome.stderr);
}

#[test]
fn names_on_standard_input_are_those_of_the_model_or_what_is_missing_is_told() {
    let place = place();
    let refused = |input: &str| {
        let outcome = place.run_with_input("predict model.json - --device cpu", input.as_bytes());
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{input}");
        outcome.stderr
    };
    let told = refused("B,A\n1,2\n");
    assert!(told.contains("there is no column 'a', a feature of the model, nor 1 more"), "{told}");
    assert!(told.contains("capitals are told from small letters") && told.contains("--columns A,B"), "{told}");
    let outcome = place.run_with_input("predict model.json - --device cpu --columns A,B", b"B,A\n1,0\n");
    assert_eq!(outcome.lines(), ["0"]);
    for input in ["x,y\n1,2\n", "a,y\n1,2\n", "a;c\n1;2\n", "b,origin\n1,2\n"] {
        let told = refused(input);
        assert!(told.contains("there is no column '") && told.contains("help: the columns are "), "{told}");
        assert!(told.contains("choose columns in the model's order: --columns"), "{told}");
    }
}
