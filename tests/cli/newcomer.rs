//! What a newcomer does in the first half hour, task by task, from what the program itself says. Fits that go on are in
//! `long_runs`, wrong things typed in `words`.

use crate::support::{Place, npy};

/// Flights: when, how late, how far, and from where to where. Every thousandth is half a day late.
fn flights(n: usize) -> String {
    let places = ["HNL", "SFO", "LAX", "JFK"];
    let row = |i: usize| {
        let noise = (i as f64 * 0.618_033_988_749_895).fract() + (i as f64 * 0.754_877_666_246_693).fract();
        let late = if i % 1000 == 999 { 720.0 } else { [-5.0, 12.0][i % 2] + 8.0 * noise };
        let far = [350.0, 1700.0, 2500.0][i % 3] + 90.0 * noise;
        format!(
            "2001-01-{:02} 08:{:02}:00,{late:.0},{far:.0},{},{}\n",
            1 + i % 31,
            i % 60,
            places[i % 4],
            places[(i + 1) % 4]
        )
    };
    format!("date,delay,distance,origin,destination\n{}", (0..n).map(row).collect::<String>())
}

#[test]
fn a_picture_is_cut_into_segments_and_painted_with_their_means() {
    let place = Place::new();
    // Pixels of three colours, a byte for each channel.
    let pixels: Vec<u8> =
        (0..900).flat_map(|i| [[250, 10, 10], [20, 200, 30], [5, 15, 220]][i % 3].map(|c| c - (i % 5) as u8)).collect();
    place.write("pixels.npy", npy("|u1", false, "(900, 3)", &pixels));
    let fit = place.run("fit pixels.npy -k 3 -o colours.json --plot colours.png --trace colours.csv --device cpu");
    assert_eq!(fit.status, 0, "{}", fit.stderr);
    // All files are named, and every part of the time.
    for said in ["colours.json", "colours.png", "colours.csv", "open ", "initialisation ", "epochs "] {
        assert!(format!("{}{}", fit.stdout, fit.stderr).contains(said), "{said}: {}{}", fit.stdout, fit.stderr);
    }
    let labels = place.run("predict colours.json pixels.npy");
    let labels = labels.lines();
    assert!((0..900).all(|i| labels[i] == labels[i % 3]) && labels[0] != labels[1] && labels[1] != labels[2]);
    let painted = place.run("predict colours.json pixels.npy --means");
    let red = painted.lines()[0].split(',').map(|x| x.parse::<f64>().unwrap()).collect::<Vec<_>>();
    assert!((red[0] - 248.0).abs() < 1.0 && (red[1] - 8.0).abs() < 1.0, "{red:?}");
}

#[test]
fn flights_are_fitted_a_number_of_components_chosen_and_outliers_found_in_company() {
    let place = Place::new();
    place.write("flights.csv", flights(6000));
    let refused = place.run("fit flights.csv -k 4");
    assert_eq!(refused.status, 1);
    let told = refused.stderr.lines().find_map(|line| line.split("--columns ").nth(1)).unwrap();
    assert_eq!(told.split(')').next(), Some("delay,distance"), "{}", refused.stderr);
    let range = place.run("fit flights.csv --columns delay,distance -k 2-8");
    assert!(range.status == 2 && range.stderr.contains("mixtura select"), "{}", range.stderr);
    let chosen = place.run("select flights.csv --columns delay,distance -k 2..8 --device cpu --out best.json -q");
    assert_eq!(chosen.status, 0, "{}", chosen.stderr);
    let latest = place.run("predict best.json flights.csv --lowest 6 --out latest.csv --device cpu -q");
    assert_eq!(latest.status, 0, "{}", latest.stderr);
    let latest = String::from_utf8(place.read("latest.csv")).unwrap();
    let lines: Vec<&str> = latest.lines().collect();
    assert_eq!(lines[0], "date,delay,distance,origin,destination,log_density");
    assert_eq!(lines.len(), 7);
    assert!(lines[1..].iter().all(|line| line.contains(":00,720,")), "{latest}");
    let half = place.run("convert flights.csv half.parquet --sample 0.5 --seed 1");
    let rest = place.run("convert flights.csv rest.parquet --sample 0.5 --seed 1 --rest");
    assert_eq!((half.status, rest.status), (0, 0), "{}{}", half.stderr, rest.stderr);
    let count =
        |name: &str| place.run(&format!("score best.json {name} --json --device cpu")).json()["n_samples"].as_u64();
    assert_eq!(count("half.parquet").unwrap() + count("rest.parquet").unwrap(), 6000);
}

#[test]
fn rows_are_scored_by_name_whatever_comes_with_them_and_wrong_ones_are_not() {
    let place = Place::new();
    place.write("flights.csv", flights(2000));
    let fit = place.run("fit flights.csv --columns delay,distance -k 3 --device cpu --out m.json -q");
    assert_eq!(fit.status, 0, "{}", fit.stderr);
    let score = |input: &str, more: &str| {
        place.run_with_input(&format!("predict m.json - --log-density --device cpu {more}"), input.as_bytes())
    };
    let plain = score("delay,distance\n5,300\n", "");
    assert_eq!(plain.lines(), score("distance,origin,delay\n300,AA,5\n", "").lines());
    assert_eq!(plain.lines(), score("distance\torigin\tdelay\n300\tAA\t5\n", "").lines());
    // Names that are others are not taken by their places.
    for header in ["Distance,Delay", "a,b", "delay,b", "distance,origin"] {
        let refused = score(&format!("{header}\n300,5\n"), "");
        assert!(refused.status == 1 && refused.stdout.is_empty(), "{header}: {}", refused.stdout);
        assert!(refused.stderr.contains("there is no column"), "{header}: {}", refused.stderr);
    }
    let batch = score("delay,distance\n5,300\noops,300\n7,350\n", "--bad-rows nan");
    assert_eq!((batch.lines().len(), batch.lines()[0], batch.lines()[1]), (3, plain.lines()[0], "NaN"));
    let table = score("delay,distance\n5,300\n", "--append --out -");
    assert_eq!(table.lines()[0], "delay,distance,log_density");
}

#[test]
fn values_with_counts_are_fitted_as_often_as_they_count() {
    let place = Place::new();
    place.write("ages.csv", "age,count\n19,3\n20,7\n21,4\n40,2\n41,6\n43,5\n");
    let weighted = place.run("fit ages.csv -k 2 --sample-weight count --random-state 0 --device cpu --json -q").json();
    let rows: String = [(19, 3), (20, 7), (21, 4), (40, 2), (41, 6), (43, 5)]
        .iter()
        .flat_map(|(age, count)| std::iter::repeat_n(format!("{age}\n"), *count))
        .collect();
    place.write("repeated.csv", format!("age\n{rows}"));
    let repeated = place.run("fit repeated.csv -k 2 --seed 0 --device cpu --json -q").json();
    let [a, b] = [&weighted, &repeated].map(|json| json["bic"].as_f64().unwrap());
    assert!((a - b).abs() < 1e-6 * b.abs(), "{a} {b}");
}
