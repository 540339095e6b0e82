//! The generated part of the shaders, word for word: a change of any is seen in a review. The rest is in `shaders/`.

use std::path::PathBuf;
use std::{env, fs};

use super::e_step::{Factors, Layout};
use super::shader_tests::sources;
use super::tuning::Tuning;
use crate::model::statistics::Statistics;

/// Where this is `write`, the files are written instead of compared.
const VARIABLE: &str = "MIXTURA_SNAPSHOTS";

#[test]
fn every_kernel_is_the_one_that_was_reviewed() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/device/gpu/snapshots");
    let writes = env::var(VARIABLE).is_ok_and(|value| value == "write");
    let mut names = Vec::new();
    for (factors, statistics, name, d, prunes) in [
        (Factors::Triangular, Statistics::Triangles, "triangles", 3, false),
        (Factors::Triangular, Statistics::Triangles, "triangles", 20, false),
        (Factors::Triangular, Statistics::Pooled, "pooled", 5, false),
        (Factors::Diagonal, Statistics::Diagonals, "diagonals", 5, false),
        (Factors::Triangular, Statistics::Triangles, "pruned_triangles", 3, true),
        (Factors::Triangular, Statistics::Pooled, "pruned_pooled", 2, true),
        (Factors::Diagonal, Statistics::Diagonals, "pruned_diagonals", 2, true),
    ] {
        let k = if prunes { 70 } else { 2 };
        let dense = Layout::new(factors, statistics, d, k, Tuning::NVIDIA);
        let layout = if prunes { dense.pruned() } else { dense };
        // Those of the ceiling are constant.
        for source in sources(&layout).into_iter().filter(|source| !["multiply_add", "copy"].contains(&source.stage)) {
            let (name, generated) = (format!("{name}_d{d}_k{k}_{}.wgsl", source.stage), source.header);
            let path = directory.join(&name);
            if writes {
                fs::write(&path, &generated).unwrap();
            }
            // Git may write other ends of lines.
            let reviewed = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
            let line = reviewed.lines().zip(generated.lines()).take_while(|(a, b)| a == b).count() + 1;
            assert!(
                reviewed == generated.replace("\r\n", "\n"),
                "{name} differs from line {line} on; if that is meant, {VARIABLE}=write cargo test writes the files anew"
            );
            names.push(name);
        }
    }
    names.sort();
    let mut there: Vec<String> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    assert_eq!(there, names, "files of kernels that are no more");
}
