use crate::error::StoreError;
use crate::mailbox::{Mailbox, Row};
use std::sync::Arc;
use types::{SeqNo, SequenceSet, Uid};

/// Whether a session may be told now that messages are gone (RFC 9051 section 7.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expunges {
    /// Yes.
    Announce,
    /// Not during FETCH, STORE and SEARCH by sequence numbers.
    Hold,
}

/// What a session has to be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Messages that are gone, in descending order, so that each number is right when it is sent.
    pub expunged: Vec<SeqNo>,
    /// The same messages by UID.
    pub vanished: SequenceSet,
    /// The number of messages, when some arrived.
    pub exists: Option<u32>,
    /// Messages known before whose flags changed, ascending. Sequence numbers are those after `expunged`.
    pub flags: Vec<(SeqNo, Row)>,
    /// Whether there is more to be told: call again.
    pub more: bool,
}

/// One session's belief about a mailbox: sequence numbers change only when [`View::sync`] says so.
pub struct View {}

impl View {
    /// Starts with what is there now, looking at the folder first.
    pub fn open(_mailbox: Arc<Mailbox>) -> Result<View, StoreError> {
        unimplemented!()
    }

    /// The mailbox looked at.
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        unimplemented!()
    }

    /// How many messages the session believes in.
    pub fn exists(&self) -> u32 {
        unimplemented!()
    }

    /// The first message without `\Seen`.
    pub fn first_unseen(&self) -> Option<SeqNo> {
        unimplemented!()
    }

    /// Catches up with the mailbox.
    pub fn sync(&mut self, _expunges: Expunges) -> Changes {
        unimplemented!()
    }

    /// The UID at a sequence number, expunged or not.
    pub fn uid_of(&self, _seq: SeqNo) -> Option<Uid> {
        unimplemented!()
    }

    /// The sequence number of a UID the session knows.
    pub fn seq_of(&self, _uid: Uid) -> Option<SeqNo> {
        unimplemented!()
    }

    /// The UIDs at a set of sequence numbers; `*` is the last message.
    pub fn uids_of(&self, _seqs: &SequenceSet) -> SequenceSet {
        unimplemented!()
    }

    /// The sequence numbers of those of the UIDs that the session knows; `*` is the last message.
    pub fn seqs_of(&self, _uids: &SequenceSet) -> SequenceSet {
        unimplemented!()
    }

    /// Calls `visit` for every message of the set that the session knows and that is not gone, ascending.
    pub fn for_each_row(&self, _uids: &SequenceSet, _visit: &mut dyn FnMut(SeqNo, &Row)) {
        unimplemented!()
    }
}
