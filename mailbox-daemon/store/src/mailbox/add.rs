//! Messages coming in.

use super::together::Together;
use super::writer::{place_of, system_only};
use super::{Added, AddedAll, Arrival, Mailbox};
use crate::commit::{Durable, Ticket};
use crate::error::StoreError;
use crate::index::{Entry, Words};
use crate::locked;
use crate::maildir::Place;
use crate::maildir::name::base_name;
use crate::message::NewMessage;
use std::sync::Arc;
use types::{Flags, Uid};

impl Mailbox {
    /// Takes a message in. It gets its name now and is seen, by anybody, only when it is on disk.
    pub fn add(self: &Arc<Self>, message: NewMessage, arrival: Arrival) -> Result<Added, StoreError> {
        let AddedAll { uids, uid_validity, ticket } = self.add_all(vec![(message, arrival)])?;
        let uid = uids.first().copied().ok_or(StoreError::UidsExhausted)?;
        Ok(Added { uid, uid_validity, ticket })
    }

    /// Takes several messages in: all or, after an error or a power cut, none (RFC 3502).
    pub fn add_all(self: &Arc<Self>, messages: Vec<(NewMessage, Arrival)>) -> Result<AddedAll, StoreError> {
        let mut writer = self.begin()?;
        self.reserve(&mut writer, messages.len() as u32, 1)?;
        let mut is_lone_file = messages.len() == 1 && self.is_reserved(&writer);
        let together = Together::new(writer.next_uid, messages.len());
        if together.is_some() {
            self.begin_together()?;
        }
        let mut entries = Vec::with_capacity(messages.len());
        let mut file = None;
        for (message, arrival) in messages {
            let added = self.keyword_flags(&mut writer, &arrival.keywords, false).and_then(|keywords| {
                // The files of keywords must be durable too.
                is_lone_file &= keywords.is_empty();
                let (uid, flags) = (writer.next_uid, system_only(arrival.flags).with(keywords));
                if flags.letterless() != 0 {
                    self.record_letterless(&mut writer, [(uid, flags.letterless())])?;
                }
                self.link(message, flags, &arrival, uid, together)
            });
            // Given or not, it is not given again.
            writer.next_uid += 1;
            match added {
                Ok((entry, linked)) => {
                    entries.push(entry);
                    file = Some(linked);
                }
                Err(error) => {
                    self.take_back(&entries, together);
                    return Err(error);
                }
            }
        }
        if let Some(together) = together {
            self.end_together(together, &entries)
                .inspect_err(|_| self.take_back(&entries, Some(together)))?;
        }
        let uids = entries.iter().filter_map(|entry| Uid::new(entry.uid)).collect();
        let durable = match file {
            Some(file) if is_lone_file => Durable::File(file),
            Some(_) => Durable::Everything,
            None => Durable::Nothing,
        };
        let ticket = self.publish_when(durable, entries, writer.state.turn());
        Ok(AddedAll { uids, uid_validity: self.uid_validity, ticket })
    }

    fn link(
        &self,
        mut message: NewMessage,
        flags: Flags,
        arrival: &Arrival,
        uid: u32,
        together: Option<Together>,
    ) -> Result<(Entry, Arc<dyn crate::disk::DiskFile>), StoreError> {
        let bytes = u32::try_from(message.bytes()).map_err(|_| StoreError::OutOfSpace)?;
        let place = if flags.is_empty() { Place::New } else { Place::Cur };
        let mut entry = Entry::new(uid, place, flags, arrival.internal_date, (bytes, bytes));
        let unique = self.core().namer.unique(&*self.core().disk);
        let base = base_name(&unique, None, (bytes, bytes), uid);
        let folder = self.folder();
        let place = place_of(&folder, &entry, &base);
        let path = together.map_or(place.clone(), |together| together.waiting(&folder, &place));
        self.expect_arrival(&mut entry, &base, &arrival.digest);
        let linked = message.finish(arrival.internal_date).and_then(|()| message.link(&path));
        match linked {
            Ok(()) => Ok((entry, message.into_file())),
            Err(error) => {
                locked(&self.shared).forget_pending(&[entry]);
                Err(error)
            }
        }
    }

    /// Remembers the words of a message that is on its way, and that whoever looks at the folder should not wonder about it.
    pub(super) fn expect_arrival(&self, entry: &mut Entry, base: &str, digest: &[u8]) {
        let mut shared = locked(&self.shared);
        let (words, front) = shared.index.put_words(entry.uid, Words { name: base, digest });
        entry.set_words(words, front);
        shared.pending.push(entry.uid);
        shared.flush_if_due();
    }

    /// Removes the files of messages nobody will be told of.
    pub(super) fn take_back(&self, entries: &[Entry], together: Option<Together>) {
        let folder = self.folder();
        for entry in entries {
            if let Some((path, _)) = self.path_of(entry) {
                // A file that stays is found by the next look at the folder and is one mail too many, never one too few.
                let _ = self.core().disk.remove_file(&path);
                if let Some(together) = together {
                    let _ = self.core().disk.remove_file(&together.waiting(&folder, &path));
                }
            }
        }
        locked(&self.shared).forget_pending(entries);
    }

    /// Lets messages be seen once they are on disk.
    pub(super) fn publish_when(self: &Arc<Self>, durable: Durable, entries: Vec<Entry>, turn: u64) -> Ticket {
        let mailbox = Arc::clone(self);
        let finish = move |result: Result<(), _>| match result {
            Ok(()) => mailbox.show(&entries, turn),
            Err(_) => mailbox.take_back(&entries, None),
        };
        self.core().committer.commit(durable, Box::new(finish))
    }

    /// Messages are on disk, with everything written before them when their request was.
    pub(super) fn show(&self, entries: &[Entry], turn: u64) {
        self.note_reserved(turn);
        locked(&self.shared).publish(entries);
        self.ring();
    }
}
