//! What one look at the world came to, beside what is remembered.

use model::time::Time;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// The record is known to be as new as the world; before that nothing is done.
    pub is_current: bool,
    /// When this brain looked first.
    pub first_look: Option<Time>,
}
