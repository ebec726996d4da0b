//! Reports about TLS between mail servers (RFC 8460).

mod parse;
mod write;

pub use parse::{TlsReport, TlsReportPolicy, parse};
pub use write::TlsLetter;
