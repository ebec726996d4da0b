//! What of a message is learnt and judged.

mod gather;
mod head;
mod links;
mod markup;
mod parts;
mod trace;
mod words;

pub(super) use gather::{KINDS, Names, kind_of, learnt_like, place_of};

use gather::Gather;

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
        Features::read(message, Gather::default()).hashes()
    }

    /// The same for a header, with the empty line that ends it, and a body that lie apart.
    pub fn of_header_and_body(header: &[u8], body: &[u8]) -> Features {
        let body = &body[..body.len().min(MESSAGE_BYTES_MAX.saturating_sub(header.len()))];
        Features::of(&[header, body].concat())
    }

    /// Those of a message with what each is in words.
    pub(super) fn named(message: &[u8]) -> Names {
        Features::read(message, Gather::naming()).names()
    }

    fn read(message: &[u8], mut gather: Gather) -> Gather {
        let message = parts::wire_form(&message[..message.len().min(MESSAGE_BYTES_MAX)]);
        head::read(&message, &mut gather);
        parts::read(&message, &mut gather);
        gather
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
