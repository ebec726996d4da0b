//! What a session's commands teach about spam. The messages are read later, so that no answer waits for it.

use super::session::Session;
use crate::disk;
use crate::spam::Deed;
use policy::spam::{Act, Learner, Role, lesson};
use std::sync::Arc;
use store::{Arrival, Mailbox, NewMessage};
use types::{Flags, Keyword, SequenceSet, Uid};

impl Session {
    /// Messages went from one mailbox to another.
    pub(super) fn taught_by_going(&self, source: &Mailbox, target: &Arc<Mailbox>, uids: &[Uid]) {
        let act = Act::Went { from: role_of(source), to: role_of(target) };
        self.teach(&act, target, || SequenceSet::from_ranges(uids.iter().map(|uid| (uid.get(), uid.get()))));
    }

    /// A message was appended.
    pub(super) fn taught_by_coming(&self, target: &Arc<Mailbox>, keywords: &[Keyword], uid: u32) {
        let act = Act::Came { to: role_of(target), keywords };
        self.teach(&act, target, || SequenceSet::from_ranges([(uid, uid)]));
    }

    /// Messages were marked.
    pub(super) fn taught_by_marking(
        &self,
        mailbox: &Arc<Mailbox>,
        flags: Flags,
        keywords: &[Keyword],
        uids: &SequenceSet,
    ) {
        // Most marks say that something was read, which teaches nothing wherever it lies.
        let may_teach = |lie_in| lesson(&Act::Marked { lie_in, flags, keywords }).is_some();
        if !uids.is_empty() && may_teach(Role::Inbox) {
            self.teach(&Act::Marked { lie_in: role_of(mailbox), flags, keywords }, mailbox, || uids.clone());
        }
    }

    /// Whoever is logged in learns: what others do in a shared mailbox says nothing about what its owner wants.
    fn teach(&self, act: &Act<'_>, mailbox: &Arc<Mailbox>, uids: impl FnOnce() -> SequenceSet) {
        let (Some(lesson), Ok(mail)) = (lesson(act), self.mail()) else { return };
        let learner = Learner::of(mail.address());
        self.host.deeds.note(Deed { learner, lesson }, mailbox, &uids());
    }
}

/// The keywords each of several messages comes with.
pub(super) fn keywords_of(messages: &[(NewMessage, Arrival)]) -> Vec<Vec<Keyword>> {
    messages.iter().map(|(_, arrival)| arrival.keywords.clone()).collect()
}

/// What a mailbox is for. Where that cannot be told it is one of many, which teaches least.
fn role_of(mailbox: &Mailbox) -> Role {
    let name = mailbox.name();
    let special_use = disk(|| mailbox.account().special_use(&name)).unwrap_or_default();
    Role::of(name.is_inbox(), special_use)
}
