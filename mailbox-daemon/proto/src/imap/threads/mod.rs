//! Threading (RFC 5256 section 3): from facts about messages to the order in which THREAD tells them.
//!
//! Nothing here recurses and nothing takes time that grows with the square of the number of messages, whatever their headers
//! say. Ids and subjects are known by hashes of 64 bits under a key of their own, so that nobody can make two of them meet.

mod links;
mod subjects;
mod walk;

use super::sort::ThreadAlgorithm;
use crate::mime::base_subject::base_subject;
use crate::mime::message_ids::MessageIds;
use links::Links;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use subjects::Tree;

pub use walk::{Forest, Step};

/// "There is none", where a place in a table is expected.
const NONE: u32 = u32::MAX;

/// What threading has to know of a message.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadFacts<'a> {
    /// What it is called in the answer.
    pub number: u32,
    /// When it was sent, in seconds since 1970; when it arrived if nothing is known of that.
    pub sent: i64,
    /// `Message-ID:` as written.
    pub message_id: &'a [u8],
    /// `References:` as written.
    pub references: &'a [u8],
    /// `In-Reply-To:` as written.
    pub in_reply_to: &'a [u8],
    /// `Subject:`, decoded and folded.
    pub subject: &'a [u8],
}

/// What is kept of a message.
struct Message {
    number: u32,
    /// Which base subject; 0 is the empty one.
    subject: u32,
    is_reply: bool,
    sent: i64,
}

/// Takes in messages, in the order of the mailbox, and makes threads of them.
pub struct Threads {
    algorithm: ThreadAlgorithm,
    messages: Vec<Message>,
    subjects: HashTable,
    links: Links,
    key: RandomState,
    base: Vec<u8>,
    id: Vec<u8>,
}

impl Threads {
    /// No messages yet.
    pub fn new(algorithm: ThreadAlgorithm) -> Threads {
        Threads {
            algorithm,
            messages: Vec::new(),
            subjects: HashTable::default(),
            links: Links::default(),
            key: RandomState::new(),
            base: Vec::new(),
            id: Vec::new(),
        }
    }

    /// Takes in the next message.
    pub fn add(&mut self, facts: &ThreadFacts<'_>) {
        let index = self.messages.len() as u32;
        let (subject, is_reply) = match self.algorithm {
            ThreadAlgorithm::Refs => (0, false),
            _ => self.subject(facts.subject),
        };
        let ThreadFacts { number, sent, .. } = *facts;
        self.messages.push(Message { number, subject, is_reply, sent });
        if self.algorithm != ThreadAlgorithm::OrderedSubject {
            self.link(index, facts);
        }
    }

    /// The threads of all messages taken in.
    pub fn finish(self) -> Forest {
        let mut tree = match self.algorithm {
            ThreadAlgorithm::OrderedSubject => Tree::by_subject(&self.messages),
            _ => Tree::by_links(self.links, self.messages.len()),
        };
        if self.algorithm == ThreadAlgorithm::References {
            tree.gather_subjects(&self.messages);
        }
        Forest::new(&tree, &self.messages, self.algorithm == ThreadAlgorithm::Refs)
    }

    fn subject(&mut self, folded: &[u8]) -> (u32, bool) {
        self.base.clear();
        let is_reply = base_subject(first_of(folded), &mut self.base);
        if self.base.is_empty() {
            return (0, is_reply);
        }
        let next = self.subjects.len() as u32 + 1;
        (*self.subjects.entry(self.key.hash_one(&self.base)).or_insert(next), is_reply)
    }

    /// Step 1: links the message's references with one another and the last one with the message.
    fn link(&mut self, message: u32, facts: &ThreadFacts<'_>) {
        let Threads { key, links, id, .. } = self;
        let own = MessageIds::new(first_of(facts.message_id)).next_into(id).then(|| key.hash_one(&id));
        let node = links.place(own, message);
        let mut parent = NONE;
        let mut references = MessageIds::new(first_of(facts.references));
        while references.next_into(id) {
            let Some(reference) = links.of_id(key.hash_one(&id)) else { continue };
            if parent != NONE {
                links.link(parent, reference);
            }
            parent = reference;
        }
        if parent == NONE && MessageIds::new(first_of(facts.in_reply_to)).next_into(id) {
            parent = links.of_id(key.hash_one(&id)).unwrap_or(NONE);
        }
        links.move_below(parent, node);
    }
}

/// Of several fields of a name, which no message should have and which are joined by line feeds, the first counts.
fn first_of(fields: &[u8]) -> &[u8] {
    fields.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// Numbers of ids and subjects by their hashes.
type HashTable = HashMap<u64, u32, BuildHasherDefault<Hashed>>;

/// What is a hash already is not hashed again.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests;
