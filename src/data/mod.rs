//! Samples, wherever they are, and what is known of them before any model.

pub(crate) mod chosen;
pub(crate) mod coordinates;
pub(crate) mod draw;
pub(crate) mod drawn;
mod feature_moments;
pub(crate) mod gathered;
pub(crate) mod hash;
pub(crate) mod home;
mod kept_rows;
pub(crate) mod missing;
pub(crate) mod order;
pub(crate) mod pass;
pub(crate) mod points;
pub(crate) mod portion;
pub(crate) mod runs;
pub(crate) mod samples;
pub(crate) mod shard;
pub(crate) mod source;
pub(crate) mod spread;
pub(crate) mod subsample;
pub(crate) mod summary;
mod total;
pub(crate) mod watched;

pub use self::home::{Home, Place};
pub use self::missing::{Holes, Missing};
pub use self::points::{LARGEST_VALUE, Points};
pub use self::samples::Samples;
pub use self::shard::Shard;
pub use self::source::{Data, Visit, block_rows};
pub use self::summary::Summary;
pub use self::watched::{Watched, Watcher};
pub use crate::memory::memory_for_samples;
