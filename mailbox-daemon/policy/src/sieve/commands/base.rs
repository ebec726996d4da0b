//! `keep`, `discard`, `fileinto` and `size` (RFC 5228 sections 4 and 5.9), with what copy, mailbox, mailboxid, special-use and imap4flags add.

use super::flags::FlagsArgument;
use super::{CommandRule, TestRule};
use crate::sieve::check::Arguments;
use crate::sieve::lexer::short;
use crate::sieve::plan::Target;
use crate::sieve::program::{Action, Test};
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::script::Place;
use crate::sieve::text::Text;
use types::{Keyword, MailboxName, SpecialUse};

pub const COMMANDS: &[CommandRule] = &[
    CommandRule { name: "keep", extension: None, check: keep },
    CommandRule { name: "discard", extension: None, check: |_| Box::new(Discard) },
    CommandRule { name: "fileinto", extension: Some("fileinto"), check: fileinto },
];

pub const TESTS: &[TestRule] = &[TestRule { name: "size", extension: None, check: size }];

fn keep(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    Box::new(Keep { flags: FlagsArgument::read(arguments) })
}

#[derive(Debug)]
struct Keep {
    flags: Option<FlagsArgument>,
}

impl Action for Keep {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let flags = FlagsArgument::value(self.flags.as_ref(), run)?;
        run.count_action()?;
        run.keep(flags.as_deref())?;
        run.cancel_keep();
        Ok(Flow::Next)
    }
}

#[derive(Debug)]
struct Discard;

impl Action for Discard {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        run.cancel_keep();
        Ok(Flow::Next)
    }
}

/// `:create`, `:mailboxid`, `:specialuse` and the mailbox, as `fileinto` and `:fcc` have them.
#[derive(Debug)]
pub struct MailboxArgument {
    mailbox: Text,
    special_use: Option<Text>,
    id: Option<Text>,
    create: bool,
}

impl MailboxArgument {
    /// Reads the tags (RFC 5490 section 3.2, RFC 8579 section 4.1, RFC 9042 section 4), then the name by `mailbox`.
    pub fn read(
        arguments: &mut Arguments<'_>,
        mailbox: impl FnOnce(&mut Arguments<'_>) -> Text,
    ) -> MailboxArgument {
        let create = arguments.flag("create", Some("mailbox"));
        let special_use = arguments.text_of("specialuse", Some("special-use"));
        let id = arguments.text_of("mailboxid", Some("mailboxid"));
        arguments.checker.needs.mailboxes |= special_use.is_some() || id.is_some();
        if let (Some((place, _)), Some(_)) = (&special_use, &id) {
            arguments.fault(*place, "`:specialuse` and `:mailboxid` exclude each other");
        }
        if let Some((place, fault)) = special_use
            .as_ref()
            .and_then(|(place, text)| Some((*place, special_use_of(text.constant()?).err()?)))
        {
            arguments.fault(place, fault);
        }
        let special_use = special_use.map(|(_, special_use)| special_use);
        MailboxArgument { special_use, id: id.map(|(_, id)| id), create, mailbox: mailbox(arguments) }
    }

    /// A constant name must be one.
    pub fn name(arguments: &mut Arguments<'_>) -> Text {
        let (place, mailbox) = arguments.text("the name of a mailbox");
        MailboxArgument::check(arguments, place, &mailbox);
        mailbox
    }

    /// Tells what is wrong with a constant name.
    pub fn check(arguments: &mut Arguments<'_>, place: Place, mailbox: &Text) {
        if let Some(Err(fault)) = mailbox.constant().map(mailbox_name) {
            arguments.fault(place, fault);
        }
    }

    /// Which mailbox is meant.
    pub fn target(&self, run: &mut Run<'_>) -> Result<Target, Failure> {
        let name = run.text(&self.mailbox)?;
        let mailbox = mailbox_name(&name).map_err(|fault| {
            Failure::impossible(format!("no message can be filed in \"{}\": {fault}", short(&name)))
        })?;
        let id = self.id.as_ref().map(|id| run.text(id)).transpose()?;
        let special_use = self.special_use.as_ref().map(|name| run.text(name)).transpose()?;
        let special_use =
            special_use.map(|name| special_use_of(&name).map_err(Failure::Impossible)).transpose()?.flatten();
        Ok(Target { mailbox, special_use, id: id.map(Into::into), create: self.create })
    }
}

/// A special use (RFC 6154 section 6); `None` for one that no mailbox here can have (RFC 8579 section 4).
fn special_use_of(attribute: &str) -> Result<Option<SpecialUse>, String> {
    let is_atom = attribute.strip_prefix('\\').is_some_and(|atom| Keyword::parse(atom).is_ok());
    let known = |known: &SpecialUse| known.attribute().eq_ignore_ascii_case(attribute);
    match is_atom {
        true => Ok(SpecialUse::ALL.into_iter().find(known)),
        false => {
            Err(format!("\"{}\" is no special use of a mailbox: one is a word behind `\\`", short(attribute)))
        }
    }
}

/// The mailbox of a name, or why it is none.
fn mailbox_name(name: &str) -> Result<MailboxName, String> {
    match name.contains(char::REPLACEMENT_CHARACTER) {
        true => Err("a mailbox name is UTF-8".to_owned()),
        false => MailboxName::parse(name).map_err(|fault| fault.to_string()),
    }
}

fn fileinto(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let copy = arguments.flag("copy", Some("copy"));
    let flags = FlagsArgument::read(arguments);
    Box::new(FileInto { copy, flags, mailbox: MailboxArgument::read(arguments, MailboxArgument::name) })
}

#[derive(Debug)]
struct FileInto {
    copy: bool,
    flags: Option<FlagsArgument>,
    mailbox: MailboxArgument,
}

impl Action for FileInto {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let target = self.mailbox.target(run)?;
        let flags = FlagsArgument::value(self.flags.as_ref(), run)?;
        run.count_action()?;
        run.file(target, flags.as_deref())?;
        if !self.copy {
            run.cancel_keep();
        }
        Ok(Flow::Next)
    }
}

fn size(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let is_over = arguments.one_of(&[("over", None, true), ("under", None, false)]);
    if is_over.is_none() {
        arguments.fault(arguments.place(), "`size` lacks `:over` or `:under`");
    }
    let (_, limit) = arguments.number("a size");
    Box::new(Size { is_over: is_over.unwrap_or_default(), limit })
}

#[derive(Debug)]
struct Size {
    is_over: bool,
    limit: u64,
}

impl Test for Size {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let bytes = run.message.bytes();
        Ok(if self.is_over { bytes > self.limit } else { bytes < self.limit })
    }
}
