//! What of a message is learnt and judged.

mod gather;
mod head;
mod links;
mod markup;
mod parts;
mod trace;
mod words;

pub(super) use gather::{KINDS, kind_of, learnt_like, place_of};

use gather::{Gather, Names};

/// Of a message this much is read, header first; what lies behind never counts.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// A bounded set of hashes, each once: of words, of who wrote and how, of the way it came, of links and MIME shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    hashes: Vec<u64>,
}

impl Features {
    /// No message has more: whoever sends a hundred thousand words teaches the first ones.
    pub const COUNT_MAX: usize = 2000;

    /// Those of a message as it is stored or came, with either line break. Fields that are added at and after delivery are passed over, so that
    /// a message has the same features before and after it.
    pub fn of(message: &[u8]) -> Features {
        read(message, Gather::default()).hashes()
    }

    /// Sorted, each once.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Those hashes that were learnt once.
    pub fn from_hashes(mut hashes: Vec<u64>) -> Features {
        hashes.sort_unstable();
        hashes.dedup();
        hashes.truncate(Features::COUNT_MAX);
        Features { hashes }
    }
}

/// The features of a message with what each is in words, where what they say is to be explained.
#[derive(Clone, Debug, Default)]
pub struct NamedFeatures {
    names: Names,
}

impl NamedFeatures {
    /// Of a message, the same as [`Features::of`].
    pub fn of(message: &[u8]) -> NamedFeatures {
        NamedFeatures { names: read(message, Gather::naming()).names() }
    }

    /// The hashes, sorted, each once.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.names.keys().copied().take(Features::COUNT_MAX)
    }

    /// What one of them is in words.
    pub(super) fn name(&self, hash: u64) -> Option<&str> {
        self.names.get(&hash).map(String::as_str)
    }
}

fn read(message: &[u8], mut gather: Gather) -> Gather {
    let message = parts::wire_form(&message[..message.len().min(MESSAGE_BYTES_MAX)]);
    head::read(&message, &mut gather);
    parts::read(&message, &mut gather);
    gather
}
