//! One mailbox: a Maildir folder and the rows that say what is in it.
//!
//! Two locks: `writer` is held while files change, `shared` for moments only, also by those who just look. A change goes: files
//! first, then the sync where one is promised, then the rows, then the bell.

mod add;
mod adopt;
mod answers;
mod expunge;
mod flags;
mod identity;
mod open;
mod opener;
mod read;
mod scan;
mod shared;
mod together;
mod transfer;
mod writer;

pub use answers::{Added, AddedAll, Arrival, Copied, Expunged, FlagChange, FlagsStored, Row, Status};
pub use identity::Identity;
pub use opener::Opener;
pub use read::{DigestVisitor, MessageFile};
pub(crate) use shared::Shared;
pub(crate) use writer::Writer;

use crate::account::AccountMail;
use crate::bell::Bell;
use crate::error::StoreError;
use crate::index::Agreed;
use crate::journal::MailboxChange;
use crate::locked;
use crate::maildir::{FileName, Place};
use crate::state::{State, StateFile};
use crate::store::Core;
use crate::watch::WatchGuard;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use types::{MailboxName, ModSeq, SequenceSet, UidValidity};

/// One mailbox, shared by everybody who looks at it. The last to let go of it writes its index.
pub struct Mailbox {
    pub(crate) account: Arc<AccountMail>,
    uid_validity: UidValidity,
    id: u64,
    bell: Bell,
    writer: Mutex<Writer>,
    pub(crate) shared: Mutex<Shared>,
    /// The turn of the state file that is known to be on disk.
    state_synced: AtomicU64,
    /// Rows when last counted, for those who bound the memory of all mailboxes.
    rows_open: AtomicUsize,
    closed: Arc<Closed>,
}

impl Mailbox {
    pub(crate) fn core(&self) -> &Arc<Core> {
        self.account.core()
    }

    /// Whose it is.
    pub fn account(&self) -> &Arc<AccountMail> {
        &self.account
    }

    /// Its name now; RENAME may change it.
    pub fn name(&self) -> MailboxName {
        locked(&self.shared).name.clone()
    }

    /// The generation of its UIDs.
    pub fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// A number no other mailbox ever has, of whichever account; it stays when the mailbox is renamed, even where that costs it
    /// its generation of UIDs.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Rings after every visible change.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Tells everybody who waits that something changed. Not while `shared` is locked.
    fn ring(&self) {
        self.bell.ring();
        self.account.note(|| MailboxChange::Messages(self.name()));
    }

    /// Whether it was deleted; everything but looking fails from then on.
    pub fn is_deleted(&self) -> bool {
        locked(&self.shared).is_deleted
    }

    /// Counts and limits as of now.
    pub fn status(&self) -> Status {
        let shared = locked(&self.shared);
        Status {
            mailbox: self.id,
            messages: shared.entries.len() as u32,
            uid_next: shared.uid_next,
            uid_validity: self.uid_validity,
            recent: shared.entries.iter().rev().take_while(|entry| entry.uid >= shared.recent_from).count()
                as u32,
            unseen: shared.counts.unseen,
            deleted: shared.counts.deleted,
            bytes: shared.counts.bytes,
            deleted_bytes: shared.counts.deleted_bytes,
            highest_modseq: ModSeq(shared.modseq),
        }
    }

    /// Messages that vanished after a modification sequence; `None` when the store no longer knows (RFC 7162 section 3.2.5).
    pub fn vanished_since(&self, modseq: ModSeq) -> Option<SequenceSet> {
        let mut guard = locked(&self.shared);
        let Shared { index, entries, modseq: now, .. } = &mut *guard;
        let uids = index.vanished_since(modseq.0, entries, *now)?;
        Some(SequenceSet::from_ranges(uids.into_iter().map(|uid| (uid, uid))))
    }

    /// Something else about the mailbox changed that gets a modification sequence, as annotations do (RFC 7162 section 3.2).
    pub fn note_change(&self) -> Result<(), StoreError> {
        let mut writer = self.begin()?;
        self.reserve_now(&mut writer, 0, 1)?;
        locked(&self.shared).modseq += 1;
        self.ring();
        Ok(())
    }

    /// Sees changes of other programs as they happen while the guard lives.
    pub fn watch(self: &Arc<Self>) -> WatchGuard {
        WatchGuard::new(self)
    }

    /// How many rows it holds in memory.
    pub(crate) fn rows_in_memory(&self) -> usize {
        match self.shared.try_lock() {
            Ok(shared) => {
                self.rows_open.store(shared.entries.len(), Ordering::Relaxed);
                shared.entries.len()
            }
            Err(_) => self.rows_open.load(Ordering::Relaxed),
        }
    }

    /// Whether a change the kernel told of is one nobody here made: `is_there` says whether the name came or went.
    pub(crate) fn is_foreign(&self, place: Place, name: &str, is_there: bool) -> bool {
        // Whoever is changing files here has finished with them once this lock is ours.
        let _writer = locked(&self.writer);
        let shared = locked(&self.shared);
        let parsed = FileName::parse(name);
        let Some(uid) = parsed.uid else { return true };
        let is_pending = shared.pending.binary_search(&uid).is_ok();
        match shared.entry(uid) {
            None => is_there && !is_pending,
            Some(entry) if entry.is_going() => is_there,
            Some(entry) => {
                let is_here = entry.place() == place
                    && (place == Place::New || entry.flags().lettered() == parsed.flags);
                is_here != is_there
            }
        }
    }

    /// The folder has a new name.
    pub(crate) fn moved(&self, name: &MailboxName, folder: &Path) {
        let _writer = locked(&self.writer);
        let mut shared = locked(&self.shared);
        shared.name = name.clone();
        shared.folder = folder.into();
    }

    /// The folder is no more. Runs `remove` while nobody changes anything in it.
    pub(crate) fn delete<T, E>(&self, remove: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let _writer = locked(&self.writer);
        let removed = remove()?;
        let mut shared = locked(&self.shared);
        shared.is_deleted = true;
        shared.index.remove();
        drop(shared);
        self.bell.ring();
        Ok(removed)
    }

    /// Writes the index and gives back numbers that were reserved and not used. Nothing is synced: both only save work later.
    pub(crate) fn flush(&self) {
        let mut writer = locked(&self.writer);
        let is_deleted = locked(&self.shared).is_deleted;
        if is_deleted || !self.core().committer.is_sound() {
            return;
        }
        let is_quiet = locked(&self.shared).pending.is_empty();
        if is_quiet && self.reconcile(&mut writer).is_err() {
            writer.scanned = Agreed::default();
        }
        self.tidy_record(&mut writer);
        let agreed = if is_quiet { writer.scanned } else { Agreed::default() };
        let mut shared = locked(&self.shared);
        // Index and state end with the same modification sequence: so the next opening knows that nothing is missing.
        if is_quiet {
            shared.modseq = shared.modseq.max(writer.modseq_promised);
        }
        if shared.index.is_dirty(shared.modseq) || writer.recorded != agreed {
            shared.flush(agreed);
            writer.recorded = agreed;
        }
        let state = State {
            uid_reserved: writer.next_uid,
            modseq_reserved: writer.modseq_promised.max(shared.modseq),
            ..writer.state.state()
        };
        let folder = Arc::clone(&shared.folder);
        drop(shared);
        if is_quiet && state != writer.state.state() {
            // Without it, numbers are skipped.
            let _ = writer.state.write(&*self.core().disk, &folder.join(StateFile::NAME), state);
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.flush();
        if !self.is_deleted() {
            self.core().closed.record(self, locked(&self.writer).recorded);
        }
        self.closed.set();
    }
}

/// Tells whoever wants to open a mailbox again that the one before is done with its files.
#[derive(Default)]
pub(crate) struct Closed {
    is_closed: Mutex<bool>,
    changed: Condvar,
}

impl Closed {
    pub(crate) fn set(&self) {
        *locked(&self.is_closed) = true;
        self.changed.notify_all();
    }

    pub(crate) fn wait(&self) {
        let mut is_closed = locked(&self.is_closed);
        while !*is_closed {
            is_closed = self.changed.wait(is_closed).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
