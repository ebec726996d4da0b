//! An entry in the hands of the delivery task.

use super::schedule::Change;
use super::spool::{Header, Marks, RecipientState, Spooled, Unreadable};
use super::{Claimed, Inner, Progress, QueueId, Withdrawn};
use crate::commit::Ticket;
use crate::error::StoreError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// One entry, nobody else's until it is settled. Dropped unsettled, it is due again at once.
pub struct Claim {
    inner: Arc<Inner>,
    id: QueueId,
    progress: Progress,
    is_settled: bool,
}

/// A claimed entry's message and what is known of its recipients.
pub struct QueuedMessage {
    spooled: Spooled,
}

impl Claim {
    pub(super) fn new(inner: Arc<Inner>, id: QueueId, progress: Progress) -> Claim {
        Claim { inner, id, progress, is_settled: false }
    }

    /// Which entry.
    pub fn id(&self) -> QueueId {
        self.id
    }

    /// What happened to it so far.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Opens its spool file. One that cannot be understood is moved to `queue/corrupt` and named in [`StoreError::Damaged`];
    /// one deleted meanwhile is [`StoreError::NoSuchMessage`]; the claim is settled in both cases.
    pub fn open(&mut self) -> Result<QueuedMessage, StoreError> {
        let path = self.inner.path_of(self.id);
        let file = match self.inner.disk.open_update(&path, false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.forget();
                return Err(StoreError::NoSuchMessage);
            }
            Err(error) => return Err(error.into()),
        };
        match Spooled::read(file) {
            Ok(spooled) => Ok(QueuedMessage { spooled }),
            Err(Unreadable::Disk(error)) => Err(error),
            Err(Unreadable::Torn | Unreadable::Damaged) => {
                let aside = self.inner.set_aside(&path)?;
                self.forget();
                Err(StoreError::Damaged { path: aside })
            }
        }
    }

    /// Ends the claim: the entry is tried again as `progress` says.
    pub fn retry(mut self, progress: Progress) {
        self.is_settled = true;
        let id = self.id;
        let mut state = self.inner.state();
        let claimed = state.claimed.remove(&id).unwrap_or_default();
        let change = match claimed.withdrawn {
            None => Some(Change::Put(id, progress)),
            Some(Withdrawn::Held) => Some(Change::Put(id, Progress { held: true, ..progress })),
            Some(Withdrawn::Deleted) => claimed.is_scheduled.then_some(Change::Remove(id)),
        };
        state.changes.extend(change);
    }

    /// Ends the claim of an entry whose mark says that it is held.
    pub fn hold(self) {
        let progress = Progress { held: true, ..self.progress.clone() };
        self.retry(progress);
    }

    /// Ends the claim of an entry that goes out only when nothing else does; it was not tried.
    pub fn put_back_as_bulk(self) {
        let progress = Progress { is_bulk: true, ..self.progress.clone() };
        self.retry(progress);
    }

    /// Ends the claim and the entry: every recipient is settled. Durable once the ticket resolves.
    pub fn complete(mut self) -> Result<Ticket, StoreError> {
        match self.inner.disk.remove_file(&self.inner.path_of(self.id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        self.forget();
        Ok(self.inner.committer.submit_folder(&self.inner.spool_dir))
    }

    /// The entry is no more.
    fn forget(&mut self) {
        self.is_settled = true;
        let mut state = self.inner.state();
        let claimed = state.claimed.remove(&self.id).unwrap_or_default();
        if claimed.withdrawn != Some(Withdrawn::Deleted) {
            state.entries = state.entries.saturating_sub(1);
        }
        if claimed.is_scheduled {
            state.changes.push(Change::Remove(self.id));
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let mut state = self.inner.state();
        let claimed = state.claimed.remove(&self.id).unwrap_or_default();
        match claimed {
            Claimed { is_scheduled: true, withdrawn: Some(Withdrawn::Deleted) } => {
                state.changes.push(Change::Remove(self.id));
            }
            Claimed { withdrawn: Some(Withdrawn::Held), .. } => {
                let progress = Progress { held: true, ..std::mem::take(&mut self.progress) };
                state.changes.push(Change::Put(self.id, progress));
            }
            Claimed { is_scheduled: false, withdrawn: None } => state.fresh.push_front(self.id),
            Claimed { .. } => {}
        }
    }
}

impl QueuedMessage {
    /// Envelope, account, arrival.
    pub fn header(&self) -> &Header {
        &self.spooled.header
    }

    /// What had become of it when it was opened.
    pub fn marks(&self) -> &Marks {
        &self.spooled.marks
    }

    /// The message's size, in octets of its wire form.
    pub fn message_bytes(&self) -> u64 {
        self.spooled.message_bytes
    }

    /// Reads a piece of the message; 0 at its end.
    pub fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, StoreError> {
        let left = self.spooled.message_bytes.saturating_sub(offset);
        let wanted = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        Ok(self.spooled.file.read_at(&mut out[..wanted], offset)?)
    }

    /// Writes down what became of recipients, by index; durable when this returns.
    pub fn mark_recipients(&self, changed: &[(usize, RecipientState)]) -> Result<(), StoreError> {
        self.spooled.mark_recipients(changed)
    }

    /// Writes down that the sender knows of the delay; durable when this returns.
    pub fn mark_delay_reported(&self) -> Result<(), StoreError> {
        self.spooled.mark_delay_reported()
    }
}

impl Inner {
    /// Moves a spool file that cannot be understood out of the way, for a person to look at.
    pub(super) fn set_aside(&self, path: &std::path::Path) -> Result<PathBuf, StoreError> {
        super::recover::set_aside(&*self.disk, path, &self.corrupt_dir)
    }
}
