//! Which samples each rank takes.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::team::Ranks;
use crate::data::summary::Summary;
use crate::error::{Error, Result};
use crate::io::{Selection, Stretch, count_rows};

/// The rows of a data set that this rank takes: as many as the others, but for whole blocks
/// ([`block_rows`](crate::data::block_rows)). Every rank counts the rows of some of the files. All must call this.
///
/// # Errors
/// Standard input, which only one process can read; what opening a file says on any rank.
pub fn share_rows(ranks: &Ranks, paths: &[PathBuf], selection: &Selection, stop: &AtomicBool) -> Result<Stretch> {
    let (rank, size) = (ranks.rank(), ranks.size());
    let counted = match paths.iter().any(|path| path == Path::new("-")) {
        false => count_rows(paths, selection, |file| file % size == rank, stop),
        true => Err(Error::Malformed {
            place: "standard input".to_owned(),
            problem: format!("{size} ranks cannot share it"),
            remedy: "save the samples as files that all ranks can read".into(),
        }),
    };
    let add = |(one, d): (Vec<usize>, usize), (other, e): (Vec<usize>, usize)| match (one.len(), d) == (other.len(), e)
    {
        true => Ok((one.iter().zip(&other).map(|(one, other)| one + other).collect(), d)),
        false => Err(Error::Parts { problem: "the ranks do not see the same files".to_owned() }),
    };
    let (files, n_features) = ranks.all_reduce(counted, add, stop)?;
    Ok(Stretch::cut(&files, selection, n_features, size).swap_remove(rank))
}

/// The summary of all samples, of those of the ranks; `None` where a rank has no samples. All must call this.
///
/// # Errors
/// No samples at all, or none of positive weight; samples that do not belong together.
pub fn share_summary(ranks: &Ranks, mine: Option<Summary>, stop: &AtomicBool) -> Result<Summary> {
    let combine = |one: Option<Summary>, other: Option<Summary>| match (one, other) {
        (Some(one), Some(other)) => one.combine(&other).map(Some),
        (summary, None) | (None, summary) => Ok(summary),
    };
    let summary = ranks.all_reduce(Ok(mine), combine, stop)?;
    let checked = match summary {
        None => Err(Error::EmptyData { n_samples: 0, n_features: 0 }),
        Some(summary) => match summary.total_weight() {
            sum if sum > 0.0 && sum.is_finite() => Ok(summary),
            sum => Err(Error::WeightSum { sum }),
        },
    };
    ranks.agree(checked, stop)
}
