//! The fields of a model file as they are read, each of which is named when it is missing or malformed.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::ops::RangeInclusive;
use std::path::Path;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::error::Category;

use super::fit_record::FitRecord;
use super::nested::NestedValues;
use super::output::Destination;
use crate::error;
use crate::model::family::CovarianceType;

/// Bytes by which a document is told from what is none.
const BEGINNING: u64 = 4096;

/// Writes a JSON document, with a line feed behind it.
pub(super) fn write(to: &Destination, document: &impl Serialize) -> error::Result<()> {
    let mut output = to.create()?;
    serde_json::to_writer(&mut output, document).map_err(|error| to.fail(error.into()))?;
    writeln!(output).map_err(|error| to.fail(error))?;
    output.finish()
}

/// The text of a JSON document; of what does not begin like one, which may be very large, the beginning alone.
pub(super) fn read(path: &Path) -> error::Result<Vec<u8>> {
    let fail = |source| error::Error::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(fail)?;
    let mut text = Vec::new();
    (&file).take(BEGINNING).read_to_end(&mut text).map_err(fail)?;
    if is_json(&text) {
        file.read_to_end(&mut text).map_err(fail)?;
    }
    Ok(text)
}

/// Whether a text begins like a JSON document, or has not begun.
fn is_json(text: &[u8]) -> bool {
    text.trim_ascii_start().first().is_none_or(|first| b"{[".contains(first))
}

/// Whether a text is a JSON document of the given format, in whatever version.
pub(super) fn has_format(text: &[u8], format: &str) -> bool {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    serde_json::from_slice(text).is_ok_and(|head: Head| head.format == format)
}

/// Checks that a text is a JSON document of the given format, in a version that can be read; otherwise says what it is.
pub(super) fn check_format(text: &[u8], format: &str, kind: &str, versions: RangeInclusive<u64>) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Head {
        format: Option<Value>,
        version: Option<Value>,
    }
    let head: Head = serde_json::from_slice(text).map_err(|error| match error.classify() {
        Category::Eof => format!("the file is truncated: {error}"),
        Category::Data => format!("this is no {kind} file"),
        // What does not begin like JSON was never meant to be.
        Category::Syntax if !is_json(text) => {
            format!("this is no {kind} file: it is not JSON")
        }
        Category::Syntax | Category::Io => format!("this is not JSON: {error}"),
    })?;
    if head.format.as_ref().and_then(Value::as_str) != Some(format) {
        return Err(match head.format {
            Some(other) => format!("this is no {kind} file: format is {other}, not \"{format}\""),
            None => format!("this is no {kind} file: it has no field format that says \"{format}\""),
        });
    }
    match head.version.as_ref().and_then(Value::as_u64) {
        Some(found) if versions.contains(&found) => Ok(()),
        Some(found) if found > *versions.end() => {
            Err(format!("version is {found}, newer than this program, which reads version {}", versions.end()))
        }
        _ => Err(format!("version is {}, not {}", head.version.unwrap_or_default(), versions.end())),
    }
}

/// The fields of a model file; others are passed over.
pub(super) struct Document {
    pub(super) covariance_type: CovarianceType,
    pub(super) n_components: usize,
    pub(super) n_features: usize,
    pub(super) feature_names: Option<Vec<String>>,
    pub(super) weights: NestedValues,
    pub(super) means: NestedValues,
    pub(super) covariances: NestedValues,
    pub(super) fit: Option<FitRecord>,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of a model")
    }

    /// Written out, because a derived implementation does not name the field whose value is malformed.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut covariance_type = None;
        let mut n_components = None;
        let mut n_features = None;
        let mut feature_names = None;
        let mut weights = None;
        let mut means = None;
        let mut covariances = None;
        let mut fit = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "covariance_type" => covariance_type = Some(field(&mut map, &key)?),
                "n_components" => n_components = Some(field(&mut map, &key)?),
                "n_features" => n_features = Some(field(&mut map, &key)?),
                "feature_names" => feature_names = field(&mut map, &key)?,
                "weights" => weights = Some(field(&mut map, &key)?),
                "means" => means = Some(field(&mut map, &key)?),
                "covariances" => covariances = Some(field(&mut map, &key)?),
                "fit" => fit = field(&mut map, &key)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Document {
            covariance_type: present("covariance_type", covariance_type)?,
            n_components: present("n_components", n_components)?,
            n_features: present("n_features", n_features)?,
            feature_names,
            weights: present("weights", weights)?,
            means: present("means", means)?,
            covariances: present("covariances", covariances)?,
            fit,
        })
    }
}

fn field<'de, A: MapAccess<'de>, T: Deserialize<'de>>(map: &mut A, name: &str) -> Result<T, A::Error> {
    map.next_value().map_err(|error| A::Error::custom(format!("{name}: {error}")))
}

fn present<T, E: Error>(name: &str, value: Option<T>) -> Result<T, E> {
    value.ok_or_else(|| E::custom(format!("the field {name} is missing")))
}
