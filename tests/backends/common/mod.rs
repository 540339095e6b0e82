//! What the tests share: the oracle, data, the devices under test and the comparison with the oracle.

pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod devices;
pub(crate) mod incomplete;
pub(crate) mod oracle;
