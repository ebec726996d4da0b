//! IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) without sockets, clock or files.
//!
//! Bytes go into [`Input`], which answers with the next thing to do; [`parse`] turns a whole command into a [`Command`];
//! [`write`] turns answers into bytes and is the parser's inverse for commands; [`session`] says which command is allowed when.

pub mod acl;
pub mod command;
pub mod date;
mod input;
pub mod line_ends;
pub mod list;
pub mod metadata;
pub mod multisearch;
pub mod notify;
pub mod object_id;
pub mod parse;
#[cfg(test)]
mod round_trip;
pub mod search;
pub mod session;
pub mod sort;
pub mod threads;
pub mod url;
pub mod utf7;
pub mod write;

pub use command::{Command, CommandBody, Tag};
pub(crate) use input::{ANNOUNCEMENT_BYTES_MAX, announced_literal};
pub use input::{AppendNext, Input, Next};
pub use parse::{Dialect, Fault, FaultKind};
