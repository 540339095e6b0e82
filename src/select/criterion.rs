//! Criteria by which models are compared.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a model is worth. Of all of them lower is better, as in scikit-learn; R's mclust prints BIC and ICL with the other
/// sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Criterion {
    /// The Bayesian information criterion: p ln N - 2 log L, for p free parameters and samples of total weight N.
    #[default]
    Bic,
    /// Akaike's information criterion: 2 p - 2 log L. It tends to more components.
    Aic,
    /// The integrated completed likelihood: BIC and twice the entropy of the posterior, - sum of r ln r over samples and
    /// components (Biernacki, Celeux and Govaert 2000). It asks for components that do not overlap.
    Icl,
    /// The same with the labels in place of the posterior, as in mclust: BIC and twice the sum over the samples of
    /// - ln r of their most probable component.
    IclLabels,
    /// The deviance of samples that were held out: - 2 log L, every sample under the model of the folds that it is in none
    /// of. It is on the scale of AIC, which estimates it.
    HeldOut,
    /// How little labels agree between models of different folds and numbers of components: 1 minus the mean index of
    /// Fowlkes and Mallows (1983) with the next fewer and the next more components.
    Stability,
}

impl Criterion {
    /// All of them.
    pub const ALL: [Criterion; 6] = [
        Criterion::Bic,
        Criterion::Aic,
        Criterion::Icl,
        Criterion::IclLabels,
        Criterion::HeldOut,
        Criterion::Stability,
    ];

    /// Whether it asks for folds.
    pub fn is_of_folds(self) -> bool {
        matches!(self, Criterion::HeldOut | Criterion::Stability)
    }

    /// The criterion that counts where folds have not been looked at: for held-out samples it is the one that estimates
    /// what they tell.
    pub fn before_folds(self) -> Criterion {
        match self {
            Criterion::HeldOut => Criterion::Aic,
            Criterion::Stability => Criterion::Bic,
            other => other,
        }
    }

    /// Name, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Criterion::Bic => "bic",
            Criterion::Aic => "aic",
            Criterion::Icl => "icl",
            Criterion::IclLabels => "icl-labels",
            Criterion::HeldOut => "held-out",
            Criterion::Stability => "stability",
        }
    }
}

impl Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Criterion::Bic => "BIC",
            Criterion::Aic => "AIC",
            Criterion::Icl => "ICL",
            Criterion::IclLabels => "ICL of labels",
            Criterion::HeldOut => "held-out deviance",
            Criterion::Stability => "1 - stability",
        })
    }
}

impl FromStr for Criterion {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|criterion| criterion.name() == name.replace('_', "-"));
        found.ok_or_else(|| Error::InvalidOption {
            name: "the criterion",
            value: name.to_owned(),
            expected: "bic, aic, icl, icl-labels, held-out or stability",
        })
    }
}
