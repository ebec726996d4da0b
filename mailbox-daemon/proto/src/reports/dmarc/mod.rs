//! DMARC aggregate reports (RFC 7489 section 7.2 and appendix C).

mod parse;
mod request;
mod write;

pub(super) use parse::word;
pub use parse::{DmarcParser, DmarcReport};
pub use request::DmarcRequest;
pub use write::DmarcLetter;
