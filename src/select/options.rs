//! What is to be chosen from, and by what.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::fit::{FitOptions, Start};
use crate::model::family::CovarianceType;
use crate::select::criterion::Criterion;

/// Bytes that the sums of candidates which share their passes take, unless that is said.
const SUMS: u64 = 1 << 30;

/// How to choose a model.
///
/// Later versions may add fields, so that an expression for all of them ends in `..SelectOptions::new(components)`.
#[derive(Debug, Clone)]
pub struct SelectOptions {
    /// Numbers of components to try.
    pub components: Vec<usize>,
    /// Families of covariances to try.
    pub families: Vec<CovarianceType>,
    /// What decides.
    pub criterion: Criterion,
    /// How each candidate is fitted. Its own number of components and family take the place of those here.
    pub fit: FitOptions,
    /// Whether every candidate is fitted to all samples, from an initialisation of its own.
    ///
    /// Else only that of the most components of each family begins at one; one of fewer begins at its model, of which two
    /// components are merged, and so on down. Where a model is held by the floor of its covariances, the candidate is fitted
    /// from an initialisation too, and so are in the end the best candidates, until the three best all were.
    ///
    /// Of many samples a part comes first: the smallest of one of 4, of 16 and of 64 that has 50,000 samples or more, and
    /// for each component 20 (D + 1). What candidates are worth on all samples is estimated from it, and the best go on from
    /// their models on all samples, until the three best all did, and those of one component more and less than the best.
    pub exhaustive: bool,
    /// Folds, for what they tell ([`Criterion::HeldOut`] and [`Criterion::Stability`], which ask for them): after the
    /// candidates are fitted to all samples they are, in the same way, to all but each of so many folds.
    pub folds: Option<usize>,
    /// Most bytes that sums of candidates which share their passes may take; the others queue. They share passes where
    /// samples move in every pass: on disk, or through a device that does not hold them all.
    pub sums_memory: u64,
}

impl SelectOptions {
    /// All four families with these numbers of components, by BIC.
    pub fn new(components: impl IntoIterator<Item = usize>) -> Self {
        SelectOptions {
            components: components.into_iter().collect(),
            families: CovarianceType::ALL.to_vec(),
            criterion: Criterion::default(),
            fit: FitOptions::new(1),
            exhaustive: false,
            folds: None,
            sums_memory: SUMS,
        }
    }

    /// The options by which a candidate is fitted.
    pub fn fit_of(&self, n_components: usize, covariance_type: CovarianceType) -> FitOptions {
        FitOptions { n_components, covariance_type, ..self.fit.clone() }
    }

    /// All candidates: family by family, and by their numbers of components.
    pub(crate) fn candidates(&self) -> Vec<(usize, CovarianceType)> {
        let mut components = self.components.clone();
        components.sort_unstable();
        let all = self.families.iter().flat_map(|family| components.iter().map(move |k| (*k, *family)));
        let mut seen = HashSet::new();
        all.filter(|candidate| seen.insert(*candidate)).collect()
    }

    /// Checks every option that can be judged without the data.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], or those of the options of fits.
    pub fn check(&self) -> Result<()> {
        let missing = |name, expected| Err(Error::InvalidOption { name, value: "none".to_owned(), expected });
        if self.components.is_empty() {
            return missing("the numbers of components", "at least one");
        }
        if self.families.is_empty() {
            return missing("the families", "at least one");
        }
        let refused =
            |name, value: &str, expected| Err(Error::InvalidOption { name, value: value.to_owned(), expected });
        match self.folds {
            Some(folds @ (0 | 1)) => return refused("the folds", &folds.to_string(), "at least 2"),
            None if self.criterion.is_of_folds() => {
                return refused(
                    "the criterion",
                    self.criterion.name(),
                    "one that asks for no folds, where there are none",
                );
            }
            _ => {}
        }
        let FitOptions { weights_init, means_init, precisions_init, warm_start, start, .. } = &self.fit;
        if warm_start.is_some() || weights_init.is_some() || means_init.is_some() || precisions_init.is_some() {
            return refused("the start", "a model", "an initialisation: candidates have models of many shapes");
        }
        if *start == Start::CoarseToFine {
            return refused("the start", start.name(), "direct: candidates share their passes over all samples");
        }
        self.components.iter().try_for_each(|k| self.fit_of(*k, self.families[0]).check())
    }
}
