//! Model files: one JSON document with the mixture in scikit-learn's shapes and how it was fitted.

use std::path::Path;

use ndarray::{Array1, Array2};
use serde::Serialize;

use super::document::{self, Document};
use super::fit_record::FitRecord;
use super::malformed;
use super::nested::{Nested, NestedValues};
use super::output::Destination;
use crate::advice::{Advice, Term};
use crate::error::{Error, Result};
use crate::model::covariance::CovarianceArray;
use crate::model::family::CovarianceType;
use crate::model::mixture::Mixture;

const FORMAT: &str = "mixtura-model";
const VERSION: u64 = 1;

/// A mixture with what a model file keeps beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The mixture.
    pub mixture: Mixture,
    /// Names of the features, where the data had a header.
    pub feature_names: Option<Vec<String>>,
    /// How it was fitted, where that is known.
    pub fit: Option<FitRecord>,
}

/// A model file as it is written.
#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u64,
    covariance_type: CovarianceType,
    n_components: usize,
    n_features: usize,
    feature_names: Option<&'a [String]>,
    weights: Nested<'a>,
    means: Nested<'a>,
    covariances: Nested<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fit: Option<&'a FitRecord>,
}

/// Writes a model file; the model comes back bit for bit.
///
/// # Errors
/// [`Error::Write`].
pub fn save_model(to: &Destination, model: &Model) -> Result<()> {
    let Model { mixture, feature_names, fit } = model;
    let document = Written {
        format: FORMAT,
        version: VERSION,
        covariance_type: mixture.covariance_type(),
        n_components: mixture.n_components(),
        n_features: mixture.n_features(),
        feature_names: feature_names.as_deref(),
        weights: mixture.weights().into(),
        means: mixture.means().into(),
        covariances: mixture.covariances().into(),
        fit: fit.as_ref(),
    };
    document::write(to, &document)
}

/// Reads a model file and checks everything in it.
///
/// # Errors
/// [`Error::Read`], or [`Error::Malformed`] which names the file and the field.
pub fn load_model(path: &Path) -> Result<Model> {
    let text = document::read(path)?;
    parse(&text).map_err(|problem| {
        let remedy = Advice::from("give a model that ") + Term::SaveModel + " wrote, unchanged";
        malformed(path.display().to_string(), problem, remedy)
    })
}

/// A model from the text of its file; otherwise what is wrong with it.
fn parse(text: &[u8]) -> Result<Model, String> {
    document::check_format(text, FORMAT, "model", VERSION..=VERSION)?;
    let document: Document = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let k = document.n_components;
    let d = document.n_features;
    if let Some(names) = &document.feature_names
        && names.len() != d
    {
        return Err(format!("feature_names has {} names for {d} features", names.len()));
    }
    if let Some(names) = &document.feature_names
        && let Some(name) = names.iter().enumerate().find_map(|(i, name)| names[..i].contains(name).then_some(name))
    {
        return Err(format!("feature_names has '{name}' twice"));
    }
    let Document { covariance_type, weights, means, covariances, .. } = document;
    let mixture = mixture(covariance_type, k, d, weights, means, covariances)?;
    Ok(Model { mixture, feature_names: document.feature_names, fit: document.fit })
}

/// A mixture of K components of D features, from its parameters as they are in a file.
pub(super) fn mixture(
    family: CovarianceType,
    k: usize,
    d: usize,
    weights: NestedValues,
    means: NestedValues,
    covariances: NestedValues,
) -> Result<Mixture, String> {
    let weights = array("weights", weights, &[k])?;
    let means = array("means", means, &[k, d])?;
    let covariances = array("covariances", covariances, &family.shape(k, d))?;
    let means = Array2::from_shape_vec((k, d), means).map_err(|error| error.to_string())?;
    CovarianceArray::from_values("covariances", family, k, d, covariances)
        .and_then(|covariances| Mixture::new(Array1::from(weights), means, covariances))
        .map_err(|error| match error {
            // The advice is for a fit that collapsed, not for a file.
            Error::NotPositiveDefinite { component: Some(k), .. } => {
                format!("covariances[{k}] is not positive definite")
            }
            Error::NotPositiveDefinite { component: None, .. } => "covariances is not positive definite".to_owned(),
            other => other.to_string().replace('\n', "; "),
        })
}

fn array(name: &str, array: NestedValues, shape: &[usize]) -> Result<Vec<f64>, String> {
    if array.shape == shape {
        Ok(array.values)
    } else {
        Err(format!("{name} has shape {:?}; the shape must be {shape:?}", array.shape))
    }
}
