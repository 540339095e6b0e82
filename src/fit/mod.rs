//! Fits: restarts that ask for passes over samples, and the loop that has a device answer them.

mod climb;
mod coarse;
pub(crate) mod collapse;
pub(crate) mod fitting;
pub(crate) mod floor;
pub(crate) mod init;
pub(crate) mod kmeans;
pub(crate) mod noise;
pub(crate) mod options;
pub(crate) mod posterior;
mod repairing;
mod result;
mod search;
pub(crate) mod seeds;
mod setting;
pub(crate) mod starts;
pub(crate) mod state;
pub(crate) mod update;

pub use self::collapse::{Collapse, OnCollapse, Remedy, Repair};
pub use self::fitting::{Fitting, fit, fit_observed};
pub use self::floor::Floor;
pub use self::init::Initialisation;
pub use self::options::{FitOptions, Init, Start, WarmStart};
pub use self::posterior::{Posterior, Truncation};
pub use self::result::{Fit, Gain, Progress, Pruning, Seconds};
pub use self::search::Search;
pub use self::state::{FitState, LevelEpochs, Peak, Restart};
pub use self::update::Update;
pub use self::update::step::{History, StepKind};
