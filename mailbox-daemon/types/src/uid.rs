use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;

/// A message's unique identifier within one mailbox, never reused while the UIDVALIDITY stands (RFC 9051 section 2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// The first UID of a new mailbox.
    pub const FIRST: Uid = Uid(NonZeroU32::MIN);
    /// The last UID there can be.
    pub const LAST: Uid = Uid(NonZeroU32::MAX);

    /// `None` for zero, which no message ever has.
    pub fn new(value: u32) -> Option<Uid> {
        NonZeroU32::new(value).map(Uid)
    }

    /// The number as the protocol writes it.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The UID after this one; `None` when the 32-bit space is used up.
    pub fn next(self) -> Option<Uid> {
        self.0.checked_add(1).map(Uid)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A message sequence number: its position, from 1, in what one session believes the mailbox to be (RFC 9051 section 2.3.1.2).
pub type SeqNo = u32;

/// The generation of a mailbox's UIDs; a new one says "forget what you cached" (RFC 9051 section 2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UidValidity(pub NonZeroU32);

impl UidValidity {
    /// `None` for zero.
    pub fn new(value: u32) -> Option<UidValidity> {
        NonZeroU32::new(value).map(UidValidity)
    }

    /// The number as the protocol writes it.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// The modification sequence of a message or the highest of a mailbox, 63 bits (RFC 7162 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModSeq(pub u64);
