//! duplicate (RFC 7352).

use super::TestRule;
use crate::sieve::check::Arguments;
use crate::sieve::memory;
use crate::sieve::plan::Memory;
use crate::sieve::program::Test;
use crate::sieve::run::{Failure, Run};
use crate::sieve::text::Text;

pub const TESTS: &[TestRule] =
    &[TestRule { name: "duplicate", extension: Some("duplicate"), check: duplicate }];

/// How long a message is remembered when the script does not say (RFC 7352 section 3.3).
const DEFAULT_S: u64 = 7 * 86_400;

fn duplicate(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    arguments.checker.needs.memory = true;
    let handle = arguments.text_of("handle", None).map(|(_, handle)| handle);
    let header = arguments.text_of("header", None);
    let unique_id = arguments.text_of("uniqueid", None);
    if let (Some(_), Some((place, _))) = (&header, &unique_id) {
        arguments.fault(*place, "`:header` and `:uniqueid` exclude each other");
    }
    let seconds = arguments.number_of("seconds", None).map_or(DEFAULT_S, |(_, seconds)| seconds);
    let is_last = arguments.flag("last", None);
    let identity = match (unique_id, header) {
        (Some((_, id)), _) => Identity::Given(id),
        (None, Some((_, name))) => Identity::Field(name),
        (None, None) => Identity::Field(Text::Constant("message-id".into())),
    };
    Box::new(Duplicate { handle, identity, seconds, is_last })
}

/// What tells messages apart.
#[derive(Debug)]
enum Identity {
    /// The first field of this name.
    Field(Text),
    Given(Text),
}

#[derive(Debug)]
struct Duplicate {
    handle: Option<Text>,
    identity: Identity,
    seconds: u64,
    /// Whether every duplicate is remembered anew.
    is_last: bool,
}

impl Test for Duplicate {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        if run.facts.environment.imap.is_some() {
            return Err(Failure::impossible(
                "`duplicate` looks at messages that arrive, not at those in a mailbox",
            ));
        }
        let Some(id) = self.id(run)?.filter(|_| self.seconds > 0) else { return Ok(false) };
        run.work.spend(id.len())?;
        let handle = self.handle.as_ref().map(|handle| run.text(handle)).transpose()?;
        let key = match &handle {
            Some(handle) => memory::key("duplicate", &[&id, handle.as_bytes()]),
            None => memory::key("duplicate", &[&id]),
        };
        let now = run.facts.environment.now;
        let was_seen = run.facts.memory.get(&key).is_some_and(|until| *until > now);
        if !was_seen || self.is_last {
            let seconds = self.seconds.min(run.facts.limits.duplicate_s_max);
            let until = now.saturating_add_unsigned(seconds);
            run.plan.memory.retain(|memory| memory.key != key);
            run.plan.memory.push(Memory { key, until });
        }
        Ok(was_seen)
    }
}

impl Duplicate {
    fn id(&self, run: &mut Run<'_>) -> Result<Option<Vec<u8>>, Failure> {
        match &self.identity {
            Identity::Given(id) => Ok(Some(run.text(id)?.into_owned().into_bytes())),
            Identity::Field(name) => {
                let name = run.text(name)?;
                let field = run.message.header().named(&name).next();
                Ok(field.map(|field| field.text().to_vec()))
            }
        }
    }
}
