//! The only floor with sockets, TLS, DNS look-ups, async and the wall clock.
//!
//! It gathers facts, asks the floors below what to do, and does it. Decisions about mail live in `policy`, the meaning of
//! bytes in `proto`, files in `store`.

pub mod admin;
mod allowance;
pub mod auth;
mod backlog;
pub mod control;
mod correspondents;
pub mod deliver;
pub mod demo;
mod directory;
mod disk;
pub mod dns;
pub mod doctor;
pub mod evidence;
mod fulltext;
pub mod gate;
pub mod host;
mod https;
pub mod imap;
mod issues;
pub mod listen;
pub mod managesieve;
mod notices;
pub mod places;
mod pressure;
mod quota;
pub mod reports;
pub mod run;
mod sieve;
pub mod signing;
pub mod smtp_in;
mod spam;
pub mod stop;
pub mod stream;
pub mod tls;
mod watchdog;

pub use disk::disk;
