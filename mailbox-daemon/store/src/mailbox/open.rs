//! Opening a folder. There is no other recovery.

use super::shared::{Counts, Shared, Views};
use super::writer::{MODSEQS, UIDS, Writer};
use super::{Closed, Mailbox};
use crate::account::AccountMail;
use crate::bell::Bell;
use crate::checksum;
use crate::error::StoreError;
use crate::index::{Agreed, Entry, Index, Remembered};
use crate::keywords::{Keywords, Record};
use crate::locked;
use crate::maildir::{FileName, Place};
use crate::state::{State, StateFile};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use types::{Keyword, MailboxName, UidValidity};

/// UIDs in the names of a folder without a state are believed up to this one.
const UID_BELIEVED_MAX: u32 = u32::MAX / 2;

impl Mailbox {
    /// Opens the folder of an account as a mailbox. A folder whose state `is_copied` begins a generation of its own.
    pub(crate) fn open(
        account: &Arc<AccountMail>,
        name: &MailboxName,
        folder: &Path,
        is_copied: &dyn Fn(State) -> Result<bool, StoreError>,
        closed: Arc<Closed>,
    ) -> Result<Arc<Mailbox>, StoreError> {
        let core = account.core();
        let state = state_of(account, folder, is_copied)?;
        let State { uid_validity, uid_reserved, modseq_reserved, mailbox: id, .. } = state.state();
        let (mut index, remembered) = Index::load(Arc::clone(&core.disk), &account.index_dir(), uid_validity);
        let (record, recorded) = Record::read(&*core.disk, folder)?;
        // A state that was put back from a backup may know less than the index.
        let highest_known = remembered.highest_uid.max(recorded.highest_uid().min(UID_BELIEVED_MAX));
        let next_uid = uid_reserved.max(highest_known.saturating_add(1));
        let modseq = modseq_reserved.max(remembered.modseq);
        // A mailbox closed in an orderly way leaves the two equal. Else flags may have been changed and told that the index never
        // heard of, and nobody knows of which messages.
        let is_stale = remembered.modseq < modseq_reserved;
        let Remembered { entries, highest_uid, recent_from, agreed, is_cut, .. } = remembered;
        // Messages the index never heard of may have come and gone.
        if is_cut || entries.is_empty() || highest_uid.saturating_add(1) < next_uid {
            index.forget_tombstones(modseq);
        }
        let scanned = match entries.iter().any(|entry| entry.words == 0) {
            true => Agreed::default(),
            false => agreed,
        };
        let shared = Shared {
            name: name.clone(),
            folder: folder.into(),
            counts: Counts::of(&entries),
            entries,
            modseq,
            flags_modseq: modseq,
            uid_next: next_uid,
            recent_from: if recent_from > 0 { recent_from } else { next_uid },
            pending: Vec::new(),
            keywords: Keywords::default(),
            index,
            is_deleted: false,
            views: Views::default(),
        };
        let writer = Writer {
            state,
            next_uid,
            modseq_promised: modseq,
            scanned,
            recorded: scanned,
            ours_above: highest_uid,
            record,
            recorded_words: recorded.words,
        };
        let mailbox = Mailbox {
            account: Arc::clone(account),
            uid_validity: UidValidity::new(uid_validity).ok_or(StoreError::NoSuchMailbox)?,
            id: u64::from(checksum::of(account.address().to_string().as_bytes()) as u32) << 32
                | u64::from(id),
            bell: Bell::new(),
            writer: Mutex::new(writer),
            shared: Mutex::new(shared),
            state_synced: AtomicU64::new(0),
            rows_open: AtomicUsize::new(0),
            closed,
        };
        mailbox.catch_up(folder, is_stale, recorded.names)?;
        Ok(Arc::new(mailbox))
    }

    fn catch_up(
        &self,
        folder: &Path,
        is_stale: bool,
        letterless: Vec<(usize, Keyword)>,
    ) -> Result<(), StoreError> {
        let mut keywords = self.read_keywords(folder);
        keywords.add_recorded(letterless);
        locked(&self.shared).keywords = keywords;
        let mut writer = locked(&self.writer);
        // A disk that cannot be written to now gives us another chance at the next opening.
        if is_stale && self.reserve_now(&mut writer, 0, 1).is_ok() {
            locked(&self.shared).all_changed();
        }
        self.believe_record(&mut writer)?;
        self.finish_together(folder)?;
        self.reconcile(&mut writer)?;
        writer.ours_above = u32::MAX;
        writer.recorded_words = HashMap::new();
        let mut shared = locked(&self.shared);
        shared.uid_next = shared.uid_next.max(writer.next_uid);
        Ok(())
    }

    /// The index remembers keywords that the record may know better.
    fn believe_record(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let changes: Vec<(u32, u64)> = {
            let shared = locked(&self.shared);
            let changed = shared.entries.iter().filter_map(|entry| {
                let word = writer.recorded_words.get(&entry.uid).copied().unwrap_or(0);
                let bits = Entry::with_letterless(entry.bits(), word);
                (bits != entry.bits()).then_some((entry.uid, bits))
            });
            changed.collect()
        };
        if changes.is_empty() {
            return Ok(());
        }
        self.reserve_now(writer, 0, 1)?;
        locked(&self.shared).set_bits(&changes);
        Ok(())
    }
}

/// The state of a folder, which says from now on that it belongs there.
fn state_of(
    account: &AccountMail,
    folder: &Path,
    is_copied: &dyn Fn(State) -> Result<bool, StoreError>,
) -> Result<StateFile, StoreError> {
    let (disk, path) = (&*account.core().disk, folder.join(StateFile::NAME));
    let mut state = match StateFile::open(disk, &path, UIDS, MODSEQS)? {
        Some(state) if !is_copied(state.state())? => state,
        _ => begin_state(account, folder, &path)?,
    };
    let place_sum = account.place_sum(folder);
    if state.state().place_sum != place_sum {
        // A disk that cannot be written to now gives us another chance at the next opening.
        let _ = state.write(disk, &path, State { place_sum, ..state.state() });
    }
    Ok(state)
}

/// A folder somebody else made or copied, or whose state was lost, starts a new generation of UIDs; those in the names stay.
fn begin_state(account: &AccountMail, folder: &Path, path: &Path) -> Result<StateFile, StoreError> {
    let disk = &account.core().disk;
    let mut highest = 0;
    for place in [Place::Cur, Place::New] {
        let dir = folder.join(place.directory());
        disk.create_dir_all(&dir)?;
        disk.read_dir(&dir, &mut |name, _| {
            let uid = name.to_str().and_then(|name| FileName::parse(name).uid);
            highest = highest.max(uid.filter(|uid| *uid <= UID_BELIEVED_MAX).unwrap_or(0));
        })?;
    }
    let uid_validity = account.new_uid_validity()?;
    let state = State::new(uid_validity, highest + 1, account.place_sum(folder));
    let file = StateFile::create(&**disk, path, state)?;
    let committer = &account.core().committer;
    committer.run(|| disk.sync_file_system(folder))?;
    Ok(file)
}
