//! `header`, `address`, `exists` (RFC 5228 sections 5.1, 5.5 and 5.7).

use super::TestRule;
use crate::sieve::check::Arguments;
use crate::sieve::lexer::short;
use crate::sieve::message::AddressPart;
use crate::sieve::program::Test;
use crate::sieve::run::{Failure, Matching, Run};
use crate::sieve::text::Text;

pub const TESTS: &[TestRule] = &[
    TestRule { name: "header", extension: None, check: header },
    TestRule { name: "address", extension: None, check: address },
    TestRule { name: "exists", extension: None, check: exists },
];

fn header(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let names = arguments.header_names();
    arguments.keys(&mut matching);
    Box::new(Header { names, matching })
}

#[derive(Debug)]
struct Header {
    names: Vec<Text>,
    matching: Matching,
}

impl Test for Header {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let (message, mut evaluation) = run.parts();
        let mut search = self.matching.search();
        for name in &self.names {
            let name = evaluation.text(name)?;
            for field in message.header().named(&name) {
                evaluation.work.spend(field.value().len())?;
                if search.value(field.text(), &mut evaluation)? {
                    return Ok(true);
                }
            }
        }
        search.end(&mut evaluation)
    }
}

fn address(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let part = arguments.address_part().unwrap_or_default();
    let names = arguments.header_names_with(|name| {
        let what = || format!("\"{}\" holds no addresses that `address` could look at", short(name));
        (!holds_addresses(name)).then(what)
    });
    arguments.keys(&mut matching);
    Box::new(Address { names, part, matching })
}

/// Fields with addresses in them (RFC 5228 section 5.1): those of the standards, others in use, and what anybody may make of `X-`.
const ADDRESS_FIELDS: &[&str] = &[
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "resent-from",
    "resent-sender",
    "resent-reply-to",
    "resent-to",
    "resent-cc",
    "resent-bcc",
    "return-path",
    "delivered-to",
    "envelope-to",
    "apparently-to",
    "original-to",
    "original-from",
    "author",
    "disposition-notification-to",
    "return-receipt-to",
    "return-receipt-requested",
    "read-receipt-to",
    "registered-mail-reply-requested-by",
    "errors-to",
    "abuse-reports-to",
    "mail-followup-to",
    "mail-reply-to",
    "approved",
    "for-approval",
    "for-handling",
    "for-comment",
];

fn holds_addresses(name: &str) -> bool {
    ADDRESS_FIELDS.iter().any(|known| known.eq_ignore_ascii_case(name))
        || name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
}

#[derive(Debug)]
struct Address {
    names: Vec<Text>,
    part: AddressPart,
    matching: Matching,
}

impl Test for Address {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let (message, mut evaluation) = run.parts();
        let mut search = self.matching.search();
        for name in &self.names {
            let name = evaluation.text(name)?;
            if !holds_addresses(&name) {
                continue;
            }
            for field in message.header().named(&name) {
                for address in field.addresses(evaluation.work)? {
                    let Some(part) = self.part.of(&address) else { continue };
                    if search.value(part, &mut evaluation)? {
                        return Ok(true);
                    }
                }
            }
        }
        search.end(&mut evaluation)
    }
}

fn exists(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    Box::new(Exists { names: arguments.header_names() })
}

#[derive(Debug)]
struct Exists {
    names: Vec<Text>,
}

impl Test for Exists {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        for name in &self.names {
            let name = run.text(name)?;
            if !run.message.header().has(&name) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
