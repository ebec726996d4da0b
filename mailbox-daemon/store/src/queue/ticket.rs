//! Waiting until an entry is on disk.

use super::{Inner, QueueId};
use crate::commit::Ticket;
use crate::error::StoreError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// An entry on its way to the disk.
pub struct Queued {
    /// Its name.
    pub id: QueueId,
    /// Resolves when it is accepted.
    pub ticket: QueueTicket,
}

/// Resolves when the entry is durable, and lets it go out from then on. Dropped before that, it takes the entry back: nobody
/// was told that it was accepted.
#[must_use = "an entry whose ticket is dropped is withdrawn"]
pub struct QueueTicket {
    inner: Arc<Inner>,
    id: QueueId,
    committed: Option<Ticket>,
}

impl QueueTicket {
    pub(super) fn new(inner: Arc<Inner>, id: QueueId, committed: Ticket) -> QueueTicket {
        QueueTicket { inner, id, committed: Some(committed) }
    }

    /// Blocks until the entry is durable.
    pub fn wait(mut self) -> Result<(), StoreError> {
        let result = self.committed.take().map_or(Ok(()), Ticket::wait);
        self.settle(result)
    }

    fn settle(&self, result: Result<(), StoreError>) -> Result<(), StoreError> {
        match &result {
            Ok(()) => self.inner.accept(self.id),
            Err(_) => self.withdraw(),
        }
        result
    }

    /// What cannot be removed now is delivered after the next start: twice is better than never.
    fn withdraw(&self) {
        let _ = self.inner.disk.remove_file(&self.inner.path_of(self.id));
    }
}

impl Future for QueueTicket {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(committed) = self.committed.as_mut() else { return Poll::Ready(Ok(())) };
        let result = ready!(Pin::new(committed).poll(context));
        self.committed = None;
        Poll::Ready(self.settle(result))
    }
}

impl Drop for QueueTicket {
    fn drop(&mut self) {
        if self.committed.is_some() {
            self.withdraw();
        }
    }
}
