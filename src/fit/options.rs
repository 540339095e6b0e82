//! How to fit: the options, and where a fit starts.

use std::str::FromStr;

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::device::prune::Prune;
use crate::error::{Error, Result};
use crate::fit::collapse::OnCollapse;
use crate::fit::floor::Floor;
use crate::fit::posterior::Posterior;
use crate::fit::update::Update;
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;

/// Where the first model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Init {
    /// k-means: each sample belongs wholly to its cluster.
    #[default]
    #[serde(rename = "kmeans")]
    KMeans,
    /// K samples far from each other, chosen by k-means++; every component begins as one of them.
    #[serde(rename = "k-means++")]
    KMeansPlusPlus,
    /// Random responsibilities.
    Random,
    /// K random samples; every component begins as one of them.
    RandomFromData,
}

impl Init {
    /// Name, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Init::KMeans => "kmeans",
            Init::KMeansPlusPlus => "k-means++",
            Init::Random => "random",
            Init::RandomFromData => "random-from-data",
        }
    }
}

impl FromStr for Init {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Init::KMeans, Init::KMeansPlusPlus, Init::Random, Init::RandomFromData]
            .into_iter()
            .find(|init| init.name() == name.replace('_', "-"))
            .ok_or_else(|| Error::InvalidOption {
                name: "the initialisation",
                value: name.to_owned(),
                expected: "kmeans, k-means++, random or random-from-data",
            })
    }
}

/// Samples that a restart begins on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Start {
    /// All of them.
    #[default]
    Direct,
    /// One of 64, then one of 16 and one of 4, where these are enough for the components, and all of them in the end:
    /// most of the way to a maximum needs few samples. The epochs before those on all samples are EM with squared
    /// extrapolation, until one gains less than such a part of the samples can tell.
    CoarseToFine,
    /// Coarse to fine where that is likely to take less time, direct elsewhere ([`FitOptions::start_on`]).
    Auto,
}

impl Start {
    /// All of them.
    pub const ALL: [Start; 3] = [Start::Direct, Start::CoarseToFine, Start::Auto];

    /// Name, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Start::Direct => "direct",
            Start::CoarseToFine => "coarse-to-fine",
            Start::Auto => "auto",
        }
    }
}

impl FromStr for Start {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|start| start.name() == name.replace('_', "-")).ok_or_else(|| Error::InvalidOption {
            name: "the start",
            value: name.to_owned(),
            expected: "direct, coarse-to-fine or auto",
        })
    }
}

/// A fit to continue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WarmStart {
    /// The model to start from.
    pub mixture: Mixture,
    /// The last lower bound of the fit that gave the model: the first change is measured from it. `None` where the
    /// model comes from elsewhere.
    pub lower_bound: Option<f64>,
}

/// How to fit. The defaults are scikit-learn's, but for the floor of variances, which follows the data's scale, and for
/// components that collapse, which are repaired.
///
/// Later versions may add fields, so that an expression for all of them ends in `..FitOptions::new(k)`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FitOptions {
    /// K, at least 1.
    pub n_components: usize,
    /// Family of the covariances.
    pub covariance_type: CovarianceType,
    /// Convergence tolerance: the fit stops when the lower bound, the mean log-likelihood, changes by less than this
    /// between epochs (nats per sample). Rules with a learning rate compare with `tol * learning_rate`.
    pub tol: f64,
    /// Least variance, added to the diagonal of every covariance.
    pub floor: Floor,
    /// Remedy for a component that collapses.
    pub on_collapse: OnCollapse,
    /// Most epochs per restart; 0 returns the initialisation.
    pub max_iter: usize,
    /// Restarts from different initialisations; the best lower bound wins. One that has collapsed onto the floor of its
    /// covariances, which its likelihood follows, wins only where all have.
    pub n_init: usize,
    /// Where the first model comes from.
    pub init: Init,
    /// First weights `[K]`, in place of the initialisation's.
    pub weights_init: Option<Array1<f64>>,
    /// First means `[K, D]`, in place of the initialisation's.
    pub means_init: Option<Array2<f64>>,
    /// First precisions in the shape of the family, in place of the initialisation's.
    pub precisions_init: Option<CovarianceArray>,
    /// Samples that a restart begins on.
    #[serde(default)]
    pub start: Start,
    /// Seed of all random choices.
    pub seed: u64,
    /// A fit to continue, in place of any initialisation.
    pub warm_start: Option<WarmStart>,
    /// How the model moves in an epoch.
    pub update: Update,
    /// Whether passes leave out components that cannot matter to some samples.
    pub prune: Prune,
    /// How the posterior of a sample is found in an epoch.
    #[serde(default)]
    pub posterior: Posterior,
}

impl FitOptions {
    /// The defaults for K components.
    pub fn new(n_components: usize) -> Self {
        FitOptions {
            n_components,
            covariance_type: CovarianceType::Full,
            tol: 1e-3,
            floor: Floor::default(),
            on_collapse: OnCollapse::default(),
            max_iter: 100,
            n_init: 1,
            init: Init::KMeans,
            weights_init: None,
            means_init: None,
            precisions_init: None,
            start: Start::Direct,
            seed: 0,
            warm_start: None,
            update: Update::Em,
            prune: Prune::Auto,
            posterior: Posterior::Exact,
        }
    }

    /// Checks every option that can be judged without the data.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] or [`Error::Shape`].
    pub fn check(&self) -> Result<()> {
        let positive = |name, n: usize| match n {
            0 => Err(Error::InvalidOption { name, value: "0".to_owned(), expected: "1 or more" }),
            _ => Ok(()),
        };
        positive("the number of components", self.n_components)?;
        positive("the number of initialisations", self.n_init)?;
        if !(self.tol >= 0.0 && self.tol.is_finite()) {
            let (value, expected) = (self.tol.to_string(), "a finite number that is 0 or more");
            return Err(Error::InvalidOption { name: "the tolerance", value, expected });
        }
        self.floor.check()?;
        self.update.check()?;
        self.posterior.check(self.n_components, self.update)
    }
}
