//! What everybody who looks at a mailbox sees: only what is durable, or may be lost without harm.

use crate::index::{Agreed, Entry, Index};
use crate::keywords::Keywords;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use types::{MailboxName, SequenceRange, SequenceSet, SystemFlag};

/// The visible side of a mailbox, behind one short-held lock.
pub(crate) struct Shared {
    pub(crate) name: MailboxName,
    pub(crate) folder: Arc<Path>,
    /// Messages, ascending by UID.
    pub(crate) entries: Vec<Entry>,
    /// The highest modification sequence given.
    pub(crate) modseq: u64,
    /// The highest one a change of flags got.
    pub(crate) flags_modseq: u64,
    /// Above every UID that was ever seen.
    pub(crate) uid_next: u32,
    /// From this UID on no session was told of a message: it is `\Recent` for the first that is.
    pub(crate) recent_from: u32,
    /// UIDs given to messages that are not durable yet, ascending.
    pub(crate) pending: Vec<u32>,
    pub(crate) counts: Counts,
    pub(crate) keywords: Keywords,
    pub(crate) index: Index,
    pub(crate) is_deleted: bool,
    pub(crate) views: Views,
}

/// Sums over all messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) unseen: u32,
    pub(crate) deleted: u32,
    pub(crate) bytes: u64,
    pub(crate) deleted_bytes: u64,
}

/// Changes of flags remembered for sessions that sleep; one that missed more looks at every message.
const CHANGED_MAX: usize = 2048;

/// What sessions still have to hear of.
#[derive(Default)]
pub(crate) struct Views {
    /// Expunges not yet heard of by everybody, oldest first.
    pub(crate) vanished: VecDeque<UidEvent>,
    /// Changes of flags not yet told by everybody, oldest first; all after `changed_after`.
    changed: VecDeque<UidEvent>,
    changed_after: u64,
    progress: Vec<Progress>,
    last_id: u64,
}

/// How far one view has come.
struct Progress {
    id: u64,
    /// Expunges up to this modification sequence were heard of.
    heard: u64,
    /// Changes of flags up to this one were told.
    flags_told: u64,
}

/// Neighbours something happened to at one modification sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UidEvent {
    pub(crate) modseq: u64,
    pub(crate) uids: SequenceRange,
}

impl Counts {
    pub(crate) fn of(entries: &[Entry]) -> Counts {
        let mut counts = Counts::default();
        for entry in entries {
            counts.add(entry);
        }
        counts
    }

    fn add(&mut self, entry: &Entry) {
        let flags = entry.flags();
        self.bytes += u64::from(entry.wire_bytes);
        self.unseen += u32::from(!flags.has(SystemFlag::Seen));
        if flags.has(SystemFlag::Deleted) {
            self.deleted += 1;
            self.deleted_bytes += u64::from(entry.wire_bytes);
        }
    }

    fn subtract(&mut self, entry: &Entry) {
        let flags = entry.flags();
        self.bytes -= u64::from(entry.wire_bytes);
        self.unseen -= u32::from(!flags.has(SystemFlag::Seen));
        if flags.has(SystemFlag::Deleted) {
            self.deleted -= 1;
            self.deleted_bytes -= u64::from(entry.wire_bytes);
        }
    }
}

impl Shared {
    /// Where a message is among the entries.
    pub(crate) fn find(&self, uid: u32) -> Option<usize> {
        self.entries.binary_search_by_key(&uid, |entry| entry.uid).ok()
    }

    /// One message.
    pub(crate) fn entry(&self, uid: u32) -> Option<Entry> {
        self.find(uid).map(|at| self.entries[at])
    }

    /// Lets messages be seen, ascending.
    pub(crate) fn publish(&mut self, arrived: &[Entry]) {
        let Some(last) = arrived.last() else { return };
        self.modseq += 1;
        self.grow_by(arrived.len());
        for entry in arrived {
            let mut entry = *entry;
            entry.set_modseq(self.modseq);
            self.counts.add(&entry);
            self.index.changed(entry.uid);
            debug_assert!(self.entries.last().is_none_or(|previous| previous.uid < entry.uid));
            self.entries.push(entry);
        }
        self.uid_next = self.uid_next.max(last.uid.saturating_add(1));
        self.forget_pending(arrived);
        self.flush_if_due();
    }

    /// Growing by eighths: doubling would waste a quarter of the memory on average.
    fn grow_by(&mut self, count: usize) {
        if self.entries.capacity() - self.entries.len() < count {
            let room = count.max(self.entries.len() / 8).max(4);
            self.entries.reserve_exact(room);
        }
    }

    /// These messages are not on their way any more.
    pub(crate) fn forget_pending(&mut self, entries: &[Entry]) {
        if !self.pending.is_empty() {
            self.pending.retain(|uid| entries.binary_search_by_key(uid, |entry| entry.uid).is_err());
        }
    }

    /// Gives messages new flags or places, by UID ascending.
    pub(crate) fn set_bits(&mut self, changes: &[(u32, u64)]) {
        if changes.is_empty() {
            return;
        }
        self.modseq += 1;
        self.flags_modseq = self.modseq;
        for &(uid, bits) in changes {
            if let Some(at) = self.find(uid) {
                let entry = &mut self.entries[at];
                self.counts.subtract(entry);
                entry.set_bits(bits);
                entry.set_modseq(self.modseq);
                self.counts.add(entry);
                self.index.changed(uid);
                self.views.changed(uid, self.modseq);
            }
        }
        self.flush_if_due();
    }

    /// Takes all messages for changed, as nobody knows which were.
    pub(crate) fn all_changed(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        self.modseq += 1;
        self.flags_modseq = self.modseq;
        for entry in &mut self.entries {
            entry.set_modseq(self.modseq);
            self.index.changed(entry.uid);
        }
        self.flush_if_due();
    }

    /// Takes messages away, by UID ascending.
    pub(crate) fn remove(&mut self, uids: &[u32]) {
        if uids.is_empty() {
            return;
        }
        self.modseq += 1;
        let Shared { entries, counts, index, views, modseq, .. } = self;
        entries.retain(|entry| {
            let stays = uids.binary_search(&entry.uid).is_err();
            if !stays {
                counts.subtract(entry);
                index.removed(entry, *modseq);
                views.vanished(entry.uid, *modseq);
            }
            stays
        });
        if self.entries.capacity() > 2 * self.entries.len() + 64 {
            self.entries.shrink_to_fit();
        }
        self.flush_if_due();
    }

    /// A session is told of the messages up to this UID.
    pub(crate) fn told_upto(&mut self, uid: u32) {
        if uid >= self.recent_from {
            self.recent_from = uid.saturating_add(1);
            self.index.told_upto(self.recent_from);
        }
    }

    /// Marks messages whose files are gone or not.
    pub(crate) fn set_going(&mut self, uids: &[u32], is_going: bool) {
        for uid in uids {
            if let Some(at) = self.find(*uid) {
                self.entries[at].set_going(is_going);
            }
        }
    }

    /// Writes the index if enough waits.
    pub(crate) fn flush_if_due(&mut self) {
        if self.index.is_due() {
            self.index.flush(&self.entries, self.modseq, Agreed::default());
        }
    }

    /// Writes the index, and rewrites it where that saves much.
    pub(crate) fn flush(&mut self, agreed: Agreed) {
        self.index.flush(&self.entries, self.modseq, agreed);
        if self.index.is_wasteful(&self.entries) {
            self.index.compact(&mut self.entries, self.modseq, agreed);
        }
    }
}

impl Views {
    /// A new view has heard everything up to `modseq`.
    pub(crate) fn register(&mut self, modseq: u64) -> u64 {
        self.last_id += 1;
        self.progress.push(Progress { id: self.last_id, heard: modseq, flags_told: modseq });
        self.last_id
    }

    /// A view has come so far.
    pub(crate) fn advance(&mut self, id: u64, heard: u64, flags_told: u64) {
        if let Some(progress) = self.progress.iter_mut().find(|progress| progress.id == id) {
            (progress.heard, progress.flags_told) = (heard, flags_told);
        }
        self.trim();
    }

    /// A view is no more.
    pub(crate) fn forget(&mut self, id: u64) {
        self.progress.retain(|progress| progress.id != id);
        self.trim();
    }

    /// Messages whose flags changed after a modification sequence, with others perhaps; `None` when all may have.
    pub(crate) fn changed_since(&self, modseq: u64) -> Option<SequenceSet> {
        let start = self.changed.partition_point(|event| event.modseq <= modseq);
        let ranges = self.changed.range(start..).map(|event| (event.uids.first, event.uids.last));
        (modseq >= self.changed_after).then(|| SequenceSet::from_ranges(ranges))
    }

    fn trim(&mut self) {
        let all = |known: fn(&Progress) -> u64| self.progress.iter().map(known).min().unwrap_or(u64::MAX);
        let (all_heard, all_told) = (all(|progress| progress.heard), all(|progress| progress.flags_told));
        forget_upto(&mut self.vanished, all_heard);
        forget_upto(&mut self.changed, all_told);
    }

    fn vanished(&mut self, uid: u32, modseq: u64) {
        if !self.progress.is_empty() {
            note(&mut self.vanished, uid, modseq);
        }
    }

    fn changed(&mut self, uid: u32, modseq: u64) {
        if self.progress.is_empty() {
            return;
        }
        note(&mut self.changed, uid, modseq);
        if self.changed.len() > CHANGED_MAX {
            let oldest = self.changed.pop_front();
            self.changed_after = oldest.map_or(modseq, |event| event.modseq);
        }
    }
}

fn note(log: &mut VecDeque<UidEvent>, uid: u32, modseq: u64) {
    match log.back_mut() {
        Some(last) if last.modseq == modseq && last.uids.last + 1 == uid => last.uids.last = uid,
        _ => log.push_back(UidEvent { modseq, uids: SequenceRange { first: uid, last: uid } }),
    }
}

fn forget_upto(log: &mut VecDeque<UidEvent>, modseq: u64) {
    while log.front().is_some_and(|event| event.modseq <= modseq) {
        log.pop_front();
    }
    if log.is_empty() && log.capacity() > 64 {
        *log = VecDeque::new();
    }
}
