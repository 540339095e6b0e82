//! A pass over data, whoever implements them: all samples come by, each in its place, or the pass is an error.

use crate::data::source::{Data, Visit, block_rows};
use crate::error::{Error, Result};

/// Calls `visit(first, chunk)` for every chunk, as [`Data::for_each_chunk`] does, and checks what came by against the
/// summary.
///
/// # Errors
/// [`Error::Parts`] if some samples did not come by, or came out of order, or in chunks that are no whole blocks; those
/// of the data and of the visitor.
pub(crate) fn pass(data: &dyn Data, visit: &mut Visit) -> Result<()> {
    let (start, n, d) = (data.summary().first(), data.n_samples(), data.n_features());
    let block = block_rows(d);
    let wrong = |problem: String| Err(Error::Parts { problem });
    // Of samples whose visit failed none came by, whether or not the data hand the error on.
    let mut seen = 0;
    data.for_each_chunk(&mut |first, chunk| {
        if first != start + seen {
            return wrong(format!("a pass came to sample {first} where sample {} was due", start + seen));
        }
        if !seen.is_multiple_of(block) {
            return wrong(format!("a chunk begins with sample {first}, within a block of {block}"));
        }
        if chunk.n_features() != d {
            return wrong(format!("a chunk has {} features, of which the summary has {d}", chunk.n_features()));
        }
        if chunk.n_samples() > n - seen {
            return wrong(format!("a pass came to more than the {n} samples of the summary"));
        }
        visit(first, chunk)?;
        seen += chunk.n_samples();
        Ok(())
    })?;
    if seen == n { Ok(()) } else { wrong(format!("a pass came to {seen} of the {n} samples of the summary")) }
}
