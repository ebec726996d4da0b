//! What comes of scripts, in a script of tests: the actions, and mail and mailboxes after they were carried out.

use super::commands::{add_mailbox, fail_test, look_at, mailbox_name};
use super::{EXTENSION, Stage, stage, too_much};
use crate::sieve::check::Arguments;
use crate::sieve::commands::TestRule;
use crate::sieve::facts::EnvelopeFacts;
use crate::sieve::lexer::short;
use crate::sieve::plan::{Body, Content, Filing, Plan, RefusalKind};
use crate::sieve::program::{Action, Test};
use crate::sieve::run::{Actions, Failure, Flag, Flow, Matching, Run};
use crate::sieve::text::Text;
use std::collections::BTreeMap;
use types::{Address, MailParameters, MailboxName, Recipient, ReversePath};

pub const TESTS: &[TestRule] = &[
    TestRule { name: "test_result_action", extension: Some(EXTENSION), check: result_action },
    TestRule { name: "test_result_execute", extension: Some(EXTENSION), check: |_| Box::new(Execute) },
    TestRule {
        name: "test_message",
        extension: Some(EXTENSION),
        check: |arguments| Box::new(look(arguments)),
    },
];

/// How much of a plan was carried out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    filings: usize,
    redirects: usize,
    replies: usize,
    notifications: usize,
}

/// Mail that left.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'r> {
    envelope: &'r EnvelopeFacts,
    message: &'r [u8],
}

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub struct Kept<'r> {
    mailbox: MailboxName,
    message: &'r [u8],
    flags: Vec<Flag>,
}

pub fn reset_command(_arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    Box::new(Reset)
}

#[derive(Debug)]
struct Reset;

impl Action for Reset {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        reset(run)?;
        Ok(Flow::Next)
    }
}

/// Nothing was done with the message yet. What was filed before stays where it is.
pub fn reset(run: &mut Run<'_>) -> Result<(), Failure> {
    run.plan = Plan::default();
    run.actions = Actions::new(&run.facts);
    let stage = stage(run)?;
    run.facts.memory = stage.shelves.memories.keep(BTreeMap::new()).ok_or_else(too_much)?;
    let stage = super::stage(run)?;
    stage.order.clear();
    stage.done = Done::default();
    stage.letters.clear();
    stage.left = None;
    Ok(())
}

fn result_action(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let index = arguments.number_of("index", None).map(|(_, index)| index as usize);
    arguments.keys(&mut matching);
    Box::new(ResultAction { matching, index })
}

#[derive(Debug)]
struct ResultAction {
    matching: Matching,
    index: Option<usize>,
}

impl Test for ResultAction {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let names: Vec<String> = stage(run)?.order.iter().map(|name| (*name).to_owned()).collect();
        search(run, &self.matching, self.index, &names)
    }
}

/// How a filing is told that `keep` made.
const KEEP: &str = "keep";

impl Stage<'_> {
    /// Notes that `keep` has filed the message.
    pub(in crate::sieve) fn note_keep(&mut self) {
        self.order.push(KEEP);
    }

    /// Notes in which order things are wanted; called after each command.
    pub(in crate::sieve) fn note(&mut self, plan: &Plan) {
        let refusal = plan.refusal.as_ref().map_or("reject", |refusal| match refusal.kind {
            RefusalKind::Reject => "reject",
            RefusalKind::Ereject => "ereject",
        });
        let keeps = self.order.iter().filter(|noted| **noted == KEEP).count();
        let kinds = [
            ("store", plan.filings.len().saturating_sub(keeps)),
            ("redirect", plan.redirects.len()),
            (refusal, usize::from(plan.refusal.is_some())),
            ("vacation", plan.replies.len()),
            ("notify", plan.notifications.len()),
        ];
        for (name, count) in kinds {
            let noted = self.order.iter().filter(|noted| **noted == name).count();
            self.order.extend(std::iter::repeat_n(name, count.saturating_sub(noted)));
        }
    }
}

/// Looks for keys in values, or in one of them, counted from one.
pub fn search(
    run: &mut Run<'_>,
    matching: &Matching,
    index: Option<usize>,
    values: &[String],
) -> Result<bool, Failure> {
    let (_, mut evaluation) = run.parts();
    let mut search = matching.search();
    let chosen = values.iter().enumerate().filter(|(at, _)| index.is_none_or(|index| at + 1 == index));
    for (_, value) in chosen {
        if search.value(value.as_bytes(), &mut evaluation)? {
            return Ok(true);
        }
    }
    search.end(&mut evaluation)
}

#[derive(Debug)]
struct Execute;

impl Test for Execute {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        execute(run)
    }
}

/// Carries out what was not yet: mail leaves, messages are kept, answers are remembered.
pub fn execute(run: &mut Run<'_>) -> Result<bool, Failure> {
    implicit_keep(run)?;
    let plan = run.plan.clone();
    let done = stage(run)?.done;
    let filings = &plan.filings[done.filings.min(plan.filings.len())..];
    if let Some(missing) = filings.iter().find(|filing| mailbox_of(run, filing).is_none()) {
        let name = &missing.target.mailbox;
        let what =
            format!("failed to store into mailbox \"{}\": it does not exist", short(&name.to_string()));
        stage(run)?.errors = vec![what];
        file(run, &Filing::plain(run.facts.keep_in))?;
        return Ok(false);
    }
    filings.iter().try_for_each(|filing| file(run, filing))?;
    let sender = run.facts.envelope.and_then(|envelope| envelope.from.clone());
    for redirect in plan.redirects.iter().skip(done.redirects) {
        let message = octets(run, &redirect.content);
        send(run, sender.clone(), &redirect.to, message)?;
    }
    for reply in plan.replies.iter().skip(done.replies) {
        send(run, None, &reply.to, reply.message.clone())?;
        reply.copy_in.iter().try_for_each(|filing| file(run, filing))?;
    }
    for told in plan.notifications.iter().skip(done.notifications) {
        // Mail nobody may answer leads to mail nobody may answer (RFC 5436 section 2.7).
        let teller = sender.as_ref().map(|_| run.facts.account.clone());
        told.to.iter().try_for_each(|to| send(run, teller.clone(), to, told.message.clone()))?;
        told.copy_in.iter().try_for_each(|filing| file(run, filing))?;
    }
    remember(run, &plan)?;
    stage(run)?.done = Done {
        filings: plan.filings.len(),
        redirects: plan.redirects.len(),
        replies: plan.replies.len(),
        notifications: plan.notifications.len(),
    };
    Ok(true)
}

/// Keeps the message as the script that was run has left it.
fn implicit_keep(run: &mut Run<'_>) -> Result<(), Failure> {
    let Some(left) = stage(run)?.left.take() else { return run.implicit_keep() };
    let own = std::mem::replace(&mut run.message, left);
    let kept = run.implicit_keep();
    let left = std::mem::replace(&mut run.message, own);
    stage(run)?.left = Some(left);
    kept
}

fn remember(run: &mut Run<'_>, plan: &Plan) -> Result<(), Failure> {
    if plan.memory.is_empty() {
        return Ok(());
    }
    let mut memory = run.facts.memory.clone();
    memory.extend(plan.memory.iter().map(|remembered| (remembered.key, remembered.until)));
    run.facts.memory = stage(run)?.shelves.memories.keep(memory).ok_or_else(too_much)?;
    Ok(())
}

/// The mailbox a filing goes to; `None` if it is missing and not to be made.
fn mailbox_of(run: &Run<'_>, filing: &Filing) -> Option<MailboxName> {
    let target = &filing.target;
    let mailboxes = run.facts.mailboxes;
    let by_id = target.id.as_ref().and_then(|id| mailboxes.iter().find(|mailbox| mailbox.id == *id));
    let by_use = target.special_use.as_ref();
    let by_use =
        by_use.and_then(|usage| mailboxes.iter().find(|mailbox| mailbox.special_uses.contains(usage)));
    let by_name = mailboxes.iter().find(|mailbox| mailbox.name == target.mailbox);
    let found = by_id.or(by_use).or(by_name).map(|mailbox| mailbox.name.clone());
    found.or_else(|| target.create.then(|| target.mailbox.clone()))
}

fn file(run: &mut Run<'_>, filing: &Filing) -> Result<(), Failure> {
    let mailbox = mailbox_of(run, filing).unwrap_or_else(|| run.facts.keep_in.clone());
    add_mailbox(run, &mailbox)?;
    let message = octets(run, &filing.content);
    let system = filing.flags.iter().copied().map(Flag::System);
    let flags = system.chain(filing.keywords.iter().cloned().map(Flag::Keyword)).collect();
    let stage = stage(run)?;
    let message = stage.shelves.messages.keep(message).ok_or_else(too_much)?;
    stage.kept.push(Kept { mailbox, message, flags });
    Ok(())
}

fn send(run: &mut Run<'_>, from: ReversePath, to: &Address, message: Vec<u8>) -> Result<(), Failure> {
    let stage = stage(run)?;
    let envelope = EnvelopeFacts {
        from,
        to: Recipient { address: to.clone(), notify: None, original: None },
        parameters: MailParameters::default(),
    };
    let envelope = stage.shelves.envelopes.keep(envelope).ok_or_else(too_much)?;
    let message = stage.shelves.messages.keep(message).ok_or_else(too_much)?;
    stage.letters.push(Letter { envelope, message });
    Ok(())
}

fn octets(run: &Run<'_>, content: &Content) -> Vec<u8> {
    let (header, body): (&[u8], &[u8]) = match content {
        Content::Unchanged => (run.facts.header, run.facts.body),
        Content::Changed { header, body: Body::Unchanged } => (header, run.facts.body),
        Content::Changed { header, body: Body::Changed(body) } => (header, body),
    };
    [header, b"\r\n", body].concat()
}

pub fn message_command(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    Box::new(look(arguments))
}

fn look(arguments: &mut Arguments<'_>) -> Look {
    let is_sent = arguments.flag("smtp", None);
    let folder = arguments.text_of("folder", None).map(|(_, folder)| folder);
    if is_sent == folder.is_some() {
        arguments.fault(arguments.place(), "`test_message` takes either `:smtp` or `:folder`");
    }
    Look { folder, index: arguments.number("which message, counted from 0").1 as usize }
}

/// Looks at a message that was sent or kept instead of the one that was set.
#[derive(Debug)]
struct Look {
    /// `None` for what was sent.
    folder: Option<Text>,
    index: usize,
}

impl Test for Look {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let Some(folder) = &self.folder else {
            let letter = stage(run)?.letters.get(self.index).copied();
            if let Some(letter) = letter {
                look_at(run, letter.message);
                run.facts.envelope = Some(letter.envelope);
            }
            return Ok(letter.is_some());
        };
        let folder = mailbox_name(&run.text(folder)?)?;
        let mut kept = stage(run)?.kept.iter().filter(|kept| kept.mailbox == folder);
        let Some(Kept { message, flags, .. }) = kept.nth(self.index).cloned() else { return Ok(false) };
        look_at(run, message);
        run.actions.flags = flags;
        Ok(true)
    }
}

impl Action for Look {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        match self.holds(run)? {
            true => Ok(Flow::Next),
            false => fail_test(run, "there is no such message".to_owned()),
        }
    }
}
