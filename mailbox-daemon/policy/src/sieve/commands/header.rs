//! `header`, `address`, `exists` (RFC 5228 sections 5.1, 5.5 and 5.7), with what index and mime add to them.

use super::mime::{Aspect, Scope};
use super::{TestRule, index};
use crate::sieve::check::Arguments;
use crate::sieve::lexer::short;
use crate::sieve::message::{AddressPart, Field, Index};
use crate::sieve::program::Test;
use crate::sieve::run::{Evaluation, Failure, Matching, Run};
use crate::sieve::text::Text;
use std::borrow::Cow;

pub const TESTS: &[TestRule] = &[
    TestRule { name: "header", extension: None, check: header },
    TestRule { name: "address", extension: None, check: address },
    TestRule { name: "exists", extension: None, check: exists },
];

/// Looking at a field, whatever its size.
const FIELD_STEPS: usize = 16;

/// Which fields a test looks at.
#[derive(Debug)]
struct Fields {
    names: Vec<Text>,
    index: Option<Index>,
    scope: Scope,
}

impl Fields {
    /// Shows the fields one after the other, until one is what is looked for.
    fn any(
        &self,
        run: &mut Run<'_>,
        mut is_it: impl FnMut(&Field<'_>, &mut Evaluation<'_>) -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        let names = self.names.iter().map(|name| run.text(name)).collect::<Result<Vec<_>, _>>()?;
        if self.scope == Scope::Message {
            let (message, mut evaluation) = run.parts();
            let fields = message.header().select(&names, self.index);
            evaluation.work.spend(fields.len())?;
            for field in fields {
                if is_it(field, &mut evaluation)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let fields = self.of_parts(&names, run)?;
        let (_, mut evaluation) = run.parts();
        for field in &fields {
            if is_it(field, &mut evaluation)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The fields of all parts that are looked at; an index counts them together, name by name.
    fn of_parts<'r>(&self, names: &[Cow<'_, str>], run: &mut Run<'r>) -> Result<Vec<Field<'r>>, Failure> {
        let parts = self.scope.parts(run)?;
        let mut fields = Vec::new();
        let Some(index) = self.index else {
            for part in parts {
                fields.extend(run.message.fields_of(part, names, &mut run.work)?);
            }
            return Ok(fields);
        };
        for name in names.chunks(1) {
            for part in parts.clone() {
                fields.extend(run.message.fields_of(part, name, &mut run.work)?);
            }
        }
        let place = index.place_among(fields.len());
        Ok(fields.drain(place).collect())
    }
}

fn header(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let scope = Scope::read(arguments);
    let aspect = Aspect::read(arguments, scope);
    let index = index::read(arguments, Some("index"));
    let fields = Fields { names: arguments.header_names(), index, scope };
    arguments.keys(&mut matching);
    Box::new(Header { fields, aspect, matching })
}

#[derive(Debug)]
struct Header {
    fields: Fields,
    aspect: Aspect,
    matching: Matching,
}

impl Test for Header {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let mut search = self.matching.search();
        let names = self.aspect.names(run)?;
        let is_found = self.fields.any(run, |field, evaluation| {
            evaluation.work.spend(field.value().len() + FIELD_STEPS)?;
            for value in self.aspect.of(field, &names) {
                if search.value(&value, evaluation)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        Ok(is_found || search.end(&mut run.parts().1)?)
    }
}

fn address(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let part = arguments.address_part().unwrap_or_default();
    let scope = Scope::read(arguments);
    let index = index::read(arguments, Some("index"));
    let names = arguments.header_names_with(|name| {
        let what = || format!("\"{}\" holds no addresses that `address` could look at", short(name));
        (scope == Scope::Message && !holds_addresses(name.as_bytes())).then(what)
    });
    arguments.keys(&mut matching);
    Box::new(Address { fields: Fields { names, index, scope }, part, matching })
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

fn holds_addresses(name: &[u8]) -> bool {
    ADDRESS_FIELDS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
        || name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"x-"))
}

#[derive(Debug)]
struct Address {
    fields: Fields,
    part: AddressPart,
    matching: Matching,
}

impl Test for Address {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let mut search = self.matching.search();
        let is_found = self.fields.any(run, |field, evaluation| {
            // With `:mime` any field is read as if it held addresses (RFC 5703 section 4.2).
            if self.fields.scope == Scope::Message && !holds_addresses(field.name()) {
                return Ok(false);
            }
            for address in field.addresses(evaluation.work)?.iter() {
                let Some(part) = self.part.of(address) else { continue };
                if search.value(part, evaluation)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        Ok(is_found || search.end(&mut run.parts().1)?)
    }
}

fn exists(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let scope = Scope::read(arguments);
    let names = arguments.header_names();
    let one = |name| Fields { names: vec![name], index: None, scope };
    Box::new(Exists(names.into_iter().map(one).collect()))
}

/// Every one of them must be somewhere.
#[derive(Debug)]
struct Exists(Vec<Fields>);

impl Test for Exists {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        for fields in &self.0 {
            if !fields.any(run, |_, _| Ok(true))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
