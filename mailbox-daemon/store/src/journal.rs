//! What happened lately to any mailbox of any account, for sessions that want to hear of more than the one they look at.
//!
//! Nobody polls: who listens sleeps on one bell and reads on from where it was. Nothing is written down while nobody listens.

use crate::account::Acl;
use crate::bell::{Bell, Ring};
use crate::locked;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use types::{Address, MailboxName};

/// Events kept for listeners that were busy; one that missed more is told so.
pub const EVENTS_MAX: usize = 512;

/// Something that happened to a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxEvent {
    /// Whose mailbox it is.
    pub account: Address,
    /// What happened.
    pub change: MailboxChange,
}

/// What happened, under its owner's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxChange {
    /// Annotations were set or removed.
    Annotated {
        /// Of which mailbox; `None` for those of the account as a whole.
        mailbox: Option<MailboxName>,
        /// Who alone sees them; `None` is everybody.
        seen_by: Option<Address>,
        /// Their names.
        entries: Vec<String>,
    },
    /// It was made.
    Created(MailboxName),
    /// It was deleted.
    Deleted(MailboxName),
    /// Messages came, went, or changed their flags; however many.
    Messages(MailboxName),
    /// It was renamed, with all below it.
    Renamed {
        /// Its old name.
        from: MailboxName,
        /// Its new name.
        to: MailboxName,
    },
    /// Who may do what with it.
    Shared {
        /// Which mailbox.
        mailbox: MailboxName,
        /// Until now.
        before: Acl,
        /// From now on.
        after: Acl,
    },
    /// The name was subscribed to, or no more.
    Subscribed(MailboxName),
    /// What it is for.
    Use(MailboxName),
}

/// The journal of a store.
#[derive(Default)]
pub(crate) struct Journal {
    bell: Bell,
    listeners: AtomicUsize,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    /// Events ever noted.
    noted: u64,
    /// The number of the last that was dropped while somebody listened.
    lost: u64,
    /// The last of them, each with its number, ascending.
    events: VecDeque<(u64, MailboxEvent)>,
}

impl Journal {
    /// Writes down what happened. `event` is not called while nobody listens.
    pub(crate) fn note(&self, event: impl FnOnce() -> MailboxEvent) {
        if self.listeners.load(Ordering::Acquire) == 0 {
            return;
        }
        let event = event();
        {
            let mut log = locked(&self.log);
            // Many deliveries to one mailbox are one piece of news.
            if matches!(event.change, MailboxChange::Messages(_))
                && let Some(at) = log.events.iter().rposition(|(_, other)| *other == event)
            {
                log.events.remove(at);
            }
            log.noted += 1;
            let number = log.noted;
            log.events.push_back((number, event));
            if log.events.len() > EVENTS_MAX {
                log.lost = log.events.pop_front().map_or(0, |(number, _)| number);
            }
        }
        self.bell.ring();
    }
}

/// Hears of everything that happens from its beginning on.
pub struct Listener {
    journal: Arc<Journal>,
    /// The last event handed out.
    heard: u64,
    /// The bell's count before the last look.
    rung: u64,
}

/// More happened than is kept for those who are busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedTooMuch;

impl Listener {
    pub(crate) fn new(journal: &Arc<Journal>) -> Listener {
        journal.listeners.fetch_add(1, Ordering::AcqRel);
        let rung = journal.bell.generation();
        let heard = locked(&journal.log).noted;
        Listener { journal: Arc::clone(journal), heard, rung }
    }

    /// Resolves when there is something to hear.
    pub fn ring(&self) -> Ring {
        self.journal.bell.changed_since(self.rung)
    }

    /// What happened since the last call, oldest first.
    pub fn hear(&mut self) -> Result<Vec<MailboxEvent>, MissedTooMuch> {
        self.rung = self.journal.bell.generation();
        let log = locked(&self.journal.log);
        let (heard, lost) = (self.heard, log.lost);
        self.heard = log.noted;
        if heard < lost {
            return Err(MissedTooMuch);
        }
        let start = log.events.partition_point(|(number, _)| *number <= heard);
        Ok(log.events.range(start..).map(|(_, event)| event.clone()).collect())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.journal.listeners.fetch_sub(1, Ordering::AcqRel) == 1 {
            locked(&self.journal.log).events = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    fn event(change: MailboxChange) -> impl FnOnce() -> MailboxEvent {
        || MailboxEvent { account: Address::parse("ana@home.test").unwrap(), change }
    }

    fn name(text: &str) -> MailboxName {
        MailboxName::parse(text).unwrap()
    }

    fn rings(listener: &Listener) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(std::pin::pin!(listener.ring()).poll(&mut context), Poll::Ready(_))
    }

    #[test]
    fn listeners_hear_what_happens_from_their_beginning_on() {
        let journal = Arc::<Journal>::default();
        journal.note(|| unreachable!("nobody listens"));
        let mut first = Listener::new(&journal);
        let (came, made) = (MailboxChange::Messages(name("a")), MailboxChange::Created(name("b")));
        journal.note(event(came.clone()));
        let mut second = Listener::new(&journal);
        assert!(rings(&first) && !rings(&second));
        journal.note(event(made.clone()));
        journal.note(event(came.clone()));
        let changes = |listener: &mut Listener| -> Vec<MailboxChange> {
            listener.hear().unwrap().into_iter().map(|event| event.change).collect()
        };
        // The same mailbox twice is one piece of news, where it was last.
        assert_eq!(changes(&mut first), [made.clone(), came.clone()]);
        assert_eq!(changes(&mut second), [made, came]);
        assert!(!rings(&first) && changes(&mut first).is_empty());
        drop((first, second));
        assert!(locked(&journal.log).events.is_empty());
    }

    #[test]
    fn whoever_misses_too_much_is_told() {
        let journal = Arc::<Journal>::default();
        let mut busy = Listener::new(&journal);
        for number in 0..=EVENTS_MAX {
            journal.note(event(MailboxChange::Subscribed(name(&format!("m{number}")))));
        }
        assert_eq!(busy.hear(), Err(MissedTooMuch));
        assert_eq!(busy.hear(), Ok(Vec::new()));
        assert_eq!(locked(&journal.log).events.len(), EVENTS_MAX);
    }
}
