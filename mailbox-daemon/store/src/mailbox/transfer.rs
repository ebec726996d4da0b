//! Messages going from one mailbox to another, whosever they are: hard links for COPY, renames for MOVE.

use super::together::Together;
use super::writer::{CHUNK, Writer, place_of, system_only};
use super::{Copied, Mailbox};
use crate::commit::{Durable, Ticket};
use crate::error::StoreError;
use crate::index::Entry;
use crate::locked;
use crate::maildir::FileName;
use crate::maildir::name::base_name;
use std::sync::{Arc, MutexGuard};
use types::{Flags, Keyword, SequenceSet, Settable, Uid};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transfer {
    /// All or none.
    Copy(Option<Together>),
    Move,
}

impl Transfer {
    fn together(self) -> Option<Together> {
        match self {
            Transfer::Copy(together) => together,
            Transfer::Move => None,
        }
    }
}

impl Mailbox {
    /// Copies messages to another mailbox: all or, after an error or a power cut, none.
    pub fn copy(self: &Arc<Self>, uids: &SequenceSet, target: &Arc<Mailbox>) -> Result<Copied, StoreError> {
        self.copy_flagged(uids, target, Settable::ALL)
    }

    /// Copies messages with those of their flags that may be set in the target.
    pub fn copy_flagged(
        self: &Arc<Self>,
        uids: &SequenceSet,
        target: &Arc<Mailbox>,
        settable: Settable,
    ) -> Result<Copied, StoreError> {
        match self.transfer(uids, target, Transfer::Copy(None), settable) {
            // Another program removed one of them meanwhile; now that is known.
            Err(StoreError::NoSuchMessage) => self.transfer(uids, target, Transfer::Copy(None), settable),
            copied => copied,
        }
    }

    /// Moves messages to another mailbox (RFC 6851): each is in one of the two, whatever happens. After an error some may have
    /// been moved.
    pub fn move_to(
        self: &Arc<Self>,
        uids: &SequenceSet,
        target: &Arc<Mailbox>,
    ) -> Result<Copied, StoreError> {
        self.move_flagged(uids, target, Settable::ALL)
    }

    /// Moves messages with those of their flags that may be set in the target.
    pub fn move_flagged(
        self: &Arc<Self>,
        uids: &SequenceSet,
        target: &Arc<Mailbox>,
        settable: Settable,
    ) -> Result<Copied, StoreError> {
        self.transfer(uids, target, Transfer::Move, settable)
    }

    fn transfer(
        self: &Arc<Self>,
        uids: &SequenceSet,
        target: &Arc<Mailbox>,
        transfer: Transfer,
        settable: Settable,
    ) -> Result<Copied, StoreError> {
        let mut writers = Writers::lock(self, target)?;
        let transfer = self.plan(uids, target, &writers, transfer)?;
        let mut keywords = KeywordMap::new(self, target, settable);
        let (mut left, mut arrived) = (Vec::new(), Vec::new());
        let result = self.for_each_chunk(uids, |chunk| {
            self.transfer_chunk(&mut writers, target, transfer, chunk, &mut keywords, |source, entry| {
                left.push(source);
                arrived.push(entry);
            })
        });
        let result = match transfer {
            Transfer::Copy(Some(together)) => result.and_then(|()| target.end_together(together, &arrived)),
            Transfer::Copy(None) | Transfer::Move => result,
        };
        if result.is_err() && (transfer != Transfer::Move || arrived.is_empty()) {
            target.take_back(&arrived, transfer.together());
            return Err(result.err().unwrap_or(StoreError::NoSuchMessage));
        }
        let to_uids = |uids: &mut dyn Iterator<Item = u32>| uids.filter_map(Uid::new).collect::<Vec<_>>();
        let copied =
            (to_uids(&mut left.iter().copied()), to_uids(&mut arrived.iter().map(|entry| entry.uid)));
        let ticket = match (arrived.is_empty(), transfer) {
            (true, _) => self.core().committer.beat(),
            (false, Transfer::Copy(_)) => {
                target.publish_when(Durable::Everything, arrived, writers.target.state.turn())
            }
            (false, Transfer::Move) => self.move_when(&mut writers, target, left, arrived)?,
        };
        let (source, target_uids) = copied;
        result.map(|()| Copied { uid_validity: target.uid_validity, source, target: target_uids, ticket })
    }

    /// Counts what is to be copied, so that each file can tell how many belong together.
    fn plan(
        &self,
        uids: &SequenceSet,
        target: &Mailbox,
        writers: &Writers<'_>,
        transfer: Transfer,
    ) -> Result<Transfer, StoreError> {
        if transfer == Transfer::Move {
            return Ok(transfer);
        }
        let mut count = 0;
        self.for_each_chunk(uids, |chunk| {
            count += chunk.len();
            Ok::<(), StoreError>(())
        })?;
        let together = Together::new(writers.target.next_uid, count);
        if together.is_some() {
            target.begin_together()?;
        }
        Ok(Transfer::Copy(together))
    }

    fn transfer_chunk(
        &self,
        writers: &mut Writers<'_>,
        target: &Arc<Mailbox>,
        transfer: Transfer,
        chunk: &[Entry],
        keywords: &mut KeywordMap,
        mut done: impl FnMut(u32, Entry),
    ) -> Result<(), StoreError> {
        debug_assert!(chunk.len() <= CHUNK);
        target.reserve(&mut writers.target, chunk.len() as u32, 1)?;
        for entry in chunk {
            let uid = writers.target.next_uid;
            let flags = keywords.translate(target, &mut writers.target, entry.flags())?;
            writers.target.next_uid += 1;
            match self.transfer_one(writers, target, transfer, entry, (uid, flags))? {
                Some(arrived) => {
                    if transfer == Transfer::Move {
                        locked(&self.shared).set_going(&[entry.uid], true);
                    }
                    done(entry.uid, arrived);
                }
                None if transfer.together().is_some() => return Err(StoreError::NoSuchMessage),
                None => {}
            }
        }
        Ok(())
    }

    fn transfer_one(
        &self,
        writers: &mut Writers<'_>,
        target: &Arc<Mailbox>,
        transfer: Transfer,
        entry: &Entry,
        (uid, flags): (u32, Flags),
    ) -> Result<Option<Entry>, StoreError> {
        let sizes = (entry.disk_bytes, entry.wire_bytes);
        let content =
            self.with_file(writers.source(), entry, |_, base, _| Ok(FileName::parse(base).content()))?;
        let unique = self.core().namer.unique(&*self.core().disk);
        let base = base_name(&unique, content, sizes, uid);
        let digest = self.digest_of(entry).unwrap_or_default();
        let mut arrived = Entry::new(uid, entry.place(), flags, entry.internal_date(), sizes);
        if !flags.is_empty() {
            arrived.set(crate::maildir::Place::Cur, flags);
        }
        if flags.letterless() != 0 {
            target.record_letterless(&mut writers.target, [(uid, flags.letterless())])?;
        }
        target.expect_arrival(&mut arrived, &base, &digest);
        let folder = target.folder();
        let place = place_of(&folder, &arrived, &base);
        let to = transfer.together().map_or(place.clone(), |together| together.waiting(&folder, &place));
        let disk = &self.core().disk;
        let linked = self.with_file(writers.source(), entry, |path, _, _| match transfer {
            Transfer::Copy(_) => disk.hard_link(path, &to),
            Transfer::Move => disk.rename(path, &to),
        });
        match linked {
            Ok(Some(())) => Ok(Some(arrived)),
            missed => {
                locked(&target.shared).forget_pending(&[arrived]);
                missed.map(|_| None)
            }
        }
    }

    fn move_when(
        self: &Arc<Self>,
        writers: &mut Writers<'_>,
        target: &Arc<Mailbox>,
        left: Vec<u32>,
        arrived: Vec<Entry>,
    ) -> Result<Ticket, StoreError> {
        self.reserve(writers.source(), 0, 1)?;
        let (source_turn, target_turn) = (writers.source().state.turn(), writers.target.state.turn());
        let (source, target) = (Arc::clone(self), Arc::clone(target));
        let finish = move |result: Result<(), _>| match result {
            Ok(()) => {
                target.show(&arrived, target_turn);
                source.hide(&left, source_turn);
            }
            // The next look at the two folders tells where they are.
            Err(_) => {
                locked(&target.shared).forget_pending(&arrived);
                locked(&source.shared).set_going(&left, false);
            }
        };
        Ok(self.core().committer.commit(Durable::Everything, Box::new(finish)))
    }
}

/// Both mailboxes' turn to change files.
struct Writers<'a> {
    target: MutexGuard<'a, Writer>,
    /// `None` when they are the same.
    source: Option<MutexGuard<'a, Writer>>,
}

impl<'a> Writers<'a> {
    /// Locks in one order for everybody, or two moves across each other would wait for ever.
    fn lock(source: &'a Arc<Mailbox>, target: &'a Arc<Mailbox>) -> Result<Writers<'a>, StoreError> {
        if Arc::ptr_eq(source, target) {
            return Ok(Writers { target: target.begin()?, source: None });
        }
        if Arc::as_ptr(source) < Arc::as_ptr(target) {
            let source = source.begin()?;
            return Ok(Writers { target: target.begin()?, source: Some(source) });
        }
        let target = target.begin()?;
        Ok(Writers { target, source: Some(source.begin()?) })
    }

    fn source(&mut self) -> &mut Writer {
        match &mut self.source {
            Some(source) => source,
            None => &mut self.target,
        }
    }
}

/// Which slots the source's keywords have in the target.
struct KeywordMap {
    names: Vec<(usize, Keyword)>,
    known: Vec<(usize, Flags)>,
    is_same: bool,
    settable: Settable,
}

impl KeywordMap {
    fn new(source: &Arc<Mailbox>, target: &Arc<Mailbox>, settable: Settable) -> KeywordMap {
        let is_same = Arc::ptr_eq(source, target);
        KeywordMap { names: source.keywords(), known: Vec::new(), is_same, settable }
    }

    /// The flags as the target writes them; those that may not be set and keywords it has no room for are left out.
    fn translate(
        &mut self,
        target: &Mailbox,
        writer: &mut Writer,
        flags: Flags,
    ) -> Result<Flags, StoreError> {
        let flags = self.settable.of(flags);
        if self.is_same {
            return Ok(flags);
        }
        let mut translated = system_only(flags);
        for slot in flags.keyword_slots() {
            translated = translated.with(self.slot(target, writer, slot)?);
        }
        Ok(translated)
    }

    fn slot(&mut self, target: &Mailbox, writer: &mut Writer, slot: usize) -> Result<Flags, StoreError> {
        if let Some((_, flags)) = self.known.iter().find(|(known, _)| *known == slot) {
            return Ok(*flags);
        }
        let flags = match self.names.iter().find(|(named, _)| *named == slot) {
            Some((_, keyword)) => target.keyword_flags(writer, std::slice::from_ref(keyword), false)?,
            None => Flags::NONE,
        };
        self.known.push((slot, flags));
        Ok(flags)
    }
}
