//! `header`, `address`, `exists` (RFC 5228 sections 5.1, 5.5 and 5.7).

use super::TestRule;
use crate::sieve::check::Arguments;
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
    let names = arguments.header_names();
    arguments.keys(&mut matching);
    Box::new(Address { names, part, matching })
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
