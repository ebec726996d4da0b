use crate::commit::Ticket;
use types::{Flags, Keyword, ModSeq, SequenceSet, Settable, Uid, UidValidity, UnixSeconds};

/// What a mailbox knows of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its identifier.
    pub uid: Uid,
    /// System flags and keyword slots; [`Mailbox::keywords`] names the slots.
    pub flags: Flags,
    /// When it last changed.
    pub modseq: ModSeq,
    /// When it arrived, or what APPEND said.
    pub internal_date: UnixSeconds,
    /// Size of the file.
    pub disk_bytes: u64,
    /// Size with CRLF line ends: RFC822.SIZE.
    pub wire_bytes: u64,
}

/// What is said about a message when it is added.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// System flags; keyword slots are ignored.
    pub flags: Flags,
    /// Keywords; those the mailbox has no slot for are dropped.
    pub keywords: Vec<Keyword>,
    /// Its INTERNALDATE.
    pub internal_date: UnixSeconds,
    /// What to remember of its contents, opaque here but for this: the first four bytes, little-endian, say how many bytes
    /// make the front, which [`Mailbox::for_each_front`](crate::Mailbox::for_each_front) reads alone. May be empty.
    pub digest: Vec<u8>,
}

/// What STATUS tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The number of the mailbox, as [`Mailbox::id`](crate::Mailbox::id).
    pub mailbox: u64,
    /// Messages.
    pub messages: u32,
    /// The UID the next message gets or a smaller one nobody has.
    pub uid_next: u32,
    /// The generation of UIDs.
    pub uid_validity: UidValidity,
    /// Messages no session was told of yet.
    pub recent: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Messages with `\Deleted`.
    pub deleted: u32,
    /// Sum of wire sizes.
    pub bytes: u64,
    /// Sum of wire sizes of messages with `\Deleted`.
    pub deleted_bytes: u64,
    /// The highest modification sequence given.
    pub highest_modseq: ModSeq,
}

/// A message on its way in.
#[must_use = "nothing may be acknowledged before the ticket resolves"]
pub struct Added {
    /// The UID it got.
    pub uid: Uid,
    /// The generation of the UID.
    pub uid_validity: UidValidity,
    /// Resolves when it is on disk and visible.
    pub ticket: Ticket,
}

/// Messages on their way in together.
#[must_use = "nothing may be acknowledged before the ticket resolves"]
pub struct AddedAll {
    /// The UIDs they got, in order.
    pub uids: Vec<Uid>,
    /// The generation of the UIDs.
    pub uid_validity: UidValidity,
    /// Resolves when all are on disk and visible.
    pub ticket: Ticket,
}

/// How STORE changes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// Sets the named ones.
    Add,
    /// Clears the named ones.
    Remove,
    /// Sets exactly the named ones.
    Replace,
    /// Sets exactly the named ones, as far as these may change; the others stay as they are.
    ReplaceOf(Settable),
}

/// What STORE did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagsStored {
    /// Messages whose flags are different now.
    pub changed: SequenceSet,
    /// Messages left alone because they changed after `unchanged_since` (RFC 7162 section 3.1.3).
    pub modified: SequenceSet,
    /// The changes have modification sequences after this one...
    pub modseq_before: ModSeq,
    /// ... up to this one, and nobody else's have.
    pub modseq: ModSeq,
}

/// Messages on their way into another mailbox.
#[must_use = "nothing may be acknowledged before the ticket resolves"]
pub struct Copied {
    /// The target's generation of UIDs.
    pub uid_validity: UidValidity,
    /// UIDs in the source, ascending.
    pub source: Vec<Uid>,
    /// UIDs in the target, in the same order.
    pub target: Vec<Uid>,
    /// Resolves when they are on disk and visible.
    pub ticket: Ticket,
}

/// Messages on their way out.
#[must_use = "nothing may be acknowledged before the ticket resolves"]
pub struct Expunged {
    /// Their UIDs.
    pub uids: SequenceSet,
    /// Resolves when they are gone for good.
    pub ticket: Ticket,
}
