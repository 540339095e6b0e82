//! The ways in which the same samples can be written down.

use crate::support::{MODEL, Place, npy, table};

const ROWS: [[u8; 2]; 4] = [[0, 1], [1, 0], [1, 1], [9, 11]];

fn place() -> Place {
    let place = Place::new();
    place.write("model.json", MODEL);
    place.write("reference.csv", "0,1\n1,0\n1,1\n9,11\n");
    place
}

fn bytes<const SIZE: usize>(encode: impl Fn(u8) -> [u8; SIZE]) -> Vec<u8> {
    ROWS.iter().flatten().flat_map(|&x| encode(x)).collect()
}

#[test]
fn every_numeric_type_of_npy_and_both_orders_give_the_same_samples() {
    let place = place();
    let expected = place.run("predict model.json reference.csv --log-density --device cpu").stdout;
    assert_eq!(expected.lines().count(), 4);
    let by_column: Vec<u8> = (0..2).flat_map(|d| ROWS.map(|row| f64::from(row[d]).to_le_bytes())).flatten().collect();
    let files = [
        npy("<f8", true, "(4, 2)", &by_column),
        npy("<f8", false, "(4, 2)", &bytes(|x| f64::from(x).to_le_bytes())),
        npy(">f8", false, "(4, 2)", &bytes(|x| f64::from(x).to_be_bytes())),
        npy("<f2", false, "(4, 2)", &bytes(|x| half::f16::from_f32(x.into()).to_le_bytes())),
        npy(">f2", false, "(4, 2)", &bytes(|x| half::f16::from_f32(x.into()).to_be_bytes())),
        npy("<f4", false, "(4, 2)", &bytes(|x| f32::from(x).to_le_bytes())),
        npy(">f4", false, "(4, 2)", &bytes(|x| f32::from(x).to_be_bytes())),
        npy("|i1", false, "(4, 2)", &bytes(|x| (x as i8).to_le_bytes())),
        npy("|u1", false, "(4, 2)", &bytes(|x| [x])),
        npy("<i2", false, "(4, 2)", &bytes(|x| i16::from(x).to_le_bytes())),
        npy(">u2", false, "(4, 2)", &bytes(|x| u16::from(x).to_be_bytes())),
        npy(">i4", false, "(4, 2)", &bytes(|x| i32::from(x).to_be_bytes())),
        npy("<u4", false, "(4, 2)", &bytes(|x| u32::from(x).to_le_bytes())),
        npy("<i8", false, "(4, 2)", &bytes(|x| i64::from(x).to_le_bytes())),
        npy("<u8", false, "(4, 2)", &bytes(|x| u64::from(x).to_le_bytes())),
    ];
    for (i, file) in files.iter().enumerate() {
        place.write("data.npy", file);
        let outcome = place.run("predict model.json data.npy --log-density --device cpu");
        assert_eq!(outcome.stdout, expected, "file {i}: {}", outcome.stderr);
        let piped = place.run_with_input("predict model.json - --log-density --device cpu", file);
        assert_eq!(piped.stdout, expected, "file {i} on standard input: {}", piped.stderr);
    }
    place.write("bool.npy", npy("|b1", false, "(2, 2)", &[0, 1, 1, 0]));
    let outcome = place.run("predict model.json bool.npy --log-density --device cpu");
    assert_eq!(outcome.lines(), expected.lines().take(2).collect::<Vec<_>>());
}

#[test]
fn text_may_have_a_header_a_mark_blank_lines_quotes_tabs_and_carriage_returns() {
    let place = place();
    let expected = place.run("predict model.json reference.csv --proba --device cpu").stdout;
    let texts = [
        "a,b\n0,1\n1,0\n1,1\n9,11",
        "\u{feff}a,b\r\n0,1\r\n1,0\r\n\r\n1,1\r\n9,11\r\n",
        "\n\n a , b \n 0 , +1 \n\"1\",\"0\"\n\n1e0,1.0\n9,11\n",
        "\"a\",\"b\"\n0,1\n1,0\n1,1\n9,11\n\n\n",
        "0\t1\n1\t0\n1\t1\n9\t11\n",
    ];
    for text in texts {
        let outcome = place.run_with_input("predict model.json - --proba --device cpu", text.as_bytes());
        assert_eq!(outcome.stdout, expected, "{text}: {}", outcome.stderr);
    }
    place.write("data.tsv", texts[4]);
    assert_eq!(place.run("predict model.json data.tsv --proba --device cpu").stdout, expected);
}

#[test]
fn features_are_found_by_name_or_chosen_by_name_or_index() {
    let place = place();
    let expected = place.run("predict model.json reference.csv --log-density --device cpu").stdout;
    place.write("shuffled.csv", "kind,b,a\nx,1,0\ny,0,1\nz,1,1\n,11,9\n");
    place.write("renamed.csv", "kind,q,p\nx,1,0\ny,0,1\nz,1,1\n,11,9\n");
    place.write("bare.csv", "x,1,0\ny,0,1\nz,1,1\nx,11,9\n");
    for data in ["shuffled.csv", "renamed.csv --columns p,q", "renamed.csv --columns p,1", "bare.csv --columns 2,1"] {
        let outcome = place.run(&format!("predict model.json {data} --log-density --device cpu"));
        assert_eq!(outcome.stdout, expected, "{data}: {}", outcome.stderr);
    }
    let by_name = place.run("fit shuffled.csv -k 1 --columns a,b --out model2.json --quiet --device cpu");
    assert_eq!(by_name.status, 0, "{}", by_name.stderr);
    let model: serde_json::Value = serde_json::from_slice(&place.read("model2.json")).unwrap();
    assert_eq!(model["feature_names"], serde_json::json!(["a", "b"]));
}

#[test]
fn tables_of_typed_columns_and_archives_give_the_same_samples() {
    let place = place();
    let expected = place.run("predict model.json reference.csv --log-density --device cpu").stdout;
    let tables = [
        "table.parquet",
        "plain.parquet",
        "single.parquet",
        "gap.parquet",
        "table.feather",
        "stream.arrow",
        "one.npz",
        "two.npz --member x",
    ];
    for name in tables {
        let outcome = place.run(&format!("predict model.json {} --log-density --device cpu", table(name)));
        assert_eq!(outcome.stdout, expected, "{name}: {}", outcome.stderr);
    }
    for name in ["table.parquet", "table.feather", "stream.arrow", "one.npz"] {
        let contents = std::fs::read(table(name)).unwrap();
        let piped = place.run_with_input("predict model.json - --log-density --device cpu", &contents);
        assert_eq!(piped.stdout, expected, "{name} on standard input: {}", piped.stderr);
    }
}

#[test]
fn every_type_of_number_is_read_and_other_types_are_named() {
    let place = place();
    for name in ["table.parquet", "table.feather"] {
        let converted = place.run(&format!("convert {} all.csv --columns exact,level,truth,b", table(name)));
        assert_eq!(converted.status, 0, "{}", converted.stderr);
        let text = String::from_utf8(place.read("all.csv")).unwrap();
        assert_eq!(text, "exact,level,truth,b\n0.50,3,true,1\n1.25,1,false,0\n2.00,3,true,1\n3.75,2,true,11\n");
        let converted = place.run(&format!("convert {} all.f64 --columns exact,level,truth,b", table(name)));
        assert_eq!(converted.status, 0, "{}", converted.stderr);
        let numbers: Vec<f64> = place.read("all.f64").as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect();
        assert_eq!(numbers[..8], [0.5, 3.0, 1.0, 1.0, 1.25, 1.0, 0.0, 0.0]);
        let refused = place.run(&format!("fit {} -k 1 --device cpu", table(name)));
        assert_eq!(refused.status, 1);
        assert!(refused.stderr.contains("column 0 (kind) holds Utf8, not numbers"), "{}", refused.stderr);
        assert!(refused.stderr.contains("--columns b,a,exact,level,truth"), "{}", refused.stderr);
    }
}

#[test]
fn a_feature_of_single_precision_may_be_the_weights_too() {
    let place = place();
    place.write("table.csv", "a,b\n0,1\n1,0\n1,1\n9,11\n");
    let expected = place.run("score model.json table.csv --weights a --device cpu --json").json();
    let found =
        place.run(&format!("score model.json {} --weights a --device cpu --json", table("single.parquet"))).json();
    assert_eq!(found["log_likelihood"], expected["log_likelihood"]);
}

#[test]
fn missing_values_of_typed_columns_are_counted_and_refused_by_name() {
    let place = place();
    for name in ["missing.parquet", "missing.feather"] {
        let refused = place.run(&format!("fit {} -k 1 --device cpu", table(name)));
        assert_eq!(refused.status, 1);
        assert!(refused.stderr.contains("column 1 (b): 2 values are missing (null)"), "{}", refused.stderr);
        assert_eq!(place.run(&format!("fit {} -k 1 --columns a --device cpu -q", table(name))).status, 0);
    }
}

#[test]
fn all_formats_convert_into_each_other_without_loss() {
    let place = place();
    place.write("start.csv", "a,b\n0.1,1e99\n-2.5e-7,3.0\n");
    let formats = ["npy", "tsv", "parquet", "arrow", "feather", "csv"];
    for (from, to) in ["csv"].iter().chain(&formats).zip(&formats) {
        let from = if *to == "npy" { "start.csv".to_owned() } else { format!("next.{from}") };
        let outcome = place.run(&format!("convert {from} next.{to}"));
        assert_eq!(outcome.status, 0, "{from} to {to}: {}", outcome.stderr);
        if *to == "tsv" {
            // .npy files have no names.
            let text = String::from_utf8(place.read("next.tsv")).unwrap();
            place.write("next.tsv", text.replace("x0\tx1", "a\tb"));
        }
    }
    assert_eq!(String::from_utf8(place.read("next.csv")).unwrap(), "a,b\n0.1,1e99\n-2.5e-7,3.0\n");
    for (raw, row) in [("f64", 0.1_f64.to_le_bytes().to_vec()), ("f32", 0.1_f32.to_le_bytes().to_vec())] {
        place.write("small.csv", "a,b\n0.1,3\n");
        assert_eq!(place.run(&format!("convert small.csv raw.{raw}")).status, 0);
        assert_eq!(place.read(&format!("raw.{raw}"))[..row.len()], row);
        assert_eq!(place.run(&format!("convert raw.{raw} back.csv --dims 2")).status, 0);
        assert_eq!(String::from_utf8(place.read("back.csv")).unwrap(), "x0,x1\n0.1,3.0\n");
        let refused = place.run(&format!("convert raw.{raw} back.csv"));
        assert!(refused.stderr.contains("--dims"), "{}", refused.stderr);
        assert_eq!(place.run(&format!("convert raw.{raw} back.csv --dims 3")).status, 1);
    }
}

#[test]
fn compressed_files_are_read_as_what_they_hold() {
    let place = place();
    let expected = place.run("predict model.json reference.csv --log-density --device cpu").stdout;
    let npy = npy("<f4", false, "(4, 2)", &bytes(|x| f32::from(x).to_le_bytes()));
    let parquet = std::fs::read(table("table.parquet")).unwrap();
    for (name, contents) in [("t.csv", place.read("reference.csv")), ("t.npy", npy), ("t.parquet", parquet)] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &contents).unwrap();
        place.write(&format!("{name}.gz"), gzip.finish().unwrap());
        place.write(&format!("{name}.zst"), zstd::encode_all(contents.as_slice(), 1).unwrap());
        for compressed in [format!("{name}.gz"), format!("{name}.zst")] {
            let outcome = place.run(&format!("predict model.json {compressed} --log-density --device cpu"));
            assert_eq!(outcome.stdout, expected, "{compressed}: {}", outcome.stderr);
        }
        let mut cut = place.read(&format!("{name}.gz"));
        cut.truncate(cut.len() - 12);
        place.write("cut.gz", cut);
        let refused = place.run("predict model.json cut.gz --device cpu");
        assert_eq!((refused.status, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
        assert!(refused.stderr.contains("cut.gz"), "{}", refused.stderr);
    }
}

#[test]
fn several_files_a_directory_and_a_pattern_are_one_data_set() {
    let place = place();
    let expected = place.run("predict model.json reference.csv --log-density --device cpu").stdout;
    std::fs::create_dir(place.path("parts")).unwrap();
    place.write("parts/2.csv", "b,a\n1,1\n11,9\n");
    place.write("parts/1.csv", "a,b\n0,1\n1,0\n");
    place.write("parts/readme.txt", "no table\n");
    for data in ["parts", "parts/*.csv", "parts/[12].csv", "parts/1.csv parts/2.csv"] {
        let outcome = place.run(&format!("predict model.json {data} --log-density --device cpu --columns a,b"));
        assert_eq!(outcome.stdout, expected, "{data}: {}", outcome.stderr);
    }
    let refused = place.run("fit parts -k 1 --device cpu");
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("2.csv: feature 0 is 'b', and in parts/1.csv it is 'a'"), "{}", refused.stderr);
    place.write("parts/2.csv", "a,b\n1,1\n9,nan\n");
    let refused = place.run("fit parts -k 1 --device cpu");
    assert!(refused.stderr.contains("2.csv:3"), "{}", refused.stderr);
    assert!(place.run("fit parts/*.npy -k 1").stderr.contains("no file matches this pattern"));
}

#[test]
fn the_first_rows_or_a_share_of_them_can_be_used_alone() {
    let place = place();
    let all: String = (0..1000).map(|i| format!("{i},{}\n", i % 7)).collect();
    place.write("all.csv", &all);
    place.write("weights.csv", (0..1000).map(|i| format!("{}\n", i + 1)).collect::<String>());
    assert_eq!(place.run("convert all.csv out.csv --head 3").status, 0);
    assert_eq!(place.read("out.csv"), b"x0,x1\n0,0\n1,1\n2,2\n");
    let rows = |seed: u32| {
        assert_eq!(place.run(&format!("convert all.csv out.csv --sample 0.25 --seed {seed}")).status, 0);
        String::from_utf8(place.read("out.csv")).unwrap()
    };
    assert_eq!(rows(1), rows(1));
    assert_ne!(rows(1), rows(2));
    // 250 on average, with a standard deviation of 14.
    let n = rows(1).lines().count() - 1;
    assert!((170..330).contains(&n), "{n} rows");
    let weighted = place.run("fit all.csv -k 1 --weights weights.csv --head 3 --device cpu --json").json();
    // (1 x 0 + 2 x 1 + 3 x 2) / 6
    assert!((weighted["means"][0][0].as_f64().unwrap() - 8.0 / 6.0).abs() < 1e-12, "{}", weighted["means"]);
    assert_eq!(place.run("fit all.csv -k 1 --sample 1.5").status, 2);
    assert_eq!(place.run("fit all.csv -k 1 --head 0").status, 2);
    place.write("more.csv", "1\n".repeat(1001));
    for weights in ["fit all.csv -k 1 --weights more.csv", "fit all.csv -k 1 --weights more.csv --sample 0.5"] {
        let refused = place.run(&format!("{weights} --device cpu"));
        assert_eq!(refused.status, 1);
        assert!(refused.stderr.contains("more.csv: ") && refused.stderr.contains("1001"), "{}", refused.stderr);
    }
    assert_eq!(place.run("bench --head 3").status, 2, "there are no rows to take the first of");
    // A place is given as it is in the file.
    place.write("all.csv", all.replace("900,4", "900,inf"));
    let refused = place.run("fit all.csv -k 1 --sample 0.999 --device cpu");
    assert!(refused.stderr.contains("all.csv:901"), "{}", refused.stderr);
}

#[test]
fn long_text_is_read_in_parallel_as_it_is_row_by_row() {
    let place = place();
    // Several blocks; quotes now and then, even around a line feed, and a blank line.
    let mut text = "id,a,b\n".to_owned();
    for i in 0..300_000 {
        match i {
            70_000 => text.push_str("\"x\ny\",1.5,2\n\n"),
            150_000 => text.push_str("z,\"2.5\",3\n"),
            _ => text.push_str(&format!("{i},{},{}\n", f64::from(i) * 0.37, i % 13)),
        }
    }
    place.write("long.csv", &text);
    let quoted: String = text
        .lines()
        .map(|line| if line.starts_with("\"x") { line.to_owned() } else { line.replacen("id", "\"id\"", 1) } + "\n")
        .collect();
    place.write("quoted.csv", quoted);
    for name in ["long.csv", "quoted.csv"] {
        let outcome = place.run(&format!("convert {name} out.npy --columns a,b"));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        let values = place.read("out.npy");
        let numbers: Vec<f64> =
            values[values.len() - 16 * 300_000..].as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
        for (i, row) in numbers.as_chunks::<2>().0.iter().enumerate() {
            let expected = match i {
                70_000 => [1.5, 2.0],
                150_000 => [2.5, 3.0],
                _ => [i as f64 * 0.37, (i % 13) as f64],
            };
            assert_eq!(*row, expected, "row {i} of {name}");
        }
    }
    // The header, the row over two lines and the blank line come before.
    place.write("long.csv", text.replace("\n250000,", "\n250000,x"));
    let refused = place.run("convert long.csv out.npy --columns a,b");
    assert!(refused.stderr.contains("long.csv:250004: column 1 (a) is 'x"), "{}", refused.stderr);
}
