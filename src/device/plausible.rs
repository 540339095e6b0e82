//! What sums must be, whoever made them: numbers, and as many samples as there are.

/// By how much sums may be off: a share of the total weight, or of what they should be.
pub(crate) const TOLERANCE: f64 = 1e-3;

/// Checks that counts sum to a total weight; otherwise says to how much of it they do.
pub(crate) fn check_counts(found: f64, expected: f64) -> Result<(), String> {
    match (found - expected).abs() <= TOLERANCE * expected {
        true => Ok(()),
        false => {
            let share = found / expected;
            Err(format!("the counts of the components sum to {share:.4} of the total weight {expected:?}"))
        }
    }
}

/// Checks that numbers are finite; otherwise says which is not.
pub(crate) fn check_finite<'a>(what: &str, numbers: impl IntoIterator<Item = &'a f64>) -> Result<(), String> {
    match numbers.into_iter().find(|x| !x.is_finite()) {
        None => Ok(()),
        Some(x) => Err(format!("{what} is {x}")),
    }
}
