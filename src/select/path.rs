//! The path down: the model of K components, two of which are merged, is the start of one of fewer.

use crate::error::Result;
use crate::model::m_step::MStep;
use crate::model::merging::{merge, merged_to, pairs};
use crate::model::mixture::Mixture;

/// Merges that are tried: that which costs least is not always the best start.
const TRIED: usize = 3;

/// Starts of a model of fewer components, out of a fitted one: pairs are merged, the cheapest first, and the last merge
/// is done in several ways.
///
/// # Errors
/// Those of merged components.
pub(crate) fn starts(mixture: &Mixture, n_components: usize, m_step: &MStep) -> Result<Vec<Mixture>> {
    let mixture = merged_to(mixture, n_components + 1, m_step)?;
    let pairs = pairs(&mixture, m_step)?;
    pairs.into_iter().take(TRIED).map(|(_, pair)| merge(&mixture, pair, m_step)).collect()
}
