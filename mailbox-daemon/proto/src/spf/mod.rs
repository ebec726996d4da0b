//! SPF records and the macros in them (RFC 7208 sections 4.6, 5, 6 and 7).

mod macros;
mod record;

pub use macros::{Identity, MacroString};
pub use record::{Directive, Mechanism, PrefixLengths, Record, SpfSyntax, is_record};

#[cfg(test)]
mod tests;
