//! What a person may do with the queue.

use super::schedule::Change;
use super::spool::{Header, Marks, Spooled};
use super::{Inner, Progress, Queue, QueueId, Withdrawn};
use crate::error::StoreError;
use std::io;
use types::UnixSeconds;

/// Entries changed in one go by [`Queue::retry_all`].
const BATCH: usize = 256;

/// An entry as a list shows it.
#[derive(Clone, Debug)]
pub struct QueueListing {
    /// Its name.
    pub id: QueueId,
    /// Envelope, account, arrival.
    pub header: Header,
    /// What became of its recipients.
    pub marks: Marks,
    /// Attempts and replies.
    pub progress: Progress,
    /// The message's size.
    pub message_bytes: u64,
    /// Whether it is being delivered right now.
    pub is_active: bool,
}

impl Queue {
    /// Up to `max` entries after `after`, oldest first.
    pub fn list(&self, after: Option<QueueId>, max: usize) -> Result<Vec<QueueListing>, StoreError> {
        let page = {
            let mut schedule = self.inner.schedule();
            self.inner.flush_all(&mut schedule)?;
            let mut page = schedule.page(after, None, max)?;
            let state = self.inner.state();
            let unscheduled =
                state.claimed.iter().filter(|(id, claimed)| !claimed.is_scheduled && Some(**id) > after);
            page.extend(unscheduled.take(max).map(|(id, _)| (*id, Progress::default())));
            page.sort_by_key(|(id, _)| *id);
            page.truncate(max);
            page
        };
        let mut listings = Vec::with_capacity(page.len());
        for (id, progress) in page {
            listings.extend(self.inner.listing(id, progress)?);
        }
        Ok(listings)
    }

    /// One entry; `None` when there is no such.
    pub fn show(&self, id: QueueId) -> Result<Option<QueueListing>, StoreError> {
        let progress = {
            let mut schedule = self.inner.schedule();
            self.inner.flush(&mut schedule)?;
            schedule.get(id)?.unwrap_or_default()
        };
        self.inner.listing(id, progress)
    }

    /// Makes an entry due at once; `false` when there is none, or it is being delivered or held.
    pub fn retry(&self, id: QueueId, now: UnixSeconds) -> Result<bool, StoreError> {
        let Some(listing) = self.show(id)? else { return Ok(false) };
        if listing.marks.held || listing.is_active {
            return Ok(false);
        }
        self.inner.reschedule(id, |progress| progress.next_attempt_at = progress.next_attempt_at.min(now))?;
        Ok(true)
    }

    /// Makes every waiting entry due at once; tells how many were not.
    pub fn retry_all(&self, now: UnixSeconds) -> Result<u64, StoreError> {
        let mut count = 0;
        let mut after = None;
        loop {
            let mut schedule = self.inner.schedule();
            self.inner.flush(&mut schedule)?;
            let page = schedule.page(after, None, BATCH)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            let state = self.inner.state();
            let waiting = page.into_iter().filter(|(id, progress)| {
                progress.next_attempt_at > now && !progress.held && !state.claimed.contains_key(id)
            });
            let changes: Vec<Change> = waiting
                .map(|(id, progress)| Change::Put(id, Progress { next_attempt_at: now, ..progress }))
                .collect();
            drop(state);
            count += changes.len() as u64;
            schedule.apply(&changes)?;
        }
        self.inner.bell.ring();
        Ok(count)
    }

    /// Keeps an entry from going out until it is released; `false` when there is none. A delivery under way is not stopped.
    pub fn hold(&self, id: QueueId) -> Result<bool, StoreError> {
        self.set_held(id, true)
    }

    /// Lets a held entry go out again, at once; `false` when there is none.
    pub fn release(&self, id: QueueId) -> Result<bool, StoreError> {
        self.set_held(id, false)
    }

    /// Removes an entry without telling anybody, durably; `false` when there is none. A delivery under way is not stopped.
    pub fn delete(&self, id: QueueId) -> Result<bool, StoreError> {
        let mut schedule = self.inner.schedule();
        match self.inner.disk.remove_file(&self.inner.path_of(id)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let mut state = self.inner.state();
        state.entries = state.entries.saturating_sub(1);
        state.fresh.retain(|fresh| *fresh != id);
        match state.claimed.get_mut(&id) {
            Some(claimed) => claimed.withdrawn = Some(Withdrawn::Deleted),
            None => state.changes.push(Change::Remove(id)),
        }
        drop(state);
        self.inner.flush(&mut schedule)?;
        self.inner.disk.sync_dir(&self.inner.spool_dir)?;
        Ok(true)
    }

    fn set_held(&self, id: QueueId, held: bool) -> Result<bool, StoreError> {
        let Some(spooled) = self.inner.spooled(id)? else { return Ok(false) };
        spooled.mark_held(held)?;
        self.inner.reschedule(id, |progress| {
            progress.held = held;
            if !held {
                progress.next_attempt_at = UnixSeconds::MIN;
            }
        })?;
        Ok(true)
    }
}

impl Inner {
    fn listing(&self, id: QueueId, progress: Progress) -> Result<Option<QueueListing>, StoreError> {
        let Some(spooled) = self.spooled(id)? else { return Ok(None) };
        let is_active = self.state().claimed.contains_key(&id);
        let Spooled { header, marks, message_bytes, .. } = spooled;
        Ok(Some(QueueListing { id, header, marks, progress, message_bytes, is_active }))
    }

    /// `None` for what is gone or cannot be understood; the delivery task sets the latter aside.
    fn spooled(&self, id: QueueId) -> Result<Option<Spooled>, StoreError> {
        match self.disk.open_update(&self.path_of(id), false) {
            Ok(file) => Ok(Spooled::read(file).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes when or whether an entry is tried; one being delivered takes the change up when it is settled.
    fn reschedule(&self, id: QueueId, change: impl FnOnce(&mut Progress)) -> Result<(), StoreError> {
        let mut schedule = self.schedule();
        self.flush(&mut schedule)?;
        let mut progress = schedule.get(id)?.unwrap_or_default();
        change(&mut progress);
        let mut state = self.state();
        match state.claimed.get_mut(&id) {
            Some(claimed) => claimed.withdrawn = progress.held.then_some(Withdrawn::Held),
            None => {
                state.fresh.retain(|fresh| *fresh != id);
                state.changes.push(Change::Put(id, progress));
            }
        }
        drop(state);
        self.flush(&mut schedule)?;
        self.bell.ring();
        Ok(())
    }
}
