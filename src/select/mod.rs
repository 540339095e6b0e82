//! The choice of a model: candidates of several numbers of components and families, fitted in one job, and the best of
//! them by a criterion.

mod candidate;
mod criterion;
mod entropy;
mod ground;
mod job;
mod options;
mod path;
mod plan;
mod selecting;
mod selection;
mod stability;
mod trial;
mod validation;

pub use self::criterion::Criterion;
pub use self::options::SelectOptions;
pub use self::selecting::{Selecting, select, select_observed};
pub use self::selection::{Candidate, Outcome, Scored, Selection};
pub use self::trial::{Trial, TrialKey};
