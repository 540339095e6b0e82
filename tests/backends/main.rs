//! The backends, held to an oracle and to each other: one body of tests for every device.

mod accuracy;
mod agreement;
mod common;
mod failures;
mod far_values;
mod fitting;
mod golden;
#[cfg(feature = "io")]
mod homes;
mod levels;
mod missing;
mod oracle_itself;
mod parts;
#[cfg(feature = "io")]
mod passes;
mod properties;
mod pruning;
mod repairs;
mod selecting;
mod several;
mod strange_data;
mod truncated;
mod updates;
