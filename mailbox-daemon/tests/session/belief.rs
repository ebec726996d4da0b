//! What one client believes an open mailbox to be, from nothing but what the server says.

use std::collections::BTreeSet;

/// The flags of a message, `\Recent` left out.
pub type Flags = BTreeSet<String>;

/// One message as far as the client knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// `None` until it was told.
    pub uid: Option<u32>,
    pub flags: Flags,
}

/// The messages by sequence number, and how far the client has heard of everything (RFC 7162 section 6).
#[derive(Clone, Debug, Default)]
pub struct Belief {
    pub messages: Vec<Message>,
    pub modseq: u64,
    fetched_modseq: u64,
    told_modseq: Option<u64>,
}

impl Belief {
    /// What is believed before anything is said.
    pub fn new(messages: Vec<Message>, modseq: u64) -> Belief {
        Belief { messages, modseq, ..Belief::default() }
    }

    /// Takes in one untagged line. What cannot be said about this mailbox is a fault of the server.
    pub fn hear(&mut self, line: &str) {
        let mut words = line.split(' ').skip(1);
        let first = words.next().unwrap_or_default();
        let second = words.next().unwrap_or_default();
        match (first.parse::<u32>(), second) {
            (Ok(count), "EXISTS") => self.exists(count as usize, line),
            (Ok(seq), "EXPUNGE") => {
                assert!(
                    (1..=self.messages.len()).contains(&(seq as usize)),
                    "{line} of {}",
                    self.messages.len()
                );
                self.messages.remove(seq as usize - 1);
            }
            (Ok(seq), "FETCH") => self.fetched(seq as usize, line),
            (Ok(uid), "UIDFETCH") => self.fetched_by_uid(uid, line),
            _ if first == "VANISHED" && second != "(EARLIER)" => {
                for uid in set(second) {
                    self.vanished(uid);
                }
            }
            _ => {}
        }
        self.note_highest(line);
    }

    /// The command is over: the client may note how far it has heard.
    pub fn end_of_command(&mut self, verdict: &str) {
        self.note_highest(verdict);
        let fetched = std::mem::take(&mut self.fetched_modseq);
        self.modseq = self.told_modseq.take().unwrap_or(self.modseq.max(fetched));
    }

    /// UIDs that are known.
    pub fn uids(&self) -> Vec<u32> {
        self.messages.iter().filter_map(|message| message.uid).collect()
    }

    /// The first and last sequence number of messages nothing is known of.
    pub fn unknown(&self) -> Option<(usize, usize)> {
        let first = self.messages.iter().position(|message| message.uid.is_none())?;
        let last = self.messages.iter().rposition(|message| message.uid.is_none())?;
        Some((first + 1, last + 1))
    }

    /// A message by UID.
    pub fn by_uid(&mut self, uid: u32) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.uid == Some(uid))
    }

    fn note_highest(&mut self, line: &str) {
        if let Some(modseq) = number_after(line, "[HIGHESTMODSEQ ") {
            self.told_modseq = Some(modseq);
        }
    }

    fn exists(&mut self, count: usize, line: &str) {
        assert!(count >= self.messages.len(), "{line}, and there were {}", self.messages.len());
        self.messages.resize(count, Message::default());
    }

    fn fetched(&mut self, seq: usize, line: &str) {
        let count = self.messages.len();
        let message = self.messages.get_mut(seq - 1).unwrap_or_else(|| panic!("{line} of {count}"));
        if let Some(uid) = number_after(line, "(UID ").or_else(|| number_after(line, " UID ")) {
            let uid = uid as u32;
            assert!(message.uid.is_none_or(|known| known == uid), "{line}, and it was {message:?}");
            message.uid = Some(uid);
        }
        message.update(line);
        self.fetched_modseq = self.fetched_modseq.max(number_after(line, "MODSEQ (").unwrap_or(0));
    }

    fn fetched_by_uid(&mut self, uid: u32, line: &str) {
        if self.by_uid(uid).is_none() {
            let unknown = self.messages.iter().position(|message| message.uid.is_none());
            let at = unknown.unwrap_or_else(|| panic!("{line}, and nothing is unknown of {:?}", self.uids()));
            self.messages[at].uid = Some(uid);
            // Those without a UID came last.
            self.messages.sort_by_key(|message| message.uid.unwrap_or(u32::MAX));
        }
        if let Some(message) = self.by_uid(uid) {
            message.update(line);
        }
        self.fetched_modseq = self.fetched_modseq.max(number_after(line, "MODSEQ (").unwrap_or(0));
    }

    fn vanished(&mut self, uid: u32) {
        let known = self.messages.iter().position(|message| message.uid == Some(uid));
        // One nothing was known of, then: it stood before those with higher UIDs, or has no place while there are no numbers.
        let higher = self.messages.iter().position(|message| message.uid.is_some_and(|other| other > uid));
        let unknown = |messages: &[Message]| messages.iter().rposition(|message| message.uid.is_none());
        let before = &self.messages[..higher.unwrap_or(self.messages.len())];
        let at = known.or_else(|| unknown(before)).or_else(|| unknown(&self.messages));
        self.messages.remove(at.unwrap_or_else(|| panic!("{uid} vanished from {:?}", self.uids())));
    }
}

impl Message {
    fn update(&mut self, line: &str) {
        if let Some(flags) = between(line, "FLAGS (", ")") {
            self.flags = parse_flags(flags);
        }
    }
}

/// Flags as the protocol writes them.
pub fn parse_flags(flags: &str) -> Flags {
    flags.split(' ').filter(|flag| !flag.is_empty() && *flag != "\\Recent").map(str::to_owned).collect()
}

/// What stands between two texts.
pub fn between<'a>(line: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let rest = &line[line.find(begin)? + begin.len()..];
    rest.find(end).map(|at| &rest[..at])
}

/// The number after a text.
pub fn number_after(line: &str, text: &str) -> Option<u64> {
    let rest = &line[line.find(text)? + text.len()..];
    rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
}

/// The numbers of a sequence set without `*`.
pub fn set(text: &str) -> Vec<u32> {
    let number = |text: &str| text.parse::<u32>().unwrap_or_else(|_| panic!("{text} is no number"));
    let range = |range: &str| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        number(first)..=number(last)
    };
    text.split(',').filter(|range| !range.is_empty()).flat_map(range).collect()
}

/// Numbers as a sequence set.
pub fn write_set(numbers: &[u32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    numbers.join(",")
}
