//! `envelope` (RFC 5228 section 5.4) with the parts of envelope-dsn (RFC 6009 section 4).

use super::TestRule;
use crate::sieve::check::Arguments;
use crate::sieve::facts::EnvelopeFacts;
use crate::sieve::lexer::short;
use crate::sieve::message::AddressPart;
use crate::sieve::program::Test;
use crate::sieve::run::{Failure, Matching, Run};
use crate::sieve::script::Place;
use crate::sieve::text::Text;
use types::{Address, DsnNotify, DsnReturn};

pub const TESTS: &[TestRule] = &[TestRule { name: "envelope", extension: Some("envelope"), check: envelope }];

/// A part of the envelope.
#[derive(Clone, Copy, Debug)]
enum Part {
    From,
    To,
    Notify,
    OriginalRecipient,
    Return,
    Id,
}

const PARTS: &[(&str, Part)] = &[
    ("from", Part::From),
    ("to", Part::To),
    ("notify", Part::Notify),
    ("orcpt", Part::OriginalRecipient),
    ("ret", Part::Return),
    ("envid", Part::Id),
];

fn part_of(name: &str) -> Option<Part> {
    PARTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, part)| *part)
}

fn unknown(name: &str) -> String {
    format!("the envelope has no part \"{}\"", short(name))
}

fn envelope(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let address_part = arguments.address_part();
    let mut names = Vec::new();
    for (place, name) in arguments.texts("a part of the envelope") {
        if let Some(name) = name.constant() {
            check_part(arguments, name, address_part, place);
        }
        names.push(name);
    }
    arguments.keys(&mut matching);
    Box::new(Envelope { names, address_part: address_part.unwrap_or_default(), matching })
}

fn check_part(arguments: &mut Arguments<'_>, name: &str, address_part: Option<AddressPart>, place: Place) {
    match part_of(name) {
        None => arguments.fault(place, unknown(name)),
        Some(Part::From | Part::To) => {}
        Some(_) => {
            arguments.needs("envelope-dsn", place, "this part of the envelope");
            if address_part.is_some() {
                arguments
                    .fault(place, "this part of the envelope is no address, so no part of it can be named");
            }
        }
    }
}

#[derive(Debug)]
struct Envelope {
    names: Vec<Text>,
    address_part: AddressPart,
    matching: Matching,
}

impl Test for Envelope {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        if run.facts.environment.imap.is_some() {
            // RFC 6785 section 4.6.
            return Err(Failure::impossible("there is no envelope where a script is set off in IMAP"));
        }
        let (_, mut evaluation) = run.parts();
        let mut search = self.matching.search();
        for name in &self.names {
            let name = evaluation.text(name)?;
            let part = part_of(&name).ok_or_else(|| Failure::impossible(unknown(&name)))?;
            let Some(envelope) = evaluation.facts.envelope else { continue };
            // The empty sender is no address to be counted (RFC 5231 section 4.2), but matches the empty string.
            if search.is_counting() && matches!(part, Part::From) && envelope.from.is_none() {
                continue;
            }
            for value in self.values(part, envelope) {
                if search.value(value.as_bytes(), &mut evaluation)? {
                    return Ok(true);
                }
            }
        }
        search.end(&mut evaluation)
    }
}

impl Envelope {
    fn values(&self, part: Part, envelope: &EnvelopeFacts) -> Vec<String> {
        match part {
            Part::From => match &envelope.from {
                Some(from) => self.of_address(from).into_iter().collect(),
                None => vec![String::new()],
            },
            Part::To => self.of_address(&envelope.to.address).into_iter().collect(),
            Part::Notify => envelope.to.notify.map(conditions).unwrap_or_default(),
            Part::OriginalRecipient => envelope.to.original.iter().cloned().collect(),
            Part::Return => envelope.parameters.ret.map(returned).into_iter().collect(),
            Part::Id => envelope.parameters.envelope_id.iter().cloned().collect(),
        }
    }

    fn of_address(&self, address: &Address) -> Option<String> {
        let local = address.local.as_str();
        match self.address_part {
            AddressPart::All => Some(address.to_string()),
            AddressPart::Domain => Some(address.domain.as_str().to_owned()),
            part => {
                part.of_local_part(local.as_bytes()).map(|part| String::from_utf8_lossy(part).into_owned())
            }
        }
    }
}

fn conditions(notify: DsnNotify) -> Vec<String> {
    let DsnNotify { success, failure, delay } = notify;
    let named =
        [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY"), (notify == DsnNotify::NEVER, "NEVER")];
    named.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, name)| name.to_owned()).collect()
}

fn returned(returned: DsnReturn) -> String {
    match returned {
        DsnReturn::Full => "FULL",
        DsnReturn::Headers => "HDRS",
    }
    .to_owned()
}
