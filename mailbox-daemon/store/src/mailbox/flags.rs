//! Changing flags: a rename a message, no sync.

use super::writer::{Writer, place_of, system_only};
use super::{FlagChange, FlagsStored, Mailbox};
use crate::error::StoreError;
use crate::index::Entry;
use crate::locked;
use crate::maildir::Place;
use types::{Flags, Keyword, ModSeq, SequenceSet};

impl Mailbox {
    /// Changes flags; visible at once, on disk some time later.
    pub fn store_flags(
        &self,
        uids: &SequenceSet,
        change: FlagChange,
        flags: Flags,
        keywords: &[Keyword],
        unchanged_since: Option<ModSeq>,
    ) -> Result<FlagsStored, StoreError> {
        let mut writer = self.begin()?;
        let named = match change {
            FlagChange::Remove => self.known_keyword_flags(keywords),
            FlagChange::Add | FlagChange::Replace | FlagChange::ReplaceOf(_) => {
                self.keyword_flags(&mut writer, keywords, true)?
            }
        };
        let named = system_only(flags).with(named);
        let apply = |flags: Flags| match change {
            FlagChange::Add => flags.with(named),
            FlagChange::Remove => flags.without(named),
            FlagChange::Replace => named,
            FlagChange::ReplaceOf(settable) => named.with(flags.without(settable.of(flags))),
        };
        let modseq_before = ModSeq(locked(&self.shared).modseq);
        let mut stored = FlagsStored {
            changed: SequenceSet::new(),
            modified: SequenceSet::new(),
            modseq_before,
            modseq: modseq_before,
        };
        let result = self.for_each_chunk(uids, |chunk| {
            self.store_chunk(&mut writer, chunk, unchanged_since, apply, &mut stored)
        });
        self.tidy_record(&mut writer);
        if !stored.changed.is_empty() {
            self.ring();
        }
        result.map(|()| stored)
    }

    fn store_chunk(
        &self,
        writer: &mut Writer,
        chunk: &[Entry],
        unchanged_since: Option<ModSeq>,
        apply: impl Fn(Flags) -> Flags,
        stored: &mut FlagsStored,
    ) -> Result<(), StoreError> {
        let mut changes = Vec::new();
        let mut result = Ok(());
        for entry in chunk {
            if unchanged_since.is_some_and(|modseq| entry.modseq() > modseq.0) {
                stored.modified.push(entry.uid);
                continue;
            }
            if apply(entry.flags()) == entry.flags() {
                continue;
            }
            if changes.is_empty() {
                self.reserve_now(writer, 0, 1)?;
            }
            match self.rename_to(writer, entry, &apply) {
                Ok(Some(bits)) => changes.push((entry.uid, bits)),
                Ok(None) => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        let result = result.and(self.record_changes(writer, chunk, &mut changes));
        if !changes.is_empty() {
            let mut shared = locked(&self.shared);
            shared.set_bits(&changes);
            stored.modseq = ModSeq(shared.modseq);
            for (uid, _) in &changes {
                stored.changed.push(*uid);
            }
        }
        result
    }

    /// Gives the message's file the name its new flags ask for, which always is one in `cur`.
    fn rename_to(
        &self,
        writer: &mut Writer,
        entry: &Entry,
        apply: impl Fn(Flags) -> Flags,
    ) -> Result<Option<u64>, StoreError> {
        let folder = self.folder();
        self.with_file(writer, entry, |path, base, entry| {
            let mut renamed = *entry;
            renamed.set(Place::Cur, apply(entry.flags()));
            let wanted = place_of(&folder, &renamed, base);
            if wanted != path {
                self.core().disk.rename(path, &wanted)?;
            }
            Ok(renamed.bits())
        })
    }

    /// Writes down the keywords that names do not tell. Where that fails they stay as they were.
    fn record_changes(
        &self,
        writer: &mut Writer,
        chunk: &[Entry],
        changes: &mut [(u32, u64)],
    ) -> Result<(), StoreError> {
        let before = |uid: u32| {
            let at = chunk.binary_search_by_key(&uid, |entry| entry.uid);
            at.map_or(0, |at| chunk[at].flags().letterless())
        };
        let words = changes.iter().map(|(uid, bits)| (*uid, Flags::from_bits(*bits).letterless()));
        let words = words.filter(|(uid, letterless)| *letterless != before(*uid));
        let result = self.record_letterless(writer, words);
        if result.is_err() {
            for (uid, bits) in changes {
                *bits = Entry::with_letterless(*bits, before(*uid));
            }
        }
        result
    }

    /// The flags of those keywords that have a slot.
    fn known_keyword_flags(&self, keywords: &[Keyword]) -> Flags {
        let shared = locked(&self.shared);
        let flags =
            keywords.iter().filter_map(|keyword| shared.keywords.slot(keyword).and_then(Flags::keyword));
        flags.fold(Flags::NONE, Flags::with)
    }

    /// The keywords in use, by slot.
    pub fn keywords(&self) -> Vec<(usize, Keyword)> {
        locked(&self.shared).keywords.iter().map(|(slot, keyword)| (slot, keyword.clone())).collect()
    }
}
