//! Tells the program which commit it is of, where a package from a registry says so.
//!
//! A clone does not: the program would have to be built anew after every commit. Whoever builds one that is to know sets
//! `MIXTURA_COMMIT`.

use std::fs;
use std::path::Path;

/// What Cargo puts into packages.
const OF_PACKAGE: &str = ".cargo_vcs_info.json";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if Path::new(OF_PACKAGE).exists() && std::env::var_os("MIXTURA_COMMIT").is_none() {
        println!("cargo::rerun-if-changed={OF_PACKAGE}");
        println!("cargo::rerun-if-env-changed=MIXTURA_COMMIT");
        let text = fs::read_to_string(OF_PACKAGE).unwrap_or_default();
        let commit = text.split_once("\"sha1\": \"").and_then(|(_, rest)| rest.split('"').next());
        if let Some(commit) = commit.filter(|commit| commit.chars().all(|c| c.is_ascii_hexdigit())) {
            println!("cargo::rustc-env=MIXTURA_COMMIT={commit}");
        }
    }
}
