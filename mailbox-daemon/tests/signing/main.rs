//! What vouches for mail that leaves the box, judged by other people's programs.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod forwarding;
mod keys;
mod opendkim;
mod submission;
mod verify;
