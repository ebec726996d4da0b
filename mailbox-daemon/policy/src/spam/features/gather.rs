use super::Features;
use crate::spam::hash;
use std::collections::BTreeMap;

/// What features are called in words, by hash.
pub type Names = BTreeMap<u64, String>;

/// What a feature is about. Features of different kinds never share a hash.
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
    FieldOrder,
    FieldValue,
    Received,
    Mime,
    Charset,
    File,
    Word,
    Pair,
    SkipPair,
    Gram,
    Shout,
    Shape,
    Link,
    LinkHost,
    LinkShape,
    Tag,
    Attribute,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Subject => "subject",
            Kind::SubjectPair => "subject, word pair",
            Kind::SubjectShape => "subject looks",
            Kind::FromName => "sender's name",
            Kind::From => "sender",
            Kind::FromDomain => "sender's domain",
            Kind::FromShape => "sender looks",
            Kind::To => "recipient",
            Kind::ToShape => "recipients look",
            Kind::MessageId => "Message-ID looks",
            Kind::Date => "date looks",
            Kind::Mailer => "mail program",
            Kind::Field => "header field",
            Kind::FieldOrder => "header fields in order",
            Kind::FieldValue => "header",
            Kind::Received => "came by",
            Kind::Mime => "MIME shape",
            Kind::Charset => "character set",
            Kind::File => "attached",
            Kind::Word => "word",
            Kind::Pair => "word pair",
            Kind::SkipPair => "words near each other",
            Kind::Gram => "letters",
            Kind::Shout => "in capitals",
            Kind::Shape => "text looks",
            Kind::Link => "link",
            Kind::LinkHost => "link to",
            Kind::LinkShape => "link looks",
            Kind::Tag => "HTML tag",
            Kind::Attribute => "HTML attribute",
        }
    }
}

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
            names.entry(hash).or_insert_with(|| format!("{}: \"{}\"", kind.name(), pieces.join(" ")));
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
    hash::stirred(state) >> 8 | (kind as u64) << 56
}

/// Groups of kinds that say much the same of a message.
pub const GROUPS: usize = 12;

/// Which group a feature belongs to.
pub fn group_of(hash: u64) -> usize {
    const GROUP_OF_KIND: [u8; 30] =
        [0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 4, 5, 6, 6, 6, 7, 8, 9, 10, 7, 11, 6, 6, 6, 6, 6];
    GROUP_OF_KIND.get((hash >> 56) as usize).copied().unwrap_or_default().into()
}

/// Under what the table knows a feature.
pub fn place_of(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

/// A feature that is learnt as those are that have this place, whatever they are about.
pub fn learnt_like(place: u32, is_personal: bool) -> u64 {
    let kind = if is_personal { Kind::Word } else { Kind::Pair };
    let high = (kind as u32) << 24;
    u64::from(high) << 32 | u64::from(place ^ high)
}

/// Whether an account learns the feature for itself, and not the household alone.
pub fn is_personal(hash: u64) -> bool {
    let kind = (hash >> 56) as u8;
    ![Kind::Pair as u8, Kind::SkipPair as u8, Kind::Gram as u8].contains(&kind)
}
