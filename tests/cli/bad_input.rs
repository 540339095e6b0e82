//! Bad input of every kind: one line says where and what, one says what to do, and no file is left behind.

use crate::support::{MODEL, Place, npy, npy_f64};

/// Arguments, exit status, a part of the line that names the problem, a part of the help.
type Case = (&'static str, i32, &'static str, &'static str);

fn check(place: &Place, cases: &[Case]) {
    let before = place.names();
    for &(args, status, problem, help) in cases {
        let outcome = place.run(args);
        let stderr = &outcome.stderr;
        assert_eq!(outcome.status, status, "{args}: {stderr}");
        assert_eq!(outcome.stdout, "", "{args}");
        let start = stderr.find("error: ").unwrap_or_else(|| panic!("{args}: no error in {stderr}"));
        let (first, rest) = stderr[start..].split_once('\n').unwrap();
        assert!(first.contains(problem), "{args}: '{problem}' is not in: {first}");
        assert!(rest.contains(help), "{args}: '{help}' is not in: {rest}");
        if status == 1 {
            assert!(rest.starts_with("  help: ") && rest.trim_end().lines().count() == 1, "{args}: {stderr}");
        }
        assert_eq!(place.names(), before, "{args} left a file");
    }
}

#[test]
fn bad_text_files() {
    let place = Place::new();
    let rows = "a,b\n1,2\n3,4\n5,6\n";
    place.write("good.csv", rows);
    std::fs::create_dir(place.path("nothing")).unwrap();
    place.write("nan.csv", "a,b\r\n1,2\r\n\r\n3,nan\r\ninf,4\r\n");
    place.write("empty.csv", "");
    place.write("blank.csv", "\n \n");
    place.write("header.csv", "a,b\n");
    place.write("ragged.csv", "1,2\n3,4,5\n");
    place.write("text.csv", "a,b\n1,2\n\"3\n\",\"high, and much too long to be shown as a whole in any message\"\n");
    place.write("gap.tsv", "1\t2\n3\t\n");
    place.write("huge.csv", "1,2\n1e200,4\n");
    place.write("words.csv", "a,b\nc,d\n");
    place.write("missing.tsv", "NA\t1\n2\t3\n");
    place.write("bytes.csv", b"1,2\n3,\xff\xfe\n");
    check(
        &place,
        &[
            ("fit nan.csv -k 1", 1, "nan.csv:4: row 1, column 1 (b) is NaN, the first of 2", "remove or fill"),
            ("fit empty.csv -k 1", 1, "empty.csv: the file is empty", "at least one row"),
            ("fit - -k 1", 1, "standard input: the file is empty", "at least one row"),
            ("fit blank.csv -k 1", 1, "blank.csv: the file is empty", "at least one row"),
            ("fit header.csv -k 1", 1, "header.csv: there is a header but no row", "at least one row"),
            ("fit ragged.csv -k 1", 1, "ragged.csv:2: this row has 3 cells, the first one has 2", "same number"),
            ("fit text.csv -k 1", 1, "text.csv:4: column 1 (b) is 'high, and much", "choose other columns"),
            ("fit gap.tsv -k 1", 1, "gap.tsv:2: column 1 is empty", "fill in or remove"),
            ("fit huge.csv -k 1", 1, "huge.csv:2: row 1, column 0 is 1e200, too large", "rescale"),
            ("fit words.csv -k 1", 1, "words.csv:2: column 0 (a) is 'c', not a number", "fill in or remove"),
            ("fit missing.tsv -k 1", 1, "missing.tsv:1: column 0 is 'NA', not a number", "fill in or remove"),
            ("fit bytes.csv -k 1", 1, "bytes.csv:2: column 1 is '", "fill in or remove"),
            ("fit good.csv -k 1 --columns a,zzz", 1, "good.csv: there is no column 'zzz'", "the columns are a, b"),
            ("fit ragged.csv -k 1 --columns 2", 1, "ragged.csv: there is no column '2'", "by index, 0 to 1"),
            ("fit good.csv -k 1 --columns a,0", 1, "column '0' is chosen twice", "once"),
            ("fit good.csv -k 1 --columns a,b --weights b", 1, "column 'b' is chosen both", "leave it out"),
            ("fit good.csv -k 4", 1, "good.csv: 3 samples are too few for 4 components", "at most one component"),
            ("fit nothing -k 1", 1, "nothing: there is no table in this directory", ".parquet"),
            ("fit missing.csv -k 1", 1, "missing.csv: cannot be read", "check the path"),
            ("fit good.csv -k 1 --device nonsense", 1, "nonsense", "--device cpu"),
        ],
    );
}

#[test]
fn bad_npy_files() {
    let place = Place::new();
    let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let whole = npy_f64("(3, 2)", &values);
    place.write("good.npy", &whole);
    place.write("1d.npy", npy_f64("(6,)", &values));
    place.write("3d.npy", npy_f64("(3, 2, 1)", &values));
    place.write("0d.npy", npy_f64("()", &values[..1]));
    place.write("none.npy", npy_f64("(0, 2)", &[]));
    place.write("short.npy", &whole[..whole.len() - 12]);
    place.write("cut.npy", &whole[..40]);
    place.write("long.npy", [&whole[..], &[0]].concat());
    place.write("vast.npy", npy_f64("(1000000000000000000, 2)", &values));
    place.write("over.npy", npy_f64("(36893488147419103232, 2)", &values));
    place.write("nan.npy", npy_f64("(3, 2)", &[1.0, 2.0, 3.0, f64::NEG_INFINITY, 5.0, f64::NAN]));
    place.write("csv.npy", "1,2\n3,4\n");
    place.write("empty.npy", "");
    place.write("complex.npy", npy("<c16", false, "(1, 2)", &[0; 32]));
    place.write("string.npy", npy("<U1", false, "(1, 2)", &[0; 8]));
    place.write("object.npy", npy("|O", false, "(1, 2)", &[0; 8]));
    place.write("record.npy", npy("[('x', '<f8')]", false, "(2,)", &[0; 16]));
    check(
        &place,
        &[
            ("fit 1d.npy -k 1", 1, "1d.npy: the array has shape [6]", "reshape(-1, 1)"),
            ("fit 3d.npy -k 1", 1, "3d.npy: the array has shape [3, 2, 1]", "[samples, features]"),
            ("fit 0d.npy -k 1", 1, "0d.npy: the array has shape []", "[samples, features]"),
            ("fit none.npy -k 1", 1, "none.npy: the data have no values: 0 samples of 2", "at least one row"),
            ("fit short.npy -k 1", 1, "short.npy: the file is truncated: 12 of 48 bytes", "again"),
            ("fit cut.npy -k 1", 1, "cut.npy: this is no .npy file, or its header is broken", "numpy.save"),
            ("fit long.npy -k 1", 1, "long.npy: the file goes on after", "one array"),
            ("fit vast.npy -k 1", 1, "vast.npy: the file is truncated", "copy or save it again"),
            ("fit over.npy -k 1", 1, "over.npy: this is no .npy file, or its header is broken", "numpy.save"),
            ("fit nan.npy -k 1", 1, "nan.npy: row 1, column 1 is -inf, the first of 2", "remove or fill"),
            ("fit nan.npy -k 1 --columns 1,0", 1, "nan.npy: row 1, column 1 is -inf", "remove or fill"),
            ("fit csv.npy -k 1", 1, "csv.npy: this is no .npy file", ".csv"),
            ("fit empty.npy -k 1", 1, "empty.npy: this is no .npy file", ".csv"),
            ("fit complex.npy -k 1", 1, "complex.npy: values of type '<c16'", "astype"),
            ("fit string.npy -k 1", 1, "string.npy: values of type '<U1'", "astype"),
            ("fit object.npy -k 1", 1, "object.npy: values of type '|O'", "astype"),
            ("fit record.npy -k 1", 1, "record.npy: values of type [('x', '<f8')", "structured_to_unstructured"),
            ("fit good.npy -k 1 --columns 0,2", 1, "good.npy: there is no column '2'", "by index, 0 to 1"),
        ],
    );
}

#[test]
fn bad_weights_and_degenerate_data() {
    let place = Place::new();
    place.write("data.csv", "a,b,w,zero\n1,2,1,0\n3,4,-1,0\n5,7,nan,0\n");
    place.write("two.npy", npy_f64("(2,)", &[1.0, 2.0]));
    place.write("nan.npy", npy_f64("(3, 1)", &[1.0, 2.0, f64::NAN]));
    place.write("matrix.npy", npy_f64("(1, 3)", &[1.0, 2.0, 3.0]));
    place.write("two.csv", "1,2\n3,4\n5,6\n");
    place.write("minus.csv", "w\n1\n\n-2\n3\n");
    place.write("constant.csv", "1,5\n2,5\n3,5\n4,5\n");
    check(
        &place,
        &[
            ("fit data.csv -k 1 --weights w", 1, "data.csv:3: the sample weight of row 1 is -1", "not negative"),
            ("fit data.csv -k 1 --weights zero --columns a,b", 1, "data.csv: the sample weights sum to 0", "positive"),
            ("fit two.csv -k 1 --weights two.npy", 1, "two.npy: 2 sample weights for 3 samples", "one weight"),
            ("fit two.csv -k 1 --weights nan.npy", 1, "nan.npy: the sample weight of row 2 is NaN", "finite"),
            ("fit two.csv -k 1 --weights matrix.npy", 1, "matrix.npy: the weights have shape [1, 3]", "[samples]"),
            ("fit two.csv -k 1 --weights two.csv", 1, "two.csv: the weights have 2 columns", "one weight"),
            ("fit two.csv -k 1 --weights minus.csv", 1, "minus.csv:4: the sample weight of row 1 is -2", "finite"),
            ("fit data.csv -k 1 --weights v", 1, "no column, and no file, 'v' for the weights", "a, b, w, zero"),
            ("fit constant.csv -k 1 --reg-covar 0 --device cpu", 1, "component 0 collapsed along", "--reg-covar"),
        ],
    );
}

#[test]
fn bad_models() {
    let place = Place::new();
    place.write("good.json", MODEL);
    place.write("two.csv", "x,y\n1,2\n3,4\n");
    place.write("three.csv", "x,y,z\n1,2,3\n4,5,6\n");
    place.write("bare.csv", "1,2,4\n4,5,6\n");
    place.write("empty.json", "");
    place.write("cut.json", &MODEL[..MODEL.len() / 2]);
    place.write("text.json", "hello");
    place.write("list.json", "[1, 2]");
    place.write("foreign.json", r#"{"name": "other", "version": 1}"#);
    let edits = [
        ("format", "mixtura-model", "other-model"),
        ("newer", "\"version\":1", "\"version\":2"),
        ("older", "\"version\":1", "\"version\":\"x\""),
        ("missing", "\"means\"", "\"meens\""),
        ("family", "\"diag\"", "\"round\""),
        ("ragged", "[[0,0],[10,10]]", "[[0,0],[10]]"),
        ("string", "[[0,0],[10,10]]", "[[0,0],[10,\"10\"]]"),
        ("null", "[[0,0],[10,10]]", "[[0,0],[10,null]]"),
        ("k", "\"n_components\":2", "\"n_components\":3"),
        ("shape", "[[1,1],[1,1]]", "[1,1]"),
        ("sum", "[0.25,0.75]", "[0.25,0.5]"),
        ("negative", "[0.25,0.75]", "[-0.25,1.25]"),
        ("singular", "[[1,1],[1,1]]", "[[1,1],[0,1]]"),
        ("names", "[\"a\",\"b\"]", "[\"a\"]"),
        ("fit", "\"version\":1", "\"version\":1,\"fit\":{\"seed\":-1}"),
    ];
    for (name, from, to) in edits {
        assert!(MODEL.contains(from), "{from}");
        place.write(&format!("{name}.json"), MODEL.replace(from, to));
    }
    let advice = "mixtura fit --out";
    check(
        &place,
        &[
            ("inspect empty.json", 1, "empty.json: the file is truncated", advice),
            ("inspect cut.json", 1, "cut.json: the file is truncated: EOF while parsing", advice),
            ("inspect text.json", 1, "text.json: this is no model file: it is not JSON", advice),
            ("inspect list.json", 1, "list.json: this is no model file", advice),
            ("inspect two.csv", 1, "two.csv: this is no model file: it is not JSON", advice),
            ("inspect foreign.json", 1, "foreign.json: this is no model file: it has no field format", advice),
            ("inspect format.json", 1, "format.json: this is no model file: format is \"other-model\"", advice),
            ("inspect newer.json", 1, "newer.json: version is 2, newer than this program", advice),
            ("inspect older.json", 1, "older.json: version is \"x\", not 1", advice),
            ("inspect missing.json", 1, "missing.json: the field means is missing", advice),
            ("inspect family.json", 1, "family.json: covariance_type: unknown variant `round`", advice),
            ("inspect ragged.json", 1, "ragged.json: means: lists of the same depth have different lengths", advice),
            ("inspect string.json", 1, "string.json: means: invalid type: string \"10\"", advice),
            ("inspect null.json", 1, "null.json: means: invalid type: null", advice),
            ("inspect k.json", 1, "k.json: weights has shape [2]; the shape must be [3]", advice),
            ("inspect shape.json", 1, "shape.json: covariances has shape [2]; the shape must be [2, 2]", advice),
            ("inspect sum.json", 1, "sum.json: the sum of the weights is 0.75; it must be 1", advice),
            ("inspect negative.json", 1, "negative.json: weights[0] is -0.25", advice),
            ("inspect singular.json", 1, "singular.json: covariances[1] is not positive definite", advice),
            ("inspect names.json", 1, "names.json: feature_names has 1 names for 2 features", advice),
            ("inspect fit.json", 1, "fit.json: fit: invalid value: integer `-1`", advice),
            ("inspect missing-file.json", 1, "missing-file.json: cannot be read", "check the path"),
            ("predict good.json bare.csv", 1, "bare.csv: the data have 3 features, the model has 2", "--columns"),
            ("score good.json bare.csv", 1, "bare.csv: the data have 3 features, the model has 2", "--columns"),
            ("predict good.json three.csv", 1, "three.csv: there is no column 'a', a feature of the model", "x, y, z"),
            ("fit bare.csv --init-model good.json", 1, "the data have 3 features, the model has 2", "--columns"),
            ("sample cut.json -n 5 --out x.npy", 1, "cut.json: the file is truncated", advice),
        ],
    );
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_the_data_are_read() {
    let place = Place::new();
    place.write("good.json", MODEL);
    check(
        &place,
        &[
            (
                "fit unread.csv -k 1 --out no/such/place.json",
                1,
                "no/such/place.json: cannot be written: there is no directory no/such",
                "place",
            ),
            ("fit unread.csv -k 1 --out .", 1, ".: cannot be written", "choose another place"),
            ("fit unread.csv -k 1 --out good.json/x.json", 1, "good.json/x.json: cannot be written", "another place"),
            ("predict unread.json unread.csv --out no/such/labels.npy", 1, "cannot be written", "choose another place"),
            ("predict unread.json unread.csv --out labels.txt", 2, "the output file is labels.txt", ".npy, .csv"),
            ("sample unread.json -n 3 --out x", 2, "the output file is x", ".npy, .csv"),
            ("sample unread.json -n 3 --out x.npy.gz", 2, "the output file is x.npy.gz", ".npy, .csv"),
            ("sample unread.json -n 3 --out x.npy --labels no/l.npy", 1, "no/l.npy: cannot be written", "place"),
        ],
    );
}

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    let place = Place::new();
    place.write("good.json", MODEL);
    check(
        &place,
        &[
            ("fit data.csv", 2, "required arguments", "--components <K>"),
            ("fit data.csv -k 0", 2, "the number of components is 0", "1 or more"),
            ("fit data.csv -k two", 2, "invalid value 'two'", "--help"),
            ("fit data.csv -k 2 --tol -1", 2, "the tolerance is -1", "0 or more"),
            ("fit data.csv -k 2 --tol nan", 2, "the tolerance is NaN", "0 or more"),
            ("fit data.csv -k 2 --reg-covar -1", 2, "the covariance floor is -1", "0 or more"),
            ("fit data.csv -k 2 --n-init 0", 2, "the number of initialisations is 0", "1 or more"),
            ("fit data.csv -k 2 --covariance round", 2, "invalid value 'round'", "spherical"),
            ("fit data.csv -k 2 --init best", 2, "invalid value 'best'", "random-from-data"),
            ("fit data.csv --covariance full --init-model good.json", 2, "--covariance is full", "leave the flag out"),
            ("fit data.csv --init random --init-model good.json", 2, "cannot be used with", "--help"),
            ("predict good.json data.csv --proba --log-density", 2, "cannot be used with", "--help"),
            ("sample good.json -n 3", 2, "required arguments", "--out"),
            ("sample good.json -n 3 --out x.npy --labels x.npy", 2, "--out and --labels are both x.npy", "different"),
            ("guess", 2, "unrecognized subcommand 'guess'", "--help"),
        ],
    );
}

#[test]
fn outputs_that_would_replace_inputs_and_columns_out_of_order() {
    let place = Place::new();
    place.write("data.csv", "a,b\n1,2\n3,5\n5,7\n2,8\n");
    place.write("weights.csv", "1\n2\n1\n1\n");
    assert_eq!(place.run("fit data.csv -k 1 --out model.json --quiet --device cpu").status, 0);
    check(
        &place,
        &[
            ("fit data.csv -k 1 --out data.csv", 2, "--out is data.csv, which is also read", "another file"),
            ("fit data.csv -k 1 --weights weights.csv --out ./weights.csv", 2, "which is also read", "another file"),
            ("fit data.csv -k 1 --out -", 2, "--out is -", "name of a file"),
            ("predict model.json data.csv --out data.csv", 2, "which is also read", "another file"),
            ("predict model.json data.csv --columns b,a", 1, "column 'b' is feature 0 here, and feature 1", "a,b"),
        ],
    );
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_part_of_a_file() {
    let place = Place::new();
    place.write("model.json", MODEL);
    let row: String = (0..200).map(|i| format!("{},", i * i)).collect();
    place.write("wide.csv", (0..3).map(|i| format!("{row}{i}\n")).collect::<String>());
    let before = place.names();
    // No file may grow beyond 64 blocks: as on a full disk, what is written to it fails.
    let limited = |args: &str| {
        let limit = "ulimit -f 64; trap '' XFSZ; exec \"$@\"";
        let command = place.command(args);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", limit, "sh"]).arg(command.get_program()).args(command.get_args());
        shell.current_dir(place.path("")).output().unwrap()
    };
    let samples = ["csv", "tsv.gz", "csv.zst", "npy", "parquet", "arrow", "f64"];
    let samples = samples.map(|format| format!("sample model.json -n 50000 --out out.{format}"));
    let labels = "sample model.json -n 50000 --out few.f32 --labels labels.npy".to_owned();
    let model = "fit wide.csv -k 1 --device cpu --quiet --out fitted.json".to_owned();
    for args in samples.into_iter().chain([labels, model]) {
        let output = limited(&args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args}: {stderr}");
        assert!(stderr.contains("cannot be written") && stderr.contains("make room"), "{args}: {stderr}");
        assert_eq!(place.names(), before, "{args}");
    }
}

#[test]
fn bad_typed_files() {
    let place = Place::new();
    let table = |name: &str| std::fs::read(format!("{}/tests/cli/tables/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for (name, from) in [("cut.parquet", "table.parquet"), ("cut.feather", "table.feather"), ("cut.npz", "two.npz")] {
        let whole = table(from);
        place.write(name, &whole[..whole.len() / 2]);
    }
    let mut torn = table("single.parquet");
    torn[20..60].fill(0xaa);
    place.write("torn.parquet", torn);
    place.write("text.parquet", "a,b\n1,2\n");
    place.write("text.feather", "a,b\n1,2\n");
    place.write("text.npz", "a,b\n1,2\n");
    place.write("two.npz", table("two.npz"));
    place.write("none.parquet", table("none.parquet"));
    std::fs::create_dir(place.path("narrow")).unwrap();
    for name in ["narrow/1.npy", "narrow/2.npy"] {
        place.write(name, npy_f64("(3, 0)", &[]));
    }
    place.write("rows.f64", [0; 40]);
    place.write("broken.csv.gz", b"\x1f\x8b\x08\x00nonsense");
    check(
        &place,
        &[
            ("fit cut.parquet -k 1", 1, "cut.parquet: the file is broken", "again"),
            ("fit none.parquet -k 1", 1, "none.parquet: the data have no values: 0 samples of 2", "at least one row"),
            ("fit narrow -k 1", 1, "narrow/1.npy and 1 more file: the data have no values", "at least one row"),
            ("fit cut.feather -k 1", 1, "cut.feather: the file is broken", "again"),
            ("fit cut.npz -k 1", 1, "cut.npz: the file is broken", "again"),
            ("fit torn.parquet -k 1", 1, "torn.parquet, row group 0: the file is broken", "again"),
            ("fit text.parquet -k 1", 1, "text.parquet: this is text, and not what its extension says", "extension"),
            ("fit text.feather -k 1", 1, "text.feather: this is text, and not what its extension says", "extension"),
            ("fit text.npz -k 1", 1, "text.npz: the file is broken", "again"),
            ("fit two.npz -k 1", 1, "two.npz: the archive holds 2 arrays", "--member x or y"),
            ("fit two.npz -k 1 --member z", 1, "two.npz: there is no array 'z'", "x, y"),
            ("fit rows.f64 -k 1", 1, "rows.f64: a file of raw numbers does not say", "--dims"),
            ("fit rows.f64 -k 1 --dims 2", 1, "rows.f64: 40 bytes are not whole rows of 2 f64 numbers", "--dims"),
            ("fit broken.csv.gz -k 1", 1, "broken.csv.gz: cannot be read", "copy or write it again"),
        ],
    );
}

#[test]
fn several_files_as_input_and_output() {
    let place = Place::new();
    std::fs::create_dir(place.path("d")).unwrap();
    place.write("d/a.csv", "x,y,w\n1,2,1\n3,4,1\n");
    place.write("d/b.csv", "x,y\n1,2\n3,4\n");
    place.write("w", "1\n1\n1\n1\n");
    place.write("zero.csv", "0\n0\n");
    place.write("model.json", MODEL);
    place.write("r.f64", [0; 720]);
    check(
        &place,
        &[
            ("convert d d/a.csv --columns x,y", 2, "OUT is d/a.csv, which is also read", "another file"),
            ("convert d/*.csv d/b.csv --columns x,y", 2, "OUT is d/b.csv, which is also read", "another file"),
            ("fit d -k 1 --columns x,y --checkpoint d/b.csv", 2, "--checkpoint is d/b.csv, which is also read", "file"),
            ("predict model.json d --columns x,y --out d/b.csv", 2, "--out is d/b.csv, which is also read", "file"),
            (
                "fit d -k 1 --columns x,y --weights w",
                1,
                "d/b.csv: the column of weights is not in both",
                "same columns",
            ),
            ("fit d nothing.csv -k 1 --columns x,y --memory 1B", 1, "nothing.csv: cannot be read", "path"),
            ("fit r.f64 -k 1 --dims 1000000", 1, "r.f64: 720 bytes are not whole rows", "--dims"),
            (
                "score model.json d/b.csv --columns x,y --weights zero.csv",
                1,
                "zero.csv: the sample weights sum to 0",
                "positive",
            ),
        ],
    );
    // Refused before anything was written.
    assert_eq!(place.read("d/b.csv"), b"x,y\n1,2\n3,4\n");
}
