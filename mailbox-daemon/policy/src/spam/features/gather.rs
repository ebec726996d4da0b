use super::Features;
use crate::spam::hash;
use std::collections::BTreeMap;

/// What features are called in words, by hash.
pub type Names = BTreeMap<u64, String>;

/// What a feature is about. Features of different kinds never share a hash. Words come last: where a message has too many features, they are
/// left out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Subject,
    SubjectPair,
    SubjectShape,
    FromName,
    From,
    FromDomain,
    FromShape,
    To,
    ToShape,
    MessageId,
    Date,
    Mailer,
    Field,
    FieldValue,
    Trace,
    TraceHost,
    TraceShape,
    Mime,
    Charset,
    File,
    Link,
    LinkHost,
    LinkShape,
    Shape,
    Shout,
    Word,
}

/// How many kinds there are.
pub const KINDS: usize = Kind::Word as usize + 1;

/// What people call them.
const NAMES: [&str; KINDS] = [
    "subject",
    "subject, word pair",
    "the subject has",
    "sender's name",
    "sender",
    "sender's domain",
    "the sender has",
    "recipient",
    "the recipients are",
    "Message-ID",
    "date",
    "mail program",
    "header field",
    "header",
    "first server",
    "came by",
    "on its way",
    "MIME",
    "character set",
    "attached",
    "link with",
    "link to",
    "the links have",
    "the text has",
    "in capitals",
    "word",
];

/// Which kind a feature is of.
pub fn kind_of(hash: u64) -> usize {
    usize::from((hash >> KIND_SHIFT) as u8).min(KINDS - 1)
}

const KIND_SHIFT: u32 = 56;

/// Collects features while a message is read.
#[derive(Default)]
pub struct Gather {
    hashes: Vec<u64>,
    names: Option<Names>,
}

/// Hashes are collected with repetitions up to this many, then made unique.
const COLLECTED_MAX: usize = 8 * Features::COUNT_MAX;

impl Gather {
    /// One that remembers names too.
    pub fn naming() -> Gather {
        Gather { names: Some(Names::new()), ..Gather::default() }
    }

    /// The message has this.
    pub fn add(&mut self, kind: Kind, pieces: &[&str]) {
        if self.hashes.len() >= COLLECTED_MAX {
            return;
        }
        let hash = hash(kind, pieces);
        self.hashes.push(hash);
        if let Some(names) = &mut self.names {
            names
                .entry(hash)
                .or_insert_with(|| format!("{}: \"{}\"", NAMES[kind as usize], pieces.join(" ")));
        }
    }

    /// The message has a number of something, told roughly.
    pub fn add_count(&mut self, kind: Kind, what: &str, count: usize) {
        self.add(kind, &[what, bucket(count)]);
    }

    pub fn hashes(self) -> Features {
        Features::from_hashes(self.hashes)
    }

    pub fn names(self) -> Names {
        self.names.unwrap_or_default()
    }
}

/// Counts that differ little are alike.
pub fn bucket(count: usize) -> &'static str {
    match count {
        0 => "0",
        1 => "1",
        2 => "2",
        3..=5 => "3 to 5",
        6..=10 => "6 to 10",
        11..=30 => "11 to 30",
        31..=100 => "31 to 100",
        101..=300 => "101 to 300",
        301..=1000 => "301 to 1000",
        1001..=3000 => "1001 to 3000",
        3001..=10_000 => "3001 to 10000",
        _ => "more than 10000",
    }
}

/// The kind stays readable on top.
fn hash(kind: Kind, pieces: &[&str]) -> u64 {
    let mut state = hash::START ^ kind as u64;
    for piece in pieces {
        state = hash::continued(state, piece.as_bytes());
        state = hash::continued(state, &[0xff]);
    }
    (hash::stirred(state) >> (u64::BITS - KIND_SHIFT)) | ((kind as u64) << KIND_SHIFT)
}

/// Under what the table knows a feature.
pub fn place_of(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

/// A feature that is learnt as those are that have this place, whatever they are about.
pub fn learnt_like(place: u32) -> u64 {
    let high = (Kind::Word as u32) << 24;
    (u64::from(high) << 32) | u64::from(place ^ high)
}
