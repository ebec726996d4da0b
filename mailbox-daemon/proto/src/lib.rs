//! Bytes to meaning and back, without I/O: no socket, file, clock or user is known here.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod arc;
mod calendar;
pub mod dkim;
pub mod dmarc;
pub mod imap;
pub mod managesieve;
pub mod mime;
pub mod mta_sts;
pub mod reports;
pub mod sasl;
pub mod signing;
pub mod smtp;
pub mod spf;
pub mod tags;
