//! Messages going out.

use super::writer::Writer;
use super::{Expunged, Mailbox};
use crate::commit::{Durable, Ticket};
use crate::error::StoreError;
use crate::index::Entry;
use crate::locked;
use crate::maildir::Place;
use std::sync::Arc;
use types::{SequenceSet, SystemFlag};

impl Mailbox {
    /// Removes messages, with `only_deleted` those of them that have `\Deleted`. They are seen until their removal is on disk.
    pub fn expunge(self: &Arc<Self>, uids: &SequenceSet, only_deleted: bool) -> Result<Expunged, StoreError> {
        let mut writer = self.begin()?;
        let mut removed = Removed::default();
        let result = self.for_each_chunk(uids, |chunk| {
            let deleted =
                chunk.iter().filter(|entry| !only_deleted || entry.flags().has(SystemFlag::Deleted));
            self.remove_files(&mut writer, deleted, &mut removed)
        });
        if removed.uids.is_empty() {
            // Somebody else's expunge of the same messages may be on its way; this answer waits for its turn.
            return result
                .map(|()| Expunged { uids: SequenceSet::new(), ticket: self.core().committer.beat() });
        }
        let expunged = SequenceSet::from_ranges(removed.uids.iter().map(|uid| (*uid, *uid)));
        let ticket = self.vanish_when(&mut writer, removed)?;
        result.map(|()| Expunged { uids: expunged, ticket })
    }

    fn remove_files<'a>(
        &self,
        writer: &mut Writer,
        entries: impl Iterator<Item = &'a Entry>,
        removed: &mut Removed,
    ) -> Result<(), StoreError> {
        let mut going = Vec::new();
        let mut result = Ok(());
        for entry in entries {
            let done = self.with_file(writer, entry, |path, _, entry| {
                self.core().disk.remove_file(path)?;
                Ok(entry.place())
            });
            match done {
                Ok(Some(place)) => {
                    going.push(entry.uid);
                    removed.note(place);
                }
                Ok(None) => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        locked(&self.shared).set_going(&going, true);
        removed.uids.extend(going);
        result
    }

    fn vanish_when(self: &Arc<Self>, writer: &mut Writer, removed: Removed) -> Result<Ticket, StoreError> {
        self.reserve(writer, 0, 1)?;
        let (turn, mailbox) = (writer.state.turn(), Arc::clone(self));
        let durable = match (removed.from_cur, removed.from_new) {
            (true, false) if self.is_reserved(writer) => {
                Durable::Folder(self.folder().join(Place::Cur.directory()))
            }
            (false, true) if self.is_reserved(writer) => {
                Durable::Folder(self.folder().join(Place::New.directory()))
            }
            _ => Durable::Everything,
        };
        let finish = move |result: Result<(), _>| match result {
            Ok(()) => mailbox.hide(&removed.uids, turn),
            // The next look at the folder tells what became of them.
            Err(_) => locked(&mailbox.shared).set_going(&removed.uids, false),
        };
        Ok(self.core().committer.commit(durable, Box::new(finish)))
    }

    /// Messages are gone for good.
    pub(super) fn hide(&self, uids: &[u32], turn: u64) {
        self.note_reserved(turn);
        locked(&self.shared).remove(uids);
        self.ring();
    }
}

/// Files that were removed.
#[derive(Default)]
struct Removed {
    uids: Vec<u32>,
    from_cur: bool,
    from_new: bool,
}

impl Removed {
    fn note(&mut self, place: Place) {
        match place {
            Place::Cur => self.from_cur = true,
            Place::New => self.from_new = true,
        }
    }
}
