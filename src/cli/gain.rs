//! What there is to say of a fit that its tolerance ended early.

use mixtura::{Advice, Fit, Term};

use super::format::{rounded, seconds};

/// What a smaller tolerance would gain; nothing where that is no more than the noise of the samples hides.
pub(crate) fn note(fit: &Fit) -> Option<Advice> {
    let gain = fit.left_to_gain()?;
    let [.., before, last] = fit.lower_bounds[..] else { return None };
    let rose = format!("the bound still rose by {:.1e} a sample in the last epoch: ", last - before);
    let (log_likelihood, bic) = (rounded(gain.log_likelihood), rounded(2.0 * gain.log_likelihood));
    let gained = format!(" {:.0e} may gain some {log_likelihood} in log-likelihood ({bic} in BIC)", gain.tol);
    let epochs = if gain.epochs == 1 { "1 more epoch".to_owned() } else { format!("{} more epochs", gain.epochs) };
    // A fit that went on without an epoch does not know how long one takes.
    let time = if gain.seconds > 0.0 { format!(", {}", seconds(gain.seconds)) } else { String::new() };
    Some(Advice::from(rose) + Term::Tol + format!("{gained} in about {epochs}{time}"))
}
