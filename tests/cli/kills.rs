//! Fits that are killed and go on: samples for them, and what they must end with.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

use serde_json::Value;

use crate::support::{Place, npy};

/// Writes x.npy: samples around a few centres that take many epochs to tell apart, as f32.
pub(crate) fn write_samples(place: &Place, n: usize) {
    write_samples_around(place, n, |i| [(i % 3) as f64 * 0.4, (i % 4) as f64 * -0.3]);
}

/// The same around the centre of each sample.
pub(crate) fn write_samples_around(place: &Place, n: usize, centre: impl Fn(usize) -> [f64; 2]) {
    let values = (0..n).flat_map(|i| {
        let noise =
            |k: usize| ((i * k) as f64 * 0.618_033_988).fract() + ((i * (k + 4)) as f64 * 0.754_877_666).fract();
        let [x, y] = centre(i);
        [noise(1) + x, noise(7) + y]
    });
    let bytes: Vec<u8> = values.flat_map(|x| (x as f32).to_le_bytes()).collect();
    place.write("x.npy", npy("<f4", false, &format!("({n}, 2)"), &bytes));
}

/// A JSON file.
pub(crate) fn json(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&place.read(name)).unwrap()
}

/// A model and how it was fitted, but for the device, whose name tells its threads.
fn model(place: &Place, name: &str) -> Value {
    let mut model = json(place, name);
    model["fit"].as_object_mut().unwrap().remove("device");
    model
}

/// Kills a fit after some shares of the time that it takes, and lets it go on each time, on one thread or on three: it
/// must end with the model of a fit that was not killed. `begin` are arguments that a checkpoint keeps.
pub(crate) fn killed_fits_end_alike(place: &Place, fit: &str, begin: &str, shares: impl Iterator<Item = f64>) {
    let started = Instant::now();
    // With checkpoints, which may take longer than epochs.
    let whole = place.run(&format!("{fit} {begin} --checkpoint whole --checkpoint-every 1 --out whole.json"));
    assert_eq!(whole.status, 0, "{}", whole.stderr);
    let whole = started.elapsed();
    let mut resumes = 0;
    for (i, share) in shares.enumerate() {
        let checkpoint = "--checkpoint c --checkpoint-every 1 --out killed.json";
        let mut running = place.command(&format!("{fit} {begin} {checkpoint}"));
        let mut child = running.stdin(Stdio::null()).spawn().unwrap();
        sleep(whole.mul_f64(share));
        // The kill that leaves no time for anything.
        child.kill().unwrap();
        child.wait().unwrap();
        let is_kept = place.path("c").exists();
        let go_on = if is_kept { "--resume c" } else { begin };
        resumes += usize::from(is_kept);
        let mut resumed = place.command(&format!("{fit} {go_on} --checkpoint c --out killed.json"));
        let threads = if i % 2 == 0 { "1" } else { "3" };
        let resumed = resumed.env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
        let killed = model(place, "killed.json");
        assert_eq!(killed, model(place, "whole.json"), "killed after {share} of the time");
        let _ = fs::remove_file(place.path("c"));
    }
    assert!(resumes > 0, "no run had come to its first checkpoint");
}
