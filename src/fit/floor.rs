//! The floor of variances: what keeps covariances positive definite where samples alone would not.

use std::fmt::{self, Display};

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use crate::advice::{Advice, Term};
use crate::data::summary::Summary;
use crate::error::{Error, Result};
use crate::model::family::average;
use crate::model::mixture::Mixture;

/// Least variance, added to the diagonal of every covariance so that no component collapses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Floor {
    /// The same variance for every feature, whatever the features are measured in: scikit-learn's `reg_covar`.
    #[serde(rename = "reg_covar")]
    Absolute(f64),
    /// This share of the square of every feature's robust scale, [`Summary::scale`](crate::Summary::scale): a fit in
    /// metres and one in millimetres give the same labels, and a few values far from the others change none.
    #[serde(rename = "floor")]
    Relative(f64),
}

impl Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Floor::Absolute(floor) => write!(f, "{floor:e}"),
            Floor::Relative(share) => write!(f, "{share:e} of the square of each feature's scale"),
        }
    }
}

impl Default for Floor {
    fn default() -> Self {
        Floor::Relative(1e-6)
    }
}

impl Floor {
    /// Checks its number.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub(crate) fn check(self) -> Result<()> {
        let (Floor::Absolute(floor) | Floor::Relative(floor)) = self;
        match floor >= 0.0 && floor.is_finite() {
            true => Ok(()),
            false => Err(Error::InvalidOption {
                name: "the covariance floor",
                value: floor.to_string(),
                expected: "a finite number that is 0 or more",
            }),
        }
    }

    /// The floor of every feature of the data, as a variance: `[D]`.
    pub fn of_features(self, summary: &Summary) -> Array1<f64> {
        match self {
            Floor::Absolute(floor) => Array1::from_elem(summary.n_features(), floor),
            Floor::Relative(share) => units(summary) * share,
        }
    }
}

/// Squares of what the features are measured in: their robust scales. A constant feature is measured in itself, and one
/// of zeros in 1: `[D]`.
pub(crate) fn units(summary: &Summary) -> Array1<f64> {
    let squares = |(scale, median): (&f64, &f64)| [scale * scale, median * median];
    let unit = |squares: [f64; 2]| squares.into_iter().find(|square| *square > 0.0).unwrap_or(1.0);
    summary.scale().iter().zip(summary.median()).map(squares).map(unit).collect()
}

/// A floor that is a larger share of a variance than this is worth a word.
const LARGEST_SHARE: f64 = 0.01;

/// Warning about floors that make up much of a variance, in one sentence. Features that are constant in the
/// data have no variance of their own anyway.
pub(crate) fn warning(mixture: &Mixture, floors: &Array1<f64>, summary: &Summary) -> Option<Advice> {
    let (k, covariances, scales) = (mixture.n_components(), mixture.covariances(), summary.scale());
    let share = |k: Option<usize>, i: Option<usize>| {
        let floor = i.map_or_else(|| average(floors), |i| floors[i]);
        floor / covariances.entry(k.unwrap_or(0), i.unwrap_or(0), i.unwrap_or(0))
    };
    let whose = |k: Option<usize>, i: Option<usize>| match (k, i) {
        (Some(k), None) => format!("component {k}"),
        (None, Some(i)) => format!("{} in all components", summary.feature(i)),
        (Some(k), Some(i)) => format!("{} in component {k}", summary.feature(i)),
        (None, None) => "all components".to_owned(),
    };
    let variances = mixture.covariance_type().variances(k, summary.n_features()).into_iter();
    let varied = variances.filter(|(_, i)| i.is_none_or(|i| scales[i] > 0.0));
    let shares: Vec<(f64, String)> = varied.map(|(k, i)| (share(k, i), whose(k, i))).collect();
    let large: Vec<&(f64, String)> = shares.iter().filter(|(share, _)| *share > LARGEST_SHARE).collect();
    let (share, whose) = large.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let others = match large.len() - 1 {
        0 => String::new(),
        1 => ", and more than 1 % of another variance".to_owned(),
        others => format!(", and more than 1 % of {others} other variances"),
    };
    let text = format!(
        "the covariance floor is {:.0} % of the variance of {whose}{others}: the result depends on it; lower it (",
        100.0 * share
    );
    Some(Advice::from(text) + Term::Floor + "), or use fewer components")
}

/// A model has collapsed onto the floor of its covariances where that makes up more than this of what a component has
/// left in some direction: the likelihood is what the floor lets it be, and no measure of the model.
pub(crate) const MOST_OF_FLOOR: f64 = 0.1;

/// The largest share that a floor has of what is left of the variance of a feature, given the others, in any component;
/// features that are constant in the data left out.
pub(crate) fn share_of_what_is_left(mixture: &Mixture, floors: &Array1<f64>, summary: &Summary) -> f64 {
    let (precisions, scales) = (mixture.precisions(), summary.scale());
    let varied: Vec<usize> = (0..summary.n_features()).filter(|i| scales[*i] > 0.0).collect();
    let all = (0..mixture.n_components()).flat_map(|k| varied.iter().map(move |i| (k, *i)));
    all.map(|(k, i)| floors[i] * precisions.entry(k, i, i)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::points::Points;
    use crate::model::covariance::CovarianceArray;
    use ndarray::{arr1, array};

    #[test]
    fn a_floor_that_makes_up_much_of_a_variance_is_told_with_component_and_feature() {
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let points = Points::with_names(array![[0.0, 7.0, 0.0], [2.0, 7.0, 5.0]], names).unwrap();
        let said = |variances: ndarray::Array2<f64>, floors: [f64; 3]| {
            let means = array![[0.0, 7.0, 0.0], [2.0, 7.0, 5.0]];
            let mixture = Mixture::new(arr1(&[0.5, 0.5]), means, CovarianceArray::Diag(variances)).unwrap();
            warning(&mixture, &arr1(&floors), points.summary()).map(|warning| warning.to_string())
        };
        // The second feature is constant.
        assert_eq!(said(array![[1.0, 1e-3, 1.0], [1.0, 1e-3, 1.0]], [1e-2, 1e-3, 1e-2]), None);
        let one = said(array![[1.0, 1.0, 1.0], [1.0, 1.0, 0.25]], [1e-3, 1e-3, 1e-2]).unwrap();
        assert!(
            one.starts_with("the covariance floor is 4 % of the variance of column 2 (c) in component 1: "),
            "{one}"
        );
        let more = said(array![[0.01, 1.0, 0.01], [1.0, 1.0, 0.01]], [1e-3, 1e-3, 5e-3]).unwrap();
        assert!(more.contains("50 %") && more.contains("of 2 other variances"), "{more}");
    }

    #[test]
    fn the_share_of_a_floor_is_that_of_what_the_other_features_leave() {
        let points = Points::new(array![[0.0, 1.0, 7.0], [2.0, 5.0, 7.0]]).unwrap();
        // Of the first feature's variance of 1 the second leaves 0.01; the third is constant.
        let mut covariances = ndarray::Array3::zeros((1, 3, 3));
        let entries = [((0, 0), 1.0), ((0, 1), 0.99_f64.sqrt()), ((1, 1), 1.0), ((2, 2), 1e-3)];
        for ((i, j), entry) in entries {
            covariances[[0, i, j]] = entry;
            covariances[[0, j, i]] = entry;
        }
        let mixture = Mixture::new(arr1(&[1.0]), array![[0.0, 0.0, 7.0]], CovarianceArray::Full(covariances)).unwrap();
        let share = share_of_what_is_left(&mixture, &arr1(&[1e-3, 1e-4, 1e-3]), points.summary());
        assert!((share - 0.1).abs() < 1e-9, "{share}");
    }

    #[test]
    fn a_relative_floor_follows_the_units_of_every_feature() {
        let points = Points::new(array![[0.0, 7.0, 0.0], [2.0, 7.0, 0.0]]).unwrap();
        assert_eq!(Floor::Relative(0.5).of_features(points.summary()), arr1(&[0.5, 24.5, 0.5]));
        assert_eq!(Floor::Absolute(0.5).of_features(points.summary()), arr1(&[0.5, 0.5, 0.5]));
    }
}
