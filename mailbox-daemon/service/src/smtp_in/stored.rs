//! Copies that have their names: waits for them to be on disk, and takes them back where one is not.

use crate::host::Host;
use std::sync::Arc;
use store::queue::Queued;
use store::{Mailbox, StoreError, Ticket};
use tracing::warn;
use types::{SequenceSet, Uid};

/// Files that are where they belong but not surely on disk yet.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) arrived: Vec<(Arc<Mailbox>, Uid, Ticket)>,
    pub(super) queued: Vec<Queued>,
    /// Of the largest copy.
    pub(super) bytes: u64,
    /// Why the rest is not there.
    pub(super) failure: Option<StoreError>,
}

/// What is on disk.
pub(super) struct Settled {
    pub(super) bytes: u64,
    /// Queue entries, by name.
    pub(super) queue_ids: Vec<String>,
}

impl Stored {
    /// Waits until everything is on disk; takes back what is there where something is not.
    pub(super) async fn settle(self, host: &Host) -> Result<Settled, StoreError> {
        let Stored { arrived, queued, bytes, mut failure } = self;
        let mut there = Vec::with_capacity(arrived.len());
        for (mailbox, uid, ticket) in arrived {
            match ticket.await {
                Ok(()) => there.push((mailbox, uid)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let mut ids = Vec::with_capacity(queued.len());
        for queued in queued {
            // An entry nobody waits for is withdrawn.
            if failure.is_none() {
                match queued.ticket.await {
                    Ok(()) => ids.push(queued.id),
                    Err(error) => failure = Some(error),
                }
            }
        }
        let Some(failure) = failure else {
            return Ok(Settled { bytes, queue_ids: ids.iter().map(ToString::to_string).collect() });
        };
        for id in ids {
            let removed = crate::disk(|| host.queue.delete(id));
            let _ = removed.inspect_err(|error| warn!(%id, %error, "a queue entry cannot be taken back"));
        }
        for (mailbox, uid) in there {
            take_back(&mailbox, uid).await;
        }
        Err(failure)
    }
}

/// Removes a copy of a message that was not accepted. One that stays comes twice, which is better than never.
async fn take_back(mailbox: &Arc<Mailbox>, uid: Uid) {
    let uids = SequenceSet::from_ranges([(uid.get(), uid.get())]);
    let removed = async { crate::disk(|| mailbox.expunge(&uids, false))?.ticket.await };
    if let Err(error) = removed.await {
        warn!(mailbox = %mailbox.name(), uid = uid.get(), %error, "a copy cannot be taken back");
    }
}
