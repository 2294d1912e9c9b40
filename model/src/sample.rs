//! Samples: what was measured, of what, when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::Object;
use crate::time::Time;

/// All that one poll of one target brought: one time, one value per metric.
///
/// A frame and not single samples, because the values of one poll belong together and share
/// their time stamp on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    pub target: Object,
    /// When it was measured, by the source's clock where it has one.
    pub at: Time,
    /// By the names of [`crate::metric::TABLE`]; finite numbers only.
    pub values: BTreeMap<String, f64>,
}
