use policy::spam::{Learner, Lesson};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Mailbox;
use tokio::sync::Notify;
use tracing::warn;
use types::{SequenceSet, Uid};

/// Ranges of messages that may wait to be learnt, of all deeds together: what people do in an hour of hard work, in a megabyte.
const RANGES_MAX: usize = 65_536;

/// Something somebody did with messages, that teaches something.
pub(crate) struct Deed {
    /// Who did it.
    pub(crate) learner: Learner,
    /// What there is to learn of it.
    pub(crate) lesson: Lesson,
    /// Where the messages lie now...
    pub(crate) mailbox: Arc<Mailbox>,
    /// ... and which they are.
    pub(crate) uids: SequenceSet,
}

/// Deeds that wait to be learnt from, oldest first.
#[derive(Default)]
pub(crate) struct Deeds {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Default)]
struct Waiting {
    deeds: VecDeque<(Deed, VecDeque<(u32, u32)>)>,
    ranges: usize,
}

/// One message to learn from.
pub(super) struct Next {
    pub(super) learner: Learner,
    pub(super) lesson: Lesson,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) uid: Uid,
}

impl Deeds {
    /// Notes a deed. Where far too many wait it teaches nothing, and the log says so.
    pub(crate) fn note(&self, deed: Deed) {
        let ranges: VecDeque<_> = deed.uids.ranges().iter().map(|range| (range.first, range.last)).collect();
        let mut waiting = self.lock();
        if waiting.ranges + ranges.len() > RANGES_MAX {
            drop(waiting);
            warn!(mailbox = %deed.mailbox.name(), messages = deed.uids.count(), "too much waits to be learnt; these messages are not learnt from");
            return;
        }
        waiting.ranges += ranges.len();
        waiting.deeds.push_back((deed, ranges));
        drop(waiting);
        self.news.notify_one();
    }

    /// The next message, which waits no more: if it makes its reader fail, the others have their turn.
    pub(super) fn next(&self) -> Option<Next> {
        let mut waiting = self.lock();
        loop {
            let (deed, ranges) = waiting.deeds.front_mut()?;
            let Some((first, last)) = ranges.front_mut() else {
                waiting.deeds.pop_front();
                continue;
            };
            let uid = Uid::new(*first);
            let next = uid.map(|uid| Next {
                learner: deed.learner,
                lesson: deed.lesson,
                mailbox: Arc::clone(&deed.mailbox),
                uid,
            });
            match *first < *last {
                true => *first += 1,
                false => {
                    ranges.pop_front();
                    waiting.ranges -= 1;
                }
            }
            if next.is_some() {
                return next;
            }
        }
    }

    /// Resolves when something was noted; for one listener.
    pub(super) async fn noted(&self) {
        self.news.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
