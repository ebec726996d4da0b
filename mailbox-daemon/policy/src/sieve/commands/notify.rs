//! enotify (RFC 5435) by mail (RFC 5436).

mod mailto;

use super::fcc::CopyArgument;
use super::vacation::own_address;
use super::{CommandRule, TestRule};
use crate::sieve::check::Arguments;
use crate::sieve::letter::{self, Letter};
use crate::sieve::memory;
use crate::sieve::message::Entity;
use crate::sieve::plan::Notification;
use crate::sieve::program::{Action, Test};
use crate::sieve::run::{Failure, Flow, Matching, Run};
use crate::sieve::text::Text;
use mailto::{Mailto, Unfit};

pub const COMMANDS: &[CommandRule] =
    &[CommandRule { name: "notify", extension: Some("enotify"), check: notify }];

pub const TESTS: &[TestRule] = &[
    TestRule { name: "valid_notify_method", extension: Some("enotify"), check: valid_notify_method },
    TestRule { name: "notify_method_capability", extension: Some("enotify"), check: capability },
];

fn notify(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let from = arguments.text_of("from", None);
    if let Some((place, from)) = &from
        && from.constant().is_some_and(|from| letter::authors(from).is_none())
    {
        arguments
            .fault(*place, "`:from` is followed by an address, or a name and an address in angle brackets");
    }
    let importance = importance(arguments);
    for (place, option) in arguments.texts_of("options", None).unwrap_or_default() {
        if option.constant().is_some_and(|option| !is_option(option)) {
            arguments.fault(place, "an option is written as \"name=value\"");
        }
    }
    let message = arguments.text_of("message", None).map(|(_, message)| message);
    let copy = CopyArgument::read(arguments);
    let (place, method) = arguments.text("how to notify");
    match method.constant().map(Mailto::parse) {
        Some(Err(wrong @ Unfit::Wrong { .. })) => arguments.fault(place, wrong.to_string()),
        // A script may ask `valid_notify_method` first, so this is no fault (RFC 5435 section 3.2).
        Some(Err(foreign @ Unfit::Foreign(_))) => arguments.warn(place, foreign.to_string()),
        Some(Ok(_)) | None => {}
    }
    Box::new(Notify { from: from.map(|(_, from)| from), importance, message, copy, method })
}

/// `:importance`, `1` the highest.
fn importance(arguments: &mut Arguments<'_>) -> Option<Text> {
    let (place, importance) = arguments.text_of("importance", None)?;
    if importance.constant().is_some_and(|importance| !["1", "2", "3"].contains(&importance)) {
        arguments.fault(place, "`:importance` is \"1\", \"2\" or \"3\"");
    }
    Some(importance)
}

/// `name=value` (RFC 5435 section 3.5).
fn is_option(option: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-_".contains(letter))
    };
    option.split_once('=').is_some_and(|(name, value)| is_name(name) && !value.contains(['\0', '\n', '\r']))
}

#[derive(Debug)]
struct Notify {
    from: Option<Text>,
    importance: Option<Text>,
    message: Option<Text>,
    copy: Option<CopyArgument>,
    method: Text,
}

impl Action for Notify {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let method = run.text(&self.method)?;
        run.work.spend(method.len())?;
        let mut mailto = Mailto::parse(&method).map_err(|unfit| Failure::impossible(unfit.to_string()))?;
        if is_automatic(run) {
            return Ok(Flow::Next);
        }
        let words = self.words(&mailto, run)?;
        let told = memory::key("told", &[words.subject.as_bytes(), words.body.as_bytes()]);
        mailto.keep_recipients(|address| run.actions.told.insert((told, address.clone())));
        if mailto.to.is_empty() && mailto.cc.is_empty() {
            return Ok(Flow::Next);
        }
        run.count_sent()?;
        let message = self.letter(&mailto, words, run)?;
        run.work.take(message.len())?;
        let copy_in = CopyArgument::filing(self.copy.as_ref(), run)?;
        run.plan.notifications.push(Notification { to: [mailto.to, mailto.cc].concat(), message, copy_in });
        Ok(Flow::Next)
    }
}

/// What is told.
struct Words {
    subject: String,
    body: String,
}

/// Whether the message was sent by a machine: telling of those could go on forever (RFC 5436 section 2.7).
fn is_automatic(run: &Run<'_>) -> bool {
    let mut fields = run.message.header().named("Auto-Submitted");
    fields.any(|field| {
        let text = field.text();
        let end = text.iter().position(|octet| matches!(octet, b' ' | b'\t' | b';' | b'('));
        !text[..end.unwrap_or(text.len())].eq_ignore_ascii_case(b"no")
    })
}

impl Notify {
    fn words(&self, mailto: &Mailto, run: &mut Run<'_>) -> Result<Words, Failure> {
        let header = run.message.header();
        let field = |name: &str| {
            let field = header.named(name).next();
            field.map(|field| String::from_utf8_lossy(field.text()).into_owned()).unwrap_or_default()
        };
        let (original, from) = (field("Subject"), field("From"));
        let body = mailto.body.clone().unwrap_or_else(|| format!("From: {from}\nSubject: {original}\n"));
        let subject = match (&self.message, &mailto.subject) {
            (Some(message), _) => run.text(message)?.into_owned(),
            (None, Some(subject)) => subject.clone(),
            (None, None) => original,
        };
        Ok(Words { subject, body })
    }

    /// The notification (RFC 5436 section 2.7).
    fn letter(&self, mailto: &Mailto, words: Words, run: &mut Run<'_>) -> Result<Vec<u8>, Failure> {
        let mut letter = Letter::default();
        let owner = run.facts.account.to_string().replace('\\', "\\\\").replace('"', "\\\"");
        letter.field("Auto-Submitted", &format!("auto-notified; owner-email=\"{owner}\""));
        letter.field("From", &self.author(run)?);
        for (name, addresses) in [("To", &mailto.to), ("Cc", &mailto.cc)] {
            if !addresses.is_empty() {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                letter.field(name, &addresses.join(", "));
            }
        }
        letter.text_field("Subject", &words.subject);
        let importance = self.importance.as_ref().map(|importance| run.text(importance)).transpose()?;
        let (importance, priority) = match importance.as_deref() {
            Some("1") => ("High", "1 (Highest)"),
            Some("3") => ("Low", "5 (Lowest)"),
            _ => ("Normal", "3 (Normal)"),
        };
        letter.field("Importance", importance);
        letter.field("X-Priority", priority);
        for (name, value) in &mailto.fields {
            letter.text_field(name, value);
        }
        Ok(letter.with(Entity::body(&words.body)))
    }

    /// Who tells: whom the script says, if that is somebody of the account's domains (RFC 5435 section 3.3).
    fn author(&self, run: &mut Run<'_>) -> Result<String, Failure> {
        let from = self.from.as_ref().map(|from| run.text(from)).transpose()?;
        let facts = &run.facts;
        let is_known = |address: &types::Address| {
            address.domain == facts.account.domain
                || facts.own_addresses.iter().any(|own| own.domain == address.domain)
        };
        let authors = from.as_deref().and_then(letter::authors);
        let authors = authors.filter(|(_, authors)| matches!(&authors[..], [author] if is_known(author)));
        Ok(authors.map_or_else(|| own_address(facts).to_string(), |(written, _)| written))
    }
}

fn valid_notify_method(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    Box::new(AreMethods(arguments.texts("ways to notify").into_iter().map(|(_, method)| method).collect()))
}

#[derive(Debug)]
struct AreMethods(Vec<Text>);

impl Test for AreMethods {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        for method in &self.0 {
            let method = run.text(method)?;
            run.work.spend(method.len())?;
            if Mailto::parse(&method).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn capability(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let (_, method) = arguments.text("how to notify");
    let (_, what) = arguments.text("what a way to notify may be able to do");
    arguments.keys(&mut matching);
    Box::new(Capability { method, what, matching })
}

#[derive(Debug)]
struct Capability {
    method: Text,
    what: Text,
    matching: Matching,
}

impl Test for Capability {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let method = run.text(&self.method)?;
        run.work.spend(method.len())?;
        if Mailto::parse(&method).is_err() {
            return Ok(false);
        }
        let value = match run.text(&self.what)?.to_ascii_lowercase().as_str() {
            // Nobody can tell who reads mail now (RFC 5436 section 2.2).
            "online" => "maybe",
            "fcc" => "yes",
            _ => return Ok(false),
        };
        let (_, mut evaluation) = run.parts();
        let mut search = self.matching.search();
        Ok(search.value(value.as_bytes(), &mut evaluation)? || search.end(&mut evaluation)?)
    }
}

/// `:encodeurl` (RFC 5435 section 6): octets that are not unreserved in URIs become percent signs and digits.
pub fn encode_url(value: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(value.len());
    for octet in value.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            encoded.push(octet as char);
        } else {
            let _ = write!(encoded, "%{octet:02X}");
        }
    }
    encoded
}
