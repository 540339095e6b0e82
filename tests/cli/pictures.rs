//! `mixtura fit --trace` and `--plot`: the epochs as tables, and the fit as a picture.

use resvg::tiny_skia::Pixmap;
use resvg::usvg::roxmltree::{Document, Node};
use serde_json::Value;

use crate::support::{Place, faithful, npy_f64};

/// The rows of a trace, by column.
fn rows(place: &Place, name: &str) -> Vec<Vec<Option<f64>>> {
    let columns = ["restart", "epoch", "lower_bound", "change", "seconds"];
    if name.ends_with(".json") {
        let rows: Vec<Value> = serde_json::from_slice(&place.read(name)).unwrap();
        return rows.iter().map(|row| columns.map(|column| row[column].as_f64()).to_vec()).collect();
    }
    let mut table = csv::Reader::from_path(place.path(name)).unwrap();
    let header = table.headers().unwrap().clone();
    let places = columns.map(|column| header.iter().position(|name| name == column).unwrap());
    table.records().map(|row| places.map(|i| row.as_ref().unwrap()[i].parse().ok()).to_vec()).collect()
}

/// Samples of D features around three centres, and after them the same number for all features that are constant.
fn samples(n: usize, d: usize, constant: usize) -> String {
    let value = |i: usize, j: usize| match j {
        j if j + constant >= d => "7".to_owned(),
        j => {
            let noise =
                |k: usize| ((i * k) as f64 * 0.618_033_988).fract() + ((i * (k + 4)) as f64 * 0.754_877).fract();
            (noise(j + 1) + ((i % 3) * (j + 1)) as f64 * 2.0).to_string()
        }
    };
    (0..n).map(|i| (0..d).map(|j| value(i, j)).collect::<Vec<_>>().join(",") + "\n").collect()
}

/// How many elements of a name the picture has; with an attribute `class` on its parent, if one is given.
fn count(picture: &[u8], name: &str, class: Option<&str>) -> usize {
    let text = std::str::from_utf8(picture).unwrap();
    let document = Document::parse(text).unwrap();
    let class_of = |node: Node| node.parent().and_then(|parent| parent.attribute("class").map(str::to_owned));
    let is_in = |node: &Node| class.is_none() || class_of(*node).as_deref() == class;
    document.descendants().filter(|node| node.tag_name().name() == name && is_in(node)).count()
}

/// The texts of the picture.
fn texts(picture: &[u8]) -> Vec<String> {
    let document = Document::parse(std::str::from_utf8(picture).unwrap()).unwrap();
    document.descendants().filter_map(|node| node.text()).map(str::to_owned).filter(|text| text.trim() != "").collect()
}

#[test]
fn a_trace_has_the_epochs_of_all_restarts_and_the_bounds_of_the_report() {
    let place = Place::new();
    for name in ["trace.csv", "trace.json"] {
        let args = format!("-k 3 --n-init 2 --init random --device cpu --json -q --trace {name}");
        let report = place.run(&format!("fit {} {args}", faithful())).json();
        let rows = rows(&place, name);
        let restart = |i: f64| rows.iter().filter(move |row| row[0] == Some(i));
        assert_eq!(restart(0.0).count() + restart(1.0).count(), rows.len());
        assert!(restart(0.0).count() > 1 && restart(1.0).count() > 1);
        let bounds: Vec<f64> = report["lower_bounds"].as_array().unwrap().iter().flat_map(Value::as_f64).collect();
        let of_restart = |i: f64| restart(i).filter_map(|row| row[2]).collect::<Vec<f64>>();
        assert!([of_restart(0.0), of_restart(1.0)].contains(&bounds), "{name} lacks {bounds:?}");
        for i in [0.0, 1.0] {
            let epochs: Vec<f64> = restart(i).filter_map(|row| row[1]).collect();
            assert_eq!(epochs, (1..=epochs.len()).map(|epoch| epoch as f64).collect::<Vec<_>>());
            // There is nothing that the first bound has changed from.
            let changes: Vec<Option<f64>> = restart(i).map(|row| row[3]).collect();
            assert!(changes[0].is_none() && changes[1..].iter().all(Option::is_some), "{name}: {changes:?}");
        }
        assert!(rows.iter().all(|row| row[4] > Some(0.0)));
    }
    let first: Value = serde_json::from_slice::<Vec<Value>>(&place.read("trace.json")).unwrap()[0].clone();
    assert_eq!((&first["change"], &first["step"]), (&Value::Null, &Value::from("em")));
}

#[test]
fn a_trace_without_epochs_is_a_header_or_an_empty_array() {
    let place = Place::new();
    for name in ["t.csv", "t.JSON"] {
        let fit = format!("fit {} -k 2 --max-iter 0 --device cpu -q --trace {name}", faithful());
        assert_eq!(place.run(&fit).status, 0);
    }
    assert_eq!(place.read("t.csv"), b"restart,samples,epoch,step,lower_bound,change,repairs,evaluated,seconds\n");
    assert_eq!(place.read("t.JSON"), b"[]");
}

#[test]
fn a_fit_that_fails_leaves_the_trace_of_the_epochs_before() {
    let place = Place::new();
    // With no floor, the component of the two equal samples collapses after the first epochs.
    place.write("x.csv", "0,0\n0,0\n5,1\n6,3\n7,2\n9,4\n");
    let outcome = place
        .run("fit x.csv -k 2 --reg-covar 0 --tol 0 --device cpu -q --trace t.json --init random --on-collapse error");
    let rows: Vec<Value> = serde_json::from_slice(&place.read("t.json")).unwrap();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(!rows.is_empty() && outcome.stderr.contains("collapsed"), "{rows:?} {}", outcome.stderr);
    assert_eq!(place.names(), ["t.json", "x.csv"]);
}

#[test]
fn outputs_that_clash_or_end_otherwise_are_refused_before_anything_is_read() {
    let place = Place::new();
    place.write("x.csv", "1\n2\n");
    place.write("w.json", "1\n1\n");
    let refused = |arguments: &str, said: &str| {
        let outcome = place.run(&format!("fit {arguments} -k 1"));
        assert_eq!(outcome.status, 2, "{arguments}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said) && outcome.stderr.contains("help: "), "{}", outcome.stderr);
    };
    refused("x.csv --trace t.txt", "--trace is t.txt, which is neither .csv, .json nor .parquet");
    refused("x.csv --trace t", "neither .csv, .json nor .parquet");
    refused("x.csv --plot p.jpg", "--plot is p.jpg, which is neither .svg nor .png");
    refused("x.csv --trace x.csv", "--trace is x.csv, which is also read");
    refused("x.csv --weights w.json --trace w.json", "which is also read");
    refused("x.csv --trace -", "--trace is -");
    refused("x.csv --plot -", "--plot is -");
    refused("x.csv --trace t.json --out t.json", "--out and --trace are the same file");
    refused("x.csv --trace t.json --out ./t.json", "are the same file");
    refused("x.csv --checkpoint p.svg --plot p.svg", "--checkpoint and --plot are the same file");
    assert_eq!(place.run("fit x.csv -k 1 --plot no/p.svg").status, 1);
    assert_eq!(place.names(), ["w.json", "x.csv"]);
}

#[test]
fn a_picture_of_two_features_shows_them_by_name_under_ellipses() {
    let place = Place::new();
    let fit = format!("fit {} -k 2 --n-init 3 --device cpu -q --plot fit.svg", faithful());
    assert_eq!(place.run(&fit).status, 0);
    let picture = place.read("fit.svg");
    assert_eq!(count(&picture, "ellipse", Some("components")), 4);
    assert!(count(&picture, "circle", None) >= 272);
    let texts = texts(&picture);
    let is_there = |said: &str| texts.iter().any(|text| text.contains(said));
    let title = "272 samples of 2 features  ·  2 components, full covariance  ·  mean log-likelihood −4.155";
    for said in [title, "eruptions", "waiting", "epoch", "lower bound", "restart 2", "best", "All samples"] {
        assert!(is_there(said), "'{said}' is not in {texts:?}");
    }
    assert_eq!(place.names(), ["fit.svg"]);
    // The same picture every time.
    assert_eq!(place.run(&fit.replace("fit.svg", "again.svg")).status, 0);
    assert_eq!(place.read("again.svg"), picture);
}

#[test]
fn samples_of_every_shape_have_a_picture() {
    let place = Place::new();
    let wide: Vec<f64> = (0..1200).map(|i| f64::from(i * i % 997) * 1e9 + 1e12).collect();
    let data = [
        ("one.csv", samples(60, 1, 0), "-k 3", 0),
        ("two.csv", samples(60, 2, 0), "-k 3", 6),
        ("five.csv", samples(300, 5, 0), "-k 3 --covariance tied", 6),
        ("constant.csv", samples(60, 2, 1), "-k 3", 6),
        ("all-constant.csv", samples(60, 3, 3), "-k 1 --covariance diag", 2),
        ("line.csv", samples(60, 1, 1), "-k 1", 0),
        ("single.csv", "3,4\n".to_owned(), "-k 1", 2),
        ("single-value.csv", "3\n".to_owned(), "-k 1 --covariance spherical", 0),
        ("start.csv", samples(60, 2, 0), "-k 3 --max-iter 0", 6),
        ("many.csv", samples(900, 2, 0), "-k 300 --max-iter 3", 600),
        ("far.csv", samples(60, 2, 0).replace("0.", "1000000000."), "-k 2 --max-iter 4", 4),
        ("tiny.csv", "1e-9,2e-9\n2e-9,1e-9\n4e-9,3e-9\n".to_owned(), "-k 1 --reg-covar 1e-22", 2),
        ("weights.csv", "a,b,w\n1,2,0\n2,3,1\n3,1,0.5\n4,4,2\n".to_owned(), "-k 1 --weights w", 2),
    ];
    for (name, contents, _, _) in &data {
        place.write(name, contents);
    }
    place.write("large.npy", npy_f64("(400, 3)", &wide));
    let large = ("large.npy", String::new(), "-k 2", 4);
    for (name, _, arguments, ellipses) in data.iter().chain([&large]) {
        let outcome = place.run(&format!("fit {name} {arguments} --device cpu -q --plot p.svg"));
        assert_eq!(outcome.status, 0, "{name}: {}", outcome.stderr);
        let picture = place.read("p.svg");
        assert_eq!(count(&picture, "ellipse", Some("components")), *ellipses, "{name}");
        assert!(count(&picture, "circle", None) + count(&picture, "rect", Some("bars")) > 0, "{name}");
        assert!(!String::from_utf8(picture).unwrap().contains("NaN"), "{name}");
    }
}

#[test]
fn more_features_are_seen_along_two_principal_axes_and_one_as_a_histogram() {
    let place = Place::new();
    place.write("x.csv", samples(300, 5, 1));
    let has = |columns: &str, said: &[&str]| {
        let fit = format!("fit x.csv {columns} -k 3 --device cpu -q --plot p.svg");
        assert_eq!(place.run(&fit).status, 0);
        let texts = texts(&place.read("p.svg"));
        for said in said {
            assert!(texts.iter().any(|text| text.contains(said)), "'{said}' is not in {texts:?}");
        }
    };
    has("", &["principal axis 1 of standardised features", "principal axis 2", "% of variance"]);
    has("--columns 0,3", &["feature 0", "feature 1"]);
    has("--columns 0", &["feature 0", "density"]);
    let picture = place.read("p.svg");
    assert!(count(&picture, "rect", Some("bars")) > 5);
}

#[test]
fn of_many_samples_some_thousands_are_drawn_wherever_they_are() {
    let place = Place::new();
    place.write("x.csv", samples(30_000, 2, 0));
    let draw = |memory: &str| {
        let fit = format!("fit x.csv -k 3 --max-iter 2 --device cpu -q --plot p.svg {memory}");
        assert_eq!(place.run(&fit).status, 0);
        place.read("p.svg")
    };
    let picture = draw("");
    assert!(texts(&picture).iter().any(|text| text.contains("4,000 of 30,000 samples")));
    assert!((3900..=4010).contains(&count(&picture, "circle", None)));
    // The samples come in turn from three centres: all three are seen.
    let text = String::from_utf8(picture.clone()).unwrap();
    for colour in ["#cc6677", "#332288", "#44aa99"] {
        assert!(text.matches(&format!("fill='{colour}'")).count() > 1000, "{colour}");
    }
    assert_eq!(draw("--memory 10kB"), picture);
}

#[test]
fn names_that_no_document_may_hold_are_made_such_that_it_may() {
    let place = Place::new();
    place.write("x.csv", "a<b & \u{1}c,\"'d'\"\n1,2\n3,4\n5,1\n");
    assert_eq!(place.run("fit x.csv -k 1 --device cpu -q --plot p.svg").status, 0);
    let texts = texts(&place.read("p.svg"));
    assert!(texts.iter().any(|text| text == "a<b & \u{fffd}c") && texts.iter().any(|text| text == "'d'"), "{texts:?}");
}

#[test]
fn an_image_has_a_sensible_size_and_is_not_blank() {
    let place = Place::new();
    let fit = format!("fit {} -k 2 --device cpu -q --plot p.PNG", faithful());
    // Without any font of the system.
    let mut command = place.command(&fit);
    let status = command.env("FONTCONFIG_PATH", "/nowhere").env("HOME", "/nowhere").status().unwrap();
    assert!(status.success());
    let image = Pixmap::decode_png(&place.read("p.PNG")).unwrap();
    assert_eq!((image.width(), image.height()), (2400, 1120));
    let (white, coloured) = image.pixels().iter().fold((0, 0), |(white, coloured), pixel| {
        let (red, blue) = (pixel.red(), pixel.blue());
        let is_white = red == 255 && pixel.green() == 255 && blue == 255;
        (white + usize::from(is_white), coloured + usize::from(red.abs_diff(blue) > 40))
    });
    let all = image.pixels().len();
    assert!(white > all / 2 && coloured > all / 200, "{white} white and {coloured} coloured of {all}");
    // The title is there: letters, in the middle at the top.
    let dark = |x: usize, y: usize| image.pixels()[y * 2400 + x].red() < 100;
    let letters = (800..1600).flat_map(|x| (40..80).map(move |y| (x, y))).filter(|(x, y)| dark(*x, *y)).count();
    assert!(letters > 1000, "{letters}");
}
