//! What a fit saves, of whichever kind: a model, or a checkpoint on the way to one.

use std::path::Path;

use super::checkpoint::Checkpoint;
use super::document;
use super::model::{Model, load_model};
use crate::error::Result;

/// A model or a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub enum Saved {
    /// A model.
    Model(Box<Model>),
    /// A checkpoint.
    Checkpoint(Box<Checkpoint>),
}

impl Saved {
    /// Reads a file of either kind and checks everything in it; what is neither is refused as no model.
    ///
    /// # Errors
    /// [`Read`](crate::Error::Read), or [`Malformed`](crate::Error::Malformed) which names the file and the field.
    pub fn load(path: &Path) -> Result<Self> {
        match Checkpoint::is_in(&document::read(path)?) {
            true => Ok(Saved::Checkpoint(Box::new(Checkpoint::load(path)?))),
            false => Ok(Saved::Model(Box::new(load_model(path)?))),
        }
    }

    /// The model: that of a checkpoint is the best so far, `None` before the first initialisation.
    pub fn model(self) -> Option<Model> {
        match self {
            Saved::Model(model) => Some(*model),
            Saved::Checkpoint(checkpoint) => checkpoint.best_model(),
        }
    }
}
