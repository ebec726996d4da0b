//! Searches whose results are kept up to date (CONTEXT=SEARCH, RFC 5267 section 4.3): when news are told, the messages they are
//! about are judged again.

use crate::imap::reply::{Answer, Refusal, Reply};
use crate::imap::session::{Selected, Session};
use proto::imap::Tag;
use proto::imap::command::MessageSet;
use proto::imap::search::SearchKey;
use proto::imap::write::{self, Code, ContextChange, Status};
use store::Changes;
use types::SequenceSet;

/// Searches one session may have kept up to date.
const CONTEXTS_MAX: usize = 10;

/// The searches of an open mailbox that are kept up to date.
#[derive(Default)]
pub(in crate::imap) struct Contexts {
    kept: Vec<Context>,
    /// Messages that are new or have changed since results were last told.
    changed: SequenceSet,
    /// The highest UID known when results were last told.
    highest: u32,
}

struct Context {
    /// The tag of its command.
    tag: Tag,
    /// Whether its results are told by UID.
    uid: bool,
    key: SearchKey,
    found: SequenceSet,
}

impl Session {
    /// Keeps the result of a search up to date from now on, unless there are too many of them.
    pub(super) fn keep_up_to_date(&mut self, tag: &Tag, uid: bool, key: SearchKey, found: &SequenceSet) {
        let Some(selected) = &mut self.selected else { return };
        let key = selected.pinned(key);
        let highest = selected.view.last_uid();
        let Contexts { kept: contexts, highest: known, .. } = &mut selected.contexts;
        contexts.retain(|context| context.tag != *tag);
        if contexts.len() >= CONTEXTS_MAX {
            let code = Code::NoUpdate(tag.clone());
            return write::untagged(
                &mut self.out,
                Status::No,
                Some(&code),
                "too many searches are kept up to date",
            );
        }
        if contexts.is_empty() {
            *known = highest;
        }
        contexts.push(Context { tag: tag.clone(), uid, key, found: found.clone() });
    }

    /// CANCELUPDATE (RFC 5267 section 4.3.4).
    pub(in crate::imap) fn cancel_update(&mut self, tags: &[String]) -> Answer {
        let Some(selected) = &mut self.selected else { return Err(Refusal::bad("open a mailbox first")) };
        let contexts = &mut selected.contexts.kept;
        let is_known = |tag: &String| contexts.iter().any(|context| context.tag.as_str() == tag);
        let all_known = tags.iter().all(is_known);
        contexts.retain(|context| !tags.iter().any(|tag| context.tag.as_str() == tag));
        match all_known {
            true => Reply::ok("not kept up to date any more"),
            false => Err(Refusal::No(None, "no search of that tag is kept up to date".into())),
        }
    }

    /// Judges again what changed and tells which messages came to results and which left them.
    pub(in crate::imap) async fn tell_context_changes(&mut self) -> Result<(), Refusal> {
        let Some(selected) = &mut self.selected else { return Ok(()) };
        let changed = std::mem::take(&mut selected.contexts.changed);
        if changed.is_empty() {
            return Ok(());
        }
        selected.contexts.highest = selected.view.last_uid();
        let mut contexts = std::mem::take(&mut selected.contexts.kept);
        for context in &mut contexts {
            let among = SearchKey::Uid(MessageSet::Numbers(changed.clone()));
            let now = self.find(&SearchKey::And(vec![among, context.key.clone()])).await?;
            let before = context.found.intersection(&changed);
            self.tell_context_change(context, ContextChange::Removed, &before.without(&now));
            self.tell_context_change(context, ContextChange::Added, &now.without(&before));
            context.found = union(&context.found.without(&changed), &now);
        }
        if let Some(selected) = &mut self.selected {
            selected.contexts.kept = contexts;
        }
        Ok(())
    }

    fn tell_context_change(&mut self, context: &Context, change: ContextChange, uids: &SequenceSet) {
        let Some(selected) = &self.selected else { return };
        let seqs = if context.uid { uids.clone() } else { selected.view.seqs_of(uids) };
        if !seqs.is_empty() {
            write::context_change(&mut self.out, &context.tag, context.uid, change, &seqs);
        }
    }
}

impl Selected {
    /// Takes in what is about to be told. Messages that are gone leave results at once, while their numbers still hold
    /// (RFC 5267 section 4.3.3).
    pub(in crate::imap) fn note_for_contexts(&mut self, out: &mut Vec<u8>, changes: &Changes) {
        if self.contexts.kept.is_empty() {
            return;
        }
        if !changes.vanished.is_empty() {
            let gone: Vec<(u32, u32)> =
                changes.vanished.iter().zip(changes.expunged.iter().rev().copied()).collect();
            self.contexts.remove(out, &changes.vanished, &gone);
        }
        let changed = changes.flags.iter().map(|(_, row)| (row.uid.get(), row.uid.get()));
        let new = changes.exists.map(|_| (self.contexts.highest.saturating_add(1), self.view.last_uid()));
        let new = new.filter(|(first, last)| first <= last);
        self.contexts.changed = union(&self.contexts.changed, &SequenceSet::from_ranges(changed.chain(new)));
    }

    /// The key with the messages that sequence numbers and `$` mean now, as they mean others later.
    fn pinned(&self, key: SearchKey) -> SearchKey {
        let pin = |key| self.pinned(key);
        match key {
            SearchKey::And(keys) => SearchKey::And(keys.into_iter().map(pin).collect()),
            SearchKey::Not(key) => SearchKey::Not(Box::new(pin(*key))),
            SearchKey::Or(either, or) => SearchKey::Or(Box::new(pin(*either)), Box::new(pin(*or))),
            SearchKey::Sequence(MessageSet::Numbers(seqs)) => {
                SearchKey::Uid(MessageSet::Numbers(self.view.uids_of(&seqs)))
            }
            SearchKey::Sequence(MessageSet::Saved) | SearchKey::Uid(MessageSet::Saved) => {
                SearchKey::Uid(MessageSet::Numbers(self.saved.clone()))
            }
            key => key,
        }
    }
}

impl Contexts {
    /// Whether something has to be judged again.
    pub(in crate::imap) fn have_news(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Takes messages that are gone out of all results; `gone` has their UIDs and the numbers they had, ascending.
    fn remove(&mut self, out: &mut Vec<u8>, vanished: &SequenceSet, gone: &[(u32, u32)]) {
        for context in &mut self.kept {
            let lost = gone.iter().filter(|(uid, _)| context.found.contains(*uid));
            let numbers = lost.map(|(uid, seq)| if context.uid { *uid } else { *seq });
            let numbers = SequenceSet::from_ranges(numbers.map(|number| (number, number)));
            if !numbers.is_empty() {
                write::context_change(out, &context.tag, context.uid, ContextChange::Removed, &numbers);
                context.found = context.found.without(vanished);
            }
        }
        self.changed = self.changed.without(vanished);
    }
}

fn union(a: &SequenceSet, b: &SequenceSet) -> SequenceSet {
    let both = a.ranges().iter().chain(b.ranges());
    SequenceSet::from_ranges(both.map(|range| (range.first, range.last)))
}
