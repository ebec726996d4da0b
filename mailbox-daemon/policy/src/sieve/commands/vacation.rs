//! vacation (RFC 5230), vacation-seconds (RFC 6131).

mod correspondent;

use super::CommandRule;
use super::fcc::CopyArgument;
use crate::config;
use crate::sieve::check::Arguments;
use crate::sieve::letter::{self, Letter};
use crate::sieve::memory;
use crate::sieve::message::Entity;
use crate::sieve::plan::{Memory, MemoryKey, Reply};
use crate::sieve::program::Action;
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::text::Text;
use correspondent::{Answer, Correspondence};
use types::Address;

pub use correspondent::own_address;

pub const COMMANDS: &[CommandRule] = &[CommandRule { name: "vacation", extension: None, check: vacation }];

/// How often the same person is answered when the script does not say (RFC 5230 section 4.1).
const DEFAULT_DAYS: u64 = 7;
const DAY_S: u64 = 86_400;

fn vacation(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    if !arguments.checker.uses("vacation-seconds") {
        arguments.needs("vacation", arguments.place(), "`vacation`");
    }
    arguments.checker.needs.memory = true;
    let interval = Interval::read(arguments);
    let subject = arguments.text_of("subject", None).map(|(_, subject)| subject);
    let from = from(arguments);
    let addresses = arguments.texts_of("addresses", None).unwrap_or_default();
    let is_mime = arguments.flag("mime", None);
    let handle = arguments.text_of("handle", None).map(|(_, handle)| handle);
    let copy = CopyArgument::read(arguments);
    let (place, reason) = arguments.text("what is answered");
    let entity = reason.constant().filter(|_| is_mime).map(Entity::parse);
    if let Some(fault) = entity.and_then(|entity| entity.fault()) {
        arguments.fault(place, fault);
    }
    let addresses = addresses.into_iter().map(|(_, address)| address).collect();
    Box::new(Vacation { interval, subject, from, addresses, is_mime, handle, copy, reason })
}

/// How much time passes before the same person is answered again.
#[derive(Clone, Copy, Debug)]
enum Interval {
    Days(u64),
    /// 0 to answer every time.
    Seconds(u64),
}

impl Interval {
    fn read(arguments: &mut Arguments<'_>) -> Interval {
        let days = arguments.number_of("days", None);
        let seconds = arguments.number_of("seconds", Some("vacation-seconds"));
        match (days, seconds) {
            (Some((place, days)), Some(_)) => {
                arguments.fault(place, "`:days` and `:seconds` exclude each other");
                Interval::Days(days)
            }
            (_, Some((_, seconds))) => Interval::Seconds(seconds),
            (days, None) => Interval::Days(days.map_or(DEFAULT_DAYS, |(_, days)| days)),
        }
    }

    /// As far as the house allows it; only `:seconds` may be nothing (RFC 6131 section 2).
    fn seconds(self, limits: &config::Sieve) -> u64 {
        let (least, most) = (limits.vacation_interval_s_min, limits.vacation_interval_s_max);
        match self {
            Interval::Days(days) => days.saturating_mul(DAY_S).min(most).max(least).max(1),
            Interval::Seconds(seconds) => seconds.min(most).max(least),
        }
    }
}

fn from(arguments: &mut Arguments<'_>) -> Option<Text> {
    let (place, from) = arguments.text_of("from", None)?;
    if from.constant().is_some_and(|from| letter::authors(from).is_none()) {
        arguments
            .fault(place, "`:from` is followed by an address, or a name and an address in angle brackets");
    }
    Some(from)
}

#[derive(Debug)]
struct Vacation {
    interval: Interval,
    subject: Option<Text>,
    from: Option<Text>,
    addresses: Vec<Text>,
    is_mime: bool,
    handle: Option<Text>,
    copy: Option<CopyArgument>,
    reason: Text,
}

impl Action for Vacation {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        if run.facts.environment.imap.is_some() {
            return Err(Failure::impossible(
                "`vacation` answers messages that arrive, not those in a mailbox",
            ));
        }
        run.answer_once()?;
        let mut addresses = Vec::with_capacity(self.addresses.len());
        for address in &self.addresses {
            addresses.push(run.text(address)?.into_owned());
        }
        run.work.spend(run.facts.header.len())?;
        let correspondence =
            Correspondence { header: run.message.header(), facts: &run.facts, addresses: &addresses };
        let Some(answer) = correspondence.answer(&mut run.work)? else { return Ok(Flow::Next) };
        let key = self.key(&answer.to, run)?;
        let now = run.facts.environment.now;
        if run.facts.memory.get(&key).is_some_and(|until| *until > now) {
            return Ok(Flow::Next);
        }
        let message = self.letter(&answer, run)?;
        let copy_in = CopyArgument::filing(self.copy.as_ref(), run)?;
        run.plan.replies.push(Reply { to: answer.to, message, copy_in });
        let interval_s = self.interval.seconds(run.facts.limits);
        if interval_s > 0 {
            run.plan.memory.push(Memory { key, until: now.saturating_add_unsigned(interval_s) });
        }
        Ok(Flow::Next)
    }
}

impl Vacation {
    /// What is remembered: this answer to this person. Answers are told apart as the script has them, before variables have values (RFC
    /// 5230 section 4.2).
    fn key(&self, sender: &Address, run: &mut Run<'_>) -> Result<MemoryKey, Failure> {
        let sender = sender.to_string().to_lowercase();
        if let Some(handle) = &self.handle {
            return Ok(memory::key("vacation handle", &[sender.as_bytes(), run.text(handle)?.as_bytes()]));
        }
        let subject = self.subject.as_ref().map(Text::source).unwrap_or_default();
        let from = self.from.as_ref().map(Text::source).unwrap_or_default();
        let reason = self.reason.source();
        let parts = [
            sender.as_bytes(),
            subject.as_bytes(),
            from.as_bytes(),
            &[self.is_mime.into()],
            reason.as_bytes(),
        ];
        run.work.spend(reason.len())?;
        Ok(memory::key("vacation", &parts))
    }

    fn letter(&self, answer: &Answer, run: &mut Run<'_>) -> Result<Vec<u8>, Failure> {
        let mut letter = Letter::default();
        let own = answer.from.to_string();
        let from = self.from.as_ref().map(|from| run.text(from)).transpose()?;
        match from.as_deref().and_then(letter::authors) {
            Some((from, authors)) => {
                letter.field("From", &from);
                if authors.len() > 1 {
                    letter.field("Sender", &own);
                }
            }
            None => letter.field("From", &own),
        }
        letter.field("To", &answer.to.to_string());
        letter.text_field("Subject", &self.subject(run)?);
        letter.field("Auto-Submitted", "auto-replied (vacation)");
        letter.answers(run.message.header());
        let reason = run.text(&self.reason)?.into_owned();
        run.work.spend(reason.len())?;
        run.work.take(reason.len())?;
        match self.is_mime {
            false => Ok(letter.with(Entity::body(&reason))),
            true => {
                let entity = Entity::parse(&reason);
                entity
                    .fault()
                    .map_or_else(|| Ok(letter.with(entity)), |fault| Err(Failure::impossible(fault)))
            }
        }
    }

    fn subject(&self, run: &mut Run<'_>) -> Result<String, Failure> {
        if let Some(subject) = &self.subject {
            return Ok(run.text(subject)?.into_owned());
        }
        let original = run.message.header().named("Subject").next();
        let original = original.map(|field| String::from_utf8_lossy(field.text()).into_owned());
        Ok(match original.filter(|subject| !subject.is_empty()) {
            Some(subject) => format!("Auto: {subject}"),
            None => "Automated reply".to_owned(),
        })
    }
}
