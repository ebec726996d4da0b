//! Reading a dialogue file, and playing it.

pub mod play;
pub mod script;
