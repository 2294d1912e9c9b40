//! PromQL: expressions over samples, evaluated.

pub mod source;
