//! The ways in which the same samples can be written down.

use crate::support::{MODEL, Place, npy};

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
