//! What messages give to do once whoever moved or marked them has an answer: it waits here, so that no answer waits for it. What
//! waits when the power goes is lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Mailbox;
use tokio::sync::Notify;
use tracing::warn;
use types::{SequenceSet, Uid};

/// Ranges of messages that may wait: what people do in an hour of hard work, in a megabyte.
const RANGES_MAX: usize = 65_536;

/// Deeds that wait, oldest first.
pub(crate) struct Backlog<D> {
    waiting: Mutex<Waiting<D>>,
    news: Notify,
}

struct Waiting<D> {
    deeds: VecDeque<Deed<D>>,
    ranges: usize,
}

/// What was done, where the messages lie now, and which they are.
struct Deed<D> {
    what: D,
    mailbox: Arc<Mailbox>,
    ranges: VecDeque<(u32, u32)>,
}

/// One message of a deed.
pub(crate) struct Next<D> {
    pub(crate) deed: D,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) uid: Uid,
}

impl<D> Default for Backlog<D> {
    fn default() -> Backlog<D> {
        Backlog { waiting: Mutex::new(Waiting { deeds: VecDeque::new(), ranges: 0 }), news: Notify::new() }
    }
}

impl<D: Clone> Backlog<D> {
    /// Notes what was done with messages. Where far too many wait they are left out, and the log says so.
    pub(crate) fn note(&self, deed: D, mailbox: &Arc<Mailbox>, uids: &SequenceSet) {
        let ranges: VecDeque<_> = uids.ranges().iter().map(|range| (range.first, range.last)).collect();
        let mut waiting = self.lock();
        if waiting.ranges + ranges.len() > RANGES_MAX {
            drop(waiting);
            warn!(mailbox = %mailbox.name(), messages = uids.count(), "too much waits to be learnt or sorted; these messages are left out");
            return;
        }
        waiting.ranges += ranges.len();
        waiting.deeds.push_back(Deed { what: deed, mailbox: Arc::clone(mailbox), ranges });
        drop(waiting);
        self.news.notify_one();
    }

    /// The next message, which waits no more: if it makes its reader fail, the others have their turn.
    pub(crate) fn next(&self) -> Option<Next<D>> {
        let mut waiting = self.lock();
        loop {
            let first = waiting.deeds.front_mut()?;
            let Some((number, last)) = first.ranges.front_mut() else {
                waiting.deeds.pop_front();
                continue;
            };
            let uid = Uid::new(*number);
            let is_last = *number == *last;
            *number = number.wrapping_add(1);
            let next =
                uid.map(|uid| Next { deed: first.what.clone(), mailbox: Arc::clone(&first.mailbox), uid });
            if is_last {
                first.ranges.pop_front();
                waiting.ranges -= 1;
            }
            if next.is_some() {
                return next;
            }
        }
    }

    /// Resolves when something was noted; for one listener.
    pub(crate) async fn noted(&self) {
        self.news.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<D>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
