//! The commands of a script of tests that set something up.

use super::{EXTENSION, TestReport, stage, too_much, verdicts};
use crate::config;
use crate::sieve::check::Arguments;
use crate::sieve::commands::{CommandRule, False};
use crate::sieve::facts::{EnvelopeFacts, MailboxFacts};
use crate::sieve::lexer::short;
use crate::sieve::message::Message;
use crate::sieve::program::{Action, Block};
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::text::Text;
use crate::sieve::trial;
use crate::sieve::work::Work;
use std::collections::BTreeMap;
use types::{Address, Domain, MailParameters, MailboxName, Recipient, ReversePath};

pub const COMMANDS: &[CommandRule] = &[
    CommandRule { name: "test", extension: Some(EXTENSION), check: test },
    CommandRule { name: "test_fail", extension: Some(EXTENSION), check: fail },
    CommandRule { name: "test_set", extension: Some(EXTENSION), check: set },
    CommandRule { name: "test_config_set", extension: Some(EXTENSION), check: config_set },
    CommandRule { name: "test_config_unset", extension: Some(EXTENSION), check: config_unset },
    CommandRule { name: "test_config_reload", extension: Some(EXTENSION), check: config_reload },
    CommandRule { name: "test_mailbox_create", extension: Some(EXTENSION), check: mailbox_create },
    CommandRule { name: "test_imap_metadata_set", extension: Some(EXTENSION), check: metadata_set },
    CommandRule { name: "test_message", extension: Some(EXTENSION), check: super::results::message_command },
    CommandRule { name: "test_message_print", extension: Some(EXTENSION), check: |_| Box::new(False) },
    CommandRule { name: "test_result_print", extension: Some(EXTENSION), check: |_| Box::new(False) },
    CommandRule {
        name: "test_result_reset",
        extension: Some(EXTENSION),
        check: super::results::reset_command,
    },
    CommandRule { name: "test_binary_load", extension: Some(EXTENSION), check: super::scripts::load_command },
    CommandRule { name: "test_binary_save", extension: Some(EXTENSION), check: super::scripts::save_command },
];

fn test(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let (_, name) = arguments.text("the test's name");
    Box::new(TestBlock { name, block: arguments.block() })
}

#[derive(Debug)]
struct TestBlock {
    name: Text,
    block: Block,
}

impl Action for TestBlock {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let name = run.text(&self.name)?.into_owned();
        run.work = Work::new(run.facts.limits.work_max, run.facts.limits.memory_bytes_max);
        let begun = stage(run)?;
        if std::mem::replace(&mut begun.is_in_test, true) {
            return Err(Failure::impossible("a test stands within a test"));
        }
        let ended = run.block(&self.block);
        let stage = stage(run)?;
        stage.is_in_test = false;
        let failed = stage.failure.take();
        let (failure, flow) = match ended {
            Err(failure) => (Some(super::in_words(failure)), Flow::Next),
            Ok(_) if failed.is_some() => (failed, Flow::Next),
            Ok(flow) => (None, flow),
        };
        stage.reports.push(TestReport { name, failure });
        Ok(flow)
    }
}

fn fail(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    Box::new(Fail { reason: arguments.text("the reason").1 })
}

#[derive(Debug)]
struct Fail {
    reason: Text,
}

impl Action for Fail {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let reason = run.text(&self.reason)?.into_owned();
        fail_test(run, reason)
    }
}

/// The test that is run has failed.
pub(super) fn fail_test(run: &mut Run<'_>, reason: String) -> Result<Flow, Failure> {
    let stage = stage(run)?;
    if !stage.is_in_test {
        return Err(Failure::impossible(reason));
    }
    stage.failure = Some(reason);
    Ok(Flow::Stop)
}

fn set(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let (_, what) = arguments.text("what is set");
    let (_, value) = arguments.text("its value");
    Box::new(Set { what, value })
}

#[derive(Debug)]
struct Set {
    what: Text,
    value: Text,
}

impl Action for Set {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let what = run.text(&self.what)?.to_ascii_lowercase();
        let value = run.text(&self.value)?.into_owned();
        match what.as_str() {
            "message" => set_message(run, &value)?,
            "envelope.from" => match path(&value) {
                Some(from) => set_envelope(run, |envelope| envelope.from = from)?,
                None => run.facts.envelope = None,
            },
            "envelope.to" => match path(&value).flatten() {
                Some(to) => {
                    set_account(run, to.clone())?;
                    set_envelope(run, |envelope| envelope.to.address = to)?;
                }
                None => run.facts.envelope = None,
            },
            "envelope.orig_to" => {
                let original = format!("rfc822;{value}");
                set_envelope(run, |envelope| envelope.to.original = Some(original))?;
            }
            // Who logged in to send it: nothing that runs after its arrival can know.
            "envelope.auth" => {}
            _ => return Err(Failure::impossible(format!("\"{}\" cannot be set", short(&what)))),
        }
        Ok(Flow::Next)
    }
}

/// Another message is looked at; its envelope is made of its header.
pub(super) fn set_message(run: &mut Run<'_>, text: &str) -> Result<(), Failure> {
    let message = trial::with_crlf(text.as_bytes()).into_owned();
    let message = stage(run)?.shelves.messages.keep(message).ok_or_else(too_much)?;
    look_at(run, message);
    let to = trial::recipient(run.facts.header);
    let envelope = EnvelopeFacts {
        from: trial::sender(run.facts.header),
        to: Recipient { address: to.clone(), notify: None, original: None },
        parameters: MailParameters::default(),
    };
    set_account(run, to)?;
    let envelope = stage(run)?.shelves.envelopes.keep(envelope).ok_or_else(too_much)?;
    run.facts.envelope = Some(envelope);
    verdicts::look(run)
}

/// Another message is looked at; the envelope stays.
pub(super) fn look_at<'r>(run: &mut Run<'r>, message: &'r [u8]) {
    (run.facts.header, run.facts.body) = trial::split(message);
    run.facts.has_body = message.len() > run.facts.header.len();
    run.message = Message::new(run.facts.header, run.facts.body);
}

fn set_envelope(run: &mut Run<'_>, change: impl FnOnce(&mut EnvelopeFacts)) -> Result<(), Failure> {
    let mut envelope = run.facts.envelope.cloned().unwrap_or_else(|| EnvelopeFacts {
        from: None,
        to: Recipient { address: run.facts.account.clone(), notify: None, original: None },
        parameters: MailParameters::default(),
    });
    change(&mut envelope);
    run.facts.envelope = Some(stage(run)?.shelves.envelopes.keep(envelope).ok_or_else(too_much)?);
    Ok(())
}

fn set_account(run: &mut Run<'_>, account: Address) -> Result<(), Failure> {
    let account = stage(run)?.shelves.accounts.keep(account).ok_or_else(too_much)?;
    run.facts.account = account;
    run.facts.own_addresses = std::slice::from_ref(account);
    Ok(())
}

/// A path, with angle brackets or without; `None` for what is none: then there is no envelope. A source route says nothing
/// (RFC 5321 appendix C).
fn path(text: &str) -> Option<ReversePath> {
    let text = text.trim();
    let bare = match text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some("") => return Some(None),
        Some(bracketed) => without_route(bracketed)?,
        None if text.is_empty() => return Some(None),
        None => text,
    };
    Address::parse(bare).ok().map(Some)
}

/// What stands behind `@first.example,@second.example:`; `None` if there is a route, but no right one.
fn without_route(path: &str) -> Option<&str> {
    if !path.starts_with('@') {
        return Some(path);
    }
    let (route, mailbox) = path.split_once(':')?;
    let mut hops = route.split(',').map(|hop| hop.trim().strip_prefix('@'));
    hops.all(|hop| hop.is_some_and(|hop| Domain::parse(hop).is_ok())).then_some(mailbox)
}

fn address(text: &str) -> Result<Address, Failure> {
    let bare = text.trim().strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text.trim());
    Address::parse(bare).map_err(|error| Failure::impossible(format!("{}: {error}", short(text))))
}

fn config_set(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let (_, name) = arguments.text("a setting");
    let (_, value) = arguments.text("its value");
    Box::new(ConfigSet { name, value: Some(value) })
}

fn config_unset(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    Box::new(ConfigSet { name: arguments.text("a setting").1, value: None })
}

fn config_reload(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let _ = arguments.text_of("extension", None);
    Box::new(False)
}

/// Settings of other servers are taken and mean nothing, apart from those that are limits here too.
#[derive(Debug)]
struct ConfigSet {
    name: Text,
    value: Option<Text>,
}

impl Action for ConfigSet {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let name = run.text(&self.name)?.into_owned();
        let value = match &self.value {
            Some(value) => Some(run.text(value)?.into_owned()),
            None => None,
        };
        if let ("sieve_user_email", Some(account)) = (name.as_str(), &value) {
            set_account(run, address(account)?)?;
        }
        if name.starts_with("sieve_spamtest_") || name.starts_with("sieve_virustest_") {
            let settings = &mut stage(run)?.settings;
            settings.remove(&name);
            settings.extend(value.map(|value| (name, value)));
            verdicts::look(run)?;
            return Ok(Flow::Next);
        }
        let mut limits = run.facts.limits.clone();
        let usual = config::Sieve::default();
        let number =
            |usual: usize| value.as_ref().and_then(|value| value.trim().parse().ok()).unwrap_or(usual);
        let seconds = |usual: u64| value.as_deref().and_then(seconds).unwrap_or(usual);
        match name.as_str() {
            "sieve_max_actions" => limits.actions_max = number(usual.actions_max),
            "sieve_max_redirects" => limits.redirects_max = number(usual.redirects_max),
            "sieve_vacation_min_period" => {
                limits.vacation_interval_s_min = seconds(usual.vacation_interval_s_min);
            }
            "sieve_vacation_max_period" => {
                limits.vacation_interval_s_max = seconds(usual.vacation_interval_s_max);
            }
            "sieve_duplicate_max_period" => limits.duplicate_s_max = seconds(usual.duplicate_s_max),
            "sieve_include_max_includes" => limits.includes_max = number(usual.includes_max),
            _ => return Ok(Flow::Next),
        }
        run.facts.limits = stage(run)?.shelves.limits.keep(limits).ok_or_else(too_much)?;
        Ok(Flow::Next)
    }
}

/// A time as `90`, `90s`, `5m`, `2h` or `7d`.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let unit_s = match &text[digits..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit_s)
}

fn mailbox_create(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    Box::new(MailboxCreate { name: arguments.text("a mailbox").1 })
}

#[derive(Debug)]
struct MailboxCreate {
    name: Text,
}

impl Action for MailboxCreate {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let name = mailbox_name(&run.text(&self.name)?)?;
        add_mailbox(run, &name)?;
        Ok(Flow::Next)
    }
}

/// The account has one more mailbox.
pub(super) fn add_mailbox(run: &mut Run<'_>, name: &MailboxName) -> Result<(), Failure> {
    let mut mailboxes = run.facts.mailboxes.to_vec();
    if mailboxes.iter().any(|mailbox| mailbox.name == *name) {
        return Ok(());
    }
    let id = format!("mailbox-{}", mailboxes.len());
    mailboxes.push(MailboxFacts {
        name: name.clone(),
        special_uses: Vec::new(),
        id,
        annotations: BTreeMap::new(),
    });
    run.facts.mailboxes = stage(run)?.shelves.mailboxes.keep(mailboxes).ok_or_else(too_much)?;
    Ok(())
}

pub(super) fn mailbox_name(text: &str) -> Result<MailboxName, Failure> {
    MailboxName::parse(text).map_err(|error| Failure::impossible(format!("\"{}\": {error}", short(text))))
}

fn metadata_set(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let mailbox = arguments.text_of("mailbox", None).map(|(_, name)| name);
    let (_, entry) = arguments.text("an annotation");
    Box::new(MetadataSet { mailbox, entry, value: arguments.text("its value").1 })
}

#[derive(Debug)]
struct MetadataSet {
    mailbox: Option<Text>,
    entry: Text,
    value: Text,
}

impl Action for MetadataSet {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let entry = run.text(&self.entry)?.to_ascii_lowercase();
        let value = run.text(&self.value)?.as_bytes().to_vec();
        let Some(mailbox) = &self.mailbox else {
            let mut annotations = run.facts.server_annotations.clone();
            annotations.insert(entry, value);
            let shelves = stage(run)?.shelves;
            run.facts.server_annotations = shelves.annotations.keep(annotations).ok_or_else(too_much)?;
            return Ok(Flow::Next);
        };
        let name = mailbox_name(&run.text(mailbox)?)?;
        add_mailbox(run, &name)?;
        let mut mailboxes = run.facts.mailboxes.to_vec();
        for mailbox in mailboxes.iter_mut().filter(|mailbox| mailbox.name == name) {
            mailbox.annotations.insert(entry.clone(), value.clone());
        }
        run.facts.mailboxes = stage(run)?.shelves.mailboxes.keep(mailboxes).ok_or_else(too_much)?;
        Ok(Flow::Next)
    }
}
