//! COPY, MOVE, EXPUNGE and the sets all commands name messages by (RFC 9051 sections 6.4.3, 6.4.7, 6.4.8, 6.4.9).

use super::reply::{Answer, Refusal, Reply};
use super::session::{Selected, Session};
use crate::disk;
use proto::imap::command::{MessageSet, Target, Transfer};
use proto::imap::write::{self, Code, Status};
use std::sync::Arc;
use store::Copied;
use types::{Right, SequenceSet, Usage};

/// As many messages may take long.
const LONG_MESSAGES: u64 = 256;

impl Session {
    pub(super) async fn copy(&mut self, transfer: Transfer) -> Answer {
        let uids = self.selected()?.uids(&transfer.target)?;
        let target = self.target(transfer.mailbox)?;
        if uids.is_empty() {
            return Reply::ok("there was nothing to copy");
        }
        self.require_room(&target.mailbox, self.selected()?.size_of(&uids))?;
        let source = Arc::clone(self.selected()?.view.mailbox());
        let settable = target.rights.settable();
        let copied = match uids.count() < LONG_MESSAGES {
            true => disk(|| source.copy_flagged(&uids, &target.mailbox, settable)),
            false => {
                let (from, to) = (Arc::clone(&source), Arc::clone(&target.mailbox));
                self.long_disk(move || from.copy_flagged(&uids, &to, settable)).await?
            }
        }?;
        let arrived = copied.target.clone();
        let code = settle(copied).await?;
        self.taught_by_going(&source, &target.mailbox, &arrived);
        self.set_off_by_copying(&target.mailbox, &arrived);
        match code {
            Some(code) => Reply::coded(code, "copied"),
            None => Reply::ok("there was nothing to copy"),
        }
    }

    pub(super) async fn move_(&mut self, transfer: Transfer) -> Answer {
        let selected = self.writable()?;
        // As if the messages were copied, marked and expunged (RFC 6851 section 4.4).
        selected.require(Right::DeleteMessages)?;
        selected.require(Right::Expunge)?;
        let uids = selected.uids(&transfer.target)?;
        let target = self.target(transfer.mailbox)?;
        if Arc::ptr_eq(&target.mailbox, self.selected()?.view.mailbox()) {
            return Err(Refusal::no(Code::Cannot, "the messages are there already"));
        }
        if uids.is_empty() {
            return Reply::ok("there was nothing to move");
        }
        let source = Arc::clone(self.selected()?.view.mailbox());
        // Within one account a move takes no room.
        if !Arc::ptr_eq(source.account(), target.mailbox.account()) {
            self.require_room(&target.mailbox, self.selected()?.size_of(&uids))?;
        }
        let settable = target.rights.settable();
        let moved = match uids.count() < LONG_MESSAGES {
            true => disk(|| source.move_flagged(&uids, &target.mailbox, settable)),
            false => {
                let (from, to) = (Arc::clone(&source), Arc::clone(&target.mailbox));
                self.long_disk(move || from.move_flagged(&uids, &to, settable)).await?
            }
        }?;
        let arrived = moved.target.clone();
        let code = settle(moved).await?;
        self.taught_by_going(&source, &target.mailbox, &arrived);
        self.set_off_by_copying(&target.mailbox, &arrived);
        if let Some(code) = code {
            write::untagged(&mut self.out, Status::Ok, Some(&code), "moved");
        }
        Reply::ok("done")
    }

    pub(super) async fn expunge(&mut self, uids: Option<MessageSet>) -> Answer {
        let selected = self.writable()?;
        selected.require(Right::Expunge)?;
        let known = match uids {
            Some(set) => selected.uids(&Target { uid: true, set })?,
            None => selected.view.uids_of(&SequenceSet::all()),
        };
        if !known.is_empty() {
            let expunged = disk(|| selected.view.mailbox().expunge(&known, true))?;
            expunged.ticket.await?;
        }
        Reply::ok("deleted messages are gone")
    }
}

/// Waits until the messages are on disk and says where; `None` when all of them were gone.
async fn settle(copied: Copied) -> Result<Option<Code>, Refusal> {
    copied.ticket.await?;
    let set = |uids: &[types::Uid]| SequenceSet::from_ranges(uids.iter().map(|uid| (uid.get(), uid.get())));
    let code = || Code::CopyUid(copied.uid_validity.get(), set(&copied.source), set(&copied.target));
    Ok((!copied.source.is_empty()).then(code))
}

impl Selected {
    /// Refuses what is not allowed in the open mailbox.
    pub(super) fn require(&self, right: Right) -> Result<(), Refusal> {
        match self.rights.has(right) {
            true => Ok(()),
            false => Err(Refusal::no(Code::NoPerm, "you have no right to do that here")),
        }
    }

    /// How many messages these are, and how large.
    pub(super) fn size_of(&self, uids: &SequenceSet) -> Usage {
        let mut size = Usage::default();
        self.view.for_each_row(uids, &mut |_, row| {
            size.messages += 1;
            size.bytes += row.wire_bytes;
        });
        size
    }

    /// The UIDs a command means. A sequence number beyond the last message is a client's mistake, an unknown UID is not.
    pub(super) fn uids(&self, target: &Target) -> Result<SequenceSet, Refusal> {
        match &target.set {
            MessageSet::Saved => Ok(self.saved.clone()),
            MessageSet::Numbers(set) if target.uid => Ok(self.view.uids_of(&self.view.seqs_of(set))),
            MessageSet::Numbers(set) => {
                let exists = self.view.exists();
                let beyond = |number: u32| number > exists && number != u32::MAX;
                let only_star_beyond = |range: &types::SequenceRange| {
                    !beyond(range.last) && (!beyond(range.first) || range.last == u32::MAX)
                };
                match set.ranges().iter().all(only_star_beyond) {
                    true => Ok(self.view.uids_of(&set.clamped(exists))),
                    false => Err(Refusal::bad("there are not that many messages")),
                }
            }
        }
    }
}
