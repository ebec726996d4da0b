//! What one session believes a mailbox to be. Others may change the mailbox at any time; sequence numbers stay put until the
//! session is told.

use crate::error::StoreError;
use crate::index::Entry;
use crate::locked;
use crate::mailbox::{Mailbox, Row, Shared};
use std::sync::{Arc, Mutex, MutexGuard};
use types::{ModSeq, SeqNo, SequenceSet, SystemFlag, Uid};

/// Rows copied while the mailbox is locked.
const CHUNK: usize = 256;
/// Changed flags told in one go.
const FLAGS_MAX: usize = 2048;
/// Messages told to be gone in one go.
const EXPUNGED_MAX: usize = 4096;

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
pub struct View {
    mailbox: Arc<Mailbox>,
    id: u64,
    /// Whether what this session is told of is not recent for the next any more.
    takes_recent: bool,
    belief: Mutex<Belief>,
}

/// The session knows the messages with UIDs up to `highest`, and `held`, which are gone though it was not told.
struct Belief {
    highest: u32,
    /// UIDs no session was told of before, in ranges that may reach over some nobody has.
    recent: SequenceSet,
    /// Ascending.
    held: Vec<u32>,
    /// The first of `held` to go went at this modification sequence.
    held_modseq: u64,
    /// Flags changed after this have not been told.
    flags_told: u64,
    /// Expunges after this have not been looked at.
    heard: u64,
    /// Telling flags broke off after this UID and goes on to this modification sequence.
    telling: Option<(u32, u64)>,
}

impl View {
    /// Starts with what is there now, looking at the folder first. Where that needs writing and the disk does not let us, what
    /// was known before has to do.
    pub fn open(mailbox: Arc<Mailbox>) -> Result<View, StoreError> {
        View::begin(mailbox, true)
    }

    /// The same for somebody who leaves no trace: recent messages stay recent for the next (RFC 3501 section 6.3.2).
    pub fn examine(mailbox: Arc<Mailbox>) -> Result<View, StoreError> {
        View::begin(mailbox, false)
    }

    fn begin(mailbox: Arc<Mailbox>, takes_recent: bool) -> Result<View, StoreError> {
        match mailbox.rescan() {
            Ok(()) | Err(StoreError::OutOfSpace | StoreError::Poisoned | StoreError::ReadOnly) => {}
            Err(error) => return Err(error),
        }
        let mut shared = locked(&mailbox.shared);
        let modseq = shared.modseq;
        let mut belief = Belief {
            highest: 0,
            recent: SequenceSet::new(),
            held: Vec::new(),
            held_modseq: 0,
            flags_told: modseq,
            heard: modseq,
            telling: None,
        };
        belief.grow(&mut shared, takes_recent);
        let id = shared.views.register(modseq);
        drop(shared);
        Ok(View { mailbox, id, takes_recent, belief: Mutex::new(belief) })
    }

    /// The mailbox looked at.
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// How many messages the session believes in.
    pub fn exists(&self) -> u32 {
        let (belief, shared) = self.look();
        belief.exists(&shared)
    }

    /// The highest UID the session knows, expunged or not; 0 when it knows none.
    pub fn last_uid(&self) -> u32 {
        let (belief, shared) = self.look();
        belief.last_uid(&shared)
    }

    /// The first message without `\Seen`.
    pub fn first_unseen(&self) -> Option<SeqNo> {
        let (belief, shared) = self.look();
        let known = belief.known(&shared);
        let at = known.iter().position(|entry| !entry.flags().has(SystemFlag::Seen))?;
        Some(at as u32 + 1 + belief.held_below(known[at].uid))
    }

    /// Catches up with the mailbox.
    pub fn sync(&mut self, expunges: Expunges) -> Changes {
        let (mut belief, mut shared) = self.look();
        let mut changes = Changes::default();
        if expunges == Expunges::Announce && !belief.held.is_empty() {
            belief.announce(&shared, &mut changes);
        }
        belief.tell_flags(&shared, &mut changes);
        if !changes.more && belief.grow(&mut shared, self.takes_recent) {
            changes.exists = Some(belief.exists(&shared));
        }
        shared.views.advance(self.id, belief.heard, belief.flags_told);
        changes
    }

    /// The UIDs of messages that no session was told of before this one (RFC 3501 section 2.3.2: `\Recent`), in ranges that may
    /// reach over UIDs nobody has.
    pub fn recent(&self) -> SequenceSet {
        locked(&self.belief).recent.clone()
    }

    /// The session was told everything up to this modification sequence, and perhaps some of what came later (RFC 7162
    /// section 6).
    pub fn told_modseq(&self) -> ModSeq {
        let belief = self.look().0;
        ModSeq(match belief.held.is_empty() {
            true => belief.flags_told,
            false => belief.flags_told.min(belief.held_modseq - 1),
        })
    }

    /// Whether messages are gone that the session was not told of.
    pub fn holds_expunges(&self) -> bool {
        !self.look().0.held.is_empty()
    }

    /// Those of the messages that changed after a modification sequence.
    pub fn changed_since(&self, uids: &SequenceSet, modseq: ModSeq) -> SequenceSet {
        let mut changed = SequenceSet::new();
        self.for_each_row(uids, &mut |_, row| {
            if row.modseq > modseq {
                changed.push(row.uid.get());
            }
        });
        changed
    }

    /// The highest modification sequence of these messages; `None` when there are none.
    pub fn highest_modseq(&self, uids: &SequenceSet) -> Option<ModSeq> {
        let mut highest = None;
        self.for_each_row(uids, &mut |_, row| highest = highest.max(Some(row.modseq)));
        highest
    }

    /// Those of the UIDs whose messages vanished after a modification sequence, and if the store no longer knows which did, all
    /// that may have (RFC 7162 section 3.2.6). Messages the session believes in are not among them; `*` is the last UID there was.
    pub fn vanished_since(&self, uids: &SequenceSet, modseq: ModSeq) -> SequenceSet {
        let vanished = self.mailbox.vanished_since(modseq);
        let (belief, shared) = self.look();
        let uids = uids.clamped(shared.uid_next - 1);
        match vanished {
            Some(vanished) => belief.missing(&shared, &vanished.intersection(&uids)),
            None => belief.missing(&shared, &uids),
        }
    }

    /// The UID at a sequence number, expunged or not.
    pub fn uid_of(&self, seq: SeqNo) -> Option<Uid> {
        let (belief, shared) = self.look();
        belief.uid_of(&shared, seq).and_then(Uid::new)
    }

    /// The sequence number of a UID the session knows.
    pub fn seq_of(&self, uid: Uid) -> Option<SeqNo> {
        let (belief, shared) = self.look();
        belief.seq_of(&shared, uid.get())
    }

    /// The UIDs at a set of sequence numbers, in ranges that may reach over UIDs nobody has; `*` is the last message.
    pub fn uids_of(&self, seqs: &SequenceSet) -> SequenceSet {
        let (belief, shared) = self.look();
        let seqs = seqs.clamped(belief.exists(&shared));
        let uid = |seq| belief.uid_of(&shared, seq);
        let ranges = seqs.ranges().iter().filter_map(|range| Some((uid(range.first)?, uid(range.last)?)));
        SequenceSet::from_ranges(ranges)
    }

    /// The sequence numbers of those of the UIDs that the session knows; `*` is the last message.
    pub fn seqs_of(&self, uids: &SequenceSet) -> SequenceSet {
        let (belief, shared) = self.look();
        let uids = uids.clamped(belief.last_uid(&shared));
        let ranges = uids.ranges().iter().filter_map(|range| {
            let before = belief.count_below(&shared, range.first);
            let upto = belief.count_below(&shared, range.last.saturating_add(1));
            (upto > before).then_some((before + 1, upto))
        });
        SequenceSet::from_ranges(ranges)
    }

    /// Calls `visit` for every message of the set that the session knows and that is not gone, ascending; `*` is the last
    /// message. The mailbox is not locked meanwhile.
    pub fn for_each_row(&self, uids: &SequenceSet, visit: &mut dyn FnMut(SeqNo, &Row)) {
        let uids = {
            let (belief, shared) = self.look();
            uids.clamped(belief.last_uid(&shared))
        };
        let mut rows = Vec::new();
        let mut next = 1;
        loop {
            rows.clear();
            {
                let (belief, shared) = self.look();
                belief.copy_rows(&shared, &uids, next, &mut rows);
            }
            let Some((_, last)) = rows.last() else { return };
            let last = last.uid.get();
            for (seq, row) in &rows {
                visit(*seq, row);
            }
            match last.checked_add(1) {
                Some(after) => next = after,
                None => return,
            }
        }
    }

    /// Locks both, having heard of every expunge.
    fn look(&self) -> (MutexGuard<'_, Belief>, MutexGuard<'_, Shared>) {
        let mut belief = locked(&self.belief);
        let mut shared = locked(&self.mailbox.shared);
        if shared.views.vanished.back().is_some_and(|last| last.modseq > belief.heard) {
            belief.hear(&shared);
            shared.views.advance(self.id, belief.heard, belief.flags_told);
        }
        (belief, shared)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        locked(&self.mailbox.shared).views.forget(self.id);
    }
}

impl Belief {
    /// Takes in the messages that arrived; whether there were any.
    fn grow(&mut self, shared: &mut Shared, takes_recent: bool) -> bool {
        let highest = shared.entries.last().map_or(0, |entry| entry.uid);
        if highest <= self.highest {
            return false;
        }
        let first = shared.recent_from.max(self.highest + 1);
        if first <= highest {
            let known = self.recent.ranges().iter().map(|range| (range.first, range.last));
            self.recent = SequenceSet::from_ranges(known.chain([(first, highest)]));
        }
        if takes_recent {
            shared.told_upto(highest);
        }
        self.highest = highest;
        true
    }

    fn hear(&mut self, shared: &Shared) {
        let log = &shared.views.vanished;
        let start = log.partition_point(|vanished| vanished.modseq <= self.heard);
        for vanished in log.range(start..) {
            let last = vanished.uids.last.min(self.highest);
            if self.held.is_empty() {
                self.held_modseq = vanished.modseq;
            }
            self.held.extend(vanished.uids.first..=last);
        }
        self.held.sort_unstable();
        self.heard = shared.modseq;
    }

    /// The messages that are there and known.
    fn known<'a>(&self, shared: &'a Shared) -> &'a [Entry] {
        let count = match shared.entries.last() {
            Some(last) if last.uid <= self.highest => shared.entries.len(),
            _ => shared.entries.partition_point(|entry| entry.uid <= self.highest),
        };
        &shared.entries[..count]
    }

    fn exists(&self, shared: &Shared) -> u32 {
        (self.known(shared).len() + self.held.len()) as u32
    }

    fn held_below(&self, uid: u32) -> u32 {
        self.held.partition_point(|held| *held < uid) as u32
    }

    /// How many messages the session knows below a UID.
    fn count_below(&self, shared: &Shared, uid: u32) -> u32 {
        let below = self.known(shared).partition_point(|entry| entry.uid < uid);
        below as u32 + self.held_below(uid)
    }

    fn last_uid(&self, shared: &Shared) -> u32 {
        let known = self.known(shared).last().map_or(0, |entry| entry.uid);
        known.max(self.held.last().copied().unwrap_or(0))
    }

    fn seq_of(&self, shared: &Shared, uid: u32) -> Option<SeqNo> {
        let known = self.known(shared);
        let is_known = known.binary_search_by_key(&uid, |entry| entry.uid).is_ok()
            || self.held.binary_search(&uid).is_ok();
        is_known.then(|| self.count_below(shared, uid) + 1)
    }

    fn uid_of(&self, shared: &Shared, seq: SeqNo) -> Option<u32> {
        let known = self.known(shared);
        let wanted = seq.checked_sub(1)? as usize;
        let position = |at: usize| at + known.partition_point(|entry| entry.uid < self.held[at]);
        let (mut low, mut high) = (0, self.held.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match position(middle) < wanted {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        match low < self.held.len() && position(low) == wanted {
            true => Some(self.held[low]),
            false => known.get(wanted - low).map(|entry| entry.uid),
        }
    }

    fn announce(&mut self, shared: &Shared, changes: &mut Changes) {
        let stay = self.held.len().saturating_sub(EXPUNGED_MAX);
        let told = self.held.split_off(stay);
        let known = self.known(shared);
        let mut below = known.len();
        changes.expunged.reserve_exact(told.len());
        for (at, uid) in told.iter().enumerate().rev() {
            below = known[..below].partition_point(|entry| entry.uid < *uid);
            changes.expunged.push((below + stay + at) as u32 + 1);
        }
        for uid in told {
            changes.vanished.push(uid);
        }
        changes.more = stay > 0;
    }

    fn tell_flags(&mut self, shared: &Shared, changes: &mut Changes) {
        let (after, until) = self.telling.unwrap_or((0, shared.modseq));
        if shared.flags_modseq > self.flags_told && !self.gather_flags(shared, after, changes) {
            let told = changes.flags.last().map_or(after, |(_, row)| row.uid.get());
            self.telling = Some((told, until));
            changes.more = true;
            return;
        }
        self.telling = None;
        self.flags_told = until;
    }

    /// Takes down messages after a UID whose flags changed; whether those are all.
    fn gather_flags(&self, shared: &Shared, after: u32, changes: &mut Changes) -> bool {
        let changed = shared.views.changed_since(self.flags_told).unwrap_or_else(SequenceSet::all);
        let known = self.known(shared);
        for range in changed.ranges().iter().filter(|range| range.last > after) {
            let first = range.first.max(after + 1);
            let start = known.partition_point(|entry| entry.uid < first);
            let inside =
                known.iter().enumerate().skip(start).take_while(|(_, entry)| entry.uid <= range.last);
            for (at, entry) in inside.filter(|(_, entry)| entry.modseq() > self.flags_told) {
                if changes.flags.len() == FLAGS_MAX {
                    return false;
                }
                changes.flags.push((at as u32 + 1 + self.held_below(entry.uid), entry.row()));
            }
        }
        true
    }

    /// Those of the UIDs that no message here has and none the session believes in.
    fn missing(&self, shared: &Shared, uids: &SequenceSet) -> SequenceSet {
        let mut missing = Vec::new();
        for range in uids.ranges() {
            let mut next = range.first;
            let start = shared.entries.partition_point(|entry| entry.uid < next);
            for entry in shared.entries[start..].iter().take_while(|entry| entry.uid <= range.last) {
                if entry.uid > next {
                    missing.push((next, entry.uid - 1));
                }
                next = entry.uid + 1;
            }
            if next <= range.last {
                missing.push((next, range.last));
            }
        }
        let held = SequenceSet::from_ranges(self.held.iter().map(|uid| (*uid, *uid)));
        SequenceSet::from_ranges(missing).without(&held)
    }

    fn copy_rows(&self, shared: &Shared, uids: &SequenceSet, next: u32, rows: &mut Vec<(SeqNo, Row)>) {
        let known = self.known(shared);
        let skipped = uids.ranges().partition_point(|range| range.last < next);
        for range in &uids.ranges()[skipped..] {
            let first = range.first.max(next);
            let start = known.partition_point(|entry| entry.uid < first);
            let mut held = self.held_below(first) as usize;
            for (at, entry) in known.iter().enumerate().skip(start) {
                if entry.uid > range.last {
                    break;
                }
                if rows.len() == CHUNK {
                    return;
                }
                while self.held.get(held).is_some_and(|uid| *uid < entry.uid) {
                    held += 1;
                }
                rows.push(((at + held) as u32 + 1, entry.row()));
            }
        }
    }
}
