//! ManageSieve (RFC 5804) without sockets, clock or files: the server's side.
//!
//! Bytes go into [`Input`], which hands out whole commands; [`write`] turns answers into bytes and is the parser's inverse for
//! commands; [`session`] says which command is allowed when and what is announced.
//!
//! **Drive rule: after every read call [`Input::command`] until it answers [`Next::Incomplete`]; while a SASL exchange goes on,
//! [`Input::response`] instead.**

mod command;
mod input;
pub mod parse;
#[cfg(test)]
mod round_trip;
pub mod session;
pub mod write;

pub use command::{Command, Response};
pub use input::{Bounds, Input, Next};
pub use parse::{Fault, FaultKind};
