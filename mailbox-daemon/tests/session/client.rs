//! One mail program: a connection, what it believes, and what it remembers of mailboxes it had open before.

use super::belief::{Belief, Flags, Message, between, number_after, set, write_set};
use crate::support::demo::Demo;
use crate::support::imap::{Answer, ImapClient};
use std::collections::BTreeMap;

/// What a program asked the server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    Plain,
    CondStore,
    Qresync,
    UidOnly,
}

impl Speaks {
    pub const ALL: [Speaks; 4] = [Speaks::Plain, Speaks::CondStore, Speaks::Qresync, Speaks::UidOnly];
}

/// The open mailbox.
#[derive(Clone, Debug)]
pub struct Open {
    pub mailbox: String,
    pub read_only: bool,
    uid_validity: u64,
}

struct Remembered {
    uid_validity: u64,
    modseq: u64,
    messages: BTreeMap<u32, Flags>,
}

/// A program.
pub struct Client {
    imap: ImapClient,
    pub name: String,
    pub speaks: Speaks,
    pub open: Option<Open>,
    pub belief: Belief,
    pub idling: Option<String>,
    remembered: BTreeMap<String, Remembered>,
    /// The highest UID it asked for.
    asked_upto: u32,
    /// Everything said, for the report when something is wrong.
    pub transcript: Vec<String>,
}

impl Client {
    /// Connects and logs in.
    pub fn new(demo: &Demo, name: &str, speaks: Speaks) -> Client {
        let imap = ImapClient::log_in(demo, "ana@home.test").unwrap();
        let mut client = Client {
            imap,
            name: name.to_owned(),
            speaks,
            open: None,
            belief: Belief::default(),
            idling: None,
            remembered: BTreeMap::new(),
            asked_upto: 0,
            transcript: Vec::new(),
        };
        client.enable();
        client
    }

    fn enable(&mut self) {
        match self.speaks {
            Speaks::Plain => {}
            Speaks::CondStore => drop(self.command("ENABLE CONDSTORE").ok()),
            Speaks::Qresync => drop(self.command("ENABLE QRESYNC").ok()),
            Speaks::UidOnly => drop(self.command("ENABLE UIDONLY").ok()),
        }
    }

    /// The connection breaks, and the program comes back.
    pub fn reconnect(&mut self, demo: &Demo) {
        self.forget_open();
        self.idling = None;
        self.transcript.push("(reconnects)".to_owned());
        self.imap = ImapClient::log_in(demo, "ana@home.test").unwrap();
        self.enable();
    }

    /// A command, believing what comes back.
    pub fn command(&mut self, text: &str) -> Answer {
        self.transcript.push(format!("C: {text}"));
        let answer = self.imap.command(text).unwrap_or_else(|error| panic!("{}: {error}", self.report()));
        let counts = ["FETCH ", "STORE ", "SEARCH "].iter().any(|command| text.starts_with(command));
        let is_expunge = |line: &String| {
            line.ends_with(" EXPUNGE") || (line.starts_with("* VANISHED ") && !line.contains("(EARLIER)"))
        };
        // While a command counts by sequence numbers they stay put (RFC 9051 section 7.5.1).
        assert!(!counts || !answer.untagged.iter().any(is_expunge), "{text}: {:?}", answer.untagged);
        self.hear(answer)
    }

    /// APPEND.
    pub fn append(&mut self, mailbox: &str, flags: &str, message: &str) -> Answer {
        self.transcript.push(format!("C: APPEND {mailbox} ({flags})"));
        let answer = self.imap.append(mailbox, flags, message).unwrap();
        self.hear(answer)
    }

    fn hear(&mut self, answer: Answer) -> Answer {
        self.transcript.extend(answer.untagged.iter().cloned());
        self.transcript.push(answer.verdict.clone());
        if self.open.is_some() {
            answer.untagged.iter().for_each(|line| self.belief.hear(line));
            self.belief.end_of_command(&answer.verdict);
        }
        answer
    }

    /// Asks about messages it only knows to exist.
    pub fn learn(&mut self) {
        let Some((first, last)) = self.belief.unknown() else { return };
        let items = if self.speaks == Speaks::Qresync { "UID FLAGS MODSEQ" } else { "UID FLAGS" };
        match self.speaks {
            Speaks::UidOnly => {
                self.command(&format!("UID FETCH {}:* ({items})", self.asked_upto + 1));
                self.asked_upto = self.belief.uids().last().copied().unwrap_or(0);
            }
            _ => drop(self.command(&format!("FETCH {first}:{last} ({items})"))),
        }
    }

    /// SELECT or EXAMINE, resynchronising where it can; afterwards everything is known.
    pub fn select(&mut self, mailbox: &str, read_only: bool) -> bool {
        self.forget_open();
        let command = if read_only { "EXAMINE" } else { "SELECT" };
        let remembered = self.remembered.get(mailbox).filter(|_| self.speaks == Speaks::Qresync);
        let parameter = remembered.map(Remembered::parameter).unwrap_or_default();
        let answer = self.command(&format!("{command} {mailbox}{parameter}"));
        if !answer.is_ok() {
            return false;
        }
        let validity = ImapClient::number_after(&answer, "[UIDVALIDITY ").expect("SELECT tells it");
        let known = self
            .remembered
            .get(mailbox)
            .filter(|known| !parameter.is_empty() && known.uid_validity == validity);
        self.belief = known.map(|known| known.belief(&answer)).unwrap_or_default();
        answer
            .untagged
            .iter()
            .filter(|line| !line.contains("[CLOSED]"))
            .for_each(|line| self.belief.hear(line));
        self.belief.end_of_command(&answer.verdict);
        self.asked_upto = 0;
        self.open = Some(Open { mailbox: mailbox.to_owned(), read_only, uid_validity: validity });
        self.learn();
        true
    }

    /// No mailbox is open any more; what was known of it is remembered.
    pub fn forget_open(&mut self) {
        let Some(open) = self.open.take() else { return };
        let belief = std::mem::take(&mut self.belief);
        let known = belief.messages.into_iter().filter_map(|message| Some((message.uid?, message.flags)));
        let remembered =
            Remembered { uid_validity: open.uid_validity, modseq: belief.modseq, messages: known.collect() };
        self.remembered.insert(open.mailbox, remembered);
    }

    /// IDLE begins.
    pub fn idle(&mut self) {
        self.transcript.push("C: IDLE".to_owned());
        self.idling = Some(self.imap.send("IDLE").unwrap());
    }

    /// IDLE ends; what came meanwhile is heard.
    pub fn done(&mut self) {
        let Some(tag) = self.idling.take() else { return };
        self.imap.wire().send_line("DONE").unwrap();
        let answer = self.imap.finish(&tag).unwrap();
        self.hear(answer);
    }

    /// What was said last.
    pub fn report(&self) -> String {
        let from = self.transcript.len().saturating_sub(40);
        format!("{} ({:?}):\n{}\n", self.name, self.speaks, self.transcript[from..].join("\n"))
    }
}

impl Remembered {
    fn parameter(&self) -> String {
        let uids: Vec<u32> = self.messages.keys().copied().collect();
        let known = if uids.is_empty() { String::new() } else { format!(" {}", write_set(&uids)) };
        format!(" (QRESYNC ({} {}{known}))", self.uid_validity, self.modseq.max(1))
    }

    /// What is left of it after the server said what vanished. How many there are comes before that, so it must fit already.
    fn belief(&self, answer: &Answer) -> Belief {
        let earlier = answer.untagged.iter().filter_map(|line| line.strip_prefix("* VANISHED (EARLIER) "));
        let vanished: Vec<u32> = earlier.flat_map(set).collect();
        let left = self.messages.iter().filter(|(uid, _)| !vanished.contains(uid));
        let messages = left.map(|(uid, flags)| Message { uid: Some(*uid), flags: flags.clone() }).collect();
        Belief::new(messages, self.modseq)
    }
}

/// The three arguments of COPYUID or the two of APPENDUID, wherever they stand in the answer.
pub fn uid_code<'a>(answer: &'a Answer, code: &str) -> Option<Vec<&'a str>> {
    let lines = answer.untagged.iter().chain([&answer.verdict]);
    let found = lines.filter_map(|line| between(line, &format!("[{code} "), "]")).next_back()?;
    Some(found.split(' ').collect())
}

/// A number of STATUS.
pub fn status(answer: &Answer, item: &str) -> Option<u64> {
    let line = answer.untagged.iter().find(|line| line.starts_with("* STATUS"))?;
    number_after(line, &format!("{item} "))
}
