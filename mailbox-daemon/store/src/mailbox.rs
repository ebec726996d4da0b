use crate::bell::Bell;
use crate::commit::Ticket;
use crate::error::StoreError;
use crate::message::NewMessage;
use crate::watch::WatchGuard;
use std::ops::ControlFlow;
use std::sync::Arc;
use types::{Flags, Keyword, MailboxName, ModSeq, SequenceSet, Uid, UidValidity, UnixSeconds};

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
    /// Size of the digest kept for it; 0 when there is none.
    pub digest_bytes: u32,
}

/// What is said about a message when it is added.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// System flags; keyword slots are ignored.
    pub flags: Flags,
    /// Keywords; those beyond the 26th of the mailbox are dropped.
    pub keywords: Vec<Keyword>,
    /// Its INTERNALDATE.
    pub internal_date: UnixSeconds,
    /// What to remember of its contents, opaque here; may be empty.
    pub digest: Vec<u8>,
}

/// What STATUS tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Messages.
    pub messages: u32,
    /// The UID the next message gets or a smaller one nobody has.
    pub uid_next: u32,
    /// The generation of UIDs.
    pub uid_validity: UidValidity,
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

/// A message's file, read in wire form whatever line ends it has on disk.
pub struct MessageFile {}

impl MessageFile {
    /// Its size in wire form.
    pub fn bytes(&self) -> u64 {
        unimplemented!()
    }

    /// Reads at an offset of the wire form; fewer bytes than asked for only at the end. Reading forwards is cheap.
    pub fn read_at(&self, _buffer: &mut [u8], _wire_offset: u64) -> Result<usize, StoreError> {
        unimplemented!()
    }
}

/// One mailbox, shared by everybody who looks at it.
pub struct Mailbox {}

impl Mailbox {
    /// Its name now; RENAME may change it.
    pub fn name(&self) -> MailboxName {
        unimplemented!()
    }

    /// The generation of its UIDs.
    pub fn uid_validity(&self) -> UidValidity {
        unimplemented!()
    }

    /// Rings after every visible change.
    pub fn bell(&self) -> &Bell {
        unimplemented!()
    }

    /// Whether it was deleted; everything but looking fails from then on.
    pub fn is_deleted(&self) -> bool {
        unimplemented!()
    }

    /// Counts and limits as of now.
    pub fn status(&self) -> Status {
        unimplemented!()
    }

    /// Takes a message in. It gets its name now and is seen, by anybody, only when it is on disk.
    pub fn add(self: &Arc<Self>, _message: NewMessage, _arrival: Arrival) -> Result<Added, StoreError> {
        unimplemented!()
    }

    /// Takes several messages in: all or, after an error, none (RFC 3502).
    pub fn add_all(self: &Arc<Self>, _messages: Vec<(NewMessage, Arrival)>) -> Result<AddedAll, StoreError> {
        unimplemented!()
    }

    /// Changes flags; visible at once, on disk some time later.
    pub fn store_flags(
        &self,
        _uids: &SequenceSet,
        _change: FlagChange,
        _flags: Flags,
        _keywords: &[Keyword],
        _unchanged_since: Option<ModSeq>,
    ) -> Result<FlagsStored, StoreError> {
        unimplemented!()
    }

    /// Copies messages to another mailbox of the account: all or, after an error, none.
    pub fn copy(self: &Arc<Self>, _uids: &SequenceSet, _target: &Arc<Mailbox>) -> Result<Copied, StoreError> {
        unimplemented!()
    }

    /// Moves messages to another mailbox of the account (RFC 6851): each is in one of the two, whatever happens.
    pub fn move_to(self: &Arc<Self>, _uids: &SequenceSet, _target: &Arc<Mailbox>) -> Result<Copied, StoreError> {
        unimplemented!()
    }

    /// Removes messages, with `only_deleted` those of them that have `\Deleted`.
    pub fn expunge(self: &Arc<Self>, _uids: &SequenceSet, _only_deleted: bool) -> Result<Expunged, StoreError> {
        unimplemented!()
    }

    /// The keywords in use, by slot.
    pub fn keywords(&self) -> Vec<(usize, Keyword)> {
        unimplemented!()
    }

    /// Looks at the folder for what other programs did.
    pub fn rescan(&self) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Sees changes of other programs as they happen while the guard lives.
    pub fn watch(self: &Arc<Self>) -> WatchGuard {
        unimplemented!()
    }

    /// Opens a message for reading.
    pub fn open_message(&self, _uid: Uid) -> Result<MessageFile, StoreError> {
        unimplemented!()
    }

    /// One message's row.
    pub fn row(&self, _uid: Uid) -> Option<Row> {
        unimplemented!()
    }

    /// What is remembered of a message's contents; `None` when the caller has to find out and [`Mailbox::put_digest`].
    pub fn digest(&self, _uid: Uid) -> Result<Option<Vec<u8>>, StoreError> {
        unimplemented!()
    }

    /// Remembers something of a message's contents.
    pub fn put_digest(&self, _uid: Uid, _digest: &[u8]) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Calls `visit` for every message of the set with what is remembered of it, ascending.
    pub fn for_each_digest(
        &self,
        _uids: &SequenceSet,
        _visit: &mut dyn FnMut(&Row, Option<&[u8]>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Appends up to `max` rows with UIDs from `first` to `last` to `out`.
    pub fn rows(&self, _first: Uid, _last: Uid, _max: usize, _out: &mut Vec<Row>) {
        unimplemented!()
    }
}
