//! SMTP (RFC 5321) and message submission (RFC 6409).

pub mod client;
pub mod data;
pub mod header;
pub mod parse;
pub mod reply;
pub mod results;
pub mod server;
pub mod write;
