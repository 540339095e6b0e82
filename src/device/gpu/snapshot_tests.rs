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
    let dense = |factors, statistics, d| Layout::new(factors, statistics, d, 2, Tuning::NVIDIA);
    let pruned = |factors, statistics, d| Layout::new(factors, statistics, d, 70, Tuning::NVIDIA).pruned();
    for (name, layout) in [
        ("triangles", dense(Factors::Triangular, Statistics::Triangles, 3)),
        ("triangles", dense(Factors::Triangular, Statistics::Triangles, 20)),
        ("pooled", dense(Factors::Triangular, Statistics::Pooled, 5)),
        ("diagonals", dense(Factors::Diagonal, Statistics::Diagonals, 5)),
        ("masked_diagonals", Layout::masked(5, 2, Tuning::NVIDIA)),
        ("pruned_triangles", pruned(Factors::Triangular, Statistics::Triangles, 3)),
        ("pruned_pooled", pruned(Factors::Triangular, Statistics::Pooled, 2)),
        ("pruned_diagonals", pruned(Factors::Diagonal, Statistics::Diagonals, 2)),
    ] {
        let Layout { d, k, .. } = layout;
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
