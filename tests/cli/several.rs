//! Several devices in one fit, as the command line has them.

use crate::support::{Place, faithful};

#[test]
fn a_list_of_devices_is_one_device_in_summary_and_json() {
    let place = Place::new();
    let outcome = place.run(&format!("fit {} -k 2 --device cpu,cpu", faithful()));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let first = outcome.stdout.lines().next().unwrap();
    assert!(first.trim_start().starts_with("device") && first.contains("2 x "), "{first}");
    assert!(outcome.stdout.contains("in memory: 1 portion on 2 devices"), "{}", outcome.stdout);
    let report = |list: &str| place.run(&format!("fit {} -k 2 --json --quiet --device {list}", faithful())).json();
    let (one, two) = (report("cpu"), report("cpu,cpu"));
    assert_eq!((&two["lower_bounds"], &two["means"]), (&one["lower_bounds"], &one["means"]));
    assert_eq!(one["device"].get("teams"), None);
    assert_eq!((&two["device"]["teams"][0]["devices"], &two["device"]["teams"][0]["share"]), (&2.into(), &1000.into()));
    assert_eq!(two["device"]["teams"][0]["name"], one["device"]["name"]);
}

#[test]
fn labels_and_scores_are_those_of_one_device() {
    let place = Place::new();
    assert_eq!(place.run(&format!("fit {} -k 2 --device cpu --out m.json -q", faithful())).status, 0);
    for command in ["predict", "predict --proba", "score"] {
        let json = |list: &str| place.run(&format!("{command} m.json {} --json --device {list}", faithful()));
        assert_eq!(json("cpu,cpu").stdout, json("cpu").stdout, "{command}");
    }
}

#[test]
fn bad_lists_are_refused_in_two_lines() {
    for (list, said) in [
        (
            "cpu,,cpu",
            "the list of devices is without a name in one of its places\n  help: it must be names or numbers of devices",
        ),
        ("cpu,auto", "with auto, or another list, in it"),
        ("cpu,nothing-like-it", "graphics adapter"),
    ] {
        let outcome = Place::new().run(&format!("fit {} -k 2 --device {list}", faithful()));
        assert_ne!(outcome.status, 0, "{list}");
        assert!(outcome.stderr.contains(said), "{list}: {}", outcome.stderr);
        // What drivers say for themselves comes before.
        let lines = outcome.stderr.lines().skip_while(|line| !line.starts_with("error: ") || line.contains("XDG"));
        assert_eq!(lines.count(), 2, "{list}: {}", outcome.stderr);
    }
}

/// Shares of devices that compute differently.
#[cfg(feature = "gpu")]
mod shares {
    use serde_json::Value;

    use crate::support::{Place, npy};

    const D: usize = 64;

    /// Samples in two portions, as f32.
    fn write_samples(place: &Place) {
        let n = (1 << 22) / D + 5000;
        let value = |i: usize| (i as f64 * 0.618_033_988_749_895).fract() + (i / D % 2) as f64 * 0.5;
        let bytes: Vec<u8> = (0..n * D).flat_map(|i| (value(i) as f32).to_le_bytes()).collect();
        place.write("x.npy", npy("<f4", false, &format!("({n}, {D})"), &bytes));
    }

    fn device(place: &Place, file: &str) -> Value {
        let written: Value = serde_json::from_slice(&place.read(file)).unwrap();
        written.get("device").unwrap_or(&written["fit"]["device"]).clone()
    }

    #[test]
    fn a_fit_goes_on_with_the_shares_of_its_checkpoint() {
        let place = Place::new();
        write_samples(&place);
        let fit = "fit x.npy --tol 0 -q --device cpu,software";
        let first =
            place.run(&format!("{fit} -k 2 --covariance diag --max-iter 2 --checkpoint c --checkpoint-every 2"));
        assert_eq!(first.status, 0, "{}", first.stderr);
        // As if the devices had been measured on another day.
        let text = String::from_utf8(place.read("c")).unwrap();
        let mut checkpoint: Value = serde_json::from_str(&text).unwrap();
        for (team, share) in [(0, 520), (1, 480)] {
            checkpoint["device"]["teams"][team]["share"] = share.into();
        }
        place.write("c", checkpoint.to_string());
        for out in ["one.json", "two.json"] {
            let resumed = place.run(&format!("{fit} --resume c --max-iter 4 --out {out}"));
            assert_eq!(resumed.status, 0, "{}", resumed.stderr);
            assert!(!resumed.stderr.contains("not with the same bits"), "{}", resumed.stderr);
            assert_eq!(device(&place, out)["teams"], checkpoint["device"]["teams"]);
        }
        assert_eq!(place.read("one.json"), place.read("two.json"));
        let alone = place.run("fit x.npy --tol 0 --device cpu --resume c --max-iter 4");
        assert!(alone.stderr.contains(" % of the samples) and "), "{}", alone.stderr);
        assert!(alone.stderr.contains("it goes on, but not with the same bits"), "{}", alone.stderr);
    }
}
