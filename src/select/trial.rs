//! Trials: fits of candidates that are over, by which a comparison that stopped goes on.

use crate::data::hash::hash;
use crate::device::backend::Backend;
use crate::error::{Error, Result};
use crate::fit::posterior::Posterior;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;
use crate::select::plan::Beginning;
use crate::select::selection::{Candidate, Outcome, Scored};

/// Log-likelihoods of a model by two devices differ by less than this share of what they may be.
const ROUNDING: f64 = 1e-5;

/// What was fitted, to which samples, and from where: trials of the same have the same result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrialKey {
    /// The fold that was left out, from 0, and of how many; none where the samples were all.
    pub fold: Option<(usize, usize)>,
    /// Samples that it was fitted to, of these: one of so many.
    pub share: usize,
    /// Number of components.
    pub n_components: usize,
    /// Family.
    pub covariance_type: CovarianceType,
    /// A hash of the models that it began at; 0 for an initialisation.
    pub start: u64,
}

impl TrialKey {
    /// The key of a fit that begins.
    pub(crate) fn new(
        (fold, share): (Option<(usize, usize)>, usize),
        (n_components, covariance_type): (usize, CovarianceType),
        beginning: &Beginning,
    ) -> Self {
        let start = match beginning {
            Beginning::Own => 0,
            Beginning::Merged(starts) => starts.iter().fold(1, digested),
            Beginning::OfPart(mixture) => digested(2, mixture),
        };
        TrialKey { fold, share, n_components, covariance_type, start }
    }
}

/// A digest of more: every bit of a model counts.
fn digested(digest: u64, mixture: &Mixture) -> u64 {
    let parameters = mixture.weights().iter().chain(mixture.means()).chain(mixture.covariances().values());
    parameters.fold(digest, |digest, value| hash(digest ^ value.to_bits()))
}

/// A fit of a candidate that is over, and what it is worth on the samples that it was fitted to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trial {
    /// What was fitted to what.
    pub key: TrialKey,
    /// The fit.
    pub scored: Scored,
    /// Seconds it took.
    pub seconds: f64,
}

impl Trial {
    /// A trial that is over.
    pub(crate) fn new(key: TrialKey, scored: Scored, seconds: f64) -> Self {
        Trial { key, scored, seconds }
    }

    /// Checks that the model explains the samples that it was fitted to as well as is said, but for the rounding of devices;
    /// a bound of the likelihood may be below it.
    ///
    /// # Errors
    /// [`Error::Refused`], or what the device reports.
    pub(crate) fn check(&self, backend: &mut dyn Backend, posterior: Posterior) -> Result<()> {
        let (TrialKey { n_components: k, covariance_type: family, .. }, fit) = (self.key, &self.scored.fit);
        let found = match fit.mixture.n_features() == backend.summary().n_features() {
            true => backend.log_likelihood(fit.mixture.quadratics())?,
            false => f64::NAN,
        };
        let most = ROUNDING * (found.abs() + backend.summary().total_weight());
        let above = fit.log_likelihood - found;
        if above <= most && (above >= -most || posterior.width(k).is_some()) {
            return Ok(());
        }
        let problem = format!(
            "{k} {family} components are said to have a log-likelihood of {:.6}, and have {found:.6}",
            fit.log_likelihood
        );
        Err(Error::Refused {
            problem,
            remedy: "begin anew: these fits are of other samples, or were changed since".into(),
        })
    }

    /// The candidate, which began there.
    pub(crate) fn candidate(&self, beginning: &Beginning) -> Candidate {
        let TrialKey { share, n_components, covariance_type, .. } = self.key;
        Candidate {
            n_components,
            covariance_type,
            is_merged: matches!(beginning, Beginning::Merged(_)),
            share,
            outcome: Outcome::Fitted(Box::new(self.scored.clone())),
            held_out: None,
            stability: None,
            seconds: self.seconds,
        }
    }
}

/// All trials of a comparison that are over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trials(pub(crate) Vec<Trial>);

impl Trials {
    /// The trial of a key, if it is over.
    pub(crate) fn find(&self, key: &TrialKey) -> Option<&Trial> {
        self.0.iter().find(|trial| trial.key == *key)
    }
}
