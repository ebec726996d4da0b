//! Bytes to meaning and back, without I/O: no socket, file, clock or user is known here.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod calendar;
pub mod imap;
pub mod mime;
pub mod sasl;
pub mod smtp;
